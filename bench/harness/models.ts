import { accessSync, closeSync, constants, openSync } from "node:fs";
import { open } from "node:fs/promises";
import type { ReadJob } from "./job.ts";
import { blockingLoop, callbackLoop, proactorLoop, promisesLoop, type Run } from "./loops.ts";
import { alignedBuffers, proactorFor } from "./proactors.ts";
import { RandomBlocks, READ_BYTES } from "./random.ts";
import type { Measurement } from "./result.ts";
import { Window } from "./window.ts";

/** Runs one job to its end. */
export async function runRead(job: ReadJob): Promise<Measurement> {
  const { landmarks } = job;
  const window = new Window(job.length, job.sampleEvery, {
    onBegin: () => landmarks && lookUp(landmarks.begin),
    onEnd: () => landmarks && lookUp(landmarks.end),
  });
  const run: Run = {
    window,
    random: new RandomBlocks(Math.floor(job.bytes / READ_BYTES), job.seed),
    buffers: alignedBuffers(job.depth),
  };
  try {
    await LOOPS[job.model](job, run);
  } finally {
    window.abandon();
  }
  return window.measurement();
}

const LOOPS: Record<ReadJob["model"], (job: ReadJob, run: Run) => Promise<void>> = {
  readSync: (job, run) =>
    withDescriptor(job, async (fd) => {
      run.window.open();
      blockingLoop(fd, run);
    }),
  "fs callback": (job, run) =>
    withDescriptor(job, (fd) => together(run, (buffer) => callbackLoop(fd, run, buffer))),
  "fs/promises": async (job, run) => {
    const handle = await open(job.path, flagsOf(job));
    try {
      await together(run, (buffer) => promisesLoop(handle, run, buffer));
    } finally {
      await handle.close();
    }
  },
  thread_pool: runProactor,
  io_uring: runProactor,
  linux_aio: runProactor,
  posix_aio: runProactor,
};

async function runProactor(job: ReadJob, run: Run): Promise<void> {
  const proactor = proactorFor(job.model, job.sqPoll);
  const reader = job.plain === true ? proactor.promises : proactor;
  await withDescriptor(job, async (fd) => {
    const loops = together(run, (buffer) => proactorLoop(reader, fd, run, buffer));
    // With a kernel thread that submits, a program that goes on looking never enters the kernel.
    if (job.sqPoll === true) await drive(proactor, run.window);
    await loops;
  });
}

async function drive(proactor: { run(): number }, window: Window): Promise<void> {
  while (window.running) {
    proactor.run();
    await undefined;
    window.look();
  }
}

async function together(run: Run, loop: (buffer: Buffer) => Promise<void>): Promise<void> {
  run.window.open();
  await Promise.all(run.buffers.map(loop));
}

async function withDescriptor(job: ReadJob, body: (fd: number) => Promise<void>): Promise<void> {
  const fd = openSync(job.path, flagsOf(job));
  try {
    await body(fd);
  } finally {
    closeSync(fd);
  }
}

function flagsOf(job: ReadJob): number {
  return constants.O_RDONLY | (job.direct ? constants.O_DIRECT : 0);
}

/** The file is not there: the system call itself is the mark. */
function lookUp(path: string): void {
  try {
    accessSync(path);
  } catch {
    // As expected.
  }
}
