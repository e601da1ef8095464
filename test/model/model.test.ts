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

async function compare(steps: readonly Step[], oracle: Machine, tested: Machine): Promise<void> {
  const expected = new Runner(oracle);
  const actual = new Runner(tested);
  try {
    for (const [i, step] of steps.entries()) {
      const wanted = inOurWords(await expected.run(step));
      assert.deepEqual(await actual.run(step), wanted, `step ${i}: ${JSON.stringify(step)}`);
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
          await compare(steps, new NodeMachine(theirs), machineOn(engine, ours, run));
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
