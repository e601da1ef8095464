/**
 * Ends an environment with operations on their way, each of which is to be told of by SIGEV_THREAD:
 * `node ends.js <natural|exit|worker|terminate> <implementation> <folder>`.
 */

import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  aiocb,
  createAio,
  type EngineName,
  SIGEV_THREAD,
  sigevent,
} from "../../../src/compat/posix-aio/index.ts";

const [mode, implementation, dir] = (isMainThread ? process.argv.slice(2) : workerData) as [
  string,
  string,
  string,
];

let told = 0;

/** Starts reads of a file, and of a pipe that nobody writes to. */
function start(): void {
  const path = join(dir, "ends");
  writeFileSync(path, Buffer.alloc(64 * 1024, "x"));
  const engine = implementation === "glibc" ? "posix_aio" : (implementation as EngineName);
  const aio = createAio({ engine });
  const fd = openSync(path, "r");
  for (let i = 0; i < 64; i++) {
    const aio_sigevent = new sigevent({
      sigev_notify: SIGEV_THREAD,
      sigev_notify_function: () => told++,
    });
    const aio_buf = Buffer.alloc(i % 2 === 0 ? 1024 : 32);
    const block = { aio_fildes: fd, aio_offset: i * 1024, aio_buf, aio_nbytes: aio_buf.length };
    aio.aio_read(new aiocb({ ...block, aio_sigevent }));
  }
}

/** Starts and starts, until it is terminated between any two statements. */
function churn(): never {
  parentPort?.postMessage("ready");
  for (;;) start();
}

async function runWorker(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: [mode, implementation, dir] });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  if (mode === "terminate") {
    await new Promise((resolve) => worker.once("message", resolve));
    await worker.terminate();
  }
  await exited;
}

if (!isMainThread) {
  // After this module was evaluated: V8 11 can trip over a termination in the middle of that.
  setImmediate(() => {
    if (mode === "terminate") churn();
    start();
    process.exit(0);
  });
} else if (mode === "worker" || mode === "terminate") {
  for (let i = 0; i < 5; i++) await runWorker();
  process.stdout.write("over\n");
} else {
  start();
  if (mode === "natural") process.on("exit", () => process.stdout.write(`told ${told}\n`));
  else process.stdout.write("over\n", () => process.exit(0));
}
