import { describe, it } from "node:test";
import { checkProperty } from "../support/replay.ts";
import { memoryStage, ProgramRunner, ringStage } from "./program-runner.ts";
import { ringPrograms } from "./random-program.ts";

/** Programs in the gate. */
const RUNS = 300;
/** Steps in the longest of them. */
const LONGEST = 40;

const stages = { "a simulated ring": ringStage, "the memory engine": memoryStage };

// HAZARDS C1, C3, C7, Q1, Q2, Q4, Q5, Q7, S2: all at once, in any order, on kernels old and new.
for (const [title, stage] of Object.entries(stages)) {
  describe(`random programs on ${title}`, () => {
    const name = `settle every operation once on ${title}, with the right result`;
    it(name, { timeout: 120_000 }, async () => {
      const options = { runs: RUNS, file: import.meta.url, name };
      const run = (program: Parameters<typeof stage>[0]) =>
        new ProgramRunner(program, stage(program)).run();
      await checkProperty(ringPrograms(LONGEST), run, options);
    });
  });
}
