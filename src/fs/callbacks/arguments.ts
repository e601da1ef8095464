/**
 * Arguments of node:fs's callback functions that are plainly good. Whatever is not is left to
 * Node's own function, which does, or throws, what it always did: so none of these ever throws.
 */
import { MAX_FD, MAX_OFFSET } from "../../base/limits.ts";
import { parseFileMode, stringToFlags, validatePath } from "../../base/validate.ts";
import type { BufferView } from "../../core/index.ts";
import type { Callback } from "./call.ts";

/** Whether it can be called back. */
export function isCallback(value: unknown): value is Callback {
  return typeof value === "function";
}

/** Whether it shows memory. */
export function isView(value: unknown): value is BufferView {
  return ArrayBuffer.isView(value);
}

/** Whether it is a descriptor. */
export function isDescriptor(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value && value >= 0 && value <= MAX_FD;
}

/** Whether it is a whole number from 0 on that fits a C `int`. */
export function isLength(value: unknown): value is number {
  return typeof value === "number" && (value | 0) === value && value >= 0;
}

/** A file offset, -1 for the file position, or undefined where Node should look at it. */
export function plainPosition(value: unknown): number | undefined {
  if (value === null || value === undefined || value === -1) return -1;
  if (typeof value === "bigint") {
    return value >= -1n && value <= MAX_OFFSET ? Number(value) : undefined;
  }
  const good = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return good ? value : undefined;
}

/** A path, copied where it is bytes; undefined where Node should look at it. */
export function plainPath(value: unknown): string | Uint8Array | undefined {
  if (typeof value === "string") {
    return value !== "" && !value.includes("\u0000") ? value : undefined;
  }
  try {
    const path = validatePath(value);
    if (path.length === 0) return undefined;
    return typeof path === "string" ? path : Uint8Array.from(path);
  } catch {
    return undefined;
  }
}

/** O_* bits, or undefined where Node should look at them. */
export function plainFlags(value: unknown): number | undefined {
  try {
    return stringToFlags(value);
  } catch {
    return undefined;
  }
}

/** Permission bits, or undefined where Node should look at them. */
export function plainMode(value: unknown, preset: number): number | undefined {
  try {
    return parseFileMode(value, "mode", preset);
  } catch {
    return undefined;
  }
}

/** Whether an object has no property but these, so that nothing was asked for that we miss. */
export function hasOnly(value: unknown, names: readonly string[]): value is object {
  if (value === null || typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  const descriptors = Object.getOwnPropertyDescriptors(value);
  return Object.entries(descriptors).every(
    // A getter must not run twice.
    ([name, descriptor]) => names.includes(name) && "value" in descriptor,
  );
}
