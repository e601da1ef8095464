import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { Proactor } from "../../src/runtime/proactor.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { MemoryProactor } from "../support/memory-engine.ts";
import { checkProperty } from "../support/replay.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { type Machine, type Outcome, Runner } from "./machine.ts";
import { NodeMachine, ProactorMachine } from "./machines.ts";
import { programs, type Step } from "./program.ts";

/** Programs for each engine in the gate. */
const RUNS = 100;
/** Operations in the longest of them. */
const LONGEST = 30;

/** The names that node:fs gives to calls that it makes in place of ours, and ours. */
const SYSCALLS: Readonly<Record<string, string>> = {
  stat: "statx",
  lstat: "statx",
  fstat: "statx",
  rmdir: "unlink",
};

/** The oracle's answer with the names of our calls. */
function inOurWords(outcome: Outcome): Outcome {
  if (!("syscall" in outcome)) return outcome;
  const theirs = String(outcome.syscall);
  const ours = SYSCALLS[theirs];
  if (ours === undefined) return outcome;
  const message = outcome.message.replace(`, ${theirs}`, `, ${ours}`);
  return { ...outcome, syscall: ours, message };
}

/**
 * What an engine is known to answer otherwise, written down: both answers become the same. Linux
 * AIO refuses to read a directory at an offset with EINVAL, as it does whatever has no such method.
 */
function alike(engine: EngineName, outcome: unknown): unknown {
  if (Array.isArray(outcome)) return outcome.map((one) => alike(engine, one));
  if (typeof outcome !== "object" || outcome === null) return outcome;
  const { value, syscall, code } = outcome as { value?: unknown; syscall?: string; code?: string };
  if (value !== undefined) return { value: alike(engine, value) };
  const reads = syscall === "read" && (code === "EISDIR" || code === "EINVAL");
  return engine === "linux_aio" && reads ? "no file to read" : outcome;
}

async function compare(
  engine: EngineName,
  steps: readonly Step[],
  oracle: Machine,
  tested: Machine,
): Promise<void> {
  const expected = new Runner(oracle);
  const actual = new Runner(tested);
  try {
    for (const [i, step] of steps.entries()) {
      const wanted = alike(engine, inOurWords(await expected.run(step)));
      const got = alike(engine, await actual.run(step));
      assert.deepEqual(got, wanted, `step ${i}: ${JSON.stringify(step)}`);
    }
  } finally {
    await expected.end();
    await actual.end();
  }
}

/** A machine on an engine, with an empty folder; the memory engine has its folder in memory. */
function machineOn(engine: EngineName, folder: string, seed: number): Machine {
  if (engine !== "memory") {
    fs.mkdirSync(folder);
    return new ProactorMachine(new Proactor({ engine }), folder);
  }
  const proactor = new MemoryProactor({ seed });
  proactor.memoryEngine.files.makeFolder(folder);
  return new ProactorMachine(proactor, folder);
}

describeEveryEngine("random programs", (engine) => {
  const name = "do what node:fs does, with the same errors and bytes";
  it(name, async () => {
    await withTempDir(async (dir) => {
      let run = 0;
      const body = async (steps: Step[]) => {
        run++;
        // Names of one length, because a link's size is the length of what it says.
        const [theirs, ours] = [join(dir, `n${run}`), join(dir, `p${run}`)];
        fs.mkdirSync(theirs);
        try {
          await compare(engine, steps, new NodeMachine(theirs), machineOn(engine, ours, run));
        } finally {
          fs.rmSync(theirs, { recursive: true, force: true });
          fs.rmSync(ours, { recursive: true, force: true });
        }
      };
      const options = { runs: RUNS, file: import.meta.url, name, env: { ENGINES: engine } };
      await checkProperty(programs(LONGEST), body, options);
    }, "model");
  });
});
