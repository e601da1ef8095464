import {
  BYTES_PER_TURN,
  COMPLETIONS_PER_TURN,
  DEFAULT_ENTRIES,
  DEFAULT_IO_WORKERS,
  RETRY_MS,
} from "../../base/index.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineFactory,
  QueueStatus,
  Request,
  SlotTable,
} from "../../core/index.ts";
import { ECANCELED } from "./errors.ts";
import type { Use } from "./use.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const BUSY = QueueStatus.Busy;
const MOST_COMPLETIONS = COMPLETIONS_PER_TURN;
const MOST_BYTES = BYTES_PER_TURN;

/** Whoever is told by an {@link EngineLoop}. */
export interface EngineLoopOwner {
  /** The engine is done with an operation: a count, or a negative errno. */
  ended(use: Use, result: number): void;
  /** A turn of the loop: user code may run. */
  turned(): void;
}

/**
 * An engine and its turns, for operations that are no promises: everything submitted in a tick is
 * one batch, what completed inline is reaped at once, and no turn of the event loop is ours alone.
 */
export class EngineLoop implements CompletionSink {
  readonly engine: Engine;
  readonly #owner: EngineLoopOwner;
  readonly #slots: SlotTable;
  readonly #uses: (Use | undefined)[] = [];
  readonly #request = new Request();
  /** What found no room. */
  #stalled: Use[] = [];
  #doneSlots: number[] = [];
  #doneResults: number[] = [];
  #staged = false;
  #refused = false;
  #scheduled = false;
  /** The engine was told that we wait, and wakes us. */
  #idle = false;
  #turnCompletions = 0;
  #turnBytes = 0;
  readonly #tick = () => {
    this.#scheduled = false;
    this.#turn();
  };
  readonly #nextTurn = () => {
    this.#newTurn();
    this.#tick();
  };

  /** @param depth Operations in flight at once. */
  constructor(factory: EngineFactory, depth: number, owner: EngineLoopOwner) {
    this.#owner = owner;
    const completionEntries = 2 ** Math.ceil(Math.log2(Math.max(depth, DEFAULT_ENTRIES * 2)));
    this.engine = factory.create({
      entries: DEFAULT_ENTRIES,
      completionEntries,
      depth,
      sqPoll: false,
      sqPollIdleMs: 0,
      ioWorkers: DEFAULT_IO_WORKERS,
      wake: () => {
        this.#newTurn();
        this.#turn();
      },
    });
    this.#slots = new SlotTable(this.engine.depth);
  }

  /** Whether nothing is with the engine. */
  get isQuiet(): boolean {
    return this.#slots.used === 0 && this.#stalled.length === 0;
  }

  /** Stages an operation; what it needs lent is lent until it has ended. */
  start(use: Use): void {
    if (this.#idle) {
      this.#idle = false;
      this.engine.awake();
    }
    if (!this.#queue(use)) {
      this.engine.commit();
      if (!this.#queue(use)) this.#stalled.push(use);
    }
    this.#staged = true;
    if (this.#scheduled === false) this.wantTurn();
  }

  /** Hands over and reaps, without waiting. No user code runs. Returns whether anything came back. */
  look(): boolean {
    let moved = false;
    do {
      this.#retry();
      this.#staged = false;
      this.#refused = this.engine.commit() < 0;
      const reaped = this.engine.reap(this, MOST_COMPLETIONS);
      this.#turnCompletions += reaped;
      moved ||= reaped > 0 || this.#doneSlots.length > 0;
      this.#tell();
      // What ended may have let others start.
    } while (this.#staged && !this.#refused);
    return moved;
  }

  /** Blocks until something comes back or the time is up; returns whether anything did. */
  wait(ms: number): boolean {
    // What was not taken does not complete, however long we wait.
    this.engine.wait?.(1, this.#refused || this.#stalled.length > 0 ? Math.min(ms, RETRY_MS) : ms);
    return this.look();
  }

  /** Whether `wait` blocks. */
  get canWait(): boolean {
    return this.engine.wait !== undefined && this.engine.capabilities.wait;
  }

  /** Asks the engine to give up on an operation. Returns whether anything could be asked. */
  cancel(use: Use): boolean {
    const at = this.#stalled.indexOf(use);
    if (at === -1) return this.engine.cancel(use.slot, this.#slots.generation(use.slot));
    this.#stalled.splice(at, 1);
    this.#owner.ended(use, -ECANCELED);
    return true;
  }

  /** Has `turned` called in a turn of the loop. */
  wantTurn(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#turnCompletions < MOST_COMPLETIONS && this.#turnBytes < MOST_BYTES) {
      process.nextTick(this.#tick);
    } else {
      setImmediate(this.#nextTurn);
    }
  }

  /** Gives everything back. Nothing may be with the engine. */
  close(): void {
    this.#scheduled = true;
    this.engine.close();
  }

  complete(index: number, generation: number, result: number, more: boolean): void {
    if (more === true || this.#slots.isCurrent(index, generation) === false) return;
    this.#doneSlots.push(index);
    this.#doneResults.push(result);
    if (result > 0) this.#turnBytes += result;
  }

  #newTurn(): void {
    this.#turnCompletions = 0;
    this.#turnBytes = 0;
  }

  #turn(): void {
    this.#idle = false;
    this.engine.awake();
    this.look();
    this.#owner.turned();
    if (this.#scheduled) return;
    if (this.#refused || this.#stalled.length > 0) {
      this.#scheduled = true;
      setTimeout(this.#nextTurn, RETRY_MS);
      return;
    }
    const busy = this.#slots.used > 0;
    this.engine.setReferenced(busy);
    if (!busy) return;
    if (this.engine.idle()) this.wantTurn();
    else this.#idle = true;
  }

  #retry(): void {
    if (this.#stalled.length === 0) return;
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const use of stalled) if (!this.#queue(use)) this.#stalled.push(use);
  }

  /** Everything is reaped by now: what is told may start others. */
  #tell(): void {
    if (this.#doneSlots.length === 0) return;
    const slots = this.#doneSlots;
    const results = this.#doneResults;
    this.#doneSlots = [];
    this.#doneResults = [];
    for (let i = 0; i < slots.length; i++) {
      const index = slots[i] as number;
      const use = this.#uses[index] as Use;
      this.#uses[index] = undefined;
      this.#slots.release(index);
      use.slot = -1;
      this.#owner.ended(use, results[i] as number);
    }
  }

  /** Gives an operation a slot and its request to the engine. False where there is no room. */
  #queue(use: Use): boolean {
    const index = this.#slots.take();
    if (index === -1) return false;
    const request = this.#request;
    request.kind = use.kind;
    request.fd = use.fd;
    request.offset = use.offset;
    request.length = use.length;
    request.buffer = use.copy ?? use.buffer;
    request.addressLow = use.low;
    request.addressHigh = use.high;
    const generation = this.#slots.generation(index);
    const status = this.engine.queue(request, index, generation, this);
    // From here on the operation itself keeps its memory, and nobody else does.
    request.buffer = undefined;
    if (status === BUSY) {
      this.#slots.release(index);
      return false;
    }
    use.slot = index;
    this.#uses[index] = use;
    return true;
  }
}
