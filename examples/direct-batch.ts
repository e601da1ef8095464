/** Reads past the page cache in one batch: `node dist/examples/direct-batch.js [path]`. */

import { proactor } from "proactor";
import { constants, open, readBatch } from "proactor/fs";

const { O_RDONLY, O_DIRECT = 0 } = constants;
const path = process.argv[2] ?? "package.json";
const handle = await open(path, O_RDONLY | O_DIRECT).catch(() => undefined);
if (handle === undefined || O_DIRECT === 0) {
  console.log("this file system has no O_DIRECT");
} else {
  // Memory of the pool is aligned as O_DIRECT wants it; so must be offset and length.
  const size = 4096;
  const memory = Array.from({ length: 8 }, () => proactor.allocate(size));
  const reads = memory.map((buffer, i) => ({ fd: handle, offset: i * size, buffer }));
  const results = await readBatch(reads);
  const failed = results.find(({ error }) => error !== undefined);
  console.log(failed?.error?.message ?? `${results.length} reads past the page cache`);
  for (const buffer of memory) proactor.release(buffer);
  await handle.close();
}
