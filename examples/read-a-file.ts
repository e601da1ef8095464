/** Reads the first block of a file: `node dist/examples/read-a-file.js [path]`. */

import { proactor } from "proactor";

const fd = await proactor.open(process.argv[2] ?? "package.json");
const { size } = await proactor.statx(fd);
const buffer = Buffer.alloc(4096);

const reading = proactor.read(fd, buffer, { offset: 0 }); // Submitted, and the program goes on.
console.log(`${reading.status} on ${proactor.engine}`);
const bytes = await reading; // Done: the bytes are there, and the buffer is ours again.

await proactor.close(fd);
console.log(`${bytes} of ${size} bytes`);
