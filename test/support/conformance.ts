import { describe, it } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { probeEngine } from "../../src/engines/index.ts";
import type { Proactor, ProactorOptions } from "../../src/index.ts";
import { engineNames } from "./engines.ts";
import { makeProactor, takePlace } from "./place.ts";

/**
 * What an engine cannot do, written down: a test that meets one of these expects the refusal, so
 * that nothing is skipped in silence and nothing is lost or gained unnoticed.
 */
export interface Limits {
  /** Operations that are refused with ENOTSUP. */
  readonly unsupported: readonly string[];
  /** RESOLVE_* and RENAME_* bits are passed on; else refused with ENOTSUP. */
  readonly perCallFlags: boolean;
  /** RWF_* bits are passed on; else refused with ENOTSUP. */
  readonly rwFlags: boolean;
  /** Most operations are done by the fallback, whose completions come from the event loop. */
  readonly fallsBack: boolean;
  /** What can be done at once is there at the next look, without a turn of the loop. */
  readonly inline: boolean;
  /** Reading an empty pipe lets the program go on. */
  readonly waitsElsewhere: boolean;
  /** What cancel can stop. */
  readonly cancel: "running" | "waiting" | "none";
  /** `wait` blocks until something completes. */
  readonly wait: boolean;
  /** registerBuffers and registerFiles do something. */
  readonly registers: boolean;
  /** Files can be opened with O_DIRECT, and transfers that are not aligned are refused by us. */
  readonly direct: boolean;
  /** There are devices, /proc and named pipes. */
  readonly specialFiles: boolean;
}

const OF_NODE_FS = ["syncFileRange", "fallocate", "fadvise", "splice", "tee", "poll"] as const;

/** The engines that the conformance tests run against, and their limits. */
export const LIMITS: Readonly<Partial<Record<EngineName, Limits>>> = {
  io_uring: {
    unsupported: [],
    perCallFlags: true,
    rwFlags: true,
    fallsBack: false,
    inline: true,
    waitsElsewhere: true,
    cancel: "running",
    wait: true,
    registers: true,
    direct: true,
    specialFiles: true,
  },
  linux_aio: {
    // Everything but transfers at an offset, fsync and poll is done by the fallback.
    unsupported: OF_NODE_FS.filter((name) => name !== "poll"),
    perCallFlags: false,
    rwFlags: true,
    fallsBack: true,
    inline: false,
    waitsElsewhere: true,
    cancel: "waiting",
    wait: true,
    registers: false,
    direct: true,
    specialFiles: true,
  },
  posix_aio: {
    // Everything but transfers at an offset and fsync is done by the fallback.
    unsupported: OF_NODE_FS,
    perCallFlags: false,
    rwFlags: false,
    fallsBack: true,
    inline: false,
    waitsElsewhere: true,
    cancel: "waiting",
    wait: true,
    registers: false,
    direct: true,
    specialFiles: true,
  },
  thread_pool: {
    unsupported: OF_NODE_FS,
    perCallFlags: false,
    rwFlags: false,
    fallsBack: false,
    inline: false,
    waitsElsewhere: true,
    cancel: "waiting",
    wait: false,
    registers: false,
    direct: true,
    specialFiles: true,
  },
  sync: {
    unsupported: OF_NODE_FS,
    perCallFlags: false,
    rwFlags: false,
    fallsBack: false,
    inline: true,
    waitsElsewhere: false,
    cancel: "none",
    wait: true,
    registers: false,
    direct: true,
    specialFiles: true,
  },
  memory: {
    unsupported: [],
    perCallFlags: true,
    rwFlags: true,
    fallsBack: false,
    inline: false,
    waitsElsewhere: true,
    cancel: "running",
    wait: true,
    registers: false,
    direct: false,
    specialFiles: false,
  },
};

/**
 * Runs one specification against every engine of {@link LIMITS}; one that cannot run here says why,
 * in a test that is skipped and counted. `ENGINES=io_uring` picks some.
 */
export function describeConformance(
  title: string,
  body: (engine: EngineName, limits: Limits) => void,
): void {
  for (const name of engineNames()) {
    const limits = LIMITS[name];
    if (limits === undefined) throw new Error(`The engine has no limits: ${name}`);
    const probed = probeEngine(name);
    if (probed.available) {
      describe(`${name}: ${title}`, () => {
        takePlace(name);
        body(name, limits);
      });
    } else it(`${name}: ${title}`, { skip: `${probed.reason} (${probed.remedy})` }, () => {});
  }
}

/** The same, for tests of what only a system has: an engine with files in memory is one skip. */
export function describeOnSystem(
  title: string,
  body: (engine: EngineName, limits: Limits) => void,
): void {
  describeConformance(title, (engine, limits) => {
    if (limits.specialFiles) body(engine, limits);
    else
      it("all of it", { skip: "Its files are in memory, and this is about the system" }, () => {});
  });
}

/** The same, for engines that let the program go on while a pipe is empty; others are one skip. */
export function describeWaiting(
  title: string,
  body: (engine: EngineName, limits: Limits) => void,
  condition: (limits: Limits) => boolean = () => true,
  reason = "This engine cannot do that",
): void {
  describeOnSystem(title, (engine, limits) => {
    if (!limits.waitsElsewhere) it("all of it", { skip: BLOCKS }, () => {});
    else if (!condition(limits)) it("all of it", { skip: reason }, () => {});
    else body(engine, limits);
  });
}

/** `it` where a condition holds; elsewhere a test that is skipped, says why, and is counted. */
export function itWhere(
  condition: boolean,
  reason: string,
): (title: string, body: () => unknown) => void {
  return (title, body) => {
    if (condition) it(title, async () => void (await body()));
    else it(title, { skip: reason }, () => {});
  };
}

/** Why tests with empty pipes are skipped for an engine that blocks. */
export const BLOCKS = "Reading an empty pipe stops the whole process on this engine";

/** Runs `body` with a proactor, and shuts it down afterwards, canceling what is still in flight. */
export async function withProactor<T>(
  options: ProactorOptions,
  body: (proactor: Proactor) => T | Promise<T>,
): Promise<T> {
  const proactor = makeProactor(options);
  let result: T;
  try {
    result = await body(proactor);
  } catch (error) {
    // What is in flight may never end without what the test failed to do: do not wait for it.
    void proactor.shutdown({ cancel: true });
    throw error;
  }
  await proactor.shutdown({ cancel: true });
  return result;
}

/** What came of something: a value, or an error as it shows itself to a program. */
export type Outcome = { readonly value: unknown } | { readonly error: Record<string, unknown> };

/** Runs something and tells what came of it, whether it throws, rejects or succeeds. */
export async function outcomeOf(run: () => unknown): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (caught) {
    const error = caught as NodeJS.ErrnoException & { dest?: string };
    const { name, message, code, errno, syscall, path, dest } = error;
    const keys = Object.keys(error);
    return { error: { name, message, code, errno, syscall, path, dest, keys } };
  }
}
