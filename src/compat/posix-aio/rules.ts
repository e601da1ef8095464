import { AIO_PRIO_DELTA_MAX, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD } from "../../abi/posix-aio.ts";
import { invalidArgType } from "../../base/index.ts";
import type { OperationKind } from "../../core/index.ts";
import { type aiocb, type sigevent, useOf } from "./aiocb.ts";
import { EBADF, EINVAL } from "./errors.ts";
import { isSignal } from "./signals.ts";
import type { EventField, Use } from "./use.ts";

/** `struct timespec`: a time limit. */
export interface timespec {
  /** Whole seconds. */
  readonly tv_sec: number;
  /** Nanoseconds besides, 0 to 999,999,999. */
  readonly tv_nsec: number;
}

/** What the implementation knows of a control block. Throws `ERR_INVALID_ARG_TYPE` for another. */
export function useOfBlock(block: aiocb, name = "aiocbp"): Use {
  const use = useOf(block);
  if (use === undefined) throw invalidArgType(name, "aiocb", block);
  return use;
}

/**
 * Copies what a control block asks for, and checks what can be checked without its descriptor and
 * its memory. Returns 0 or the number of the error.
 */
export function readBlock(block: aiocb, use: Use, kind: OperationKind): number {
  const { aio_fildes: fd, aio_nbytes: length, aio_reqprio: priority, aio_offset: offset } = block;
  use.kind = kind;
  use.fd = fd;
  use.length = length;
  use.priority = priority;
  use.offset = typeof offset === "bigint" ? Number(offset) : offset;
  if ((fd | 0) !== fd || fd < 0) return EBADF;
  return readEvent(block.aio_sigevent, use);
}

/** The priority and the length are right. Returns 0 or the number of the error. */
export function checkTransfer({ length, priority, offset }: Use): number {
  if ((priority | 0) !== priority || priority < 0 || priority > AIO_PRIO_DELTA_MAX) return EINVAL;
  if (!Number.isSafeInteger(length) || length < 0) return EINVAL;
  return Number.isInteger(offset) ? 0 : EINVAL;
}

/** Copies how an end is to be told. Returns 0 or the number of the error. */
export function readEvent(event: sigevent | null, use: Pick<Use, EventField>): number {
  if (event === null) {
    use.notify = SIGEV_NONE;
    return 0;
  }
  use.notify = event.sigev_notify;
  use.signal = event.sigev_signo;
  use.value = event.sigev_value;
  use.callback = event.sigev_notify_function;
  switch (use.notify) {
    case SIGEV_NONE:
      return 0;
    case SIGEV_SIGNAL:
      return isSignal(use.signal) ? 0 : EINVAL;
    case SIGEV_THREAD:
      return typeof use.callback === "function" ? 0 : EINVAL;
    default:
      return EINVAL;
  }
}

/** A time limit in ms; Infinity for null, -1 for one that makes no sense. */
export function milliseconds(limit: timespec | null): number {
  if (limit === null) return Number.POSITIVE_INFINITY;
  const { tv_sec: seconds, tv_nsec: nanoseconds } = limit;
  const sane = seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1e9;
  return sane ? seconds * 1000 + nanoseconds / 1e6 : -1;
}

/** The value that a signal can carry: a C `int`. */
export function intValue(value: unknown): number {
  return typeof value === "number" ? value | 0 : 0;
}
