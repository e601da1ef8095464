/**
 * Ends an environment with POSIX AIO in flight, in the way that its first argument names, and
 * prints "clean" when glibc had let go of everything. The second argument is a folder that holds
 * `file`, of 256 KiB, and `fifo`; the third is how many Workers are ended, 3 unless told.
 */

import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { aiocb, createAio } from "../../src/compat/posix-aio/index.ts";
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
function start(): number {
  const proactor = new Proactor({ engine: "posix_aio", depth: 256 });
  // What is in flight must not keep the environment from ending.
  if (!job.mode.includes("exit")) proactor.unref();
  kept.push(proactor);
  const fd = openSync(join(job.dir, "file"), "r");
  for (let i = 0; i < 100; i++) {
    const buffer = i % 2 === 0 ? proactor.allocate(4096) : Buffer.alloc(i % 3 === 0 ? 40 : 4096);
    void proactor.read(fd, buffer, { offset: i * 1024, notify: "none" });
  }
  let fifo = -1;
  if (job.mode.includes("fifo")) {
    fifo = openSync(join(job.dir, "fifo"), "r+");
    // glibc reads a FIFO whatever the offset; a proactor refuses that as pread(2) does.
    const aio = createAio();
    for (let i = 0; i < 3; i++) {
      const block = new aiocb({ aio_fildes: fifo, aio_buf: Buffer.alloc(8), aio_nbytes: 8 });
      if (aio.aio_read(block) === -1) throw new Error(`aio_read: errno ${aio.errno}`);
      kept.push(aio, block);
    }
  }
  proactor.run();
  return fifo;
}

/** read(2) on x86-64, and where Linux has one table for all. */
const READ = ["0", "63"];

/** Whether a thread of this process is in read(2) of `fd`: what the kernel says, not the clock. */
function isBeingRead(fd: number): boolean {
  return readdirSync("/proc/self/task").some((id) => {
    try {
      const [number = "", first] = readFileSync(`/proc/self/task/${id}/syscall`, "utf8").split(" ");
      return READ.includes(number) && Number(first) === fd;
    } catch {
      // The thread has ended.
      return false;
    }
  });
}

/** Reads and reads until it is terminated between any two statements. */
function churn(): never {
  const proactor = new Proactor({ engine: "posix_aio", depth: 64 });
  const fd = openSync(join(job.dir, "file"), "r");
  const buffers = Array.from({ length: 64 }, () => proactor.allocate(4096));
  parentPort?.postMessage(-1);
  for (;;) {
    for (const [i, buffer] of buffers.entries()) {
      void proactor.read(fd, buffer, { offset: i * 4096, notify: "none" });
    }
    proactor.wait({ minimum: 64 });
  }
}

function endOfWorker(fifo: number): void {
  if (job.mode.includes("exit")) process.exit(0);
  if (job.mode.includes("throw")) throw new Error("on purpose");
  if (job.mode.includes("terminate")) setInterval(() => {}, 1000);
  parentPort?.postMessage(fifo);
}

async function runWorker(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  let isRunning = true;
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  void exited.then(() => {
    isRunning = false;
  });
  worker.on("error", () => {});
  if (job.mode.includes("terminate")) {
    const fifo = await new Promise<number>((resolve) => worker.once("message", resolve));
    // Only what a thread has begun cannot be canceled any more.
    while (fifo !== -1 && !isBeingRead(fifo)) await sleep(5);
    const terminated = worker.terminate();
    if (fifo !== -1) await letGo(() => isRunning, fifo);
    await terminated;
  }
  await exited;
}

/**
 * The Worker is held until the read that has begun is done; the others are canceled. How soon it
 * comes to that is the scheduler's business: until then the next one may begin, and takes a byte.
 */
async function letGo(isRunning: () => boolean, fd: number): Promise<void> {
  await sleep(100);
  if (!isRunning()) throw new Error("The Worker ended with a read in flight");
  const fifo = openSync(join(job.dir, "fifo"), "r+");
  while (isRunning()) {
    if (isBeingRead(fd)) writeSync(fifo, "x");
    await sleep(20);
  }
  if (isBeingRead(fd)) throw new Error("A read goes on, and its Worker is gone");
  closeSync(fifo);
}

if (!isMainThread) {
  // After this module was evaluated: V8 11 can trip over a termination in the middle of that.
  setImmediate(() => {
    if (job.mode.includes("churn")) churn();
    endOfWorker(start());
  });
} else if (job.mode.includes("worker")) {
  // The first Worker of a process leaves descriptors of libuv behind.
  await runWorker();
  const before = openDescriptors().filter((one) => one.includes("eventfd")).length;
  for (let i = 0; i < Number(process.argv[4] ?? 3); i++) await runWorker();
  const after = openDescriptors().filter((one) => one.includes("eventfd")).length;
  if (after !== before) throw new Error(`${after} eventfds are open, there were ${before}`);
  process.stdout.write("clean\n");
} else {
  start();
  process.stdout.write("clean\n");
  if (job.mode.includes("exit")) process.exit(0);
}
