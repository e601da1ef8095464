/** A file replaced as a whole: `node dist/examples/write-durable.js [path]`. */

import { readFile, unlink } from "node:fs/promises";
import { writeDurable } from "proactor/fs";

const path = process.argv[2] ?? "settings.json";
await writeDurable(path, JSON.stringify({ version: 1 }));

// A crash anywhere in here leaves version 1 or version 2, never a part of either.
await writeDurable(path, JSON.stringify({ version: 2 }));
console.log(`the old or the new, and now the new: ${await readFile(path, "utf8")}`);

// What is given up leaves the old content.
const signal = AbortSignal.abort();
await writeDurable(path, JSON.stringify({ version: 3 }), { signal }).catch(() => undefined);
const { version } = JSON.parse(await readFile(path, "utf8"));
console.log(`the old is still there: ${version}`);
await unlink(path);
