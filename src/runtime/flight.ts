import { errnoOf, numberFor, ProactorError } from "../base/errors.ts";
import {
  type BufferView,
  type CompletionSink,
  OperationKind,
  type Request,
  SlotTable,
} from "../core/index.ts";
import { keepLost, sharesBytes } from "../memory/lost.ts";
import type { Collected } from "./collected.ts";
import { changes } from "./early.ts";
import type { LeftWork } from "./ending.ts";
import { type Extras, extrasWith } from "./extras.ts";
import type { Turn } from "./file-positions.ts";
import type { Gate } from "./gate.ts";
import { detached } from "./memory.ts";
import { type Completion, type Operation, succeed } from "./operation.ts";
import { type Receiver, tell } from "./receiver.ts";
import { endOf, errorOf, isDetached, settle, YIELDS_NOTHING as YIELDS } from "./settlement.ts";

const EFAULT = -errnoOf("EFAULT");
// Constants out of other modules are looked up at every use; these are part of the code.
const READ = OperationKind.Read;
const YIELDS_NOTHING = YIELDS;

/** In place of a place in a gate: a promise of the operation's own, or a {@link Receiver}. */
export const ALONE = -1;
/** See {@link ALONE}. */
export const TOLD = -2;

/** What a slot is for: whatever is to be settled when its request completes. */
export type Tenant = Operation<unknown> | Gate | Receiver;

/**
 * The table of what is in flight: one row per slot, one array per column. A row is filled when an
 * engine has accepted the request, and is empty again before its tenant is settled.
 */
export class Flight {
  /** Which rows are taken, and by which generation. */
  readonly slots: SlotTable;
  readonly #tenants: (Tenant | undefined)[] = [];
  /** The place in its gate of what was started plainly, TOLD for a receiver, else ALONE. */
  readonly #places: Int32Array;
  /** Whatever memory the kernel may still write to: keeps it reachable. */
  readonly #memory: unknown[] = [];
  readonly #extras: (Extras | undefined)[] = [];
  readonly #kinds: Uint8Array;
  #onFallback: Uint8Array;
  /** What moves a file position, and how many of them there are. */
  readonly #turns: (Turn | undefined)[] = [];
  #turnsTaken = 0;

  /**
   * @param depth The most rows.
   * @param hasFallback Whether there is a second engine that a request can be with.
   */
  constructor(depth: number, hasFallback: boolean) {
    this.slots = new SlotTable(depth);
    this.#kinds = new Uint8Array(depth);
    this.#places = new Int32Array(depth);
    this.#onFallback = new Uint8Array(hasFallback ? depth : 0);
  }

  /** Fills the row of a slot that was taken. */
  enter(
    index: number,
    request: Request,
    tenant: Tenant,
    extras: Extras | undefined,
    place: number,
  ): void {
    this.#tenants[index] = tenant;
    this.#places[index] = place;
    this.#memory[index] = request.buffers === undefined ? request.buffer : request.buffers;
    // A free slot has none.
    if (extras !== undefined) this.#extras[index] = extras;
    this.#kinds[index] = request.kind;
  }

  /** Empties the row of a request that has completed, and settles whatever it was for. */
  finish(index: number, result: number): void {
    const tenant = this.#tenants[index] as Operation<unknown>;
    const extras = this.#extras[index];
    const place = this.#places[index] as number;
    const kind = this.#kinds[index] as OperationKind;
    const memory = this.#memory[index] as BufferView;
    const gone = result > 0 && kind === READ && isDetached(memory);
    // While the slot is taken: the next in turn is queued here.
    if (this.#turnsTaken > 0) this.#endTurn(index, result);
    this.#tenants[index] = undefined;
    this.#memory[index] = undefined;
    this.slots.release(index);
    if (place >= 0) {
      this.#extras[index] = undefined;
      const gate = tenant as unknown as Gate;
      if (gone === true) gate.settle(place, detached(result), memory);
      else gate.settle(place, result >= 0 ? result : errorOf(kind, result, extras), memory);
    } else if (place === TOLD) {
      this.#extras[index] = undefined;
      const end = result >= 0 ? result : endOf(result, extras);
      tell(tenant as unknown as Receiver, gone === true ? EFAULT : end);
    } else if (gone === true) {
      this.#extras[index] = undefined;
      settle(tenant, kind, EFAULT, extrasWith(extras, { explain: () => detached(result) }));
    } else if (extras === undefined && result >= 0) {
      succeed(tenant, YIELDS_NOTHING[kind] === true ? undefined : result);
    } else {
      this.#extras[index] = undefined;
      settle(tenant, kind, result, extras);
    }
  }

  /** Notes that a request moves a file position; its turn ends before anyone hears of it. */
  setTurn(index: number, turn: Turn): void {
    this.#turns[index] = turn;
    this.#turnsTaken++;
  }

  #endTurn(index: number, result: number): void {
    const turn = this.#turns[index];
    if (turn === undefined) return;
    this.#turns[index] = undefined;
    this.#turnsTaken--;
    turn.end(result);
  }

  /** Empties the rows of requests whose tenants hear nothing any more: the thread ends. */
  dropAll(collected: Collected): void {
    const { count, slots, results } = collected.take();
    for (let i = 0; i < count; i++) {
      const index = slots[i] as number;
      this.#endTurn(index, results[i] as number);
      this.#tenants[index] = undefined;
      this.#memory[index] = undefined;
      this.#extras[index] = undefined;
      this.slots.release(index);
    }
  }

  /** What is left to do when the thread ends: see `finishWork`. */
  left(collected: Collected, waiting: number, referenced: boolean): LeftWork {
    const left = { changes: 0, others: waiting };
    const add = (slot: number, count: number) => {
      const sort = changes(this.#kinds[slot] as OperationKind);
      if (sort === "maybe") left.others += count;
      else if (sort) left.changes += count;
    };
    for (let slot = 0; slot < this.slots.size; slot++) {
      if (this.isTaken(slot) && !this.isOnFallback(slot)) add(slot, 1);
    }
    for (let i = 0; i < collected.count; i++) {
      const slot = collected.slots[i] as number;
      if (!this.isOnFallback(slot)) add(slot, -1);
    }
    // What is not to keep the process alive keeps it no longer than for its next step.
    return referenced ? left : { changes: 0, others: left.changes + left.others };
  }

  /** The slot of what is in flight, else -1. Rarely asked, so looked for. */
  slotOf(tenant: Tenant): number {
    return this.#tenants.indexOf(tenant);
  }

  /** Whether something is in flight in a slot. */
  isTaken(slot: number): boolean {
    return this.#tenants[slot] !== undefined;
  }

  /** What is remembered of the operation in a slot, to be added to. */
  extrasOf(slot: number): Extras {
    const extras = this.#extras[slot] ?? extrasWith(undefined);
    this.#extras[slot] = extras;
    return extras;
  }

  /** Has the operation in a slot tell of its completion. */
  addListener(slot: number, listener: (completion: Completion<never>) => void): void {
    const extras = this.extrasOf(slot);
    extras.listeners ??= [];
    extras.listeners.push(listener);
  }

  /** Says what the operation in a slot is to fail with. */
  explain(slot: number, error: Error): void {
    // A copy: what a program was started with may serve several operations.
    const why =
      error instanceof ProactorError ? { reason: numberFor(error) } : { explain: () => error };
    this.#extras[slot] = extrasWith(this.#extras[slot], why);
  }

  /** Completes all that the engine has, and keeps its memory for ever: the kernel may have it. */
  lose(sink: CompletionSink, result: number, error: Error): void {
    for (let slot = 0; slot < this.slots.size; slot++) {
      if (!this.isTaken(slot) || this.isOnFallback(slot)) continue;
      keepLost(this.#memory[slot]);
      this.explain(slot, error);
      sink.complete(slot, this.slots.generation(slot), result, false);
    }
  }

  /** Whether anything in flight has a byte in common with a view. */
  uses(view: BufferView): boolean {
    return (
      this.#memory.some((memory) => sharesBytes(memory, view)) ||
      this.#extras.some((extras) => sharesBytes(extras?.source, view))
    );
  }

  /** From now on there is a second engine. */
  addFallback(): void {
    this.#onFallback = new Uint8Array(this.slots.limit);
  }

  /** Notes which of two engines a request is with. */
  setFallback(slot: number, on: boolean): void {
    this.#onFallback[slot] = on ? 1 : 0;
  }

  /** Whether the request of a slot is with the fallback. */
  isOnFallback(slot: number): boolean {
    return this.#onFallback[slot] === 1;
  }

  /** How many are with the fallback: what the engine's `wait` would never see. */
  get fallbackUsed(): number {
    let used = 0;
    for (let slot = 0; slot < this.#onFallback.length; slot++) {
      if (this.#onFallback[slot] === 1 && this.isTaken(slot)) used++;
    }
    return used;
  }
}
