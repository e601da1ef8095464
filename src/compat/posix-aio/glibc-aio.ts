import {
  AIO_PRIO_DELTA_MAX,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  LIO_WRITE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
} from "../../abi/posix-aio.ts";
import { COMPLETIONS_PER_TURN, refuseDisabled } from "../../base/index.ts";
import { OperationKind } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { AiocbList, AioLimits, aioinit } from "./aio.ts";
import { type aiocb, type sigevent, useOf } from "./aiocb.ts";
import { Blocks } from "./blocks.ts";
import { AioCore, type Notice } from "./core.ts";
import { EAGAIN, EFAULT, EINPROGRESS, EINVAL, EIO } from "./errors.ts";
import type { Implementation } from "./kept.ts";
import { Lending } from "./lending.ts";
import { type List, newList } from "./list.ts";
import { intValue, type timespec, useOfBlock } from "./rules.ts";
import { Phase, type Use } from "./use.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const { idle: IDLE, flying: FLYING } = Phase;
const MOST_COMPLETIONS = COMPLETIONS_PER_TURN;

/** Control blocks that there can be; glibc itself has no limit. */
const CAPACITY = 16_384;
/** Entries of one list: glibc keeps arrays of its length on the stack. */
const LIST_MAX = 4096;
/** `opcode` of an fsync, for the addon. */
const FSYNC = LIO_NOP + 1;
/** Notifications that are taken at once. */
const NOTES = 256;

/**
 * glibc's POSIX AIO, as it is.
 *
 * Every function is glibc's function of that name, and so are its deviations from the standard.
 * What is added keeps memory safe: a control block that is in flight, or a length beyond its
 * buffer, is refused with EINVAL; buffers are held until the operation is done; SIGEV_THREAD calls
 * its function on the event loop.
 */
export class GlibcAio extends AioCore implements Implementation {
  readonly implementation = "glibc";
  readonly limits: AioLimits = {
    aioMax: CAPACITY,
    aioListioMax: LIST_MAX,
    aioPrioDeltaMax: AIO_PRIO_DELTA_MAX,
    offsetMaximum: 2 ** 63,
  };
  readonly #addon: NativeAddon;
  #memory: Blocks | undefined;
  /** Indexes of a list. */
  #indexes = new Int32Array(16);
  /** Functions of SIGEV_THREAD whose thread has not run yet, by id. */
  readonly #notes = new Map<number, { callback: (value: never) => void; value: unknown }>();
  readonly #noted = new Uint32Array(NOTES);
  #nextNote = 0;
  #inFlight = 0;
  #scheduled = false;
  #referenced = false;
  #turnCompletions = 0;
  #quiet: (() => void) | undefined;
  readonly #tick = () => {
    this.#scheduled = false;
    this.#turn();
  };
  readonly #nextTurn = () => {
    this.#turnCompletions = 0;
    this.#tick();
  };

  constructor(addon: NativeAddon) {
    super(new Lending(addon));
    this.#addon = addon;
  }

  get inFlight(): number | undefined {
    return this.#memory === undefined ? undefined : this.#inFlight;
  }

  aio_read(aiocbp: aiocb): 0 | -1 {
    return this.#submit(aiocbp, OperationKind.Read, LIO_READ, 0);
  }

  aio_write(aiocbp: aiocb): 0 | -1 {
    return this.#submit(aiocbp, OperationKind.Write, LIO_WRITE, 0);
  }

  aio_fsync(op: number, aiocbp: aiocb): 0 | -1 {
    refuseDisabled("fsync");
    return this.#submit(aiocbp, OperationKind.Fsync, FSYNC, op);
  }

  aio_error(aiocbp: aiocb): number {
    const use = useOf(aiocbp) ?? useOfBlock(aiocbp);
    const blocks = this.#blocks();
    const index = blocks.attach(aiocbp, use);
    if (index === -1) return this.#refuseForeign(use);
    const status = this.#addon.posixAioError(blocks.memory.queue, index);
    if (use.phase === FLYING && status !== EINPROGRESS) this.#notice(use, status);
    return status;
  }

  aio_return(aiocbp: aiocb): number {
    const use = useOf(aiocbp) ?? useOfBlock(aiocbp);
    const blocks = this.#blocks();
    const index = blocks.attach(aiocbp, use);
    if (index === -1) return this.#refuseForeign(use);
    if (use.phase === FLYING && this.aio_error(aiocbp) === EINPROGRESS)
      return this.fail(EINPROGRESS);
    if (use.phase !== IDLE) this.collect(use);
    return this.#addon.posixAioReturn(blocks.memory.queue, index);
  }

  aio_suspend(list: AiocbList, nent: number, timeout: timespec | null): 0 | -1 {
    if (nent > list.length || nent > LIST_MAX) return this.fail(EINVAL);
    const { queue } = this.#blocks().memory;
    const indexes = this.#indexesOf(list, nent);
    if (indexes === undefined) return this.fail(EINVAL);
    const { tv_sec: seconds, tv_nsec: nanoseconds } = timeout ?? { tv_sec: 0, tv_nsec: 0 };
    const result = this.#addon.posixAioSuspend(
      queue,
      indexes,
      nent,
      timeout !== null,
      seconds,
      nanoseconds,
    );
    return result < 0 ? this.fail(-result) : 0;
  }

  aio_cancel(fildes: number, aiocbp: aiocb | null): number {
    const blocks = this.#blocks();
    const use = aiocbp === null ? undefined : useOfBlock(aiocbp);
    const index = aiocbp === null || use === undefined ? -1 : blocks.attach(aiocbp, use);
    if (use !== undefined && index === -1) return this.#refuseForeign(use);
    const result = this.#addon.posixAioCancel(blocks.memory.queue, fildes, index);
    this.wantTurn();
    return result < 0 ? this.fail(-result) : result;
  }

  lio_listio(mode: number, list: AiocbList, nent: number, sig: sigevent | null): 0 | -1 {
    const submitted = newList();
    const error = this.#submitList(mode, list, nent, sig, submitted);
    // What ended while we waited is known to have.
    if (mode !== LIO_NOWAIT) this.look();
    return error === 0 ? 0 : this.fail(error);
  }

  lio_listio_async(list: AiocbList, nent: number): Promise<number> {
    const submitted = newList();
    const error = this.#submitList(LIO_NOWAIT, list, nent, null, submitted);
    return new Promise((resolve) => {
      const done = (): void => resolve(error === 0 && submitted.failed ? EIO : error);
      if (submitted.left === 0) done();
      else submitted.done = done;
    });
  }

  aio_init({ aio_threads = 20, aio_num = 64, aio_idle_time = 1 }: aioinit): void {
    this.#addon.posixAioInit(aio_threads, aio_num, aio_idle_time);
  }

  /** glibc has sent the signal, and its thread tells by itself. */
  protected tell({ notify, signal, value }: Notice): void {
    if (notify === SIGEV_SIGNAL) this.callListeners(signal, value);
  }

  protected look(): void {
    const memory = this.#memory?.memory;
    if (memory === undefined) return;
    const pairs = memory.control;
    for (;;) {
      const count = this.#addon.posixAioReap(memory.queue, MOST_COMPLETIONS);
      for (let at = CAPACITY; at < CAPACITY + 2 * count; at += 2) {
        const use = this.#memory?.at(pairs[at] as number);
        const result = pairs[at + 1] as number;
        if (use?.phase === FLYING) this.#end(use, result < 0 ? -result : 0, result);
      }
      this.#turnCompletions += count;
      if (count < MOST_COMPLETIONS) return;
    }
  }

  protected wantTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#turnCompletions < MOST_COMPLETIONS) process.nextTick(this.#tick);
    else setImmediate(this.#nextTurn);
  }

  protected async end(): Promise<void> {
    if (this.#memory === undefined) return;
    this.wantTurn();
    await new Promise<void>((resolve) => {
      this.#quiet = resolve;
    });
    this.#memory.memory.close();
    this.#memory = undefined;
    this.#scheduled = true;
  }

  #blocks(): Blocks {
    if (this.#memory === undefined) {
      this.checkOpen();
      this.#memory = new Blocks(this.#addon, this, CAPACITY, () => {
        this.#turnCompletions = 0;
        this.#turn();
      });
    }
    return this.#memory;
  }

  #submit(block: aiocb, kind: OperationKind, opcode: number, operation: number): 0 | -1 {
    const use = useOf(block) ?? useOfBlock(block);
    const error = this.#prepare(block, use, kind);
    if (error !== 0) return this.fail(error);
    const note = this.#note(use);
    const blocks = this.#blocks();
    blocks.write(block, use, note);
    const { queue } = blocks.memory;
    const result = this.#addon.posixAioStart(queue, use.slot, opcode, operation);
    if (result < 0) {
      this.#refuse(use, note);
      return this.fail(-result);
    }
    this.#accept(use);
    return 0;
  }

  /** Refuses what would have glibc write to memory that is not its own. Returns 0 or an error. */
  #prepare(block: aiocb, use: Use, kind: OperationKind): number {
    if (this.closing) this.checkOpen();
    if (use.phase === FLYING) {
      if (use.owner !== this || this.aio_error(block) === EINPROGRESS) return EINVAL;
    }
    if (this.#blocks().attach(block, use) === -1) return EAGAIN;
    use.phase = IDLE;
    use.kind = kind;
    const transfers = kind !== OperationKind.Fsync;
    use.length = transfers ? block.aio_nbytes : 0;
    if (!Number.isSafeInteger(use.length) || use.length < 0) return EINVAL;
    const { aio_sigevent: event } = block;
    use.notify = event.sigev_notify;
    use.signal = event.sigev_signo;
    use.value = event.sigev_value;
    use.callback = event.sigev_notify_function;
    if (use.notify === SIGEV_THREAD && typeof use.callback !== "function") return EINVAL;
    const error = this.lending.lend(use, transfers ? block.aio_buf : null);
    // Without memory the kernel has its own answer, by the status.
    return error === EFAULT ? 0 : error;
  }

  #accept(use: Use): void {
    this.begin(use);
    this.#inFlight++;
    this.wantTurn();
  }

  #refuse(use: Use, note: number): void {
    use.buffer = undefined;
    use.copy = undefined;
    if (use.notify === SIGEV_THREAD) this.#notes.delete(note);
  }

  /** The value that the notification is to carry: an id where a thread tells. */
  #note({ notify, callback, value }: Notice): number {
    if (notify !== SIGEV_THREAD || callback === null) return intValue(value);
    const id = this.#nextNote;
    this.#nextNote = (id + 1) >>> 0;
    this.#notes.set(id, { callback, value });
    return id;
  }

  #submitList(
    mode: number,
    list: AiocbList,
    nent: number,
    sig: sigevent | null,
    submitted: List,
  ): number {
    if (nent > list.length || nent > LIST_MAX) return EINVAL;
    const notice = noticeOf(sig);
    if (notice.notify === SIGEV_THREAD && typeof notice.callback !== "function") return EINVAL;
    const blocks = this.#blocks();
    const uses = this.usesOf(list, Math.max(nent, 0)) ?? [];
    if (new Set(uses).size < uses.length) return EINVAL;
    const indexes = this.#indexesOf(list, nent);
    if (indexes === undefined) return EINVAL;
    const notes = new Map<Use, number>();
    for (let i = 0; i < nent; i++) {
      const block = list[i];
      if (block === null || block === undefined || block.aio_lio_opcode === LIO_NOP) continue;
      const use = useOfBlock(block);
      const kind = block.aio_lio_opcode === LIO_WRITE ? OperationKind.Write : OperationKind.Read;
      const error = this.#prepare(block, use, kind);
      if (error !== 0) {
        for (const [other, note] of notes) this.#refuse(other, note);
        return error;
      }
      notes.set(use, this.#note(use));
      blocks.write(block, use, notes.get(use) ?? 0);
    }
    const { notify, signal } = notice;
    const told = sig === null ? -1 : notify;
    const value = this.#note(notice);
    const { queue } = blocks.memory;
    const result = this.#addon.posixAioListio(queue, mode, indexes, nent, told, signal, value);
    const taken = new Set(indexes.subarray(0, Math.max(nent, 0)));
    for (const [use, note] of notes) {
      if (!taken.has(use.slot)) {
        this.#refuse(use, note);
        continue;
      }
      submitted.left++;
      this.#accept(use);
      use.list = submitted;
    }
    if (notify === SIGEV_SIGNAL && mode === LIO_NOWAIT) submitted.done = () => this.tell(notice);
    if (mode !== LIO_NOWAIT) this.#notes.delete(value);
    return result < 0 ? -result : 0;
  }

  /** Why a control block has no memory here. */
  #refuseForeign({ phase }: Use): -1 {
    return this.fail(phase === FLYING ? EINVAL : EAGAIN);
  }

  /** The indexes of a list, with -1 for null; undefined where one is another implementation's. */
  #indexesOf(list: AiocbList, nent: number): Int32Array | undefined {
    if (nent > this.#indexes.length) this.#indexes = new Int32Array(nent * 2);
    const indexes = this.#indexes;
    const blocks = this.#blocks();
    for (let i = 0; i < nent; i++) {
      const block = list[i];
      indexes[i] = -1;
      if (block === null || block === undefined) continue;
      const index = blocks.attach(block, useOf(block) ?? useOfBlock(block, `list[${i}]`));
      if (index === -1) return undefined;
      indexes[i] = index;
    }
    return indexes;
  }

  /** Somebody asked, and it is done. */
  #notice(use: Use, status: number): void {
    const { queue } = this.#blocks().memory;
    const result = this.#addon.posixAioReturn(queue, use.slot);
    this.#end(use, status, result);
  }

  #end(use: Use, error: number, result: number): void {
    this.#inFlight--;
    this.finish(use, error, result);
    if (use.abandoned) use.phase = IDLE;
  }

  #turn(): void {
    this.look();
    this.#takeNotes();
    this.deliver();
    if (this.#scheduled) return;
    const memory = this.#memory?.memory;
    if (memory === undefined) return;
    const busy = this.#inFlight > 0 || this.#notes.size > 0;
    if (busy !== this.#referenced) {
      this.#referenced = busy;
      if (busy) this.#addon.wakeupRef(memory.wakeup);
      else this.#addon.wakeupUnref(memory.wakeup);
    }
    if (!busy) this.#quiet?.();
    else if (this.#addon.posixAioArm(memory.queue) === 1) this.wantTurn();
  }

  /** Threads of glibc have told; the functions are called on the loop. */
  #takeNotes(): void {
    const memory = this.#memory?.memory;
    if (memory === undefined || this.#notes.size === 0) return;
    const count = this.#addon.posixAioNotified(memory.queue, this.#noted);
    for (let i = 0; i < count; i++) {
      const id = this.#noted[i] as number;
      const note = this.#notes.get(id);
      this.#notes.delete(id);
      if (note !== undefined) this.call(note.callback, note.value);
    }
    if (count === NOTES) this.wantTurn();
  }
}

/** How the end of a list is to be told. */
function noticeOf(sig: sigevent | null): Notice {
  return {
    notify: sig?.sigev_notify ?? -1,
    signal: sig?.sigev_signo ?? 0,
    value: sig?.sigev_value,
    callback: sig?.sigev_notify_function ?? null,
  };
}
