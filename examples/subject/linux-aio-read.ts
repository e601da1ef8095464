/** Reads past the page cache: `node dist/examples/subject/linux-aio-read.js [path]`. */

import { closeSync, openSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { constants, proactor } from "proactor";
import {
  io_context_t,
  io_destroy,
  type io_event,
  io_getevents,
  io_prep_pread,
  io_setup,
  io_submit,
  iocb,
} from "proactor/linux-aio";

const BLOCK_BYTES = 4096;
const EVENTS = 64;

const context = new io_context_t();
check(io_setup(EVENTS, context), "io_setup");
const block = proactor.allocate(BLOCK_BYTES); // Begins on a page, as the device wants it.
try {
  // Without O_DIRECT, io_submit itself would wait for the bytes.
  const fd = openSync(process.argv[2] ?? "package.json", constants.O_RDONLY | constants.O_DIRECT);
  const request = new iocb();
  io_prep_pread(request, fd, block, BLOCK_BYTES, 0);
  request.data = "the first block"; // Comes back with the event.
  const submitted = check(io_submit(context, 1, [request]), "io_submit");
  console.log(`${submitted} request is with the kernel`);
  console.log("this line is what the program does meanwhile");

  const events: io_event[] = [];
  const completed = check(io_getevents(context, 1, EVENTS, events, null), "io_getevents");
  for (const [i, { data, res }] of events.slice(0, completed).entries()) {
    console.log(`event ${i}: result ${res} of ${data}`);
    if (res < 0) console.log(`  failed: ${getSystemErrorName(res)}`);
    else console.log(`  done: ${res} bytes`);
  }
  closeSync(fd);
} catch (error) {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code !== "EINVAL" || syscall !== "open") throw error;
  console.log("this file system has no O_DIRECT");
} finally {
  io_destroy(context); // Waits for what is in flight, if anything is.
  proactor.release(block);
}

function check(result: number, name: string): number {
  if (result < 0) throw new Error(`${name}: ${getSystemErrorName(result)}`);
  return result;
}
