/**
 * Where a conformance test has its files: on the system, or in the memory of the engine that is
 * tested. The tests call what is here as they would call node:fs, and do not know which it is.
 */

import nodeFs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { MemoryFiles } from "../../src/engines/memory/files.ts";
import { Proactor, type ProactorOptions } from "../../src/index.ts";
import { openDescriptors } from "./descriptors.ts";
import { MemoryProactor } from "./memory-engine.ts";
import { type FileCalls, MemoryFs } from "./memory-fs.ts";
import { type Pipe, withPipes as withSystemPipes } from "./pipes.ts";
import { withTempDir as withSystemTempDir } from "./temp-dir.ts";

/** Room for the largest file that the tests write in earnest. */
const CAPACITY_BYTES = 64 * 1024 * 1024;

/** The files in memory that the running test has, if it has them there. */
let memory: MemoryFiles | undefined;
let calls: FileCalls = nodeFs;
let folders = 0;

/** To be called in a suite: its tests have their files where this engine can reach them. */
export function takePlace(engine: EngineName): void {
  if (engine !== "memory") return;
  beforeEach(() => {
    memory = new MemoryFiles(CAPACITY_BYTES);
    calls = new MemoryFs(memory).calls;
  });
  after(() => {
    memory = undefined;
    calls = nodeFs;
  });
}

/** node:fs, or what stands for it. */
export const fs: FileCalls = new Proxy({} as FileCalls, {
  get: (_, name: keyof FileCalls) => {
    const call: unknown = calls[name];
    if (typeof call !== "function") throw new Error(`Not to be had in memory: fs.${name}`);
    return call.bind(calls);
  },
});

/** Makes a proactor whose engine has the files of this place. */
export function makeProactor(options: ProactorOptions): Proactor {
  if (memory === undefined) return new Proactor(options);
  return new MemoryProactor({ files: memory }, options);
}

/** `withTempDir`, in this place. */
export async function withTempDir<T>(body: (dir: string) => T | Promise<T>): Promise<T> {
  if (memory === undefined) return withSystemTempDir(body);
  // The name is as long as those of the system: that of a link counts.
  const dir = join(tmpdir(), `proactor-test-${String(++folders).padStart(6, "0")}`);
  memory.makeFolder(dir);
  return body(dir);
}

/** `withPipes`, in this place. */
export async function withPipes<T>(
  count: number,
  body: (...pipes: Pipe[]) => T | Promise<T>,
): Promise<T> {
  const files = memory;
  if (files === undefined) return withSystemPipes(count, body);
  const pipes = Array.from({ length: count }, () => pipeIn(files));
  try {
    return await body(...pipes);
  } finally {
    for (const pipe of pipes) {
      pipe.close("read");
      pipe.close("write");
    }
  }
}

/** How many descriptors are open, in this place. */
export function countDescriptors(): number {
  return memory === undefined ? openDescriptors().length : memory.openCount;
}

function pipeIn(files: MemoryFiles): Pipe {
  const [read, write] = files.pipe();
  const ends = { read, write };
  const open = new Set<string>(["read", "write"]);
  return {
    ...ends,
    close(end) {
      if (open.delete(end)) files.close(ends[end]);
    },
  };
}
