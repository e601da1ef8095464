import type { Request } from "../core/index.ts";
import type { Extras } from "./extras.ts";
import type { Finisher } from "./gate.ts";
import { errorOf } from "./settlement.ts";

/**
 * Who is told how a request ended, by a plain call and without a promise: rooms above that take
 * several requests to do what their caller asked for.
 */
export interface Receiver {
  /**
   * Called from the delivery, once. What it starts belongs to the next batch. It may not throw.
   *
   * @param result The kernel's number: a count, a descriptor, or a negative errno.
   */
  settled(result: number): void;
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
  return { finish: [finish], convert: () => value };
}
