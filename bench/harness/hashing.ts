import { pbkdf2 } from "node:crypto";
import { closeSync, openSync, read, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { HashingJob } from "./job.ts";
import { alignedBuffers, proactorFor } from "./proactors.ts";
import { RandomBlocks, READ_BYTES } from "./random.ts";
import type { Measurement } from "./result.ts";
import { summarizeLatencies } from "./statistics.ts";
import { hasStamp } from "./test-file.ts";

/** How many hashes are kept in flight: twice as many as Node has threads for them. */
const HASHES = 8;

/** Half a second of one core, or a little more: what a login with a strong password takes. */
const ITERATIONS = 400_000;

/** One read per millisecond, as a server with other things to do would ask for. */
const PAUSE_MS = 1;

/** Reads one block; the promise costs far less than what is measured here. */
type ReadBlock = (buffer: Buffer, offset: number) => Promise<number>;

/**
 * How long a cached read takes while hashes keep the thread pool busy.
 *
 * Hashes are replaced as they finish. They go on when this returns: end the process, or wait.
 */
export async function runHashing(job: HashingJob): Promise<Measurement> {
  const [buffer] = alignedBuffers(1) as [Buffer];
  const random = new RandomBlocks(Math.floor(job.bytes / READ_BYTES), job.seed);
  const { readBlock, close } = await openFor(job);
  // Connections, code and caches warm up before the pool is taken away.
  for (let i = 0; i < 200; i++) await readBlock(buffer, 0);

  const hashes = keepHashing();
  const latencies: number[] = [];
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  do {
    const block = random.next();
    const before = performance.now();
    await readBlock(buffer, block * READ_BYTES);
    latencies.push((performance.now() - before) * 1000);
    if (!hasStamp(buffer, block)) throw new Error(`Block ${block} was not read`);
    await sleep(PAUSE_MS);
  } while (performance.now() - startedAt < job.seconds * 1000);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  hashes.stop();
  await close();
  const latency = summarizeLatencies(Float64Array.from(latencies));
  return {
    ops: latencies.length,
    seconds,
    cpuUser: cpu.user,
    cpuSystem: cpu.system,
    ...(latency === undefined ? {} : { latency }),
  };
}

function keepHashing(): { stop(): void } {
  let going = true;
  const hash = () => {
    if (going) pbkdf2("password", "salt", ITERATIONS, 64, "sha512", hash);
  };
  for (let i = 0; i < HASHES; i++) hash();
  return {
    stop: () => {
      going = false;
    },
  };
}

async function openFor(job: HashingJob): Promise<{ readBlock: ReadBlock; close(): Promise<void> }> {
  if (job.model === "fs/promises") {
    const handle = await open(job.path, "r");
    return { readBlock: throughHandle(handle), close: () => handle.close() };
  }
  const fd = openSync(job.path, "r");
  return { readBlock: throughDescriptor(job, fd), close: async () => closeSync(fd) };
}

function throughHandle(handle: FileHandle): ReadBlock {
  return async (buffer, offset) => (await handle.read(buffer, 0, READ_BYTES, offset)).bytesRead;
}

function throughDescriptor(job: HashingJob, fd: number): ReadBlock {
  switch (job.model) {
    case "readSync":
      return async (buffer, offset) => readSync(fd, buffer, 0, READ_BYTES, offset);
    case "fs callback": {
      const readLater = promisify(read);
      return async (buffer, offset) =>
        (await readLater(fd, buffer, 0, READ_BYTES, offset)).bytesRead;
    }
    default: {
      const proactor = proactorFor(job.model);
      return (buffer, offset) => proactor.read(fd, buffer, { offset });
    }
  }
}
