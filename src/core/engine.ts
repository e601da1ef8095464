import type { ProactorError } from "../base/errors.ts";
import { OperationKind } from "./operation-kind.ts";
import { FILE_POSITION, Link, type Request } from "./request.ts";

/** Every engine this project knows, whether or not it can run here. */
export const ENGINE_NAMES = [
  "io_uring",
  "linux_aio",
  "posix_aio",
  "iocp",
  "kqueue",
  "thread_pool",
  "sync",
  "memory",
] as const;

/** The name of an engine, `"io_uring"`. */
export type EngineName = (typeof ENGINE_NAMES)[number];

/** fio's names for the same engines, accepted wherever an engine is named. */
export const ENGINE_ALIASES: Readonly<Record<string, EngineName>> = {
  libaio: "linux_aio",
  posixaio: "posix_aio",
  windowsaio: "iocp",
};

/** fio's three answers, because every I/O model gives exactly one of them. */
export const QueueStatus = {
  /** Staged or in flight; a completion will follow. */
  Queued: 0,
  /** Finished inline; the completion is already in the sink. */
  Completed: 1,
  /** No room. Commit, reap, and offer the request again. */
  Busy: 2,
} as const;

/** One of the values of {@link QueueStatus}. */
export type QueueStatus = (typeof QueueStatus)[keyof typeof QueueStatus];

/** Receives results. */
export interface CompletionSink {
  /**
   * Takes one completion.
   *
   * @param index The slot.
   * @param generation The slot's generation when the request was queued; guards against reuse.
   * @param result The kernel's own convention: a count, a descriptor, or a negative errno.
   * @param more True while further completions of the same request will follow, so that the
   *   buffer, the descriptor and the slot stay with the kernel.
   */
  complete(index: number, generation: number, result: number, more: boolean): void;
  /**
   * Hears that a cancellation, or a deadline of the engine's, did not find a request or could only
   * send a signal. If the request is still in flight after a while, `cancel` has to be called anew.
   */
  missed?(index: number, generation: number): void;
  /**
   * Hears the error itself before `complete` is called with a number that stands for it: what
   * failed for a reason of the runtime's own, such as its permission model, has no errno.
   */
  failed?(index: number, generation: number, error: Error): void;
  /**
   * Hears that what is still with the engine will never complete, because the kernel can no longer
   * be asked: it is to be settled, and its memory is never used again.
   */
  lost?(result: number, error: Error): void;
}

/** What an engine can do. Callers ask these, never an engine's name. */
export interface EngineCapabilities {
  /** The operations this engine can do, indexed by {@link OperationKind}. */
  readonly operations: readonly boolean[];
  /** The system runs the operation without a thread of this process parked behind it. */
  readonly asynchronous: boolean;
  /** Requests need memory addresses: the runtime leases buffers and fills `address`. */
  readonly addresses: boolean;
  /**
   * Reads and writes without an offset go by the file position. Where this is false, the runtime
   * gives them to another engine; absent means true.
   */
  readonly filePosition?: boolean;
  /**
   * A position on what takes none is ESPIPE, as for pread(2), and O_NONBLOCK is heeded. Where this
   * is false, the runtime sees to it; absent means true.
   */
  readonly heedsDescriptor?: boolean;
  /**
   * The file position is not safe with the engine: the runtime finds the offset of a transfer there
   * and moves the position after it. Absent means false.
   */
  readonly positionByOffset?: boolean;
  /** `link` and `hardLink` chains are ordered by the engine itself. */
  readonly links: boolean;
  /** Operations whose failure breaks a soft chain of the engine, by kind; where absent, all. */
  readonly breaksLink?: readonly boolean[];
  /** `drain` is honored by the engine itself. */
  readonly drain: boolean;
  /** `deadlineMs` is honored by the engine itself. */
  readonly deadline: boolean;
  /** Operations that the engine's deadline does not reach, by kind; where absent, none. */
  readonly withoutDeadline?: readonly boolean[];
  /** What `cancel` can stop: a request that has started, only one still waiting, or nothing. */
  readonly cancel: "running" | "waiting" | "none";
  /** Buffers can be registered (`registerBuffers`). */
  readonly registeredBuffers: boolean;
  /** Descriptors can be registered (`registerFiles`). */
  readonly registeredFiles: boolean;
  /** Files can be opened into a registered place (`directSlot`); absent means false. */
  readonly directDescriptors?: boolean;
  /** Writes take RWF_* and their one result is that of the whole call; absent means false. */
  readonly writeFlags?: boolean;
  /** `wait` can block until something completes. */
  readonly wait: boolean;
  /** O_DIRECT reaches the device asynchronously. */
  readonly direct: boolean;
}

/** What is asked of a descriptor at once, by system calls that wait for nothing. */
export interface DescriptorCalls {
  /** fstat(2): S_IF* bits, or a negative errno. */
  fileType(fd: number): number;
  /** lseek(2): the new file position, or a negative errno. */
  lseek(fd: number, offset: number, whence: number): number;
  /** fcntl(2) with F_GETFL: O_* bits, or a negative errno. */
  fcntlGetFlags(fd: number): number;
}

/** One I/O model under the contract that all of them share. */
export interface Engine {
  /** Which engine this is. */
  readonly name: EngineName;
  /** What it can do here and now, after probing. */
  readonly capabilities: EngineCapabilities;
  /** The most requests it accepts before answering `Busy`. */
  readonly depth: number;
  /** The most requests that one chain can have; 0 where the engine does not order chains. */
  readonly longestChain: number;
  /** Answers for its descriptors, where they are its own; absent where they are the system's. */
  readonly descriptors?: DescriptorCalls;
  /** Facts worth showing to a person: ring sizes, flags in use. */
  readonly details: Readonly<Record<string, string | number | boolean>>;

  /**
   * Stages one request. Everything it needs is copied before it returns; the memory it points to
   * belongs to the engine until the last completion of (`index`, `generation`).
   */
  queue(request: Request, index: number, generation: number, sink: CompletionSink): QueueStatus;
  /** Hands everything staged to the kernel. Returns how many it took, or a negative errno. */
  commit(): number;
  /** Moves up to `max` completions from the kernel to the sink. Never blocks. Returns how many. */
  reap(sink: CompletionSink, max: number): number;
  /**
   * Asks the kernel to give up on one request. Its completion still arrives, with -ECANCELED or
   * with what it had done. Returns false where nothing can be asked any more.
   */
  cancel(index: number, generation: number): boolean;
  /** The program is busy: do not wake it. */
  awake(): void;
  /**
   * The program is about to wait: from now on `wake` is called when `reap` has work. Returns true
   * if something is there already, in which case the caller reaps instead of waiting.
   */
  idle(): boolean;
  /** Keeps the process alive (or not) while it waits. */
  setReferenced(referenced: boolean): void;
  /** Blocks until `minimum` completions are there to reap or the time is up. */
  wait?(minimum: number, timeoutMs: number): void;
  /** Registers whole ArrayBuffers; requests inside one carry its index. Returns 0 or -errno. */
  registerBuffers?(regions: readonly { address: number; length: number }[]): number;
  /**
   * Registers descriptors; requests may name them by index. -1 is an empty place. Returns 0 or
   * -errno.
   */
  registerFiles?(descriptors: readonly number[]): number;
  /** Gives everything back. Every request must have completed. */
  close(): void;
}

/** What an engine is made with. */
export interface EngineOptions {
  /** Entries of the submission queue, a power of two from 1 to 32768. */
  readonly entries: number;
  /** Entries of the completion queue, a power of two of at least `entries`. */
  readonly completionEntries: number;
  /** The most requests in flight at once. */
  readonly depth: number;
  /** Let a kernel thread submit (IORING_SETUP_SQPOLL), where the engine has such a thing. */
  readonly sqPoll: boolean;
  /** How long that thread spins before it sleeps, in ms. */
  readonly sqPollIdleMs: number;
  /**
   * Threads of the kernel at most, of each kind, for what would block. Absent leaves the kernel's
   * own limits; what has no such threads does not look.
   */
  readonly ioWorkers?: number | undefined;
  /** Called when `reap` has work and the engine was told that the program is idle. */
  readonly wake: () => void;
  /** Called once, when the engine has failed for good: what it has it settles, and takes no more. */
  readonly failed?: (error: ProactorError) => void;
}

/** Whether an engine can run here, and if not, why and what to do about it. */
export type Availability =
  | { readonly available: true }
  | {
      readonly available: false;
      readonly reason: string;
      readonly remedy: string;
      /** The system was short of something, descriptors or memory: it may say yes in a moment. */
      readonly passing?: boolean;
    };

/** How the chooser meets an engine: it can ask, and it can make one. Nothing starts before that. */
export interface EngineFactory {
  readonly name: EngineName;
  /** Asks the system, without side effects that outlive the call. A lasting answer is cached. */
  probe(): Availability;
  /** Makes one. Throws a `SystemError` if the system refuses after all. */
  create(options: EngineOptions): Engine;
}

/** Whether `kind` is among the operations of an engine. */
export function canDo(capabilities: EngineCapabilities, kind: OperationKind): boolean {
  return capabilities.operations[kind] === true;
}

/** The operations that an engine or its fallback can do, indexed by {@link OperationKind}. */
export function operationsOf(engine: Engine, fallback: Engine | undefined): readonly boolean[] {
  return engine.capabilities.operations.map(
    (can, kind) => can || fallback?.capabilities.operations[kind] === true,
  );
}

/** Whether a request is for an engine, and not for the one behind it. */
export function staysWith(
  engine: Engine,
  request: Request,
  hasFailed: boolean,
  behind: Engine,
): boolean {
  return hasFailed ? isBound(behind, request) : doesItself(engine, request);
}

/** Whether another engine than the one that a request was made for cannot do it. */
function isBound({ capabilities }: Engine, request: Request): boolean {
  if (request.fixedFile || request.directSlot !== -1) return true;
  // What orders and times it was decided when it was made.
  const tied = request.link !== Link.None || request.chain !== 1 || request.drain;
  return tied || request.deadlineMs > 0 || !canDo(capabilities, request.kind);
}

/** Whether an engine does a request itself: the operation, and one without an offset. */
export function doesItself({ capabilities }: Engine, { kind, offset }: Request): boolean {
  if (!canDo(capabilities, kind)) return false;
  if (capabilities.filePosition !== false || offset !== FILE_POSITION) return true;
  // Of all operations, these are the ones for which no offset means the file position.
  return kind < OperationKind.Read || kind > OperationKind.Writev;
}
