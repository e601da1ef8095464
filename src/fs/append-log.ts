import { invalidArgType, invalidState } from "../base/argument-errors.ts";
import { abortError, errnoOf, ProactorError, systemError } from "../base/errors.ts";
import { INSPECT, type InspectArguments, shownAs } from "../base/inspect.ts";
import { DEFAULT_LOG_BYTES, LOG_STAGING_BYTES, MAX_TIMER_MS } from "../base/limits.ts";
import { optionsOf } from "../base/options.ts";
import {
  type PathLike,
  parseFileMode,
  validateAbortSignal,
  validateBoolean,
  validateFunction,
  validateInteger,
  validateNumber,
  validatePath,
} from "../base/validate.ts";
import { warnForgotten } from "../base/warnings.ts";
import { AbortListeners } from "../runtime/abort.ts";
import { copied, errorFrom, failing } from "../runtime/failing.ts";
import { type LogFile, type Packed, writePacked } from "./log-file.ts";
import { LogPlace, type LogRecovery, recoverLines } from "./log-place.ts";
import { Packer, type Piece } from "./packer.ts";

/** Stops a write; it is not shown to callers. */
const OVERTAKEN = new Error("flushSync has written it");
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
  /**
   * For logs of lines: cuts off what is behind the last newline before anything is appended. A
   * crash leaves such a part. `AppendLog.recovered` says what was cut off.
   */
  readonly recover?: boolean | undefined;
  /**
   * Called after every group with the size that the log has now: large enough to `rotate`, for
   * instance. Not called while a `rotate` or `reopen` is on its way,
   * nor after `close`.
   */
  readonly onSize?: ((size: number, log: AppendLog) => void) | undefined;
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
  /** It was settled, or taken back while it waited. */
  gone: boolean;
  /** Where the log goes on: what was appended before stays in the old file. */
  readonly change: (() => Promise<LogFile>) | undefined;
}

/** What only a log that was opened by its path has. */
interface Placed {
  readonly place: LogPlace;
  readonly recovered: LogRecovery | undefined;
  readonly onSize: AppendLogOptions["onSize"];
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
  const { recover = false, onSize } = told;
  validateBoolean(recover, "options.recover");
  if (onSize !== undefined) validateFunction(onSize, "options.onSize");
  const mode = parseFileMode(told.mode, "options.mode", 0o666);
  const place = new LogPlace(checked, mode);
  const file = await place.open(checked);
  try {
    const recovered = recover ? await recoverLines(checked) : undefined;
    return new AppendLog(file, file.size(), maxPendingBytes, { place, recovered, onSize });
  } catch (error) {
    await file.close();
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
 *   records a length and a checksum, and cut off the rest when you open the log; or write lines,
 *   and open it with `recover`.
 */
export class AppendLog implements AsyncDisposable {
  #file: LogFile;
  readonly #maxPendingBytes: number;
  readonly #aborts = new AbortListeners();
  readonly #packer = new Packer(LOG_STAGING_BYTES);
  /** Where the next group goes: everything before is on the device. */
  #end: number;
  #waiting: Entry[] = [];
  /** Entries of the group that is on its way. */
  #leaving: readonly Entry[] = [];
  /** How often `flushSync` wrote what was on its way. */
  #overtaken = 0;
  /** Changes of the file that wait or are on their way. */
  #changes = 0;
  /** Settles when nothing is on its way to the file any more. */
  #idle: Promise<void> | undefined;
  readonly #placed: Placed | undefined;
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
  constructor(file: LogFile, end: number, maxPendingBytes: number, placed?: Placed) {
    this.#placed = placed;
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

  /** What was cut off when the log was opened; undefined unless `recover` was asked for. */
  get recovered(): LogRecovery | undefined {
    return this.#placed?.recovered;
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
      this.#checkState();
      this.#checkRoom(bytes);
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
   * Brings everything that was appended to the device before it returns, by calls that block: for
   * `process.on("exit")`, where nothing else is done any more. The appends are settled as if they
   * had been waited for; what is on its way is not written twice. While a `reopen` or `rotate`
   * waits, all of it goes to the old file.
   *
   * @throws The error of the first append that cannot be written. Nothing of it is left in the
   * file, and it and those behind it go on waiting; or `ERR_PROACTOR_LOG_FAILED`.
   */
  flushSync(): void {
    if (this.#failed !== undefined) throw copied(this.#failed);
    const pending = [...this.#leaving, ...this.#waiting].filter(({ gone }) => !gone);
    const entries = pending.filter(({ change }) => change === undefined);
    if (entries.length === 0) return;
    this.#overtaken++;
    this.#leaving = [];
    // The memory of the other one may be with the kernel.
    const packer = new Packer(LOG_STAGING_BYTES);
    packer.begin(entries.flatMap(({ pieces }) => pieces));
    const { written, error, unsynced } = packer.done
      ? { written: 0, error: undefined, unsynced: undefined }
      : this.#file.writeNow(packer, this.#end);
    if (unsynced !== undefined) this.#poison(unsynced);
    const { count, end } = this.#whole(entries, written);
    try {
      if (error !== undefined) this.#file.truncate(end);
    } catch (thrown) {
      this.#poison(errorFrom(thrown));
    }
    this.#tell(entries.slice(0, count), undefined, written > 0 ? 1 : 0);
    this.#waiting = pending.filter(({ gone }) => !gone);
    this.#alive = this.#waiting.length;
    if (this.#failed !== undefined) throw copied(this.#failed);
    if (error !== undefined) throw error;
  }

  /**
   * Opens the path anew, after another program has renamed the file. What was appended before goes
   * to the old file, what is appended from here on to the one that the path then names.
   *
   * Rejects where that cannot be opened (`EMFILE`); the log goes on in the old file.
   */
  reopen(): Promise<void> {
    return this.#change((place) => place.open());
  }

  /**
   * Gives the file another name, on the same file system, and goes on in a new one. What was
   * appended before is in the old file, what is appended from here on in the new one.
   *
   * Rejects with `EEXIST` where there is such a file, and with the error of rename(2) or open(2).
   * The old file has its old name then, and the log goes on in it.
   */
  rotate(newPath: PathLike): Promise<void> {
    try {
      const name = validatePath(newPath, "newPath");
      return this.#change((place) => place.rotate(name));
    } catch (error) {
      return Promise.reject(error);
    }
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
      // After a flushSync, what it overtook may still be on its way.
      await this.#idle;
      await this.#file.close();
    }
  }

  async #change(change: (place: LogPlace) => Promise<LogFile>): Promise<void> {
    this.#checkState();
    const placed = this.#placed;
    if (placed === undefined) throw invalidState("The log was not opened by its path");
    this.#changes++;
    try {
      await this.#enqueue([], 0, undefined, () => change(placed.place));
    } finally {
      this.#changes--;
    }
  }

  #enqueue(
    pieces: readonly Piece[],
    bytes: number,
    options: AppendOptions | undefined,
    change?: () => Promise<LogFile>,
  ): Promise<number> {
    return new Promise((resolve) => {
      const entry = { pieces, bytes, resolve, release: undefined, gone: false, change };
      this.#waiting.push(entry);
      this.#alive++;
      this.#pendingBytes += bytes;
      if (options !== undefined) this.#watch(entry, options);
      this.#start();
    });
  }

  #checkState(): void {
    if (this.#failed !== undefined) throw copied(this.#failed);
    if (this.#closing !== undefined) {
      throw new ProactorError("ERR_PROACTOR_CLOSED", "The log was closed before");
    }
  }

  #checkRoom(bytes: number): void {
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
    this.#idle = new Promise((resolve) => {
      process.nextTick(() => resolve(this.#run()));
    });
  }

  async #run(): Promise<void> {
    while (this.#alive > 0) {
      const group = this.#take();
      const [first] = group;
      if (this.#failed !== undefined) {
        for (const entry of group) this.#settle(entry, copied(this.#failed));
      } else if (first?.change !== undefined) await this.#goOnIn(first, first.change);
      else await this.#commit(group);
      // Those who were just told may append at once: let them into the next group.
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    this.#waiting = [];
    this.#running = false;
  }

  /** All that waits, to the next change of the file: from here on, it cannot be taken back. */
  #take(): Entry[] {
    const group = this.#waiting.filter(({ gone }) => !gone);
    const at = this.#changes === 0 ? -1 : group.findIndex(({ change }) => change !== undefined);
    this.#waiting = at === -1 ? [] : group.splice(Math.max(at, 1));
    this.#alive = this.#waiting.length;
    for (const { release } of group) release?.();
    return group;
  }

  /** Changes the file, or stays in the one that there is. Never rejects. */
  async #goOnIn(entry: Entry, change: () => Promise<LogFile>): Promise<void> {
    try {
      const file = await change();
      let end: number;
      try {
        // At once: a flushSync may have written to the same file since it was opened.
        end = file.size();
      } catch (error) {
        await file.close();
        throw error;
      }
      const old = this.#file;
      this.#file = file;
      this.#end = end;
      collected.unregister(this);
      if (this.#closing === undefined) collected.register(this, file, this);
      await old.close();
      this.#settle(entry, end);
    } catch (error) {
      this.#settle(entry, errorFrom(error));
    }
  }

  /** Writes a group, brings it to the device, and tells everybody. Never rejects. */
  async #commit(group: readonly Entry[]): Promise<void> {
    let first = 0;
    const overtaken = this.#overtaken;
    if (group.every(({ pieces }) => pieces.length === 0)) return this.#tell(group, undefined, 0);
    while (first < group.length) {
      this.#leaving = group.slice(first);
      const { written, error } = await this.#write(this.#leaving).catch((thrown) => ({
        written: 0,
        // Nobody knows what was written before something of ours threw.
        error: this.#poison(errorFrom(thrown)),
        unsynced: undefined,
      }));
      if (overtaken !== this.#overtaken) return;
      if (this.#failed !== undefined) return this.#tell(group.slice(first), undefined);
      const { count, end } = this.#whole(this.#leaving, written);
      let last = first + count;
      const lost = error === undefined ? undefined : await this.#repair(end, last > first);
      if (overtaken !== this.#overtaken) return;
      this.#tell(group.slice(first, last), lost);
      if (lost !== undefined) {
        this.#tell(group.slice(last), lost);
        return;
      }
      if (error !== undefined) this.#settle(group[last++] as Entry, error);
      first = last;
    }
  }

  /** How many entries lie wholly in the bytes written from the end on, and where those end. */
  #whole(entries: readonly Entry[], written: number): { count: number; end: number } {
    let end = this.#end;
    let count = 0;
    for (; count < entries.length; count++) {
      const next = end + (entries[count] as Entry).bytes;
      if (next > this.#end + written) break;
      end = next;
    }
    return { count, end };
  }

  /** After a write that failed: cuts the broken append off, confirms those before it. */
  async #repair(end: number, some: boolean): Promise<Error | undefined> {
    try {
      this.#file.truncate(end);
      if (some) await this.#file.sync();
      return undefined;
    } catch (error) {
      return this.#poison(error as Error);
    }
  }

  /** Says how many bytes of the group were written, and why not more. */
  async #write(group: readonly Entry[]): Promise<Packed> {
    this.#packer.begin(group.flatMap(({ pieces }) => pieces));
    const overtaken = this.#overtaken;
    // What flushSync has settled is the caller's again: nothing more of it is packed.
    const stopped = () => (overtaken === this.#overtaken ? undefined : OVERTAKEN);
    const end = await writePacked(this.#file, this.#packer, this.#end, true, stopped);
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
    if (groups > 0) this.#sayHowLarge();
  }

  #sayHowLarge(): void {
    const onSize = this.#placed?.onSize;
    if (onSize === undefined || this.#failed !== undefined) return;
    // What it throws is an uncaught exception of its own, and stops nothing here.
    queueMicrotask(() => {
      if (this.#changes === 0 && this.#closing === undefined) onSize(this.#end, this);
    });
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
    entry.gone = true;
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
