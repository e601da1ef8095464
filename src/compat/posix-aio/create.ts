import { AIO_PRIO_DELTA_MAX } from "../../abi/posix-aio.ts";
import {
  DEFAULT_DEPTH,
  invalidArgValue,
  MAX_DEPTH,
  MAX_OFFSET,
  validateInteger,
  validateString,
} from "../../base/index.ts";
import { optionsOf } from "../../base/options.ts";
import type { EngineName } from "../../core/index.ts";
import { chooseEngine } from "../../engines/index.ts";
import { posixAio } from "../../engines/posix-aio/index.ts";
import { loadNative } from "../../native/load.ts";
import type { Aio } from "./aio.ts";
import { EngineAio } from "./engine-aio.ts";
import { GlibcAio } from "./glibc-aio.ts";
import { KeptAio } from "./kept.ts";

/** How an implementation of POSIX AIO is made. */
export interface AioOptions {
  /**
   * What does the work. `"posix_aio"`, or nothing: glibc, with its own behavior in everything (the
   * best engine where there is no glibc). Any other engine: the standard's rules over that engine.
   */
  readonly engine?: EngineName | "libaio" | "posixaio" | "windowsaio" | undefined;
  /** Operations in flight at once, 4096 unless told. Not with glibc, as the others. */
  readonly aioMax?: number | undefined;
  /** Entries of one list, as many as `aioMax` unless told. */
  readonly aioListioMax?: number | undefined;
  /**
   * The first offset that no file can have: 2^53 - 1 unless told. 2^31 - 1 is what a program has
   * that was compiled for small files.
   */
  readonly offsetMaximum?: number | undefined;
}

/**
 * Makes an implementation of POSIX AIO: glibc's unless another engine is asked for.
 *
 * @throws `ERR_PROACTOR_ENGINE_UNAVAILABLE` when the engine that was asked for cannot run here;
 *   `ERR_INVALID_ARG_VALUE` for an engine that does not exist, and for limits with glibc.
 */
export function createAio(given: AioOptions = {}): Aio {
  const options = optionsOf(given);
  const { engine } = options;
  if (engine !== undefined) validateString(engine, "options.engine");
  const native = loadNative();
  const addon = native.available ? native.addon : undefined;
  const glibc = engine === undefined && posixAio.probe().available;
  const factory = glibc ? posixAio : chooseEngine(engine).factory;
  if (factory === posixAio && addon !== undefined) {
    for (const name of ["aioMax", "aioListioMax", "offsetMaximum"] as const) {
      if (options[name] === undefined) continue;
      throw invalidArgValue(`options.${name}`, options[name], "cannot be set for glibc");
    }
    return new KeptAio(new GlibcAio(addon));
  }
  const { aioMax = DEFAULT_DEPTH, offsetMaximum = MAX_OFFSET } = options;
  validateInteger(aioMax, "options.aioMax", 1, MAX_DEPTH);
  const { aioListioMax = aioMax } = options;
  validateInteger(aioListioMax, "options.aioListioMax", 1, MAX_DEPTH);
  validateInteger(offsetMaximum, "options.offsetMaximum", 1, MAX_OFFSET);
  const limits = { aioMax, aioListioMax, aioPrioDeltaMax: AIO_PRIO_DELTA_MAX, offsetMaximum };
  return new KeptAio(new EngineAio(factory, addon, limits));
}
