declare const queueBrand: unique symbol;

/** Control blocks of POSIX AIO and those of them in flight: opaque, made by `posixAioOpen`. */
export interface PosixAioQueue {
  readonly [queueBrand]: never;
}

/** `posixAioFile`: the descriptor is of a regular file. */
export const FILE_REGULAR = 1 << 28;
/** `posixAioFile`: the file has a position that can be set. */
export const FILE_SEEKABLE = 1 << 29;

/**
 * glibc's POSIX AIO: what an engine needs, per batch, and the functions of `<aio.h>`, one by one.
 *
 * Control blocks (`struct aiocb`, see src/abi/posix-aio.ts) lie in memory from `allocate` and are
 * named by their index in it. A queue that is still open when its environment ends cancels what
 * can be canceled and waits for the rest.
 */
export interface PosixAioAddon {
  /** 0, or -ENOSYS in a process without glibc. */
  posixAioAvailable(): number;
  /** aio_init(3): tunes glibc's threads, for the whole process, before its first request. */
  posixAioInit(threads: number, requests: number, idleSeconds: number): number;
  /**
   * Makes a queue.
   *
   * @param blocks Room for as many control blocks as can be in flight, zeroed.
   * @param control Words (i32): as many as there are control blocks, for the indexes to submit;
   *   behind them two for each of `POSIX_AIO_REAP_MAX` completions.
   */
  posixAioOpen(blocks: ArrayBuffer, control: ArrayBuffer): PosixAioQueue | number;
  /**
   * The eventfd that is signaled when something completes after `posixAioArm`. The queue closes it,
   * at the end of the environment too, after the last notification that is to come.
   */
  posixAioEventfd(queue: PosixAioQueue): number;
  /** Waits for what is in flight, which should be nothing, and ends the queue. */
  posixAioClose(queue: PosixAioQueue): void;

  /**
   * Submits the first `count` indexes of the control memory, one after the other, by their
   * `aio_lio_opcode`, where 3 is fsync and 4 is fdatasync. Returns how many were taken; the others'
   * indexes are at the front of the control memory. -EAGAIN when none was.
   */
  posixAioSubmit(queue: PosixAioQueue, count: number): number;
  /** Writes up to `max` pairs of index and result behind the indexes. Returns how many. */
  posixAioReap(queue: PosixAioQueue, max: number): number;
  /** Has the eventfd signaled at the next completion. Returns 1 when there is one already. */
  posixAioArm(queue: PosixAioQueue): number;
  /** Blocks until `minimum` can be reaped: 0; -EAGAIN when the time is up; -EINTR. */
  posixAioWait(queue: PosixAioQueue, minimum: number, timeoutMs: number): number;
  /** aio_cancel(3) of one control block: AIO_CANCELED, AIO_NOTCANCELED or AIO_ALLDONE. */
  posixAioWithdraw(queue: PosixAioQueue, index: number): number;

  /** aio_read(3) or aio_write(3) by `opcode`, else aio_fsync(3) with `operation`. */
  posixAioStart(queue: PosixAioQueue, index: number, opcode: number, operation: number): number;
  /**
   * lio_listio(3). `indexes` has -1 for NULL; `notify` -1 is no sigevent. Afterwards the indexes of
   * those that were not taken, and of LIO_NOP, are -1.
   */
  posixAioListio(
    queue: PosixAioQueue,
    mode: number,
    indexes: Int32Array,
    count: number,
    notify: number,
    signal: number,
    value: number,
  ): number;
  /** aio_error(3). */
  posixAioError(queue: PosixAioQueue, index: number): number;
  /** aio_return(3). */
  posixAioReturn(queue: PosixAioQueue, index: number): number;
  /** aio_suspend(3), which blocks. */
  posixAioSuspend(
    queue: PosixAioQueue,
    indexes: Int32Array,
    count: number,
    limited: boolean,
    seconds: number,
    nanoseconds: number,
  ): number;
  /** aio_cancel(3); `index` -1 is NULL. */
  posixAioCancel(queue: PosixAioQueue, fd: number, index: number): number;
  /**
   * Takes ids of SIGEV_THREAD notifications that came. Returns how many. The id is what was written
   * as `sigev_value`; the function is the addon's own.
   */
  posixAioNotified(queue: PosixAioQueue, out: Uint32Array): number;

  /** Raises a signal for this process, with a value, as the end of an operation does. */
  posixAioSignal(signal: number, value: number): number;
  /** The open flags of a descriptor, and `FILE_REGULAR` and `FILE_SEEKABLE`. */
  posixAioFile(fd: number): number;
  /** Sizes, offsets and constants of the C side under the names of src/abi, to be compared. */
  posixAioAbi(): Record<string, number>;
}
