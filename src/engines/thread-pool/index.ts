import type { Availability, Engine, EngineFactory, EngineOptions } from "../../core/index.ts";
import { probe } from "./availability.ts";
import { ThreadPoolEngine } from "./engine.ts";

/** node:fs over libuv's thread pool: available everywhere, without the addon. */
export const threadPool: EngineFactory = {
  name: "thread_pool",
  probe(): Availability {
    return probe();
  },
  create(options: EngineOptions): Engine {
    return new ThreadPoolEngine(options);
  },
};
