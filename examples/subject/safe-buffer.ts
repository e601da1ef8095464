/** A buffer that lives as long as its read: `node dist/examples/subject/safe-buffer.js [path]`. */

import { type Completion, proactor } from "proactor";

const fd = await proactor.open(process.argv[2] ?? "package.json");
const queue = proactor.completionQueue();

/** Starts a read and returns. Nobody here knows the buffer any more; the operation does. */
function startReading(offset: number): void {
  const buffer = proactor.allocate(4096);
  proactor.read(fd, buffer, { offset, queue, userData: buffer });
}

/** The other end: the kernel has let go, so the bytes can be used and the memory given back. */
function onCompletion({ result, error, userData }: Completion): void {
  const buffer = userData as Buffer;
  if (error !== undefined) console.log(`failed: ${error.message}`);
  else console.log(`${result} bytes, the first is ${buffer[0]}`);
  proactor.release(buffer);
}

startReading(0);
startReading(16);
console.log(`${proactor.pool.stats.takenBuffers} buffers are with the kernel`);

let left = 2;
for await (const completion of queue) {
  onCompletion(completion);
  left -= 1;
  if (left === 0) break;
}
console.log(`${proactor.pool.stats.takenBuffers} buffers are left`);
await proactor.close(fd);
