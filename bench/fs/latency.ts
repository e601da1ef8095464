/** How long one operation takes, beside nothing or beside hashes that keep the thread pool busy. */
import { pbkdf2 } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createReadStream, openLog } from "../../src/fs/index.ts";
import { promises as ours } from "../../src/fs/promises.ts";
import { summarizeLatencies } from "../harness/statistics.ts";
import type { Sample } from "../reference/rows.ts";
import { type Job, LAYOUT, LEAST_SECONDS } from "./job.ts";

/** Twice as many as Node has threads for them. */
const HASHES = 8;
/** A good 50 ms of one core each: what a login with a strong password takes. */
const ITERATIONS = 50_000;
/** One operation every so many ms, as a server with other things to do would ask for. */
const PAUSE_MS = 1;
/** What is written to a file, */
const CONTENT = "x".repeat(2048);
/** what is appended to one, */
const LINE = "x".repeat(100);
/** and how much of one is read, in bytes. */
const STREAM_BYTES = 1_000_000;

/** One operation of a kind of work, and how it ends. */
interface Operation {
  one(): unknown;
  end(): Promise<void>;
}

/**
 * The same with the blocking functions: no other thread does anything for it. What it loses beside
 * the hashes, it loses to the scheduler.
 */
function blockingOf({ dir, work }: Job): Operation {
  const made = join(dir, `new-${process.pid}`);
  const nothing = async () => undefined;
  switch (work) {
    case "write-file": {
      const end = async () => fs.rmSync(made, { force: true });
      return { one: () => fs.writeFileSync(made, CONTENT), end };
    }
    case "read-stream": {
      const chunk = Buffer.alloc(64 * 1024);
      const one = () => {
        const fd = fs.openSync(join(dir, LAYOUT.file.name), "r");
        for (let at = 0; at < STREAM_BYTES; at += chunk.length)
          fs.readSync(fd, chunk, 0, chunk.length, null);
        fs.closeSync(fd);
      };
      return { one, end: nothing };
    }
    case "append": {
      const fd = fs.openSync(made, "a");
      const one = () => {
        fs.writeSync(fd, LINE);
        fs.fdatasyncSync(fd);
      };
      const end = async () => {
        fs.closeSync(fd);
        fs.rmSync(made, { force: true });
      };
      return { one, end };
    }
    default:
      throw new RangeError(`There is no blocking latency of ${work}`);
  }
}

/** One operation of a kind of work. Throws where its latency says nothing. */
async function operationOf(job: Job): Promise<Operation> {
  const { dir, work } = job;
  if (job.side === "sync") return blockingOf(job);
  const functions = job.side === "ours" ? ours : fs.promises;
  const small = join(dir, LAYOUT.small.name, "file 7");
  const made = join(dir, `new-${process.pid}`);
  const nothing = async () => undefined;
  const removed = async () => fs.rmSync(made, { force: true });
  switch (work) {
    case "handle-read": {
      const handle = await functions.open(join(dir, LAYOUT.file.name));
      const buffer = Buffer.alloc(4096);
      return { one: () => handle.read(buffer, 0, 4096, 8192), end: () => handle.close() };
    }
    case "read-file":
      return { one: () => functions.readFile(small), end: nothing };
    case "write-file":
      return { one: () => functions.writeFile(made, CONTENT), end: removed };
    case "read-stream": {
      const open = job.side === "ours" ? createReadStream : fs.createReadStream;
      const one = () =>
        once(open(join(dir, LAYOUT.file.name), { end: STREAM_BYTES - 1 }).resume(), "close");
      return { one, end: nothing };
    }
    case "stat":
      return { one: () => functions.stat(small), end: nothing };
    case "append": {
      const log = await openLog(made);
      return { one: () => log.append(LINE), end: () => log.close().then(removed) };
    }
    default:
      throw new RangeError(`There is no latency of ${work}`);
  }
}

/** Measures p99, in µs. */
export async function latencyOf(job: Job): Promise<Sample> {
  const { one, end } = await operationOf(job);
  for (let i = 0; i < 200; i++) await one();
  let going = job.latency === "hashing";
  const hash = () => {
    if (going) pbkdf2("password", "salt", ITERATIONS, 64, "sha512", hash);
  };
  for (let i = 0; i < HASHES; i++) hash();
  const latencies: number[] = [];
  const until = performance.now() + Math.max(job.seconds, LEAST_SECONDS) * 1000;
  do {
    const before = performance.now();
    await one();
    latencies.push((performance.now() - before) * 1000);
    await sleep(PAUSE_MS);
  } while (performance.now() < until);
  going = false;
  await end();
  return { p99: summarizeLatencies(Float64Array.from(latencies))?.p99 ?? Number.NaN };
}
