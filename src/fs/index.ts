/**
 * `proactor/fs`: node:fs/promises over the ring, and what node:fs has no function for.
 *
 * @packageDocumentation
 */
import { promises } from "./promises.ts";

/** Node's functions; each behaves, and fails, as the manual of node:fs/promises says. */
export const {
  access,
  appendFile,
  chmod,
  chown,
  constants,
  copyFile,
  cp,
  lchmod,
  lchown,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  opendir,
  readFile,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
  symlink,
  truncate,
  unlink,
  utimes,
  watch,
  writeFile,
} = promises;

/** Its types, and the functions that came after Node 20, in whatever release has them. */
export * from "node:fs/promises";

export {
  type AppendData,
  AppendLog,
  type AppendLogOptions,
  type AppendOptions,
  openLog,
} from "./append-log.ts";
export {
  type CopyTreeFailure,
  type CopyTreeOptions,
  type CopyTreeProgress,
  type CopyTreeResult,
  copyTree,
} from "./copy-tree.ts";
export { type DurableData, type WriteDurableOptions, writeDurable } from "./durable.ts";
export type { LogRecovery } from "./log-place.ts";
export {
  type BatchRead,
  type BatchResult,
  type ReadBatchOptions,
  readBatch,
} from "./read-batch.ts";
export {
  type Paths,
  type ReadFilesOptions,
  type ReadFilesResult,
  readFiles,
} from "./read-files.ts";
export { type LogEntry, readLog } from "./read-log.ts";
export { explain } from "./road.ts";
export {
  type Advice,
  type AllocateOptions,
  advise,
  allocate,
  punchHole,
  type RangeOptions,
} from "./space.ts";
export type { WalkStat } from "./stat-all.ts";
export type { StopOptions } from "./stop.ts";
export { createReadStream, createWriteStream } from "./streams/index.ts";
export { type WalkEntry, type WalkOptions, walk } from "./walk.ts";

export default promises;
