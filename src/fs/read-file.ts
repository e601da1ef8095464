/** readFile: open, read until nothing comes, close; without asking for the size first. */
import { constants as bufferConstants } from "node:buffer";
import {
  AT_EMPTY_PATH,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_TRUNC,
  POLLIN,
  STATX_SIZE,
  STATX_TYPE,
  STX_MODE,
  STX_SIZE,
} from "../abi/linux.ts";
import { fileTooLarge } from "../base/argument-errors.ts";
import { errnoOf, systemError } from "../base/errors.ts";
import { FS_CALLS_KEPT, FS_CELL_BYTES, FS_CHUNK_BYTES, FS_OFF_LOOP_BYTES } from "../base/limits.ts";
import { FILE_POSITION, OperationKind, Request } from "../core/index.ts";
import { Call, withCloseError } from "./call.ts";
import type { Cell } from "./cells.ts";
import { nodeFs, nodePromises } from "./node.ts";
import { road } from "./road.ts";
import {
  closeRequest,
  flagsOf,
  type HeldDescriptor,
  isAbortSignal,
  isEncoding,
  openRequest,
  pathOf,
  READ_FLAGS,
  readByHandle,
  type WholeFiles,
  wholeFiles,
} from "./whole-file.ts";

type NodeReadFile = typeof nodePromises.readFile;
type ReadFileOptions = Parameters<NodeReadFile>[1];

/** What Node refuses to read into memory, beyond this many bytes. */
const MOST_BYTES = 0x7fff_ffff;
const CELL_BYTES = FS_CELL_BYTES;
const { S_IFMT, S_IFREG } = nodeFs.constants;
const ESPIPE = -errnoOf("ESPIPE");
const DEFAULT_MODE = 0o666;

/** What the request in flight is. */
const Step = {
  opening: 0,
  /** Reading into the cell. */
  cell: 1,
  /** Nothing came. It is the end, unless it is a FIFO to which nobody has opened yet. */
  asking: 2,
  /** Waiting for the FIFO's first writer. */
  polling: 3,
  /** The cell is full: how large is the file? */
  sizing: 4,
  /** Reading into memory of its own. */
  target: 5,
  closing: 6,
} as const;
const { opening, cell: cellStep, asking, polling, sizing, target, closing } = Step;

const READ = new Request().reset(OperationKind.Read);
const FADVISE = new Request().reset(OperationKind.Fadvise);
const POLL = new Request().reset(OperationKind.Poll);
POLL.flags = POLLIN;
const STATX = new Request().reset(OperationKind.Statx);
STATX.path = "";
STATX.flags = AT_EMPTY_PATH;
STATX.extra = STATX_TYPE | STATX_SIZE;

// Allocates and copies in one call, half the price of doing the one after the other.
const copyOf = Uint8Array.prototype.slice as (this: Buffer, from: number, to: number) => Buffer;

/**
 * The call itself. Most files fit into the cell: one read brings all of it and a second one, which
 * costs the kernel next to nothing, says that this was all. Only when the cell is full the size is
 * asked for, and the rest is read into memory of exactly that size.
 */
class ReadFile extends Call {
  readonly #files: WholeFiles;
  #step: number = opening;
  #fd = -1;
  #held: HeldDescriptor | undefined = undefined;
  #path: unknown = undefined;
  #options: unknown = undefined;
  /** Node's function for the same, for files that are left to it. */
  #byNode: NodeReadFile = nodePromises.readFile;
  #flags = 0;
  #encoding: BufferEncoding | undefined = undefined;
  #cell: Cell | undefined = undefined;
  /** Bytes that were read so far. */
  #have = 0;
  #target: Buffer | undefined = undefined;
  /** Where `#target` starts. */
  #address = 0;
  /** What the file said of its size; 0 for a pipe, or a file of /proc. */
  #size = 0;
  #value: unknown = undefined;
  #error: unknown = undefined;

  constructor(files: WholeFiles) {
    super();
    this.#files = files;
  }

  /** Reads the file with this path. */
  open(
    path: string | Uint8Array,
    flags: number,
    encoding: BufferEncoding | undefined,
    signal: AbortSignal | undefined,
    options: unknown,
    byNode: NodeReadFile,
  ): Promise<unknown> {
    const { scheduler } = this.#files.session;
    this.#path = path;
    this.#byNode = byNode;
    this.#flags = flags;
    this.#encoding = encoding;
    this.#options = options;
    const promise = this.begin(scheduler, signal);
    this.#step = opening;
    try {
      this.inFlight = scheduler.startFor(openRequest(path, flags, DEFAULT_MODE), this);
    } catch (error) {
      this.failed(error);
    }
    return promise;
  }

  /** Reads what is left of an open file. */
  read(
    held: HeldDescriptor,
    encoding: BufferEncoding | undefined,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    held.ref();
    this.#held = held;
    this.#fd = held.fd;
    this.#encoding = encoding;
    const promise = this.begin(this.#files.session.scheduler, signal);
    this.goOn(() => this.#readIntoCell());
    return promise;
  }

  failed(error: unknown): void {
    this.#error ??= error;
    if (this.#fd === -1 || this.#step === closing) this.#done();
    else this.#finish(undefined);
  }

  settled(result: number): void {
    const step = this.#step;
    if (step === closing) this.#closed(result);
    else if (step === opening) this.#opened(result);
    else if (this.signal !== undefined && this.isAborted) this.#finish(undefined);
    else if (step === cellStep) this.#cameIntoCell(result);
    else if (step === target) this.#cameIntoTarget(result);
    else this.#answered(result);
  }

  #opened(result: number): void {
    if (result < 0) {
      this.#error = systemError(result, "open", this.#path as string);
      this.#done();
      return;
    }
    this.#fd = result;
    if (this.signal !== undefined && this.isAborted) this.#finish(undefined);
    else this.#readIntoCell();
  }

  /** Nobody else has what we opened, so that it waits if that is how we opened it. */
  get #isTrusted(): boolean {
    return this.#held === undefined && (this.#flags & O_NONBLOCK) === 0;
  }

  #readIntoCell(): void {
    const { cells, session } = this.#files;
    let cell = this.#cell;
    if (cell === undefined) {
      cell = cells.take();
      this.#cell = cell;
    }
    this.#step = cellStep;
    const have = this.#have;
    READ.fd = this.#fd;
    READ.trusted = this.#isTrusted;
    READ.buffer = cell.bytes;
    READ.length = CELL_BYTES - have;
    READ.offset = this.#place;
    if (have === 0) {
      READ.addressLow = cell.addressLow;
      READ.addressHigh = cell.addressHigh;
    } else {
      READ.setAddress(cell.address + have);
    }
    this.inFlight = session.scheduler.startFor(READ, this);
  }

  /** Where the next read begins: a file that we opened has no position but ours. */
  get #place(): number {
    return this.#isTrusted ? this.#have : FILE_POSITION;
  }

  #cameIntoCell(result: number): void {
    if (result > 0) {
      this.#have += result;
      if (this.#have < CELL_BYTES) this.#readIntoCell();
      else this.#askSize();
    } else if (result < 0) {
      this.#fail(result, "read");
    } else if (this.#have === 0 && this.#held === undefined && (this.#flags & O_NONBLOCK) === 0) {
      // The kernel opens a FIFO without waiting for its first writer, unlike open(2). This is the
      // cheapest question to which a FIFO has an answer of its own.
      this.#flags |= O_NONBLOCK;
      this.#step = asking;
      FADVISE.fd = this.#fd;
      this.inFlight = this.#files.session.scheduler.startFor(FADVISE, this);
    } else {
      this.#finish((this.#cell as Cell).bytes);
    }
  }

  #answered(result: number): void {
    if (this.#step === polling) {
      if (result < 0) this.#fail(result, "open");
      else this.#readIntoCell();
    } else if (this.#step === sizing) {
      if (result < 0) this.#fail(result, "fstat");
      else this.#sized();
    } else if (result === ESPIPE) {
      this.#step = polling;
      POLL.fd = this.#fd;
      this.inFlight = this.#files.session.scheduler.startFor(POLL, this);
    } else {
      this.#finish((this.#cell as Cell).bytes);
    }
  }

  #askSize(): void {
    const { statx, statxAddress } = this.#cell as Cell;
    this.#step = sizing;
    STATX.fd = this.#fd;
    STATX.buffer = statx;
    STATX.setAddress(statxAddress);
    this.inFlight = this.#files.session.scheduler.startFor(STATX, this);
  }

  #sized(): void {
    const { bytes, statx } = this.#cell as Cell;
    const have = this.#have;
    const regular = (statx.getUint16(STX_MODE, true) & S_IFMT) === S_IFREG;
    const size = regular ? Number(statx.getBigUint64(STX_SIZE, true)) : 0;
    if (size > 0 && size <= have) {
      this.#finish(bytes);
      return;
    }
    // Too much for a buffer or a string: Node has words for it.
    const long = this.#encoding !== undefined && size > bufferConstants.MAX_STRING_LENGTH / 2;
    if ((size > MOST_BYTES || long) && this.#held === undefined) {
      this.#leaveToNode(this.#options);
      return;
    }
    if (size > MOST_BYTES) {
      this.#error = fileTooLarge(size);
      this.#finish(undefined);
      return;
    }
    this.#size = size;
    this.#grow(size > 0 ? size : CELL_BYTES * 2, bytes);
    this.#readIntoTarget();
  }

  /** Goes on in memory of `length` bytes, which begins with what there is. */
  #grow(length: number, from: Buffer): void {
    const memory = Buffer.allocUnsafeSlow(length);
    from.copy(memory, 0, 0, this.#have);
    this.#target = memory;
    this.#files.session.memory.useOwn(READ, memory);
    this.#address = READ.addressHigh * 0x1_0000_0000 + (READ.addressLow >>> 0);
  }

  #readIntoTarget(): void {
    const memory = this.#target as Buffer;
    const have = this.#have;
    this.#step = target;
    READ.fd = this.#fd;
    READ.trusted = this.#isTrusted;
    READ.buffer = memory;
    READ.length = Math.min(memory.length - have, FS_CHUNK_BYTES);
    READ.offset = this.#place;
    READ.setAddress(this.#address + have);
    READ.offLoop = READ.length >= FS_OFF_LOOP_BYTES;
    this.inFlight = this.#files.session.scheduler.startFor(READ, this);
    READ.offLoop = false;
  }

  #cameIntoTarget(result: number): void {
    if (result < 0) {
      this.#fail(result, "read");
      return;
    }
    this.#have += result;
    const memory = this.#target as Buffer;
    const full = this.#have === memory.length;
    if (result === 0 || (full && this.#size > 0)) {
      this.#finish(memory);
      return;
    }
    if (full) {
      if (memory.length >= MOST_BYTES) {
        this.#error = new RangeError("Invalid array length");
        this.#finish(undefined);
        return;
      }
      this.#grow(Math.min(memory.length * 2, MOST_BYTES), memory);
    }
    this.#readIntoTarget();
  }

  /** The result is there, or there will be none: makes it, and closes what we opened. */
  #finish(memory: Buffer | undefined): void {
    if (memory !== undefined) {
      try {
        this.#value = this.#result(memory);
      } catch (error) {
        this.#error = error;
      }
    }
    const cell = this.#cell;
    if (cell !== undefined) {
      this.#cell = undefined;
      this.#files.cells.give(cell);
    }
    if (this.#held !== undefined) {
      this.#done();
      return;
    }
    this.#step = closing;
    this.inFlight = undefined;
    // Not remembered, because it must not be canceled: what was opened has to be closed.
    void this.#files.session.scheduler.startFor(closeRequest(this.#fd), this);
  }

  #result(memory: Buffer): unknown {
    const have = this.#have;
    const encoding = this.#encoding;
    if (encoding !== undefined) return memory.toString(encoding, 0, have);
    if (memory !== this.#target || this.#size === 0) {
      return copyOf.call(memory, 0, have);
    }
    return have === memory.length ? memory : memory.subarray(0, have);
  }

  #fail(result: number, syscall: string): void {
    // From Node 26 on some of these name the path. Node itself knows which; but what its flags were
    // to do to the file has been done.
    if (this.#held === undefined && this.#have === 0 && syscall === "read") {
      this.#leaveToNode({ flag: this.#flags & ~(O_CREAT | O_EXCL | O_TRUNC) });
      return;
    }
    this.#error = systemError(result, syscall);
    this.#finish(undefined);
  }

  /** Closes the file, and has node:fs read it from the beginning. */
  #leaveToNode(options: unknown): void {
    const path = this.#path as string;
    const byNode = this.#byNode;
    this.#value = byNode(path, options as ReadFileOptions);
    // If closing fails nobody else looks after it.
    (this.#value as Promise<unknown>).catch(() => {});
    this.#finish(undefined);
  }

  #closed(result: number): void {
    if (result < 0) this.#error = withCloseError(this.#error, systemError(result, "close"));
    this.#done();
  }

  #done(): void {
    const value = this.#value;
    const error = this.#error;
    const held = this.#held;
    this.#held = undefined;
    this.#fd = -1;
    held?.unref();
    this.#value = undefined;
    this.#error = undefined;
    this.#path = undefined;
    this.#options = undefined;
    this.#target = undefined;
    this.#have = 0;
    this.#size = 0;
    this.end(value, error);
    if (free.length < FS_CALLS_KEPT) free.push(this);
  }
}

const free: ReadFile[] = [];
let freeOf: WholeFiles | undefined;

function takeCall(files: WholeFiles): ReadFile {
  if (freeOf !== files) {
    freeOf = files;
    free.length = 0;
  }
  return free.pop() ?? new ReadFile(files);
}

/** What readFile was told, checked; undefined where node:fs is to have the call. */
interface Told {
  encoding: BufferEncoding | undefined;
  signal: AbortSignal | undefined;
  flags: number;
}

/** Filled anew for every call. */
const told: Told = { encoding: undefined, signal: undefined, flags: READ_FLAGS };

/** Reads the options into {@link told}. False where node:fs is to have the call. */
function readOptions(options: unknown): boolean {
  told.encoding = undefined;
  told.signal = undefined;
  told.flags = READ_FLAGS;
  if (options === undefined || options === null || typeof options === "function") return true;
  if (typeof options === "string") return readEncoding(options);
  if (typeof options !== "object") return false;
  let given: Record<string, unknown>;
  try {
    const { encoding, flag, signal, buffer } = options as Record<string, unknown>;
    given = { encoding, flag, signal, buffer };
  } catch {
    return false;
  }
  const { encoding, flag, signal, buffer } = given;
  if (buffer !== undefined || !readEncoding(encoding)) return false;
  if (flag !== undefined) {
    told.flags = flagsOf(flag, READ_FLAGS);
    if (told.flags < 0) return false;
  }
  if (signal !== undefined) {
    // Node rejects at once if it has aborted.
    if (!isAbortSignal(signal) || signal.aborted) return false;
    told.signal = signal;
  }
  return true;
}

function readEncoding(encoding: unknown): boolean {
  if (!encoding) return true;
  if (!isEncoding(encoding)) return false;
  told.encoding = encoding;
  return true;
}

/**
 * Reads a whole file, as fs.promises.readFile does: a Buffer, or a string where an encoding is
 * given.
 */
export function readFile(path: unknown, options?: unknown): Promise<unknown> {
  return readFileOr(nodePromises.readFile, path, options);
}

/** The same, with a function of Node's own for what is left to it: the two differ in some errors. */
export function readFileOr(
  byNode: NodeReadFile,
  path: unknown,
  options: unknown,
): Promise<unknown> {
  const session = road();
  if (session !== undefined && readOptions(options)) {
    const valid = typeof path === "string" && !path.includes("\u0000") ? path : pathOf(path);
    if (valid !== undefined) {
      const { flags, encoding, signal } = told;
      return takeCall(wholeFiles(session)).open(valid, flags, encoding, signal, options, byNode);
    }
  }
  return readByHandle(path, options) ?? byNode(path as string, options as ReadFileOptions);
}

/**
 * Reads what is left of an open file, as `filehandle.readFile` does. Undefined where node:fs is to
 * have the call: options it would refuse, or no ring.
 */
export function readHeld(held: HeldDescriptor, options?: unknown): Promise<unknown> | undefined {
  const session = road();
  if (session === undefined || !readOptions(options)) return undefined;
  return takeCall(wholeFiles(session)).read(held, told.encoding, told.signal);
}
