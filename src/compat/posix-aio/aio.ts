import type { aiocb, sigevent } from "./aiocb.ts";
import type { timespec } from "./rules.ts";

/** A list of control blocks; null entries are ignored. */
export type AiocbList = readonly (aiocb | null)[];

/** `struct aioinit` of glibc, as far as glibc looks at it. */
export interface aioinit {
  /** Threads that it starts at most; 20 unless told. */
  readonly aio_threads?: number;
  /** Requests that are expected at once. */
  readonly aio_num?: number;
  /** Seconds after which a thread without work ends; 1 unless told. */
  readonly aio_idle_time?: number;
}

/** How much there may be of everything; -1 where there is no limit but memory. */
export interface AioLimits {
  /** Operations in flight at once: AIO_MAX. */
  readonly aioMax: number;
  /** Entries of one list: AIO_LISTIO_MAX. */
  readonly aioListioMax: number;
  /** What `aio_reqprio` can be at most: AIO_PRIO_DELTA_MAX. */
  readonly aioPrioDeltaMax: number;
  /** The first offset, in bytes, that no file can have: the offset maximum of POSIX. */
  readonly offsetMaximum: number;
}

/**
 * The functions of `<aio.h>`, on one implementation.
 *
 * They return what they return in C, and leave the number of an error in `errno`: positive, as in
 * `os.constants.errno`. Arguments that C would not compile throw `ERR_INVALID_ARG_TYPE`.
 */
export interface Aio extends AsyncDisposable {
  /** What does the work: `"glibc"`, or the name of an engine. */
  readonly implementation: string;
  /** Its limits. */
  readonly limits: AioLimits;
  /** The number of the last error. A call that succeeds leaves it alone. */
  errno: number;

  /**
   * Starts a read of `aio_nbytes` bytes at `aio_offset`. Returns 0, or -1 with EAGAIN, EBADF,
   * EFAULT, EINVAL or EOVERFLOW. aio_read(3).
   */
  aio_read(aiocbp: aiocb): 0 | -1;
  /**
   * Starts a write of `aio_nbytes` bytes at `aio_offset`, or at the end of a file that is open with
   * O_APPEND. Returns 0, or -1 with EAGAIN, EBADF, EFAULT, EINVAL or EFBIG. aio_write(3).
   */
  aio_write(aiocbp: aiocb): 0 | -1;
  /**
   * Starts an fsync (`op` O_SYNC) or fdatasync (O_DSYNC) that covers all that was queued before it
   * on the same descriptor. Returns 0, or -1 with EAGAIN, EBADF or EINVAL. Throws
   * `ERR_ACCESS_DENIED` under the permission model, as fs.fsync. aio_fsync(3).
   */
  aio_fsync(op: number, aiocbp: aiocb): 0 | -1;
  /**
   * The error status: EINPROGRESS, 0, or the error it ended with. -1 with EINVAL when the control
   * block stands for nothing whose result could be collected. aio_error(3).
   */
  aio_error(aiocbp: aiocb): number;
  /**
   * The result, once: bytes, or 0 for an fsync, or -1 when the error status is not 0. -1 with
   * EINVAL when it was collected, or there is none; with EINPROGRESS while it is on its way. Over
   * glibc a second call may answer the result again: glibc keeps it, and POSIX leaves it open.
   * aio_return(3).
   */
  aio_return(aiocbp: aiocb): number;
  /**
   * Blocks the thread until one of the list is done, or a signal comes, or the time is up. Returns
   * 0, or -1 with EAGAIN, EINTR or EINVAL; with ENOSYS where the engine cannot block.
   * aio_suspend(3).
   */
  aio_suspend(list: AiocbList, nent: number, timeout: timespec | null): 0 | -1;
  /**
   * The same without blocking: resolves with 0, or with the number of the error (EAGAIN, EINVAL),
   * because `errno` would not outlive the way to whoever awaits it. Signals do not interrupt it.
   */
  aio_suspend_async(list: AiocbList, nent: number, timeout: timespec | null): Promise<number>;
  /**
   * Cancels one operation, or with null all on the descriptor. Returns AIO_CANCELED,
   * AIO_NOTCANCELED, AIO_ALLDONE, or -1 with EBADF or EINVAL. aio_cancel(3).
   */
  aio_cancel(fildes: number, aiocbp: aiocb | null): number;
  /**
   * Starts all of a list at once. With LIO_WAIT it blocks until all are done, and returns -1 with
   * EIO when one has failed, with EINTR when a signal came, with ENOSYS where the engine cannot
   * block. With LIO_NOWAIT it returns at once, and `sig` says how the end of all is told.
   * -1 with EAGAIN, EINVAL or EIO: the error statuses tell which were not started. lio_listio(3).
   */
  lio_listio(mode: number, list: AiocbList, nent: number, sig: sigevent | null): 0 | -1;
  /**
   * As lio_listio with LIO_WAIT, without blocking: resolves when all are done, with 0 or with the
   * number of the error (EAGAIN, EINVAL, EIO).
   */
  lio_listio_async(list: AiocbList, nent: number): Promise<number>;
  /** Tunes glibc's threads, for the whole process and before its first request; else ignored. */
  aio_init(init: aioinit): void;

  /** Accepts nothing any more, waits for what is in flight, and gives everything back. */
  close(): Promise<void>;
}
