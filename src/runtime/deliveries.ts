import { AsyncResource } from "node:async_hooks";
import type { NativeAddon } from "../native/addon.ts";
import { loadNative } from "../native/load.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Session } from "./session.ts";

/** A callback of the program that is to be called: it has an async context of its own. */
export abstract class Delivery extends AsyncResource {
  /** @param type What async_hooks calls it. */
  constructor(type: string) {
    super(type);
  }

  /** Calls the program; what it throws is the program's uncaught exception. */
  abstract tell(): void;
}

/** Runs in the delivery's async context. Whether the callback returned. */
function callGuarded(this: Delivery, report: (error: unknown) => void): boolean {
  try {
    this.tell();
    return true;
  } catch (error) {
    // Reported in here, where the async context (and a domain) is still the callback's.
    report(error);
    return false;
  }
}

/**
 * Calls callbacks when Node would: from the poll phase of the event loop, never from the call that
 * asked for them, from a tick or from a microtask; each with the ticks and microtasks of the one
 * before it drained, in the async context of its request, and whatever the others throw.
 *
 * So `setImmediate` in a callback comes before any timer, and `process.nextTick` after a call
 * comes before its callback, both of which programs rely on.
 */
export class Deliveries {
  readonly #scheduler: Scheduler;
  /** Asks for one call of `#deliver`, or for as many as it wants. */
  readonly #wake: () => void;
  readonly #setReferenced: (referenced: boolean) => void;
  readonly #report: (error: unknown) => void;
  #ready: Delivery[] = [];
  #batch: Delivery[] = [];
  /** The next of the batch that is being delivered. */
  #next = 0;
  #delivering = false;

  /**
   * Delivers one of a batch. Node drains ticks and microtasks when this returns, as it does after
   * each callback of its own. Returns whether it has to be called again.
   */
  readonly #deliver = (): boolean => {
    if (!this.#delivering && !this.#begin()) return false;
    const batch = this.#batch;
    // After an exception Node drains nothing either, until the next callback has returned.
    while (this.#next < batch.length) {
      if (this.#deliverOne(batch[this.#next++] as Delivery)) break;
    }
    if (this.#next < batch.length) return true;
    this.#end();
    return false;
  };

  /**
   * @param addon Has a wake-up in the poll phase. Without it, or on a runtime without libuv, the
   *   callbacks come from `setImmediate`.
   * @param hasLibuv Whether that wake-up may be asked for.
   */
  constructor(scheduler: Scheduler, addon: NativeAddon | undefined, hasLibuv: boolean) {
    this.#scheduler = scheduler;
    const wakeup = hasLibuv ? addon?.wakeupOpen(-1, this.#deliver, false) : undefined;
    if (addon === undefined || wakeup === undefined || typeof wakeup === "number") {
      const deliver = () => {
        if (this.#deliver()) setImmediate(deliver);
      };
      this.#wake = () => void setImmediate(deliver);
      this.#setReferenced = () => {};
    } else {
      this.#wake = () => addon.wakeupSend(wakeup);
      this.#setReferenced = (referenced) => {
        if (referenced) addon.wakeupRef(wakeup);
        else addon.wakeupUnref(wakeup);
      };
    }
    this.#report = addon === undefined ? rethrowLater : (error) => void addon.fatalException(error);
  }

  /** Calls it in the next poll phase. */
  add(delivery: Delivery): void {
    if (this.#ready.push(delivery) > 1 || this.#delivering) return;
    this.#setReferenced(true);
    this.#wake();
  }

  /** Takes what is ready as one batch. Returns whether there is any. */
  #begin(): boolean {
    const batch = this.#ready;
    if (batch.length === 0) return false;
    this.#ready = this.#batch;
    this.#batch = batch;
    this.#next = 0;
    this.#delivering = true;
    this.#scheduler.pace.beginGathering();
    return true;
  }

  #end(): void {
    this.#batch.length = 0;
    this.#delivering = false;
    this.#scheduler.pace.endGathering();
    if (this.#ready.length === 0) this.#setReferenced(false);
    else this.#wake();
  }

  /** Whether the callback returned. */
  #deliverOne(delivery: Delivery): boolean {
    return delivery.runInAsyncScope(callGuarded, delivery, this.#report);
  }
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

const known = new WeakMap<Session, Deliveries>();

/** The deliveries of a session; made when they are first asked for. */
export function deliveriesOf(session: Session): Deliveries {
  const made = known.get(session);
  if (made !== undefined) return made;
  const native = loadNative();
  // An engine that libuv wakes says so.
  const hasLibuv = session.engine.details.wakeup === "uv_poll";
  const addon = native.available ? native.addon : undefined;
  const deliveries = new Deliveries(session.scheduler, addon, hasLibuv);
  known.set(session, deliveries);
  return deliveries;
}
