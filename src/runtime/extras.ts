import { MAX_TIMER_MS } from "../base/limits.ts";
import { operationOptions } from "../base/options.ts";
import {
  validateAbortSignal,
  validateFunction,
  validateNumber,
  validateObject,
} from "../base/validate.ts";
import type { BufferView, Request } from "../core/index.ts";
import type { Turn } from "./file-positions.ts";
import type { Completion } from "./operation.ts";

/** Where completions are put instead of, or besides, a promise. */
export interface CompletionSinkOption {
  push(completion: Completion<never>): void;
}

/** What any operation can be told besides its own arguments. */
export interface OperationOptions<T = unknown> {
  /** Cancels it. The rejection (`AbortError`) comes only once the kernel has let go. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after this many ms, with `ETIMEDOUT`. */
  readonly deadlineMs?: number | undefined;
  /** Called with the error or the result when it is done; a failure then counts as handled. */
  readonly callback?: ((error: Error | null, result?: T) => void) | undefined;
  /** Put the completion there; a failure then counts as handled. */
  readonly queue?: CompletionSinkOption | undefined;
  /** `"none"`: nobody awaits it, its result will be asked for (as SIGEV_NONE). */
  readonly notify?: "promise" | "none" | undefined;
  /** Handed back with the completion. */
  readonly userData?: unknown;
  /** Starts only when everything submitted before has completed. */
  readonly drain?: boolean | undefined;
}

/**
 * What is known of an operation beyond the common case. Most reads and writes have none, and the
 * road of a completion without extras is the short one.
 */
export interface Extras {
  options?: OperationOptions<never> | undefined;
  path?: string | Uint8Array | undefined;
  dest?: string | Uint8Array | undefined;
  /** Makes the result out of the kernel's number. */
  convert?: ((result: number) => unknown) | undefined;
  /** In place of a negative result: the number of the reason why the engine failed. */
  reason?: number | undefined;
  /** A better error for a negative result, where somebody knows one. */
  explain?: ((result: number) => Error | undefined) | undefined;
  /**
   * Runs before anything else when it completes: copies a bounce buffer back, stops a timer. An
   * error that it returns is what the operation fails with.
   */
  finish?: ((result: number) => unknown)[] | undefined;
  /** The caller's memory, where the kernel has a copy of it. */
  source?: BufferView[] | undefined;
  /** Runs after all of `finish`: gives memory back. */
  last?: (() => void)[] | undefined;
  listeners?: ((completion: Completion<never>) => void)[] | undefined;
  /** Why it was canceled, if it was: what to reject with. */
  canceled?: "requested" | "aborted" | "deadline" | undefined;
  /** It moves a file position, and it is its turn. */
  turn?: Turn | undefined;
  /** When its deadline passes, on the clock of performance.now(), in ms. */
  deadlineAt?: number | undefined;
}

/** All fields, so that none is looked for in Object.prototype. */
const NOTHING: Extras = {
  options: undefined,
  path: undefined,
  dest: undefined,
  convert: undefined,
  reason: undefined,
  explain: undefined,
  finish: undefined,
  source: undefined,
  last: undefined,
  listeners: undefined,
  canceled: undefined,
  turn: undefined,
  deadlineAt: undefined,
};

/** What is known of an operation, with more besides. */
export function extrasWith(known: Extras | undefined, more?: Extras): Extras {
  return { ...NOTHING, ...known, ...more };
}

/**
 * Gathers what is to be remembered of a request besides itself; undefined in the common case.
 * Checks the options that every operation has.
 */
export function extrasFor(
  request: Request,
  options: OperationOptions<never> | undefined,
  convert: ((result: number) => unknown) | undefined,
  known: Extras | undefined,
): Extras | undefined {
  let extras = known;
  const asked = options === undefined ? undefined : askedFor(request, options);
  if (asked !== undefined) extras = extrasWith(extras, { options: asked.options });
  if (request.path === undefined && convert === undefined) return extras;
  extras ??= extrasWith(undefined);
  if (convert !== undefined) extras.convert = convert;
  // With a descriptor, an empty path is our own way to say: the descriptor itself.
  if (request.path !== "" || request.fd < 0) extras.path = request.path;
  if (request.path2 !== undefined) extras.dest = request.path2;
  return extras;
}

/** The same for an operation with nothing but its options. */
export function askedFor(request: Request, options: OperationOptions<never>): Extras | undefined {
  const told = operationOptions(options);
  const { signal, deadlineMs, callback, queue, notify, userData, drain } = told;
  if (drain === true) request.drain = true;
  if (
    signal === undefined &&
    deadlineMs === undefined &&
    callback === undefined &&
    queue === undefined &&
    notify === undefined &&
    userData === undefined
  ) {
    return undefined;
  }
  validateAbortSignal(signal, "options.signal");
  if (deadlineMs !== undefined) validateNumber(deadlineMs, "options.deadlineMs", 0, MAX_TIMER_MS);
  if (callback !== undefined) validateFunction(callback, "options.callback");
  if (queue !== undefined) {
    validateObject(queue, "options.queue");
    validateFunction(queue.push, "options.queue.push");
  }
  // As it was when it was checked: nothing is asked of the caller's object later.
  const checked = { signal, deadlineMs, callback, queue, notify, userData, drain };
  return extrasWith(undefined, { options: checked });
}
