import { EFAULT, EINVAL } from "../../abi/linux.ts";
import {
  addonOf,
  ContextState,
  closeForgotten,
  type io_context_t,
  type io_event,
  setState,
  stateOf,
} from "./context.ts";
import {
  type io_callback_t,
  io_prep_fdsync,
  io_prep_fsync,
  io_prep_poll,
  io_set_callback,
  type iocb,
} from "./iocb.ts";

/** A time, `struct timespec`. */
export interface timespec {
  readonly tv_sec: number;
  readonly tv_nsec: number;
}

/** Signals by their numbers, as in `os.constants.signals`: `sigset_t`. */
export type sigset_t = Iterable<number>;

/** The kernel's own size of a signal set, which libc's exceeds. */
const SIGSET_BYTES = 8n;

const NOW: timespec = { tv_sec: 0, tv_nsec: 0 };

/** Words that calls write to and read from: nothing of it is needed after a call. */
const scratch = new BigUint64Array(new ArrayBuffer(128));
const SCRATCH = { context: 0, time: 1, sigset: 3, mask: 5, event: 6 } as const;

function scratchAddress(word: number): number {
  return addonOf().addressOf(scratch) + word * 8;
}

/**
 * Makes a context for `maxevents` requests at a time; the kernel may take more. Returns 0, or
 *
 * - -EINVAL: `ctxp` is not 0, or `maxevents` is not above 0;
 * - -EAGAIN: the system's limit `fs.aio-max-nr` is reached;
 * - -EFAULT: `ctxp` is null;
 * - -ENOMEM, and -ENOSYS where the kernel has no AIO.
 */
export function io_setup(maxevents: number, ctxp: io_context_t | null): number {
  const addon = addonOf();
  if (ctxp === null) return addon.aioSetup(maxevents, 0);
  scratch[SCRATCH.context] = BigInt(ctxp.id);
  const result = addon.aioSetup(maxevents, scratchAddress(SCRATCH.context));
  if (result < 0) return result;
  ctxp.id = Number(scratch[SCRATCH.context]);
  setState(ctxp, new ContextState(addon));
  return result;
}

/**
 * Ends a context. Polls are canceled, and all else that is in flight is waited for: **this blocks
 * the thread**, usually for some 30 ms. Memory that was lent is the caller's again; events that
 * were not taken are lost. Returns 0, or -EINVAL for what is no context.
 */
export function io_destroy(ctx: io_context_t): number {
  const state = stateOf(ctx);
  if (state === undefined) return -EINVAL;
  setState(ctx, undefined);
  const result = addonOf().aioDestroy(ctx.id);
  state.end();
  return result;
}

/**
 * Hands requests over: the first `nr` of `ios`. Returns how many were taken, which may be fewer,
 * or why the first was refused:
 *
 * - -EINVAL: no context, `nr` below 0, or a request that makes no sense, such as a negative offset;
 * - -EBADF: a descriptor that is not open, or not for this;
 * - -EFAULT: null among them, or memory that is shorter than the request;
 * - -EAGAIN: the context is full. Take events first.
 *
 * **It blocks the thread** for files that were not opened with O_DIRECT: the kernel does their
 * transfers within this very call. So it does for an empty pipe, until something is written to it.
 *
 * The memory of a request belongs to the kernel from here until its event was seen.
 */
export function io_submit(
  ctx: io_context_t,
  nr: number,
  ios: readonly (iocb | null | undefined)[],
): number {
  const state = stateOf(ctx);
  // A number is no context: it may be that of a later one.
  if (state === undefined) return -EINVAL;
  if (nr <= 0) return addonOf().aioSubmit(ctx.id, nr, 0);
  return state.submit(ctx.id, nr, ios);
}

/**
 * Asks the kernel to give a request up, which it does for polls only. Returns -EINPROGRESS when it
 * worked: the event, with a `res` of 0, still comes, and nothing is written to `evt`. -EINVAL: the
 * request is not in flight, or cannot be canceled; -EFAULT: `iocb` is null.
 */
export function io_cancel(ctx: io_context_t, iocb: iocb | null, _evt?: io_event | null): number {
  const state = stateOf(ctx);
  if (state === undefined) return -EINVAL;
  const address = iocb === null ? 0 : state.find(iocb);
  if (iocb !== null && address === 0) return -EINVAL;
  return addonOf().aioCancel(ctx.id, address, scratchAddress(SCRATCH.event));
}

/**
 * Takes events: at least `min_nr`, at most `nr`, into the first places of `events`. Returns how
 * many, or -EINVAL for no context, a negative number, or a `min_nr` above `nr`; -EFAULT where
 * `events` is null; -EINTR where a signal came before any event.
 *
 * **It blocks the thread** until `min_nr` are there or the time is up; without a time, for good.
 * With a `min_nr` of 0 it never blocks. To be told of events by the event loop, see
 * {@link io_set_eventfd}.
 */
export function io_getevents(
  ctx: io_context_t,
  min_nr: number,
  nr: number,
  events: io_event[] | null,
  timeout: timespec | null,
): number {
  return take(ctx, min_nr, nr, events, (addon, eventsNr, address) => {
    const time = timeAddress(timeout);
    return addon.aioGetevents(ctx.id, min_nr, eventsNr, address, time);
  });
}

/**
 * Does as {@link io_getevents} while only the signals of `sigmask` are blocked: -EINTR when another
 * one comes. With null the thread's mask stays as it is. Since Linux 4.18.
 */
export function io_pgetevents(
  ctx: io_context_t,
  min_nr: number,
  nr: number,
  events: io_event[] | null,
  timeout: timespec | null,
  sigmask: sigset_t | null,
): number {
  return take(ctx, min_nr, nr, events, (addon, eventsNr, address) => {
    const time = timeAddress(timeout);
    const set = sigsetAddress(sigmask);
    return addon.aioPgetevents(ctx.id, min_nr, eventsNr, address, time, set);
  });
}

/** Makes a context as {@link io_setup} does, in what may hold anything: `ctxp` is cleared first. */
export function io_queue_init(maxevents: number, ctxp: io_context_t): number {
  if (maxevents <= 0) return -EINVAL;
  const state = stateOf(ctxp);
  if (state !== undefined) closeForgotten({ id: ctxp.id, state });
  ctxp.id = 0;
  setState(ctxp, undefined);
  return io_setup(maxevents, ctxp);
}

/** Ends a context: {@link io_destroy} by another name. */
export function io_queue_release(ctx: io_context_t): number {
  return io_destroy(ctx);
}

/**
 * Takes every event that is there, without waiting, and calls what {@link io_set_callback} set.
 * Returns 0, or what `io_getevents` answers. When a callback throws, the events after its own stay.
 */
export function io_queue_run(ctx: io_context_t): number {
  const events: io_event[] = [];
  for (;;) {
    const count = io_getevents(ctx, 0, 1, events, NOW);
    const [event] = events;
    if (count <= 0 || event === undefined) return count;
    (event.data as io_callback_t)(ctx, event.obj, event.res, event.res2);
  }
}

/** Prepares a poll, sets a callback, and submits it. Returns what `io_submit` does. */
export function io_poll(
  ctx: io_context_t,
  iocb: iocb,
  cb: io_callback_t,
  fd: number,
  events: number,
): number {
  io_prep_poll(iocb, fd, events);
  io_set_callback(iocb, cb);
  return io_submit(ctx, 1, [iocb]);
}

/** Prepares an fsync, sets a callback, and submits it. Returns what `io_submit` does. */
export function io_fsync(ctx: io_context_t, iocb: iocb, cb: io_callback_t, fd: number): number {
  io_prep_fsync(iocb, fd);
  io_set_callback(iocb, cb);
  return io_submit(ctx, 1, [iocb]);
}

/** Prepares an fdatasync, sets a callback, and submits it. Returns what `io_submit` does. */
export function io_fdsync(ctx: io_context_t, iocb: iocb, cb: io_callback_t, fd: number): number {
  io_prep_fdsync(iocb, fd);
  io_set_callback(iocb, cb);
  return io_submit(ctx, 1, [iocb]);
}

/**
 * Makes an eventfd(2) for {@link io_set_eventfd}, close-on-exec and non-blocking. Returns the
 * descriptor, which is yours to close, or a negative errno. libaio has no such function.
 */
export function eventfd(): number {
  return addonOf().eventfd();
}

/** Takes events out of the ring where that is enough, else with a system call. */
function take(
  ctx: io_context_t,
  min_nr: number,
  nr: number,
  events: io_event[] | null,
  call: (addon: ReturnType<typeof addonOf>, nr: number, address: number) => number,
): number {
  const addon = addonOf();
  const state = stateOf(ctx);
  if (state === undefined) return -EINVAL;
  // Where the kernel would put an event, and has nowhere to put it.
  if (events === null) return addon.aioReady(ctx.id) > 0 && nr > 0 ? -EFAULT : call(addon, nr, 0);
  const address = state.eventsAddress(nr);
  let count: number;
  if (min_nr >= 0 && nr >= min_nr && addon.aioReady(ctx.id) >= Math.max(min_nr, 1)) {
    count = addon.aioReap(ctx.id, Math.min(nr, state.inFlight), address);
  } else {
    // There can be no more events than requests, and no fewer places for them than are waited for.
    const places = nr < min_nr ? nr : Math.max(min_nr, Math.min(nr, state.inFlight));
    count = call(addon, places, address);
  }
  return count <= 0 ? count : state.decode(count, events);
}

function timeAddress(time: timespec | null): number {
  if (time === null) return 0;
  scratch[SCRATCH.time] = BigInt.asUintN(64, BigInt(time.tv_sec));
  scratch[SCRATCH.time + 1] = BigInt.asUintN(64, BigInt(time.tv_nsec));
  return scratchAddress(SCRATCH.time);
}

function sigsetAddress(signals: sigset_t | null): number {
  if (signals === null) return 0;
  let mask = 0n;
  for (const signal of signals) mask |= 1n << BigInt(signal - 1);
  scratch[SCRATCH.mask] = mask;
  scratch[SCRATCH.sigset] = BigInt(scratchAddress(SCRATCH.mask));
  scratch[SCRATCH.sigset + 1] = SIGSET_BYTES;
  return scratchAddress(SCRATCH.sigset);
}
