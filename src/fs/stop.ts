/** What ends a call of ours early: a signal, or a deadline. */
import { abortError, errnoOf, systemError } from "../base/errors.ts";
import { MAX_TIMER_MS } from "../base/limits.ts";
import { ONCE } from "../base/options.ts";
import { validateAbortSignal, validateNumber } from "../base/validate.ts";

const ETIMEDOUT = -errnoOf("ETIMEDOUT");

/** The options of calls that can be ended early. */
export interface StopOptions {
  /** Ends it, with an `AbortError`, when the kernel has let go of what is in flight. */
  readonly signal?: AbortSignal | undefined;
  /** Ends it after this many ms, with `ETIMEDOUT`. */
  readonly deadlineMs?: number | undefined;
}

/** Throws for options that make no sense. */
export function checkStop({ signal, deadlineMs }: StopOptions): void {
  validateAbortSignal(signal, "options.signal");
  if (deadlineMs !== undefined) validateNumber(deadlineMs, "options.deadlineMs", 0, MAX_TIMER_MS);
}

/** Whether, and why, a call has to end. */
export class Stop {
  /** Why it has to end; undefined while it may go on. */
  error: Error | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #onStop: (error: Error) => void;
  readonly #onAbort = () => this.#stop(abortError(this.#signal));

  /**
   * @param syscall What a deadline's error names.
   * @param onStop Called once, when it has to end; not if it had to from the beginning.
   */
  constructor(options: StopOptions, syscall: string, onStop: (error: Error) => void) {
    const { signal, deadlineMs } = options;
    this.#signal = signal;
    this.#onStop = onStop;
    if (signal?.aborted) {
      this.error = abortError(signal);
      return;
    }
    signal?.addEventListener("abort", this.#onAbort, ONCE);
    if (deadlineMs === undefined) return;
    const detail = `deadline of ${deadlineMs} ms`;
    const late = () => this.#stop(systemError(ETIMEDOUT, syscall, undefined, undefined, detail));
    this.#timer = setTimeout(late, deadlineMs);
  }

  /** The call is over: nobody is to be told any more. */
  release(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#timer);
  }

  #stop(error: Error): void {
    this.release();
    this.error ??= error;
    this.#onStop(error);
  }
}
