/**
 * `node --import proactor/register app.js`: proactor/fs under a program that does not know of it.
 *
 * Importing this module routes node:fs only when a flag of Node preloads it. A program that imports
 * it calls {@link register}; one that only asks imports `proactor/register/report`.
 *
 * @packageDocumentation
 */
import { register } from "./activation.ts";
import { isPreloaded } from "./preloaded.ts";

export { register, report } from "./activation.ts";
export type { CallCounts, RegisterReport } from "./counts.ts";

if (isPreloaded(import.meta.url)) register();
