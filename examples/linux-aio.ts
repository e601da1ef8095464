/** Native AIO without blocking: `node dist/examples/linux-aio.js [path]`. */

import { closeSync, openSync } from "node:fs";
import { constants, Proactor } from "proactor";
import {
  eventfd,
  io_context_t,
  io_destroy,
  type io_event,
  io_prep_pread,
  io_queue_run,
  io_set_callback,
  io_set_eventfd,
  io_setup,
  io_submit,
  iocb,
} from "proactor/linux-aio";

const COUNT = 8;
const fd = openSync(process.argv[2] ?? "package.json", "r");
const context = new io_context_t();
io_setup(COUNT, context);
const told = eventfd();
const proactor = new Proactor({ engine: "linux_aio" }); // Any engine that can poll will do.

let left = COUNT;
const done = (_: io_context_t, block: iocb, res: io_event["res"]): void => {
  left--;
  console.log(`block ${Number(block.offset) / 64}: ${res} bytes`);
};

const blocks = Array.from({ length: COUNT }, (_, i) => {
  const block = new iocb();
  io_prep_pread(block, fd, Buffer.alloc(64), 64, i * 64);
  io_set_callback(block, done);
  io_set_eventfd(block, told); // Goes up by one with each completion.
  return block;
});
console.log(`taken: ${io_submit(context, COUNT, blocks)}`);

// Nobody blocks in io_getevents: the event loop waits for the eventfd, and then all is taken.
while (left > 0) {
  await proactor.poll(told, constants.POLLIN);
  await proactor.read(told, new BigUint64Array(1));
  io_queue_run(context);
}
io_destroy(context);
closeSync(told);
closeSync(fd);
