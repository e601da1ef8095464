import type { Operation } from "./operation.ts";
import type { Waiting } from "./waiting.ts";

/** An operation that has not started yet. */
export interface Held {
  readonly operation: Operation<unknown>;
  /** Starts it. */
  release(): void;
  /** Cancels it before it has started. */
  drop(): void;
}

/** What is known of one of them. */
interface Item extends Waiting {
  drop(): void;
}

/**
 * The operations that wait for their turn in a chain which we run ourselves, in the order in which
 * they were asked for. A drain that was asked for after one of them must not start before it.
 */
export class HeldList {
  readonly #items = new Map<Operation<unknown>, Item>();
  #next = 1;

  /** How many are held. */
  get size(): number {
    return this.#items.size;
  }

  /** The place in the order of whatever is asked for now. */
  get next(): number {
    return this.#next;
  }

  /** Takes one in. Returns its place in the order. */
  add(item: Omit<Item, "order">): number {
    const order = this.#next++;
    this.#items.set(item.operation, { ...item, order });
    return order;
  }

  /** Takes one out. False where it is not held any more. */
  take(operation: Operation<unknown>): boolean {
    return this.#items.delete(operation);
  }

  /** Cancels one. False where it is not held. */
  drop(operation: Operation<unknown>): boolean {
    const item = this.#items.get(operation);
    item?.drop();
    return item !== undefined;
  }

  /** Cancels all. */
  dropAll(): void {
    for (const item of [...this.#items.values()]) item.drop();
  }

  /** Whether one is held. */
  has(operation: Operation<unknown>): boolean {
    return this.#items.has(operation);
  }

  /** Whether any was asked for before this place in the order. The first is the oldest. */
  hasBefore(order: number): boolean {
    for (const item of this.#items.values()) return item.order < order;
    return false;
  }

  /** Whether any answers a question with yes. */
  some(question: (waiting: Waiting) => boolean): boolean {
    return [...this.#items.values()].some(question);
  }
}
