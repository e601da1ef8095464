/** Puts proactor/fs under node:fs, once in a process, and knows what became of it. */
import { isBuiltin } from "node:module";
import { explain } from "../fs/road.ts";
import { Counts, describeReport, type RegisterReport } from "./counts.ts";
import { install } from "./install.ts";
import { watchBinding } from "./mocked.ts";
import { parseSettings } from "./settings.ts";

/** Where a process notes that it is done: another copy of this package must not do it again. */
const DONE = Symbol.for("proactor.register");

/** The categories of trace events that node:fs writes to for calls that do not block. */
const TRACES: ReadonlySet<string> = new Set(["node", "node.fs", "node.fs.async"]);

const NOT_ASKED =
  "no flag of Node preloads it: start with node --import proactor/register, or call register()";

const counts = new Counts();
let parts: readonly string[] = [];
/** Why node:fs stays as it is; undefined once it does not. */
let reason: string | undefined = NOT_ASKED;

/**
 * Routes node:fs through proactor, as the preload does, for a program or a preload of your own that
 * imports `proactor/register` itself. A second call does nothing. `PROACTOR_REGISTER` limits what
 * is routed.
 *
 * @returns What `report()` says afterwards.
 */
export function register(): RegisterReport {
  if (reason !== NOT_ASKED) return report();
  const settings = parseSettings(process.env.PROACTOR_REGISTER);
  reason = whyNot(settings.parts);
  if (settings.unknown.length > 0) {
    process.emitWarning(
      `PROACTOR_REGISTER: ${settings.unknown.join(", ")} is unknown here`,
      "ProactorWarning",
    );
  }
  if (reason === undefined) {
    Object.defineProperty(globalThis, DONE, { __proto__: null, value: true } as PropertyDescriptor);
    parts = [...settings.parts];
    install({ parts: settings.parts, counts, isMocked: watchBinding() });
  }
  if (settings.reports) {
    process.on("exit", () => {
      process.stderr.write(`${describeReport(report())}\n`);
    });
  }
  return report();
}

/** Says what is routed, and how many calls of each function were done here or left to Node. */
export function report(): RegisterReport {
  return {
    active: reason === undefined,
    reason,
    parts: [...parts],
    engine: explain(),
    node: process.version,
    functions: counts.snapshot(),
  };
}

/** Why node:fs has to stay as it is, or undefined. */
function whyNot(wanted: ReadonlySet<string>): string | undefined {
  if (wanted.size === 0) return "PROACTOR_REGISTER says so";
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
    const categories =
      process.getBuiltinModule("node:trace_events").getEnabledCategories()?.split(",") ?? [];
    return categories.some((name) => TRACES.has(name));
  } catch {
    // A Worker has no such module, and is traced with the others.
    return false;
  }
}
