import { validateObject } from "./validate.ts";

/*
 * What stands in Object.prototype was put there by an attacker or by mistake, and is not an
 * option. Options are what the caller's object has itself, or has from a class of the caller's. See
 * docs/decisions/0029-options-are-own.md.
 */

/** The names that operations know; each is absent while Object.prototype is untouched. */
interface Names {
  readonly signal?: unknown;
  readonly deadlineMs?: unknown;
  readonly callback?: unknown;
  readonly queue?: unknown;
  readonly notify?: unknown;
  readonly userData?: unknown;
  readonly drain?: unknown;
  readonly offset?: unknown;
  readonly length?: unknown;
  readonly flags?: unknown;
  readonly fixedFile?: unknown;
  readonly resolve?: unknown;
  readonly mask?: unknown;
  readonly mode?: unknown;
  readonly advice?: unknown;
  readonly directory?: unknown;
  readonly from?: unknown;
  readonly to?: unknown;
  readonly fromOffset?: unknown;
  readonly toOffset?: unknown;
  readonly size?: unknown;
}

/** Has nothing of its own: what it shows is Object.prototype's. */
const probe: Names = {};

/** Whether an absent option would be found in Object.prototype. Compiled code pays nothing. */
function isPolluted(): boolean {
  return (
    probe.offset !== undefined ||
    probe.length !== undefined ||
    probe.flags !== undefined ||
    probe.fixedFile !== undefined ||
    probe.signal !== undefined ||
    probe.deadlineMs !== undefined ||
    probe.callback !== undefined ||
    probe.queue !== undefined ||
    probe.notify !== undefined ||
    probe.userData !== undefined ||
    probe.drain !== undefined ||
    probe.resolve !== undefined ||
    probe.mask !== undefined ||
    probe.mode !== undefined ||
    probe.advice !== undefined ||
    probe.directory !== undefined ||
    probe.from !== undefined ||
    probe.to !== undefined ||
    probe.fromOffset !== undefined ||
    probe.toOffset !== undefined ||
    probe.size !== undefined
  );
}

/**
 * The options of an operation: the object itself while Object.prototype is clean, so that a read
 * pays nothing; else what {@link optionsOf} makes of it.
 */
export function operationOptions<T extends object | undefined>(given: T, name = "options"): T {
  if (given === undefined) return given;
  // Written out, because this is on the way of every read.
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    validateObject(given, name);
  }
  return isPolluted() ? copyOf(given as T & object) : given;
}

/**
 * Options as they were when the call began, without anything of Object.prototype. Throws
 * `ERR_INVALID_ARG_TYPE` for what is no object; undefined has none.
 */
export function optionsOf<T extends object>(
  given: T | undefined,
  name = "options",
): Partial<T> & T {
  if (given !== undefined) validateObject(given, name);
  return copyOf((given ?? {}) as T);
}

function copyOf<T extends object>(given: T): T {
  const copy = Object.create(null) as Record<PropertyKey, unknown>;
  const from = given as Record<PropertyKey, unknown>;
  for (let at: object | null = given; at !== null; at = Object.getPrototypeOf(at)) {
    // Object.prototype, of whatever realm.
    if (at !== given && Object.hasOwn(at, "hasOwnProperty")) break;
    for (const key of Reflect.ownKeys(at)) {
      if (key !== "constructor" && !(key in copy)) copy[key] = from[key];
    }
  }
  return copy as T;
}

/** For a listener that is called once. */
export const ONCE: { readonly once: true } = Object.assign(Object.create(null), { once: true });

/** For readFileSync of node:fs, which takes what is absent from Object.prototype. */
export const TEXT: { readonly encoding: "utf8" } = Object.assign(Object.create(null), {
  encoding: "utf8",
});

/** For readdir of node:fs. */
export const FILE_TYPES: { readonly withFileTypes: true } = Object.assign(Object.create(null), {
  withFileTypes: true,
});
