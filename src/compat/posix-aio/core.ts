import { SIGEV_NONE } from "../../abi/posix-aio.ts";
import { invalidArgType, ProactorError, validateInteger } from "../../base/index.ts";
import type { AiocbList } from "./aio.ts";
import { EAGAIN, EINPROGRESS, EINVAL } from "./errors.ts";
import type { Lending } from "./lending.ts";
import { milliseconds, type timespec, useOfBlock } from "./rules.ts";
import { isSignalHeard, tellSignalValue } from "./signals.ts";
import { sleep, wakeSleepers } from "./sleepers.ts";
import { type EventField, Phase, type Use } from "./use.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const NONE = SIGEV_NONE;
const { idle: IDLE, flying: FLYING, done: DONE } = Phase;

/** How an end is told: of one operation, or of a list. */
export type Notice = Pick<Use, EventField>;

/** What both implementations share: the state of control blocks, and how ends are told. */
export abstract class AioCore {
  errno = 0;
  protected readonly lending: Lending;
  /** Functions of SIGEV_THREAD and their values, in turn, to be called on the loop. */
  #calls: unknown[] = [];
  #closing: Promise<void> | undefined;

  constructor(lending: Lending) {
    this.lending = lending;
  }

  /** Waits for what is in flight, and gives everything back. */
  protected abstract end(): Promise<void>;
  /** Has `deliver` called on the loop. */
  protected abstract wantTurn(): void;
  /** Tells that an operation, or a list, is done. */
  protected abstract tell(notice: Notice): void;
  /** Looks for what is done, without waiting. */
  protected abstract look(): void;

  aio_suspend_async(list: AiocbList, nent: number, timeout: timespec | null): Promise<number> {
    const ms = milliseconds(timeout);
    const uses = this.usesOf(list, nent);
    if (ms < 0 || uses === undefined) return Promise.resolve(EINVAL);
    if (uses.some(({ phase }) => phase === FLYING)) this.look();
    if (uses.some(({ phase }) => phase !== FLYING)) return Promise.resolve(0);
    // Nothing will ever end.
    if (uses.length === 0 && ms === Number.POSITIVE_INFINITY) return Promise.resolve(EINVAL);
    this.wantTurn();
    return sleep(uses, ms, EAGAIN);
  }

  close(): Promise<void> {
    this.#closing ??= this.end();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Whether `close` was called. */
  protected get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** Throws `ERR_PROACTOR_CLOSED` once `close` was called. */
  protected checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new ProactorError("ERR_PROACTOR_CLOSED", "The implementation of POSIX AIO was closed");
  }

  /** Keeps the number of an error, and returns what failed calls return. */
  protected fail(errno: number): -1 {
    this.errno = errno;
    return -1;
  }

  /** The control blocks of a list, without the null ones; undefined for a length it does not have. */
  protected usesOf(list: AiocbList, nent: number): Use[] | undefined {
    if (!Array.isArray(list)) throw invalidArgType("list", "Array", list);
    validateInteger(nent, "nent");
    if (nent < 0 || nent > list.length) return undefined;
    const uses: Use[] = [];
    for (let i = 0; i < nent; i++) {
      const block = list[i];
      if (block !== null && block !== undefined) uses.push(useOfBlock(block, `list[${i}]`));
    }
    return uses;
  }

  /** The operation of a control block is accepted. */
  protected begin(use: Use): void {
    use.owner = this;
    use.phase = FLYING;
    use.error = EINPROGRESS;
    use.result = -1;
    use.canceled = false;
  }

  /** The operation of a control block is done. */
  protected finish(use: Use, error: number, result: number): void {
    use.phase = DONE;
    use.error = error;
    use.result = error === 0 ? result : -1;
    if (use.buffer !== undefined) {
      use.error = this.lending.giveBack(use);
      if (use.error !== 0) use.result = -1;
    }
    if (use.sleepers !== undefined) wakeSleepers(use);
    if (use.notify !== NONE) this.tell(use);
    if (use.list !== undefined) this.#finishListed(use);
  }

  /** Collects a result, once. */
  protected collect(use: Use): number {
    const { result } = use;
    use.phase = IDLE;
    use.callback = null;
    use.value = undefined;
    return result;
  }

  /** Has a function called with a value, on the loop. */
  protected call(callback: (value: never) => void, value: unknown): void {
    this.#calls.push(callback, value);
    this.wantTurn();
  }

  /** Tells whoever listens to the values of a signal, on the loop. */
  protected callListeners(signal: number, value: unknown): void {
    if (isSignalHeard(signal)) this.call(() => tellSignalValue(signal, value), undefined);
  }

  /** Calls what is to be called. From here on user code may run. */
  protected deliver(): void {
    const calls = this.#calls;
    if (calls.length === 0) return;
    this.#calls = [];
    for (let i = 0; i < calls.length; i += 2) {
      const callback = calls[i] as (value: unknown) => void;
      try {
        callback(calls[i + 1]);
      } catch (error) {
        // It must not keep the others from being told (HAZARDS C11).
        process.nextTick(() => {
          throw error;
        });
      }
    }
  }

  #finishListed(use: Use): void {
    const { list } = use;
    use.list = undefined;
    if (list === undefined) return;
    if (use.error !== 0) list.failed = true;
    if (--list.left === 0) list.done?.();
  }
}
