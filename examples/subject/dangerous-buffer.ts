/** Takes memory from the kernel too early: `node dist/examples/subject/dangerous-buffer.js`. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { constants, type ProactorError, proactor } from "proactor";

// A pipe without bytes: its reads stay in flight until somebody writes.
const folder = mkdtempSync(join(tmpdir(), "proactor-dangerous-"));
const path = join(folder, "pipe");
execFileSync("mkfifo", [path]);
const pipe = await proactor.open(path, constants.O_RDWR);

/** Frees its buffer when it returns, as C frees an array on the stack. The read goes on. */
function readIntoFreedMemory() {
  const buffer = proactor.allocate(4096);
  const reading = proactor.read(pipe, buffer);
  try {
    proactor.release(buffer);
    console.log("freed: nobody noticed");
  } catch (error) {
    console.log(`freed: caught, ${(error as ProactorError).code}`);
  }
  return { buffer, reading };
}

/** Gives its buffer to another owner, for instance a Worker, while the kernel writes into it. */
function readIntoLostMemory() {
  const buffer = new Uint8Array(4096);
  const reading = proactor.read(pipe, buffer);
  return { reading, lose: () => structuredClone(buffer.buffer, { transfer: [buffer.buffer] }) };
}

const freed = readIntoFreedMemory();
await proactor.write(pipe, Buffer.from("late"));
console.log(`and the ${await freed.reading} bytes that came late found their buffer`);
proactor.release(freed.buffer); // Now it may go.

const lost = readIntoLostMemory();
await sleep(20); // By now the kernel has it, on every engine.
lost.lose();
await proactor.write(pipe, Buffer.from("late"));
const how = await lost.reading.then(
  () => "nobody noticed",
  (error: ProactorError) => `caught, ${error.code}`,
);
console.log(`transferred: ${how}`);

await proactor.close(pipe);
rmSync(folder, { recursive: true });
