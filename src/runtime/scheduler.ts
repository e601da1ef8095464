import { errnoOf } from "../base/errors.ts";
import { BYTES_PER_TURN, COMPLETIONS_PER_TURN, DIRECT_BATCH, RETRY_MS } from "../base/limits.ts";
import {
  type BufferView,
  type CompletionSink,
  doesItself,
  type Engine,
  OPERATIONS,
  QueueStatus,
  Request,
  type SlotTable,
} from "../core/index.ts";
import { Collected } from "./collected.ts";
import { BY_ENGINE, BY_THREAD, type DescriptorFacts, queueUnusual } from "./descriptor-facts.ts";
import { EarlyStart, type StartRule } from "./early.ts";
import { finishWork, keepTurning, loop } from "./ending.ts";
import { type Extras, extrasWith } from "./extras.ts";
import { ALONE, Flight, type Tenant, TOLD } from "./flight.ts";
import { type Finisher, Gate } from "./gate.ts";
import { type Held, HeldList } from "./held.ts";
import { sharesBytes } from "./memory.ts";
import {
  beginBatch,
  type Completion,
  markHandled,
  Operation,
  type OperationOwner,
} from "./operation.ts";
import { finishing, type Receiver, tell } from "./receiver.ts";
import { refuse, settle, throwLater } from "./settlement.ts";
import { waitFor } from "./wait.ts";
import { type Waiting, WaitingList } from "./waiting.ts";
import { Watches } from "./watch.ts";

const ECANCELED = -errnoOf("ECANCELED");
// Constants out of other modules are looked up at every use; these are part of the code.
const BUSY = QueueStatus.Busy;
const MOST_COMPLETIONS = COMPLETIONS_PER_TURN;
const MOST_BYTES = BYTES_PER_TURN;
const MOST_DIRECT = DIRECT_BATCH;

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
  #fallback: Engine | undefined;
  /** What is looked up of a descriptor first; undefined where the engine heeds all of it. */
  readonly #facts: DescriptorFacts | undefined;
  readonly #makeThreads: (() => Engine) | undefined;
  readonly #flight: Flight;
  readonly #slots: SlotTable;
  #gate: Gate | undefined;
  readonly #waiting = new WaitingList();
  readonly #watches: Watches;
  readonly #collected = new Collected();
  /** Which operations any engine here can do. */
  readonly #possible: readonly boolean[];
  /** Direct transfers staged since some were handed over. */
  #direct = 0;
  #scheduled = false;
  #gathering = false;
  #inTurn = false;
  #referenced = true;
  #turnCompletions = 0;
  #turnBytes = 0;
  #delivered = 0;
  readonly #early: StartRule;
  /** The thread was about to end, and no turn has come since. */
  #ended = false;
  /** Something was queued since the last commit. */
  #staged = false;
  /** -1, or an emulated drain is running. */
  #drainSlot = -1;
  /** The engine had no room even after a commit. */
  #noRoom = false;
  /** In the last turn the engine did not take all that it was offered. */
  #refused = false;
  #quietListeners: (() => void)[] = [];
  readonly #held = new HeldList();
  readonly #tick = () => {
    this.#scheduled = false;
    this.#turn();
  };
  readonly #nextTurn = () => {
    this.#scheduled = false;
    this.#newTurn();
    this.#turn();
  };

  /**
   * @param fallback Does what `engine` cannot.
   * @param facts For an engine without the capability `heedsDescriptor`.
   * @param makeThreads Makes the fallback once a descriptor is for read(2) and write(2) themselves.
   * @param early Decides what is handed over before the end of the tick.
   */
  constructor(
    engine: Engine,
    fallback: Engine | undefined,
    facts?: DescriptorFacts,
    makeThreads?: () => Engine,
    early: StartRule = new EarlyStart(),
  ) {
    this.#early = early;
    this.#engine = engine;
    this.#fallback = fallback;
    this.#facts = facts;
    this.#makeThreads = makeThreads;
    this.#watches = new Watches(engine, (operation) => this.requestCancel(operation));
    this.#flight = new Flight(engine.depth, fallback !== undefined);
    this.#slots = this.#flight.slots;
    this.#possible = OPERATIONS.map(
      (_, kind) =>
        engine.capabilities.operations[kind] === true ||
        fallback?.capabilities.operations[kind] === true,
    );
  }

  /** Operations that have a slot: with the engine, or just finished. */
  get inFlight(): number {
    return this.#slots.used;
  }

  /** What does the engine's part where it cannot, by now. */
  get fallback(): Engine | undefined {
    return this.#fallback;
  }

  /** Whether an engine that orders chains may be given this as a part of one. */
  canLink(request: Request): boolean {
    return this.#facts === undefined || this.#facts.look(request) === BY_ENGINE;
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
    const operation = new Operation<unknown>(this);
    if (extras !== undefined) {
      if (!this.#watches.options(operation, request, extras)) return operation;
      this.#watches.deadline(operation, request, extras, this.#waiting.size > 0);
    }
    this.#admit(request, operation, extras);
    return operation;
  }

  /**
   * Starts one operation of which nothing but the result is wanted. The promise is a plain one:
   * it costs less than an {@link Operation}, and cannot be asked or canceled.
   */
  startPlain(request: Request, finisher?: Finisher): Promise<unknown> {
    let gate = this.#gate;
    if (gate === undefined) {
      gate = new Gate();
      this.#gate = gate;
    }
    if (this.#waiting.size > 0 || this.#queue(request, gate, undefined, gate.next) === false) {
      const extras = finisher === undefined ? undefined : finishing(request, finisher);
      return this.start(request, extras);
    }
    this.#staged = true;
    if (this.#scheduled === false && this.#inTurn === false) this.#schedule();
    return gate.attach(finisher);
  }

  /** Starts one request for a receiver. Returns what `requestCancel` knows it by. */
  startFor(request: Request, receiver: Receiver): Receiver | Operation<unknown> {
    if (this.#waiting.size > 0 || this.#queue(request, receiver, undefined, TOLD) === false) {
      const finish = [(result: number) => tell(receiver, result)];
      const operation = this.start(request, extrasWith(undefined, { finish }));
      markHandled(operation);
      return operation;
    }
    this.#staged = true;
    if (this.#scheduled === false && this.#inTurn === false) this.#schedule();
    return receiver;
  }

  /** Makes an operation that starts when `release` is called, or fails when `drop` is. */
  hold(request: Request, extras: Extras): Held {
    const copy = Object.assign(new Request(), request);
    const operation = new Operation<unknown>(this);
    if (!this.#watches.options(operation, copy, extras))
      return { operation, release() {}, drop() {} };
    const drop = () => {
      if (this.#held.take(operation)) settle(operation, copy.kind, ECANCELED, extras);
    };
    const order = this.#held.add({ request: copy, operation, extras, drop });
    const release = () => {
      if (!this.#held.take(operation)) return;
      this.#watches.deadline(operation, copy, extras, this.#waiting.size > 0);
      this.#admit(copy, operation, extras, order);
    };
    return { operation, release, drop };
  }

  complete(index: number, generation: number, result: number, more: boolean): void {
    if (more === true || this.#slots.isCurrent(index, generation) === false) return;
    this.#collected.add(index, result);
    if (result > 0) this.#turnBytes += result;
  }

  failed(index: number, generation: number, error: Error): void {
    if (this.#slots.isCurrent(index, generation)) this.#flight.explain(index, error);
  }

  lost(result: number, error: Error): void {
    this.#flight.lose(this, result, error);
  }

  missed(index: number, generation: number): void {
    const isThere = () => this.#slots.isCurrent(index, generation);
    if (isThere()) this.#watches.soon(() => isThere() && this.#ask(index, generation));
  }

  /** Hands over what is staged; nothing is reaped or delivered, so no code of the caller runs. */
  submit(): void {
    // Without a turn to come nothing is staged, and a sleeping engine stays asleep.
    if (this.#scheduled || this.#inTurn) this.#handOver();
  }

  /** The thread is about to end: has everything done that was started. See `finishWork`. */
  end(): void {
    // Not before the end: what is admitted meanwhile would begin it anew.
    this.#ended = false;
    finishWork({
      engine: this.#engine,
      move: () => this.#moveLast(),
      left: () => this.#flight.left(this.#collected, this.#waiting.size, this.#referenced),
    });
    this.#ended = true;
  }

  #handOver(): void {
    this.#early.handedOver();
    // What completes at once is found by the next turn: it wakes nobody.
    this.#engine.awake();
    this.#engine.commit();
    this.#fallback?.commit();
    if (this.#ended) this.end();
  }

  #moveLast(): boolean {
    this.#admitWaiting();
    const taken = this.#engine.commit();
    this.#fallback?.commit();
    this.#engine.reap(this, this.#engine.depth);
    // Those who wait need slots. Else what has completed is kept for a `run` to come.
    if (this.#collected.count > 0 && this.#waiting.size > 0) {
      this.#drainSlot = -1;
      if (this.#inTurn) this.#flight.dropAll(this.#collected);
      else this.#deliver();
    }
    return taken >= 0;
  }

  /** Hands over, reaps and delivers now, without waiting. Returns how many were delivered. */
  run(): number {
    if (this.#inTurn) return 0;
    const before = this.#delivered;
    this.#newTurn();
    this.#turn();
    return this.#delivered - before;
  }

  /** Keeps what is started from now on back, whatever ticks run, until `endGathering`. */
  beginGathering(): void {
    this.#gathering = this.#scheduled === false;
    this.#scheduled = true;
  }

  /** Hands over what was started since `beginGathering`, with what the last callback's ticks add. */
  endGathering(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    this.#scheduled = false;
    this.#newTurn();
    this.#schedule();
  }

  /**
   * Blocks the thread until `minimum` completions are there or the time is up; delivers them. What
   * the fallback does is not waited for, because it needs the loop to turn.
   */
  wait(minimum: number, timeoutMs: number): number {
    return waitFor(minimum, timeoutMs, {
      engine: this.#engine,
      run: () => this.run(),
      isRefused: () => this.#refused,
      inFlight: () => this.#slots.used - this.#flight.fallbackUsed,
      canGoOn: () => this.#slots.used === 0 && this.#waiting.size > 0,
    });
  }

  /** Whether an operation waits for room. */
  isQueued(operation: Operation<unknown>): boolean {
    return this.#waiting.has(operation) || this.#held.has(operation);
  }

  requestCancel(operation: Operation<unknown> | Receiver): boolean {
    const slot = this.#flight.slotOf(operation);
    if (slot !== -1) return this.#cancelSlot(slot);
    return operation instanceof Operation && this.#cancelWaiting(operation);
  }

  #cancelSlot(slot: number): boolean {
    this.#flight.extrasOf(slot).canceled ??= "requested";
    return this.#ask(slot, this.#slots.generation(slot));
  }

  #ask(slot: number, generation: number): boolean {
    const asked = this.#engineOf(slot).cancel(slot, generation);
    if (asked) this.#schedule();
    return asked;
  }

  onComplete(operation: Operation<unknown>, listener: (completion: Completion<never>) => void) {
    const slot = this.#flight.slotOf(operation);
    if (slot !== -1) {
      const extras = this.#flight.extrasOf(slot);
      extras.listeners ??= [];
      extras.listeners.push(listener);
      return;
    }
    // It waits or is held: what it settles with is known by then, without a slot.
    const deliver = () => void operation.on("complete", listener as (c: Completion) => void);
    Promise.prototype.then.call(operation, deliver, deliver);
  }

  /** Asks for the cancellation of everything that can still be stopped. */
  cancelAll(): void {
    this.#held.dropAll();
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek())
      this.#cancelWaiting(next.operation);
    for (let slot = 0; slot < this.#slots.size; slot++) {
      if (this.#flight.isTaken(slot)) this.#cancelSlot(slot);
    }
    // What was canceled may have been all there was.
    this.#schedule();
  }

  /** Does nothing any more, whoever still calls: the engine is about to be closed. */
  stop(): void {
    this.#inTurn = true;
  }

  /** Calls back once nothing is in flight and nothing waits. */
  whenQuiet(listener: () => void): void {
    if (this.isQuiet) listener();
    else this.#quietListeners.push(listener);
  }

  /** Whether any operation is in flight, or waits, with a part of this memory. */
  isLent(view: BufferView): boolean {
    const uses = (memory: unknown) => sharesBytes(memory, view);
    const waits = ({ request, extras }: Waiting) =>
      uses(request.buffers ?? request.buffer) || uses(extras?.source);
    return this.#flight.uses(view) || this.#waiting.some(waits) || this.#held.some(waits);
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

  #admit(
    request: Request,
    operation: Operation<unknown>,
    extras: Extras | undefined,
    order = this.#held.next,
  ): void {
    if (this.#possible[request.kind] === false) {
      refuse(this.#engine.name, request, operation, extras);
      return;
    }
    const tied = request.drain === true && this.#held.hasBefore(order);
    // Nobody overtakes those who wait; the rest of a chain follows its first.
    if (this.#waiting.size > 0 || tied || !this.#queue(request, operation, extras, ALONE)) {
      // The kernel's clock would start only once there is room.
      if (request.deadlineMs > 0) this.#watches.keepTime(operation, request, extras as Extras);
      const waiting = { request, operation, extras, order };
      // But for a member of a chain that was asked for before a drain, which waits for it.
      if (this.#waiting.hasDrainAfter(order)) this.#waiting.putFirst(waiting);
      else this.#waiting.push(waiting);
      if (this.#ended) this.end();
    }
    this.#staged = true;
    // Compared, not negated: V8 cannot know that a field is never anything but a boolean.
    if (this.#scheduled === false && this.#inTurn === false) this.#schedule();
  }

  /** Gives an operation a slot and its request to an engine. False where there is no room. */
  #queue(request: Request, tenant: Tenant, extras: Extras | undefined, place: number): boolean {
    const slots = this.#slots;
    if (request.chain > 1 && slots.limit - slots.used < request.chain) return false;
    const facts = this.#facts;
    // Of a chain that the engine orders, `canLink` has looked.
    const verdict = facts === undefined || request.chain !== 1 ? BY_ENGINE : facts.look(request);
    if (verdict === BY_THREAD && this.#fallback === undefined) this.#addFallback();
    const fallback = this.#fallback;
    // Without a fallback the engine refuses by itself what it cannot do.
    const main =
      fallback === undefined || (verdict !== BY_THREAD && doesItself(this.#engine, request));
    const engine = main ? this.#engine : fallback;
    if (request.drain === true || this.#drainSlot !== -1) {
      if (this.#mustWaitForDrain(request, engine)) return false;
    }
    const index = slots.take();
    if (index === -1) return false;
    const generation = slots.generation(index);
    let status =
      verdict === BY_ENGINE
        ? engine.queue(request, index, generation, this)
        : queueUnusual(request, index, generation, { verdict, facts, engine, sink: this });
    if (status === BUSY) {
      engine.commit();
      status = engine.queue(request, index, generation, this);
      if (status === BUSY) {
        this.#noRoom = true;
        slots.release(index);
        return false;
      }
    }
    if (request.direct === true && ++this.#direct >= MOST_DIRECT) {
      this.#direct = 0;
      engine.commit();
    }
    this.#flight.enter(index, request, tenant, extras, place);
    if (fallback !== undefined) this.#flight.setFallback(index, !main);
    if (this.#inTurn === false && this.#early.isDue(request, slots.used)) this.#handOver();
    else if (this.#ended === true) this.#handOver();
    return true;
  }

  #addFallback(): void {
    this.#fallback = this.#makeThreads?.();
    this.#flight.addFallback();
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
    if (loop.ranDry === true) keepTurning();
    if (this.#turnCompletions < MOST_COMPLETIONS && this.#turnBytes < MOST_BYTES) {
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
    this.#ended = false;
    let moved = false;
    try {
      this.#engine.awake();
      this.#fallback?.awake();
      this.#noRoom = false;
      this.#admitWaiting();
      this.#staged = false;
      this.#early.turned();
      this.#refused = this.#engine.commit() < 0 || this.#noRoom;
      this.#fallback?.commit();
      this.#facts?.forget();
      const room = Math.max(1, MOST_COMPLETIONS - this.#turnCompletions);
      let reaped = this.#engine.reap(this, room);
      if (this.#fallback !== undefined && reaped < room) {
        reaped += this.#fallback.reap(this, room - reaped);
      }
      // What completed inline was not reaped, and takes its part of the turn all the same.
      this.#turnCompletions += Math.max(reaped, this.#collected.count);
      moved = reaped > 0 || this.#collected.count > 0;
      if (this.#collected.count > 0) this.#deliver();
      const gate = this.#gate;
      if (gate !== undefined) {
        this.#gate = undefined;
        gate.open();
      }
    } finally {
      this.#inTurn = false;
    }
    this.#afterTurn(moved);
  }

  /** Decides who acts next: we, the engine that wakes us, or nobody. */
  #afterTurn(moved: boolean): void {
    if (this.#refused && !moved) {
      // The kernel is short of something (EAGAIN, ENOMEM): what is staged stays staged.
      if (!this.#scheduled) {
        this.#scheduled = true;
        setTimeout(this.#nextTurn, RETRY_MS);
      }
      return;
    }
    // Those who wait can have room only if somebody made some.
    if (this.#staged || this.#refused || (moved && this.#waiting.size > 0)) {
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
      const { request, operation, extras, order } = waiting;
      if (request.drain && this.#held.hasBefore(order)) return;
      if (!this.#queue(request, operation, extras, ALONE)) return;
      this.#waiting.shift();
    }
  }

  /** Completions are collected by now: from here on user code may run. */
  #deliver(): void {
    const { count, slots, results } = this.#collected.take();
    this.#delivered += count;
    beginBatch();
    this.#drainSlot = -1;
    for (let i = 0; i < count; i++) {
      try {
        this.#flight.finish(slots[i] as number, results[i] as number);
      } catch (error) {
        // The others of the batch are told all the same.
        throwLater(error);
      }
    }
  }

  /** A chain waits, and is canceled, as a whole: none of it has started. */
  #cancelWaiting(operation: Operation<unknown>): boolean {
    if (this.#held.drop(operation)) return true;
    const removed = this.#waiting.removeChain(operation);
    for (const { operation: each, request, extras } of removed) {
      settle(each, request.kind, ECANCELED, extras);
    }
    return removed.length > 0;
  }

  #engineOf(slot: number): Engine {
    const fallback = this.#fallback;
    return fallback !== undefined && this.#flight.isOnFallback(slot) ? fallback : this.#engine;
  }
}
