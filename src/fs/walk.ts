import type { Dirent } from "node:fs";
import { sep } from "node:path";
import { DEFAULT_WALK_CONCURRENCY, MAX_FS_CONCURRENCY } from "../base/limits.ts";
import { FILE_TYPES, optionsOf } from "../base/options.ts";
import {
  type PathLike,
  validateFunction,
  validateInteger,
  validatePath,
} from "../base/validate.ts";
import { located } from "../runtime/failing.ts";
import { bufferOf } from "./calls.ts";
import { nodePromises } from "./node.ts";
import { statAll, type WalkStat } from "./stat-all.ts";
import { checkStop, Stop, type StopOptions } from "./stop.ts";

/** How a folder is walked. */
export interface WalkOptions extends StopOptions {
  /** Ask what everything is (lstat), in batches; else only its kind is known. */
  readonly stat?: boolean | undefined;
  /** Folders read at once, or read and not taken yet; 16 unless told. */
  readonly concurrency?: number | undefined;
  /** Asked for every folder; what it says false to is yielded and not entered. */
  readonly enter?: ((entry: WalkEntry) => boolean) | undefined;
  /** Yield folders that cannot be read with their `error`, and go on. */
  readonly keepGoing?: boolean | undefined;
}

/** Something in a folder. */
export interface WalkEntry {
  /** The path that was given, with everything below it. */
  readonly path: string;
  /** What it is called in its folder. */
  readonly name: string;
  /** 1 for what is in the folder itself. */
  readonly depth: number;
  /** What kind of thing it is. */
  readonly kind: "file" | "folder" | "link" | "other";
  /** With the option `stat`: of a link, what the link itself is. */
  readonly stat?: WalkStat | undefined;
  /** Why it could not be asked about, or, of a folder, not be read. */
  readonly error?: Error | undefined;
}

/** A folder that is to be read. */
interface Folder {
  readonly path: string;
  readonly depth: number;
  /** How it was yielded; undefined for the first. */
  readonly entry: WalkEntry | undefined;
}

/**
 * Yields everything in a folder and in the folders below it, each folder before what is in it, in
 * no other order. Links are yielded and not followed. Several folders are read at once, and with
 * `stat` everything in a folder is asked about in one submission.
 *
 * What is removed while it is walked may or may not be yielded. Rejects with the system's error
 * where the folder itself, or (without `keepGoing`) one below it, cannot be read.
 *
 * Folders are read by node:fs, because readdir has no opcode.
 */
export async function* walk(
  path: PathLike,
  options: WalkOptions = {},
): AsyncGenerator<WalkEntry, void, undefined> {
  const root = bufferOf(validatePath(path)).toString();
  const told = checkOptions(options);
  const { concurrency = DEFAULT_WALK_CONCURRENCY } = told;
  const folders: Folder[] = [{ path: root, depth: 0, entry: undefined }];
  const done: (WalkEntry[] | Error)[] = [];
  let reading = 0;
  let wake: () => void = () => undefined;
  const stop = new Stop(told, "scandir", () => wake());
  const read = async (folder: Folder): Promise<void> => {
    reading++;
    done.push(await readFolder(folder, options).catch((error) => error as Error));
    reading--;
    wake();
  };
  try {
    while (folders.length > 0 || reading > 0 || done.length > 0) {
      if (stop.error !== undefined) throw located(stop.error, walk);
      while (folders.length > 0 && reading + done.length < concurrency) {
        void read(folders.pop() as Folder);
      }
      if (done.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const entries = done.shift() ?? [];
      if (entries instanceof Error) throw located(entries, walk);
      for (const entry of entries) {
        if (stop.error !== undefined) throw located(stop.error, walk);
        // Where all went well there is no such field: Object.prototype may have one.
        const error = Object.hasOwn(entry, "error") ? entry.error : undefined;
        if (error !== undefined) located(error, walk);
        yield entry;
        if (entry.kind !== "folder" || error !== undefined) continue;
        if (told.enter?.(entry) === false) continue;
        folders.push({ path: entry.path, depth: entry.depth, entry });
      }
    }
    // The program may have been slow with the last entry.
    if (stop.error !== undefined) throw located(stop.error, walk);
  } finally {
    stop.release();
  }
}

async function readFolder(folder: Folder, options: WalkOptions): Promise<WalkEntry[]> {
  let names: Dirent[];
  try {
    names = await nodePromises.readdir(folder.path, FILE_TYPES);
  } catch (error) {
    if (folder.entry === undefined || options.keepGoing !== true) throw error;
    return [{ ...folder.entry, error: error as Error }];
  }
  const start = folder.path.endsWith(sep) ? folder.path : folder.path + sep;
  const depth = folder.depth + 1;
  const entries: WalkEntry[] = names.map((dirent) => {
    const { name } = dirent;
    return { path: start + name, name, depth, kind: kindOf(dirent) };
  });
  if (options.stat !== true) return entries;
  const stats = await statAll(entries.map(({ path }) => path));
  return entries.flatMap((entry, i): WalkEntry[] => {
    const stat = stats[i];
    if (!(stat instanceof Error)) return [{ ...entry, stat }];
    // Removed since its name was read.
    const gone = (stat as NodeJS.ErrnoException).code === "ENOENT";
    return gone ? [] : [{ ...entry, error: stat }];
  });
}

function kindOf(entry: Dirent): WalkEntry["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : "other";
}

function checkOptions(given: WalkOptions): WalkOptions {
  const options = optionsOf(given);
  const { concurrency, enter } = options;
  if (concurrency !== undefined) {
    validateInteger(concurrency, "options.concurrency", 1, MAX_FS_CONCURRENCY);
  }
  if (enter !== undefined) validateFunction(enter, "options.enter");
  checkStop(options);
  return options;
}
