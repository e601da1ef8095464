import { ProactorError } from "../../base/errors.ts";
import type { Availability, Engine, EngineFactory, EngineOptions } from "../../core/index.ts";
import { loadNative } from "../../native/load.ts";
import { probe } from "./availability.ts";
import { LinuxAioEngine } from "./engine.ts";

let available: Availability | undefined;

/** Linux native AIO, io_submit(2): asynchronous for files opened with O_DIRECT. */
export const linuxAio: EngineFactory = {
  name: "linux_aio",
  probe(): Availability {
    if (available !== undefined) return available;
    const answer = probe();
    // A refusal may be over in a moment: another process gives its contexts back.
    if (answer.available) available = answer;
    return answer;
  },
  create(options: EngineOptions): Engine {
    const native = loadNative();
    if (!native.available) {
      throw new ProactorError("ERR_PROACTOR_ENGINE_UNAVAILABLE", native.reason, native.remedy);
    }
    return new LinuxAioEngine(native.addon, options);
  },
};
