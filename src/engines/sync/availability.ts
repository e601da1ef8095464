import type { Availability } from "../../core/index.ts";

/** Blocking calls work everywhere. */
export function probe(): Availability {
  return { available: true };
}
