/** The copy of a tree while it is going on; `copyTree` is its face. */
import { constants, type Stats } from "node:fs";
import { sep } from "node:path";
import { descriptorOf } from "../base/descriptor.ts";
import { abortError, errnoOf, ProactorError, systemError } from "../base/errors.ts";
import { DEFAULT_COPY_CONCURRENCY } from "../base/limits.ts";
import { FILE_TYPES, ONCE } from "../base/options.ts";
import { errorFrom, fromProgram, located } from "../runtime/failing.ts";
import { type ExistingPolicy, existingPolicy, staysAsItIs } from "./copy-existing.ts";
import { Chunks, FileCopy, type FileCopyEnd, type FileCopyJob } from "./copy-file-ring.ts";
import type { CopyTreeFailure, CopyTreeOptions, CopyTreeResult } from "./copy-tree.ts";
import { nodePromises } from "./node.ts";
import { promises } from "./promises.ts";
import { road } from "./road.ts";

const ETIMEDOUT = -errnoOf("ETIMEDOUT");
/** So that we can fill a folder that its owner may not fill. */
const OWNER_FILLS = 0o700;
const PERMISSIONS = 0o7777;

type Kind = "file" | "folder" | "link";

/** One thing to be copied. */
interface Item {
  readonly source: string;
  readonly target: string;
  /** Undefined for what cannot be copied. */
  readonly kind: Kind | undefined;
}

/** Which kind of thing it is; undefined for sockets, pipes and devices. */
export function kindOf(
  entry: Pick<Stats, "isFile" | "isDirectory" | "isSymbolicLink">,
): Kind | undefined {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "folder";
  return entry.isSymbolicLink() ? "link" : undefined;
}

/** The error of something that has no content to copy. */
export function unsupported(path: string): ProactorError {
  return new ProactorError(
    "ERR_PROACTOR_UNSUPPORTED",
    `Only files, folders and symbolic links can be copied: '${path}' is none of them`,
    "Leave it out with the option filter",
  );
}

/** One copy of one tree. */
export class TreeCopy {
  readonly #options: CopyTreeOptions;
  readonly #concurrency: number;
  /** Undefined where node:fs copies the files. */
  readonly #job: FileCopyJob | undefined;
  /** Files and links go first, so that the list stays short; of folders the deepest. */
  #items: Item[] = [];
  #next = 0;
  readonly #folders: Item[] = [];
  /** What is to be done when everything is there, in the order in which it was found. */
  readonly #later: (() => Promise<void>)[] = [];
  readonly #failures: CopyTreeFailure[] = [];
  readonly #umask = process.umask();
  readonly #existing: ExistingPolicy;
  #files = 0;
  #directories = 0;
  #links = 0;
  #skipped = 0;
  #bytes = 0;
  #active = 0;
  #error: Error | undefined;
  #finish: () => void = () => undefined;

  /** @param byNode Let node:fs copy the files, whatever road there is. */
  constructor(options: CopyTreeOptions, byNode: boolean) {
    this.#options = options;
    this.#existing = existingPolicy(options);
    this.#concurrency = options.concurrency ?? DEFAULT_COPY_CONCURRENCY;
    const session = byNode ? undefined : road();
    if (session === undefined) return;
    this.#job = {
      session,
      chunks: new Chunks(),
      umask: this.#umask,
      timestamps: options.preserveTimestamps === true,
      force: this.#existing.other === "replace",
      stopped: () => this.#error,
      wrote: (bytes) => this.#wrote(bytes),
    };
  }

  /** Copies everything, or as much as it may. */
  async run(first: Item): Promise<CopyTreeResult> {
    const { signal, deadlineMs } = this.#options;
    const abort = () => this.#stop(abortError(signal));
    if (signal?.aborted) throw abortError(signal);
    signal?.addEventListener("abort", abort, ONCE);
    const timer = deadlineMs === undefined ? undefined : setTimeout(() => this.#late(), deadlineMs);
    try {
      this.#add(first);
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
        this.#pump();
      });
      // The deepest first: a folder's times change with what is put into it.
      for (const finish of this.#later.reverse()) await finish();
    } finally {
      signal?.removeEventListener("abort", abort);
      clearTimeout(timer);
    }
    for (const { error } of this.#failures) located(error, this.run);
    if (this.#error === undefined) return this.#result();
    const error = located(this.#error, this.run);
    throw Object.defineProperty(error, "result", descriptorOf({ value: this.#result() }));
  }

  #late(): void {
    const detail = `deadline of ${this.#options.deadlineMs} ms`;
    this.#stop(systemError(ETIMEDOUT, "copy", undefined, undefined, detail));
  }

  /** From here on nothing begins; what is in flight ends soon. */
  #stop(error: Error): void {
    this.#error ??= error;
    if (this.#active === 0) this.#finish();
  }

  #add(item: Item): void {
    if (item.kind === "folder") this.#folders.push(item);
    else this.#items.push(item);
  }

  get #waiting(): number {
    return this.#items.length - this.#next + this.#folders.length + this.#active;
  }

  #pump(): void {
    while (this.#error === undefined && this.#active < this.#concurrency) {
      let item: Item | undefined;
      if (this.#next < this.#items.length) item = this.#items[this.#next++];
      else {
        if (this.#next > 0) this.#items = [];
        this.#next = 0;
        item = this.#folders.pop();
      }
      if (item === undefined) break;
      this.#active++;
      this.#begin(item);
    }
    if (this.#active === 0) this.#finish();
  }

  #begin(item: Item): void {
    const { kind } = item;
    if (kind === undefined || kind === "folder" || !this.#existing.asks) {
      this.#copy(item);
      return;
    }
    staysAsItIs(item.source, item.target, this.#existing).then(
      (stays) => {
        if (stays) this.#skip();
        else this.#copy(item);
      },
      (error) => this.#ended(item, { error, half: false }),
    );
  }

  #copy(item: Item): void {
    const { source, target, kind } = item;
    const end = (how: FileCopyEnd) => this.#ended(item, how);
    if (kind === "file" && this.#job !== undefined) {
      new FileCopy(this.#job, source, target, end).start();
      return;
    }
    let work: Promise<void>;
    if (kind === "file") work = this.#copyFile(item);
    else if (kind === "folder") work = this.#copyFolder(item);
    else if (kind === "link") work = this.#copyLink(item);
    else work = Promise.reject(unsupported(source));
    work.then(
      () => end({ error: undefined, half: false }),
      (error) => end({ error, half: false }),
    );
  }

  #skip(): void {
    this.#active--;
    this.#skipped++;
    this.#tell();
    this.#pump();
  }

  #ended({ source, target, kind }: Item, { error, half }: FileCopyEnd): void {
    this.#active--;
    if (error === undefined) {
      if (kind === "file") this.#files++;
      else if (kind === "folder") this.#directories++;
      else this.#links++;
      this.#tell();
    } else if (error !== this.#error || half) {
      this.#failures.push({ source, target, error, half });
      if (this.#options.keepGoing !== true) this.#error ??= error;
    }
    this.#pump();
  }

  #wrote(bytes: number): void {
    this.#bytes += bytes;
    // Of a small file its end is told.
    if (bytes >= 256 * 1024) this.#tell();
  }

  #tell(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined || this.#error !== undefined) return;
    try {
      onProgress(this.#progress());
    } catch (error) {
      this.#error ??= errorFrom(fromProgram(error));
    }
  }

  #progress() {
    return {
      files: this.#files,
      directories: this.#directories,
      links: this.#links,
      skipped: this.#skipped,
      bytes: this.#bytes,
      waiting: this.#waiting,
    };
  }

  #result(): CopyTreeResult {
    return { ...this.#progress(), failures: this.#failures };
  }

  async #copyFolder({ source, target }: Item): Promise<void> {
    const stat = await promises.lstat(source);
    const mode = stat.mode & PERMISSIONS;
    const made = await this.#makeFolder(target, mode | OWNER_FILLS);
    const entries = await nodePromises.readdir(source, FILE_TYPES);
    for (const entry of entries) {
      // Not `join`, which costs more than all the rest of this loop.
      const from = source + sep + entry.name;
      const to = target + sep + entry.name;
      if (this.#error !== undefined) return;
      if (await this.#wanted(from, to)) {
        this.#add({ source: from, target: to, kind: kindOf(entry) });
      }
    }
    if (!made) return;
    const exact = mode === ((mode | OWNER_FILLS) & 0o777 & ~this.#umask);
    if (!exact) this.#later.push(() => this.#put(source, target, nodePromises.chmod(target, mode)));
    if (this.#options.preserveTimestamps === true) {
      const { atime, mtime } = stat;
      this.#later.push(() => this.#put(source, target, nodePromises.utimes(target, atime, mtime)));
    }
  }

  /** Puts a folder in order; that it cannot be is a failure of the folder. */
  async #put(source: string, target: string, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#failures.push({ source, target, error: error as Error, half: false });
      if (this.#options.keepGoing !== true) this.#error ??= error as Error;
    }
  }

  async #wanted(source: string, target: string): Promise<boolean> {
    const { filter } = this.#options;
    if (filter === undefined) return true;
    try {
      const said = filter(source, target);
      return typeof said === "boolean" ? said : await said;
    } catch (error) {
      throw fromProgram(error);
    }
  }

  async #makeFolder(target: string, mode: number): Promise<boolean> {
    try {
      await promises.mkdir(target, mode);
      return true;
    } catch (error) {
      const there = (error as NodeJS.ErrnoException).code === "EEXIST";
      if (there && (await promises.stat(target)).isDirectory()) return false;
      throw error;
    }
  }

  async #copyLink({ source, target }: Item): Promise<void> {
    const says = await nodePromises.readlink(source);
    await this.#makingRoom(target, () => promises.symlink(says, target));
  }

  /** One file by node:fs, whose system call does not stop in the middle. */
  async #copyFile({ source, target }: Item): Promise<void> {
    const stat = await promises.lstat(source);
    const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
    const copy = () => nodePromises.copyFile(source, target, flags);
    await this.#makingRoom(target, copy);
    if (this.#options.preserveTimestamps === true) {
      await nodePromises.utimes(target, stat.atime, stat.mtime);
    }
    this.#wrote(stat.size);
  }

  /** Makes something that may have to take the place of what is there. */
  async #makingRoom(target: string, make: () => Promise<void>): Promise<void> {
    try {
      await make();
    } catch (error) {
      const there = (error as NodeJS.ErrnoException).code === "EEXIST";
      if (!there || this.#existing.other !== "replace") throw error;
      await promises.unlink(target);
      await make();
    }
  }
}
