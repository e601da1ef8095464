/** Reads for 50 ms at most: `node dist/examples/deadline.js`. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, proactor } from "proactor";

const folder = mkdtempSync(join(tmpdir(), "proactor-deadline-"));
const path = join(folder, "pipe");
execFileSync("mkfifo", [path]);
const pipe = await proactor.open(path, constants.O_RDWR);
const buffer = Buffer.alloc(64);

// Where a read that has begun cannot be stopped, the deadline passes and the read goes on.
const late = setTimeout(() => void proactor.write(pipe, Buffer.from("late")), 200);
try {
  const bytes = await proactor.read(pipe, buffer, { deadlineMs: 50 });
  console.log(`could not be stopped: ${bytes} bytes`);
} catch (error) {
  clearTimeout(late);
  console.log((error as Error).message);
}

// An operation that is done in time knows nothing of its deadline.
await proactor.write(pipe, Buffer.from("in time"));
const bytes = await proactor.read(pipe, buffer, { deadlineMs: 10_000 });
console.log(buffer.toString("utf8", 0, bytes));

await proactor.close(pipe);
rmSync(folder, { recursive: true });
