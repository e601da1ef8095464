/**
 * Ends an environment with native AIO in flight, in the way that its first argument names, and
 * prints "clean" when nothing was left behind. The second argument is a file of 256 KiB.
 */

import { openSync, readFileSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { O_DIRECT, POLLIN } from "../../src/abi/linux.ts";
import { IOCB_CMD_POLL } from "../../src/abi/linux-aio.ts";
import { Proactor } from "../../src/index.ts";
import { addonOrThrow } from "../native/native-addon.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { memory, RawContext } from "./linux-aio-context.ts";

interface Job {
  readonly mode: string;
  readonly path: string;
}

const job: Job = isMainThread
  ? { mode: process.argv[2] ?? "end", path: process.argv[3] ?? "" }
  : (workerData as Job);

const addon = addonOrThrow();
const kept: unknown[] = [];

/** Polls that never end, reads that are on their way: into memory of several kinds. */
function startRaw(path: string): void {
  const context = new RawContext(addon, 64);
  kept.push(context);
  const eventFd = addon.eventfd();
  addon.aioCloseWith(context.id, eventFd);
  const fd = openSync(path, O_DIRECT);
  const pages = addon.allocate(32 * 4096, 4096, false);
  if (typeof pages === "number") throw new Error(`No memory: ${pages}`);
  for (let i = 0; i < 32; i++) {
    const buf = i % 4 === 0 ? memory(512) : new Uint8Array(pages, i * 4096, 4096);
    context.submitOne({ fd, buf, offset: i * 4096 });
    context.submitOne({ opcode: IOCB_CMD_POLL, fd: eventFd, buf: POLLIN });
  }
}

/** The same through the engine; nothing of it is awaited. */
function startEngine(path: string): void {
  // A poll that never ends must not keep the environment from ending.
  const proactor = new Proactor({ engine: "linux_aio", depth: 256 }).unref();
  kept.push(proactor);
  const fd = openSync(path, O_DIRECT);
  for (let i = 0; i < 64; i++) {
    proactor.read(fd, proactor.allocate(4096), { offset: i * 4096, notify: "none" });
  }
  proactor.poll(addon.eventfd(), POLLIN, { notify: "none" });
  proactor.run();
}

/** Reads and reads until it is terminated between any two statements. */
function churn(path: string): never {
  const context = new RawContext(addon, 64);
  const fd = openSync(path, O_DIRECT);
  const pages = addon.allocate(64 * 4096, 4096, false);
  if (typeof pages === "number") throw new Error(`No memory: ${pages}`);
  parentPort?.postMessage("ready");
  for (;;) {
    for (let i = 0; i < 64; i++) {
      context.submitOne({ fd, buf: new Uint8Array(pages, i * 4096, 4096), offset: i * 4096 });
    }
    for (let seen = 0; seen < 64; ) seen += context.events(1, 64).length;
  }
}

function start(): void {
  if (job.mode.includes("engine")) startEngine(job.path);
  else startRaw(job.path);
}

function endOfWorker(mode: string): void {
  if (mode.includes("exit")) process.exit(0);
  if (mode.includes("throw")) throw new Error("on purpose");
  if (mode.includes("terminate")) setInterval(() => {}, 1000);
  parentPort?.postMessage("ready");
}

async function runWorker(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("error", () => {});
  if (job.mode.includes("terminate")) {
    await new Promise((resolve) => worker.once("message", resolve));
    await worker.terminate();
  }
  await exited;
}

/** Rings of contexts that this process has mapped. */
function ringsMapped(): number {
  return readFileSync("/proc/self/maps", "latin1").match(/\[aio\]/g)?.length ?? 0;
}

if (!isMainThread) {
  // After this module was evaluated: V8 11 can trip over a termination in the middle of that.
  setImmediate(() => {
    if (job.mode.includes("churn")) churn(job.path);
    start();
    endOfWorker(job.mode);
  });
} else if (job.mode.includes("worker")) {
  const rounds = job.mode.includes("churn") ? 10 : 3;
  // The first Worker makes Node open things that it keeps.
  await runWorker();
  const before = openDescriptors().filter((line) => line.includes("eventfd")).length;
  for (let round = 0; round < rounds; round++) await runWorker();
  const after = openDescriptors().filter((line) => line.includes("eventfd")).length;
  if (ringsMapped() !== 0) throw new Error("A context is still there");
  // The eventfd that a poll of the engine watches is the program's own.
  const own = job.mode.includes("engine") ? rounds : 0;
  if (after !== before + own) throw new Error(`${after - before} eventfds were left behind`);
  process.stdout.write("clean\n");
} else {
  start();
  process.stdout.write("clean\n");
  if (job.mode.includes("exit")) process.exit(0);
}
