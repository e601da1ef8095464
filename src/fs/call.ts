/** One call of a program that takes several requests: its promise, its signal, its end. */
import { abortError } from "../base/errors.ts";
import { AbortListeners } from "../runtime/abort.ts";
import { failing } from "../runtime/failing.ts";
import type { Operation } from "../runtime/operation.ts";
import type { Receiver } from "../runtime/receiver.ts";
import type { Scheduler } from "../runtime/scheduler.ts";

type Settle = (value: unknown) => void;

// The executor must not be a closure per promise, so it leaves its function here.
let resolveNew: Settle = ignore;
function keepResolve(resolve: (value: never) => void): void {
  resolveNew = resolve as Settle;
}

function ignore(): void {}

const aborts = new AbortListeners();

/**
 * What is the same in every such call. An object serves one call after the other, so nothing is
 * allocated per step, and nothing but the promise per call.
 *
 * A signal that aborts asks the kernel to give up on what is in flight; the promise rejects once
 * the kernel has, and everything that the call had open is closed.
 */
export abstract class Call implements Receiver {
  /** What the request in flight is canceled by. */
  protected inFlight: Receiver | Operation<unknown> | undefined = undefined;
  protected signal: AbortSignal | undefined = undefined;
  #unwatch: (() => void) | undefined = undefined;
  #resolve: Settle = ignore;

  abstract settled(result: number): void;
  abstract failed(error: unknown): void;

  /** Goes on with a call from a callback that the ring did not make. */
  protected goOn(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Begins a call: its promise. */
  protected begin(scheduler: Scheduler, signal: AbortSignal | undefined): Promise<unknown> {
    const promise = new Promise(keepResolve);
    this.#resolve = resolveNew;
    if (signal !== undefined) {
      this.signal = signal;
      this.#unwatch = aborts.add(signal, () => {
        if (this.inFlight !== undefined) scheduler.requestCancel(this.inFlight);
        this.aborted();
      });
    }
    return promise;
  }

  /** Whether the call is to end as soon as it can. */
  protected get isAborted(): boolean {
    return this.signal?.aborted === true;
  }

  /** Told when the signal aborts, for calls that wait for something other than a request. */
  protected aborted(): void {}

  /** Ends the call. What an abort interrupted is an AbortError, whatever it came to. */
  protected end(value: unknown, error: unknown): void {
    this.inFlight = undefined;
    const { signal } = this;
    const unwatch = this.#unwatch;
    this.signal = undefined;
    this.#unwatch = undefined;
    // What looks like a signal may throw: then the promise is still there for the error.
    unwatch?.();
    const aborted = signal?.aborted === true;
    const resolve = this.#resolve;
    this.#resolve = ignore;
    if (signal !== undefined) {
      // In node:fs an abort has until the next turn of the loop, at least, to come in time.
      if (error === undefined && !aborted) {
        setImmediate(() => resolve(signal.aborted ? failing(abortError(signal)) : value));
        return;
      }
      if (aborted) {
        resolve(failing(abortError(signal)));
        return;
      }
    }
    resolve(error === undefined ? value : failing(error));
  }
}

/** Both errors of a call that failed and whose close failed too, in Node's shape. */
export function withCloseError(error: unknown, closeError: unknown): unknown {
  if (error === undefined) return closeError;
  const { message, code } = error as { message: string; code?: unknown };
  return Object.assign(new AggregateError([error, closeError], message), { code });
}
