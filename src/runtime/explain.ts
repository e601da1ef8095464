import { readFileSync } from "node:fs";
import { platform, release } from "node:os";
import { TEXT } from "../base/options.ts";
import type { EngineName } from "../core/index.ts";
import { type Choice, type EngineReport, reportEngines } from "../engines/index.ts";

/** Which engine runs, which do not, and why. */
export interface Explanation {
  /** The engine in use, or the one that the first operation will start. */
  readonly chosen: EngineName;
  /** Who decided: capability, an option, or PROACTOR_ENGINE. */
  readonly decidedBy: string;
  /** Those of other systems are left out, unless they were asked for. */
  readonly engines: readonly EngineReport[];
  /** What the running engine tells of itself: ring sizes, setup flags. Empty before it runs. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** Operations that another engine does for this one. */
  readonly emulated: readonly string[];
  readonly kernel: string;
  readonly runtime: string;
  /** The most memory that may be locked, as the system prints it; "unknown" elsewhere. */
  readonly lockedMemory: string;
  /** The same, for a person. */
  toString(): string;
}

/** Puts an explanation together. */
export function explain(
  choice: Choice,
  details: Explanation["details"],
  emulated: readonly string[],
  all: boolean,
): Explanation {
  const { decidedBy } = choice;
  const chosen = choice.factory.name;
  const engines = reportEngines(choice, all);
  const kernel = `${platform()} ${release()}`;
  const runtime = runtimeName();
  const lockedMemory = lockedMemoryLimit();
  return {
    chosen,
    decidedBy,
    engines,
    details,
    emulated,
    kernel,
    runtime,
    lockedMemory,
    toString() {
      const lines = [`proactor runs on ${chosen} (decided by ${decidedBy})`];
      for (const [name, value] of Object.entries(details)) lines.push(`  ${name}: ${value}`);
      if (emulated.length > 0) lines.push(`  emulated: ${emulated.join(", ")}`);
      lines.push(`  kernel: ${kernel}, ${runtime}, locked memory: ${lockedMemory}`);
      for (const { name, availability, verdict } of engines) {
        if (name === chosen) continue;
        lines.push(`${name}: ${verdict}`);
        if (availability.available) continue;
        lines.push(`  why: ${availability.reason}`);
        if (availability.remedy !== "") lines.push(`  what to do: ${availability.remedy}`);
      }
      return lines.join("\n");
    },
  };
}

function runtimeName(): string {
  const { versions } = process;
  for (const name of ["bun", "deno", "electron"] as const) {
    const version = versions[name];
    if (version !== undefined) return `${name} ${version}`;
  }
  return `Node ${versions.node}`;
}

function lockedMemoryLimit(): string {
  try {
    const limits = readFileSync("/proc/self/limits", TEXT);
    return /^Max locked memory\s+(\S+)/m.exec(limits)?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}
