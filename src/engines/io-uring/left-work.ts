import {
  FIRST_LOOK_MS,
  LONGEST_LOOK_MS,
  LOOKS_PER_REQUEST,
  LOOKS_PER_TURN,
} from "../../base/limits.ts";

/** A ring whose kernel leaves work to us (IORING_SETUP_DEFER_TASKRUN). */
export interface LeavesWork {
  /** Whether the ring says that there is work: IORING_SQ_TASKRUN. */
  isLeft(): boolean;
  /** Enters the kernel once, which does a part of it. Whether a completion is there then. */
  look(): boolean;
  /** A look that was put off is due. */
  again(): void;
}

/**
 * What the kernel leaves undone when it was entered for completions.
 *
 * One look (IORING_ENTER_GETEVENTS) does twenty pieces of work. A read of a file that can neither
 * be read at once nor be polled, such as one of /proc or of FUSE, comes back as a new piece up to
 * 128 times before a thread of the kernel takes it. While pieces are left, a new one signals
 * nothing: only IORING_SQ_TASKRUN says that they are there. So we look again while it is set: some
 * times at once, then once per turn of the event loop.
 *
 * And the flag can be set with nothing behind it, until there is work again. So looks are counted:
 * those that the requests at hand can need are made at once, and after them a timer looks, less and
 * less often. It never keeps the process alive: the ring's own handle does.
 */
export class LeftWork {
  readonly #ring: LeavesWork;
  /** Whether what is in flight keeps the process alive. */
  referenced = false;
  #looks = 0;
  #delayMs = FIRST_LOOK_MS;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #due = () => {
    this.#clear();
    this.#ring.again();
  };

  constructor(ring: LeavesWork) {
    this.#ring = ring;
  }

  /** There was work, for so many requests at most: what is left now is left in truth. */
  renew(requests: number): void {
    this.#looks = requests * LOOKS_PER_REQUEST;
    this.#delayMs = FIRST_LOOK_MS;
    this.#clear();
  }

  /** So many requests more may have work. */
  add(requests: number): void {
    this.#looks = Math.max(0, this.#looks) + requests * LOOKS_PER_REQUEST;
    this.#clear();
  }

  /**
   * To be called after a look that found nothing, before going to sleep. Whether a completion is
   * there after all; if not, `again` is called in time, should work be left.
   */
  lookOn(): boolean {
    const ring = this.#ring;
    if (this.#timer !== undefined && ring.isLeft()) return false;
    for (let i = 0; ring.isLeft(); i++) {
      if (i === LOOKS_PER_TURN) {
        this.#arrange();
        return false;
      }
      this.#looks--;
      if (ring.look()) return true;
    }
    this.stop();
    return false;
  }

  /** Has `again` called in the next turn of the loop. */
  soon(): void {
    this.#immediate ??= setImmediate(this.#due);
  }

  /** No work is left, or the ring is about to be closed. */
  stop(): void {
    this.#looks = 0;
    this.#delayMs = FIRST_LOOK_MS;
    this.#clear();
  }

  #arrange(): void {
    if (this.#immediate !== undefined) return;
    if (this.#looks > 0 && this.referenced) {
      this.soon();
      return;
    }
    this.#timer = setTimeout(this.#due, this.#delayMs).unref();
    if (this.#looks <= 0) this.#delayMs = Math.min(this.#delayMs * 2, LONGEST_LOOK_MS);
  }

  #clear(): void {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#immediate = undefined;
    this.#timer = undefined;
  }
}
