/**
 * Uses each control block again as soon as it has completed, for as many reads as the second
 * argument says, and prints "clean". The first argument is a file of 256 KiB; the third names who
 * submits: the engine, or lio_listio(3).
 */

import { closeSync, openSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  aiocb,
  createAio,
  EINPROGRESS,
  LIO_NOWAIT,
  LIO_READ,
} from "../../src/compat/posix-aio/index.ts";
import { Proactor } from "../../src/index.ts";

const BYTES = 4096;
const DEPTH = 32;
const PLACES = 64;

const [path = "", reads = "", who = ""] = process.argv.slice(2);
const fd = openSync(path, "r");
let left = Number(reads);

function offset(): number {
  return (left % PLACES) * BYTES;
}

async function byTheEngine(): Promise<void> {
  const proactor = new Proactor({ engine: "posix_aio", depth: 2 * DEPTH });
  const readAll = async () => {
    const buffer = proactor.allocate(BYTES);
    while (left-- > 0) await proactor.read(fd, buffer, { offset: offset() });
  };
  await Promise.all(Array.from({ length: DEPTH }, readAll));
}

/** Whoever waits without blocking has the thread of the queue wait in aio_suspend(3). */
async function byLists(): Promise<void> {
  const aio = createAio();
  const fields = { aio_fildes: fd, aio_nbytes: BYTES, aio_lio_opcode: LIO_READ };
  const blocks = Array.from(
    { length: DEPTH },
    () => new aiocb({ ...fields, aio_buf: Buffer.alloc(BYTES) }),
  );
  let idle = blocks;
  while (left > 0) {
    for (const block of idle) block.aio_offset = offset();
    left -= idle.length;
    if (idle.length > 0 && aio.lio_listio(LIO_NOWAIT, idle, idle.length, null) !== 0) {
      throw new Error(`lio_listio: ${aio.errno}`);
    }
    void aio.aio_suspend_async(blocks, blocks.length, null);
    await nextTurn();
    idle = blocks.filter((block) => aio.aio_error(block) !== EINPROGRESS);
    for (const block of idle) {
      if (aio.aio_return(block) !== BYTES) throw new Error("A read was short");
    }
  }
  while (blocks.some((block) => aio.aio_error(block) === EINPROGRESS)) await nextTurn();
}

await (who === "lists" ? byLists() : byTheEngine());
closeSync(fd);
process.stdout.write("clean\n");
