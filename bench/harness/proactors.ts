import { closeSync, constants, openSync, readSync } from "node:fs";
import { Proactor, proactor } from "../../src/index.ts";
import type { ModelName } from "./job.ts";
import { READ_BYTES } from "./random.ts";

const instances = new Map<string, Proactor>();

/** The proactor that a model stands for, with the options every program gets. */
export function proactorFor(model: ModelName, sqPoll = false): Proactor {
  const key = `${model} ${sqPoll}`;
  let instance = instances.get(key);
  if (instance === undefined) {
    const engine = model === "io_uring" ? "io_uring" : "thread_pool";
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

/** What can run here, and in words why. */
export interface Engines {
  /** Why io_uring is left out; undefined when it can run. */
  readonly noIoUring: string | undefined;
  /** What `proactor.explain()` says. */
  readonly explanation: string;
}

/** Asks proactor about this machine. PROACTOR_ENGINE, when set, leaves the others out. */
export function describeEngines(): Engines {
  const explanation = proactor.explain();
  const { chosen, decidedBy, engines } = explanation;
  const found = engines.find(({ name }) => name === "io_uring")?.availability;
  let noIoUring: string | undefined;
  if (found?.available === false) noIoUring = found.reason;
  else if (chosen !== "io_uring" && decidedBy === "PROACTOR_ENGINE") {
    noIoUring = `PROACTOR_ENGINE asks for ${chosen}`;
  }
  return { noIoUring, explanation: explanation.toString() };
}

/** Why a file cannot be read with O_DIRECT into our buffers, found out by trying. */
export function whyNotDirect(path: string): string | undefined {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
  const [buffer] = alignedBuffers(1) as [Buffer];
  try {
    readSync(fd, buffer, 0, READ_BYTES, 0);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EINVAL") return `it fails here (${code})`;
    return "it needs aligned buffers, which need the native addon";
  } finally {
    closeSync(fd);
  }
}
