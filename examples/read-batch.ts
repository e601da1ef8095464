/** Many reads in one submission: `node dist/examples/read-batch.js [path]`. */

import { open, readBatch } from "proactor/fs";

const handle = await open(process.argv[2] ?? "package.json");
const mine = Buffer.alloc(32);
const results = await readBatch([
  { fd: handle, offset: 0, length: 16 },
  { fd: handle, offset: 64, buffer: mine },
  { fd: handle, offset: 1_000_000_000, length: 16 },
]);
console.log(`bytes: ${results.map(({ bytesRead }) => bytesRead).join(", ")}`);
console.log(`into my own: ${results[1]?.buffer === mine}`);
await handle.close();

// One that fails does not fail the others.
const [closed] = await readBatch([{ fd: handle, offset: 0, length: 16 }]);
console.log(`of a closed handle: ${closed?.error?.message}`);
