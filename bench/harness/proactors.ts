import { closeSync, constants, openSync, readSync } from "node:fs";
import { Proactor, proactor } from "../../src/index.ts";
import type { ReadJob } from "./job.ts";
import { READ_BYTES } from "./random.ts";

const WARM_BYTES = 1024 * 1024;

const instances = new Map<string, Proactor>();

/** The proactor that a model stands for, with the options every program gets. */
export function proactorFor(model: ReadJob["model"], sqPoll = false): Proactor {
  const key = `${model} ${sqPoll}`;
  let instance = instances.get(key);
  if (instance === undefined) {
    const engines = ["io_uring", "linux_aio", "posix_aio"] as const;
    const engine = engines.find((name) => name === model) ?? "thread_pool";
    instance = new Proactor({ engine, sqPoll });
    instances.set(key, instance);
  }
  return instance;
}

const buffers: Buffer[] = [];

/**
 * Buffers for as many reads as are kept in flight, aligned for O_DIRECT where that can be had.
 * Every model gets the same, and every run the same again: there is one run at a time.
 */
export function alignedBuffers(count: number): Buffer[] {
  while (buffers.length < count) buffers.push(alignedBuffer());
  return buffers.slice(0, count);
}

function alignedBuffer(): Buffer {
  try {
    return proactor.allocate(READ_BYTES);
  } catch {
    return Buffer.allocUnsafeSlow(READ_BYTES);
  }
}

/**
 * Why io_uring is left out here and what can be done about it, out of `proactor.explain()`;
 * undefined when it can run. PROACTOR_ENGINE, when it names another engine, leaves it out.
 */
export function whyNoIoUring(): string | undefined {
  const { chosen, decidedBy, engines } = proactor.explain();
  const found = engines.find(({ name }) => name === "io_uring")?.availability;
  if (found?.available === false) {
    return found.remedy === "" ? found.reason : `${found.reason}. ${found.remedy}`;
  }
  if (chosen === "io_uring" || decidedBy !== "PROACTOR_ENGINE") return undefined;
  return `PROACTOR_ENGINE asks for ${chosen}`;
}

/**
 * Reads a whole file once with O_DIRECT. Returns undefined, or why it cannot be done here.
 *
 * The host under a virtual machine, and the controller of a disk, have caches of their own: whoever
 * read a fresh file first would fill them for all others.
 */
export function warmDevice({ path, bytes }: { path: string; bytes: number }): string | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
  const buffer = proactor.allocate(WARM_BYTES);
  try {
    for (let at = 0; at < bytes; at += WARM_BYTES) readSync(fd, buffer, 0, WARM_BYTES, at);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EINVAL") return `it fails here (${code})`;
    return "it needs aligned buffers, which need the native addon";
  } finally {
    closeSync(fd);
  }
}
