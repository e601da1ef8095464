/** A tree copied by `copyTree`, by `fs.promises.cp` and by `cp -r`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyTree } from "../../src/fs/copy-tree.ts";

/** What is measured. */
export interface CopyTreePlan {
  /** A folder on the disk that is meant; what is made there is removed again. */
  readonly dir: string;
  readonly files?: number;
  readonly fileBytes?: number;
  readonly rounds?: number;
}

/** One round: how long each took, in ms. */
export interface CopyTreeRound {
  readonly ours: number;
  readonly cp: number;
  /** `cp -r` of the system. */
  readonly command: number;
}

const FILES_PER_FOLDER = 100;

/** Copies the same tree in turn by all three. The tree is in the page cache. */
export async function measureCopyTree(plan: CopyTreePlan): Promise<CopyTreeRound[]> {
  const { files = 10_000, fileBytes = 107_374, rounds = 3 } = plan;
  const dir = await mkdtemp(join(plan.dir, "copy-tree-"));
  const source = join(dir, "source");
  const target = join(dir, "target");
  const result: CopyTreeRound[] = [];
  try {
    await makeTree(source, files, fileBytes);
    const timed = async (copy: () => Promise<unknown>): Promise<number> => {
      const start = performance.now();
      await copy();
      const ms = performance.now() - start;
      await rm(target, { recursive: true });
      return ms;
    };
    for (let round = 0; round < rounds; round++) {
      const ours = await timed(() => copyTree(source, target));
      const node = await timed(() => cp(source, target, { recursive: true }));
      const command = await timed(() => once(spawn("cp", ["-r", source, target]), "close"));
      result.push({ ours, cp: node, command });
    }
  } finally {
    await rm(dir, { recursive: true });
  }
  return result;
}

async function makeTree(root: string, files: number, bytes: number): Promise<void> {
  const data = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) data[i] = i * 7;
  for (let i = 0; i < files; i++) {
    const folder = join(root, `${Math.floor(i / FILES_PER_FOLDER)}`);
    if (i % FILES_PER_FOLDER === 0) await mkdir(folder, { recursive: true });
    data.writeUInt32LE(i, 0);
    await writeFile(join(folder, `file ${i}`), data);
  }
}
