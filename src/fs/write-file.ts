/** writeFile and appendFile: open, write until all is written, sync where asked, close. */
import { O_APPEND, O_CLOEXEC, O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY } from "../abi/linux.ts";
import { systemError } from "../base/errors.ts";
import { FS_CALLS_KEPT, FS_CELL_BYTES, FS_CHUNK_BYTES, FS_OFF_LOOP_BYTES } from "../base/limits.ts";
import { parseFileMode } from "../base/validate.ts";
import { type BufferView, FILE_POSITION, OperationKind, Request } from "../core/index.ts";
import { tell } from "../runtime/receiver.ts";
import { Call, withCloseError } from "./call.ts";
import type { Cell } from "./cells.ts";
import { closeInline, openInline, writeInline } from "./inline-write.ts";
import { bytesOf, lostMemory } from "./lost-memory.ts";
import { nodePromises } from "./node.ts";
import { road } from "./road.ts";
import {
  closeRequest,
  flagsOf,
  type HeldDescriptor,
  isAbortSignal,
  isEncoding,
  openRequest,
  pathOf,
  type WholeFiles,
  wholeFiles,
  writeByHandle,
} from "./whole-file.ts";
import { isIterable, writeIterable } from "./write-iterable.ts";

type NodeWriteFile = typeof nodePromises.writeFile;
type Data = string | BufferView;

const CELL_BYTES = FS_CELL_BYTES;
/** What one UTF-16 unit of a string comes to at most, in any encoding. */
const BYTES_PER_UNIT = 3;
const DEFAULT_MODE = 0o666;
const WRITE_FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
const APPEND_FLAGS = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;

const WRITE = new Request().reset(OperationKind.Write);
const FSYNC = new Request().reset(OperationKind.Fsync);

/** What the request in flight is. */
const Step = { opening: 0, writing: 1, syncing: 2, closing: 3 } as const;
const { opening, writing, syncing, closing } = Step;

/**
 * The call itself. What is short is copied, or encoded, into a cell: cheaper than holding a buffer
 * that is seen once. What is long is written from where it is; where it cannot be held, a cell
 * after the other.
 */
class WriteFile extends Call {
  readonly #files: WholeFiles;
  #step: number = opening;
  #fd = -1;
  #held: HeldDescriptor | undefined = undefined;
  #path: unknown = undefined;
  #flush = false;
  #nonblocking = false;
  #data: Data = "";
  #encoding: BufferEncoding = "utf8";
  #cell: Cell | undefined = undefined;
  /** What is in flight: the cell's bytes, or the caller's. */
  #memory: BufferView | undefined = undefined;
  #address = 0;
  /** The caller's bytes, where they cannot be held. */
  #copied: Uint8Array | undefined = undefined;
  #length = 0;
  /** How long the data were when the call began. */
  #asked = 0;
  /** Whether it is one of {@link calls}. */
  #counted = false;
  /** Bytes that were written so far. */
  #done = 0;
  #error: unknown = undefined;
  readonly #tell = (result: number): void => tell(this, result);

  constructor(files: WholeFiles) {
    super();
    this.#files = files;
  }

  /** Writes a file of this path. */
  open(path: string | Uint8Array, data: Data, settings: Settings): Promise<unknown> {
    const { scheduler } = this.#files.session;
    const { flush, signal } = settings;
    this.#path = path;
    this.#flush = flush;
    this.#data = data;
    this.#encoding = settings.encoding;
    this.#step = opening;
    this.#counted = true;
    calls++;
    const promise = this.begin(scheduler, signal);
    this.goOn(() => this.#open(settings));
    return promise;
  }

  #open(settings: Settings): void {
    const { flags, mode } = settings;
    this.#nonblocking = (flags & O_NONBLOCK) !== 0;
    const path = this.#path as string | Uint8Array;
    const data = this.#data;
    this.#asked = sizeOf(data);
    // Many at once are a batch for the ring. And so a turn of the loop has one of these at most.
    if (calls === 1 && isShort(data) && isSimple(settings)) {
      const fd = openInline(path, flags, mode);
      if (fd !== -1) {
        this.#writeInline(fd);
        return;
      }
    }
    const request = openRequest(path, flags, mode);
    // Without O_CREAT the kernel would try at once, and a FIFO without a reader would fail.
    request.offLoop = true;
    this.inFlight = this.#files.session.scheduler.startFor(request, this);
    request.offLoop = false;
  }

  /** Writes what is in a cell, and closes; what is left to do after the first write, the ring does. */
  #writeInline(fd: number): void {
    this.#fd = fd;
    this.#take(this.#data);
    const { bytes } = this.#cell as Cell;
    const length = this.#length;
    const written = length === 0 ? 0 : writeInline(fd, bytes, length);
    this.#step = written === length ? closing : writing;
    nextTurn(this.#tell, written === length ? closeInline(fd) : written);
  }

  /** Writes to an open file, from its position on. */
  write(held: HeldDescriptor, data: Data, settings: Settings): Promise<unknown> {
    held.ref();
    this.#held = held;
    this.#fd = held.fd;
    this.#encoding = settings.encoding;
    this.#step = writing;
    const promise = this.begin(this.#files.session.scheduler, settings.signal);
    this.goOn(() => {
      this.#asked = sizeOf(data);
      this.#take(data);
      this.#next();
    });
    return promise;
  }

  failed(error: unknown): void {
    this.#error ??= error;
    if (this.#fd === -1 || this.#step === closing) this.#leave();
    else this.#finish();
  }

  settled(result: number): void {
    const step = this.#step;
    if (step === closing) this.#closed(result);
    else if (step === writing) this.#wrote(result);
    else if (step === opening) this.#opened(result);
    else {
      if (result < 0) this.#error = systemError(result, "fsync");
      this.#finish();
    }
  }

  /** Brings the data to where the kernel can read it: only now, for many calls may wait to open. */
  #take(data: Data): void {
    const { cells, session } = this.#files;
    const encoding = this.#encoding;
    this.#data = "";
    if (typeof data === "string") {
      if (isShort(data)) {
        const cell = cells.take();
        this.#useCell(cell, cell.bytes.write(data, encoding));
        return;
      }
      const bytes = Buffer.from(data, encoding);
      session.memory.useOwn(WRITE, bytes);
      this.#use(bytes, WRITE.addressHigh * 0x1_0000_0000 + (WRITE.addressLow >>> 0));
      return;
    }
    const bytes = bytesOf(data, this.#asked);
    const { byteLength } = bytes;
    if (isShort(bytes)) {
      const cell = cells.take();
      cell.bytes.set(bytes);
      this.#useCell(cell, byteLength);
      return;
    }
    const lent = session.memory.leases.lend(data);
    if (lent.held) {
      this.#use(data, lent.address);
      return;
    }
    this.#copied = bytes;
    this.#useCell(cells.take(), byteLength);
  }

  #useCell(cell: Cell, length: number): void {
    this.#cell = cell;
    this.#use(cell.bytes, cell.address);
    this.#length = length;
  }

  #use(memory: BufferView, address: number): void {
    this.#memory = memory;
    this.#address = address;
    this.#length = memory.byteLength;
  }

  #opened(result: number): void {
    if (result < 0) {
      this.#error = systemError(result, "open", this.#path as string);
      this.#leave();
      return;
    }
    this.#fd = result;
    if (!this.isAborted) this.#take(this.#data);
    this.#next();
  }

  #wrote(result: number): void {
    if (result < 0) {
      this.#error = systemError(result, "write");
      this.#finish();
      return;
    }
    this.#done += result;
    this.#next();
  }

  #next(): void {
    if (this.isAborted) this.#finish();
    else if (this.#done < this.#length) this.#writeOn();
    else if (this.#flush) {
      this.#step = syncing;
      FSYNC.fd = this.#fd;
      this.inFlight = this.#files.session.scheduler.startFor(FSYNC, this);
    } else this.#finish();
  }

  #writeOn(): void {
    const done = this.#done;
    // What is written meanwhile must not be what the memory's next owner puts there.
    const source = (this.#copied ?? this.#memory) as BufferView;
    if (source.byteLength < this.#length) throw lostMemory();
    let from = done;
    let length = Math.min(this.#length - done, FS_CHUNK_BYTES);
    if (this.#copied !== undefined) {
      const part = this.#copied.subarray(done, done + CELL_BYTES);
      this.#cell?.bytes.set(part);
      length = part.length;
      from = 0;
    }
    this.#step = writing;
    WRITE.fd = this.#fd;
    // Nobody else has what we opened, so that it waits if that is how we opened it.
    WRITE.trusted = this.#held === undefined && !this.#nonblocking;
    WRITE.buffer = this.#memory;
    WRITE.length = length;
    // A file that we opened has no position but ours.
    WRITE.offset = WRITE.trusted ? done : FILE_POSITION;
    WRITE.setAddress(this.#address + from);
    WRITE.offLoop = length >= FS_OFF_LOOP_BYTES;
    this.inFlight = this.#files.session.scheduler.startFor(WRITE, this);
  }

  #finish(): void {
    this.inFlight = undefined;
    if (this.#held !== undefined) {
      this.#leave();
      return;
    }
    this.#step = closing;
    // Not remembered, because it must not be canceled: what was opened has to be closed.
    void this.#files.session.scheduler.startFor(closeRequest(this.#fd), this);
  }

  #closed(result: number): void {
    if (result < 0) this.#error = withCloseError(this.#error, systemError(result, "close"));
    this.#leave();
  }

  #leave(): void {
    const error = this.#error;
    const cell = this.#cell;
    if (cell !== undefined) {
      this.#cell = undefined;
      this.#files.cells.give(cell);
    }
    if (this.#counted) calls--;
    this.#counted = false;
    const held = this.#held;
    this.#held = undefined;
    this.#fd = -1;
    held?.unref();
    this.#path = undefined;
    this.#data = "";
    this.#memory = undefined;
    this.#copied = undefined;
    this.#error = undefined;
    this.#done = 0;
    this.#flush = false;
    this.end(undefined, error);
    if (free.length < FS_CALLS_KEPT) free.push(this);
  }
}

/** How many files are being written by their paths. */
let calls = 0;

/** Node's own, whatever a test puts in its place later. */
const nextTurn = setImmediate;

const free: WriteFile[] = [];
let freeOf: WholeFiles | undefined;

function takeCall(files: WholeFiles): WriteFile {
  if (freeOf !== files) {
    freeOf = files;
    free.length = 0;
  }
  return free.pop() ?? new WriteFile(files);
}

/** Whether data fits into a cell for certain. */
function isShort(data: Data): boolean {
  if (typeof data === "string") return data.length * BYTES_PER_UNIT <= CELL_BYTES;
  return data.byteLength <= CELL_BYTES;
}

/** Whether a call does nothing but write, and cannot be told to stop. */
function isSimple({ flags, flush, signal }: Settings): boolean {
  return !flush && signal === undefined && (flags === WRITE_FLAGS || flags === APPEND_FLAGS);
}

function sizeOf(data: Data): number {
  return typeof data === "string" ? 0 : data.byteLength;
}

/** What writeFile was told, checked. */
export interface Settings {
  encoding: BufferEncoding;
  signal: AbortSignal | undefined;
  flags: number;
  mode: number;
  flush: boolean;
}

/** Filled anew for every call. */
const settings: Settings = {
  encoding: "utf8",
  signal: undefined,
  flags: WRITE_FLAGS,
  mode: DEFAULT_MODE,
  flush: false,
};

/** Reads the options into {@link settings}. False where node:fs is to have the call. */
function readOptions(options: unknown, flags: number): boolean {
  settings.encoding = "utf8";
  settings.signal = undefined;
  settings.flags = flags;
  settings.mode = DEFAULT_MODE;
  settings.flush = false;
  if (options === undefined || options === null || typeof options === "function") return true;
  if (typeof options === "string") return readEncoding(options);
  if (typeof options !== "object") return false;
  let told: Record<string, unknown>;
  try {
    const { encoding, flag, mode, flush, signal } = options as Record<string, unknown>;
    told = { encoding, flag, mode, flush, signal };
  } catch {
    return false;
  }
  const { encoding, flag, mode, flush, signal } = told;
  if (!readEncoding(encoding)) return false;
  if (flag !== undefined) {
    settings.flags = flagsOf(flag, flags);
    if (settings.flags < 0) return false;
  }
  if (mode !== undefined && mode !== null) {
    try {
      settings.mode = parseFileMode(mode, "mode");
    } catch {
      return false;
    }
  }
  if (flush !== undefined && flush !== null) {
    if (typeof flush !== "boolean") return false;
    settings.flush = flush;
  }
  if (signal !== undefined) {
    // Node rejects at once if it has aborted.
    if (!isAbortSignal(signal) || signal.aborted) return false;
    settings.signal = signal;
  }
  return true;
}

function readEncoding(encoding: unknown): boolean {
  if (!encoding) return true;
  if (!isEncoding(encoding)) return false;
  settings.encoding = encoding;
  return true;
}

/** Whether data is there as a whole. */
export function isPlain(data: unknown): data is Data {
  return typeof data === "string" || ArrayBuffer.isView(data);
}

/** Undefined where node:fs is to have the call. */
function write(
  path: unknown,
  data: unknown,
  options: unknown,
  flags: number,
): Promise<unknown> | undefined {
  const session = road();
  if (session === undefined || !readOptions(options, flags)) return undefined;
  const valid = pathOf(path);
  if (valid === undefined) return undefined;
  if (isPlain(data)) return takeCall(wholeFiles(session)).open(valid, data, settings);
  if (isIterable(data)) return writeIterable(session, valid, data, { ...settings });
  return undefined;
}

/** Writes a whole file, as fs.promises.writeFile does. */
export function writeFile(path: unknown, data: unknown, options?: unknown): Promise<unknown> {
  const ours = write(path, data, options, WRITE_FLAGS) ?? writeByHandle(path, data, options);
  if (ours !== undefined) return ours;
  const args = [path, data, options] as Parameters<NodeWriteFile>;
  return nodePromises.writeFile(...args);
}

/** Writes to the end of a file, as fs.promises.appendFile does. */
export function appendFile(path: unknown, data: unknown, options?: unknown): Promise<unknown> {
  const ours = write(path, data, options, APPEND_FLAGS) ?? writeByHandle(path, data, options);
  if (ours !== undefined) return ours;
  const args = [path, data, options] as Parameters<typeof nodePromises.appendFile>;
  return nodePromises.appendFile(...args);
}

/**
 * Writes to an open file, as `filehandle.writeFile` and `filehandle.appendFile` do. Undefined where
 * node:fs is to have the call: arguments that it would refuse, or no ring.
 */
export function writeHeld(
  held: HeldDescriptor,
  data: unknown,
  options?: unknown,
): Promise<unknown> | undefined {
  const session = road();
  if (session === undefined || !readOptions(options, WRITE_FLAGS)) return undefined;
  if (isPlain(data)) return takeCall(wholeFiles(session)).write(held, data, settings);
  if (isIterable(data)) return writeIterable(session, held, data, { ...settings });
  return undefined;
}
