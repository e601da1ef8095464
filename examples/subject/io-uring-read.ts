/** Reads a page of a file through a ring: `node dist/examples/subject/io-uring-read.js [path]`. */

import { closeSync, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { allocate, queueInit } from "proactor/ring";

const PAGE_BYTES = 4096;
const ring = queueInit(256); // Throws what io_uring_queue_init(3) would return.
const fd = openSync(process.argv[2] ?? "package.json", "r"); // No O_DIRECT: the page cache will do.
try {
  const sqe = ring.getSqe();
  if (sqe < 0) throw new Error("The submission queue has no room");
  const page = allocate(PAGE_BYTES);
  ring.prepRead(sqe, fd, page, PAGE_BYTES, 0);
  ring.sqeSetData(sqe, page); // Comes back with the completion.

  const submitted = ring.submit();
  console.log(`${submitted} request is with the kernel`);
  console.log("this line is what the program does meanwhile");

  const cqe = ring.waitCqe();
  if (cqe < 0) throw new Error(`Waiting failed: ${getSystemErrorName(cqe)}`);
  const bytes = ring.cqeRes(cqe);
  if (bytes < 0) {
    console.log(`the read failed: ${getSystemErrorName(bytes)}`);
  } else {
    const data = ring.cqeGetData(cqe) as Buffer;
    console.log(`${bytes} bytes were read`);
    console.log(`content: ${data.toString("latin1", 0, Math.min(bytes, 100))}`);
  }
  ring.cqeSeen(cqe); // The kernel may use the entry again, and the page is ours.
} finally {
  closeSync(fd);
  ring.queueExit();
}
