import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { createReadStream, createWriteStream } from "../../src/fs/index.ts";
import { withTempDir } from "./temp-dir.ts";

/** Who makes streams: Node, which is right, and we. */
export const BOTH = [
  { of: "node:fs", read: fs.createReadStream, write: fs.createWriteStream },
  { of: "proactor/fs", read: createReadStream, write: createWriteStream },
] as const;
/** One of the two. */
export type Makers = (typeof BOTH)[number];
/** A test that does the same with Node's functions and with ours, in a folder of its own. */
export function compared(
  body: (makers: Makers, dir: string) => Promise<unknown>,
): () => Promise<void> {
  return () =>
    withTempDir(async (dir) => {
      await compare((makers) => {
        const own = join(dir, "work");
        fs.rmSync(own, { recursive: true, force: true });
        fs.mkdirSync(own);
        return body(makers, own);
      });
    });
}

/** Runs the same with Node's functions and with ours, and compares what came of it. */
export async function compare<T>(body: (makers: Makers) => Promise<T> | T): Promise<T> {
  const [theirs, ours] = [await body(BOTH[0]), await body(BOTH[1])];
  assert.deepEqual(ours, theirs);
  return ours;
}

/** Bytes in which every part can be told from every other. */
export function bytesOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255));
}
