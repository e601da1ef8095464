import {
  O_APPEND,
  RWF_APPEND,
  RWF_NOAPPEND,
  S_IFBLK,
  S_IFREG,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from "../abi/linux.ts";
import { type DescriptorCalls, FILE_POSITION, OperationKind, type Request } from "../core/index.ts";

const { Read, Write, Writev, Splice } = OperationKind;

/** Starts a transfer whose turn has come. False where it was canceled meanwhile. */
export type Start = () => boolean;

/** One transfer at the position of a file: it is in flight, or about to be, and others wait. */
export class Turn {
  readonly #calls: DescriptorCalls;
  readonly #fd: number;
  readonly #byOffset: boolean;
  readonly #ended: (turn: Turn) => void;
  /** The position when it began, or -1: the kernel moves it. */
  #at = -1;
  #appends = false;

  /**
   * @param byOffset It goes out with an offset, and the position is moved here.
   * @param ended Called when it is over.
   */
  constructor(calls: DescriptorCalls, fd: number, byOffset: boolean, ended: (turn: Turn) => void) {
    this.#calls = calls;
    this.#fd = fd;
    this.#byOffset = byOffset;
    this.#ended = ended;
  }

  /** The descriptor whose position it moves. */
  get fd(): number {
    return this.#fd;
  }

  /** Gives the request, which is about to be queued, the position as its offset. */
  locate(request: Request): void {
    // The kernel moves the position of a splice by what was moved.
    if (this.#byOffset === false || request.kind === Splice) return;
    const at = this.#calls.lseek(this.#fd, 0, SEEK_CUR);
    this.#at = at;
    if (at < 0) return;
    request.offset = at;
    // Some files of /proc have a position and no pwrite(2), which is not what was asked for.
    request.trusted = true;
    const { kind } = request;
    this.#appends = (kind === Write || kind === Writev) && this.#goesToEnd(request.flags);
  }

  /** Makes it a request at the position again: its owner may use it once more. */
  restore(request: Request): void {
    request.offset = FILE_POSITION;
    request.trusted = false;
  }

  /** Leaves the position alone: the descriptor is about to be closed, and may come again. */
  forget(): void {
    this.#at = -1;
  }

  /** Moves the position by what was transferred, and lets the next have its turn. */
  end(result: number): void {
    const at = this.#at;
    if (result > 0 && at >= 0) {
      if (this.#appends) this.#calls.lseek(this.#fd, 0, SEEK_END);
      else this.#calls.lseek(this.#fd, at + result, SEEK_SET);
    }
    this.#ended(this);
  }

  /** Whether a write goes to the end, wherever the position is. */
  #goesToEnd(flags: number): boolean {
    if ((flags & RWF_APPEND) !== 0) return true;
    if ((flags & RWF_NOAPPEND) !== 0) return false;
    return (this.#calls.fcntlGetFlags(this.#fd) & O_APPEND) !== 0;
  }
}

/** The transfers at the position of one descriptor: one has its turn, the others wait. */
interface Line {
  turn: Turn;
  readonly waiting: Start[];
  /** The one that is next. */
  next: number;
}

/**
 * Keeps the file positions of a thread, in the place of the kernel: io_uring neither orders
 * transfers at the position nor moves it after a write that ends short (Linux 6.18).
 *
 * A transfer at the position of a file asks where that is, goes out with that offset, and moves the
 * position when it is done. Those of one descriptor go one after the other, whatever proactor they
 * were started on. What is neither a regular file nor a block device is read and written as before:
 * it has no position worth the name, and a read may wait there for what a write brings.
 */
export class FilePositions {
  readonly #calls: DescriptorCalls;
  readonly #lines = new Map<number, Line>();
  readonly #ended = (turn: Turn): void => this.#callNext(turn.fd);
  readonly #alone = (): void => {};

  constructor(calls: DescriptorCalls) {
    this.#calls = calls;
  }

  /** The descriptor whose position a request moves, or -1. */
  descriptorOf(request: Request): number {
    const { kind, fd } = request;
    if (kind !== Splice) return request.fixedFile || !this.#hasPosition(fd) ? -1 : fd;
    // One side is a pipe.
    if (request.offset === FILE_POSITION && this.#hasPosition(fd)) return fd;
    const { extra } = request;
    return request.offset2 === FILE_POSITION && this.#hasPosition(extra) ? extra : -1;
  }

  /** Whether a transfer at the position of a descriptor has its turn. */
  isTaken(fd: number): boolean {
    return this.#lines.has(fd);
  }

  /** Begins a turn; others wait until it has ended. To be called where none is under way. */
  begin(fd: number, byOffset: boolean): Turn {
    const turn = new Turn(this.#calls, fd, byOffset, this.#ended);
    const line = this.#lines.get(fd);
    if (line === undefined) this.#lines.set(fd, { turn, waiting: [], next: 0 });
    else line.turn = turn;
    return turn;
  }

  /** Begins a turn of what is alone on its proactor, and for which no other waits: a drain. */
  beginAlone(fd: number, byOffset: boolean): Turn {
    return new Turn(this.#calls, fd, byOffset, this.#alone);
  }

  /** Has a transfer wait for its turn, behind all that wait. */
  wait(fd: number, start: Start): void {
    this.#lines.get(fd)?.waiting.push(start);
  }

  /** Leaves the position of a descriptor alone, which is about to be closed. */
  closed(fd: number): void {
    this.#lines.get(fd)?.turn.forget();
  }

  #hasPosition(fd: number): boolean {
    if (this.#lines.has(fd)) return true;
    const type = this.#calls.fileType(fd);
    return type === S_IFREG || type === S_IFBLK;
  }

  #callNext(fd: number): void {
    const line = this.#lines.get(fd);
    if (line === undefined) return;
    for (let start = line.waiting[line.next]; start !== undefined; ) {
      line.next++;
      if (start()) return;
      start = line.waiting[line.next];
    }
    this.#lines.delete(fd);
  }
}

/** Whether a request is a transfer at the file position, of whatever that is. */
export function isAtPosition({ kind, offset }: Request): boolean {
  return offset === FILE_POSITION && ((kind >= Read && kind <= Writev) || kind === Splice);
}

/** By who answers for the descriptors: the addon for the system's. */
const known = new WeakMap<DescriptorCalls, FilePositions>();

/** The positions of the descriptors that `calls` answers for: every proactor of a thread has them. */
export function positionsOf(calls: DescriptorCalls): FilePositions {
  let positions = known.get(calls);
  if (positions === undefined) {
    positions = new FilePositions(calls);
    known.set(calls, positions);
  }
  return positions;
}
