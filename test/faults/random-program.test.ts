import { describe, it } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { checkProperty } from "../support/replay.ts";
import { ProgramRunner } from "./program-runner.ts";
import { ringPrograms } from "./random-program.ts";
import { onMemory, onSimulatedRing, onSystem, type Theater } from "./stages.ts";

/** Programs in the gate: on models of a kernel, and on the real one. */
const RUNS = { model: 300, system: 40 } as const;
/** Steps in the longest of them. */
const LONGEST = 40;

function check(name: string, theater: Theater, runs: number, engine?: EngineName): Promise<void> {
  const env = engine === undefined ? {} : { env: { ENGINES: engine } };
  const options = { runs, file: import.meta.url, name, ...env };
  return checkProperty(
    ringPrograms(LONGEST),
    (program) => theater(program, (stage) => new ProgramRunner(program, stage).run()),
    options,
  );
}

const theaters = { "a simulated ring": onSimulatedRing, "an unkind memory engine": onMemory };

// HAZARDS C1, C3, C7, Q1, Q2, Q4, Q5, Q7, S2: all at once, in any order, on kernels old and new.
for (const [title, theater] of Object.entries(theaters)) {
  describe(`random programs on ${title}`, () => {
    const name = `settle every operation once on ${title}, with the right result`;
    it(name, { timeout: 120_000 }, () => check(name, theater, RUNS.model));
  });
}

describeEveryEngine("random programs, many operations at once", (engine) => {
  const name = "settle every operation once, with the right result";
  const theater = engine === "memory" ? onMemory : onSystem(engine);
  it(name, { timeout: 120_000 }, () => check(name, theater, RUNS.system, engine));
});
