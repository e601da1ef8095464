import { constants } from "node:os";
import { invalidArgValue, validateFunction, validateInteger } from "../../base/index.ts";

/** What is told of a signal that ended an operation. */
export interface SignalValue {
  /** The number of the signal. */
  readonly signal: number;
  /** `sigev_value` of the operation, or of the list, that has ended. */
  readonly value: unknown;
}

/** A listener of {@link onSignalValue}. */
export type SignalValueListener = (told: SignalValue) => void;

/** The last signal of Linux, SIGRTMAX. */
const LAST_SIGNAL = 64;

const listeners = new Map<number, Set<SignalValueListener>>();

/**
 * Listens to the values that SIGEV_SIGNAL notifications carry.
 *
 * The signal itself is real: it goes to this process, `process.on("SIGUSR2", …)` gets it, and its
 * default action happens where nobody listens. But libuv, which receives it, drops the value, and
 * signals of the same number that are sent faster than they are received become one. So values come
 * this way: one call for each notification, on the event loop, in the order in which the operations
 * ended, before or after what `process.on` gets. Listening here does not keep the signal's
 * default action from happening.
 *
 * @param signal Its name or number.
 * @returns A function that ends it.
 */
export function onSignalValue(
  signal: NodeJS.Signals | number,
  listener: SignalValueListener,
): () => void {
  const number = signalNumber(signal);
  validateFunction(listener, "listener");
  let known = listeners.get(number);
  if (known === undefined) {
    known = new Set();
    listeners.set(number, known);
  }
  known.add(listener);
  return () => {
    known.delete(listener);
  };
}

/** Calls everybody who listens to the values of a signal. */
export function tellSignalValue(signal: number, value: unknown): void {
  for (const listener of [...(listeners.get(signal) ?? [])]) listener({ signal, value });
}

/** Whether anybody listens to the values of a signal. */
export function isSignalHeard(signal: number): boolean {
  return (listeners.get(signal)?.size ?? 0) > 0;
}

/** Whether a signal of this number exists. */
export function isSignal(signal: unknown): boolean {
  return Number.isInteger(signal) && (signal as number) >= 1 && (signal as number) <= LAST_SIGNAL;
}

function signalNumber(signal: NodeJS.Signals | number): number {
  if (typeof signal === "number") {
    validateInteger(signal, "signal", 1, LAST_SIGNAL);
    return signal;
  }
  const number = constants.signals[signal];
  if (number === undefined) throw invalidArgValue("signal", signal, "is no signal of this system");
  return number;
}
