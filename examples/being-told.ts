/** Five ways to learn that an operation is done: `node dist/examples/being-told.js [path]`. */

import { setTimeout as sleep } from "node:timers/promises";
import { proactor } from "proactor";

const fd = await proactor.open(process.argv[2] ?? "package.json");
const buffers = Array.from({ length: 4 }, () => Buffer.alloc(64));
const [first, second, third, fourth] = buffers as [Buffer, Buffer, Buffer, Buffer];

// Await it.
const bytes = await proactor.read(fd, first, { offset: 0 });
console.log(`awaited: ${bytes} bytes`);

// Give it a callback. A failure then is not an unhandled rejection.
await new Promise<void>((resolve) => {
  proactor.read(fd, second, {
    offset: 0,
    callback(error, result) {
      console.log(`called back: ${error ?? `${result} bytes`}`);
      resolve();
    },
  });
});

// Listen to it.
await new Promise<void>((resolve) => {
  proactor.read(fd, third, { offset: 0, userData: "third" }).on("complete", (completion) => {
    console.log(`event: ${completion.userData}, ${completion.result} bytes`);
    resolve();
  });
});

// Ask it: first how far it is, then, once, for its result.
const asked = proactor.read(fd, fourth, { offset: 0, notify: "none" });
while (asked.status === "queued" || asked.status === "in flight") await sleep(1);
console.log(`asked: ${asked.status}, ${asked.result()} bytes`);

await proactor.close(fd);
