import type { Availability } from "../../core/index.ts";

/** Memory is everywhere. */
export function probe(): Availability {
  return { available: true };
}
