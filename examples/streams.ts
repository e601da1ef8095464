/** Reads a file by lines, and copies it: `node dist/examples/streams.js [path]`. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { createReadStream, createWriteStream } from "proactor/fs";

const path = process.argv[2] ?? "package.json";
let lines = 0;
for await (const line of createInterface({ input: createReadStream(path) })) {
  if (line !== "") lines++;
}
console.log(`lines: ${lines > 0 ? "some" : "none"}`);

const dir = mkdtempSync(join(tmpdir(), "proactor-example-"));
const copy = join(dir, "copy");
await pipeline(createReadStream(path), createWriteStream(copy));
console.log(`copied all of it: ${statSync(copy).size === statSync(path).size}`);
rmSync(dir, { recursive: true });
