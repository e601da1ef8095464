import type { Request } from "../core/index.ts";
import { type Extras, extrasWith } from "./extras.ts";
import type { Finisher } from "./gate.ts";
import { errorOf } from "./settlement.ts";

/**
 * Who is told how a request ended, by a plain call and without a promise: rooms above that take
 * several requests to do what their caller asked for.
 */
export interface Receiver {
  /**
   * Called from the delivery, once. What it starts belongs to the next batch.
   *
   * @param result The kernel's number: a count, a descriptor, or a negative errno.
   */
  settled(result: number): void;
  /**
   * Called when `settled` has thrown: the call closes what it opened, gives back what it holds, and
   * rejects with the error. Until now it had this request in flight; it waits for others it has.
   */
  failed(error: unknown): void;
}

/** Tells a receiver how its request ended: the one place that catches what a call throws. */
export function tell(receiver: Receiver, result: number): void {
  try {
    receiver.settled(result);
  } catch (error) {
    receiver.failed(error);
  }
}

/** A finisher's part in an operation that had to wait for room. */
export function finishing(request: Request, finisher: Finisher): Extras {
  const { kind } = request;
  const memory = request.buffer;
  let value: unknown;
  const finish = (result: number) => {
    value = finisher.finish(result >= 0 ? result : errorOf(kind, result, undefined), memory);
    return value;
  };
  return extrasWith(undefined, { finish: [finish], convert: () => value });
}
