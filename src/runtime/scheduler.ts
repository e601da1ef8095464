import { abortError, errnoOf, ProactorError, systemError } from "../base/errors.ts";
import { BYTES_PER_TURN, COMPLETIONS_PER_TURN, RETRY_MS } from "../base/limits.ts";
import {
  type BufferView,
  type CompletionSink,
  canDo,
  type Engine,
  OPERATIONS,
  OperationKind,
  QueueStatus,
  Request,
  SlotTable,
} from "../core/index.ts";
import type { Extras } from "./extras.ts";
import { detached } from "./memory.ts";
import {
  type Completion,
  fail,
  markHandled,
  Operation,
  type OperationOwner,
  setSlot,
  slotOf,
  succeed,
} from "./operation.ts";
import { WaitingList } from "./waiting.ts";

const ECANCELED = -errnoOf("ECANCELED");
const EFAULT = -errnoOf("EFAULT");
const ETIMEDOUT = -errnoOf("ETIMEDOUT");
/** Linux reports the end of a timeout as an error, and libuv has no name for it. */
const ETIME = -62;
/** The kernel's clock and ours may differ by this much, in ms. */
const CLOCK_SLACK_MS = 1;

/** Which operations yield nothing: their promise resolves with undefined. */
const YIELDS_NOTHING = OPERATIONS.map(
  (_, kind) =>
    kind === OperationKind.Close ||
    (kind >= OperationKind.Fsync && kind <= OperationKind.Link && kind !== OperationKind.Statx) ||
    kind === OperationKind.Timeout,
);

/** An operation that has not started yet. */
export interface Held {
  readonly operation: Operation<unknown>;
  /** Starts it. */
  release(): void;
  /** Cancels it before it has started. */
  drop(): void;
}

/**
 * The loop of the runtime: everything queued in a tick becomes one batch, completions are collected
 * first and delivered after, and no turn of the event loop is ours alone.
 *
 * - A batch is handed over from `process.nextTick`, which runs after all microtasks: whatever the
 *   continuations of one delivery submit is one batch again.
 * - What completed inline is reaped at once, up to a budget of completions and bytes per turn; then
 *   `setImmediate` lets timers and sockets have theirs.
 * - While operations are in flight and nothing is left to do, the engine is told that we are idle,
 *   and wakes us. It keeps the process alive exactly that long.
 */
export class Scheduler implements CompletionSink, OperationOwner {
  readonly #engine: Engine;
  /** For operations that the engine has no way to do. */
  readonly #fallback: Engine | undefined;
  readonly #slots: SlotTable;
  readonly #operations: (Operation<unknown> | undefined)[] = [];
  /** Whatever memory the kernel may still write to: keeps it reachable. */
  readonly #memory: unknown[] = [];
  readonly #extras: (Extras | undefined)[] = [];
  readonly #kinds: Uint8Array;
  readonly #waiting = new WaitingList();
  readonly #doneSlots = new Int32Array(COMPLETIONS_PER_TURN);
  readonly #doneResults = new Int32Array(COMPLETIONS_PER_TURN);
  #done = 0;
  #scheduled = false;
  #inTurn = false;
  #referenced = true;
  #turnCompletions = 0;
  #turnBytes = 0;
  #delivered = 0;
  /** Something was queued since the last commit. */
  #staged = false;
  /** -1, or an emulated drain is running. */
  #drainSlot = -1;
  #quietListeners: (() => void)[] = [];
  readonly #held = new Map<Operation<unknown>, () => void>();
  readonly #onFallback: Uint8Array;
  readonly #tick = () => {
    this.#scheduled = false;
    this.#turn();
  };
  readonly #nextTurn = () => {
    this.#scheduled = false;
    this.#newTurn();
    this.#turn();
  };

  constructor(engine: Engine, fallback: Engine | undefined) {
    this.#engine = engine;
    this.#fallback = fallback;
    this.#slots = new SlotTable(engine.depth);
    this.#kinds = new Uint8Array(engine.depth);
    this.#onFallback = new Uint8Array(fallback === undefined ? 0 : engine.depth);
  }

  /** Operations that have a slot: with the engine, or just finished. */
  get inFlight(): number {
    return this.#slots.used;
  }

  /** Operations that wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether nothing is in flight and nothing waits. */
  get isQuiet(): boolean {
    return this.#slots.used === 0 && this.#waiting.size === 0 && this.#held.size === 0;
  }

  /**
   * Starts one operation. The request is read before this returns, so the caller may fill it anew;
   * its memory stays reachable from here until the last completion.
   */
  start(request: Request, extras: Extras | undefined): Operation<unknown> {
    const operation = new Operation<unknown>(this, -1);
    if (extras !== undefined) this.#watch(operation, request, extras);
    this.#admit(request, operation, extras);
    return operation;
  }

  /** Makes an operation that starts when `release` is called, or fails when `drop` is. */
  hold(request: Request, extras: Extras): Held {
    const copy = Object.assign(new Request(), request);
    const operation = new Operation<unknown>(this, -1);
    this.#watch(operation, copy, extras);
    const held = {
      operation,
      release: () => {
        if (this.#held.delete(operation)) this.#admit(copy, operation, extras);
      },
      drop: () => {
        if (this.#held.delete(operation)) this.#finish(operation, copy.kind, ECANCELED, extras);
      },
    };
    this.#held.set(operation, held.drop);
    return held;
  }

  complete(index: number, generation: number, result: number, more: boolean): void {
    if (more || !this.#slots.isCurrent(index, generation)) return;
    this.#doneSlots[this.#done] = index;
    this.#doneResults[this.#done] = result;
    this.#done++;
    if (result > 0) this.#turnBytes += result;
  }

  /** Hands over, reaps and delivers now, without waiting. Returns how many were delivered. */
  run(): number {
    if (this.#inTurn) return 0;
    const before = this.#delivered;
    this.#newTurn();
    this.#turn();
    return this.#delivered - before;
  }

  /** Blocks the thread until `minimum` completions are there or the time is up; delivers them. */
  wait(minimum: number, timeoutMs: number): number {
    const engine = this.#engine;
    if (engine.wait === undefined || !engine.capabilities.wait) {
      throw new ProactorError(
        "ERR_PROACTOR_UNSUPPORTED",
        `The engine ${engine.name} cannot block until something completes`,
        "Await the operations instead",
      );
    }
    const before = this.#delivered;
    const until = performance.now() + timeoutMs;
    for (;;) {
      this.run();
      const delivered = this.#delivered - before;
      const left = until - performance.now();
      const wanted = Math.min(minimum - delivered, this.#slots.used);
      if (wanted <= 0 || left <= 0) return delivered;
      engine.wait(wanted, left);
    }
  }

  /** Whether an operation waits for room. */
  isQueued(operation: Operation<unknown>): boolean {
    return this.#waiting.has(operation) || this.#held.has(operation);
  }

  requestCancel(operation: Operation<unknown>): boolean {
    const slot = slotOf(operation);
    if (slot === -1) return this.#cancelWaiting(operation);
    if (this.#operations[slot] !== operation) return false;
    this.#extrasOf(slot).canceled ??= "requested";
    const asked = this.#engineOf(slot).cancel(slot, this.#slots.generation(slot));
    if (asked) this.#schedule();
    return asked;
  }

  onComplete(operation: Operation<unknown>, listener: (completion: Completion<never>) => void) {
    const slot = slotOf(operation);
    if (slot !== -1) {
      const extras = this.#extrasOf(slot);
      extras.listeners ??= [];
      extras.listeners.push(listener);
      return;
    }
    // It waits or is held: what it settles with is known by then, without a slot.
    const deliver = () => {
      operation.on("complete", listener as (completion: Completion) => void);
    };
    Promise.prototype.then.call(operation, deliver, deliver);
  }

  /** Asks for the cancellation of everything that can still be stopped. */
  cancelAll(): void {
    for (const drop of [...this.#held.values()]) drop();
    for (;;) {
      const waiting = this.#waiting.peek();
      if (waiting === undefined) break;
      this.#cancelWaiting(waiting.operation);
    }
    for (const operation of [...this.#operations]) {
      if (operation !== undefined) this.requestCancel(operation);
    }
  }

  /** Calls back once nothing is in flight and nothing waits. */
  whenQuiet(listener: () => void): void {
    if (this.isQuiet) listener();
    else this.#quietListeners.push(listener);
  }

  /** Whether operations in flight keep the process alive. */
  setReferenced(referenced: boolean): void {
    this.#referenced = referenced;
    this.#engine.setReferenced(referenced && this.#slots.used > 0);
    this.#fallback?.setReferenced(referenced && this.#slots.used > 0);
  }

  /** The engine has work to reap and knows that we were idle. */
  readonly wake = (): void => {
    this.#newTurn();
    this.#turn();
  };

  #admit(request: Request, operation: Operation<unknown>, extras: Extras | undefined): void {
    // Nobody overtakes those who wait; the rest of a chain follows its first.
    if (this.#waiting.size > 0 || !this.#queue(request, operation, extras)) {
      this.#waiting.push(request, operation, extras);
    }
    this.#staged = true;
    if (!this.#scheduled && !this.#inTurn) this.#schedule();
  }

  /** Gives an operation a slot and its request to an engine. False where there is no room. */
  #queue(request: Request, operation: Operation<unknown>, extras: Extras | undefined): boolean {
    const slots = this.#slots;
    if (request.chain > 1 && slots.limit - slots.used < request.chain) return false;
    const main = this.#engine.capabilities.operations[request.kind] === true;
    const engine = main ? this.#engine : (this.#fallback ?? this.#engine);
    if (request.drain || this.#drainSlot !== -1) {
      if (this.#mustWaitForDrain(request, engine)) return false;
    }
    const index = slots.take();
    if (index === -1) return false;
    const generation = slots.generation(index);
    let status = engine.queue(request, index, generation, this);
    if (status === QueueStatus.Busy) {
      engine.commit();
      status = engine.queue(request, index, generation, this);
      if (status === QueueStatus.Busy) {
        slots.release(index);
        return false;
      }
    }
    this.#operations[index] = operation;
    this.#memory[index] = request.buffers ?? request.buffer;
    this.#extras[index] = extras;
    this.#kinds[index] = request.kind;
    if (this.#fallback !== undefined) this.#onFallback[index] = main ? 0 : 1;
    setSlot(operation, index);
    return true;
  }

  /** Drains that the engine does not order itself: alone before, and alone until it is done. */
  #mustWaitForDrain(request: Request, engine: Engine): boolean {
    if (engine.capabilities.drain && this.#fallback === undefined) return false;
    if (this.#slots.used > 0) return true;
    if (request.drain) this.#drainSlot = 0;
    request.drain = false;
    return false;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#turnCompletions < COMPLETIONS_PER_TURN && this.#turnBytes < BYTES_PER_TURN) {
      process.nextTick(this.#tick);
    } else {
      setImmediate(this.#nextTurn);
    }
  }

  #newTurn(): void {
    this.#turnCompletions = 0;
    this.#turnBytes = 0;
  }

  #turn(): void {
    if (this.#inTurn) return;
    this.#inTurn = true;
    let refused = false;
    try {
      this.#engine.awake();
      this.#fallback?.awake();
      this.#admitWaiting();
      this.#staged = false;
      refused = this.#engine.commit() < 0;
      this.#fallback?.commit();
      const room = Math.max(1, COMPLETIONS_PER_TURN - this.#turnCompletions);
      let reaped = this.#engine.reap(this, room);
      if (this.#fallback !== undefined && reaped < room) {
        reaped += this.#fallback.reap(this, room - reaped);
      }
      this.#turnCompletions += reaped;
      if (reaped > 0) {
        refused = false;
        this.#deliver();
      }
    } finally {
      this.#inTurn = false;
    }
    this.#afterTurn(refused);
  }

  /** Decides who acts next: we, the engine that wakes us, or nobody. */
  #afterTurn(refused: boolean): void {
    if (refused) {
      // The kernel is short of something (EAGAIN, ENOMEM): what is staged stays staged.
      if (!this.#scheduled) {
        this.#scheduled = true;
        setTimeout(this.#nextTurn, RETRY_MS);
      }
      return;
    }
    if (this.#staged || (this.#waiting.size > 0 && this.#slots.used < this.#slots.limit)) {
      this.#schedule();
      return;
    }
    const busy = this.#slots.used > 0;
    this.#engine.setReferenced(busy && this.#referenced);
    this.#fallback?.setReferenced(busy && this.#referenced);
    if (busy) {
      const ready = this.#engine.idle();
      if (this.#fallback?.idle() || ready) this.#schedule();
      return;
    }
    if (this.#quietListeners.length > 0 && this.isQuiet) {
      const listeners = this.#quietListeners;
      this.#quietListeners = [];
      for (const listener of listeners) listener();
    }
  }

  #admitWaiting(): void {
    for (;;) {
      const waiting = this.#waiting.peek();
      if (waiting === undefined) return;
      if (!this.#queue(waiting.request, waiting.operation, waiting.extras)) return;
      this.#waiting.shift();
    }
  }

  /** Completions are collected by now: from here on user code may run. */
  #deliver(): void {
    const count = this.#done;
    this.#done = 0;
    this.#delivered += count;
    this.#drainSlot = -1;
    for (let i = 0; i < count; i++) {
      const index = this.#doneSlots[i] as number;
      const result = this.#doneResults[i] as number;
      const operation = this.#operations[index] as Operation<unknown>;
      const extras = this.#extras[index];
      const kind = this.#kinds[index] as OperationKind;
      const gone = result > 0 && kind === OperationKind.Read && isDetached(this.#memory[index]);
      this.#operations[index] = undefined;
      this.#memory[index] = undefined;
      this.#slots.release(index);
      setSlot(operation, -1);
      if (gone) {
        this.#extras[index] = undefined;
        this.#finish(operation, kind, EFAULT, { ...extras, explain: () => detached(result) });
      } else if (extras === undefined && result >= 0) {
        succeed(operation, YIELDS_NOTHING[kind] ? undefined : result);
      } else {
        this.#extras[index] = undefined;
        this.#finish(operation, kind, result, extras);
      }
    }
  }

  /** The long road: a failure, or an operation of which more is known. */
  #finish(
    operation: Operation<unknown>,
    kind: OperationKind,
    result: number,
    extras: Extras | undefined,
  ): void {
    if (extras?.finish !== undefined) for (const finish of extras.finish) finish(result);
    let value: unknown;
    let error: Error | undefined;
    const canceled = result === ECANCELED;
    if (result >= 0 || (kind === OperationKind.Timeout && result === ETIME)) {
      value = extras?.convert === undefined ? result : extras.convert(result);
      if (YIELDS_NOTHING[kind]) value = undefined;
      succeed(operation, value);
    } else {
      error = this.#errorOf(kind, result, extras);
      fail(operation, error, canceled);
    }
    if (extras !== undefined) this.#notify(operation, value, error, extras);
  }

  #errorOf(kind: OperationKind, result: number, extras: Extras | undefined): Error {
    const { syscall } = OPERATIONS[kind] as { syscall: string };
    if (result === ECANCELED) {
      if (extras?.canceled === "aborted") return abortError(extras.options?.signal);
      const { deadlineAt } = extras ?? {};
      if (deadlineAt !== undefined && performance.now() >= deadlineAt) {
        const detail = `deadline of ${extras?.options?.deadlineMs} ms`;
        return systemError(ETIMEDOUT, syscall, extras?.path, extras?.dest, detail);
      }
    }
    const known = extras?.explain?.(result);
    return known ?? systemError(result, syscall, extras?.path, extras?.dest);
  }

  #notify(
    operation: Operation<unknown>,
    result: unknown,
    error: Error | undefined,
    extras: Extras,
  ): void {
    const { options, listeners } = extras;
    const callback = options?.callback as ((error: Error | null, result?: unknown) => void) | null;
    if (callback) guarded(() => (error ? callback(error) : callback(null, result)));
    if (listeners === undefined && options?.queue === undefined) return;
    const completion = { operation, result, error, userData: options?.userData };
    options?.queue?.push(completion as Completion<never>);
    for (const listener of listeners ?? [])
      guarded(() => listener(completion as Completion<never>));
  }

  /** Arranges what an operation's options ask for besides its own arguments. */
  #watch(operation: Operation<unknown>, request: Request, extras: Extras): void {
    const { options } = extras;
    if (options === undefined) return;
    if (options.callback || options.queue || options.notify === "none") markHandled(operation);
    const { signal, deadlineMs } = options;
    extras.finish ??= [];
    if (signal !== undefined) {
      const abort = () => {
        extras.canceled ??= "aborted";
        this.requestCancel(operation);
      };
      signal.addEventListener("abort", abort, { once: true });
      extras.finish.push(() => signal.removeEventListener("abort", abort));
    }
    if (deadlineMs === undefined) return;
    extras.deadlineAt = performance.now() + deadlineMs - CLOCK_SLACK_MS;
    const { capabilities } = this.#engine;
    if (capabilities.deadline && canDo(capabilities, request.kind) && this.#waiting.size === 0) {
      request.deadlineMs = deadlineMs;
      return;
    }
    const timer = setTimeout(() => {
      extras.canceled ??= "deadline";
      this.requestCancel(operation);
    }, deadlineMs);
    extras.finish.push(() => clearTimeout(timer));
  }

  /** A chain waits, and is canceled, as a whole: none of it has started. */
  #cancelWaiting(operation: Operation<unknown>): boolean {
    const drop = this.#held.get(operation);
    if (drop !== undefined) {
      drop();
      return true;
    }
    const removed = this.#waiting.removeChain(operation);
    for (const { operation: each, request, extras } of removed) {
      this.#finish(each, request.kind, ECANCELED, extras);
    }
    return removed.length > 0;
  }

  #extrasOf(slot: number): Extras {
    let extras = this.#extras[slot];
    if (extras === undefined) {
      extras = {};
      this.#extras[slot] = extras;
    }
    return extras;
  }

  #engineOf(slot: number): Engine {
    const { fallback, main } = { fallback: this.#fallback, main: this.#engine };
    return fallback !== undefined && this.#onFallback[slot] === 1 ? fallback : main;
  }
}

/** Whether the memory under a view was taken away from it. */
function isDetached(memory: unknown): boolean {
  return (memory as BufferView).buffer.byteLength === 0;
}

/** An exception in user code must not keep others from their completions (HAZARDS C11). */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
