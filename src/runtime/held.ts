import { errnoOf } from "../base/errors.ts";
import { Request } from "../core/index.ts";
import type { Extras } from "./extras.ts";
import type { Operation } from "./operation.ts";
import { settle } from "./settlement.ts";
import type { Waiting } from "./waiting.ts";
import type { Watches } from "./watch.ts";

const ECANCELED = -errnoOf("ECANCELED");

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

  /** A place in the order behind everything that was asked for so far. */
  wall(): number {
    return ++this.#next;
  }

  /** Takes one in. Returns its place in the order: the next, unless it had one before. */
  add(item: Omit<Item, "order">, order = this.#next): number {
    if (order === this.#next) this.#next++;
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

  /** Whether any was asked for before this place in the order. Most often the first was. */
  hasBefore(order: number): boolean {
    for (const item of this.#items.values()) if (item.order < order) return true;
    return false;
  }

  /** Whether any answers a question with yes. */
  some(question: (waiting: Waiting) => boolean): boolean {
    return [...this.#items.values()].some(question);
  }
}

/** Holds a copy of a request until it is released, or dropped. */
export function holdIn(
  list: HeldList,
  watches: Watches,
  { request, operation, extras }: Omit<Waiting, "order" | "extras"> & { readonly extras: Extras },
  start: (copy: Request, order: number) => void,
): Held {
  const copy = Object.assign(new Request(), request);
  if (!watches.options(operation, copy, extras)) return { operation, release() {}, drop() {} };
  const drop = () => {
    if (list.take(operation)) settle(operation, copy.kind, ECANCELED, extras);
  };
  const order = list.add({ request: copy, operation, extras, drop });
  const release = () => {
    if (list.take(operation)) start(copy, order);
  };
  return { operation, release, drop };
}
