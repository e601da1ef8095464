import { invalidArgType, invalidArgValue } from "../base/argument-errors.ts";
import { DEFAULT_READ_CONCURRENCY, MAX_FS_CONCURRENCY } from "../base/limits.ts";
import { optionsOf } from "../base/options.ts";
import { type PathLike, validateInteger, validatePath } from "../base/validate.ts";
import { failing, fromProgram, locating } from "../runtime/failing.ts";
import { bufferOf, type CheckedPath } from "./calls.ts";
import { DirectRead } from "./direct-read.ts";
import { type DirectSlots, directSlots } from "./direct-slots.ts";
import { nodeFs } from "./node.ts";
import { road } from "./road.ts";
import { checkStop, Stop, type StopOptions } from "./stop.ts";
import { type WholeFiles, wholeFiles } from "./whole-file.ts";

/** How long to wait for a descriptor when the whole process has none left, in ms. */
const NO_DESCRIPTOR_MS = 10;

/** How many files are read. */
export interface ReadFilesOptions extends StopOptions {
  /** Files read at once, or read and not taken yet; 64 unless told. */
  readonly concurrency?: number | undefined;
  /** Yields strings instead of Buffers. */
  readonly encoding?: BufferEncoding | null | undefined;
}

/** One file that was read, or could not be. */
export type ReadFilesResult<T> =
  | { readonly path: PathLike; readonly index: number; readonly data: T; readonly error?: never }
  | {
      readonly path: PathLike;
      readonly index: number;
      readonly error: Error;
      readonly data?: never;
    };

/** Paths of files, from anything that can be iterated. */
export type Paths = Iterable<PathLike> | AsyncIterable<PathLike>;

/**
 * Reads many whole files, a bounded number at once, and yields each as it is there: with its `path`
 * and its `index` in the list, and either its `data` or its `error` in Node's shape. One file that
 * cannot be read does not end the others.
 *
 * On the ring the files are opened without descriptors (direct descriptors), so that `EMFILE`
 * cannot happen, however many are read and however few descriptors the process may have. Without
 * it they are read by node:fs, and one that finds no descriptor left waits for the next.
 *
 * Nothing is read before the first `next`. Files of which nobody takes the result count as read at
 * once, so memory is bounded. Leaving the loop cancels what is in flight.
 */
export function readFiles(
  paths: Paths,
  options?: ReadFilesOptions & { readonly encoding?: null | undefined },
): AsyncIterableIterator<ReadFilesResult<Buffer>>;
export function readFiles(
  paths: Paths,
  options: ReadFilesOptions & { readonly encoding: BufferEncoding },
): AsyncIterableIterator<ReadFilesResult<string>>;
export function readFiles(
  paths: Paths,
  options?: ReadFilesOptions,
): AsyncIterableIterator<ReadFilesResult<Buffer | string>>;
export function readFiles(
  paths: Paths,
  options?: ReadFilesOptions,
): AsyncIterableIterator<ReadFilesResult<Buffer | string>> {
  const told = optionsOf(options);
  const { concurrency = DEFAULT_READ_CONCURRENCY, encoding } = told;
  validateInteger(concurrency, "options.concurrency", 1, MAX_FS_CONCURRENCY);
  checkStop(told);
  if (encoding && !Buffer.isEncoding(encoding)) {
    throw invalidArgValue("encoding", encoding, "is invalid encoding");
  }
  return new FilesReader(sourceOf(paths), concurrency, encoding ?? undefined, told);
}

type Source = Iterator<PathLike> | AsyncIterator<PathLike>;
type Result = ReadFilesResult<Buffer | string>;

/** Who waits for a result. */
type Taker = (result: IteratorResult<Result> | Promise<IteratorResult<Result>>) => void;

class FilesReader implements AsyncIterableIterator<Result> {
  readonly #source: Source;
  /** How many at once; fewer when descriptors run out. */
  #concurrency: number;
  readonly #encoding: BufferEncoding | undefined;
  readonly #options: StopOptions;
  /** Made at the beginning: that is when the time starts. */
  #stop: Stop | undefined;
  readonly #files: WholeFiles | undefined;
  readonly #slots: DirectSlots | undefined;
  readonly #ready: Result[] = [];
  readonly #takers: Taker[] = [];
  readonly #reads = new Set<DirectRead>();
  /** By the index of their file: those that found no descriptor. */
  #again: { path: PathLike; index: number }[] = [];
  #index = 0;
  #inFlight = 0;
  #exhausted = false;
  #asking = false;
  #waitsForSlot = false;
  #waitsForDescriptor = false;
  #begun = false;
  #ended = false;
  #error: unknown;

  constructor(
    source: Source,
    concurrency: number,
    encoding: BufferEncoding | undefined,
    options: StopOptions,
  ) {
    this.#source = source;
    this.#concurrency = concurrency;
    this.#encoding = encoding;
    this.#options = options;
    const session = road();
    if (session === undefined) return;
    this.#files = wholeFiles(session);
    this.#slots = directSlots(session);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Result>> {
    if (!this.#begun) this.#begin();
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#pump();
    });
  }

  /** Leaves the rest: resolves when the kernel has let go of everything. */
  async return(): Promise<IteratorResult<Result>> {
    this.#end(undefined);
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#whenLeft.push(resolve));
    await this.#leaveSource();
    return { done: true, value: undefined };
  }

  readonly #whenLeft: (() => void)[] = [];

  #begin(): void {
    this.#begun = true;
    this.#stop = new Stop(this.#options, "read", (error) => {
      this.#end(error);
      this.#pump();
    });
    if (this.#stop.error !== undefined) this.#end(this.#stop.error);
  }

  /** Nothing begins any more. */
  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#ready.length = 0;
    this.#again = [];
    this.#stop?.release();
    for (const read of this.#reads) read.stop();
  }

  /** Begins what may begin, and hands out what is there. */
  #pump(): void {
    do {
      while (this.#ready.length > 0 && this.#takers.length > 0) {
        const value = this.#ready.shift() as Result;
        const result = { done: false, value } as const;
        // Where all went well there is no such field: Object.prototype may have one.
        const error = Object.hasOwn(value, "error") ? value.error : undefined;
        this.#takers.shift()?.(error === undefined ? result : locating(result, [error]));
      }
    } while (!this.#ended && this.#mayBegin() && this.#beginOne());
    if (this.#inFlight > 0 || this.#asking) return;
    if (this.#waitsForSlot && !this.#ended) return;
    if (!this.#ended && (!this.#exhausted || this.#again.length > 0)) return;
    if (this.#ready.length === 0) this.#over();
  }

  /** Tells the list of paths that no more of it is wanted. */
  async #leaveSource(): Promise<void> {
    if (this.#exhausted) return;
    this.#exhausted = true;
    await this.#source.return?.();
  }

  #over(): void {
    if (!this.#ended) this.#end(undefined);
    // What it says to that changes nothing any more.
    this.#leaveSource().catch(() => undefined);
    for (const resolve of this.#takers.splice(0)) {
      const error = this.#error;
      this.#error = undefined;
      resolve(error === undefined ? { done: true, value: undefined } : failing(error));
    }
    for (const left of this.#whenLeft.splice(0)) left();
  }

  #mayBegin(): boolean {
    if (this.#waitsForSlot || this.#waitsForDescriptor) return false;
    return this.#inFlight + this.#ready.length < this.#concurrency;
  }

  /** False where nothing can begin now. */
  #beginOne(): boolean {
    const again = this.#again.pop();
    if (again !== undefined) {
      this.#read(again.path, again.index);
      return true;
    }
    if (this.#exhausted || this.#asking) return false;
    const slot = this.#slots?.take();
    if (slot === -1) {
      this.#waitsForSlot = true;
      this.#slots?.whenFree(() => {
        this.#waitsForSlot = false;
        this.#pump();
      });
      return false;
    }
    let next: ReturnType<Source["next"]>;
    try {
      next = this.#source.next();
      if (!("then" in next)) return this.#took(next, slot);
    } catch (error) {
      if (slot !== undefined) this.#slots?.give(slot);
      this.#exhausted = true;
      this.#end(fromProgram(error));
      return false;
    }
    this.#asking = true;
    next
      .then((result) => {
        this.#took(result, slot);
        this.#asking = false;
        this.#pump();
      })
      .then(undefined, (error) => {
        this.#asking = false;
        if (slot !== undefined) this.#slots?.give(slot);
        this.#exhausted = true;
        this.#end(fromProgram(error));
        this.#pump();
      });
    return false;
  }

  #took(result: IteratorResult<PathLike>, slot: number | undefined): boolean {
    const { done, value } = result;
    if (done || this.#ended) {
      if (done) this.#exhausted = true;
      if (slot !== undefined) this.#slots?.give(slot);
      return false;
    }
    this.#read(value, this.#index++, slot);
    return true;
  }

  #read(path: PathLike, index: number, slot?: number): void {
    let checked: CheckedPath;
    try {
      checked = validatePath(path);
    } catch (error) {
      if (slot !== undefined) this.#slots?.give(slot);
      this.#ready.push({ path, index, error: error as Error });
      return;
    }
    this.#inFlight++;
    if (slot === undefined || this.#files === undefined || this.#slots === undefined) {
      this.#readByNode(path, index, checked);
      return;
    }
    const read = new DirectRead(this.#files, this.#slots, slot, checked, (data, error) => {
      this.#reads.delete(read);
      this.#came(path, index, data, error);
    });
    this.#reads.add(read);
    read.start();
  }

  #readByNode(path: PathLike, index: number, checked: CheckedPath): void {
    nodeFs.readFile(bufferOf(checked), (error, data) => {
      const none = error?.code === "EMFILE" || error?.code === "ENFILE";
      if (!none || this.#ended) {
        this.#came(path, index, data, error ?? undefined);
        return;
      }
      this.#again.push({ path, index });
      this.#waitForDescriptor();
      this.#inFlight--;
      this.#pump();
    });
  }

  /** Those in flight give theirs back; if there are none, somebody else has them all. */
  #waitForDescriptor(): void {
    if (this.#waitsForDescriptor) return;
    this.#waitsForDescriptor = true;
    this.#concurrency = Math.max(1, this.#concurrency >> 1);
    setTimeout(() => {
      this.#waitsForDescriptor = false;
      this.#pump();
    }, NO_DESCRIPTOR_MS);
  }

  #came(path: PathLike, index: number, data: Buffer | undefined, error: Error | undefined): void {
    this.#inFlight--;
    if (!this.#ended) {
      if (error !== undefined) this.#ready.push({ path, index, error });
      else this.#ready.push(this.#result(path, index, data as Buffer));
    }
    this.#pump();
  }

  #result(path: PathLike, index: number, data: Buffer): Result {
    const encoding = this.#encoding;
    if (encoding === undefined) return { path, index, data };
    try {
      return { path, index, data: data.toString(encoding) };
    } catch (error) {
      return { path, index, error: error as Error };
    }
  }
}

function sourceOf(paths: Paths): Source {
  if (typeof paths === "object" && paths !== null) {
    if (Symbol.asyncIterator in paths) return paths[Symbol.asyncIterator]();
    if (Symbol.iterator in paths) return paths[Symbol.iterator]();
  }
  throw invalidArgType("paths", ["Iterable", "AsyncIterable"], paths);
}
