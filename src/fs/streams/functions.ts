/** The functions of node:fs that its streams of files call, over the ring. */
import fs from "node:fs";
import { AT_FDCWD, O_CLOEXEC } from "../../abi/linux.ts";
import { INLINE_BYTES, IOV_MAX, MAX_FD } from "../../base/limits.ts";
import { parseFileMode, stringToFlags, validatePath } from "../../base/validate.ts";
import { FILE_POSITION, OperationKind, Request } from "../../core/index.ts";
import type { LentView } from "../../memory/leases.ts";
import { NO_SEEK } from "../../runtime/descriptor-facts.ts";
import type { Session } from "../../runtime/session.ts";
import { type EarlyFifo, isEarly, lacksReader, openFifo } from "../fifo.ts";
import { type Back, Call } from "./call.ts";

/** What a stream of files calls: `options.fs` of the streams of node:fs. */
export interface StreamFunctions {
  /** Opens the file, with the arguments that the stream was made with. */
  open(path: unknown, flags: unknown, mode: unknown, back: Back): void;
  /** Closes it. */
  close(fd: number, back: Back): void;
  /** Brings it to the device. */
  fsync(fd: number, back: Back): void;
  /** Reads; without a position where the file's own is. */
  read(fd: number, to: Buffer, start: number, length: number, at: Position, back: Back): void;
  /** Writes; without a position where the file's own is. */
  write(fd: number, from: Buffer, start: number, length: number, at: Position, back: Back): void;
  /** Writes several buffers. */
  writev(fd: number, from: readonly Buffer[], at: Position, back: Back): void;
}

/** A position as a stream keeps it; NaN once a stream without one has written a part. */
type Position = number | undefined;

/** The names of what a stream calls. */
const NAMES = ["open", "close", "fsync", "read", "write", "writev"] as const;

/** node:fs as far as streams know it. */
const node = fs as unknown as StreamFunctions;

/** What stood in node:fs when we looked: whatever else stands there is the program's own wish. */
let known: StreamFunctions = look();

const request = new Request();

/** In place of memory that was taken away. */
const GONE = Symbol("gone");

/** Takes what node:fs has now for what a stream may be given other functions for. */
export function lookAgain(): void {
  known = look();
}

function look(): StreamFunctions {
  return Object.fromEntries(NAMES.map((name) => [name, node[name]])) as unknown as StreamFunctions;
}

function prepare(kind: OperationKind, fd: number, at: number, length: number): Request {
  request.reset(kind);
  request.fd = fd;
  request.offset = at;
  request.length = length;
  request.offLoop = length > INLINE_BYTES;
  return request;
}

function errno(error: Error): number | undefined {
  return (error as NodeJS.ErrnoException).errno;
}

function isDescriptor(fd: number): boolean {
  return (fd | 0) === fd && fd >= 0 && fd <= MAX_FD;
}

/**
 * The functions over the ring. Each leaves to Node what it is not made for, and all of it where the
 * program has put a function of its own into node:fs.
 */
export class RingFunctions implements StreamFunctions {
  readonly #session: Session;
  /** What Node would call. */
  protected readonly theirs: StreamFunctions;

  /** @param session What the operations run on. */
  constructor(session: Session, theirs: StreamFunctions = node) {
    this.#session = session;
    this.theirs = theirs;
  }

  open(path: unknown, flags: unknown, mode: unknown, back: Back): void {
    if (!this.isOurs("open")) {
      this.theirs.open(path, flags, mode, back);
      return;
    }
    const valid = validatePath(path);
    const openFlags = stringToFlags(flags) | O_CLOEXEC;
    const openMode = parseFileMode(mode, "mode", 0o666);
    const asked = prepare(OperationKind.Open, AT_FDCWD, 0, 0);
    asked.path = typeof valid === "string" ? valid : Uint8Array.from(valid);
    asked.flags = openFlags;
    asked.mode = openMode;
    const wanted = { path: asked.path, flags: openFlags, mode: openMode };
    const theirs = () => this.theirs.open(path, flags, mode, back);
    Call.start(this.#session, asked, "open", (error, fd) => {
      if (error === null) this.#opened(wanted, fd as number, back);
      // Nobody reads this FIFO: the ring says so, where node:fs waits for somebody.
      else if (lacksReader(errno(error), openFlags)) theirs();
      else back(error);
    });
  }

  /** The ring opens a FIFO for reading without waiting for its writer; Node tells of it then. */
  #opened(wanted: Omit<EarlyFifo, "fd">, fd: number, back: Back): void {
    const { scheduler, facts } = this.#session;
    const seekable = ((facts?.opened(fd) ?? 0) & NO_SEEK) === 0;
    if (!isEarly(fd, wanted.flags, seekable)) back(null, fd);
    else {
      openFifo(scheduler, { ...wanted, fd }).then(
        (waited) => setImmediate(back, null, waited),
        (error: Error) => setImmediate(back, error),
      );
    }
  }

  close(fd: number, back: Back): void {
    if (!this.isOurs("close") || !isDescriptor(fd)) {
      this.theirs.close(fd, back);
      return;
    }
    this.#session.direct?.closed(fd);
    Call.start(this.#session, prepare(OperationKind.Close, fd, 0, 0), "close", back);
  }

  fsync(fd: number, back: Back): void {
    if (!this.isOurs("fsync") || !isDescriptor(fd)) {
      this.theirs.fsync(fd, back);
      return;
    }
    Call.start(this.#session, prepare(OperationKind.Fsync, fd, 0, 0), "fsync", back);
  }

  /** The buffer is one that nobody has seen yet: a stream makes it for this call. */
  read(fd: number, to: Buffer, start: number, length: number, at: Position, back: Back): void {
    const position = at === undefined ? FILE_POSITION : at;
    const usual = start === 0 && length === to.length && length > 0 && Number.isInteger(position);
    if (!usual || position < FILE_POSITION || !isDescriptor(fd) || !this.isOurs("read")) {
      this.theirs.read(fd, to, start, length, at, back);
      return;
    }
    const asked = prepare(OperationKind.Read, fd, position, length);
    asked.buffer = to;
    this.#session.memory.useOwn(asked, to);
    Call.start(this.#session, asked, "read", back, to);
  }

  write(fd: number, from: Buffer, start: number, length: number, at: Position, back: Back): void {
    const usual = start === 0 && isDescriptor(fd) && this.isOurs("write");
    const [lent] = usual ? this.#lend([from], back) : [];
    if (lent === GONE) return;
    if (lent?.held !== true) {
      this.theirs.write(fd, from, start, length, at, back);
      return;
    }
    const asked = prepare(OperationKind.Write, fd, positionOf(at), length);
    asked.buffer = from;
    asked.addressLow = lent.addressLow;
    asked.addressHigh = lent.addressHigh;
    Call.start(this.#session, asked, "write", back, from);
  }

  writev(fd: number, from: readonly Buffer[], at: Position, back: Back): void {
    const usual = from.length <= IOV_MAX && isDescriptor(fd) && this.isOurs("writev");
    const addresses: number[] = [];
    let bytes = 0;
    for (const [i, lent] of (usual ? this.#lend(from, back) : []).entries()) {
      if (lent === GONE) return;
      if (!lent.held) break;
      addresses.push(lent.address);
      bytes += (from[i] as Buffer).length;
    }
    if (addresses.length < from.length || from.length === 0) {
      this.theirs.writev(fd, from, at, back);
      return;
    }
    const asked = prepare(OperationKind.Writev, fd, positionOf(at), bytes);
    asked.buffers = from;
    asked.addresses = addresses;
    asked.length = from.length;
    Call.start(this.#session, asked, "write", back, from);
  }

  /** Where chunks are. Of one whose memory was taken away while it waited `back` is told, later. */
  #lend(chunks: readonly Buffer[], back: Back): (LentView | typeof GONE)[] {
    try {
      return chunks.map((chunk) => this.#session.memory.leases.lend(chunk));
    } catch (error) {
      process.nextTick(back, error);
      return [GONE];
    }
  }

  /** Whether we stand in for a function of Node's, and not for one of the program's. */
  protected isOurs(name: (typeof NAMES)[number]): boolean {
    return node[name] === known[name];
  }
}

/** The same for a stream of a FileHandle, which closes and syncs it as the handle does. */
export class HandleFunctions extends RingFunctions {
  override open(path: unknown, flags: unknown, mode: unknown, back: Back): void {
    this.theirs.open(path, flags, mode, back);
  }

  override close(fd: number, back: Back): void {
    this.theirs.close(fd, back);
  }

  override fsync(fd: number, back: Back): void {
    this.theirs.fsync(fd, back);
  }

  /** What the program puts into node:fs is nothing to a handle. */
  protected override isOurs(): boolean {
    return true;
  }
}

/** As node:fs takes the position of a write: whatever is none stands for the file's own. */
function positionOf(at: Position): number {
  return at !== undefined && Number.isSafeInteger(at) && at >= 0 ? at : FILE_POSITION;
}
