import { errnoOf } from "../base/errors.ts";
import { DIRECT_BATCH } from "../base/limits.ts";
import {
  type BufferView,
  type CompletionSink,
  type Engine,
  FILE_POSITION,
  operationsOf,
  QueueStatus,
  type Request,
  type SlotTable,
  staysWith,
} from "../core/index.ts";
import { Collected } from "./collected.ts";
import { BY_ENGINE, BY_THREAD, type DescriptorFacts, queueUnusual } from "./descriptor-facts.ts";
import { EarlyStart, type StartRule } from "./early.ts";
import { finishWork } from "./ending.ts";
import { type Extras, extrasWith } from "./extras.ts";
import type { Turn } from "./file-positions.ts";
import { ALONE, Flight, type Tenant, TOLD } from "./flight.ts";
import { type Finisher, Gate } from "./gate.ts";
import { type Held, HeldList, holdIn } from "./held.ts";
import {
  beginBatch,
  type Completion,
  markHandled,
  Operation,
  type OperationOwner,
} from "./operation.ts";
import { Pace } from "./pace.ts";
import { finishing, type Receiver, tell } from "./receiver.ts";
import type { Helpers } from "./session.ts";
import { refuse, settle, throwLater } from "./settlement.ts";
import { Turns } from "./turns.ts";
import { waitFor } from "./wait.ts";
import { usesBytes, type Waiting, WaitingList } from "./waiting.ts";
import { Watches } from "./watch.ts";

const ECANCELED = -errnoOf("ECANCELED");
// Constants out of other modules are looked up at every use; these are part of the code.
const BUSY = QueueStatus.Busy;
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
  /** The engine has failed for good: the fallback does what comes. */
  #replaced = false;
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
  #inTurn = false;
  #referenced = true;
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
  readonly #quietListeners: (() => void)[] = [];
  readonly #held = new HeldList();
  /** Orders what moves a file position. */
  readonly turns: Turns | undefined;
  /** When the next batch comes. */
  readonly pace = new Pace(() => this.#turn());

  /** @param fallback Does what `engine` cannot. */
  constructor(engine: Engine, fallback: Engine | undefined, helpers: Helpers = {}) {
    const { facts, makeThreads, positions, early = new EarlyStart() } = helpers;
    this.#early = early;
    this.#engine = engine;
    this.#fallback = fallback;
    this.#facts = facts;
    this.#makeThreads = makeThreads;
    this.#watches = new Watches(engine, (operation) => this.requestCancel(operation));
    this.#flight = new Flight(engine.depth, fallback !== undefined);
    this.#slots = this.#flight.slots;
    this.#possible = operationsOf(engine, fallback);
    if (positions !== undefined) {
      const byOffset = engine.capabilities.positionByOffset === true;
      this.turns = new Turns(positions, byOffset, this.#held, this.#watches, {
        admit: (its) => this.#admit(its.request, its.operation, its.extras, its.order),
        schedule: () => this.pace.schedule(),
      });
    }
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
    this.#enter(request, operation, extras);
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
    if (this.#offerAtOnce(request, gate, gate.next) === false) {
      const extras = finisher === undefined ? undefined : finishing(request, finisher);
      return this.start(request, extras);
    }
    this.#stage();
    return gate.attach(finisher);
  }

  /** Starts one request for a receiver. Returns what `requestCancel` knows it by. */
  startFor(request: Request, receiver: Receiver): Receiver | Operation<unknown> {
    if (this.#offerAtOnce(request, receiver, TOLD) === false) {
      const finish = [(result: number) => tell(receiver, result)];
      const operation = this.start(request, extrasWith(undefined, { finish }));
      markHandled(operation);
      return operation;
    }
    this.#stage();
    return receiver;
  }

  /** Makes an operation that starts when `release` is called, or fails when `drop` is. */
  hold(request: Request, extras: Extras): Held {
    const operation = new Operation<unknown>(this);
    return holdIn(this.#held, this.#watches, { request, operation, extras }, (copy, order) => {
      this.#watches.deadline(operation, copy, extras, this.#waiting.size > 0);
      this.#enter(copy, operation, extras, order);
    });
  }

  complete(index: number, generation: number, result: number, more: boolean): void {
    if (more === true || this.#slots.isCurrent(index, generation) === false) return;
    this.#collected.add(index, result);
    if (result > 0) this.pace.countBytes(result);
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
    if (this.pace.scheduled || this.#inTurn) this.#handOver();
  }

  /** The thread is about to end: has everything done that was started. See `finishWork`. */
  end(): void {
    // Not before the end: what is admitted meanwhile would begin it anew.
    this.#ended = false;
    const waits = () => this.#waiting.size + this.#held.size;
    finishWork({
      engine: this.#engine,
      move: () => this.#moveLast(),
      left: () => this.#flight.left(this.#collected, waits(), this.#referenced),
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
    // What waits needs slots, or its turn. Else what has completed is kept for a `run` to come.
    if (this.#collected.count > 0 && (this.#waiting.size > 0 || this.#held.size > 0)) {
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
    this.pace.newTurn();
    this.#turn();
    return this.#delivered - before;
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
    if (!this.#engineOf(slot).cancel(slot, generation)) return false;
    this.pace.schedule();
    return true;
  }

  onComplete(operation: Operation<unknown>, listener: (completion: Completion<never>) => void) {
    const slot = this.#flight.slotOf(operation);
    if (slot !== -1) {
      this.#flight.addListener(slot, listener);
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
    this.pace.schedule();
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
    const waits = (one: Waiting) => usesBytes(one, view);
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
    this.pace.newTurn();
    this.#turn();
  };

  /** Admits an operation; those that move the same file position have their turns. */
  #enter(
    request: Request,
    operation: Operation<unknown>,
    extras: Extras | undefined,
    order = request.drain ? this.#held.wall() : this.#held.next,
  ): void {
    // What waits is asked again when it is the first.
    const asks = request.offset === FILE_POSITION && this.#waiting.size === 0;
    const fd = asks ? (this.turns?.descriptorOf(request) ?? -1) : -1;
    const known = fd === -1 ? extras : this.turns?.take(fd, { request, operation, extras, order });
    if (fd === -1 || known !== undefined) this.#admit(request, operation, known, order);
    else if (this.#ended) this.end();
  }

  #admit(
    request: Request,
    operation: Operation<unknown>,
    extras: Extras | undefined,
    order: number,
  ): void {
    if (this.#possible[request.kind] === false) {
      extras?.turn?.end(ECANCELED);
      refuse(this.#engine.name, request, operation, extras);
      return;
    }
    const tied = request.drain === true && this.#held.hasBefore(order);
    // Nobody overtakes those who wait; the rest of a chain follows its first.
    if (this.#waiting.size > 0 || tied || !this.#offerInTurn(request, operation, extras)) {
      // The kernel's clock would start only once there is room.
      if (request.deadlineMs > 0) this.#watches.keepTime(operation, request, extras as Extras);
      const waiting = { request, operation, extras, order };
      // But for a member of a chain that was asked for before a drain, which waits for it.
      if (this.#waiting.hasDrainAfter(order)) this.#waiting.putFirst(waiting);
      else this.#waiting.push(waiting);
      if (this.#ended) this.end();
    }
    this.#stage();
  }

  #stage(): void {
    this.#staged = true;
    // Compared, not negated: V8 cannot know that a field is never anything but a boolean.
    if (this.pace.scheduled === false && this.#inTurn === false) this.pace.schedule();
  }

  /** Queues what needs no operation of its own. False where it has to wait. */
  #offerAtOnce(request: Request, tenant: Tenant, place: number): boolean {
    if (this.#waiting.size > 0) return false;
    const turn = request.offset === FILE_POSITION ? this.turns?.begin(request) : undefined;
    if (turn === null) return false;
    if (turn === undefined) return this.#offer(request, tenant, undefined, place);
    turn.locate(request);
    const taken = this.#offer(request, tenant, undefined, place, turn);
    turn.restore(request);
    if (!taken) turn.end(0);
    return taken;
  }

  /** Queues what an operation asks for, at the file position as it is now if it has a turn. */
  #offerInTurn(request: Request, operation: Operation<unknown>, extras?: Extras): boolean {
    const turn = extras?.turn;
    turn?.locate(request);
    const taken = this.#offer(request, operation, extras, ALONE, turn);
    turn?.restore(request);
    return taken;
  }

  /** Gives an operation a slot and its request to an engine. False where there is no room. */
  #offer(
    request: Request,
    tenant: Tenant,
    extras: Extras | undefined,
    place: number,
    turn?: Turn,
  ): boolean {
    const slots = this.#slots;
    if (request.chain > 1 && slots.limit - slots.used < request.chain) return false;
    const facts = this.#facts;
    // Of a chain that the engine orders, `canLink` has looked.
    const verdict = facts === undefined || request.chain !== 1 ? BY_ENGINE : facts.look(request);
    if (verdict === BY_THREAD && this.#fallback === undefined) this.#addFallback();
    const fallback = this.#fallback;
    // Without a fallback the engine refuses by itself what it cannot do.
    const main =
      fallback === undefined ||
      (verdict !== BY_THREAD && staysWith(this.#engine, request, this.#replaced, fallback));
    const engine = main ? this.#engine : fallback;
    if (request.drain === true || this.#drainSlot !== -1) {
      if (this.#mustWaitForDrain(request, engine, turn)) return false;
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
    if (turn !== undefined) this.#flight.setTurn(index, turn);
    if (fallback !== undefined) this.#flight.setFallback(index, !main);
    if (this.#inTurn === false && this.#early.isDue(request)) this.#handOver();
    else if (this.#ended === true) this.#handOver();
    return true;
  }

  /** The engine has failed for good: where another can do what comes, it does. */
  replaceEngine(): void {
    this.#replaced = true;
    if (this.#fallback === undefined) this.#addFallback();
  }

  #addFallback(): void {
    this.#fallback = this.#makeThreads?.();
    this.#flight.addFallback();
  }

  /** Drains that the engine does not order itself: alone before, and alone until it is done. */
  #mustWaitForDrain(request: Request, engine: Engine, turn: Turn | undefined): boolean {
    // The file position is known when nothing before is in flight any more.
    const native = engine.capabilities.drain && this.#fallback === undefined;
    if (native && turn === undefined && this.#drainSlot === -1) return false;
    if (this.#slots.used > 0) return true;
    if (request.drain) this.#drainSlot = 0;
    request.drain = false;
    return false;
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
      const { room } = this.pace;
      let reaped = this.#engine.reap(this, room);
      if (this.#fallback !== undefined && reaped < room) {
        reaped += this.#fallback.reap(this, room - reaped);
      }
      // What completed inline was not reaped, and takes its part of the turn all the same.
      this.pace.count(Math.max(reaped, this.#collected.count));
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
      this.pace.retry();
      return;
    }
    // Those who wait can have room only if somebody made some.
    if (this.#staged || this.#refused || (moved && this.#waiting.size > 0)) {
      this.pace.schedule();
      return;
    }
    const busy = this.#slots.used > 0;
    this.setReferenced(this.#referenced);
    if (busy) {
      const ready = this.#engine.idle();
      if (this.#fallback?.idle() || ready) this.pace.schedule();
      return;
    }
    if (this.#quietListeners.length > 0 && this.isQuiet) {
      for (const listener of this.#quietListeners.splice(0)) listener();
    }
  }

  #admitWaiting(): void {
    for (;;) {
      const waiting = this.#waiting.peek();
      if (waiting === undefined) return;
      const { request, operation, extras, order } = waiting;
      if (request.drain && this.#held.hasBefore(order)) return;
      const fd = extras?.turn === undefined ? (this.turns?.descriptorOf(request) ?? -1) : -1;
      const known = fd === -1 ? extras : this.turns?.take(fd, waiting);
      const waits = fd !== -1 && known === undefined;
      if (!waits && !this.#offerInTurn(request, operation, known)) {
        this.#waiting.remember(known);
        return;
      }
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
      extras?.turn?.end(ECANCELED);
      settle(each, request.kind, ECANCELED, extras);
    }
    return removed.length > 0;
  }

  #engineOf(slot: number): Engine {
    return (this.#flight.isOnFallback(slot) ? this.#fallback : undefined) ?? this.#engine;
  }
}
