import { fstatSync } from "node:fs";
import {
  AIO_ALLDONE,
  AIO_CANCELED,
  AIO_NOTCANCELED,
  LIO_NOP,
  LIO_NOWAIT,
  LIO_READ,
  LIO_WAIT,
  LIO_WRITE,
  O_DSYNC,
  O_SYNC,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
} from "../../abi/posix-aio.ts";
import { MAX_RW_COUNT, refuseDisabled } from "../../base/index.ts";
import { canDo, type EngineFactory, OperationKind } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { AiocbList, AioLimits } from "./aio.ts";
import { type aiocb, type sigevent, useOf } from "./aiocb.ts";
import { AioCore, type Notice } from "./core.ts";
import { EngineLoop, type EngineLoopOwner } from "./engine-loop.ts";
import {
  EAGAIN,
  EBADF,
  ECANCELED,
  EFBIG,
  EINPROGRESS,
  EINTR,
  EINVAL,
  EIO,
  ENOSYS,
  EOVERFLOW,
} from "./errors.ts";
import { type FileQueue, Files } from "./files.ts";
import type { Implementation } from "./kept.ts";
import { Lending } from "./lending.ts";
import { type List, newList } from "./list.ts";
import {
  checkTransfer,
  intValue,
  milliseconds,
  readBlock,
  readEvent,
  type timespec,
  useOfBlock,
} from "./rules.ts";
import { Phase, type Use } from "./use.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const READ = OperationKind.Read;
const WRITE = OperationKind.Write;
const FLYING = Phase.flying;
const DONE = Phase.done;

/** Numbers that Linux uses inside, for calls to be made again; here they mean a cancellation. */
const RESTARTS = { first: -516, last: -512 } as const;

/** An engine's clock and ours may differ by this much, in ms. */
const SLACK_MS = 1;

/** How long aio_cancel waits for the kernel to stop what runs, in ms. */
const CANCEL_MS = 1;

/**
 * POSIX AIO by the standard, over an engine of ours.
 *
 * What the standard promises and no engine does is done here, before an engine has the operation:
 * limits, checks, priorities, the order of appended writes, what an fsync covers, cancellation of
 * what has not begun. What runs at the same time and how is the engine's.
 */
export class EngineAio extends AioCore implements Implementation, EngineLoopOwner {
  readonly limits: AioLimits;
  readonly #addon: NativeAddon | undefined;
  readonly #factory: EngineFactory;
  readonly #files: Files;
  #loop: EngineLoop | undefined;
  /** The offset that says that there is none. */
  #noOffset = -1;
  /** Accepted and not done. */
  #inFlight = 0;
  #quiet: (() => void) | undefined;
  readonly #start = (use: Use): void => this.#engineLoop().start(use);

  constructor(factory: EngineFactory, addon: NativeAddon | undefined, limits: AioLimits) {
    super(new Lending(addon));
    this.limits = limits;
    this.#addon = addon;
    this.#factory = factory;
    this.#files = new Files(addon);
  }

  get implementation(): string {
    return this.#factory.name;
  }

  get inFlight(): number | undefined {
    return this.#loop === undefined ? undefined : this.#inFlight;
  }

  aio_read(aiocbp: aiocb): 0 | -1 {
    return this.#submit(aiocbp, READ);
  }

  aio_write(aiocbp: aiocb): 0 | -1 {
    return this.#submit(aiocbp, WRITE);
  }

  aio_fsync(op: number, aiocbp: aiocb): 0 | -1 {
    refuseDisabled("fsync");
    if (op === O_SYNC) return this.#submit(aiocbp, OperationKind.Fsync);
    if (op === O_DSYNC) return this.#submit(aiocbp, OperationKind.Fdatasync);
    return this.fail(EINVAL);
  }

  aio_error(aiocbp: aiocb): number {
    const use = useOf(aiocbp) ?? useOfBlock(aiocbp);
    if (use.owner !== this || use.phase === Phase.idle) return this.fail(EINVAL);
    if (use.phase === FLYING) this.look();
    return use.error;
  }

  aio_return(aiocbp: aiocb): number {
    const use = useOf(aiocbp) ?? useOfBlock(aiocbp);
    if (use.owner === this && use.phase === FLYING) this.look();
    if (use.owner === this && use.phase === DONE) return this.collect(use);
    return this.fail(use.owner === this && use.phase === FLYING ? EINPROGRESS : EINVAL);
  }

  aio_suspend(list: AiocbList, nent: number, timeout: timespec | null): 0 | -1 {
    const ms = milliseconds(timeout);
    if (ms < 0 || nent < 0 || nent > list.length) return this.fail(EINVAL);
    if (isAnyDone(list, nent)) return 0;
    this.look();
    if (isAnyDone(list, nent)) return 0;
    if (this.usesOf(list, nent)?.length === 0 && ms === Number.POSITIVE_INFINITY) {
      return this.fail(EINVAL);
    }
    const error = this.#block(ms, () => isAnyDone(list, nent));
    return error === 0 ? 0 : this.fail(error);
  }

  aio_cancel(fildes: number, aiocbp: aiocb | null): number {
    if ((fildes | 0) !== fildes || fildes < 0) return this.fail(EBADF);
    if (this.#files.flagsOf(fildes) < 0) return this.fail(EBADF);
    const uses: Use[] = [];
    if (aiocbp !== null) {
      const use = useOfBlock(aiocbp);
      if (aiocbp.aio_fildes !== fildes) return this.fail(EINVAL);
      if (use.owner === this && use.phase === FLYING) uses.push(use);
    } else {
      const first = this.#files.at(fildes).first;
      for (let use = first; use !== undefined; use = use.after) uses.push(use);
    }
    return this.#cancel(uses);
  }

  lio_listio(mode: number, list: AiocbList, nent: number, sig: sigevent | null): 0 | -1 {
    if (mode !== LIO_WAIT && mode !== LIO_NOWAIT) return this.fail(EINVAL);
    if (mode === LIO_WAIT && !this.#engineLoop().canWait) return this.fail(ENOSYS);
    const notice = newNotice();
    const told = mode === LIO_NOWAIT ? readEvent(sig, notice) : 0;
    if (told !== 0) return this.fail(told);
    const submitted = newList();
    const error = this.#submitList(list, nent, submitted);
    if (error === EINVAL) return this.fail(error);
    if (mode === LIO_NOWAIT) {
      // Where nothing was started because all failed, nothing ends either.
      if (error === 0 || submitted.left > 1) this.#seal(submitted, () => this.tell(notice));
      return error === 0 ? 0 : this.fail(error);
    }
    this.#seal(submitted, undefined);
    const blocked = this.#block(Number.POSITIVE_INFINITY, () => submitted.left === 0);
    if (blocked !== 0) return this.fail(blocked);
    if (error !== 0) return this.fail(error);
    return submitted.failed ? this.fail(EIO) : 0;
  }

  lio_listio_async(list: AiocbList, nent: number): Promise<number> {
    const submitted = newList();
    const error = this.#submitList(list, nent, submitted);
    if (error === EINVAL) return Promise.resolve(error);
    return new Promise((resolve) => {
      const done = (): void => resolve(error === 0 && submitted.failed ? EIO : error);
      this.#seal(submitted, done);
    });
  }

  aio_init(): void {}

  ended(use: Use, result: number): void {
    let error = result < 0 ? -result : 0;
    const restart = result >= RESTARTS.first && result <= RESTARTS.last;
    // What was stopped half-way says so in one of several ways.
    if (use.canceled && (restart || error === EINTR)) error = ECANCELED;
    this.#end(use, error, result);
  }

  turned(): void {
    this.deliver();
    if (this.#inFlight === 0) this.#quiet?.();
  }

  protected tell({ notify, signal, value, callback }: Notice): void {
    if (notify === SIGEV_SIGNAL) {
      this.callListeners(signal, value);
      if (this.#addon === undefined) process.kill(process.pid, signal);
      else this.#addon.posixAioSignal(signal, intValue(value));
    } else if (notify === SIGEV_THREAD && callback !== null) {
      this.call(callback, value);
    }
  }

  protected look(): void {
    this.#loop?.look();
  }

  protected wantTurn(): void {
    this.#engineLoop().wantTurn();
  }

  protected async end(): Promise<void> {
    const loop = this.#loop;
    if (loop === undefined) return;
    loop.wantTurn();
    await new Promise<void>((resolve) => {
      this.#quiet = resolve;
    });
    this.#loop = undefined;
    loop.close();
  }

  #engineLoop(): EngineLoop {
    if (this.#loop === undefined) {
      this.checkOpen();
      this.#loop = new EngineLoop(this.#factory, this.limits.aioMax, this);
      this.#noOffset = this.#loop.engine.capabilities.filePosition === false ? 0 : -1;
    }
    return this.#loop;
  }

  #submit(aiocbp: aiocb, kind: OperationKind): 0 | -1 {
    const use = useOf(aiocbp) ?? useOfBlock(aiocbp);
    const error = this.#accept(aiocbp, use, kind, undefined);
    return error === 0 ? 0 : this.fail(error);
  }

  /** Checks an operation, and starts it or has it wait for its turn. Returns 0 or an error. */
  #accept(block: aiocb, use: Use, kind: OperationKind, list: List | undefined): number {
    if (use.phase === FLYING) {
      if (use.owner !== this) return EINVAL;
      this.look();
      if (use.phase === (FLYING as Phase)) return EINVAL;
    }
    if (this.closing) this.checkOpen();
    use.phase = Phase.idle;
    let error = readBlock(block, use, kind);
    if (error !== 0) return error;
    const file = this.#files.at(use.fd);
    error = file.refuses(kind);
    if (error === 0)
      error =
        kind === READ || kind === WRITE
          ? this.#checkTransfer(use, file)
          : this.#checkSync(use, file);
    if (error !== 0) return error;
    if (this.#inFlight >= this.limits.aioMax) return EAGAIN;
    if (kind === READ || kind === WRITE) {
      error = this.lending.lend(use, block.aio_buf);
      if (error !== 0) return error;
    }
    this.begin(use);
    use.list = list;
    if (list !== undefined) list.left++;
    this.#inFlight++;
    if (file.add(use)) this.#start(use);
    else file.release(this.#start);
    return 0;
  }

  #checkTransfer(use: Use, file: FileQueue): number {
    const error = checkTransfer(use);
    if (error !== 0) return error;
    if (use.length > MAX_RW_COUNT) use.length = MAX_RW_COUNT;
    if (!file.isSeekable) {
      use.offset = this.#noOffset;
      return 0;
    }
    if (use.kind === WRITE && file.appends) {
      use.offset = 0;
      return 0;
    }
    if (use.offset < 0) return EINVAL;
    const left = this.limits.offsetMaximum - use.offset;
    if (left >= use.length || use.length === 0 || !file.isRegular) return 0;
    if (left > 0) {
      // As much as there is room for; the next one is refused.
      use.length = left;
      return 0;
    }
    if (use.kind === WRITE) return EFBIG;
    if (fstatSync(use.fd).size > use.offset) return EOVERFLOW;
    use.length = 0;
    return 0;
  }

  #checkSync(use: Use, file: FileQueue): number {
    // A pipe has nothing to make durable.
    if (!file.isSeekable) return EINVAL;
    if (!canDo(this.#engineLoop().engine.capabilities, use.kind)) return ENOSYS;
    use.offset = 0;
    use.length = 0;
    return 0;
  }

  /**
   * Submits a list, which then has to be sealed. Returns 0; EINVAL, and nothing was started; EAGAIN
   * or EIO.
   */
  #submitList(list: AiocbList, nent: number, submitted: List): number {
    const uses = this.usesOf(list, nent);
    if (uses === undefined || nent > this.limits.aioListioMax) return EINVAL;
    let worst = 0;
    // One more than there are: what was submitted cannot be done before all is.
    submitted.left = 1;
    for (let i = 0; i < nent; i++) {
      const block = list[i];
      if (block === null || block === undefined || block.aio_lio_opcode === LIO_NOP) continue;
      const use = useOfBlock(block);
      const error = this.#acceptListed(block, use, submitted);
      if (error === 0) continue;
      submitted.failed = true;
      if (worst !== EAGAIN) worst = error === EAGAIN ? EAGAIN : EIO;
    }
    return worst;
  }

  /** All of a list was submitted: `done` is called when all of it is done. */
  #seal(submitted: List, done: (() => void) | undefined): void {
    submitted.done = done;
    if (--submitted.left === 0) done?.();
  }

  /** As #accept; what is not accepted has its error as its status. */
  #acceptListed(block: aiocb, use: Use, submitted: List): number {
    const opcode = block.aio_lio_opcode;
    const known = opcode === LIO_READ || opcode === LIO_WRITE;
    const kind = opcode === LIO_READ ? READ : WRITE;
    const busy = use.phase === FLYING;
    const error = known ? this.#accept(block, use, kind, submitted) : EINVAL;
    if (error === 0 || (busy && use.phase === FLYING)) return error;
    use.owner = this;
    use.phase = DONE;
    use.error = error;
    use.result = -1;
    return error;
  }

  #end(use: Use, error: number, result: number): void {
    const { file } = use;
    this.#inFlight--;
    const known = error === 0 ? use.carried : error;
    if (file !== undefined) {
      file.remove(use, known);
      if (file.waiting > 0) file.release(this.#start);
    }
    this.finish(use, known, result);
  }

  #cancel(uses: readonly Use[]): number {
    this.look();
    const asked = uses.filter(({ phase }) => phase === FLYING);
    if (asked.length === 0) return AIO_ALLDONE;
    const loop = this.#engineLoop();
    // The last first, so that nothing starts because what it waited for is canceled.
    for (const use of asked.toReversed()) {
      use.canceled = true;
      if (!use.started) this.#end(use, ECANCELED, -1);
      else if (!loop.cancel(use)) use.canceled = false;
    }
    loop.look();
    const undecided = (): boolean => asked.some((use) => use.canceled && use.phase === FLYING);
    if (undecided() && loop.canWait) this.#wait(loop, CANCEL_MS, undecided);
    if (asked.some(({ phase }) => phase === FLYING)) return AIO_NOTCANCELED;
    return asked.some(({ error }) => error === ECANCELED) ? AIO_CANCELED : AIO_ALLDONE;
  }

  /** Waits for `goesOn` to become false, for a time. */
  #wait(loop: EngineLoop, ms: number, goesOn: () => boolean): void {
    const until = performance.now() + ms;
    for (let left = ms; left > 0 && goesOn(); left = until - performance.now()) loop.wait(left);
  }

  /** Blocks until `isDone`, a signal or the time. Returns 0, EAGAIN, EINTR or ENOSYS. */
  #block(ms: number, isDone: () => boolean): number {
    const loop = this.#engineLoop();
    if (!loop.canWait) return ENOSYS;
    loop.look();
    const until = performance.now() + ms;
    for (;;) {
      if (isDone()) return 0;
      const left = until - performance.now();
      if (left <= 0) return EAGAIN;
      // Whoever comes back early with nothing was interrupted.
      if (!loop.wait(left) && !isDone() && performance.now() < until - SLACK_MS) return EINTR;
    }
  }
}

function newNotice(): Notice {
  return { notify: 0, signal: 0, value: undefined, callback: null };
}

/** Whether one of the list is not on its way. Throws for what is no control block. */
function isAnyDone(list: AiocbList, nent: number): boolean {
  for (let i = 0; i < nent; i++) {
    const block = list[i];
    if (block === null || block === undefined) continue;
    const use = useOf(block) ?? useOfBlock(block, `list[${i}]`);
    if (use.phase !== FLYING) return true;
  }
  return false;
}
