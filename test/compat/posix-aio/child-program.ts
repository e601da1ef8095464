/**
 * One call in a process of its own: `node child-program.js <call> <implementation> <path>`. Prints
 * what it saw as JSON.
 */

import { execFileSync } from "node:child_process";
import { openSync, writeSync } from "node:fs";
import {
  aiocb,
  createAio,
  type EngineName,
  LIO_NOWAIT,
  LIO_WRITE,
} from "../../../src/compat/posix-aio/index.ts";

const [call = "", implementation = "", path = ""] = process.argv.slice(2);
const engine = implementation === "glibc" ? "posix_aio" : (implementation as EngineName);
const aio = createAio({ engine });

/** The error of a write beyond what this process may make a file to be. */
async function errorBeyond(length: number): Promise<number> {
  const block = new aiocb({
    aio_fildes: openSync(path, "w"),
    aio_offset: 1024 * 1024,
    aio_buf: Buffer.alloc(4),
    aio_nbytes: length,
    aio_lio_opcode: LIO_WRITE,
  });
  if (call === "lio_listio") aio.lio_listio(LIO_NOWAIT, [block], 1, null);
  else if (aio.aio_write(block) === -1) return aio.errno;
  await aio.aio_suspend_async([block], 1, null);
  return aio.aio_error(block);
}

/** Waits for nothing, for a time. */
function wait(): object {
  execFileSync("mkfifo", [path]);
  const fd = openSync(path, "r+");
  const block = new aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(1), aio_nbytes: 1 });
  aio.aio_read(block);
  const returned = aio.aio_suspend([block], 1, { tv_sec: 0, tv_nsec: 50_000_000 });
  const { errno } = aio;
  writeSync(fd, "x");
  return { returned, errno };
}

const seen =
  call === "aio_suspend" ? wait() : { error: await errorBeyond(4), nothing: await errorBeyond(0) };
process.stdout.write(JSON.stringify(seen));
await aio.close();
