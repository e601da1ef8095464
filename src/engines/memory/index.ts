import type { Availability, Engine, EngineFactory, EngineOptions } from "../../core/index.ts";
import { probe } from "./availability.ts";
import { MemoryEngine } from "./engine.ts";
import { settingsFrom } from "./settings.ts";

/** Files in memory and a seed that decides what happens when: for tests only. */
export const memory: EngineFactory = {
  name: "memory",
  probe(): Availability {
    return probe();
  },
  create(options: EngineOptions): Engine {
    return new MemoryEngine(options, settingsFrom(process.env));
  },
};
