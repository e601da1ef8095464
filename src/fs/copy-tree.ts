import { dirname, resolve, sep } from "node:path";
import { invalidArgValue } from "../base/argument-errors.ts";
import { MAX_FS_CONCURRENCY, MAX_TIMER_MS } from "../base/limits.ts";
import { optionsOf } from "../base/options.ts";
import {
  type PathLike,
  validateAbortSignal,
  validateFunction,
  validateInteger,
  validateNumber,
  validatePath,
} from "../base/validate.ts";
import { bufferOf } from "./calls.ts";
import { nodePromises } from "./node.ts";
import { kindOf, TreeCopy, unsupported } from "./tree-copy.ts";

/**
 * File systems, by the `type` of statfs(2), on which copy_file_range(2) or FICLONE can share
 * blocks, or let a server copy, so that no bytes move: bcachefs, Btrfs, CIFS, NFS, SMB, XFS. There
 * node:fs does better than any reading and writing.
 */
const SHARES_BLOCKS: ReadonlySet<number> = new Set([
  0xca451a4e, 0x9123683e, 0xff534d42, 0x6969, 0xfe534d42, 0x58465342,
]);

/** How far the copy of a tree has come. */
export interface CopyTreeProgress {
  /** Whole files copied. */
  readonly files: number;
  /** Folders made, or found. */
  readonly directories: number;
  /** Symbolic links made. */
  readonly links: number;
  /** Files and links left as they are, because the target has them (`force: false`, `skip`). */
  readonly skipped: number;
  /** Bytes written, those of unfinished files too. */
  readonly bytes: number;
  /** Files, links and folders found that are not copied yet. */
  readonly waiting: number;
}

/** What could not be copied, and why. */
export interface CopyTreeFailure {
  readonly source: string;
  readonly target: string;
  readonly error: Error;
  /** Half of the file is there: it could not be removed again. */
  readonly half: boolean;
}

/** What a copy of a tree did. */
export interface CopyTreeResult extends CopyTreeProgress {
  /** What was not copied; empty, except with `keepGoing` or in the error of a copy that stopped. */
  readonly failures: readonly CopyTreeFailure[];
}

/** How a tree is copied. */
export interface CopyTreeOptions {
  /** Files copied at once, default 32: each takes two descriptors and up to 512 KiB. */
  readonly concurrency?: number | undefined;
  /** Called after every file, link and folder, and every 256 KiB of a large file. */
  readonly onProgress?: ((progress: CopyTreeProgress) => void) | undefined;
  /** Called for everything that was found; what it says false to is left out, with all in it. */
  readonly filter?: ((source: string, target: string) => boolean | Promise<boolean>) | undefined;
  /** Stops it. Half files are removed first. */
  readonly signal?: AbortSignal | undefined;
  /** Stops it, with `ETIMEDOUT`, after this many ms. */
  readonly deadlineMs?: number | undefined;
  /**
   * Replace files and links that the target has, default true. With false they stay as they are, as
   * with `fs.cp`.
   */
  readonly force?: boolean | undefined;
  /** With `force: false`: what the target has fails with `EEXIST`, default false. */
  readonly errorOnExist?: boolean | undefined;
  /**
   * What of the target stays as it is: every file and link that is there (`"existing"`), or those
   * that are the `"same"`: files of equal size and modification time, links that say the same. To
   * continue a copy that stopped, give all of its runs `"same"` and `preserveTimestamps`.
   */
  readonly skip?: "existing" | "same" | undefined;
  /** Give copies the times of their originals. */
  readonly preserveTimestamps?: boolean | undefined;
  /** Go on after a failure, and list it in the result. */
  readonly keepGoing?: boolean | undefined;
}

/**
 * Copies a file or a folder with everything in it, many files at once. The mode of a copy is that
 * of its original; links are copied as they are; folders that are there are filled. As many
 * descriptors are open as `concurrency` says twice, so that a tree of any size has enough.
 *
 * Resolves with what was done. On a failure it stops (unless `keepGoing`), waits for what is in
 * flight, and rejects with the error in Node's shape, or an `AbortError`; the error's `result`
 * tells what was done. A file that was half copied is removed; if even that fails, it is in
 * `result.failures` with `half`.
 *
 * Sockets, pipes and devices fail with `ERR_PROACTOR_UNSUPPORTED`. Owners, extended attributes and
 * holes are not copied; a file with two names becomes two files.
 */
export async function copyTree(
  source: PathLike,
  target: PathLike,
  options: CopyTreeOptions = {},
): Promise<CopyTreeResult> {
  const from = resolve(bufferOf(validatePath(source, "source")).toString());
  const to = resolve(bufferOf(validatePath(target, "target")).toString());
  const told = checkOptions(options);
  const stat = await nodePromises.lstat(from);
  const place = await checkPlaces(from, to, stat.isDirectory());
  const kind = kindOf(stat);
  if (kind === undefined) throw unsupported(from);
  const { type } = await nodePromises.statfs(place);
  const copy = new TreeCopy(told, SHARES_BLOCKS.has(type));
  return copy.run({ source: from, target: to, kind });
}

function checkOptions(given: CopyTreeOptions): CopyTreeOptions {
  const options = optionsOf(given);
  const { concurrency, onProgress, filter, signal, deadlineMs, skip } = options;
  if (concurrency !== undefined) {
    validateInteger(concurrency, "options.concurrency", 1, MAX_FS_CONCURRENCY);
  }
  if (onProgress !== undefined) validateFunction(onProgress, "options.onProgress");
  if (filter !== undefined) validateFunction(filter, "options.filter");
  if (skip !== undefined && skip !== "existing" && skip !== "same") {
    throw invalidArgValue("options.skip", skip, 'must be "existing" or "same"');
  }
  validateAbortSignal(signal, "options.signal");
  if (deadlineMs !== undefined) validateNumber(deadlineMs, "options.deadlineMs", 0, MAX_TIMER_MS);
  return options;
}

/**
 * A copy into itself would never end, and one onto itself would lose what it reads. Returns the
 * folder that is there already in which the target will be.
 */
async function checkPlaces(from: string, to: string, isFolder: boolean): Promise<string> {
  const source = await nodePromises.realpath(from);
  let place = to;
  for (;;) {
    const real = await nodePromises.realpath(place).catch(() => undefined);
    if (real !== undefined) {
      const rest = to.slice(place.length);
      const target = real + rest;
      if (target === source || (isFolder && `${target}${sep}`.startsWith(`${source}${sep}`))) {
        throw invalidArgValue("target", to, `must not be, or be in, the source '${from}'`);
      }
      return place;
    }
    const parent = dirname(place);
    if (parent === place) return place;
    place = parent;
  }
}
