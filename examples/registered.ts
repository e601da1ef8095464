/** Tells the kernel of buffers and files once: `node dist/examples/registered.js [path]`. */

import { proactor } from "proactor";

const fd = await proactor.open(process.argv[2] ?? "package.json");

// Where the engine cannot register, or memory may not be locked, the answer is false, and the same
// program goes on with plain buffers and descriptors.
const buffers = proactor.registerBuffers();
const files = proactor.registerFiles([fd]);
console.log(`registered: buffers ${buffers}, files ${files}`);

const buffer = proactor.allocate(4096); // Out of the registered pool: nothing else to do.
const bytes = files
  ? await proactor.read(0, buffer, { offset: 0, fixedFile: true }) // The 0th registered file.
  : await proactor.read(fd, buffer, { offset: 0 });
console.log(`${bytes > 0 ? "some" : "no"} bytes`);

proactor.release(buffer);
await proactor.close(fd);
