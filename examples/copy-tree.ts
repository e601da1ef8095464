/** A tree copied with progress, and a copy aborted: `node dist/examples/copy-tree.js [folder]`. */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CopyTreeResult, copyTree } from "proactor/fs";

const folder = process.argv[2] ?? ".";
const source = join(folder, "tree");
await mkdir(join(source, "deep"), { recursive: true });
for (let i = 0; i < 20; i++) {
  await writeFile(join(source, i % 2 === 0 ? "deep" : "", `file ${i}`), Buffer.alloc(1024, i));
}

const target = join(folder, "copy");
const result = await copyTree(source, target, { preserveTimestamps: true });
console.log(`${result.files} files, ${result.directories} folders, ${result.bytes} bytes`);

const controller = new AbortController();
try {
  await copyTree(source, join(folder, "half"), {
    concurrency: 2,
    signal: controller.signal,
    onProgress({ files }) {
      if (files >= 5) controller.abort();
    },
  });
} catch (error) {
  const { result } = error as { result: CopyTreeResult };
  const half = result.failures.filter((failure) => failure.half);
  const done = result.files >= 5 ? "at least 5" : result.files;
  console.log(`aborted after ${done}, ${half.length === 0 ? "no" : half.length} half file is left`);
}

for (const name of ["tree", "copy", "half"]) await rm(join(folder, name), { recursive: true });
