import type { Availability } from "../../core/index.ts";

/** Wherever node:fs is, libuv's thread pool is. */
export function probe(): Availability {
  return { available: true };
}
