/** Reads by the functions of `<aio.h>`, as posix-aio-read.c does: `node posix-aio.js <job>`. */

import { closeSync, openSync } from "node:fs";
import {
  aiocb,
  createAio,
  EINPROGRESS,
  type EngineName,
} from "../../src/compat/posix-aio/index.ts";
import { alignedBuffers } from "../harness/proactors.ts";
import { RandomBlocks, READ_BYTES } from "../harness/random.ts";
import { Window } from "../harness/window.ts";

/** What to read, with which engine, and for how long. */
interface AioJob {
  readonly engine: EngineName;
  readonly path: string;
  readonly bytes: number;
  readonly depth: number;
  readonly seconds: number;
  readonly rampSeconds: number;
  readonly seed: number;
}

function run(job: AioJob): void {
  const aio = createAio({ engine: job.engine });
  const random = new RandomBlocks(Math.floor(job.bytes / READ_BYTES), job.seed);
  const fd = openSync(job.path, "r");
  const fields = { aio_fildes: fd, aio_nbytes: READ_BYTES };
  const blocks = alignedBuffers(job.depth).map((aio_buf) => new aiocb({ ...fields, aio_buf }));
  const start = (block: aiocb): void => {
    block.aio_offset = random.next() * READ_BYTES;
    if (aio.aio_read(block) !== 0) throw new Error(`aio_read: ${aio.errno}`);
  };
  const window = new Window({ rampSeconds: job.rampSeconds, seconds: job.seconds });
  window.open();
  for (const block of blocks) start(block);
  while (window.running) {
    if (aio.aio_suspend(blocks, blocks.length, null) !== 0) throw new Error("aio_suspend");
    let count = 0;
    for (const block of blocks) {
      if (aio.aio_error(block) === EINPROGRESS) continue;
      if (aio.aio_return(block) !== READ_BYTES) throw new Error("A read was short");
      start(block);
      count++;
    }
    window.add(count);
    window.look();
  }
  while (blocks.some((block) => aio.aio_error(block) === EINPROGRESS));
  closeSync(fd);
  process.stdout.write(`${JSON.stringify(window.measurement())}\n`, () => process.exit());
}

run(JSON.parse(process.argv[2] ?? "") as AioJob);
