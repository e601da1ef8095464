import { constants } from "node:fs";
import { invalidArgType } from "../base/argument-errors.ts";
import { abortError, errnoOf, ProactorError, systemError } from "../base/errors.ts";
import { INSPECT, type InspectArguments, shownAs } from "../base/inspect.ts";
import { DEFAULT_LOG_BYTES, LOG_STAGING_BYTES, MAX_TIMER_MS } from "../base/limits.ts";
import { optionsOf } from "../base/options.ts";
import {
  type PathLike,
  parseFileMode,
  validateAbortSignal,
  validateInteger,
  validateNumber,
  validatePath,
} from "../base/validate.ts";
import { warnForgotten } from "../base/warnings.ts";
import { AbortListeners } from "../runtime/abort.ts";
import { copied, errorFrom, failing } from "../runtime/failing.ts";
import { closeFd, fsyncFolderOf, openFd, statFd } from "./calls.ts";
import { type LogFile, openedLogFile, type Packed, writePacked } from "./log-file.ts";
import { Packer, type Piece } from "./packer.ts";

const ETIMEDOUT = -errnoOf("ETIMEDOUT");

/** How a log is opened. */
export interface AppendLogOptions {
  /** Permission bits of a new file, 0o666 unless told, less the umask. */
  readonly mode?: number | string | undefined;
  /**
   * Bytes that may wait or be on their way at once, 64 MiB unless told. An `append` beyond that
   * rejects with `ERR_PROACTOR_EXHAUSTED`, unless nothing else waits; see `AppendLog.ready`.
   */
  readonly maxPendingBytes?: number | undefined;
}

/** How one append waits. */
export interface AppendOptions {
  /** Takes it back, with an `AbortError`, while it waits. Once it is on its way it is too late. */
  readonly signal?: AbortSignal | undefined;
  /** Takes it back after this many ms, with `ETIMEDOUT`, while it waits. */
  readonly deadlineMs?: number | undefined;
}

/** What can be appended: text is written as UTF-8. */
export type AppendData = string | NodeJS.ArrayBufferView;

// While something is on its way, the log is reachable.
const collected = new FinalizationRegistry<LogFile>((file) => {
  warnForgotten(`An AppendLog of descriptor ${file.fd}`, 0, "Call close()");
  void file.close().catch(() => undefined);
});

/** One append that was not settled yet. */
interface Entry {
  readonly pieces: readonly Piece[];
  readonly bytes: number;
  readonly resolve: (position: number | Promise<never>) => void;
  /** Ends the clock and the listener of one that can be taken back. */
  release: (() => void) | undefined;
  /** It was taken back while it waited. */
  gone: boolean;
}

/**
 * Opens a file to append to, or makes it, and brings its name to the device (fsync(2) of its
 * folder). What is in it stays; the first append goes to its end.
 *
 * Only one log may write to a file at a time, in all processes: each keeps the end for itself.
 *
 * @throws What open(2) and fstat(2) refuse, in Node's shape; `EISDIR` for a folder.
 */
export async function openLog(path: PathLike, options: AppendLogOptions = {}): Promise<AppendLog> {
  const checked = validatePath(path);
  const told = optionsOf(options);
  const { maxPendingBytes = DEFAULT_LOG_BYTES } = told;
  validateInteger(maxPendingBytes, "options.maxPendingBytes", 1);
  const mode = parseFileMode(told.mode, "options.mode", 0o666);
  const fd = await openFd(checked, constants.O_WRONLY | constants.O_CREAT, mode);
  try {
    const { size } = await statFd(fd);
    await fsyncFolderOf(checked);
    return new AppendLog(await openedLogFile(fd), size, maxPendingBytes);
  } catch (error) {
    await closeFd(fd);
    throw error;
  }
}

/**
 * A file that many append to and that tells each when its bytes are on the device: group commit.
 *
 * While one group is on its way, the next gathers, so that any number of writers share one write
 * and one fdatasync(2), which the kernel is given together: as one call (RWF_DSYNC) on Btrfs, ext4,
 * F2FS and XFS, elsewhere the second linked to the first. An append resolves only after its bytes
 * are on the device. Positions are in the order of the calls.
 *
 * - An append whose bytes do not fit (`ENOSPC`, `EFBIG`, `EDQUOT`) rejects alone: what was written
 *   of it is cut off again, those before it are brought to the device, those after it are tried.
 * - When fdatasync fails, nobody knows what the device has, and asking again would say that all is
 *   well, because the kernel tells of lost pages once. So every append of that group rejects, and
 *   every later one with `ERR_PROACTOR_LOG_FAILED`. Open the log anew and check its end.
 * - A crash can leave a part of what was not confirmed yet behind the last confirmed byte. Give
 *   records a length and a checksum, and cut off the rest when you open the log.
 */
export class AppendLog implements AsyncDisposable {
  readonly #file: LogFile;
  readonly #maxPendingBytes: number;
  readonly #aborts = new AbortListeners();
  readonly #packer = new Packer(LOG_STAGING_BYTES);
  /** Where the next group goes: everything before is on the device. */
  #end: number;
  #waiting: Entry[] = [];
  /** Entries of {@link #waiting} that were not taken back. */
  #alive = 0;
  #pendingBytes = 0;
  #groups = 0;
  #running = false;
  #failed: ProactorError | undefined;
  #closing: Promise<void> | undefined;
  /** Who waits for room. */
  #readyListeners: (() => void)[] = [];

  /** Logs are made by {@link openLog}. */
  constructor(file: LogFile, end: number, maxPendingBytes: number) {
    this.#file = file;
    this.#end = end;
    this.#maxPendingBytes = maxPendingBytes;
    collected.register(this, file, this);
  }

  /** The end of what is on the device, in bytes from the start of the file. */
  get size(): number {
    return this.#end;
  }

  /** Shows its size, what waits, and whether it still takes entries. */
  [INSPECT](...how: InspectArguments): string {
    let state = "open";
    if (this.#failed !== undefined) state = "failed";
    else if (this.#closing !== undefined) state = "closed";
    const { size, pendingBytes, groups } = this;
    return shownAs("AppendLog", { state, size, pendingBytes, groups }, how);
  }

  /** Bytes that wait or are on their way. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** How many groups were brought to the device so far: one fdatasync each. */
  get groups(): number {
    return this.#groups;
  }

  /**
   * Appends, as one piece, the data or all of a list. Resolves with the position of its first byte
   * once all of its bytes are on the device. Do not change the memory before that.
   *
   * Rejects with `ERR_PROACTOR_EXHAUSTED` beyond `maxPendingBytes`, `ERR_PROACTOR_CLOSED` after
   * `close`, `ERR_PROACTOR_LOG_FAILED` after a failed fdatasync, and with the system's error.
   */
  append(data: AppendData | readonly AppendData[], options?: AppendOptions): Promise<number> {
    try {
      const pieces = Array.isArray(data) ? data.map(pieceOf) : [pieceOf(data)];
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      this.#checkState(bytes);
      return this.#enqueue(pieces, bytes, checkOptions(options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Resolves when there is room for more: less than half of `maxPendingBytes` is pending. */
  ready(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => this.#readyListeners.push(resolve));
  }

  /**
   * Resolves when everything that was appended before has been settled. What became of each append
   * is for its own promise to say; this one rejects once the log has failed.
   */
  async flush(): Promise<void> {
    // What has no pieces is settled in its turn, without a write.
    if (this.#running) await this.#enqueue([], 0, undefined).catch(() => undefined);
    if (this.#failed !== undefined) throw copied(this.#failed);
  }

  /**
   * Takes no more, waits for what was appended, and closes the file. Rejects if the log has failed
   * or close(2) does; the file is closed all the same.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    collected.unregister(this);
    try {
      await this.flush();
    } finally {
      await this.#file.close();
    }
  }

  #enqueue(
    pieces: readonly Piece[],
    bytes: number,
    options: AppendOptions | undefined,
  ): Promise<number> {
    return new Promise((resolve) => {
      const entry = { pieces, bytes, resolve, release: undefined, gone: false };
      this.#waiting.push(entry);
      this.#alive++;
      this.#pendingBytes += bytes;
      if (options !== undefined) this.#watch(entry, options);
      this.#start();
    });
  }

  #checkState(bytes: number): void {
    if (this.#failed !== undefined) throw copied(this.#failed);
    if (this.#closing !== undefined) {
      throw new ProactorError("ERR_PROACTOR_CLOSED", "The log was closed before");
    }
    const pending = this.#pendingBytes;
    if (pending > 0 && pending + bytes > this.#maxPendingBytes) {
      throw new ProactorError(
        "ERR_PROACTOR_EXHAUSTED",
        `The log has no room for ${bytes} bytes: ${pending} of ${this.#maxPendingBytes} wait`,
        "Await appends, or ready(), before more; or raise maxPendingBytes",
      );
    }
  }

  #watch(entry: Entry, { signal, deadlineMs }: AppendOptions): void {
    const takeBack = (error: Error) => {
      entry.gone = true;
      this.#alive--;
      this.#settle(entry, error);
    };
    if (signal?.aborted) {
      takeBack(abortError(signal));
      return;
    }
    const ends: (() => void)[] = [];
    if (signal !== undefined)
      ends.push(this.#aborts.add(signal, () => takeBack(abortError(signal))));
    if (deadlineMs !== undefined) {
      const detail = `deadline of ${deadlineMs} ms`;
      const late = () => takeBack(systemError(ETIMEDOUT, "write", undefined, undefined, detail));
      const timer = setTimeout(late, deadlineMs);
      ends.push(() => clearTimeout(timer));
    }
    entry.release = () => {
      for (const end of ends) end();
      entry.release = undefined;
    };
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    // Whatever is appended in this tick, and by its microtasks, is one group.
    process.nextTick(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#alive > 0) {
      const group = this.#take();
      if (this.#failed === undefined) await this.#commit(group);
      else for (const entry of group) this.#settle(entry, copied(this.#failed));
      // Those who were just told may append at once: let them into the next group.
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    this.#waiting = [];
    this.#running = false;
  }

  /** All that waits: from here on, nobody takes it back. */
  #take(): Entry[] {
    const group = this.#waiting.filter(({ gone }) => !gone);
    for (const { release } of group) release?.();
    this.#waiting = [];
    this.#alive = 0;
    return group;
  }

  /** Writes a group, brings it to the device, and tells everybody. Never rejects. */
  async #commit(group: readonly Entry[]): Promise<void> {
    let first = 0;
    if (group.every(({ pieces }) => pieces.length === 0)) return this.#tell(group, undefined, 0);
    while (first < group.length) {
      const { written, error } = await this.#write(group.slice(first)).catch((thrown) => ({
        written: 0,
        // Nobody knows what was written before something of ours threw.
        error: this.#poison(errorFrom(thrown)),
        unsynced: undefined,
      }));
      if (this.#failed !== undefined) return this.#tell(group.slice(first), undefined);
      let last = first;
      let end = this.#end;
      for (; last < group.length; last++) {
        const next = end + (group[last] as Entry).bytes;
        if (next > this.#end + written) break;
        end = next;
      }
      const lost = error === undefined ? undefined : await this.#repair(end, last > first);
      this.#tell(group.slice(first, last), lost);
      if (lost !== undefined) {
        this.#tell(group.slice(last), lost);
        return;
      }
      if (error !== undefined) this.#settle(group[last++] as Entry, error);
      first = last;
    }
  }

  /** After a write that failed: cuts the broken append off, confirms those before it. */
  async #repair(end: number, some: boolean): Promise<Error | undefined> {
    try {
      await this.#file.truncate(end);
      if (some) await this.#file.sync();
      return undefined;
    } catch (error) {
      return this.#poison(error as Error);
    }
  }

  /** Says how many bytes of the group were written, and why not more. */
  async #write(group: readonly Entry[]): Promise<Packed> {
    this.#packer.begin(group.flatMap(({ pieces }) => pieces));
    const end = await writePacked(this.#file, this.#packer, this.#end, true);
    if (end.unsynced !== undefined) this.#poison(end.unsynced);
    return end;
  }

  /** Confirms appends whose bytes are on the device, or rejects them. */
  #tell(entries: readonly Entry[], lost: Error | undefined, groups = 1): void {
    const cause = lost ?? (this.#failed?.cause as Error | undefined);
    if (entries.length > 0 && cause === undefined) this.#groups += groups;
    for (const entry of entries) {
      const position = this.#end;
      if (cause === undefined) this.#end += entry.bytes;
      this.#settle(
        entry,
        cause === undefined ? position : entry === entries[0] ? cause : copied(cause),
      );
    }
  }

  #poison(cause: Error): Error {
    this.#failed ??= new ProactorError(
      "ERR_PROACTOR_LOG_FAILED",
      `The log cannot be trusted any more: ${cause.message}`,
      "Open it anew and check its end: what was not confirmed may or may not be there",
      { cause },
    );
    return cause;
  }

  #settle(entry: Entry, end: number | Error): void {
    entry.release?.();
    this.#pendingBytes -= entry.bytes;
    entry.resolve(typeof end === "number" ? end : failing(end));
    if (this.#readyListeners.length === 0 || !this.#hasRoom()) return;
    const listeners = this.#readyListeners;
    this.#readyListeners = [];
    for (const listener of listeners) listener();
  }

  #hasRoom(): boolean {
    return this.#pendingBytes * 2 <= this.#maxPendingBytes;
  }
}

function pieceOf(data: unknown): Piece {
  if (typeof data === "string") return { data, bytes: Buffer.byteLength(data) };
  if (!ArrayBuffer.isView(data)) {
    throw invalidArgType("data", ["string", "Buffer", "TypedArray", "DataView"], data);
  }
  const { buffer, byteOffset, byteLength } = data;
  return { data: new Uint8Array(buffer, byteOffset, byteLength), bytes: byteLength };
}

function checkOptions(options: AppendOptions | undefined): AppendOptions | undefined {
  if (options === undefined) return undefined;
  const told = optionsOf(options);
  const { signal, deadlineMs } = told;
  validateAbortSignal(signal, "options.signal");
  if (deadlineMs !== undefined) validateNumber(deadlineMs, "options.deadlineMs", 0, MAX_TIMER_MS);
  return told;
}
