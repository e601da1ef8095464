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
  /** Why a better engine was passed over. */
  readonly missed?: Missed | undefined;
}

/** A better engine that could not be had. */
export interface Missed {
  readonly name: EngineName;
  readonly reason: string;
  /** It may be had later: see `Availability.passing`. */
  readonly passing: boolean;
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
  let missed: Missed | undefined;
  for (const name of PREFERENCE) {
    const factory = ENGINE_FACTORIES[name];
    if (factory === undefined) continue;
    const answer = factory.probe();
    if (answer.available) return { factory, decidedBy: "capability", missed };
    missed ??= { name, reason: answer.reason, passing: answer.passing === true };
  }
  return { factory: threadPool, decidedBy: "capability", missed };
}

/** Errors of a system that is short of something, which may be over in a moment. */
const PASSING_CODES: readonly (string | undefined)[] = [
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "EAGAIN",
  "EINTR",
];

/** What the error of an engine that could not be made says, though it had said it was available. */
export function missedBy(name: EngineName, error: unknown): Missed {
  const { code, message } = error as NodeJS.ErrnoException;
  const passing = PASSING_CODES.includes(code);
  return { name, reason: `It could not be started: ${message}`, passing };
}

/**
 * Asks every engine, for `explain`. When the program asked for one, the others are left alone: to
 * ask one may be what a filter ends the process for.
 *
 * @param all Names those of other systems, too.
 */
export function reportEngines(
  { factory, decidedBy, missed }: Choice,
  all: boolean,
): readonly EngineReport[] {
  const names = ENGINE_NAMES.filter((name) => all || ENGINE_FACTORIES[name] !== undefined);
  return names.map((name) => {
    const chosen = name === factory.name;
    if (!chosen && decidedBy !== "capability") return notAsked(name, factory.name, decidedBy);
    const availability = probeEngine(name);
    let verdict = `not chosen: ${factory.name} comes first`;
    if (chosen) verdict = "chosen";
    else if (!availability.available) verdict = "unavailable";
    else if (name === missed?.name) verdict = `not chosen: ${missed.reason}`;
    else if (!PREFERENCE.includes(name)) verdict = "not chosen: only on request";
    return { name, availability, verdict };
  });
}

function notAsked(name: EngineName, chosen: EngineName, decidedBy: string): EngineReport {
  const by = decidedBy === "option" ? "the option engine" : decidedBy;
  const availability = {
    available: false,
    reason: `It was not asked: ${by} says ${chosen}`,
    remedy: "Ask explain() of a proactor for which no engine is named",
  } as const;
  return { name, availability, verdict: "not asked" };
}
