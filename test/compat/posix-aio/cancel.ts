import { writeSync } from "node:fs";
import {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  type aiocb,
  EBADF,
  ECANCELED,
  EINPROGRESS,
} from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";
import type { Fixture, Stuck } from "./fixture.ts";

/** Three reads of an empty pipe: one has the pipe, two wait for their turn. */
function threeReads(fixture: Fixture, fields: Partial<aiocb> = {}) {
  const pipe = fixture.pipe();
  const one = (): aiocb => fixture.read(pipe.read, 1, fields);
  const [first, second, third] = [one(), one(), one()];
  for (const block of [first, second, third]) fixture.aio.aio_read(block);
  return { pipe, first, second, third };
}

/**
 * Tries to cancel what cannot be canceled. On a busy machine it may not have begun yet, or may end
 * before its status is looked at, which are other cases: then it tries again.
 */
async function refused<T extends { readonly returned: number; readonly status?: number }>(
  fixture: Fixture,
  attempt: (stuck: Stuck) => T,
): Promise<T & { readonly end: number }> {
  for (let round = 0; ; round++) {
    const stuck = await fixture.stuck();
    const seen = attempt(stuck);
    stuck.release();
    await fixture.done(stuck.block);
    const end = fixture.aio.aio_error(stuck.block);
    const runs = seen.returned === AIO_NOTCANCELED && (seen.status ?? EINPROGRESS) === EINPROGRESS;
    if (runs || round === 50) return { ...seen, end };
  }
}

/** aio_cancel, assertion by assertion. */
export const CANCEL: readonly Assertion[] = [
  {
    id: "aio_cancel 1",
    says: "attempts to cancel the operation of a control block",
    async observe(fixture) {
      const { aio } = fixture;
      const { pipe, first, second } = threeReads(fixture);
      const returned = aio.aio_cancel(pipe.read, second);
      return { returned, status: aio.aio_error(second), first: aio.aio_error(first) };
    },
    expected: { returned: AIO_CANCELED, status: ECANCELED, first: EINPROGRESS },
  },
  {
    id: "aio_cancel 2",
    says: "with NULL, cancels all of a descriptor that can be canceled, and none of another",
    async observe(fixture) {
      const { aio } = fixture;
      const { pipe, second, third } = threeReads(fixture);
      const elsewhere = fixture.read(fixture.pipe().read, 1);
      aio.aio_read(elsewhere);
      aio.aio_cancel(pipe.read, null);
      const status = (block: aiocb): number => aio.aio_error(block);
      return { waiting: [status(second), status(third)], elsewhere: status(elsewhere) };
    },
    expected: { waiting: [ECANCELED, ECANCELED], elsewhere: EINPROGRESS },
  },
  {
    id: "aio_cancel 3",
    says: "what is canceled is told of as any other end",
    async observe(fixture) {
      const { aio } = fixture;
      const told: string[] = [];
      const pipe = fixture.pipe();
      const first = fixture.read(pipe.read, 1);
      aio.aio_read(first);
      const names = ["second", "third"];
      const blocks = names.map((name) =>
        fixture.read(pipe.read, 1, { aio_sigevent: fixture.told(() => told.push(name)) }),
      );
      for (const block of blocks) aio.aio_read(block);
      for (const block of blocks) aio.aio_cancel(pipe.read, block);
      await fixture.until(() => told.length >= 2);
      await fixture.pause();
      return { told: told.sort() };
    },
    expected: { told: ["second", "third"] },
  },
  {
    id: "aio_cancel 4",
    says: "what is canceled has the error status ECANCELED and the result -1",
    observe(fixture) {
      const { aio } = fixture;
      const { pipe, second } = threeReads(fixture);
      aio.aio_cancel(pipe.read, second);
      return { status: aio.aio_error(second), result: aio.aio_return(second) };
    },
    expected: { status: ECANCELED, result: -1 },
  },
  {
    id: "aio_cancel 5",
    says: "what is not canceled keeps its control block as it is, and ends as if nothing had been",
    async observe(fixture) {
      const { aio } = fixture;
      const { status, same, end } = await refused(fixture, ({ fd, block }) => {
        const before = JSON.stringify({ ...block });
        const returned = aio.aio_cancel(fd, block);
        const same = before === JSON.stringify({ ...block });
        return { returned, status: aio.aio_error(block), same };
      });
      return { status, same, end };
    },
    expected: { status: EINPROGRESS, same: true, end: 0 },
  },
  {
    id: "aio_cancel 6",
    says: "returns AIO_CANCELED when what was asked for was canceled; others go on",
    async observe(fixture) {
      const { aio } = fixture;
      const { pipe, first, second, third } = threeReads(fixture);
      const returned = aio.aio_cancel(pipe.read, third);
      const others = [aio.aio_error(first), aio.aio_error(second)];
      writeSync(pipe.write, "ab");
      await fixture.done(first, second);
      return { returned, others, later: [aio.aio_return(first), aio.aio_return(second)] };
    },
    expected: { returned: AIO_CANCELED, others: [EINPROGRESS, EINPROGRESS], later: [1, 1] },
  },
  {
    id: "aio_cancel 7",
    says: "returns AIO_NOTCANCELED when one of them is in progress and cannot be canceled",
    async observe(fixture) {
      const { aio } = fixture;
      const { returned, status } = await refused(fixture, ({ fd, block }) => {
        return { returned: aio.aio_cancel(fd, null), status: aio.aio_error(block) };
      });
      return { returned, status };
    },
    expected: { returned: AIO_NOTCANCELED, status: EINPROGRESS },
  },
  {
    id: "aio_cancel 8",
    says: "returns AIO_ALLDONE when everything had completed",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("text");
      const block = fixture.read(fd, 4);
      aio.aio_read(block);
      await fixture.done(block);
      const one = aio.aio_cancel(fd, block);
      return { one, all: aio.aio_cancel(fd, null), status: aio.aio_error(block) };
    },
    expected: { one: AIO_ALLDONE, all: AIO_ALLDONE, status: 0 },
  },
  {
    id: "aio_cancel 9",
    says: "otherwise returns -1 and sets errno",
    observe({ aio }) {
      aio.errno = 0;
      return { returned: aio.aio_cancel(-1, null), set: aio.errno !== 0 };
    },
    expected: { returned: -1, set: true },
  },
  {
    id: "aio_cancel 10",
    says: "fails with EBADF for what is no descriptor",
    observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file();
      fixture.close(fd);
      aio.aio_cancel(fd, null);
      return { errno: aio.errno };
    },
    expected: { errno: EBADF },
  },
];
