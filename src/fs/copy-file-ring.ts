/** The bytes of one file of a tree, copied over the ring. */

import { constants } from "node:fs";
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  STATX_BASIC_STATS,
  STX_ATIME,
  STX_MODE,
  STX_MTIME,
  STX_SIZE,
} from "../abi/linux.ts";
import { errnoOf, systemError } from "../base/errors.ts";
import { COPY_CHUNK_BYTES, COPY_CHUNKS_KEPT } from "../base/limits.ts";
import { OperationKind, Request } from "../core/index.ts";
import { isLost } from "../memory/lost.ts";
import { errorFrom } from "../runtime/failing.ts";
import type { Receiver } from "../runtime/receiver.ts";
import type { Session } from "../runtime/session.ts";
import { STATX_BUFFER_BYTES } from "../runtime/statx.ts";
import { failure } from "./calls.ts";
import { nodeFs } from "./node.ts";

const EEXIST = -errnoOf("EEXIST");
const EIO = -errnoOf("EIO");
const PERMISSIONS = 0o7777;

/** What the copies of one tree have in common. */
export interface FileCopyJob {
  readonly session: Session;
  readonly chunks: Chunks;
  readonly umask: number;
  readonly timestamps: boolean;
  /** Replace what is there. */
  readonly force: boolean;
  /** Why everything has to end, once it has. */
  stopped(): Error | undefined;
  /** Told of bytes as they are written. */
  wrote(bytes: number): void;
}

/** How the copy of one file ended. */
export interface FileCopyEnd {
  readonly error: Error | undefined;
  /** There is a half file now that could not be removed again. */
  readonly half: boolean;
}

/** Memory to copy through: nobody else sees it, so that it needs no lease. */
export class Chunks {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(COPY_CHUNK_BYTES);
  }

  /** Gives a chunk back. The kernel has let go of it, or keeps it for ever. */
  give(chunk: Buffer): void {
    if (!isLost(chunk) && this.#free.length < COPY_CHUNKS_KEPT) this.#free.push(chunk);
  }
}

/** Bytes that were read and are to be written. */
interface Filled {
  readonly memory: Buffer;
  bytes: Buffer;
  offset: number;
}

/** Filled anew for every request. */
const request = new Request();

/**
 * Copies one file: what it is (statx) and its opening are asked together, the new file is opened
 * while the first bytes are read, and of a large file a chunk is read while another is written.
 * Calls back once, when nothing is in flight any more.
 */
export class FileCopy {
  readonly #job: FileCopyJob;
  readonly #source: string;
  readonly #target: string;
  readonly #done: (end: FileCopyEnd) => void;
  readonly #statx = new DataView(new ArrayBuffer(STATX_BUFFER_BYTES));
  readonly #filled: Filled[] = [];
  #from = -1;
  #to = -1;
  /** Steps that have to end before the next begin. */
  #left = 0;
  #inFlight = 0;
  #error: Error | undefined;
  #size = 0;
  #read = 0;
  #reading = false;
  #writing = false;
  #atEnd = false;
  #ending = false;
  #isOver = false;

  constructor(job: FileCopyJob, source: string, target: string, done: (end: FileCopyEnd) => void) {
    this.#job = job;
    this.#source = source;
    this.#target = target;
    this.#done = done;
  }

  start(): void {
    this.#left = 2;
    this.#ask();
    this.#open(this.#source, constants.O_RDONLY | constants.O_NOFOLLOW, 0, (fd) => {
      if (fd >= 0) this.#from = fd;
      else this.#fail(failure(OperationKind.Open, fd, this.#source));
      this.#opened();
    });
  }

  #ask(): void {
    request.reset(OperationKind.Statx);
    request.fd = AT_FDCWD;
    request.path = this.#source;
    request.flags = AT_SYMLINK_NOFOLLOW;
    request.extra = STATX_BASIC_STATS;
    const bytes = new Uint8Array(this.#statx.buffer);
    request.buffer = bytes;
    request.length = STATX_BUFFER_BYTES;
    this.#job.session.memory.useOwn(request, bytes);
    this.#send((result) => {
      if (result < 0) this.#fail(failure(OperationKind.Statx, result, this.#source));
      this.#size = Number(this.#statx.getBigUint64(STX_SIZE, true));
      this.#opened();
    });
  }

  /** Both are known: from here on reading and opening the new file go side by side. */
  #opened(): void {
    this.#left--;
    if (this.#error !== undefined) {
      this.#end();
      return;
    }
    if (this.#left > 0) return;
    this.#create();
    this.#readMore();
  }

  #create(): void {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    this.#open(this.#target, flags, this.#mode, (fd) => {
      if (fd === EEXIST && this.#job.force) {
        this.#replace();
        return;
      }
      if (fd >= 0) this.#to = fd;
      else this.#fail(failure(OperationKind.Open, fd, this.#target));
      this.#pump();
    });
  }

  /** What is there makes room: writing into it would also write into its other names. */
  #replace(): void {
    this.#inFlight++;
    nodeFs.unlink(this.#target, (error) => {
      this.#inFlight--;
      if (error && error.code !== "ENOENT") {
        this.#fail(error);
        this.#pump();
      } else if (this.#error === undefined) this.#create();
      else this.#pump();
    });
  }

  #readMore(): void {
    if (this.#reading || this.#atEnd || this.#filled.length > 1) return;
    this.#reading = true;
    const memory = this.#job.chunks.take();
    this.#transfer(OperationKind.Read, this.#from, memory, this.#read, (count) => {
      this.#reading = false;
      if (count > 0) {
        this.#filled.push({ memory, bytes: memory.subarray(0, count), offset: this.#read });
        this.#read += count;
        // What says that it is empty may lie, as in /proc: only the end of it tells.
        this.#atEnd = count < memory.length && this.#read === this.#size;
      } else {
        this.#job.chunks.give(memory);
        this.#atEnd = true;
        if (count < 0) this.#fail(systemError(count, "read", this.#source));
      }
      this.#pump();
    });
  }

  /** Does whatever can be done now. */
  #pump(): void {
    this.#error ??= this.#job.stopped();
    if (this.#error !== undefined) {
      this.#end();
      return;
    }
    this.#readMore();
    const first = this.#filled[0];
    if (this.#to === -1 || this.#writing) return;
    if (first !== undefined) this.#write(first);
    else if (this.#atEnd && !this.#reading) this.#end();
  }

  #write(filled: Filled): void {
    this.#writing = true;
    this.#transfer(OperationKind.Write, this.#to, filled.bytes, filled.offset, (count) => {
      this.#writing = false;
      if (count <= 0) this.#fail(systemError(count || EIO, "write", this.#target));
      else {
        this.#job.wrote(count);
        filled.bytes = filled.bytes.subarray(count);
        filled.offset += count;
        if (filled.bytes.length === 0) {
          this.#filled.shift();
          this.#job.chunks.give(filled.memory);
        }
      }
      this.#pump();
    });
  }

  /** The first error is the one that is told. */
  #fail(error: Error): void {
    this.#error ??= error;
  }

  get #mode(): number {
    return this.#statx.getUint16(STX_MODE, true) & 0o777;
  }

  /** Waits for what is in flight, then puts the file in order, and closes both. */
  #end(): void {
    if (this.#ending || this.#inFlight > 0) return;
    this.#ending = true;
    for (const { memory } of this.#filled) this.#job.chunks.give(memory);
    if (this.#error !== undefined || this.#to === -1) {
      this.#close();
      return;
    }
    const mode = this.#statx.getUint16(STX_MODE, true) & PERMISSIONS;
    // The umask took some bits away, and writing may take others.
    if (mode === (mode & 0o777 & ~this.#job.umask)) this.#stamp();
    else {
      nodeFs.fchmod(this.#to, mode, (error) => {
        if (error) this.#fail(error);
        this.#stamp();
      });
    }
  }

  #stamp(): void {
    if (!this.#job.timestamps) {
      this.#close();
      return;
    }
    const time = (at: number) =>
      Number(this.#statx.getBigInt64(at, true)) + this.#statx.getUint32(at + 8, true) / 1e9;
    nodeFs.futimes(this.#to, time(STX_ATIME), time(STX_MTIME), (error) => {
      if (error) this.#fail(error);
      this.#close();
    });
  }

  #close(): void {
    const open = [this.#from, this.#to].filter((fd) => fd !== -1);
    this.#left = open.length;
    for (const fd of open) {
      request.reset(OperationKind.Close);
      request.fd = fd;
      this.#send((result) => {
        // With a quota or on a network this is where a write fails.
        if (result < 0) this.#fail(failure(OperationKind.Close, result, this.#target));
        if (--this.#left === 0) this.#closed();
      });
    }
    if (open.length === 0) this.#closed();
  }

  #closed(): void {
    if (this.#error === undefined) this.#over({ error: undefined, half: false });
    else if (this.#to === -1) this.#over({ error: this.#error, half: false });
    else {
      const error = this.#error;
      nodeFs.unlink(this.#target, (failed) => {
        this.#over({ error, half: Boolean(failed) && failed?.code !== "ENOENT" });
      });
    }
  }

  #over(end: FileCopyEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#done(end);
  }

  #open(path: string, flags: number, mode: number, then: (result: number) => void): void {
    request.reset(OperationKind.Open);
    request.fd = AT_FDCWD;
    request.path = path;
    request.flags = flags | O_CLOEXEC;
    request.mode = mode;
    this.#send(then);
  }

  #transfer(
    kind: OperationKind,
    fd: number,
    memory: Buffer,
    offset: number,
    then: (result: number) => void,
  ): void {
    request.reset(kind);
    request.fd = fd;
    request.buffer = memory;
    request.length = memory.length;
    request.offset = offset;
    this.#job.session.memory.useOwn(request, memory);
    this.#send(then);
  }

  #send(then: (result: number) => void): void {
    this.#inFlight++;
    const receiver: Receiver = {
      settled: (result) => {
        this.#inFlight--;
        then(result);
      },
      failed: (error) => {
        this.#fail(errorFrom(error));
        if (this.#ending) this.#over({ error: this.#error as Error, half: true });
        else this.#end();
      },
    };
    void this.#job.session.scheduler.startFor(request, receiver);
  }
}
