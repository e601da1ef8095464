/** The work itself: each kind does the same on every side, and says how fast that was. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pipeline } from "node:stream/promises";
import { copyTree, createReadStream, createWriteStream, openLog } from "../../src/fs/index.ts";
import { promises as ours } from "../../src/fs/promises.ts";
import type { Sample } from "../reference/rows.ts";
import { AT_ONCE, type Job, LAYOUT } from "./job.ts";

/** The functions of one side. */
function functionsOf(job: Job): typeof fs.promises {
  return job.side === "ours" ? (ours as typeof fs.promises) : fs.promises;
}

/** Calls `one` for 0, 1, 2 … up to `count`, some at once. */
async function each(count: number, one: (i: number) => Promise<unknown>, atOnce = AT_ONCE) {
  let next = 0;
  const loop = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, loop));
}

/** Repeats a piece of work until the time is up, after once for warmth. Returns units per second. */
async function rateOf(
  job: Job,
  units: number,
  piece: () => Promise<unknown>,
  warm = () => {},
): Promise<number> {
  await piece();
  warm();
  const start = performance.now();
  let pieces = 0;
  let seconds = 0;
  do {
    await piece();
    pieces++;
    seconds = (performance.now() - start) / 1000;
  } while (seconds < job.seconds);
  return (pieces * units) / seconds;
}

/** Paths of the small files. */
function smallPaths({ dir }: Job): string[] {
  const { name, count } = LAYOUT.small;
  return Array.from({ length: count }, (_, i) => join(dir, name, `file ${i}`));
}

async function handleRead(job: Job): Promise<Sample> {
  const handle = await functionsOf(job).open(join(job.dir, LAYOUT.file.name));
  const blocks = LAYOUT.file.bytes / 4096;
  const buffers = Array.from({ length: 32 }, () => Buffer.alloc(4096));
  const reads = 50_000;
  let block = 1;
  const piece = async () => {
    let left = reads;
    const loop = async (buffer: Buffer) => {
      while (left-- > 0) {
        // A walk that visits every block, and never the next one.
        block = (block * 5 + 12_345) % blocks;
        const { bytesRead } = await handle.read(buffer, 0, 4096, block * 4096);
        if (bytesRead !== 4096) throw new Error(`A read of block ${block} gave ${bytesRead} bytes`);
      }
    };
    await Promise.all(buffers.map(loop));
  };
  const rate = await rateOf(job, reads, piece);
  await handle.close();
  return { rate };
}

async function readFile(job: Job): Promise<Sample> {
  const paths = smallPaths(job);
  const { readFile: read } = functionsOf(job);
  const check = (bytes: Buffer) => {
    if (bytes.length !== LAYOUT.small.bytes) throw new Error(`A file of ${bytes.length} bytes`);
  };
  const piece = async () => {
    if (job.side === "sync") for (const path of paths) check(fs.readFileSync(path));
    else await each(paths.length, async (i) => check(await read(paths[i] as string)));
  };
  return { rate: await rateOf(job, paths.length, piece) };
}

async function writeFile(job: Job): Promise<Sample> {
  const dir = fs.mkdtempSync(join(job.dir, "new-"));
  const data = Buffer.alloc(LAYOUT.small.bytes, "w");
  const { count } = LAYOUT.small;
  const { writeFile: write } = functionsOf(job);
  let round = 0;
  // Only the writing is timed, so what was written before goes between.
  let seconds = 0;
  let written = 0;
  while (round === 0 || seconds < job.seconds) {
    const folder = join(dir, `${round++}`);
    fs.mkdirSync(folder);
    const start = performance.now();
    if (job.side === "sync") {
      for (let i = 0; i < count; i++) fs.writeFileSync(join(folder, `file ${i}`), data);
    } else await each(count, (i) => write(join(folder, `file ${i}`), data));
    // The first round is for warmth, unless one is all there is time for.
    const took = (performance.now() - start) / 1000;
    if (round > 1 || took > job.seconds) {
      seconds += took;
      written += count;
    }
    fs.rmSync(folder, { recursive: true });
  }
  fs.rmSync(dir, { recursive: true });
  return { rate: written / seconds };
}

async function readStream(job: Job): Promise<Sample> {
  const path = join(job.dir, LAYOUT.long.name);
  const open = job.side === "ours" ? createReadStream : fs.createReadStream;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const piece = async () => {
    let bytes = 0;
    const stream = open(path);
    stream.on("data", (chunk) => {
      bytes += chunk.length;
    });
    await once(stream, "close");
    if (bytes !== LAYOUT.long.bytes) throw new Error(`A stream of ${bytes} bytes`);
  };
  const rate = await rateOf(job, LAYOUT.long.bytes, piece, () => void delay.enable());
  delay.disable();
  return { rate, p99: delay.percentile(99) / 1000 };
}

async function writeStream(job: Job): Promise<Sample> {
  const from = join(job.dir, LAYOUT.long.name);
  const to = join(job.dir, `new-stream-${process.pid}`);
  const read = job.side === "ours" ? createReadStream : fs.createReadStream;
  const write = job.side === "ours" ? createWriteStream : fs.createWriteStream;
  const end = 256 * 1024 * 1024 - 1;
  const piece = () => pipeline(read(from, { end }), write(to));
  const rate = await rateOf(job, end + 1, piece);
  fs.rmSync(to);
  return { rate };
}

async function append(job: Job): Promise<Sample> {
  const path = join(job.dir, `new-log-${process.pid}`);
  const record = Buffer.alloc(100, "r");
  const log = job.side === "ours" ? await openLog(path) : undefined;
  const handle = log === undefined ? await fs.promises.open(path, "a") : undefined;
  const one = async () => {
    if (log !== undefined) await log.append(record);
    else {
      await handle?.write(record);
      await handle?.datasync();
    }
  };
  const rate = await rateOf(job, 512, () => each(512, one));
  await log?.close();
  await handle?.close();
  fs.rmSync(path);
  return { rate };
}

async function copyOf(job: Job): Promise<Sample> {
  const source = join(job.dir, LAYOUT.tree.name);
  const target = join(job.dir, `new-tree-${process.pid}`);
  const start = performance.now();
  if (job.side === "ours") await copyTree(source, target);
  else if (job.side === "node") await fs.promises.cp(source, target, { recursive: true });
  else await once(spawn("cp", ["-r", source, target]), "close");
  const rate = LAYOUT.tree.count / ((performance.now() - start) / 1000);
  fs.rmSync(target, { recursive: true });
  return { rate };
}

async function stat(job: Job): Promise<Sample> {
  const paths = smallPaths(job);
  const { stat: ask } = functionsOf(job);
  const piece = () => each(paths.length, (i) => ask(paths[i] as string));
  return { rate: await rateOf(job, paths.length, piece) };
}

async function unlink(job: Job): Promise<Sample> {
  const dir = fs.mkdtempSync(join(job.dir, "new-"));
  const { count } = LAYOUT.small;
  const paths = Array.from({ length: count }, (_, i) => join(dir, `file ${i}`));
  for (const path of paths) fs.writeFileSync(path, "");
  const { unlink: remove } = functionsOf(job);
  const start = performance.now();
  await each(count, (i) => remove(paths[i] as string));
  const rate = count / ((performance.now() - start) / 1000);
  fs.rmdirSync(dir);
  return { rate };
}

/** Every kind of work. */
export const WORK: Readonly<Record<Job["work"], (job: Job) => Promise<Sample>>> = {
  "handle-read": handleRead,
  "read-file": readFile,
  "write-file": writeFile,
  "read-stream": readStream,
  "write-stream": writeStream,
  append,
  "copy-tree": copyOf,
  stat,
  unlink,
};
