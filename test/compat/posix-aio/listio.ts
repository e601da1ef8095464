import { readFileSync, writeSync } from "node:fs";
import {
  type aiocb,
  EAGAIN,
  EBADF,
  ECANCELED,
  EFBIG,
  EINPROGRESS,
  EINTR,
  EINVAL,
  EIO,
  EOVERFLOW,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  LIO_WAIT,
  LIO_WRITE,
} from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";
import { limitedFileSize, signalOften } from "./child.ts";
import type { Fixture } from "./fixture.ts";
import { NO_LIMIT, NO_MAXIMUM } from "./read.ts";

const WRITES = { aio_lio_opcode: LIO_WRITE };

/** A list with a read that works and one of a descriptor that cannot be read. */
function oneOfTwo(fixture: Fixture) {
  const bad = fixture.read(fixture.file("text", "a"), 4);
  const good = fixture.read(fixture.file("text"), 4);
  return { bad, good, list: [bad, good] };
}

/** The first half of the assertions: what lio_listio does. */
const BEHAVIOR: readonly Assertion[] = [
  {
    id: "lio_listio 1",
    says: "with LIO_WAIT, returns when all are done, and ignores sig",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("0123456789");
      let told = 0;
      const sig = fixture.told(() => told++);
      const list = [
        fixture.read(fd, 4),
        fixture.write(fd, "ab", { ...WRITES, aio_offset: 10 }),
        fixture.read(fd, 3, { aio_offset: 4 }),
      ];
      aio.lio_listio(LIO_WAIT, list, 3, sig);
      const statuses = list.map((block) => aio.aio_error(block));
      await fixture.pause();
      return { statuses, told };
    },
    expected: { statuses: [0, 0, 0], told: 0 },
  },
  {
    id: "lio_listio 2",
    says: "with LIO_NOWAIT, returns when all are queued",
    observe(fixture) {
      const { aio } = fixture;
      const list = [fixture.read(fixture.pipe().read, 1), fixture.read(fixture.pipe().read, 1)];
      const returned = aio.lio_listio(LIO_NOWAIT, list, 2, null);
      return { returned, statuses: list.map((block) => aio.aio_error(block)) };
    },
    expected: { returned: 0, statuses: [EINPROGRESS, EINPROGRESS] },
  },
  {
    id: "lio_listio 3",
    says: "with LIO_NOWAIT, tells once, as sig says, when all are done",
    async observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const told: unknown[] = [];
      const list = [fixture.read(fixture.file("text"), 4), fixture.read(pipe.read, 1)];
      aio.lio_listio(
        LIO_NOWAIT,
        list,
        2,
        fixture.told((value) => told.push(value), "all"),
      );
      await fixture.done(list[0] as (typeof list)[0]);
      await fixture.pause();
      const early = told.length;
      writeSync(pipe.write, "x");
      await fixture.until(() => told.length > 0);
      await fixture.pause();
      return { early, told, statuses: list.map((block) => aio.aio_error(block)) };
    },
    expected: { early: 0, told: ["all"], statuses: [0, 0] },
  },
  {
    id: "lio_listio 4",
    says: "ignores NULL entries",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4);
      const returned = aio.lio_listio(LIO_WAIT, [null, block, null], 3, null);
      return {
        returned,
        none: aio.lio_listio(LIO_WAIT, [null], 1, null),
        result: aio.aio_return(block),
      };
    },
    expected: { returned: 0, none: 0, result: 4 },
  },
  {
    id: "lio_listio 5",
    says: "an entry with another opcode fails, and the others do not",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("text");
      const bad = fixture.read(fd, 4, { aio_lio_opcode: 99 });
      const good = fixture.read(fd, 4);
      const returned = aio.lio_listio(LIO_WAIT, [bad, good], 2, null);
      return { returned, bad: aio.aio_error(bad), good: aio.aio_error(good) };
    },
    expected: { returned: -1, bad: EINVAL, good: 0 },
  },
  {
    id: "lio_listio 6",
    says: "LIO_READ, LIO_WRITE and LIO_NOP are three opcodes",
    observe: () => ({ distinct: new Set([LIO_READ, LIO_WRITE, LIO_NOP]).size }),
    expected: { distinct: 3 },
  },
  {
    id: "lio_listio 7",
    says: "ignores LIO_NOP entries",
    observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("text");
      const nop = fixture.read(fd, 4, { aio_lio_opcode: LIO_NOP });
      const returned = aio.lio_listio(LIO_WAIT, [nop, fixture.read(fd, 4)], 2, null);
      return { returned, untouched: nop.aio_buf.equals(Buffer.alloc(4)) };
    },
    expected: { returned: 0, untouched: true },
  },
  {
    id: "lio_listio 8",
    says: "LIO_READ does what aio_read does",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("0123456789"), 3, { aio_offset: 2 });
      aio.lio_listio(LIO_WAIT, [block], 1, null);
      return { result: aio.aio_return(block), bytes: block.aio_buf.toString() };
    },
    expected: { result: 3, bytes: "234" },
  },
  {
    id: "lio_listio 9",
    says: "LIO_WRITE does what aio_write does",
    observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("..........");
      const block = fixture.write(fd, "abc", { ...WRITES, aio_offset: 2 });
      aio.lio_listio(LIO_WAIT, [block], 1, null);
      return { result: aio.aio_return(block), text: readFileSync(fd, "latin1") };
    },
    expected: { result: 3, text: "..abc....." },
  },
  {
    id: "lio_listio 10",
    says: "with LIO_NOWAIT, returns 0 when all are queued, also where they fail later",
    async observe(fixture) {
      const { aio } = fixture;
      const good = fixture.read(fixture.file("text"), 4);
      const directory = fixture.read(fixture.directory(), 4);
      const returned = aio.lio_listio(LIO_NOWAIT, [good, directory], 2, null);
      await fixture.done(good, directory);
      return { returned, failed: aio.aio_error(directory) !== 0 };
    },
    expected: { returned: 0, failed: true },
  },
  {
    id: "lio_listio 11",
    says: "with LIO_NOWAIT, returns -1 and sets errno when not all are queued",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4, { aio_reqprio: -1 });
      aio.errno = 0;
      return { returned: aio.lio_listio(LIO_NOWAIT, [block], 1, null), set: aio.errno !== 0 };
    },
    expected: { returned: -1, set: true },
  },
  {
    id: "lio_listio 12",
    says: "with LIO_WAIT, returns 0 when all have succeeded",
    observe(fixture) {
      const list = [
        fixture.read(fixture.file("text"), 4),
        fixture.write(fixture.file(), "x", WRITES),
      ];
      return { returned: fixture.aio.lio_listio(LIO_WAIT, list, 2, null) };
    },
    expected: { returned: 0 },
  },
  {
    id: "lio_listio 13",
    says: "with LIO_WAIT, returns -1 with EIO when one has failed",
    observe(fixture) {
      const { aio } = fixture;
      const { list } = oneOfTwo(fixture);
      return { returned: aio.lio_listio(LIO_WAIT, list, 2, null), errno: aio.errno };
    },
    expected: { returned: -1, errno: EIO },
  },
];

/** The other half: what goes wrong. */
const ERRORS: readonly Assertion[] = [
  {
    id: "lio_listio 14",
    says: "one that fails does not keep the others from being done",
    observe(fixture) {
      const { aio } = fixture;
      const { bad, good, list } = oneOfTwo(fixture);
      aio.lio_listio(LIO_WAIT, list, 2, null);
      return { bad: aio.aio_error(bad), good: aio.aio_error(good), result: aio.aio_return(good) };
    },
    expected: { bad: EBADF, good: 0, result: 4 },
  },
  {
    id: "lio_listio 15",
    says: "the statuses are those of aio_read and aio_write",
    async observe(fixture) {
      const { aio } = fixture;
      const opened = ["a", "r+", "r+"].map((flags) => fixture.file("text", flags));
      const fields = [{}, { aio_offset: -1 }, { aio_offset: 2 }];
      const blocks = () => opened.map((fd, i) => fixture.read(fd, 4, fields[i] as Partial<object>));
      const listed = blocks();
      aio.lio_listio(LIO_WAIT, listed, 3, null);
      const single: number[] = [];
      for (const block of blocks()) {
        single.push(await fixture.errorOf(aio, aio.aio_read(block), block));
      }
      return { listed: listed.map((block) => aio.aio_error(block)), single };
    },
    expected: { listed: [EBADF, EINVAL, 0], single: [EBADF, EINVAL, 0] },
  },
  {
    id: "lio_listio 16",
    says: "fails with EAGAIN when there are no resources for all; the statuses tell which",
    observe(fixture) {
      const aio = fixture.limited({ aioMax: 2, aioListioMax: 8 });
      const pipe = fixture.pipe();
      const list = [1, 2, 3].map(() => fixture.read(pipe.read, 1));
      const returned = aio.lio_listio(LIO_NOWAIT, list, 3, null);
      const { errno } = aio;
      return { returned, errno, statuses: list.map((block) => aio.aio_error(block)) };
    },
    expected: { returned: -1, errno: EAGAIN, statuses: [EINPROGRESS, EINPROGRESS, EAGAIN] },
    glibc: NO_LIMIT,
  },
  {
    id: "lio_listio 17",
    says: "fails with EAGAIN when there would be more than AIO_MAX",
    observe(fixture) {
      const aio = fixture.limited({ aioMax: 4 });
      const pipe = fixture.pipe();
      for (let i = 0; i < 3; i++) aio.aio_read(fixture.read(pipe.read, 1));
      const list = [1, 2].map(() => fixture.read(pipe.read, 1));
      return { returned: aio.lio_listio(LIO_NOWAIT, list, 2, null), errno: aio.errno };
    },
    expected: { returned: -1, errno: EAGAIN },
    glibc: NO_LIMIT,
  },
  {
    id: "lio_listio 18",
    says: "fails with EINVAL for another mode, and for more entries than AIO_LISTIO_MAX",
    observe(fixture) {
      const { aio } = fixture;
      const list = new Array(aio.limits.aioListioMax + 1).fill(null);
      const mode = aio.lio_listio(7, [], 0, null);
      const first = aio.errno;
      aio.errno = 0;
      const entries = aio.lio_listio(LIO_WAIT, list, list.length, null);
      return { mode, first, entries, second: aio.errno };
    },
    expected: { mode: -1, first: EINVAL, entries: -1, second: EINVAL },
  },
  {
    id: "lio_listio 19",
    says: "with LIO_WAIT, fails with EINTR when a signal comes; the operations go on",
    async observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const block = fixture.read(pipe.read, 1);
      const ignore = (): void => {};
      process.on("SIGWINCH", ignore);
      const signals = signalOften("WINCH");
      // Where nothing interrupts it, it ends all the same.
      const late = fixture.writeLater(pipe.write, "x");
      const returned = aio.lio_listio(LIO_WAIT, [block], 1, null);
      const { errno } = aio;
      signals.stop();
      process.off("SIGWINCH", ignore);
      const status = aio.aio_error(block);
      await late;
      await fixture.done(block);
      return { returned, errno: returned === 0 ? 0 : errno, status, end: aio.aio_return(block) };
    },
    expected: { returned: -1, errno: EINTR, status: EINPROGRESS, end: 1 },
    glibc: {
      observed: { returned: 0, errno: 0, status: 0, end: 1 },
      why: "sleeps without a time limit, which Linux takes up again after a handler of libuv's",
    },
  },
  {
    id: "lio_listio 20",
    says: "fails with anything but EAGAIN, EINTR and EIO: nothing was started",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4);
      const returned = aio.lio_listio(7, [block], 1, null);
      await fixture.pause();
      return { returned, untouched: block.aio_buf.equals(Buffer.alloc(4)) };
    },
    expected: { returned: -1, untouched: true },
  },
  {
    id: "lio_listio 21",
    says: "what was not queued has the status EAGAIN",
    observe(fixture) {
      const aio = fixture.limited({ aioMax: 1, aioListioMax: 8 });
      const pipe = fixture.pipe();
      const list = [fixture.read(pipe.read, 1), fixture.read(pipe.read, 1)];
      aio.lio_listio(LIO_NOWAIT, list, 2, null);
      const [, second] = list as readonly aiocb[] as [aiocb, aiocb];
      return { status: aio.aio_error(second), result: aio.aio_return(second) };
    },
    expected: { status: EAGAIN, result: -1 },
    glibc: NO_LIMIT,
  },
  {
    id: "lio_listio 22",
    says: "what was canceled has the status ECANCELED",
    observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const list = [fixture.read(pipe.read, 1), fixture.read(pipe.read, 1)];
      aio.lio_listio(LIO_NOWAIT, list, 2, null);
      const [first, second] = list as readonly aiocb[] as [aiocb, aiocb];
      aio.aio_cancel(pipe.read, second);
      return { first: aio.aio_error(first), second: aio.aio_error(second) };
    },
    expected: { first: EINPROGRESS, second: ECANCELED },
  },
  {
    id: "lio_listio 23",
    says: "a write at the offset maximum has the status EFBIG",
    async observe(fixture) {
      if (fixture.implementation === "glibc") return limitedFileSize(fixture, "lio_listio");
      const aio = fixture.limited({ offsetMaximum: 1024 });
      const at = { ...WRITES, aio_offset: 1024 };
      const list = [
        fixture.write(fixture.file(), "text", at),
        fixture.write(fixture.file(), "", at),
      ];
      aio.lio_listio(LIO_WAIT, list, 2, null);
      const [error, nothing] = list.map((block) => aio.aio_error(block));
      return { error, nothing };
    },
    expected: { error: EFBIG, nothing: 0 },
  },
  {
    id: "lio_listio 24",
    says: "what is not done has the status EINPROGRESS",
    observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.pipe().read, 1);
      aio.lio_listio(LIO_NOWAIT, [block], 1, null);
      return { status: aio.aio_error(block) };
    },
    expected: { status: EINPROGRESS },
  },
  {
    id: "lio_listio 25",
    says: "a read at the offset maximum, where the file goes on, has the status EOVERFLOW",
    observe(fixture) {
      const aio = fixture.limited({ offsetMaximum: 1000 });
      const block = fixture.read(fixture.file(Buffer.alloc(4096)), 4, { aio_offset: 1000 });
      const returned = aio.lio_listio(LIO_WAIT, [block], 1, null);
      return { returned, status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { returned: -1, status: EOVERFLOW, result: -1 },
    glibc: NO_MAXIMUM,
  },
];

/** lio_listio, assertion by assertion. */
export const LISTIO: readonly Assertion[] = [...BEHAVIOR, ...ERRORS];
