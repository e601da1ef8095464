/** The functions of node:fs/promises: ours where there is something to gain, Node's otherwise. */
import { nodePromises } from "./node.ts";
import { open } from "./open.ts";
import { readFile } from "./read-file.ts";

/** What stands in place of `fs.promises`, in Node's own order of keys. */
export const promises: typeof import("node:fs/promises") = {
  ...nodePromises,
  readFile: readFile as typeof nodePromises.readFile,
  open,
};
