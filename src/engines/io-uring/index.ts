import { ProactorError } from "../../base/errors.ts";
import type { Availability, Engine, EngineFactory, EngineOptions } from "../../core/index.ts";
import { loadNative } from "../../native/load.ts";
import { probe } from "./availability.ts";
import { IoUringEngine } from "./engine.ts";
import { mayDefer } from "./wakes-at-once.ts";

let availability: Availability | undefined;

/** io_uring(7): Linux 5.7 and newer. */
export const ioUring: EngineFactory = {
  name: "io_uring",
  probe(): Availability {
    if (availability !== undefined) return availability;
    const answer = probe();
    if (answer.available || answer.passing !== true) availability = answer;
    return answer;
  },
  create(options: EngineOptions): Engine {
    const native = loadNative();
    if (!native.available) {
      throw new ProactorError("ERR_PROACTOR_ENGINE_UNAVAILABLE", native.reason, native.remedy);
    }
    // A thread of the kernel that submits excludes it, and there is nothing to ask.
    const defer = !options.sqPoll && mayDefer(native.addon);
    const failed = (error: ProactorError) => {
      // Of a call that is forbidden now, a new ring would learn with its first operation only.
      availability = { available: false, reason: error.message, remedy: error.remedy ?? "" };
      options.failed?.(error);
    };
    return new IoUringEngine(native.addon, { ...options, failed }, defer);
  },
};
