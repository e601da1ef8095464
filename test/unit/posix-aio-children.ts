/**
 * Ends an environment with POSIX AIO in flight, in the way that its first argument names, and
 * prints "clean" when glibc had let go of everything. The second argument is a folder that holds
 * `file`, of 256 KiB, and `fifo`.
 */

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Proactor } from "../../src/index.ts";
import { openDescriptors } from "../support/descriptors.ts";

interface Job {
  readonly mode: string;
  readonly dir: string;
}

const job: Job = isMainThread
  ? { mode: process.argv[2] ?? "end", dir: process.argv[3] ?? "" }
  : (workerData as Job);

const kept: unknown[] = [];

/** Reads on their way into memory of every kind, most of them waiting behind each other. */
function start(): void {
  const proactor = new Proactor({ engine: "posix_aio", depth: 256 });
  // What is in flight must not keep the environment from ending.
  if (!job.mode.includes("exit")) proactor.unref();
  kept.push(proactor);
  const fd = openSync(join(job.dir, "file"), "r");
  for (let i = 0; i < 100; i++) {
    const buffer = i % 2 === 0 ? proactor.allocate(4096) : Buffer.alloc(i % 3 === 0 ? 40 : 4096);
    void proactor.read(fd, buffer, { offset: i * 1024, notify: "none" });
  }
  if (job.mode.includes("fifo")) {
    const fifo = openSync(join(job.dir, "fifo"), "r+");
    for (let i = 0; i < 3; i++) {
      void proactor.read(fifo, Buffer.alloc(8), { offset: 0, notify: "none" });
    }
  }
  proactor.run();
}

/** Reads and reads until it is terminated between any two statements. */
function churn(): never {
  const proactor = new Proactor({ engine: "posix_aio", depth: 64 });
  const fd = openSync(join(job.dir, "file"), "r");
  const buffers = Array.from({ length: 64 }, () => proactor.allocate(4096));
  parentPort?.postMessage("ready");
  for (;;) {
    for (const [i, buffer] of buffers.entries()) {
      void proactor.read(fd, buffer, { offset: i * 4096, notify: "none" });
    }
    proactor.wait({ minimum: 64 });
  }
}

function endOfWorker(): void {
  if (job.mode.includes("exit")) process.exit(0);
  if (job.mode.includes("throw")) throw new Error("on purpose");
  if (job.mode.includes("terminate")) setInterval(() => {}, 1000);
  parentPort?.postMessage("ready");
}

async function runWorker(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("error", () => {});
  if (job.mode.includes("terminate")) {
    await new Promise((resolve) => worker.once("message", resolve));
    // The thread needs a moment to begin the read that cannot be canceled any more.
    if (job.mode.includes("fifo")) await sleep(50);
    const terminated = worker.terminate();
    if (job.mode.includes("fifo")) await letGo(exited);
    await terminated;
  }
  await exited;
}

/** The Worker is held until the one read that has begun is done; the others are canceled. */
async function letGo(exited: Promise<void>): Promise<void> {
  const early = await Promise.race([exited.then(() => "exited"), sleep(100)]);
  if (early !== undefined) throw new Error("The Worker ended with a read in flight");
  const fd = openSync(join(job.dir, "fifo"), "r+");
  writeSync(fd, "x");
  await exited;
  writeSync(fd, "y");
  const byte = Buffer.alloc(1);
  // Blocks for ever when a forgotten read took the byte; the test's time limit tells.
  readSync(fd, byte);
  closeSync(fd);
}

if (!isMainThread) {
  // After this module was evaluated: V8 11 can trip over a termination in the middle of that.
  setImmediate(() => {
    if (job.mode.includes("churn")) churn();
    start();
    endOfWorker();
  });
} else if (job.mode.includes("worker")) {
  // The first Worker of a process leaves descriptors of libuv behind.
  await runWorker();
  const before = openDescriptors().filter((one) => one.includes("eventfd")).length;
  for (let i = 0; i < (job.mode.includes("churn") ? 10 : 2); i++) await runWorker();
  const after = openDescriptors().filter((one) => one.includes("eventfd")).length;
  if (after !== before) throw new Error(`${after} eventfds are open, there were ${before}`);
  process.stdout.write("clean\n");
} else {
  start();
  process.stdout.write("clean\n");
  if (job.mode.includes("exit")) process.exit(0);
}
