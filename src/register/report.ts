/**
 * What the preload does in this process. Importing this module changes nothing.
 *
 * @packageDocumentation
 */
export { report } from "./activation.ts";
export type { CallCounts, RegisterReport } from "./counts.ts";
