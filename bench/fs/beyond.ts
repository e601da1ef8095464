/** What proactor/fs has beyond Node, each beside what a program of Node would do instead. */
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readBatch } from "../../src/fs/read-batch.ts";
import { readFiles } from "../../src/fs/read-files.ts";

/** What is measured. */
export interface BeyondPlan {
  /** A folder on the disk that is meant; what is made there is removed again. */
  readonly dir: string;
  readonly files?: number;
  readonly fileBytes?: number;
  /** Files read at once. */
  readonly concurrency?: number;
  /** Ranges in a batch, of 4 KiB each. */
  readonly batch?: number;
  readonly rounds?: number;
}

/** One round: how many per second. */
export interface BeyondRound {
  /** Whole files, by `readFiles`. */
  readonly readFiles: number;
  /** Whole files, by `fs.promises.readFile` with as many at once. */
  readonly nodeReadFile: number;
  /** Ranges, by `readBatch`. */
  readonly readBatch: number;
  /** Ranges, by `handle.read` of node:fs, as many at once. */
  readonly nodeRead: number;
}

const BLOCK = 4096;
const BLOCKS = 16_384;
const BATCHES = 200;

/** Measures in turn; everything is in the page cache. */
export async function measureBeyond(plan: BeyondPlan): Promise<BeyondRound[]> {
  const { files = 10_000, fileBytes = 1024, concurrency = 64, rounds = 5, batch = 32 } = plan;
  const dir = await mkdtemp(join(plan.dir, "beyond-"));
  const result: BeyondRound[] = [];
  try {
    const paths = await makeFiles(dir, files, fileBytes);
    await writeFile(join(dir, "large"), Buffer.alloc(BLOCK * BLOCKS, 1));
    const handle = await open(join(dir, "large"));
    const offsets = Array.from(
      { length: batch * BATCHES },
      (_, i) => ((i * 7919) % BLOCKS) * BLOCK,
    );
    const memory = Array.from({ length: batch }, () => Buffer.alloc(BLOCK));
    for (let round = 0; round < rounds; round++) {
      result.push({
        readFiles: await rate(files, async () => {
          for await (const { error } of readFiles(paths, { concurrency })) if (error) throw error;
        }),
        nodeReadFile: await rate(files, () => atOnce(concurrency, paths, (path) => readFile(path))),
        readBatch: await rate(offsets.length, async () => {
          for (let at = 0; at < offsets.length; at += batch) {
            await readBatch(
              memory.map((buffer, i) => ({ fd: handle, offset: offsets[at + i] ?? 0, buffer })),
            );
          }
        }),
        nodeRead: await rate(offsets.length, async () => {
          for (let at = 0; at < offsets.length; at += batch) {
            await Promise.all(
              memory.map((buffer, i) => handle.read(buffer, 0, BLOCK, offsets[at + i] ?? 0)),
            );
          }
        }),
      });
    }
    await handle.close();
  } finally {
    await rm(dir, { recursive: true });
  }
  return result;
}

async function makeFiles(dir: string, count: number, bytes: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, i) => join(dir, `${i}`));
  const data = Buffer.alloc(bytes, "f");
  await atOnce(16, paths, (path) => writeFile(path, data));
  return paths;
}

async function atOnce(
  count: number,
  paths: readonly string[],
  work: (path: string) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let path = paths[next++]; path !== undefined; path = paths[next++]) await work(path);
  };
  await Promise.all(Array.from({ length: count }, worker));
}

async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (count / (performance.now() - start)) * 1000;
}
