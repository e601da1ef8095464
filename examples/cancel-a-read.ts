/** Cancels a read that has nothing to read: `node dist/examples/cancel-a-read.js`. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AbortError, constants, proactor } from "proactor";

const folder = mkdtempSync(join(tmpdir(), "proactor-cancel-"));
const path = join(folder, "pipe");
execFileSync("mkfifo", [path]);
const pipe = await proactor.open(path, constants.O_RDWR);
const buffer = Buffer.alloc(64);

// A thread that is stuck in read(2) cannot be called back: there, the bytes must come after all.
const cancelable = proactor.capabilities.cancel === "running";
const write = () => cancelable || proactor.write(pipe, Buffer.from("bytes"));

const reading = proactor.read(pipe, buffer);
const settled = reading.then(
  (bytes) => `resolved with ${bytes}`,
  (error) => `rejected with ${error.code}`,
);
await sleep(20);
console.log(`before: ${reading.status}`);
const canceling = reading.cancel();
await write();
const { outcome } = await canceling; // The kernel has let go of the buffer.
console.log(`cancel: ${outcome}, ${await settled}`);

// The same with an AbortSignal. The rejection, too, comes only when the kernel has let go.
const controller = new AbortController();
const other = proactor.read(pipe, buffer, { signal: controller.signal });
await sleep(20);
controller.abort();
await write();
const how = await other.then(
  (bytes) => `resolved with ${bytes}`,
  (error) => `rejected with ${error instanceof AbortError ? error.name : error}`,
);
console.log(`abort: ${how}`);

await proactor.close(pipe);
rmSync(folder, { recursive: true });
