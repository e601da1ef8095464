/** Replaces a file so that a crash leaves the old or the new: `write-then-fsync.js [path]`. */

import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proactor } from "proactor";

const path = process.argv[2] ?? join(tmpdir(), `proactor-durable-${process.pid}.txt`);
const text = Buffer.from("all of it, or nothing\n");
const fd = await proactor.open(`${path}.new`, "w");

// One submission, one order. A write that fails, or is short, cancels the fdatasync behind it.
const [bytes] = await Promise.all(
  proactor.chain([
    { op: "write", fd, buffer: text, offset: 0 },
    { op: "fdatasync", fd },
  ]),
);
await proactor.rename(`${path}.new`, path);
console.log(`${bytes} bytes are durable: ${readFileSync(path, "utf8").trim()}`);

// What a failure does to the rest of a chain. (This descriptor cannot be read from.)
const unreadable = { op: "read", fd, buffer: Buffer.alloc(8) } as const;
const soft = await Promise.allSettled(proactor.chain([unreadable, { op: "nop" }]));
console.log(`soft: ${soft.map(say).join(", ")}`);
const hard = await Promise.allSettled(
  proactor.chain([unreadable, { op: "nop" }], { hard: true }), // In order, whatever happens.
);
console.log(`hard: ${hard.map(say).join(", ")}`);

// drain: starts when all that was submitted before it has completed, chained or not.
proactor.write(fd, text, { offset: 0, notify: "none" });
proactor.write(fd, text, { offset: text.length, notify: "none" });
await proactor.fdatasync(fd, { drain: true });
console.log(`drained: ${(await proactor.statx(fd)).size} bytes`);

await proactor.close(fd);
rmSync(path);

function say(result: PromiseSettledResult<unknown>): string {
  return result.status === "fulfilled" ? "done" : result.reason.code;
}
