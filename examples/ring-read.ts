/** A file through the raw ring, block by block: `node dist/examples/ring-read.js [path]`. */

import { closeSync, openSync } from "node:fs";
import { allocate, queueInit } from "proactor/ring";

const BLOCK = 64;
const fd = openSync(process.argv[2] ?? "package.json", "r");
const ring = queueInit(8);
const buffers = Array.from({ length: 8 }, () => allocate(BLOCK));

// Eight reads, one system call. What is passed as a view is the kernel's until its completion.
for (const [slot, buffer] of buffers.entries()) {
  const sqe = ring.getSqe();
  ring.prepRead(sqe, fd, buffer, BLOCK, slot * BLOCK);
  ring.sqeSetData64(sqe, slot);
}
console.log(`submitted: ${ring.submitAndWait(8)}`);

// Completions come in any order; their user data says whose they are.
let bytes = 0;
const count = ring.forEachCqe((cqe) => {
  const result = ring.cqeRes(cqe);
  if (result < 0) throw new Error(`Block ${ring.cqeGetDataLow(cqe)}: ${result}`);
  bytes += result;
});
ring.cqAdvance(count);
console.log(`completed: ${count}, ${bytes} bytes`);

ring.queueExit();
closeSync(fd);
