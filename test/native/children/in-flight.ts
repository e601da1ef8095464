/**
 * Ends an environment with reads in flight, in the way that its first argument names, and prints
 * "clean" when the kernel had let go of everything. The second argument is a FIFO.
 */

import { closeSync, openSync, readdirSync, readlinkSync, readSync, writeSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  IORING_OP_NOP,
  IORING_OP_POLL_ADD,
  IORING_OP_READ,
  IORING_OP_TIMEOUT,
  IORING_POLL_ADD_MULTI,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_CQE_SKIP_SUCCESS,
} from "../../../src/abi/io-uring.ts";
import { O_DIRECT, POLLIN } from "../../../src/abi/linux.ts";
import { GUARD_SILENT } from "../../../src/native/addon.ts";
import { MiniRing, ok } from "../mini-ring.ts";
import { addonOrThrow } from "../native-addon.ts";

interface Job {
  readonly mode: string;
  readonly fifo: string;
}

const job: Job = isMainThread
  ? { mode: process.argv[2] ?? "end", fifo: process.argv[3] ?? "" }
  : (workerData as Job);

const addon = addonOrThrow();

/** What must not be collected. */
const kept: unknown[] = [];

/** `new ArrayBuffer(length, { maxByteLength })`, which our TypeScript library does not know. */
function resizable(length: number, maxByteLength: number): ArrayBuffer {
  return Reflect.construct(ArrayBuffer, [length, { maxByteLength }]);
}

/** Memory of every kind that a read may go to. Some of it is made after the ring is guarded. */
function memories(): Uint8Array[] {
  return [
    new Uint8Array(4096),
    Buffer.allocUnsafe(100),
    new Uint8Array(ok(addon.allocate(65536, 4096, false))),
    new Uint8Array(resizable(4096, 8192)),
  ];
}

function startReads(fifo: string): void {
  const fd = openSync(fifo, "r+");
  const flags = job.mode.includes("defer")
    ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
    : job.mode.includes("sqpoll")
      ? IORING_SETUP_SQPOLL
      : 0;
  const ring = new MiniRing(addon, { entries: 256, flags });
  kept.push(ring);
  for (let round = 0; round < 20; round++) {
    for (const memory of memories()) {
      kept.push(memory);
      ring.queue({
        opcode: IORING_OP_READ,
        // Every fourth read blocks a worker of the kernel instead of waiting in poll.
        flags: round % 4 === 0 ? IOSQE_ASYNC : 0,
        fd,
        addr: addon.addressOf(memory),
        len: memory.byteLength,
      });
    }
  }
  // What the count of requests in flight has to get right: many completions from one request,
  // a request without any, some that were seen and some that were not.
  ring.queue({ opcode: IORING_OP_POLL_ADD, fd, len: IORING_POLL_ADD_MULTI, opFlags: POLLIN });
  ring.setControl(GUARD_SILENT, 1);
  ring.queue({ opcode: IORING_OP_NOP, flags: IOSQE_CQE_SKIP_SUCCESS });
  for (let index = 0; index < 8; index++) ring.queue({ opcode: IORING_OP_NOP });
  ring.submit();
  ring.reap();
  const limit = new BigInt64Array([3600n, 0n]);
  kept.push(limit);
  ring.queue({ opcode: IORING_OP_TIMEOUT, addr: addon.addressOf(limit), len: 1 });
  for (let index = 0; index < 8; index++) ring.queue({ opcode: IORING_OP_NOP });
  ring.submit();
}

/** Keeps direct reads of a file in flight until it is terminated between any two statements. */
function churn(path: string): never {
  const fd = openSync(path, O_DIRECT);
  const memory = new Uint8Array(ok(addon.allocate(64 * 4096, 4096, false)));
  const ring = new MiniRing(addon, { entries: 64 });
  const base = addon.addressOf(memory);
  // From here on only the kernel knows the memory, and the collector does not ask the kernel.
  kept.push(memory, ring);
  let inFlight = 0;
  parentPort?.postMessage("ready");
  for (;;) {
    while (inFlight < 64) {
      ring.queue({ opcode: IORING_OP_READ, fd, addr: base + inFlight * 4096, len: 4096 });
      inFlight++;
    }
    ring.submit(1);
    inFlight -= ring.reap().length;
  }
}

function openRings(): number {
  return readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).includes("io_uring");
    } catch {
      return false;
    }
  }).length;
}

/** How many rings there are before ours: newer versions of libuv have some. */
const ringsBefore = openRings();

/** No ring of ours is open, and no forgotten read takes what is written now. */
function checkClean(fifo: string): void {
  if (openRings() !== ringsBefore) throw new Error("A ring is still open");
  const fd = openSync(fifo, "r+");
  writeSync(fd, "x");
  const byte = Buffer.alloc(1);
  // Blocks for ever when a read in flight took the byte; the test's time limit tells.
  readSync(fd, byte);
  closeSync(fd);
  process.stdout.write("clean\n");
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

if (!isMainThread) {
  // After this module was evaluated: V8 11 can trip over a termination in the middle of that.
  setImmediate(() => {
    if (job.mode.includes("churn")) churn(job.fifo);
    startReads(job.fifo);
    endOfWorker(job.mode);
  });
} else if (job.mode.includes("churn")) {
  for (let round = 0; round < 20; round++) await runWorker();
  if (openRings() !== ringsBefore) throw new Error("A ring is still open");
  process.stdout.write("clean\n");
} else if (job.mode.includes("worker")) {
  await runWorker();
  checkClean(job.fifo);
} else {
  startReads(job.fifo);
  process.stdout.write("clean\n");
  if (job.mode.includes("exit")) process.exit(0);
}
