import { openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import {
  EAGAIN,
  EBADF,
  ECANCELED,
  EINVAL,
  EOVERFLOW,
  LIO_NOWAIT,
  LIO_WRITE,
} from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";

/** No file that glibc can be given has bytes at its offset maximum. */
export const NO_MAXIMUM = {
  notApplicable: "the offset maximum is 2^63 - 1, and no file goes on there",
} as const;

/** Why glibc never says EAGAIN. */
export const NO_LIMIT = {
  notApplicable: "there is no limit but memory: sysconf(_SC_AIO_MAX) is -1",
} as const;

/** aio_read, assertion by assertion. */
export const READ: readonly Assertion[] = [
  {
    id: "aio_read 1",
    says: "reads as many bytes as aio_nbytes says, into aio_buf",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("0123456789"), 64, { aio_nbytes: 7 });
      aio.aio_read(block);
      await fixture.done(block);
      return { result: aio.aio_return(block), bytes: block.aio_buf.toString("latin1", 0, 8) };
    },
    expected: { result: 7, bytes: "0123456\0" },
  },
  {
    id: "aio_read 2",
    says: "of what waits, a higher priority (a lower aio_reqprio) comes first",
    async observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const busy = fixture.read(pipe.read, 1);
      aio.aio_read(busy);
      await fixture.pause();
      const low = fixture.read(pipe.read, 1, { aio_reqprio: 10 });
      const middle = fixture.read(pipe.read, 1, { aio_reqprio: 5 });
      const high = fixture.read(pipe.read, 1, { aio_reqprio: 0 });
      for (const block of [low, middle, high]) aio.aio_read(block);
      for (const [byte, block] of [
        ["1", busy],
        ["2", high],
        ["3", middle],
        ["4", low],
      ] as const) {
        writeSync(pipe.write, byte);
        await fixture.done(block);
      }
      return { order: [busy, high, middle, low].map(({ aio_buf }) => aio_buf.toString()).join("") };
    },
    expected: { order: "1234" },
  },
  {
    id: "aio_read 3",
    says: "its control block serves aio_error and aio_return, at the end of the file too",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("0123456789");
      const blocks = [
        fixture.read(fd, 10),
        fixture.read(fd, 64),
        fixture.read(fd, 4, { aio_offset: 10 }),
      ];
      for (const block of blocks) aio.aio_read(block);
      await fixture.done(...blocks);
      return {
        statuses: blocks.map((block) => aio.aio_error(block)),
        results: blocks.map((block) => aio.aio_return(block)),
      };
    },
    expected: { statuses: [0, 0, 0], results: [10, 10, 0] },
  },
  {
    id: "aio_read 4",
    says: "reads at aio_offset, wherever the file position is",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("0123456789");
      writeSync(fd, "01");
      const far = fixture.file();
      writeSync(far, "far", 5 * 2 ** 30);
      const near = fixture.read(fd, 3, { aio_offset: 4 });
      const beyond = fixture.read(far, 3, { aio_offset: 5 * 2 ** 30 });
      aio.aio_read(near);
      aio.aio_read(beyond);
      await fixture.done(near, beyond);
      return { near: near.aio_buf.toString(), far: beyond.aio_buf.toString() };
    },
    expected: { near: "456", far: "far" },
  },
  {
    id: "aio_read 5",
    says: "ignores aio_lio_opcode",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4, { aio_lio_opcode: LIO_WRITE });
      aio.aio_read(block);
      await fixture.done(block);
      return { result: aio.aio_return(block), bytes: block.aio_buf.toString() };
    },
    expected: { result: 4, bytes: "text" },
  },
  {
    id: "aio_read 6",
    says: "transfers nothing beyond the offset maximum",
    async observe(fixture) {
      const aio = fixture.limited({ offsetMaximum: 4096 });
      const block = fixture.read(fixture.file(Buffer.alloc(8192, "x")), 64, { aio_offset: 4086 });
      aio.aio_read(block);
      await fixture.doneOn(aio, block);
      return { result: aio.aio_return(block), bytes: block.aio_buf.toString("latin1", 0, 11) };
    },
    expected: { result: 10, bytes: `${"x".repeat(10)}\0` },
    glibc: NO_MAXIMUM,
  },
  {
    id: "aio_read 7",
    says: "returns 0 when the operation is queued",
    observe(fixture) {
      return { returned: fixture.aio.aio_read(fixture.read(fixture.file("text"))) };
    },
    expected: { returned: 0 },
  },
  {
    id: "aio_read 8",
    says: "otherwise returns -1 and sets errno",
    observe(fixture) {
      const { aio } = fixture;
      aio.errno = 0;
      const returned = aio.aio_read(fixture.read(fixture.file(), 1, { aio_reqprio: -1 }));
      return { returned, set: aio.errno !== 0 };
    },
    expected: { returned: -1, set: true },
  },
  {
    id: "aio_read 9",
    says: "fails with EAGAIN when there are no resources to queue it",
    observe(fixture) {
      const aio = fixture.limited({ aioMax: 2 });
      const pipe = fixture.pipe();
      const returned = [1, 2, 3].map(() => aio.aio_read(fixture.read(pipe.read, 1)));
      return { returned, errno: aio.errno };
    },
    expected: { returned: [0, 0, -1], errno: EAGAIN },
    glibc: NO_LIMIT,
  },
  {
    id: "aio_read 10",
    says: "fails, or ends, with EBADF for a descriptor that cannot be read",
    async observe(fixture) {
      const { aio } = fixture;
      const writeOnly = fixture.file("text", "a");
      const closed = fixture.file();
      fixture.close(closed);
      const errors: number[] = [];
      for (const fd of [-1, closed, writeOnly]) {
        const block = fixture.read(fd, 4);
        errors.push(await fixture.errorOf(aio, aio.aio_read(block), block));
      }
      return { errors };
    },
    expected: { errors: [EBADF, EBADF, EBADF] },
  },
  {
    id: "aio_read 11",
    says: "fails, or ends, with EINVAL for an offset or a priority that cannot be",
    async observe(fixture) {
      const { aio } = fixture;
      const errors: number[] = [];
      for (const field of [{ aio_offset: -1 }, { aio_reqprio: -1 }, { aio_reqprio: 21 }]) {
        const block = fixture.read(fixture.file("text"), 4, field);
        errors.push(await fixture.errorOf(aio, aio.aio_read(block), block));
      }
      return { errors };
    },
    expected: { errors: [EINVAL, EINVAL, EINVAL] },
  },
  {
    id: "aio_read 12",
    says: "a read that was queued ends with the status EBADF where the descriptor cannot be read",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text", "a"), 4);
      aio.lio_listio(LIO_NOWAIT, [block], 1, null);
      await fixture.done(block);
      return { status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { status: EBADF, result: -1 },
  },
  {
    id: "aio_read 13",
    says: "a read that was canceled has the status ECANCELED",
    observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const block = fixture.read(pipe.read, 1);
      aio.aio_read(fixture.read(pipe.read, 1));
      aio.aio_read(block);
      aio.aio_cancel(pipe.read, block);
      return { status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { status: ECANCELED, result: -1 },
  },
  {
    id: "aio_read 14",
    says: "a read that was queued ends with the status EINVAL where its offset cannot be",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4, { aio_offset: -1 });
      aio.lio_listio(LIO_NOWAIT, [block], 1, null);
      await fixture.done(block);
      return { status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { status: EINVAL, result: -1 },
  },
  {
    id: "aio_read 15",
    says: "fails, or ends, with EOVERFLOW at the offset maximum where the file goes on there",
    async observe(fixture) {
      const aio = fixture.limited({ offsetMaximum: 1000 });
      const path = fixture.path();
      writeFileSync(path, "x");
      const errors: number[] = [];
      // A file of one byte has ended before; no bytes can be read anywhere.
      for (const [size, length] of [
        [4096, 4],
        [1, 4],
        [4096, 0],
      ] as const) {
        truncateSync(path, size);
        const fd = fixture.keep(openSync(path, "r"));
        const block = fixture.read(fd, 4, { aio_offset: 1000, aio_nbytes: length });
        errors.push(await fixture.errorOf(aio, aio.aio_read(block), block));
      }
      return { errors };
    },
    expected: { errors: [EOVERFLOW, 0, 0] },
    glibc: NO_MAXIMUM,
  },
];
