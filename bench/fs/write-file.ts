/**
 * Many small files, many at once: writeFile of proactor/fs and of node:fs/promises.
 *
 * `node dist/bench/fs/write-file.js [folder] [rounds] [files]` prints files per second of both, of
 * new files and of files that are there already, in rounds that take turns. Name a folder on the
 * file system that is meant: /dev/shm for tmpfs.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import nodePromises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFile } from "../../src/fs/write-file.ts";
import { ratioOf, spreadOf } from "../harness/statistics.ts";

/** What is measured. */
export interface WriteFilePlan {
  /** A folder on the file system that is meant; what is made there is removed again. */
  readonly dir: string;
  /** 10 000 unless told. */
  readonly files?: number;
  /** Size of each; 2048 unless told. */
  readonly bytes?: number;
  /** Calls in flight at once; 64 unless told. */
  readonly concurrency?: number;
  /** Rounds, each of both sides one after the other; 5 unless told. */
  readonly rounds?: number;
}

/** One round: files per second. */
export interface WriteFileRound {
  /** New files. */
  readonly proactor: number;
  readonly node: number;
  /** The same files again. */
  readonly proactorAgain: number;
  readonly nodeAgain: number;
}

type Write = (path: string, data: Buffer) => Promise<unknown>;

/** Measures both in turn, after a round that does not count. */
export async function measureWriteFile(plan: WriteFilePlan): Promise<WriteFileRound[]> {
  const { files = 10_000, bytes = 2048, concurrency = 64, rounds = 5 } = plan;
  const dir = mkdtempSync(join(plan.dir, "proactor-write-file-"));
  const data = Buffer.alloc(bytes, "x");
  const sides: [string, Write][] = [
    ["proactor", writeFile],
    ["node", nodePromises.writeFile],
  ];
  try {
    const results: WriteFileRound[] = [];
    for (let round = -1; round < rounds; round++) {
      const rates: number[] = [];
      for (const [name, write] of sides) {
        const folder = join(dir, name);
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
        const paths = Array.from({ length: files }, (_, i) => join(folder, `file-${i}`));
        const once = (path: string) => write(path, data);
        rates.push(await rate(paths, concurrency, once), await rate(paths, concurrency, once));
      }
      const [proactor = 0, proactorAgain = 0, node = 0, nodeAgain = 0] = rates;
      if (round >= 0) results.push({ proactor, node, proactorAgain, nodeAgain });
    }
    return results;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function rate(
  paths: readonly string[],
  concurrency: number,
  write: (path: string) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  const loop = async () => {
    while (next < paths.length) await write(paths[next++] as string);
  };
  await Promise.all(Array.from({ length: concurrency }, loop));
  return (paths.length / (performance.now() - startedAt)) * 1000;
}

async function main(): Promise<void> {
  const [, , dir = tmpdir(), rounds = 7, files = 10_000] = process.argv;
  const results = await measureWriteFile({ dir, rounds: Number(rounds), files: Number(files) });
  const of = (name: keyof WriteFileRound) => results.map((round) => round[name]);
  const say = (ours: keyof WriteFileRound, theirs: keyof WriteFileRound) => {
    const { median, min, max } = ratioOf(of(ours), of(theirs));
    return (
      `proactor/fs ${Math.round(spreadOf(of(ours)).median)}, ` +
      `node:fs/promises ${Math.round(spreadOf(of(theirs)).median)}, ` +
      `${median.toFixed(2)}x (${min.toFixed(2)} to ${max.toFixed(2)})`
    );
  };
  console.log(
    `Node ${process.version}, ${files} files of 2 KiB in ${dir}, 64 at once, files/s: ` +
      `new ${say("proactor", "node")}; again ${say("proactorAgain", "nodeAgain")}`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
