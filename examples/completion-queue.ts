/** One queue instead of a promise per read: `node dist/examples/completion-queue.js [path]`. */

import { proactor } from "proactor";

const fd = await proactor.open(process.argv[2] ?? "package.json");
const blocks = 8;
const buffers = Array.from({ length: blocks }, () => Buffer.alloc(64));
const queue = proactor.completionQueue();

// Everything that is started in one tick goes to the kernel in one system call.
buffers.forEach((buffer, block) => {
  proactor.read(fd, buffer, { offset: block * 64, queue, userData: block });
});

let left = blocks;
for await (const { userData, result, error } of queue) {
  if (error !== undefined) throw error;
  console.log(`block ${userData}: ${result} bytes`);
  left -= 1;
  if (left === 0) break;
}

// Without waiting: drain() hands over what is queued, looks at the kernel, and takes what is done.
for (const buffer of buffers) proactor.read(fd, buffer, { offset: 0, queue });
const now = queue.drain().length;
console.log(now === blocks ? "all of them were in the page cache" : "some are still on their way");
left = blocks - now;
while (left > 0) {
  await new Promise(setImmediate);
  left -= queue.drain().length;
}

await proactor.close(fd);
