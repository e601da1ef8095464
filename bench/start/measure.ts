import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HashingJob, ModelName, ReadJob } from "../harness/job.ts";
import { Worker } from "../harness/processes.ts";
import type { Measurement } from "../harness/result.ts";
import { interleave } from "../harness/rounds.ts";
import { countCalls, landmarksFor, straceArguments, totalCalls } from "../harness/strace.ts";
import { type TestFile, warmCache } from "../harness/test-file.ts";
import type { Budget, Cell } from "./plan.ts";

/** Every fourth read is timed: the clock costs as much as a twentieth of the fastest read. */
const SAMPLE_EVERY = 4;

/** Reads under strace, which slows every system call down a hundred times. */
const COUNTED_READS_PER_DEPTH = 60;

/** Told before each step, with what comes next. */
export type OnStep = (what: string) => void;

/**
 * Runs every cell once per round. Each model has a process of its own that stays, so that a model
 * is neither slowed down by what V8 learned from another nor cold in every round.
 */
export async function measureRounds(
  cells: readonly Cell[],
  file: TestFile,
  rounds: number,
  budget: Budget,
  onStep: OnStep,
): Promise<void> {
  const workers = new Map<ModelName, Worker>();
  for (const { model } of cells) if (!workers.has(model)) workers.set(model, new Worker());
  try {
    let warmRound = -1;
    for (const { round, configuration: cell } of interleave(cells, rounds)) {
      // Somebody else's memory may have pushed the file out of the page cache.
      if (round !== warmRound) warmCache(file);
      warmRound = round;
      onStep(`round ${round + 1} of ${rounds}`);
      const rampSeconds = round === 0 ? budget.ramp + 0.05 : budget.ramp;
      const length = { rampSeconds, seconds: budget.slice };
      const job = readJob(cell, file, length, round + 1);
      cell.runs.push((await workers.get(cell.model)?.run(job)) as Measurement);
    }
  } finally {
    await Promise.all([...workers.values()].map((worker) => worker.close()));
  }
}

/** Runs one model after the other beside hashes, each in a process that ends with its hashes. */
export async function measureHashing(
  cells: readonly Cell[],
  file: TestFile,
  budget: Budget,
  onStep: OnStep,
): Promise<void> {
  for (const { model, runs } of cells) {
    onStep("beside 8 pbkdf2");
    const { path, bytes } = file;
    const job: HashingJob = {
      kind: "hashing",
      model,
      path,
      bytes,
      seconds: budget.hashing,
      seed: 1,
    };
    const worker = new Worker();
    try {
      runs.push((await worker.run(job)) as Measurement);
    } finally {
      worker.kill();
    }
  }
}

/** Counts system calls, in runs of their own. */
export async function countSystemCalls(
  cells: readonly Cell[],
  file: TestFile,
  onStep: OnStep,
): Promise<void> {
  const folder = mkdtempSync(join(dirname(file.path), "strace-"));
  const models = new Set(cells.map(({ model }) => model));
  for (const [i, model] of [...models].entries()) {
    const log = join(folder, `${i}.log`);
    const worker = new Worker(["strace", ...straceArguments(log)]);
    const ours = cells.filter((cell) => cell.model === model);
    try {
      for (const cell of ours) {
        onStep("counting system calls");
        await worker.run(countedJob(cell, file));
      }
    } finally {
      await worker.close();
    }
    const text = readFileSync(log, "utf8");
    for (const cell of ours) {
      const calls = totalCalls(countCalls(text, landmarksFor(cell.situation.id)));
      cell.calls = calls / readsCounted(cell);
    }
  }
  rmSync(folder, { recursive: true });
}

function countedJob(cell: Cell, file: TestFile): ReadJob {
  const ops = readsCounted(cell);
  const job = readJob(cell, file, { rampOps: Math.ceil(ops / 4), ops }, 1);
  return { ...job, sampleEvery: 0, landmarks: landmarksFor(cell.situation.id) };
}

function readsCounted({ situation }: Cell): number {
  return COUNTED_READS_PER_DEPTH * Math.max(4, situation.depth);
}

function readJob(
  { model, situation }: Cell,
  { path, bytes }: TestFile,
  length: ReadJob["length"],
  seed: number,
): ReadJob {
  const { depth, direct } = situation;
  return {
    kind: "read",
    model,
    path,
    bytes,
    depth,
    direct,
    length,
    sampleEvery: SAMPLE_EVERY,
    seed,
  };
}
