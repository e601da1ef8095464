/** What has to be known of a descriptor before an engine transfers to or from it. */
import { RWF_NOWAIT } from "../abi/linux.ts";
import { errnoOf } from "../base/errors.ts";
import {
  type BufferView,
  type CompletionSink,
  type Engine,
  FILE_POSITION,
  OperationKind,
  QueueStatus,
  type Request,
} from "../core/index.ts";
import { type NativeAddon, NO_PREAD, NO_PWRITE, NO_SEEK, NONBLOCKING } from "../native/addon.ts";

export { NO_PREAD, NO_PWRITE, NO_SEEK } from "../native/addon.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const READ = OperationKind.Read;
const WRITE = OperationKind.Write;
const WRITEV = OperationKind.Writev;
const AT_POSITION = FILE_POSITION;
const ESPIPE = -errnoOf("ESPIPE");

/** A transfer is the engine's. Any negative number is the errno that it ends with at once. */
export const BY_ENGINE = 0;
/** A transfer is for read(2) or write(2) themselves, on a thread of libuv's pool. */
export const BY_THREAD = 1;

/** What has been asked of a descriptor is in the low bits, what was answered in those above. */
const ANSWERS = 3;
/** Descriptors from here on are asked every time. */
const MOST = 0x10_0000;
const TWO_32 = 0x1_0000_0000;

/**
 * The rules of pread(2), pwrite(2) and O_NONBLOCK, for engines that do not heed them: io_uring, for
 * one, drops a position that a pipe does not take, and waits where O_NONBLOCK says EAGAIN.
 *
 * A descriptor can be closed, and its number come again, without our knowing, and O_NONBLOCK
 * belongs to everybody who shares the open file. So a fact is good for one batch: the first
 * transfer of a batch asks, by one small system call, and those behind it use the answer. Who has
 * made sure by himself says so in the request (`trusted`).
 */
export class DescriptorFacts {
  readonly #addon: NativeAddon;
  #batch = 1;
  #batches = new Int32Array(1024);
  #facts = new Uint8Array(1024);
  /** The same of registered files, which stay what they are. */
  #registered: readonly number[] = [];

  constructor(addon: NativeAddon) {
    this.#addon = addon;
  }

  /** What is so of a descriptor just opened: any of NO_PREAD, NO_PWRITE and NO_SEEK. */
  opened(fd: number): number {
    return this.#addon.descriptorFacts(fd, NO_PREAD | NO_PWRITE | NO_SEEK);
  }

  /** Begins another batch: what is known may not be so any more. */
  forget(): void {
    this.#batch = (this.#batch + 1) | 0;
  }

  /** Notes what files have just been registered. */
  registered(descriptors: readonly number[]): void {
    this.#registered = descriptors.map((fd) =>
      this.#addon.descriptorFacts(fd, NO_PREAD | NO_PWRITE),
    );
  }

  /** What is to become of a request: {@link BY_ENGINE}, {@link BY_THREAD} or a negative errno. */
  look(request: Request): number {
    const { kind } = request;
    if (kind < READ || kind > WRITEV) return BY_ENGINE;
    if (request.length === 0 || kind === WRITEV) {
      if (writesNothing(request)) return BY_THREAD;
    }
    if (request.trusted === true) return BY_ENGINE;
    if (request.offset !== AT_POSITION) {
      // Reads have odd numbers, writes even ones.
      const fact = (kind & 1) === (WRITE & 1) ? NO_PWRITE : NO_PREAD;
      return this.#is(request, fact) ? ESPIPE : BY_ENGINE;
    }
    if (request.fixedFile === true || !this.#ask(request.fd, NONBLOCKING)) return BY_ENGINE;
    if (request.flags === 0) return BY_THREAD;
    // There is no read(2) with flags; preadv2(2) has one that says the same.
    request.flags |= RWF_NOWAIT;
    return BY_ENGINE;
  }

  /** The memory of a request as engines without addresses take it: from its first byte on. */
  memoryOf({ buffer, length, addressLow, addressHigh }: Request): BufferView | undefined {
    if (buffer === undefined || length === 0) return buffer;
    const address = addressHigh * TWO_32 + (addressLow >>> 0);
    const from = buffer.byteOffset + address - this.#addon.addressOf(buffer);
    return new Uint8Array(buffer.buffer, from, length);
  }

  #is({ fixedFile, fd }: Request, fact: number): boolean {
    return fixedFile ? ((this.#registered[fd] ?? 0) & fact) !== 0 : this.#ask(fd, fact);
  }

  #ask(fd: number, fact: number): boolean {
    if (fd >= this.#batches.length && !this.#grow(fd)) {
      return this.#addon.descriptorFacts(fd, fact) !== 0;
    }
    let facts = this.#batches[fd] === this.#batch ? (this.#facts[fd] as number) : 0;
    if ((facts & fact) === 0) {
      facts |= fact | (this.#addon.descriptorFacts(fd, fact) << ANSWERS);
      this.#batches[fd] = this.#batch;
      this.#facts[fd] = facts;
    }
    return (facts & (fact << ANSWERS)) !== 0;
  }

  #grow(fd: number): boolean {
    if (fd >= MOST) return false;
    const size = 2 ** Math.ceil(Math.log2(fd + 1));
    const batches = new Int32Array(size);
    const facts = new Uint8Array(size);
    batches.set(this.#batches);
    facts.set(this.#facts);
    this.#batches = batches;
    this.#facts = facts;
    return true;
  }
}

/**
 * Whether it is a write of no bytes, which a file may have an answer to: write(2) hands it on, and
 * io_uring does not. There is no write(2) with flags, or of a registered file.
 */
function writesNothing({ kind, buffers, length, flags, fixedFile }: Request): boolean {
  if ((kind !== WRITE && kind !== WRITEV) || flags !== 0 || fixedFile === true) return false;
  if (buffers === undefined) return length === 0;
  for (const each of buffers) if (each.byteLength > 0) return false;
  return true;
}

/** Where a request goes that its descriptor keeps from the engine. */
export interface Unusual {
  /** What `look` said. */
  readonly verdict: number;
  readonly facts: DescriptorFacts | undefined;
  /** Calls read(2) and write(2) themselves. */
  readonly engine: Engine;
  readonly sink: CompletionSink;
}

/** What ends with an errno at once, or is left to read(2) and write(2) themselves. */
export function queueUnusual(
  request: Request,
  index: number,
  generation: number,
  { verdict, facts, engine, sink }: Unusual,
): QueueStatus {
  if (verdict < 0) {
    sink.complete(index, generation, verdict, false);
    return QueueStatus.Completed;
  }
  const { buffer } = request;
  request.buffer = facts?.memoryOf(request);
  const status = engine.queue(request, index, generation, sink);
  request.buffer = buffer;
  return status;
}
