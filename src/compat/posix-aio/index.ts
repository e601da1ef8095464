/**
 * POSIX AIO as its manual shapes it: `<aio.h>` in TypeScript, on glibc or over any engine.
 *
 * The functions belong to an implementation of their own, made when the first of them is called;
 * `createAio` makes others.
 */
import type { Aio, AiocbList, aioinit } from "./aio.ts";
import type { aiocb, sigevent } from "./aiocb.ts";
import { createAio } from "./create.ts";
import type { timespec } from "./rules.ts";

export {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  AIO_PRIO_DELTA_MAX,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  LIO_WAIT,
  LIO_WRITE,
  O_DSYNC,
  O_SYNC,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
} from "../../abi/posix-aio.ts";
export type { EngineName } from "../../core/index.ts";
export type { Aio, AiocbList, AioLimits, aioinit } from "./aio.ts";
export { aiocb, sigevent } from "./aiocb.ts";
export { type AioOptions, createAio } from "./create.ts";
export * from "./errors.ts";
export type { timespec } from "./rules.ts";
export { onSignalValue, type SignalValue, type SignalValueListener } from "./signals.ts";

let shared: Aio | undefined;

function aio(): Aio {
  shared ??= createAio();
  return shared;
}

/** The number of the last error of the functions below; see {@link Aio.errno}. */
export function errno(): number {
  return aio().errno;
}

/** Starts a read. Returns 0, or -1 and `errno()` tells why. See {@link Aio.aio_read}. */
export function aio_read(aiocbp: aiocb): 0 | -1 {
  return aio().aio_read(aiocbp);
}

/** Starts a write. Returns 0, or -1 and `errno()` tells why. See {@link Aio.aio_write}. */
export function aio_write(aiocbp: aiocb): 0 | -1 {
  return aio().aio_write(aiocbp);
}

/** Starts an fsync or fdatasync. Returns 0 or -1. See {@link Aio.aio_fsync}. */
export function aio_fsync(op: number, aiocbp: aiocb): 0 | -1 {
  return aio().aio_fsync(op, aiocbp);
}

/** The error status: EINPROGRESS, 0, or an error. See {@link Aio.aio_error}. */
export function aio_error(aiocbp: aiocb): number {
  return aio().aio_error(aiocbp);
}

/**
 * The result of what is done: bytes, or -1; once, though glibc may answer it again. See
 * {@link Aio.aio_return}.
 */
export function aio_return(aiocbp: aiocb): number {
  return aio().aio_return(aiocbp);
}

/** Blocks until one of the list is done. Returns 0 or -1. See {@link Aio.aio_suspend}. */
export function aio_suspend(list: AiocbList, nent: number, timeout: timespec | null): 0 | -1 {
  return aio().aio_suspend(list, nent, timeout);
}

/** Waits without blocking: resolves with 0 or an error. See {@link Aio.aio_suspend_async}. */
export function aio_suspend_async(
  list: AiocbList,
  nent: number,
  timeout: timespec | null,
): Promise<number> {
  return aio().aio_suspend_async(list, nent, timeout);
}

/** Cancels one operation, or all on a descriptor. See {@link Aio.aio_cancel}. */
export function aio_cancel(fildes: number, aiocbp: aiocb | null): number {
  return aio().aio_cancel(fildes, aiocbp);
}

/** Starts a list of operations, and waits for them if told. See {@link Aio.lio_listio}. */
export function lio_listio(
  mode: number,
  list: AiocbList,
  nent: number,
  sig: sigevent | null,
): 0 | -1 {
  return aio().lio_listio(mode, list, nent, sig);
}

/** Starts a list and resolves when all is done. See {@link Aio.lio_listio_async}. */
export function lio_listio_async(list: AiocbList, nent: number): Promise<number> {
  return aio().lio_listio_async(list, nent);
}

/** Tunes glibc's threads, before the first request. See {@link Aio.aio_init}. */
export function aio_init(init: aioinit): void {
  aio().aio_init(init);
}
