import { constants } from "node:os";
import {
  EAGAIN,
  EBADF,
  EINPROGRESS,
  EINVAL,
  O_DSYNC,
  O_SYNC,
} from "../../../src/compat/posix-aio/index.ts";
import type { Assertion } from "./assertion.ts";
import type { Fixture } from "./fixture.ts";

const MEBIBYTE = 1024 * 1024;

/** Queues writes and then an fsync; tells how far the writes are when the fsync is done. */
async function writesBefore(fixture: Fixture, op: number) {
  const { aio } = fixture;
  const fd = fixture.file();
  const writes = [0, 1, 2, 3].map((i) =>
    fixture.write(fd, Buffer.alloc(MEBIBYTE, "x"), { aio_offset: i * MEBIBYTE }),
  );
  const sync = fixture.sync(fd);
  for (const write of writes) aio.aio_write(write);
  aio.aio_fsync(op, sync);
  await fixture.done(sync);
  return { writes: writes.map((write) => aio.aio_error(write)), sync: aio.aio_error(sync) };
}

/** An fsync with so much to do that it is seen on its way; tries again where it is not. */
async function seenOnItsWay(fixture: Fixture) {
  const { aio } = fixture;
  const fd = fixture.file(Buffer.alloc(4 * MEBIBYTE, "x"));
  for (let round = 0; ; round++) {
    const sync = fixture.sync(fd);
    const returned = aio.aio_fsync(O_SYNC, sync);
    const atOnce = aio.aio_error(sync);
    await fixture.done(sync);
    const later = aio.aio_error(sync);
    aio.aio_return(sync);
    if (atOnce === EINPROGRESS || round === 50) return { returned, atOnce, later };
  }
}

/** aio_fsync, assertion by assertion. */
export const FSYNC: readonly Assertion[] = [
  {
    id: "aio_fsync 1",
    says: "is asynchronous: it returns before the file is synchronized",
    observe: seenOnItsWay,
    expected: { returned: 0, atOnce: EINPROGRESS, later: 0 },
  },
  {
    id: "aio_fsync 2",
    says: "with O_DSYNC it is done only when everything queued before it is",
    observe: (fixture) => writesBefore(fixture, O_DSYNC),
    expected: { writes: [0, 0, 0, 0], sync: 0 },
  },
  {
    id: "aio_fsync 3",
    says: "with O_SYNC it is done only when everything queued before it is",
    observe: (fixture) => writesBefore(fixture, O_SYNC),
    expected: { writes: [0, 0, 0, 0], sync: 0 },
  },
  {
    id: "aio_fsync 4",
    says: "its control block serves aio_error and aio_return",
    async observe(fixture) {
      const { aio } = fixture;
      const sync = fixture.sync(fixture.file("text"));
      aio.aio_fsync(O_SYNC, sync);
      await fixture.done(sync);
      return { status: aio.aio_error(sync), result: aio.aio_return(sync) };
    },
    expected: { status: 0, result: 0 },
  },
  {
    id: "aio_fsync 5",
    says: "its status is EINPROGRESS when it is queued, and tells of its end afterwards",
    async observe(fixture) {
      const { atOnce, later } = await seenOnItsWay(fixture);
      return { atOnce, later };
    },
    expected: { atOnce: EINPROGRESS, later: 0 },
  },
  {
    id: "aio_fsync 6",
    says: "when an operation queued before it fails, it has the error of that as its status",
    async observe(fixture) {
      const { aio } = fixture;
      // A directory cannot be read, and the answer comes with the status; it can be synchronized.
      const fd = fixture.directory();
      const read = fixture.read(fd, 16);
      const sync = fixture.sync(fd);
      aio.aio_read(read);
      aio.aio_fsync(O_SYNC, sync);
      await fixture.done(read, sync);
      const status = aio.aio_error(sync);
      return { read: aio.aio_error(read), sync: status, result: aio.aio_return(sync) };
    },
    expected: { read: constants.errno.EISDIR, sync: constants.errno.EISDIR, result: -1 },
    glibc: {
      observed: { read: constants.errno.EISDIR, sync: 0, result: 0 },
      why: "the fsync comes after the others in its queue and knows nothing of them",
    },
  },
  {
    id: "aio_fsync 7",
    says: "its end is told as its aio_sigevent says",
    async observe(fixture) {
      const { aio } = fixture;
      const told: unknown[] = [];
      const event = fixture.told((value) => told.push(value), "synchronized");
      const sync = fixture.sync(fixture.file("text"), { aio_sigevent: event });
      aio.aio_fsync(O_DSYNC, sync);
      await fixture.until(() => told.length > 0);
      await fixture.pause();
      return { told, status: aio.aio_error(sync) };
    },
    expected: { told: ["synchronized"], status: 0 },
  },
  {
    id: "aio_fsync 8",
    says: "all other fields of its control block are ignored",
    async observe(fixture) {
      const { aio } = fixture;
      const fields = [
        { aio_buf: null },
        { aio_nbytes: -1 },
        { aio_reqprio: -1 },
        { aio_offset: -1 },
      ];
      const statuses: number[] = [];
      for (const field of fields) {
        const sync = fixture.sync(fixture.file("text"), field);
        statuses.push(await fixture.errorOf(aio, aio.aio_fsync(O_SYNC, sync), sync));
      }
      return { statuses };
    },
    expected: { statuses: [0, 0, 0, 0] },
  },
  {
    id: "aio_fsync 9",
    says: "returns 0 when the operation is queued",
    observe(fixture) {
      const { aio } = fixture;
      return { returned: aio.aio_fsync(O_SYNC, fixture.sync(fixture.file())) };
    },
    expected: { returned: 0 },
  },
  {
    id: "aio_fsync 10",
    says: "otherwise returns -1 and sets errno",
    observe(fixture) {
      const { aio } = fixture;
      aio.errno = 0;
      return { returned: aio.aio_fsync(-1, fixture.sync(fixture.file())), set: aio.errno !== 0 };
    },
    expected: { returned: -1, set: true },
  },
  {
    id: "aio_fsync 11",
    says: "fails with EAGAIN when there are no resources to queue it",
    observe(fixture) {
      const aio = fixture.limited({ aioMax: 1 });
      aio.aio_read(fixture.read(fixture.pipe().read, 1));
      return { returned: aio.aio_fsync(O_SYNC, fixture.sync(fixture.file())), errno: aio.errno };
    },
    expected: { returned: -1, errno: EAGAIN },
    glibc: { notApplicable: "there is no limit but memory: sysconf(_SC_AIO_MAX) is -1" },
  },
  {
    id: "aio_fsync 12",
    says: "fails with EBADF for what is no descriptor",
    observe(fixture) {
      const { aio } = fixture;
      return { returned: aio.aio_fsync(O_SYNC, fixture.sync(-1)), errno: aio.errno };
    },
    expected: { returned: -1, errno: EBADF },
  },
  {
    id: "aio_fsync 13",
    says: "fails with EINVAL for a file that cannot be synchronized",
    async observe(fixture) {
      const { aio } = fixture;
      const sync = fixture.sync(fixture.pipe().write);
      const returned = aio.aio_fsync(O_SYNC, sync);
      return { returned, error: await fixture.errorOf(aio, returned, sync) };
    },
    expected: { returned: -1, error: EINVAL },
    glibc: {
      observed: { returned: 0, error: EINVAL },
      why: "asks the kernel only when the operation runs, so that its status tells",
    },
  },
  {
    id: "aio_fsync 14",
    says: "fails with EINVAL for an operation other than O_SYNC and O_DSYNC",
    observe(fixture) {
      const { aio } = fixture;
      return { returned: aio.aio_fsync(-1, fixture.sync(fixture.file())), errno: aio.errno };
    },
    expected: { returned: -1, errno: EINVAL },
  },
];
