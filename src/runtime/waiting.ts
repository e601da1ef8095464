import { Link, Request } from "../core/index.ts";
import type { Extras } from "./extras.ts";
import type { Operation } from "./operation.ts";

/** An operation that found no room: its request as data, to be offered again. */
export interface Waiting {
  readonly request: Request;
  readonly operation: Operation<unknown>;
  readonly extras: Extras | undefined;
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
  push(request: Request, operation: Operation<unknown>, extras: Extras | undefined): void {
    this.#items.push({ request: Object.assign(new Request(), request), operation, extras });
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
