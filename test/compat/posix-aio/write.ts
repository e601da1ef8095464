import { openSync, readFileSync, writeSync } from "node:fs";
import {
  EAGAIN,
  EBADF,
  ECANCELED,
  EFBIG,
  EINVAL,
  LIO_NOWAIT,
  LIO_READ,
} from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";
import { limitedFileSize } from "./child.ts";
import { NO_LIMIT, NO_MAXIMUM } from "./read.ts";

/** aio_write, assertion by assertion. */
export const WRITE: readonly Assertion[] = [
  {
    id: "aio_write 1",
    says: "writes aio_nbytes bytes at aio_offset, wherever the file position is",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file("..........");
      const block = fixture.write(fd, "abcdef", { aio_offset: 3, aio_nbytes: 4 });
      aio.aio_write(block);
      await fixture.done(block);
      return { result: aio.aio_return(block), text: readFileSync(fd, "latin1") };
    },
    expected: { result: 4, text: "...abcd..." },
  },
  {
    id: "aio_write 2",
    says: "with O_APPEND, writes go to the end of the file in the order of the calls",
    async observe(fixture) {
      const { aio } = fixture;
      const path = fixture.path();
      const fd = fixture.keep(openSync(path, "a"));
      const texts = Array.from({ length: 40 }, (_, i) => `${i}.`);
      const blocks = texts.map((text) => fixture.write(fd, text, { aio_offset: 1 }));
      for (const block of blocks) aio.aio_write(block);
      await fixture.done(...blocks);
      return { inOrder: readFileSync(path, "latin1") === texts.join("") };
    },
    expected: { inOrder: true },
  },
  {
    id: "aio_write 3",
    says: "ignores aio_lio_opcode",
    async observe(fixture) {
      const { aio } = fixture;
      const fd = fixture.file();
      const block = fixture.write(fd, "text", { aio_lio_opcode: LIO_READ });
      aio.aio_write(block);
      await fixture.done(block);
      return { result: aio.aio_return(block), text: readFileSync(fd, "latin1") };
    },
    expected: { result: 4, text: "text" },
  },
  {
    id: "aio_write 4",
    says: "transfers nothing beyond the offset maximum",
    async observe(fixture) {
      const aio = fixture.limited({ offsetMaximum: 10 });
      const fd = fixture.file();
      const block = fixture.write(fd, "abcdef", { aio_offset: 7 });
      aio.aio_write(block);
      await fixture.doneOn(aio, block);
      return { result: aio.aio_return(block), text: readFileSync(fd, "latin1") };
    },
    expected: { result: 3, text: "\0\0\0\0\0\0\0abc" },
    glibc: NO_MAXIMUM,
  },
  {
    id: "aio_write 5",
    says: "returns 0 when the operation is queued",
    observe(fixture) {
      return { returned: fixture.aio.aio_write(fixture.write(fixture.file(), "text")) };
    },
    expected: { returned: 0 },
  },
  {
    id: "aio_write 6",
    says: "otherwise returns -1 and sets errno",
    observe(fixture) {
      const { aio } = fixture;
      aio.errno = 0;
      const returned = aio.aio_write(fixture.write(fixture.file(), "x", { aio_reqprio: -1 }));
      return { returned, set: aio.errno !== 0 };
    },
    expected: { returned: -1, set: true },
  },
  {
    id: "aio_write 7",
    says: "fails with EAGAIN when there are no resources to queue it",
    observe(fixture) {
      const aio = fixture.limited({ aioMax: 1 });
      aio.aio_read(fixture.read(fixture.pipe().read, 1));
      const returned = aio.aio_write(fixture.write(fixture.file(), "text"));
      return { returned, errno: aio.errno };
    },
    expected: { returned: -1, errno: EAGAIN },
    glibc: NO_LIMIT,
  },
  {
    id: "aio_write 8",
    says: "fails, or ends, with EBADF for a descriptor that cannot be written",
    async observe(fixture) {
      const { aio } = fixture;
      const readOnly = fixture.file("text", "r");
      const closed = fixture.file();
      fixture.close(closed);
      const errors: number[] = [];
      for (const fd of [-1, closed, readOnly]) {
        const block = fixture.write(fd, "text");
        errors.push(await fixture.errorOf(aio, aio.aio_write(block), block));
      }
      return { errors };
    },
    expected: { errors: [EBADF, EBADF, EBADF] },
  },
  {
    id: "aio_write 9",
    says: "fails, or ends, with EINVAL for an offset or a priority that cannot be",
    async observe(fixture) {
      const { aio } = fixture;
      const errors: number[] = [];
      for (const field of [{ aio_offset: -1 }, { aio_reqprio: -1 }, { aio_reqprio: 21 }]) {
        const block = fixture.write(fixture.file(), "text", field);
        errors.push(await fixture.errorOf(aio, aio.aio_write(block), block));
      }
      return { errors };
    },
    expected: { errors: [EINVAL, EINVAL, EINVAL] },
  },
  {
    id: "aio_write 10",
    says: "a write that was queued ends with the status EBADF where the descriptor is read-only",
    async observe(fixture) {
      const { aio } = fixture;
      const block = fixture.write(fixture.file("text", "r"), "more", { aio_lio_opcode: 1 });
      aio.lio_listio(LIO_NOWAIT, [block], 1, null);
      await fixture.done(block);
      return { status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { status: EBADF, result: -1 },
  },
  {
    id: "aio_write 11",
    says: "a write that was queued ends with the status EINVAL where its offset cannot be",
    async observe(fixture) {
      const { aio } = fixture;
      const fields = { aio_offset: -1, aio_lio_opcode: 1 };
      const block = fixture.write(fixture.file(), "text", fields);
      aio.lio_listio(LIO_NOWAIT, [block], 1, null);
      await fixture.done(block);
      return { status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { status: EINVAL, result: -1 },
  },
  {
    id: "aio_write 12",
    says: "a write that was canceled has the status ECANCELED",
    observe(fixture) {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      // The pipe is full, so that the first has to wait for a reader, and the second for the first.
      fill(pipe.write);
      const first = fixture.write(pipe.write, Buffer.alloc(8192, "x"));
      const block = fixture.write(pipe.write, "text");
      aio.aio_write(first);
      aio.aio_write(block);
      aio.aio_cancel(pipe.write, block);
      fixture.close(pipe.read);
      return { status: aio.aio_error(block), result: aio.aio_return(block) };
    },
    expected: { status: ECANCELED, result: -1 },
  },
  {
    id: "aio_write 13",
    says: "fails, or ends, with EFBIG at the offset maximum",
    async observe(fixture) {
      if (fixture.implementation === "glibc") return limitedFileSize(fixture, "aio_write");
      const aio = fixture.limited({ offsetMaximum: 1024 });
      const block = fixture.write(fixture.file(), "text", { aio_offset: 1024 });
      const error = await fixture.errorOf(aio, aio.aio_write(block), block);
      const nothing = fixture.write(fixture.file(), "", { aio_offset: 1024 });
      return { error, nothing: await fixture.errorOf(aio, aio.aio_write(nothing), nothing) };
    },
    expected: { error: EFBIG, nothing: 0 },
  },
];

/** Fills a pipe, as far as it takes whole pages. */
function fill(fd: number): void {
  const page = Buffer.alloc(4096, ".");
  for (let i = 0; i < 16; i++) writeSync(fd, page);
}
