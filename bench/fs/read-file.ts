/**
 * Many small cached files, many at once: readFile of proactor/fs, of node:fs/promises, and
 * readFileSync.
 *
 * `node dist/bench/fs/read-file.js [rounds] [files]` prints files per second of each, in rounds
 * that take turns, and the ratios of the rounds.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import nodePromises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFile } from "../../src/fs/read-file.ts";
import { ratioOf, spreadOf } from "../harness/statistics.ts";

/** What is measured. */
export interface ReadFilePlan {
  /** Where the files are made; they are removed again. The system's temporary folder unless told. */
  readonly dir?: string;
  /** 10 000 unless told. */
  readonly files?: number;
  /** Size of each; 2048 unless told. */
  readonly bytes?: number;
  /** Calls in flight at once; 64 unless told. */
  readonly concurrency?: number;
  /** Rounds, each of every side one after the other; 5 unless told. */
  readonly rounds?: number;
}

/** One round: files per second. */
export interface ReadFileRound {
  readonly proactor: number;
  readonly node: number;
  /** readFileSync, one file after the other. */
  readonly sync: number;
}

type Read = (path: string) => Promise<unknown>;

/** Measures all three in turn, after a round that does not count. */
export async function measureReadFile(plan: ReadFilePlan = {}): Promise<ReadFileRound[]> {
  const { files = 10_000, bytes = 2048, concurrency = 64, rounds = 5 } = plan;
  const dir = mkdtempSync(join(plan.dir ?? tmpdir(), "proactor-read-file-"));
  try {
    const paths = Array.from({ length: files }, (_, i) => join(dir, `file-${i}`));
    const data = Buffer.alloc(bytes, "x");
    for (const path of paths) writeFileSync(path, data);
    const results: ReadFileRound[] = [];
    for (let round = -1; round < rounds; round++) {
      const proactor = await rate(paths, concurrency, readFile);
      const node = await rate(paths, concurrency, nodePromises.readFile);
      const sync = rateOfSync(paths);
      if (round >= 0) results.push({ proactor, node, sync });
    }
    return results;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function rate(paths: readonly string[], concurrency: number, read: Read): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  const loop = async () => {
    while (next < paths.length) await read(paths[next++] as string);
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return (paths.length / (performance.now() - startedAt)) * 1000;
}

function rateOfSync(paths: readonly string[]): number {
  const startedAt = performance.now();
  for (const path of paths) readFileSync(path);
  return (paths.length / (performance.now() - startedAt)) * 1000;
}

async function main(): Promise<void> {
  const plan = { rounds: Number(process.argv[2] ?? 7), files: Number(process.argv[3] ?? 10_000) };
  const rounds = await measureReadFile(plan);
  const of = (name: keyof ReadFileRound) => rounds.map((round) => round[name]);
  const say = (name: keyof ReadFileRound) => Math.round(spreadOf(of(name)).median);
  const ratio = (name: keyof ReadFileRound) => {
    const { median, min, max } = ratioOf(of("proactor"), of(name));
    return `${median.toFixed(2)}x (${min.toFixed(2)} to ${max.toFixed(2)})`;
  };
  console.log(
    `Node ${process.version}, ${plan.files} files of 2 KiB, 64 at once, files/s: ` +
      `proactor/fs ${say("proactor")}; node:fs/promises ${say("node")}, ${ratio("node")}; ` +
      `readFileSync ${say("sync")}, ${ratio("sync")}`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
