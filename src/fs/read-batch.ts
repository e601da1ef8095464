import type { FileHandle } from "node:fs/promises";
import { invalidArgType } from "../base/argument-errors.ts";
import { abortError, errnoOf, errorWithoutStack } from "../base/errors.ts";
import {
  BYTES_PER_TURN,
  INLINE_BYTES,
  MAX_RW_COUNT,
  MAX_TIMER_MS,
  READ_BATCH_SLAB_BYTES,
} from "../base/limits.ts";
import { ONCE, optionsOf } from "../base/options.ts";
import {
  validateAbortSignal,
  validateBuffer,
  validateFd,
  validateInteger,
  validateNumber,
  validatePosition,
} from "../base/validate.ts";
import { type BufferView, OperationKind, Request } from "../core/index.ts";
import { errorFrom, failing, locating } from "../runtime/failing.ts";
import { fileClosed, type HeldFile, hold } from "../runtime/file-handle.ts";
import { detached } from "../runtime/memory.ts";
import type { Operation } from "../runtime/operation.ts";
import type { Receiver } from "../runtime/receiver.ts";
import type { Session } from "../runtime/session.ts";
import { isDetached } from "../runtime/settlement.ts";
import { nodeFs } from "./node.ts";
import { road } from "./road.ts";

const ECANCELED = -errnoOf("ECANCELED");
const EIO = -errnoOf("EIO");
const ETIMEDOUT = -errnoOf("ETIMEDOUT");

/** One read of a batch. */
export interface BatchRead {
  /** A FileHandle, whose `close()` waits; or a descriptor, which you keep open meanwhile. */
  readonly fd: number | FileHandle;
  /** Where to read, in bytes from the start of the file. */
  readonly offset: number | bigint;
  /** Bytes to read; the size of `buffer` unless told. */
  readonly length?: number | undefined;
  /** Memory to read into; new memory unless told. */
  readonly buffer?: NodeJS.ArrayBufferView | undefined;
}

/** How a batch is read. */
export interface ReadBatchOptions {
  /** Cancels what is in flight; the batch rejects with an `AbortError` when the kernel let go. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after this many ms: reads that are not done by then have the error `ETIMEDOUT`. */
  readonly deadlineMs?: number | undefined;
}

/** What one read of a batch brought. */
export interface BatchResult {
  /** The memory that was read into: the entry's own, or exactly the bytes that came. */
  readonly buffer: NodeJS.ArrayBufferView;
  /** Fewer than asked for at the end of the file; 0 beyond it and after an error. */
  readonly bytesRead: number;
  /** Why this read failed, in Node's shape; the others may have succeeded. */
  readonly error: Error | undefined;
}

/** One checked entry, and what becomes of it. */
class Read implements Receiver {
  readonly file: FileHandle | number;
  fd = -1;
  readonly offset: number;
  readonly length: number;
  readonly given: BufferView | undefined;
  /** What the kernel reads into. */
  memory: BufferView | undefined;
  /** What it is known by while it is in flight. */
  inFlight: Receiver | Operation<unknown> | undefined;
  bytesRead = 0;
  error: Error | undefined;
  readonly #batch: Batch;
  #held: HeldFile | undefined;
  #isOver = false;

  constructor(batch: Batch, entry: BatchRead, name: string) {
    this.#batch = batch;
    const { fd, buffer, length: asked, offset } = optionsOf(entry, name);
    const closed = typeof fd === "object" && fd !== null && "fd" in fd && fd.fd === -1;
    if (closed) this.error = fileClosed("read");
    else validateFd(typeof fd === "object" && fd !== null ? fd.fd : fd, `${name}.fd`);
    this.file = fd;
    if (buffer !== undefined) validateBuffer(buffer, `${name}.buffer`);
    const most = buffer === undefined ? MAX_RW_COUNT : buffer.byteLength;
    const length = asked ?? buffer?.byteLength;
    validateInteger(length, `${name}.length`, 0, most);
    this.length = Math.min(length, MAX_RW_COUNT);
    this.offset = validatePosition(offset, `${name}.offset`);
    if (this.offset < 0) throw invalidArgType(`${name}.offset`, ["number", "bigint"], offset);
    this.given = buffer;
  }

  /** Keeps the file open until it has settled. */
  hold(): void {
    this.#held = hold(this.file, "read");
    this.fd = this.#held.fd;
  }

  settled(result: number): void {
    this.inFlight = undefined;
    if (result >= 0) this.bytesRead = result;
    else this.error = this.#batch.errorOf(result);
    this.#over();
  }

  /** Something threw: before it began, or when it was over. */
  failed(error: unknown): void {
    this.inFlight = undefined;
    this.error ??= errorFrom(error);
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#held?.release();
    } finally {
      this.#batch.oneDone();
    }
  }

  /** Gives the caller what was read. */
  result(): BatchResult {
    const { bytesRead, memory, given } = this;
    const error = this.error ?? (given === undefined ? undefined : this.#copyBack(given));
    if (given !== undefined) return { buffer: given, bytesRead: error ? 0 : bytesRead, error };
    const buffer = (memory as Buffer | undefined)?.subarray(0, bytesRead) ?? Buffer.alloc(0);
    return { buffer, bytesRead, error };
  }

  /** Brings what was read in place of memory that could not be held to where it belongs. */
  #copyBack(given: BufferView): Error | undefined {
    const { bytesRead, memory } = this;
    if (bytesRead === 0) return undefined;
    // A DataView of memory that is gone throws when it is asked for its length.
    if (isDetached(given)) return detached(bytesRead);
    const { buffer, byteOffset, byteLength } = given;
    if (byteLength < bytesRead) return detached(bytesRead);
    if (memory === given) return undefined;
    const bytes = memory as Buffer;
    new Uint8Array(buffer, byteOffset, bytesRead).set(bytes.subarray(0, bytesRead));
    return undefined;
  }
}

/** A batch while it is on its way. */
class Batch {
  readonly reads: readonly Read[];
  readonly #options: ReadBatchOptions;
  #left: number;
  #late = false;
  /** So many bytes that copying them out of the page cache would hold up the event loop. */
  #large = false;
  #timer: NodeJS.Timeout | undefined;
  #session: Session | undefined;
  #resolve: (results: BatchResult[] | Promise<BatchResult[]>) => void = () => undefined;
  readonly #onAbort = () => this.#cancel();

  constructor(entries: readonly BatchRead[], options: ReadBatchOptions) {
    this.#options = options;
    this.reads = entries.map((entry, i) => new Read(this, entry, `reads[${i}]`));
    this.#left = this.reads.length;
    this.#large = this.reads.reduce((sum, { length }) => sum + length, 0) > BYTES_PER_TURN;
  }

  run(): Promise<BatchResult[]> {
    const { signal, deadlineMs } = this.#options;
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const promise = new Promise<BatchResult[]>((resolve) => {
      this.#resolve = resolve;
    });
    signal?.addEventListener("abort", this.#onAbort, ONCE);
    if (deadlineMs !== undefined) {
      this.#timer = setTimeout(() => {
        this.#late = true;
        this.#cancel();
      }, deadlineMs);
    }
    this.#session = road();
    this.#findMemory();
    this.#left++;
    for (const read of this.reads) {
      if (read.error !== undefined) {
        this.oneDone();
        continue;
      }
      try {
        read.hold();
        if (this.#session === undefined) viaNode(read);
        else this.#viaRing(read, this.#session);
      } catch (error) {
        read.failed(error);
      }
    }
    this.oneDone();
    return promise;
  }

  oneDone(): void {
    if (--this.#left > 0) return;
    clearTimeout(this.#timer);
    const { signal } = this.#options;
    signal?.removeEventListener("abort", this.#onAbort);
    if (signal?.aborted) {
      this.#resolve(failing(abortError(signal)));
      return;
    }
    const results = this.reads.map((read) => read.result());
    // A result that has no error has no such field: Object.prototype may.
    const errors = results.flatMap((result) =>
      Object.hasOwn(result, "error") ? result.error : [],
    );
    this.#resolve(errors.length > 0 ? locating(results, errors) : results);
  }

  errorOf(result: number): Error {
    if (result !== ECANCELED || !this.#late) return errorWithoutStack(result, "read");
    const detail = `deadline of ${this.#options.deadlineMs} ms`;
    return errorWithoutStack(ETIMEDOUT, "read", undefined, undefined, detail);
  }

  /** Small reads share one piece of new memory, which costs one allocation instead of many. */
  #findMemory(): void {
    let total = 0;
    for (const { given, length } of this.reads) if (given === undefined) total += length;
    const slab = total <= READ_BATCH_SLAB_BYTES ? Buffer.allocUnsafeSlow(total) : undefined;
    let used = 0;
    for (const read of this.reads) {
      if (read.given !== undefined) read.memory = read.given;
      else if (slab === undefined) read.memory = Buffer.allocUnsafeSlow(read.length);
      else {
        read.memory = slab.subarray(used, used + read.length);
        used += read.length;
      }
    }
  }

  #viaRing(read: Read, { memory, direct, scheduler }: Session): void {
    request.reset(OperationKind.Read);
    request.fd = read.fd;
    request.offset = read.offset;
    request.length = read.length;
    request.offLoop = this.#large || read.length > INLINE_BYTES;
    const lent = read.given === undefined ? undefined : memory.leases.lend(read.given);
    if (lent?.held === true) {
      request.addressLow = lent.addressLow;
      request.addressHigh = lent.addressHigh;
      request.bufferIndex = lent.bufferIndex;
    } else {
      if (lent !== undefined) read.memory = Buffer.allocUnsafeSlow(read.length);
      memory.useOwn(request, read.memory as Buffer);
    }
    request.buffer = read.memory;
    direct?.check(request);
    read.inFlight = scheduler.startFor(request, read);
  }

  #cancel(): void {
    for (const { inFlight } of this.reads) {
      if (inFlight !== undefined) this.#session?.scheduler.requestCancel(inFlight);
    }
  }
}

/** Filled anew for every read. */
const request = new Request();

function viaNode(read: Read): void {
  const { fd, memory, length, offset } = read;
  nodeFs.read(fd, memory as Buffer, 0, length, offset, (error, bytesRead) => {
    read.settled(error ? (error.errno ?? EIO) : bytesRead);
  });
}

/**
 * Reads many ranges of any number of files in one submission: on the ring one system call for all
 * of them. Resolves when all are done, with a result for each in the order of the list; a read that
 * fails has its `error` there, and does not fail the others.
 *
 * Throws `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for entries that make no sense, before any
 * starts. Buffers that are given belong to the kernel until it settles; results without a buffer of
 * their own may share one ArrayBuffer (up to 1 MiB).
 *
 * Without the ring the reads go to the thread pool, where nothing in flight can be canceled: the
 * batch settles when all have ended.
 */
export function readBatch(
  reads: readonly BatchRead[],
  options: ReadBatchOptions = {},
): Promise<BatchResult[]> {
  if (!Array.isArray(reads)) throw invalidArgType("reads", "Array", reads);
  const told = optionsOf(options);
  validateAbortSignal(told.signal, "options.signal");
  const { deadlineMs } = told;
  if (deadlineMs !== undefined) validateNumber(deadlineMs, "options.deadlineMs", 0, MAX_TIMER_MS);
  return new Batch(reads, told).run();
}
