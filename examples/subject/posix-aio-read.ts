/** Reads with POSIX AIO and asks for the end: `node dist/examples/subject/posix-aio-read.js`. */

import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { getSystemErrorName } from "node:util";
import {
  aio_error,
  aio_read,
  aio_return,
  aiocb,
  EINPROGRESS,
  errno,
  SIGEV_NONE,
  sigevent,
} from "proactor/posix-aio";

const PAGE_BYTES = 4096;
const fd = openSync(process.argv[2] ?? "package.json", "r");
const page = new Uint8Array(PAGE_BYTES); // Belongs to the operation until it is done.
const block = new aiocb({
  aio_fildes: fd,
  aio_offset: 0,
  aio_buf: page,
  aio_nbytes: PAGE_BYTES,
  aio_sigevent: new sigevent({ sigev_notify: SIGEV_NONE }), // Nobody tells us: we ask.
});
try {
  if (aio_read(block) < 0) throw new Error(`aio_read: ${getSystemErrorName(-errno())}`);
  console.log("the read is on its way; this program does something else");
  for (let step = 1; step <= 5; step += 1) {
    console.log(`  step ${step} of 5`);
    await sleep(100);
  }

  let status = aio_error(block);
  while (status === EINPROGRESS) {
    console.log("  not there yet");
    await sleep(10);
    status = aio_error(block);
  }
  if (status !== 0) throw new Error(`the read failed: ${getSystemErrorName(-status)}`);

  const bytes = aio_return(block); // Once: after this the block stands for nothing.
  if (bytes < 0) throw new Error(`aio_return: ${getSystemErrorName(-errno())}`);
  console.log(`the read is done: ${bytes} bytes`);
  const start = Buffer.from(page.buffer, 0, Math.min(bytes, 100));
  console.log(`content: ${start.toString("latin1")}`);
} finally {
  closeSync(fd);
}
