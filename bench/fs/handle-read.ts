/**
 * `handle.read(buffer, 0, 4096, position)` of a cached file, many at once.
 *
 * `node dist/bench/fs/handle-read.js` prints both sides of one run: reads per second of
 * node:fs/promises and of proactor/fs, in rounds that take turns, and the ratio of the medians.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import nodePromises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promises } from "../../src/fs/promises.ts";

const BLOCK = 4096;
const BLOCKS = 16_384;

/** How one round of reads is run. */
export interface HandleReadOptions {
  /** Reads in flight at once. */
  readonly depth: number;
  /** Reads of one round. */
  readonly reads: number;
}

/** Reads through one handle, and resolves with reads per second. */
export async function handleRead(handle: FileHandle, options: HandleReadOptions): Promise<number> {
  const { depth, reads } = options;
  let left = reads;
  let block = 1;
  const startedAt = performance.now();
  const loop = async (buffer: Buffer) => {
    while (left-- > 0) {
      // A walk that visits every block, and never the next one.
      block = (block * 5 + 12_345) % BLOCKS;
      const { bytesRead } = await handle.read(buffer, 0, BLOCK, block * BLOCK);
      if (bytesRead !== BLOCK) throw new Error(`A read of block ${block} gave ${bytesRead} bytes`);
    }
  };
  await Promise.all(Array.from({ length: depth }, () => loop(Buffer.alloc(BLOCK))));
  return (reads / (performance.now() - startedAt)) * 1000;
}

/** Makes a file of 64 MiB, in the page cache since it was just written; gone after `use`. */
export async function withCachedFile<T>(use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "proactor-bench-"));
  try {
    const path = join(folder, "file");
    writeFileSync(path, Buffer.alloc(BLOCK * BLOCKS, 1));
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const rounds = Number(process.argv[2] ?? 7);
  const options = { depth: 32, reads: Number(process.argv[3] ?? 100_000) };
  await withCachedFile(async (path) => {
    const handles = [await nodePromises.open(path), await promises.open(path)];
    const results: number[][] = [[], []];
    for (let round = -1; round < rounds; round++) {
      for (const [i, handle] of handles.entries()) {
        const perSecond = await handleRead(handle, options);
        if (round >= 0) results[i]?.push(perSecond);
      }
    }
    for (const handle of handles) await handle.close();
    const [node = 0, ours = 0] = results.map((each) => median(each));
    const [nodeBest = 0, oursBest = 0] = results.map((each) => Math.max(...each));
    console.log(
      `Node ${process.version}, depth 32: node:fs/promises ${Math.round(node)}/s, ` +
        `proactor/fs ${Math.round(ours)}/s, ${(ours / node).toFixed(2)}x ` +
        `(best rounds ${Math.round(nodeBest)}, ${Math.round(oursBest)})`,
    );
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
