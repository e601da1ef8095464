/**
 * `node --import proactor/register app.js`: proactor/fs under a program that does not know of it.
 *
 * @packageDocumentation
 */
import { createRequire, isBuiltin } from "node:module";
import { explainRoad } from "../fs/road.ts";
import { Counts, describeReport, type RegisterReport } from "./counts.ts";
import { install } from "./install.ts";
import { watchBinding } from "./mocked.ts";
import { parseSettings } from "./settings.ts";

export type { CallCounts, RegisterReport } from "./counts.ts";

/** Where a process notes that it was done: another copy of this package must not do it again. */
const DONE = Symbol.for("proactor.register");

/** The categories of trace events that node:fs writes to for calls that do not block. */
const TRACES: ReadonlySet<string> = new Set(["node", "node.fs", "node.fs.async"]);

const counts = new Counts();
const settings = parseSettings(process.env.PROACTOR_REGISTER);
const reason = whyNot();

if (settings.unknown.length > 0) {
  process.emitWarning(
    `PROACTOR_REGISTER: ${settings.unknown.join(", ")} means nothing here`,
    "ProactorWarning",
  );
}
if (reason === undefined) {
  Object.defineProperty(globalThis, DONE, { value: true });
  install({ parts: settings.parts, counts, isMocked: watchBinding() });
}
if (settings.reports) {
  process.on("exit", () => {
    process.stderr.write(`${describeReport(report())}\n`);
  });
}

/** Says what was routed, and how many calls of each function were done here or left to Node. */
export function report(): RegisterReport {
  const active = reason === undefined;
  return {
    active,
    reason,
    parts: active ? [...settings.parts] : [],
    engine: explainRoad(),
    node: process.version,
    functions: counts.snapshot(),
  };
}

/** Why node:fs stays as it is, or undefined. */
function whyNot(): string | undefined {
  if (settings.parts.size === 0) return "PROACTOR_REGISTER says so";
  if (DONE in globalThis) return "another copy of proactor has done it";
  // What Node allows or refuses by path, it does below its functions.
  if ("permission" in process && process.permission !== undefined) {
    return "the permission model is on";
  }
  // Mounted paths and their descriptors are known to Node's functions only.
  if (isBuiltin("node:vfs")) return "virtual file systems (node:vfs) are on";
  if (isTraced()) return "calls of node:fs are traced";
  return undefined;
}

/** Whether the events that Node's functions leave in a trace are asked for; ours leave none. */
function isTraced(): boolean {
  try {
    const { getEnabledCategories } = createRequire(import.meta.url)(
      "node:trace_events",
    ) as typeof import("node:trace_events");
    const categories = getEnabledCategories()?.split(",") ?? [];
    return categories.some((name) => TRACES.has(name));
  } catch {
    // A Worker has no such module, and is traced with the others.
    return false;
  }
}
