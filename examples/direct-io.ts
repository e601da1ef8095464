/** Reads past the page cache: `node dist/examples/direct-io.js [folder]`. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, proactor } from "proactor";

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "proactor-direct-"));
const path = join(folder, "data");
writeFileSync(path, Buffer.alloc(1024 * 1024, "."));

try {
  const fd = await proactor.open(path, constants.O_RDONLY | constants.O_DIRECT);
  const { dioMemAlign, dioOffsetAlign } = await proactor.statx(fd);
  console.log(`memory: ${dioMemAlign}, offsets and lengths: ${dioOffsetAlign}`);

  // Buffers of the pool begin on a page. acquire() waits while there is none, allocate() throws.
  const buffer = await proactor.acquire(64 * 1024);
  console.log(`aligned: ${await proactor.read(fd, buffer, { offset: 4096 })} bytes`);

  // What the device could not take is refused before it is sent, and the message says why.
  try {
    await proactor.read(fd, buffer, { offset: 100 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    console.log(`${code}: ${message}`);
  }
  proactor.release(buffer);
  await proactor.close(fd);
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EINVAL") throw error;
  console.log("this file system has no O_DIRECT");
} finally {
  rmSync(folder, { recursive: true });
}
