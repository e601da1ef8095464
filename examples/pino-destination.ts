/** A destination for pino, rotated by size: `node dist/examples/pino-destination.js [path]`. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog, readLog } from "proactor/fs";

/** What `pino(options, destination)` asks for: a `write` that takes one line. */
async function destination(path: string, maxBytes: number) {
  let files = 0;
  const log = await openLog(path, {
    recover: true,
    onSize: (size, self) => {
      if (size > maxBytes) self.rotate(`${path}.${++files}`).catch(report);
    },
  });
  // pino logs on: a line that cannot be written is reported, and lost.
  const report = (error: Error) => console.error(`log: ${error.message}`);
  const flushSync = () => log.flushSync();
  process.on("exit", flushSync);
  return {
    write: (line: string) => void log.append(line).catch(report),
    flush: () => log.flush(),
    flushSync,
    reopen: () => log.reopen(),
    async end() {
      process.off("exit", flushSync);
      await log.close();
    },
  };
}

const folder = mkdtempSync(join(tmpdir(), "pino-destination-"));
const path = join(folder, "app.log");
const stream = await destination(path, 4000);
// As `pino(stream).info({ i })` would: one line of JSON, and no wait.
for (let i = 0; i < 500; i++) {
  stream.write(`${JSON.stringify({ level: 30, i })}\n`);
  if (i % 50 === 49) await stream.flush();
}
stream.write(`${JSON.stringify({ level: 60, i: 500 })}\n`);
stream.flushSync();
await stream.end();

const names = readdirSync(folder).map((name) => Number(name.split(".")[2] ?? Infinity));
let next = 0;
for (const number of names.sort((a, b) => a - b)) {
  for await (const { text } of readLog(number === Infinity ? path : `${path}.${number}`)) {
    if (JSON.parse(text).i !== next++) console.log("out of order:", text);
  }
}
console.log(`${next} lines in ${names.length > 1 ? "several files" : "one file"}`);
rmSync(folder, { recursive: true });
