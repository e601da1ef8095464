/**
 * Streams of a long file, as node:fs makes them and as proactor/fs does, in rounds that take turns.
 *
 * `node dist/bench/fs/streams.js [rounds] [MiB]` prints GB/s of each and the ratio, how late the
 * event loop was at the 99th percentile, and processor time per MiB.
 */
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createReadStream, createWriteStream } from "../../src/fs/index.ts";
import { spreadOf } from "../harness/statistics.ts";

/** Who makes the streams. */
export interface StreamMakers {
  readonly read: typeof fs.createReadStream;
  readonly write: typeof fs.createWriteStream;
}

/** The two sides that are compared. */
export const STREAM_MAKERS: { readonly [side in "node" | "ours"]: StreamMakers } = {
  node: { read: fs.createReadStream, write: fs.createWriteStream },
  ours: { read: createReadStream, write: createWriteStream },
};

/** What one stream has done. */
export interface StreamSample {
  readonly bytesPerSecond: number;
  /** How late the event loop was at the 99th percentile, in ms, with a timer every 1 ms. */
  readonly delayMs: number;
  /** Processor time of all threads of the process, in ms. */
  readonly cpuMs: number;
}

const CHUNK = Buffer.alloc(64 * 1024, 7);

/** Reads the first bytes of a file with default options, and counts what comes. */
export function readThrough(makers: StreamMakers, path: string, bytes: number) {
  return sampled(bytes, async () => {
    const stream = makers.read(path, { end: bytes - 1 });
    let seen = 0;
    stream.on("data", (chunk) => {
      seen += chunk.length;
    });
    await once(stream, "close");
    if (seen !== bytes) throw new Error(`A stream of ${seen} bytes`);
  });
}

/** Writes a file in chunks of 64 KiB, waiting for `drain` as one does. */
export function writeThrough(makers: StreamMakers, path: string, bytes: number) {
  return sampled(bytes, async () => {
    const stream = makers.write(path);
    for (let written = 0; written < bytes; written += CHUNK.length) {
      if (!stream.write(CHUNK)) await once(stream, "drain");
    }
    stream.end();
    await once(stream, "close");
  });
}

/** Copies a file from a read stream to a write stream. */
export function copyThrough(makers: StreamMakers, from: string, to: string, bytes: number) {
  return sampled(bytes, () => pipeline(makers.read(from, { end: bytes - 1 }), makers.write(to)));
}

async function sampled(bytes: number, body: () => Promise<void>): Promise<StreamSample> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  const start = performance.now();
  delay.enable();
  await body();
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  return {
    bytesPerSecond: bytes / seconds,
    delayMs: delay.percentile(99) / 1e6,
    cpuMs: (user + system) / 1000,
  };
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 5);
  const bytes = Number(process.argv[3] ?? 1024) * 1024 * 1024;
  const dir = fs.mkdtempSync(join(tmpdir(), "proactor-bench-"));
  const [from, to] = [join(dir, "from"), join(dir, "to")];
  try {
    await writeThrough(STREAM_MAKERS.node, from, bytes);
    const works = {
      read: (makers: StreamMakers) => readThrough(makers, from, bytes),
      write: (makers: StreamMakers) => writeThrough(makers, to, bytes),
      copy: (makers: StreamMakers) => copyThrough(makers, from, to, bytes),
    };
    console.log(`Node ${process.version}, ${bytes / 1024 / 1024} MiB, ${rounds} rounds`);
    for (const [name, work] of Object.entries(works)) await compare(name, work, rounds, bytes);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

async function compare(
  name: string,
  work: (makers: StreamMakers) => Promise<StreamSample>,
  rounds: number,
  bytes: number,
): Promise<void> {
  const samples: Record<string, StreamSample[]> = { node: [], ours: [] };
  for (let round = -1; round < rounds; round++) {
    for (const [side, makers] of Object.entries(STREAM_MAKERS)) {
      const sample = await work(makers);
      if (round >= 0) samples[side]?.push(sample);
    }
  }
  const medians = Object.entries(samples).map(([side, of]) => {
    const speed = spreadOf(of.map(({ bytesPerSecond }) => bytesPerSecond / 1e9));
    const delay = spreadOf(of.map(({ delayMs }) => delayMs)).median;
    const cpu = spreadOf(of.map(({ cpuMs }) => cpuMs)).median / (bytes / 1024 / 1024);
    console.log(
      `${name.padEnd(6)}${side.padEnd(5)} ${speed.median.toFixed(2)} GB/s ` +
        `(${speed.min.toFixed(2)} to ${speed.max.toFixed(2)}), loop p99 ${delay.toFixed(2)} ms, ` +
        `${cpu.toFixed(3)} ms of processor per MiB`,
    );
    return speed.median;
  });
  console.log(`${name.padEnd(6)}ratio ${((medians[1] ?? 0) / (medians[0] ?? 1)).toFixed(2)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
