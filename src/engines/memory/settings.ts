import { invalidArgValue } from "../../base/index.ts";
import { FAULTS, type FaultName, type FaultRates, type ScriptedFault } from "./faults.ts";
import type { MemoryFiles } from "./files.ts";

/** How a memory engine is made, besides what every engine is made with. */
export interface MemorySettings {
  /** Decides the order of completions and every fault; 1 unless told. */
  readonly seed?: number;
  /** How probable faults are. */
  readonly faults?: FaultRates;
  /** Faults at certain places. */
  readonly script?: readonly ScriptedFault[];
  /** The files, where several engines share them or the test wants to see them. */
  readonly files?: MemoryFiles;
  /** Room for data in bytes, where `files` is not given. */
  readonly capacityBytes?: number;
  /** Timeouts wait for nobody: time moves on when nothing else can. */
  readonly virtualTime?: boolean;
}

/** The variables of the environment that the engine reads. */
export interface MemoryEnvironment {
  /** A whole number: `"7"`. */
  readonly PROACTOR_MEMORY_SEED?: string | undefined;
  /** Names and probabilities: `"short=0.2,late=0.5"`. */
  readonly PROACTOR_MEMORY_FAULTS?: string | undefined;
}

/** Reads the settings of the environment. Throws `ERR_INVALID_ARG_VALUE` for what makes none. */
export function settingsFrom(environment: MemoryEnvironment): MemorySettings {
  const { PROACTOR_MEMORY_SEED: seed = "", PROACTOR_MEMORY_FAULTS: faults = "" } = environment;
  const settings: { seed?: number; faults?: FaultRates } = {};
  if (seed !== "") {
    const number = Number(seed);
    if (!Number.isInteger(number)) {
      throw invalidArgValue("PROACTOR_MEMORY_SEED", seed, "must be a whole number");
    }
    settings.seed = number;
  }
  if (faults !== "") settings.faults = parseFaults(faults);
  return settings;
}

/** The environment that makes an engine do the same again: `"PROACTOR_MEMORY_SEED=7"`. */
export function replayOf({ seed = 1, faults = {} }: MemorySettings): string {
  const rates = Object.entries(faults).map(([name, rate]) => `${name}=${rate}`);
  const suffix = rates.length === 0 ? "" : ` PROACTOR_MEMORY_FAULTS=${rates.join(",")}`;
  return `PROACTOR_ENGINE=memory PROACTOR_MEMORY_SEED=${seed}${suffix}`;
}

function parseFaults(text: string): FaultRates {
  const rates: Partial<Record<FaultName, number>> = {};
  for (const part of text.split(",")) {
    const [name = "", value = ""] = part.trim().split("=");
    const rate = Number(value);
    if (!(FAULTS as readonly string[]).includes(name) || !(rate >= 0 && rate <= 1)) {
      const names = FAULTS.join(", ");
      throw invalidArgValue(
        "PROACTOR_MEMORY_FAULTS",
        part,
        `must be a fault and a probability, as in "short=0.2"; faults are ${names}`,
      );
    }
    rates[name as FaultName] = rate;
  }
  return rates;
}
