/**
 * Arguments of reads and writes. What is plainly good becomes a {@link Transfer}; anything else is
 * undefined, and goes to Node's own method, which knows best what is wrong with it, and whether in
 * this version anything is.
 */
import { IOV_MAX, MAX_RW_COUNT } from "../base/limits.ts";
import type { BufferView } from "../core/index.ts";

const isView = ArrayBuffer.isView as (value: unknown) => value is BufferView;
const DEFAULT_READ_BYTES = 16_384;

/** One read or write, checked. */
export interface Transfer {
  /** The memory. */
  readonly view: BufferView;
  /** Where in it the transfer begins, in bytes. */
  readonly from: number;
  readonly count: number;
  /** A file offset, or -1 for the file position. */
  readonly position: number;
  /** What the caller passed, and finds in the result. */
  readonly passed: unknown;
}

interface Options {
  readonly buffer?: unknown;
  readonly offset?: unknown;
  readonly length?: unknown;
  readonly position?: unknown;
}

/** Whether a number is a place in a file, for every version of Node the same. */
export function isPosition(position: number): boolean {
  return Number.isSafeInteger(position) && position >= 0;
}

/** Reads the arguments of `read` in each of its forms. */
export function readArguments(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Transfer | undefined {
  if (isView(buffer)) {
    if (!isOptions(offset)) return transfer(buffer, offset, length, position, buffer);
    return transfer(buffer, offset.offset, offset.length, offset.position, buffer);
  }
  if (buffer !== undefined && buffer !== null && !isOptions(buffer)) return undefined;
  const options: Options = buffer ?? {};
  const view = options.buffer === undefined ? Buffer.alloc(DEFAULT_READ_BYTES) : options.buffer;
  if (!isView(view)) return undefined;
  // Node forgets arguments beside the options.
  if (offset !== undefined || length !== undefined || position !== undefined) return undefined;
  return transfer(view, options.offset, options.length, options.position, view);
}

/** Reads the arguments of `write` in each of its forms. */
export function writeArguments(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Transfer | undefined {
  if (typeof buffer === "string") {
    // (string, position, encoding)
    if (length !== undefined && length !== null && length !== "utf8" && length !== "utf-8") {
      return undefined;
    }
    const bytes = Buffer.from(buffer);
    return transfer(bytes, 0, bytes.length, offset, buffer);
  }
  if (!isView(buffer)) return undefined;
  // Node takes null for options without any.
  if (offset === null) return transfer(buffer, 0, undefined, undefined, buffer);
  if (!isOptions(offset)) return transfer(buffer, offset, length, position, buffer);
  return transfer(buffer, offset.offset, offset.length, offset.position, buffer);
}

/** Whether these are buffers that one request can name, with anything in them. */
export function isViews(buffers: unknown): buffers is readonly BufferView[] {
  if (!Array.isArray(buffers) || buffers.length === 0 || buffers.length > IOV_MAX) return false;
  let bytes = 0;
  for (const each of buffers) {
    if (!isView(each)) return false;
    bytes += each.byteLength;
  }
  return bytes > 0 && bytes <= MAX_RW_COUNT;
}

function transfer(
  view: BufferView,
  offset: unknown,
  length: unknown,
  position: unknown,
  passed: unknown,
): Transfer | undefined {
  const most = view.byteLength;
  const from = offset ?? 0;
  if (typeof from !== "number" || !Number.isSafeInteger(from) || from < 0) return undefined;
  const count = length ?? most - from;
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count <= 0) return undefined;
  if (from + count > most || count > MAX_RW_COUNT) return undefined;
  if (position === undefined || position === null || position === -1) {
    return { view, from, count, position: -1, passed };
  }
  if (typeof position !== "number" || !isPosition(position)) return undefined;
  return { view, from, count, position, passed };
}

function isOptions(value: unknown): value is Options {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
