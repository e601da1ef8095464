/**
 * Linux numbers and layouts that several interfaces share.
 */

export * from "./errno.ts";
export * from "./linux-flags.ts";
export * from "./linux-layout.ts";
