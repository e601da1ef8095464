/** The functions of node:fs/promises: ours where there is something to gain, Node's otherwise. */
import { copyFile } from "./copy-file.ts";
import { nodePromises } from "./node.ts";
import { open, truncate } from "./open.ts";
import { link, lstat, mkdir, rename, rmdir, stat, symlink, unlink } from "./paths.ts";
import { readFile } from "./read-file.ts";
import { appendFile, writeFile } from "./write-file.ts";

/** What stands in place of `fs.promises`, in Node's own order of keys. */
export const promises: typeof import("node:fs/promises") = {
  ...nodePromises,
  appendFile: appendFile as typeof nodePromises.appendFile,
  copyFile: copyFile as typeof nodePromises.copyFile,
  readFile: readFile as typeof nodePromises.readFile,
  open,
  writeFile: writeFile as typeof nodePromises.writeFile,
  truncate,
  stat: stat as typeof nodePromises.stat,
  lstat: lstat as typeof nodePromises.lstat,
  unlink: unlink as typeof nodePromises.unlink,
  rmdir: rmdir as typeof nodePromises.rmdir,
  mkdir: mkdir as typeof nodePromises.mkdir,
  rename: rename as typeof nodePromises.rename,
  link: link as typeof nodePromises.link,
  symlink: symlink as typeof nodePromises.symlink,
};
