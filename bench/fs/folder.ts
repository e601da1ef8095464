import fs from "node:fs";
import { join } from "node:path";
import { LAYOUT } from "./job.ts";

/** Prepares a folder as {@link LAYOUT} says, without the long files where there is little room. */
export function prepareFolder(parent: string, long: boolean): string {
  const dir = fs.mkdtempSync(join(parent, "proactor-bench-"));
  const chunk = Buffer.alloc(1024 * 1024, "b");
  const { file, long: stream, small, tree } = LAYOUT;
  for (const { name, bytes } of long ? [file, stream] : []) {
    const fd = fs.openSync(join(dir, name), "w");
    for (let at = 0; at < bytes; at += chunk.length) fs.writeSync(fd, chunk);
    fs.closeSync(fd);
  }
  fs.mkdirSync(join(dir, small.name));
  for (let i = 0; i < small.count; i++) {
    fs.writeFileSync(join(dir, small.name, `file ${i}`), chunk.subarray(0, small.bytes));
  }
  for (let i = 0; long && i < tree.count; i++) {
    const folder = join(dir, tree.name, `${Math.floor(i / tree.perFolder)}`);
    if (i % tree.perFolder === 0) fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(join(folder, `file ${i}`), chunk.subarray(0, tree.bytes));
  }
  return dir;
}
