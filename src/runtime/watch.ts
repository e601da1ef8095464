import { errnoOf } from "../base/errors.ts";
import { CANCEL_AGAIN_MS } from "../base/limits.ts";
import { canDo, type Engine, type Request } from "../core/index.ts";
import { AbortListeners } from "./abort.ts";
import type { Extras } from "./extras.ts";
import { markHandled, type Operation, userDataOf } from "./operation.ts";
import { settle } from "./settlement.ts";

const ECANCELED = -errnoOf("ECANCELED");
/** The kernel's clock and ours may differ by this much, in ms. */
const CLOCK_SLACK_MS = 1;

/** What an operation's options ask for besides its own arguments: signals, deadlines, listeners. */
export class Watches {
  readonly #engine: Engine;
  readonly #cancel: (operation: Operation<unknown>) => void;
  readonly #aborts = new AbortListeners();

  /** @param cancel Asks for the cancellation of an operation whose time or signal has come. */
  constructor(engine: Engine, cancel: (operation: Operation<unknown>) => void) {
    this.#engine = engine;
    this.#cancel = cancel;
  }

  /** Arranges everything but the deadline. False where the signal has aborted: then it is over. */
  options(operation: Operation<unknown>, request: Request, extras: Extras): boolean {
    const { options } = extras;
    if (options === undefined) return true;
    if (options.callback || options.queue || options.notify === "none") markHandled(operation);
    const { signal, userData } = options;
    if (userData !== undefined) userDataOf.set(operation, userData);
    if (signal === undefined) return true;
    if (signal.aborted) {
      extras.canceled = "aborted";
      settle(operation, request.kind, ECANCELED, extras);
      return false;
    }
    extras.finish ??= [];
    extras.finish.push(
      this.#aborts.add(signal, () => {
        extras.canceled ??= "aborted";
        this.#cancel(operation);
      }),
    );
    return true;
  }

  /** Starts the clock of an operation that has a deadline: the engine's, or one of ours. */
  deadline(
    operation: Operation<unknown>,
    request: Request,
    extras: Extras,
    mustWait: boolean,
  ): void {
    const deadlineMs = extras.options?.deadlineMs;
    if (deadlineMs === undefined) return;
    extras.deadlineAt = performance.now() + deadlineMs - CLOCK_SLACK_MS;
    const { capabilities } = this.#engine;
    const theirs = capabilities.deadline && canDo(capabilities, request.kind);
    // For a request, 0 means that there is none.
    request.deadlineMs = Math.max(deadlineMs, Number.MIN_VALUE);
    if (!theirs || capabilities.withoutDeadline?.[request.kind] || mustWait) {
      this.keepTime(operation, request, extras);
    }
  }

  /** Asks again in a while for a cancellation that missed its request. */
  soon(ask: () => void): void {
    // What is in flight keeps the process alive.
    setTimeout(ask, CANCEL_AGAIN_MS).unref();
  }

  /** Keeps the time of an operation ourselves. */
  keepTime(operation: Operation<unknown>, request: Request, extras: Extras): void {
    const timer = setTimeout(() => {
      extras.canceled ??= "deadline";
      this.#cancel(operation);
    }, request.deadlineMs);
    request.deadlineMs = 0;
    // What is in flight keeps the process alive, if anything does.
    timer.unref();
    extras.finish ??= [];
    extras.finish.push(() => clearTimeout(timer));
  }
}
