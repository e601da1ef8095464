/** Operations written down as data: `node dist/examples/batch.js [path]`. */

import { type OperationDescriptor, proactor } from "proactor";

const fd = await proactor.open(process.argv[2] ?? "package.json");
const ranges = [
  { offset: 0, length: 16 },
  { offset: 64, length: 32 },
  { offset: 1_000_000_000, length: 16 },
];
const reads = ranges.map(({ offset, length }): OperationDescriptor => {
  return { op: "read", fd, buffer: Buffer.alloc(length), offset };
});

// All are checked first: one that makes no sense throws here, and none of them starts.
const operations = proactor.batch([...reads, { op: "statx", file: fd }]);
const results = await Promise.all(operations);
console.log(`bytes: ${results.slice(0, 3).join(", ")}`); // Behind the end of a file there are 0.

// The first of several to be done, by its place in the list, or -1 at the time limit.
const [slow, quick] = proactor.batch([
  { op: "timeout", ms: 10_000 },
  { op: "timeout", ms: 5 },
]);
if (slow === undefined || quick === undefined) throw new Error("A batch has lost operations");
const first = await proactor.suspend([slow, quick], { timeoutMs: 5_000 });
console.log(`first: ${first}, quick: ${quick.status}, slow: ${slow.status}`);
const { outcome } = await slow.cancel();
console.log(`slow: ${outcome}`);
await slow.catch(() => undefined); // It rejects, as what was canceled does.

await proactor.close(fd);
