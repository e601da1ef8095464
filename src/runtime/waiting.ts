import { Link, Request } from "../core/index.ts";
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

/** The operations that wait for room, in the order in which they were asked for. */
export class WaitingList {
  #items: Waiting[] = [];
  #first = 0;

  /** How many wait. */
  get size(): number {
    return this.#items.length - this.#first;
  }

  /** Appends one; the request is copied, because the caller will use it again. */
  push(waiting: Waiting): void {
    this.#items.push(copyOf(waiting));
  }

  /** Puts one in front of all: it was asked for before a drain that waits here. */
  putFirst(waiting: Waiting): void {
    this.#items.splice(this.#first, 0, copyOf(waiting));
  }

  /** Whether a drain waits that was asked for after this place in the order. */
  hasDrainAfter(order: number): boolean {
    return this.some((waiting) => waiting.request.drain && waiting.order > order);
  }

  /** The one that has waited longest. */
  peek(): Waiting | undefined {
    return this.#items[this.#first];
  }

  /** Removes the one that `peek` showed. */
  shift(): void {
    this.#first++;
    // The list is cut when half of it is dead, so that each removal costs little on average.
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Takes one out of the middle, with the whole chain it belongs to. Empty if it does not wait. */
  removeChain(operation: Operation<unknown>): Waiting[] {
    const at = this.#items.findIndex((w, i) => i >= this.#first && w.operation === operation);
    if (at === -1) return [];
    let start = at;
    while (start > this.#first && this.#items[start]?.request.chain === 0) start--;
    let end = start;
    while (end + 1 < this.#items.length && this.#items[end]?.request.link !== Link.None) end++;
    return this.#items.splice(start, end - start + 1);
  }

  /** Whether any that waits answers a question with yes. */
  some(question: (waiting: Waiting) => boolean): boolean {
    return this.#items.some((waiting, i) => i >= this.#first && question(waiting));
  }

  /** Whether an operation waits here. */
  has(operation: Operation<unknown>): boolean {
    return this.#items.some((w, i) => i >= this.#first && w.operation === operation);
  }
}

function copyOf(waiting: Waiting): Waiting {
  return { ...waiting, request: Object.assign(new Request(), waiting.request) };
}
