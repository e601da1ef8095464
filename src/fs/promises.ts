/** The functions of node:fs/promises: ours where there is something to gain, Node's otherwise. */
import { likeNodes } from "./async-function.ts";
import { copyFile } from "./copy-file.ts";
import { nodePromises } from "./node.ts";
import { open, truncate } from "./open.ts";
import { link, lstat, mkdir, rename, rmdir, stat, symlink, unlink } from "./paths.ts";
import { readFile } from "./read-file.ts";
import { appendFile, writeFile } from "./write-file.ts";

type AnyFunction = (...args: never[]) => unknown;

/** Those that are ours, as they are: what puts them under others is an async function itself. */
export const ourPromises: Readonly<Record<string, AnyFunction>> = {
  appendFile,
  copyFile,
  readFile,
  open,
  writeFile,
  truncate,
  stat,
  lstat,
  unlink,
  rmdir,
  mkdir,
  rename,
  link,
  symlink,
};

/** What stands in place of `fs.promises`, in Node's own order of keys. */
export const promises: typeof import("node:fs/promises") = { ...nodePromises };

const theirs = nodePromises as unknown as Readonly<Record<string, AnyFunction | undefined>>;
for (const [name, ours] of Object.entries(ourPromises)) {
  Object.assign(promises, { [name]: likeNodes(ours, theirs[name] ?? ours) });
}
