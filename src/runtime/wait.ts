import { ProactorError } from "../base/errors.ts";
import { RETRY_MS } from "../base/limits.ts";
import type { Engine } from "../core/index.ts";
import { handOverAll } from "./ending.ts";

/** What a thread that blocks until something completes has to know of the scheduler. */
export interface Blocking {
  readonly engine: Engine;
  /** Hands over, reaps and delivers. Returns how many were delivered. */
  run(): number;
  /** Whether the engine did not take all that it was offered. */
  isRefused(): boolean;
  /** How many are with the engine. */
  inFlight(): number;
  /** Whether the next `run` has something to do though nothing is in flight. */
  canGoOn(): boolean;
}

/**
 * Blocks the thread until `minimum` completions were delivered or the time is up. Returns how many
 * were.
 */
export function waitFor(minimum: number, timeoutMs: number, blocking: Blocking): number {
  const { engine } = blocking;
  if (engine.wait === undefined || !engine.capabilities.wait) {
    throw new ProactorError(
      "ERR_PROACTOR_UNSUPPORTED",
      `The engine ${engine.name} cannot block until something completes`,
      "Await the operations instead",
    );
  }
  handOverAll();
  const until = performance.now() + timeoutMs;
  for (let delivered = 0; ; ) {
    delivered += blocking.run();
    const left = until - performance.now();
    const wanted = minimum - delivered;
    if (wanted <= 0 || left <= 0) return delivered;
    const inFlight = blocking.inFlight();
    // What was not taken does not complete, however long we wait.
    if (blocking.isRefused()) engine.wait(1, Math.min(left, RETRY_MS));
    else if (inFlight > 0) engine.wait(Math.min(wanted, inFlight), left);
    // With nothing in flight, those who wait for room have it now.
    else if (!blocking.canGoOn()) return delivered;
  }
}
