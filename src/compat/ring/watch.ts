import {
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_TASKRUN,
} from "../../abi/io-uring.ts";
import { systemError } from "../../base/errors.ts";
import { WORK_PER_LOOK } from "../../base/limits.ts";
import { LeftWork } from "../../engines/io-uring/left-work.ts";
import { mayDefer } from "../../engines/io-uring/wakes-at-once.ts";
import type { Wakeup } from "../../native/addon.ts";
import { addonOfRing } from "./memory.ts";
import type { Ring } from "./ring.ts";

/** Makes an eventfd(2), close-on-exec and non-blocking. Throws a system error. */
export function eventfd(): number {
  const fd = addonOfRing().eventfd();
  if (fd < 0) throw systemError(fd, "eventfd");
  return fd;
}

/** Being called back by the event loop when a ring has completions. */
export class CompletionWatch {
  readonly #ring: Ring;
  readonly #eventFd: number;
  readonly #wakeup: Wakeup;
  readonly #left: LeftWork;
  readonly #defers: boolean;
  readonly #callback: () => void;
  #isOpen = true;
  /** Completions wait for the program to be called back. */
  #found = false;

  /**
   * Registers an eventfd with the ring and watches it. Throws a system error, `EBUSY` when the ring
   * has an eventfd already.
   *
   * @param callback Called in a macrotask of its own, with microtasks drained after it, whenever
   *   completions came since the last time. It finds them with `peekCqe` or `forEachCqe`; those
   *   that a ring with IORING_SETUP_DEFER_TASKRUN holds back have been collected.
   */
  constructor(ring: Ring, callback: () => void) {
    const addon = addonOfRing();
    this.#ring = ring;
    this.#eventFd = eventfd();
    const registered = ring.registerEventfd(this.#eventFd);
    this.#callback = callback;
    this.#defers = (ring.flags & IORING_SETUP_DEFER_TASKRUN) !== 0;
    const renews = this.#defers && !mayDefer(addon);
    this.#left = new LeftWork({
      isLeft: () => this.#isLeft(),
      look: () => this.#collect(),
      again: () => this.#again(),
    });
    const told = () => {
      if (ring.isClosed) return this.close();
      if (renews) this.#renew();
      this.#left.renew(ring.requestsInFlight);
      if (this.#defers) ring.getEvents();
      this.#deliver();
    };
    const wakeup =
      registered < 0 ? registered : addon.wakeupOpen(this.#eventFd, told, needsThread());
    if (typeof wakeup === "number") {
      addon.closeFd(this.#eventFd);
      throw systemError(wakeup, registered < 0 ? "io_uring_register" : "uv_poll_init");
    }
    this.#wakeup = wakeup;
  }

  /**
   * Registers the eventfd anew, after each signal, where the kernel puts signals off: Linux
   * 6.12.117 does that once for each registration, and drops the rest. What comes in between is
   * found by the look that follows.
   */
  #renew(): void {
    this.#ring.unregisterEventfd();
    this.#ring.registerEventfd(this.#eventFd);
  }

  /**
   * Calls back, and arranges that we look again where the kernel has left work to us. Whatever the
   * callback throws is the program's.
   */
  #deliver(): void {
    try {
      this.#callback();
    } finally {
      this.#lookOn();
    }
  }

  /** Looks on, and calls back in a macrotask of its own for what is found. */
  #lookOn(): void {
    const ring = this.#ring;
    if (!this.#isOpen || ring.isClosed) return;
    // What was held back has signaled already.
    const hasRoom = ring.cqHasOverflow() && ring.cqReady() < ring.cqEntries;
    this.#found = (hasRoom && this.#collect()) || (this.#defers && this.#left.lookOn());
    if (this.#found) this.#left.soon();
  }

  /** A look is due: calls back if there is anything. */
  #again(): void {
    if (!this.#isOpen) return;
    if (this.#ring.isClosed) this.close();
    else if (this.#found || this.#collect()) this.#deliver();
    else this.#lookOn();
  }

  /** Collects what the kernel holds back. Whether completions came that the program has not seen. */
  #collect(): boolean {
    const ring = this.#ring;
    const before = ring.cqReady();
    ring.getEvents();
    if (ring.cqReady() === before) return false;
    this.#left.renew(ring.requestsInFlight);
    return true;
  }

  /** Without IORING_SETUP_TASKRUN_FLAG nothing says it: then only what one look does is certain. */
  #isLeft(): boolean {
    const ring = this.#ring;
    if ((ring.flags & IORING_SETUP_TASKRUN_FLAG) !== 0) {
      return (ring.sqFlags() & IORING_SQ_TASKRUN) !== 0;
    }
    return ring.requestsInFlight > WORK_PER_LOOK;
  }

  /** Keeps the process alive until `unref` or `close`. */
  ref(): this {
    if (!this.#isOpen) return this;
    this.#left.referenced = true;
    addonOfRing().wakeupRef(this.#wakeup);
    return this;
  }

  /** Does not keep the process alive, as at the start. */
  unref(): this {
    if (!this.#isOpen) return this;
    this.#left.referenced = false;
    addonOfRing().wakeupUnref(this.#wakeup);
    return this;
  }

  /** Stops watching; no callback comes after it, nor after the ring's `queueExit`. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#left.stop();
    const addon = addonOfRing();
    addon.wakeupClose(this.#wakeup);
    if (!this.#ring.isClosed) this.#ring.unregisterEventfd();
    addon.closeFd(this.#eventFd);
  }

  /** The same as `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Has the event loop call back when a ring has completions: for programs that do not wait in
 * `waitCqe`. It starts unreferenced: call `ref` while something is in flight. Throws as
 * {@link CompletionWatch} does.
 */
export function watchCompletions(ring: Ring, callback: () => void): CompletionWatch {
  return new CompletionWatch(ring, callback);
}

/** Only Node has a libuv that we may use (Bun aborts the process, Deno stalls). */
function needsThread(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}
