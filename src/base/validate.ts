import { constants } from "node:fs";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { invalidArgType, invalidArgValue, outOfRange } from "./argument-errors.ts";
import { MAX_FD, MAX_OFFSET } from "./limits.ts";

/*
 * Checks of arguments. Each accepts what node:fs accepts, throws what node:fs throws, and
 * allocates nothing when the argument is good.
 */

/** A path as node:fs takes it. */
export type PathLike = string | Uint8Array | URL;

/** Throws unless `value` is a whole number from `min` to `max`. */
export function validateInteger(
  value: unknown,
  name: string,
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== "number") throw invalidArgType(name, "number", value);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

/** Throws unless `value` is a whole number that fits a C `int`, from `min` on. */
export function validateInt32(
  value: unknown,
  name: string,
  min = -0x8000_0000,
): asserts value is number {
  validateInteger(value, name, min, 0x7fff_ffff);
}

/** Throws unless `value` is a whole number that fits a C `unsigned`. */
export function validateUint32(value: unknown, name: string): asserts value is number {
  validateInteger(value, name, 0, 0xffff_ffff);
}

/** Throws unless `value` is a number from `min` to `max`, whole or not; NaN is out of any range. */
export function validateNumber(
  value: unknown,
  name: string,
  min?: number,
  max?: number,
): asserts value is number {
  if (typeof value !== "number") throw invalidArgType(name, "number", value);
  const low = min === undefined || value >= min;
  const high = max === undefined || value <= max;
  if (low && high) return;
  const ends = [min === undefined ? [] : `>= ${min}`, max === undefined ? [] : `<= ${max}`];
  throw outOfRange(name, ends.flat().join(" && "), value);
}

/** Throws unless `value` is a boolean. */
export function validateBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") throw invalidArgType(name, "boolean", value);
}

/** Throws unless `value` is a string. */
export function validateString(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw invalidArgType(name, "string", value);
}

/** Throws unless `value` can be called. */
export function validateFunction(
  value: unknown,
  name: string,
): asserts value is (...args: never[]) => unknown {
  if (typeof value !== "function") throw invalidArgType(name, "Function", value);
}

/** Throws unless `value` is an object that is neither null nor an array. */
export function validateObject(value: unknown, name: string): asserts value is object {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw invalidArgType(name, "Object", value);
  }
}

/** Checks a descriptor, 0 to 2^31 - 1, and returns it; -0 is 0. */
export function validateFd(value: unknown, name = "fd"): number {
  if (value === 0) return 0;
  validateInteger(value, name, 0, MAX_FD);
  return value;
}

/** Throws unless `value` is a view of memory: a Buffer, a typed array or a DataView. */
export function validateBuffer(
  value: unknown,
  name = "buffer",
): asserts value is NodeJS.ArrayBufferView {
  if (!ArrayBuffer.isView(value)) {
    throw invalidArgType(name, ["Buffer", "TypedArray", "DataView"], value);
  }
}

/** Throws unless `value` is an array of views of memory. */
export function validateBuffers(
  value: unknown,
  name = "buffers",
): asserts value is readonly NodeJS.ArrayBufferView[] {
  if (Array.isArray(value)) {
    let good = 0;
    while (good < value.length && ArrayBuffer.isView(value[good])) good++;
    if (good === value.length) return;
  }
  throw invalidArgType(name, "ArrayBufferView[]", value);
}

/**
 * Checks a path and returns it as a string or as bytes. A `file:` URL becomes the path it names;
 * any other URL, and a path with a zero byte in it, is an error.
 */
export function validatePath(value: unknown, name = "path"): string | Uint8Array {
  if (typeof value === "string") {
    if (!value.includes("\u0000")) return value;
  } else if (types.isUint8Array(value)) {
    if (!value.includes(0)) return value;
  } else if (isUrl(value)) {
    return validatePath(fileURLToPath(value), name);
  } else {
    throw invalidArgType(name, ["string", "Buffer", "URL"], value);
  }
  throw invalidArgValue(name, value, "must be a string, Uint8Array, or URL without null bytes");
}

/** Node takes whatever looks like a URL, so that one out of another realm will do. */
function isUrl(value: unknown): value is URL {
  if (value === null || typeof value !== "object") return false;
  const looks = value as Record<string, unknown>;
  return Boolean(
    looks.href && looks.protocol && looks.auth === undefined && looks.path === undefined,
  );
}

/** Throws unless `value` is an AbortSignal or undefined. */
export function validateAbortSignal(
  value: unknown,
  name = "signal",
): asserts value is AbortSignal | undefined {
  if (value === undefined) return;
  if (value === null || typeof value !== "object" || !("aborted" in value)) {
    throw invalidArgType(name, "AbortSignal", value);
  }
}

/**
 * Checks a file offset and returns it as a number; null, undefined and -1 are the file position,
 * which is -1. A bigint beyond 2^53 - 1 is out of range: no file system here has such a file.
 */
export function validatePosition(value: unknown, name = "position"): number {
  if (value === undefined || value === null) return -1;
  if (typeof value === "number") {
    validateInteger(value, name, -1, MAX_OFFSET);
    return value;
  }
  if (typeof value !== "bigint") throw invalidArgType(name, ["integer", "bigint"], value);
  if (value < -1n || value > MAX_OFFSET) throw outOfRange(name, `>= -1 && <= ${MAX_OFFSET}`, value);
  return Number(value);
}

const OCTAL = /^[0-7]+$/;

/** Reads permission bits: a number, or a string of octal digits; null and undefined are `preset`. */
export function parseFileMode(value: unknown, name: string, preset?: number): number {
  let mode = value ?? preset;
  if (typeof mode === "string") {
    if (!OCTAL.test(mode)) {
      const reason = "must be a 32-bit unsigned integer or an octal string";
      throw invalidArgValue(name, mode, reason);
    }
    mode = Number.parseInt(mode, 8);
  }
  validateUint32(mode, name);
  return mode >>> 0; // Never -0.
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;

/** The letters that open takes, each with the spellings that Node knows. */
const FLAGS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ["r", O_RDONLY],
  ["rs", O_RDONLY | O_SYNC],
  ["sr", O_RDONLY | O_SYNC],
  ["r+", O_RDWR],
  ["rs+", O_RDWR | O_SYNC],
  ["sr+", O_RDWR | O_SYNC],
  ["w", O_TRUNC | O_CREAT | O_WRONLY],
  ["wx", O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ["xw", O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ["w+", O_TRUNC | O_CREAT | O_RDWR],
  ["wx+", O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ["xw+", O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ["a", O_APPEND | O_CREAT | O_WRONLY],
  ["ax", O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ["xa", O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ["as", O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ["sa", O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ["a+", O_APPEND | O_CREAT | O_RDWR],
  ["ax+", O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ["xa+", O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ["as+", O_APPEND | O_CREAT | O_RDWR | O_SYNC],
  ["sa+", O_APPEND | O_CREAT | O_RDWR | O_SYNC],
]);

/** Reads the flags of open: a number of O_* bits, or letters such as `"r+"`; absent means read. */
export function stringToFlags(value: unknown, name = "flags"): number {
  if (typeof value === "number") {
    validateInt32(value, name);
    return value | 0; // Node aborts the process over a flag of -0.
  }
  if (value === null || value === undefined) return O_RDONLY;
  const flags = FLAGS.get(value);
  // Node says "flags" here whatever the argument is called.
  if (flags === undefined) throw invalidArgValue("flags", value);
  return flags;
}
