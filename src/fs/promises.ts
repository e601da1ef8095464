/** The functions of node:fs/promises: ours where there is something to gain, Node's otherwise. */
import { nodePromises } from "./node.ts";
import { open } from "./open.ts";
import { readFile } from "./read-file.ts";
import { appendFile, writeFile } from "./write-file.ts";

/** What stands in place of `fs.promises`, in Node's own order of keys. */
export const promises: typeof import("node:fs/promises") = {
  ...nodePromises,
  appendFile: appendFile as typeof nodePromises.appendFile,
  readFile: readFile as typeof nodePromises.readFile,
  open,
  writeFile: writeFile as typeof nodePromises.writeFile,
};
