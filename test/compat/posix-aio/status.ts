import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { EINPROGRESS, EINVAL } from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";

const { errno } = constants;

/** aio_error, assertion by assertion. */
export const ERROR: readonly Assertion[] = [
  {
    id: "aio_error 1",
    says: "tells 0 for what has succeeded, and the error of what has failed",
    async observe(fixture) {
      const { aio } = fixture;
      const good = fixture.write(fixture.file(), "text");
      const pipe = fixture.pipe();
      // Nobody can read any more. Node ignores SIGPIPE.
      fixture.close(pipe.read);
      const bad = fixture.write(pipe.write, "text");
      aio.aio_write(good);
      aio.aio_write(bad);
      await fixture.done(good, bad);
      return { good: aio.aio_error(good), bad: aio.aio_error(bad) };
    },
    expected: { good: 0, bad: errno.EPIPE },
  },
  {
    id: "aio_error 2",
    says: "tells EINPROGRESS for what is not done",
    observe(fixture) {
      const block = fixture.read(fixture.pipe().read, 1);
      fixture.aio.aio_read(block);
      return { status: fixture.aio.aio_error(block) };
    },
    expected: { status: EINPROGRESS },
  },
  {
    id: "aio_error 3",
    says: "fails with EINVAL for a control block that has no result to collect",
    observe(fixture) {
      const { aio } = fixture;
      aio.errno = 0;
      return { returned: aio.aio_error(fixture.read(fixture.file())), errno: aio.errno };
    },
    expected: { returned: -1, errno: EINVAL },
    glibc: {
      observed: { returned: 0, errno: 0 },
      why: "looks at nothing but the status in the control block, which is 0 in zeroed memory",
    },
  },
];

/** aio_return, assertion by assertion. */
export const RETURN: readonly Assertion[] = [
  {
    id: "aio_return 1",
    says: "returns what read, write or fsync would have returned",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("0123456789");
      const read = fixture.read(fd, 6);
      const write = fixture.write(fd, "abc", { aio_offset: 20 });
      const sync = fixture.sync(fd);
      aio.aio_read(read);
      aio.aio_write(write);
      aio.aio_fsync(0o4010000, sync);
      await fixture.done(read, write, sync);
      return { results: [read, write, sync].map((block) => aio.aio_return(block)) };
    },
    expected: { results: [6, 3, 0] },
  },
  {
    id: "aio_return 2",
    says: "gives a result once; another call fails",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4);
      aio.aio_read(block);
      await fixture.done(block);
      const first = aio.aio_return(block);
      aio.errno = 0;
      return { first, second: aio.aio_return(block), errno: aio.errno };
    },
    expected: { first: 4, second: -1, errno: EINVAL },
    glibc: {
      observed: { first: 4, second: 4, errno: 0 },
      why: "returns what is in the control block, however often",
    },
  },
  {
    id: "aio_return 3",
    says: "a control block that is used again has a result again",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("0123456789");
      const block = fixture.read(fd, 4);
      const results: number[] = [];
      for (const length of [4, 2, 3]) {
        block.aio_nbytes = length;
        aio.aio_read(block);
        await fixture.done(block);
        results.push(aio.aio_return(block));
      }
      return { results };
    },
    expected: { results: [4, 2, 3] },
  },
  {
    id: "aio_return 4",
    says: "fails with EINVAL for a control block that was never submitted",
    observe(fixture) {
      const { aio } = fixture;
      const fd = openSync(fixture.path(), "w");
      aio.errno = 0;
      const returned = aio.aio_return(fixture.write(fd, "text"));
      closeSync(fd);
      return { returned, errno: aio.errno };
    },
    expected: { returned: -1, errno: EINVAL },
    glibc: {
      observed: { returned: 0, errno: 0 },
      why: "returns what is in the control block, which is 0 in zeroed memory",
    },
  },
];
