import type { Availability, Engine, EngineFactory, EngineOptions } from "../../core/index.ts";
import { probe } from "./availability.ts";
import { SyncEngine } from "./engine.ts";

/** Blocking calls, for comparison only. */
export const sync: EngineFactory = {
  name: "sync",
  probe(): Availability {
    return probe();
  },
  create(options: EngineOptions): Engine {
    return new SyncEngine(options);
  },
};
