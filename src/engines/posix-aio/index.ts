import { ProactorError } from "../../base/errors.ts";
import type { Availability, Engine, EngineFactory, EngineOptions } from "../../core/index.ts";
import { loadNative } from "../../native/load.ts";
import { probe } from "./availability.ts";
import { PosixAioEngine } from "./engine.ts";

let availability: Availability | undefined;

/** aio(7) of glibc: threads that make blocking calls, behind the functions of POSIX. */
export const posixAio: EngineFactory = {
  name: "posix_aio",
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
    return new PosixAioEngine(native.addon, options);
  },
};
