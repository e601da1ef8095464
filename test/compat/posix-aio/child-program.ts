/**
 * One call in a process of its own: `node child-program.js <call> <implementation> <path>`. Prints
 * what it saw as JSON.
 */

import { execFileSync } from "node:child_process";
import { openSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import {
  aiocb,
  createAio,
  type EngineName,
  LIO_NOWAIT,
  LIO_WRITE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  sigevent,
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

/**
 * Waits for nothing, for a time. Long enough that some of it is left when the call comes to wait,
 * on a slow machine under strace, too: 50 ms had passed by then on an emulated one.
 */
function wait(): object {
  execFileSync("mkfifo", [path]);
  const fd = openSync(path, "r+");
  const block = new aiocb({ aio_fildes: fd, aio_buf: Buffer.alloc(1), aio_nbytes: 1 });
  aio.aio_read(block);
  const returned = aio.aio_suspend([block], 1, { tv_sec: 1, tv_nsec: 0 });
  const { errno } = aio;
  writeSync(fd, "x");
  return { returned, errno };
}

/** Reads, and is told of the end by a signal that nobody listens to. */
async function raise(): Promise<object> {
  writeFileSync(path, "text");
  const aio_sigevent = new sigevent({
    sigev_notify: SIGEV_SIGNAL,
    sigev_signo: constants.signals.SIGUSR2,
    sigev_value: 42,
  });
  const block = { aio_fildes: openSync(path, "r"), aio_buf: Buffer.alloc(4), aio_nbytes: 4 };
  aio.aio_read(new aiocb({ ...block, aio_sigevent }));
  await sleep(20_000);
  return {};
}

/** Is told of ten reads, and throws when it is told of the fourth. */
async function fail(): Promise<object> {
  writeFileSync(path, "0123456789");
  const uncaught: string[] = [];
  process.on("uncaughtException", ({ message }) => uncaught.push(message));
  let told = 0;
  const aio_fildes = openSync(path, "r");
  const list = Array.from({ length: 10 }, (_, i) => {
    const sigev_notify_function = () => {
      told++;
      if (i === 3) throw new Error("on purpose");
    };
    const aio_sigevent = new sigevent({ sigev_notify: SIGEV_THREAD, sigev_notify_function });
    return new aiocb({ aio_fildes, aio_buf: Buffer.alloc(1), aio_nbytes: 1, aio_sigevent });
  });
  aio.lio_listio(LIO_NOWAIT, list, 10, null);
  while (told < 10 || uncaught.length === 0) await sleep(5);
  return { uncaught, told };
}

async function run(): Promise<object> {
  switch (call) {
    case "signal":
      return raise();
    case "throw":
      return fail();
    case "aio_suspend":
      return wait();
    default:
      return { error: await errorBeyond(4), nothing: await errorBeyond(0) };
  }
}

const seen = await run();
process.stdout.write(JSON.stringify(seen));
await aio.close();
