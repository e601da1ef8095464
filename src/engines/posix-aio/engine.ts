import { EAGAIN, ECANCELED, EOPNOTSUPP } from "../../abi/linux.ts";
import { AIO_CANCELED, POSIX_AIO_REAP_MAX } from "../../abi/posix-aio.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineOptions,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { OPCODES, writeBlock } from "./requests.ts";
import { type ControlBlocks, openBlocks } from "./setup.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const { Busy: BUSY, Queued: QUEUED } = QueueStatus;
const OPCODE_OF = OPCODES;
const REAP_MAX = POSIX_AIO_REAP_MAX;

/** What a control block is: free, with us or with glibc, or done without glibc. */
const FREE = 0;
const TAKEN = 1;
const DONE = 2;

/**
 * POSIX AIO of glibc.
 *
 * `queue` fills in the control block of its slot, `commit` hands a batch over with one native call,
 * `reap` asks for all that have completed with one call.
 *
 * - It is a thread pool in disguise: glibc starts a thread for a descriptor, up to 20, and the
 *   thread does the descriptor's requests one after the other with pread(2) and pwrite(2).
 * - Who tells us: a thread of ours waits in aio_suspend(3) while the loop is idle and signals an
 *   eventfd. SIGEV_THREAD would start a thread per request, which is a fifth as fast (4 KiB cached
 *   reads from C, depth 32: 15 k/s against 80 k/s); SIGEV_SIGNAL would take a signal away from the
 *   program and interrupt its system calls.
 * - A request that a thread has begun cannot be canceled, however long it takes.
 */
export class PosixAioEngine implements Engine {
  readonly name = "posix_aio";
  readonly capabilities = CAPABILITIES;
  readonly depth: number;
  readonly longestChain = 0;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  readonly #addon: NativeAddon;
  readonly #memory: ControlBlocks;
  readonly #blocks: Int32Array;
  readonly #control: Int32Array;
  readonly #states: Uint8Array;
  readonly #generations: Int32Array;
  #staged = 0;
  #flying = 0;
  /** Index and result of what glibc never had. */
  readonly #done: number[] = [];
  #referenced = false;

  constructor(addon: NativeAddon, options: EngineOptions) {
    this.#addon = addon;
    this.depth = options.depth;
    this.#memory = openBlocks(addon, options.depth, options.wake);
    this.#blocks = this.#memory.blocks;
    this.#control = this.#memory.control;
    this.#states = new Uint8Array(options.depth);
    this.#generations = new Int32Array(options.depth);
    this.details = {
      threads: "one per descriptor, at most 20",
      notification: "a thread in aio_suspend",
      wakeup: addon.wakeupKind(this.#memory.wakeup),
    };
  }

  queue(request: Request, index: number, generation: number): QueueStatus {
    if (index >= this.depth || this.#states[index] !== FREE) return BUSY;
    this.#generations[index] = generation;
    const opcode = OPCODE_OF[request.kind] as number;
    if (opcode === -1 || request.fixedFile === true || request.flags !== 0) {
      this.#finish(index, -EOPNOTSUPP);
      return QUEUED;
    }
    this.#states[index] = TAKEN;
    writeBlock(this.#blocks, index, request, opcode);
    this.#control[this.#staged++] = index;
    return QUEUED;
  }

  commit(): number {
    const staged = this.#staged;
    if (staged === 0) return 0;
    const taken = this.#addon.posixAioSubmit(this.#memory.queue, staged);
    if (taken < 0) return taken;
    this.#staged = staged - taken;
    this.#flying += taken;
    // No memory, or no thread, for the others: they stay staged.
    return taken === staged ? taken : -EAGAIN;
  }

  reap(sink: CompletionSink, max: number): number {
    const told = this.#done.length === 0 ? 0 : this.#tell(sink, max);
    if (this.#flying === 0 || told === max) return told;
    const most = Math.min(max - told, REAP_MAX);
    const count = this.#addon.posixAioReap(this.#memory.queue, most);
    const pairs = this.#control;
    const end = this.depth + 2 * count;
    for (let at = this.depth; at < end; at += 2) {
      const index = pairs[at] as number;
      this.#states[index] = FREE;
      sink.complete(index, this.#generations[index] as number, pairs[at + 1] as number, false);
    }
    this.#flying -= count;
    return told + count;
  }

  cancel(index: number, generation: number): boolean {
    if (this.#states[index] !== TAKEN || this.#generations[index] !== generation) return false;
    const at = this.#control.subarray(0, this.#staged).indexOf(index);
    if (at === -1) return this.#addon.posixAioWithdraw(this.#memory.queue, index) === AIO_CANCELED;
    this.#control.copyWithin(at, at + 1, this.#staged--);
    this.#finish(index, -ECANCELED);
    return true;
  }

  /** Nothing tells of completions unless `idle` asked for it. */
  awake(): void {}

  idle(): boolean {
    if (this.#done.length > 0) return true;
    return this.#flying > 0 && this.#addon.posixAioArm(this.#memory.queue) === 1;
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.#referenced) return;
    this.#referenced = referenced;
    if (referenced) this.#addon.wakeupRef(this.#memory.wakeup);
    else this.#addon.wakeupUnref(this.#memory.wakeup);
  }

  wait(minimum: number, timeoutMs: number): void {
    const wanted = minimum - this.#done.length / 2;
    if (wanted > 0) this.#addon.posixAioWait(this.#memory.queue, wanted, timeoutMs);
  }

  close(): void {
    this.#memory.close();
  }

  /** Tells what is done without glibc. */
  #tell(sink: CompletionSink, max: number): number {
    const told = this.#done.splice(0, max * 2);
    for (let i = 0; i < told.length; i += 2) {
      const index = told[i] as number;
      this.#states[index] = FREE;
      sink.complete(index, this.#generations[index] as number, told[i + 1] as number, false);
    }
    return told.length / 2;
  }

  #finish(index: number, result: number): void {
    this.#states[index] = DONE;
    this.#done.push(index, result);
  }
}
