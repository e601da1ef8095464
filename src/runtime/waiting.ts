import { type BufferView, Link, Request } from "../core/index.ts";
import { sharesBytes } from "../memory/lost.ts";
import type { Extras } from "./extras.ts";
import type { Operation } from "./operation.ts";

/** An operation that found no room: its request as data, to be offered again. */
export interface Waiting {
  readonly request: Request;
  readonly operation: Operation<unknown>;
  readonly extras: Extras | undefined;
  /** When it was asked for, in the order of `HeldList`. */
  readonly order: number;
}

/** Whether an operation that waits will be in flight with a part of this memory. */
export function usesBytes({ request, extras }: Waiting, view: BufferView): boolean {
  const memory = request.buffers ?? request.buffer;
  return sharesBytes(memory, view) || sharesBytes(extras?.source, view);
}

/** One that waits, between its neighbors. */
class Item implements Waiting {
  readonly request = new Request();
  readonly operation: Operation<unknown>;
  extras: Extras | undefined;
  readonly order: number;
  /** As it was asked for: the scheduler takes it from the request when it builds the wall itself. */
  readonly drain: boolean;
  before: Item | undefined = undefined;
  after: Item | undefined = undefined;

  /** The request is copied, because the caller will use it again. */
  constructor({ request, operation, extras, order }: Waiting) {
    Object.assign(this.request, request);
    this.operation = operation;
    this.extras = extras;
    this.order = order;
    this.drain = request.drain;
  }
}

/**
 * The operations that wait for room, in the order in which they were asked for. However many there
 * are, each takes the same few steps: it is linked with its neighbors and found by its operation.
 */
export class WaitingList {
  readonly #items = new Map<Operation<unknown>, Item>();
  #first: Item | undefined;
  #last: Item | undefined;
  /** How many of them are drains. */
  #drains = 0;

  /** How many wait. */
  get size(): number {
    return this.#items.size;
  }

  /** Appends one. */
  push(waiting: Waiting): void {
    const item = this.#add(waiting);
    item.before = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.after = item;
    this.#last = item;
  }

  /** Puts one in front of all: it was asked for before a drain that waits here. */
  putFirst(waiting: Waiting): void {
    const item = this.#add(waiting);
    item.after = this.#first;
    if (this.#first === undefined) this.#last = item;
    else this.#first.before = item;
    this.#first = item;
  }

  /** Whether a drain waits that was asked for after this place in the order. */
  hasDrainAfter(order: number): boolean {
    if (this.#drains === 0) return false;
    // The order rises towards the end, so that those behind `order` come first from there.
    for (let item = this.#last; item !== undefined && item.order > order; item = item.before) {
      if (item.drain) return true;
    }
    return false;
  }

  /** The one that has waited longest. */
  peek(): Waiting | undefined {
    return this.#first;
  }

  /** Notes what is remembered of the one that `peek` showed. */
  remember(extras: Extras | undefined): void {
    if (this.#first !== undefined) this.#first.extras = extras;
  }

  /** Removes the one that `peek` showed. */
  shift(): void {
    if (this.#first !== undefined) this.#remove(this.#first);
  }

  /** Takes one out of the middle, with the whole chain it belongs to. Empty if it does not wait. */
  removeChain(operation: Operation<unknown>): Waiting[] {
    let item = this.#items.get(operation);
    if (item === undefined) return [];
    while (item.request.chain === 0 && item.before !== undefined) item = item.before;
    const removed: Waiting[] = [];
    for (let next: Item | undefined = item; next !== undefined; ) {
      const { after }: Item = next;
      this.#remove(next);
      removed.push(next);
      next = next.request.link === Link.None ? undefined : after;
    }
    return removed;
  }

  /** Whether any that waits answers a question with yes. */
  some(question: (waiting: Waiting) => boolean): boolean {
    for (let item = this.#first; item !== undefined; item = item.after) {
      if (question(item)) return true;
    }
    return false;
  }

  /** Whether an operation waits here. */
  has(operation: Operation<unknown>): boolean {
    return this.#items.has(operation);
  }

  #add(waiting: Waiting): Item {
    const item = new Item(waiting);
    this.#items.set(waiting.operation, item);
    if (item.drain) this.#drains++;
    return item;
  }

  #remove(item: Item): void {
    const { before, after } = item;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    item.before = undefined;
    item.after = undefined;
    this.#items.delete(item.operation);
    if (item.drain) this.#drains--;
  }
}
