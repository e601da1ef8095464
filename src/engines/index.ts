import { invalidArgValue, ProactorError } from "../base/index.ts";
import {
  type Availability,
  ENGINE_ALIASES,
  ENGINE_NAMES,
  type EngineFactory,
  type EngineName,
} from "../core/index.ts";
import { ioUring } from "./io-uring/index.ts";
import { linuxAio } from "./linux-aio/index.ts";
import { memory } from "./memory/index.ts";
import { posixAio } from "./posix-aio/index.ts";
import { sync } from "./sync/index.ts";
import { threadPool } from "./thread-pool/index.ts";

export { threadPool };

/** The engines that are built, by name; the others of {@link ENGINE_NAMES} are still to come. */
export const ENGINE_FACTORIES: Readonly<Partial<Record<EngineName, EngineFactory>>> = {
  io_uring: ioUring,
  linux_aio: linuxAio,
  posix_aio: posixAio,
  thread_pool: threadPool,
  sync,
  memory,
};

/** The engines that are chosen unless one is asked for by name, best first. */
export const PREFERENCE: readonly EngineName[] = ["io_uring", "thread_pool"];

/** What one engine said when it was asked, and what came of it. */
export interface EngineReport {
  readonly name: EngineName;
  readonly availability: Availability;
  /** Why it was chosen, or why not. */
  readonly verdict: string;
}

/** Which engine runs, and how that came about. */
export interface Choice {
  readonly factory: EngineFactory;
  /** Who decided: `"capability"`, `"option"`, or `"PROACTOR_ENGINE"`. */
  readonly decidedBy: "capability" | "option" | "PROACTOR_ENGINE";
}

/** Whether an engine can run here. */
export function probeEngine(name: EngineName): Availability {
  const factory = ENGINE_FACTORIES[name];
  if (factory !== undefined) return factory.probe();
  return {
    available: false,
    reason: `The engine ${name} is not part of this version`,
    remedy: `Use one of: ${Object.keys(ENGINE_FACTORIES).join(", ")}`,
  };
}

/** Reads an engine's name, or fio's name for it. Throws `ERR_INVALID_ARG_VALUE` for any other. */
export function engineName(value: string, argument: string): EngineName {
  const name = ENGINE_ALIASES[value] ?? value;
  if ((ENGINE_NAMES as readonly string[]).includes(name)) return name as EngineName;
  throw invalidArgValue(argument, value, `must be one of: ${ENGINE_NAMES.join(", ")}`);
}

/**
 * Chooses an engine: the one asked for, else the one that PROACTOR_ENGINE names, else the first of
 * {@link PREFERENCE} that can run.
 *
 * @throws `ERR_PROACTOR_ENGINE_UNAVAILABLE` when the one asked for cannot run here.
 */
export function chooseEngine(asked: string | undefined): Choice {
  const forced = asked ?? process.env.PROACTOR_ENGINE;
  if (forced !== undefined && forced !== "") {
    const decidedBy = asked === undefined ? "PROACTOR_ENGINE" : "option";
    const name = engineName(forced, asked === undefined ? "PROACTOR_ENGINE" : "options.engine");
    const availability = probeEngine(name);
    const factory = ENGINE_FACTORIES[name];
    if (availability.available && factory !== undefined) return { factory, decidedBy };
    const { reason, remedy } = availability as Extract<Availability, { available: false }>;
    throw new ProactorError(
      "ERR_PROACTOR_ENGINE_UNAVAILABLE",
      `The engine ${name} cannot run here: ${reason}`,
      remedy,
    );
  }
  for (const name of PREFERENCE) {
    const factory = ENGINE_FACTORIES[name];
    if (factory?.probe().available) return { factory, decidedBy: "capability" };
  }
  return { factory: threadPool, decidedBy: "capability" };
}

/** Asks every engine, for `explain`. */
export function reportEngines(chosen: EngineName | undefined): readonly EngineReport[] {
  return ENGINE_NAMES.map((name) => {
    const availability = probeEngine(name);
    let verdict = "not chosen: another one was asked for, or comes first";
    if (name === chosen) verdict = "chosen";
    else if (!availability.available) verdict = "unavailable";
    else if (!PREFERENCE.includes(name)) verdict = "not chosen: only on request";
    return { name, availability, verdict };
  });
}
