import assert from "node:assert/strict";
import type { EngineName } from "../../src/core/index.ts";
import { Proactor } from "../../src/runtime/proactor.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { MemoryProactor } from "../support/memory-engine.ts";
import { type Pipe, withPipes } from "../support/pipes.ts";
import { SimulatedProactor } from "../support/simulated-kernel.ts";
import { withTempDir } from "../support/temp-dir.ts";
import type { RingProgram } from "./random-program.ts";

/** What a program runs on. */
export interface Stage {
  readonly proactor: Proactor;
  /** What paths begin with; empty, or with a slash at its end. */
  readonly folder: string;
  /** Both ends of an empty pipe; undefined where nothing should wait for one. */
  readonly pipe: readonly [reader: number, writer: number] | undefined;
  /** How many descriptors are open. */
  openCount(): number;
  /** Told when the engine runs. */
  begun(): void;
  /** Checks, once the proactor was shut down, that nothing is left. */
  finished(): void;
}

/** Makes the stage of a program, lets it run there, and takes everything down again. */
export type Theater = (
  program: RingProgram,
  play: (stage: Stage) => Promise<void>,
) => Promise<void>;

/** The real io_uring engine over a simulated ring. */
export const onSimulatedRing: Theater = async (program, play) => {
  const { seed, rates, startAt, unknownFlags, busyWhileOverflowed } = program;
  const { entries, completionEntries, depth, sqPoll } = program;
  const proactor = new SimulatedProactor(
    { seed, rates, startAt, unknownFlags, busyWhileOverflowed },
    { entries, completionEntries, depth, sqPoll },
  );
  const { kernel } = proactor;
  let cutChains = () => 0;
  await play({
    proactor,
    folder: "",
    pipe: kernel.files.pipe(),
    openCount: () => kernel.files.openCount,
    begun: () => {
      const { ring } = kernel;
      cutChains = () => ring.cutChains;
    },
    finished: () => {
      if ((rates.cut ?? 0) === 0) assert.equal(cutChains(), 0, "A chain is handed over as a whole");
      assert.equal(kernel.openCount, 0, "The ring and its eventfd are closed");
    },
  });
};

/** The memory engine, which is as unkind as the program's kernel. */
export const onMemory: Theater = async ({ seed, depth, rates }, play) => {
  const { deferred = 0, partial = 0, again = 0, short = 0, more = 0 } = rates;
  const faults = { late: deferred, busy: partial, refused: again, short, early: more };
  const proactor = new MemoryProactor(
    { seed, faults: { ...faults, overflow: again }, virtualTime: true },
    { depth },
  );
  const { files } = proactor.memoryEngine;
  const openCount = () => files.openCount;
  const pipe = files.pipe();
  await play({ proactor, folder: "", pipe, openCount, begun() {}, finished() {} });
};

/** A real engine on the real system, in a folder of its own. */
export function onSystem(engine: EngineName): Theater {
  return ({ entries, completionEntries, depth }, play) =>
    withTempDir(async (dir) => {
      const proactor = new Proactor({ engine, entries, completionEntries, depth });
      const stage = (pipe?: Pipe) => ({
        proactor,
        folder: `${dir}/`,
        pipe: pipe === undefined ? undefined : ([pipe.read, pipe.write] as const),
        openCount: () => openDescriptors().length,
        begun() {},
        finished() {},
      });
      // Where a request that waits cannot be canceled, no program may wait for a pipe.
      if (proactor.capabilities.cancel === "running") {
        await withPipes(1, (pipe) => play(stage(pipe)));
      } else {
        await play(stage());
      }
    }, "random");
}
