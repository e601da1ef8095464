/** Another import, and nothing else: `node dist/examples/drop-in.js [file]`. */

import { open, readFile, stat } from "proactor/fs"; // It was "node:fs/promises".

const path = process.argv[2] ?? "package.json";
const text = await readFile(path, "utf8");
const { size } = await stat(path);
console.log(`${text.length} characters, ${size} bytes`);

const handle = await open(path);
const { bytesRead, buffer } = await handle.read(Buffer.alloc(16), 0, 16, 0);
console.log(`${bytesRead} bytes: ${buffer.length}`);
await handle.close();

await readFile("/no/such/file").catch(({ message }) => console.log(message));
