/** Many writers, one fdatasync per group: `node dist/examples/append-log.js [path]`. */

import { readFile, unlink } from "node:fs/promises";
import { openLog } from "proactor/fs";

const path = process.argv[2] ?? "append-log.data";
const log = await openLog(path);
const start = log.size;

await Promise.all(
  Array.from({ length: 64 }, async (_, writer) => {
    for (let i = 0; i < 4; i++) {
      const record = `${writer}:${i};`.padStart(8);
      const position = await log.append(record);
      // From here on no crash can take it away.
      if (writer === 63 && i === 3) console.log(`writer 63 is told: byte ${position - start}`);
    }
  }),
);
console.log(`256 appends, ${log.groups < 64 ? "fewer than 64" : log.groups} groups`);
console.log(`${log.size - start} bytes are on the device`);

// An append that waits can be taken back; one that is on its way cannot.
const controller = new AbortController();
const { signal } = controller;
const kept = log.append("kept");
const dropped = log.append("dropped", { signal });
controller.abort();
const [first, second] = await Promise.allSettled([kept, dropped]);
console.log(`${first.status}, ${second.status}`);
await log.close();

const text = await readFile(path, "utf8");
console.log(`the file ends with: ${text.slice(-4)}`);
await unlink(path);
