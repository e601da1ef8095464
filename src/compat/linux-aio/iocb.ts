import {
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_NOOP,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_FLAG_RESFD,
} from "../../abi/linux-aio.ts";
import type { BufferView } from "../../core/index.ts";
import type { io_context_t } from "./context.ts";

/** A read, as pread(2). */
export const IO_CMD_PREAD = IOCB_CMD_PREAD;
/** A write, as pwrite(2). */
export const IO_CMD_PWRITE = IOCB_CMD_PWRITE;
/** Brings a file to the device, fsync(2). Since Linux 4.18. */
export const IO_CMD_FSYNC = IOCB_CMD_FSYNC;
/** Brings a file's data to the device, fdatasync(2). Since Linux 4.18. */
export const IO_CMD_FDSYNC = IOCB_CMD_FDSYNC;
/** Waits until a descriptor is ready, once, as poll(2). Since Linux 4.19. */
export const IO_CMD_POLL = IOCB_CMD_POLL;
/** In the header, and refused by every kernel. */
export const IO_CMD_NOOP = IOCB_CMD_NOOP;
/** A read into several buffers, as preadv2(2). */
export const IO_CMD_PREADV = IOCB_CMD_PREADV;
/** A write of several buffers, as pwritev2(2). */
export const IO_CMD_PWRITEV = IOCB_CMD_PWRITEV;

/**
 * What a request reads into or writes from: a view, several views (`struct iovec`), or an address
 * that is the caller's own business; null is NULL.
 */
export type iocb_buf = BufferView | readonly BufferView[] | number | null;

/** Called by {@link io_queue_run} with what a request has come to: `io_callback_t`. */
export type io_callback_t = (ctx: io_context_t, iocb: iocb, res: number, res2: number) => void;

/**
 * A control block, `struct iocb`. It is read by `io_submit`, which copies it: the same object can
 * be filled in anew and submitted again at once. The members of C's union `u` stand side by side.
 */
export class iocb {
  /** Whatever the caller likes; the event has it. */
  data: unknown = undefined;
  /** Nobody looks at it: the library tells requests apart by itself. */
  key = 0;
  /** RWF_* bits. */
  aio_rw_flags = 0;
  /** One of IO_CMD_*. */
  aio_lio_opcode = 0;
  /** An I/O priority, where `flags` has IOCB_FLAG_IOPRIO. */
  aio_reqprio = 0;
  /** The descriptor. */
  aio_fildes = 0;
  /** `u.c.buf`, or `u.v.vec`: the memory, which belongs to the kernel until the event was seen. */
  buf: iocb_buf = null;
  /** `u.c.nbytes`: bytes; of `u.v`, the number of vectors. */
  nbytes = 0;
  /** `u.c.offset`: where in the file, in bytes. There is no file position. */
  offset: number | bigint = 0;
  /** `u.poll.events`: POLL* bits. */
  events = 0;
  /** `u.c.flags`: IOCB_FLAG_*. */
  flags = 0;
  /** `u.c.resfd`: the eventfd that is told of the completion. */
  resfd = 0;

  /** Makes one with some fields set. */
  constructor(fields?: Partial<iocb>) {
    if (fields !== undefined) Object.assign(this, fields);
  }
}

/** Clears an iocb and sets what every request has. */
function prepare(block: iocb, opcode: number, fd: number): void {
  block.data = undefined;
  block.key = 0;
  block.aio_rw_flags = 0;
  block.aio_lio_opcode = opcode;
  block.aio_reqprio = 0;
  block.aio_fildes = fd;
  block.buf = null;
  block.nbytes = 0;
  block.offset = 0;
  block.events = 0;
  block.flags = 0;
  block.resfd = 0;
}

function transfer(
  block: iocb,
  opcode: number,
  fd: number,
  buf: iocb_buf,
  count: number,
  offset: number | bigint,
): void {
  prepare(block, opcode, fd);
  block.buf = buf;
  block.nbytes = count;
  block.offset = offset;
}

/** Fills an iocb in for a read of `count` bytes at `offset`, and clears the rest of it. */
export function io_prep_pread(
  iocb: iocb,
  fd: number,
  buf: BufferView | number | null,
  count: number,
  offset: number | bigint,
): void {
  transfer(iocb, IO_CMD_PREAD, fd, buf, count, offset);
}

/** Fills an iocb in for a write of `count` bytes at `offset`, and clears the rest of it. */
export function io_prep_pwrite(
  iocb: iocb,
  fd: number,
  buf: BufferView | number | null,
  count: number,
  offset: number | bigint,
): void {
  transfer(iocb, IO_CMD_PWRITE, fd, buf, count, offset);
}

/** Fills an iocb in for a read into several buffers, of which the first `iovcnt` are used. */
export function io_prep_preadv(
  iocb: iocb,
  fd: number,
  iov: readonly BufferView[] | null,
  iovcnt: number,
  offset: number | bigint,
): void {
  transfer(iocb, IO_CMD_PREADV, fd, iov, iovcnt, offset);
}

/** Fills an iocb in for a write of several buffers, of which the first `iovcnt` are used. */
export function io_prep_pwritev(
  iocb: iocb,
  fd: number,
  iov: readonly BufferView[] | null,
  iovcnt: number,
  offset: number | bigint,
): void {
  transfer(iocb, IO_CMD_PWRITEV, fd, iov, iovcnt, offset);
}

/** Fills an iocb in as {@link io_prep_preadv} does, with RWF_* bits. */
export function io_prep_preadv2(
  iocb: iocb,
  fd: number,
  iov: readonly BufferView[] | null,
  iovcnt: number,
  offset: number | bigint,
  flags: number,
): void {
  transfer(iocb, IO_CMD_PREADV, fd, iov, iovcnt, offset);
  iocb.aio_rw_flags = flags;
}

/** Fills an iocb in as {@link io_prep_pwritev} does, with RWF_* bits. */
export function io_prep_pwritev2(
  iocb: iocb,
  fd: number,
  iov: readonly BufferView[] | null,
  iovcnt: number,
  offset: number | bigint,
  flags: number,
): void {
  transfer(iocb, IO_CMD_PWRITEV, fd, iov, iovcnt, offset);
  iocb.aio_rw_flags = flags;
}

/** Fills an iocb in for fsync(2), which a thread of the kernel does. */
export function io_prep_fsync(iocb: iocb, fd: number): void {
  prepare(iocb, IO_CMD_FSYNC, fd);
}

/** Fills an iocb in for fdatasync(2), which a thread of the kernel does. */
export function io_prep_fdsync(iocb: iocb, fd: number): void {
  prepare(iocb, IO_CMD_FDSYNC, fd);
}

/**
 * Fills an iocb in for poll(2), once. The event's `res` is the mask; one that had to wait may have
 * bits in it that were not asked for.
 */
export function io_prep_poll(iocb: iocb, fd: number, events: number): void {
  prepare(iocb, IO_CMD_POLL, fd);
  iocb.events = events;
}

/** Has an eventfd told of the completion: its counter goes up by one. */
export function io_set_eventfd(iocb: iocb, eventfd: number): void {
  iocb.flags |= IOCB_FLAG_RESFD;
  iocb.resfd = eventfd;
}

/** Sets what {@link io_queue_run} calls. It takes the place of `data`, as in C. */
export function io_set_callback(iocb: iocb, cb: io_callback_t): void {
  iocb.data = cb;
}
