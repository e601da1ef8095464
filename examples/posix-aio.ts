/**
 * POSIX AIO's rules over io_uring, or over glibc's threads where there is no io_uring:
 * `node dist/examples/posix-aio.js <file>`.
 */

import { closeSync, openSync } from "node:fs";
import { proactor } from "proactor";
import { aiocb, createAio, LIO_NOWAIT, SIGEV_THREAD, sigevent } from "proactor/posix-aio";

const path = process.argv[2] ?? "/etc/os-release";
// Without `engine` it is glibc's own implementation, with its threads and its deviations.
const aio = createAio(proactor.engine === "io_uring" ? { engine: "io_uring" } : {});
const fd = openSync(path, "r");

/** A control block for 64 bytes. */
const read = (block: number): aiocb =>
  new aiocb({
    aio_fildes: fd,
    aio_offset: block * 64,
    aio_buf: Buffer.alloc(64),
    aio_nbytes: 64,
  });

// One read, and the thread waits for it as in C.
const first = read(0);
if (aio.aio_read(first) === -1) throw new Error(`aio_read: errno ${aio.errno}`);
aio.aio_suspend([first], 1, null);
console.log(`blocking: ${aio.aio_return(first)} bytes`);

// The same, and the event loop goes on meanwhile.
const second = read(1);
aio.aio_read(second);
await aio.aio_suspend_async([second], 1, { tv_sec: 5, tv_nsec: 0 });
console.log(`awaited: ${aio.aio_return(second)} bytes`);

// A list, and one notification when all of it is done.
const list = [2, 3, 4].map(read);
await new Promise<void>((resolve) => {
  const sigev_notify_function = (name: string) => {
    console.log(`${name}: ${list.map((block) => aio.aio_return(block)).join(", ")} bytes`);
    resolve();
  };
  const told = { sigev_notify: SIGEV_THREAD, sigev_value: "notified", sigev_notify_function };
  aio.lio_listio(LIO_NOWAIT, list, list.length, new sigevent(told));
});

closeSync(fd);
await aio.close();
