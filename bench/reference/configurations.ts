import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EngineName } from "../../src/core/index.ts";
import type { NodeRelease } from "../../tools/lib/node-release.ts";
import { HEAP_OPTIONS, type HeapMeasurement } from "../harness/heap.ts";
import type { HashingJob, HeapJob, ModelName, ReadJob } from "../harness/job.ts";
import { commandFor, runCommand } from "../harness/processes.ts";
import { cpuPerOperation, type Measurement, rate } from "../harness/result.ts";
import { countCalls, landmarksFor, straceArguments, totalCalls } from "../harness/strace.ts";
import { ROOT, type TestFile } from "../harness/test-file.ts";
import type { ReferenceName } from "./compile.ts";
import { type FioJob, fioCommand, parseFio } from "./fio.ts";
import type { Options } from "./options.ts";
import type { Sample } from "./rows.ts";

/** What one process is started for. */
export interface Configuration {
  readonly name: string;
  /** Starts the process and waits for its numbers. */
  run(): Promise<{ sample: Sample; raw: unknown }>;
}

/** Everything the configurations are made of. */
export interface Setting {
  readonly file: TestFile;
  readonly options: Options;
  readonly newest: NodeRelease;
  /** Path of a compiled C reference. */
  readonly reference: (name: ReferenceName) => string;
}

const PLAIN_32 = { model: "io_uring", depth: 32, plain: true } as const;
const PLAIN_DIRECT = { ...PLAIN_32, direct: true } as const;

/** Reads that are counted by strace: enough that the two ends do not matter. */
const COUNTED_READS = 12_800;

/** Reads before those. */
const RAMP_READS = 3200;

/** With SQPOLL nothing is left but V8's own calls: its compilers must be done. */
const SQPOLL_RAMP_READS = 200_000;

/** Awaited reads whose garbage still fits into the young generation. */
const HEAP_READS = 50_000;

/**
 * Every configuration, each a process of its own. What is compared stands side by side: a round
 * runs the list forwards or backwards (see `interleave`).
 */
export function allConfigurations(setting: Setting): Configuration[] {
  return [
    c(setting, "pread-cached", "pread", {}),
    fio(setting, "fio-cached-32", { direct: false }),
    c(setting, "c-cached-32", "uring-read", { depth: 32 }),
    node(setting, "proactor-cached-32", PLAIN_32),
    node(setting, "operation-cached-32", { model: "io_uring", depth: 32 }),
    node(setting, "fs-cached-32", { model: "fs/promises", depth: 32 }),
    node(setting, "newest-fs-cached-32", { model: "fs/promises", depth: 32 }, true),
    node(setting, "newest-proactor-cached-32", PLAIN_32, true),
    node(setting, "fs-cached-1", { model: "fs/promises", depth: 1 }),
    node(setting, "proactor-cached-1", { model: "io_uring", depth: 1 }),
    c(setting, "c-cached-1", "uring-read", { depth: 1 }),
    c(setting, "c-fixed-128", "uring-read", { depth: 128, fixed: 1 }),
    ring(setting, "ring-fixed-128", "read"),
    ring(setting, "verbs-fixed-128", "read", "ring-verbs"),
    c(setting, "c-nop-128", "uring-nop", { depth: 128 }),
    ring(setting, "ring-nop-128", "nop"),
    ring(setting, "verbs-nop-128", "nop", "ring-verbs"),
    c(setting, "c-direct-32", "uring-read", { depth: 32, direct: 1 }),
    fio(setting, "fio-direct-32", { direct: true }),
    node(setting, "proactor-direct-32", PLAIN_DIRECT),
    node(setting, "fs-direct-32", { model: "fs/promises", depth: 32, direct: true }),
    c(setting, "c-libaio-direct-32", "libaio-read", { depth: 32, direct: 1 }),
    fio(setting, "fio-libaio-direct-32", { direct: true, engine: "libaio" }),
    node(setting, "linux-aio-direct-32", { ...PLAIN_DIRECT, model: "linux_aio" }),
    c(setting, "c-posix-aio-1", "posix-aio-read", { depth: 1 }),
    aio(setting, "aio-io-uring-1", "io_uring"),
    aio(setting, "aio-glibc-1", "posix_aio"),
    fio(setting, "fio-posixaio-32", { direct: false, engine: "posixaio" }),
    node(setting, "posix-aio-32", { ...PLAIN_32, model: "posix_aio" }),
    hashing(setting, "proactor-hashing", "io_uring"),
    hashing(setting, "fs-hashing", "fs/promises"),
    heap(setting, "proactor-heap", { model: "io_uring", plain: true }),
    heap(setting, "operation-heap", { model: "io_uring" }),
    heap(setting, "newest-operation-heap", { model: "io_uring" }, true),
    heap(setting, "fs-heap", { model: "fs/promises" }),
    counted(setting, "proactor-calls", { model: "io_uring" }),
    counted(setting, "proactor-calls-sqpoll", { model: "io_uring", sqPoll: true }),
    counted(setting, "fs-calls", { model: "fs/promises" }),
  ];
}

function c(
  { file, options, reference }: Setting,
  name: string,
  program: ReferenceName,
  settings: Readonly<Record<string, number>>,
): Configuration {
  const { seconds, rampSeconds: ramp } = options;
  const args = Object.entries({ ...settings, seconds, ramp }).map(
    ([key, value]) => `${key}=${value}`,
  );
  return timed(name, async () => {
    const command = { file: reference(program), args: [`file=${file.path}`, ...args] };
    return (await runCommand(command)) as Measurement;
  });
}

function fio(
  { file, options }: Setting,
  name: string,
  job: Pick<FioJob, "direct" | "engine">,
): Configuration {
  const { seconds, rampSeconds } = options;
  const command = fioCommand({ path: file.path, depth: 32, seconds, rampSeconds, ...job });
  return timed(name, async () => parseFio(await runCommand(command)));
}

function node(
  setting: Setting,
  name: string,
  job: { model: ReadJob["model"]; depth: number; direct?: boolean; plain?: boolean },
  onNewest = false,
): Configuration {
  return timed(name, async () => {
    const command = commandFor(
      readJob(setting, job),
      onNewest ? pathOf(setting.newest) : undefined,
    );
    return (await runCommand(command)) as Measurement;
  });
}

function ring(
  { file, options }: Setting,
  name: string,
  operation: "read" | "nop",
  source: "ring" | "ring-verbs" = "ring",
): Configuration {
  const program = join(ROOT, "dist", "bench", "reference", `${source}.js`);
  const { seconds, rampSeconds } = options;
  const job = {
    operation,
    path: file.path,
    bytes: file.bytes,
    depth: 128,
    seconds,
    rampSeconds,
    seed: 1,
  };
  return timed(name, async () => {
    const command = { file: process.execPath, args: [program, JSON.stringify(job)] };
    return (await runCommand(command)) as Measurement;
  });
}

/** The functions of `<aio.h>` at depth 1: on glibc, or over an engine. */
function aio({ file, options }: Setting, name: string, engine: EngineName): Configuration {
  const program = join(ROOT, "dist", "bench", "reference", "posix-aio.js");
  const { seconds, rampSeconds } = options;
  const job = {
    engine,
    path: file.path,
    bytes: file.bytes,
    depth: 1,
    seconds,
    rampSeconds,
    seed: 1,
  };
  return timed(name, async () => {
    const command = { file: process.execPath, args: [program, JSON.stringify(job)] };
    return (await runCommand(command)) as Measurement;
  });
}

function hashing({ file, options }: Setting, name: string, model: ModelName): Configuration {
  const { path, bytes } = file;
  // A read through the pool takes seconds, and one is not enough to show a spread.
  const seconds = Math.max(3 * options.seconds, 1);
  const job: HashingJob = { kind: "hashing", model, path, bytes, seconds, seed: 1 };
  return timed(name, async () => (await runCommand(commandFor(job))) as Measurement);
}

function heap(
  setting: Setting,
  name: string,
  how: { model: ModelName; plain?: boolean },
  onNewest = false,
): Configuration {
  const { path, bytes } = setting.file;
  const job: HeapJob = { kind: "heap", ...how, path, bytes, ops: HEAP_READS, depth: 32, seed: 1 };
  return {
    name,
    run: async () => {
      const command = commandFor(job, onNewest ? pathOf(setting.newest) : undefined, HEAP_OPTIONS);
      const raw = (await runCommand(command)) as HeapMeasurement;
      if (raw.collections > 0) throw new Error(`${name}: garbage was collected during the run`);
      return { sample: { heap: raw.bytesPerRead }, raw };
    },
  };
}

function counted(
  setting: Setting,
  name: string,
  job: { model: ModelName; sqPoll?: boolean },
): Configuration {
  const log = join(dirname(setting.file.path), `${name}.strace`);
  const landmarks = landmarksFor(name);
  const sqPoll = job.sqPoll === true;
  const length = { rampOps: sqPoll ? SQPOLL_RAMP_READS : RAMP_READS, ops: COUNTED_READS };
  const { file, args } = commandFor(
    readJob(setting, { depth: 32, landmarks, length, ...job }),
    process.execPath,
    // And nothing may be collected meanwhile: the collector's threads wake each other.
    sqPoll ? HEAP_OPTIONS : [],
  );
  return {
    name,
    run: async () => {
      await runCommand({ file: "strace", args: [...straceArguments(log), file, ...args] });
      const counts = countCalls(readFileSync(log, "utf8"), landmarks);
      return {
        sample: { calls: totalCalls(counts) / COUNTED_READS },
        raw: Object.fromEntries(counts),
      };
    },
  };
}

function pathOf(newest: NodeRelease): string {
  if (newest.path === undefined) throw new Error(newest.reason);
  return newest.path;
}

function readJob(
  { file, options }: Setting,
  job: Pick<ReadJob, "model" | "depth"> & Partial<ReadJob>,
): ReadJob {
  return {
    kind: "read",
    path: file.path,
    bytes: file.bytes,
    direct: false,
    length: { rampSeconds: options.rampSeconds, seconds: options.seconds },
    sampleEvery: 0,
    seed: 1,
    ...job,
  };
}

function timed(name: string, measure: () => Promise<Measurement>): Configuration {
  return {
    name,
    run: async () => {
      const raw = await measure();
      const p99 = raw.latency?.p99;
      const sample = {
        rate: rate(raw),
        cpu: cpuPerOperation(raw),
        ...(p99 === undefined ? {} : { p99 }),
      };
      return { sample, raw };
    },
  };
}
