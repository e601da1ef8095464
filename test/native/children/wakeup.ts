/**
 * What a wake-up does to the life of a process. The first argument is the kind of wake-up, the
 * second what to do with it; what happened is printed.
 */

import { writeSync } from "node:fs";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ok } from "../mini-ring.ts";
import { addonOrThrow } from "../native-addon.ts";

const [kind = "", mode = ""] = isMainThread
  ? process.argv.slice(2)
  : (workerData as readonly string[]);
const addon = addonOrThrow();
const fd = addon.eventfd();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function signal(): void {
  writeSync(fd, new Uint8Array(new BigUint64Array([1n]).buffer));
}

function open(callback: () => void) {
  return ok(addon.wakeupOpen(fd, callback, kind === "thread"));
}

/** Ends Workers that have a wake-up open, by terminating them or by waiting for their own end. */
async function workers(end: string): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const thread = new Worker(new URL(import.meta.url), { workerData: [kind, end] });
    const exited = new Promise((resolve) => thread.once("exit", resolve));
    // Earlier, V8 11 can trip over its own termination while it evaluates a module.
    await new Promise((resolve) => thread.once("message", resolve));
    if (end !== "unreferenced") setTimeout(() => void thread.terminate(), round * 5);
    await exited;
  }
  say("ended");
}

switch (mode) {
  case "unreferenced":
    open(() => {});
    break;
  case "referenced": {
    const wakeup = open(() => {
      say("woken");
      addon.wakeupUnref(wakeup);
    });
    addon.wakeupRef(wakeup);
    // Nothing else keeps the process alive, and nothing else may be needed to wake it.
    if (isMainThread) setTimeout(signal, 50).unref();
    break;
  }
  case "throws": {
    const wakeup = open(() => {
      addon.wakeupClose(wakeup);
      throw new Error("on purpose");
    });
    addon.wakeupRef(wakeup);
    process.on("uncaughtException", (error) => say(`uncaught: ${error.message}`));
    signal();
    break;
  }
  case "dies": {
    const wakeup = open(() => {
      throw new Error("on purpose");
    });
    addon.wakeupRef(wakeup);
    signal();
    break;
  }
  case "storm":
    // A Worker that is terminated while it is being woken again and again.
    addon.wakeupRef(open(signal));
    signal();
    break;
  case "exits":
    addon.wakeupRef(open(() => process.exit(3)));
    signal();
    break;
  case "worker unreferenced":
  case "worker referenced":
  case "worker storm":
    await workers(mode.slice("worker ".length));
    break;
  default:
    throw new Error(`No such mode: ${mode}`);
}
parentPort?.postMessage("ready");
