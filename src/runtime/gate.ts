import type { BufferView } from "../core/index.ts";
import { errorFrom, failing, located } from "./failing.ts";

type Settle = (value: unknown) => void;

/**
 * Makes what a promise is settled with out of how its operation ended; one object serves any number
 * of operations, so that none needs a closure.
 */
export interface Finisher {
  /**
   * @param result The kernel's number, or the error of an operation that failed.
   * @param memory The buffer that the operation was started with.
   * @returns The value; an `Error` rejects the promise.
   */
  finish(result: number | Error, memory: BufferView | undefined): unknown;
}

// The executor must not be a closure per promise, so it leaves its function here.
let resolveNew: Settle;
function keepResolve(resolve: (value: never) => void): void {
  resolveNew = resolve as Settle;
}

/** In place of a value that is undefined, which stands for what is still in flight. */
const NOTHING = Symbol("nothing");

/** A promise of its own for an operation that was not done when its gate opened. */
class Late {
  readonly resolve: Settle = resolveNew;
}

/** A finisher that throws rejects its own promise, and nothing else. */
function finished(finisher: Finisher, result: number | Error, memory: BufferView | undefined) {
  try {
    return finisher.finish(result, memory);
  } catch (error) {
    return errorFrom(error);
  }
}

/**
 * One promise for a whole batch, from which each operation of the batch derives its own.
 *
 * A derived promise needs no resolving functions: 96 bytes instead of 216, and none of them has to
 * be called. The gate opens once, after the batch was handed over and reaped; the reactions then
 * run in the order in which they were attached, and each takes the next result. What is still in
 * flight by then gets a promise of its own, which the derived one adopts.
 */
export class Gate {
  readonly #promise: Promise<unknown>;
  readonly #open: Settle;
  /** By place: a result, an error, what will settle it later, or undefined while in flight. */
  readonly #results: unknown[] = [];
  readonly #finishers: (Finisher | undefined)[] = [];
  #attached = 0;
  #taken = 0;
  readonly #take = (): unknown => {
    const place = this.#taken++;
    const result = this.#results[place];
    if (typeof result === "number") return result;
    if (result === undefined) return this.#makeLate(place);
    if (result instanceof Error) throw located(result, this.#take);
    return result === NOTHING ? undefined : result;
  };

  constructor() {
    this.#promise = new Promise(keepResolve);
    this.#open = resolveNew;
  }

  /** The place that the next `attach` will have. */
  get next(): number {
    return this.#attached;
  }

  /** The promise of one more operation; without a finisher it is settled with the number. */
  attach(finisher: Finisher | undefined): Promise<unknown> {
    if (finisher !== undefined) this.#finishers[this.#attached] = finisher;
    this.#attached++;
    return this.#promise.then(this.#take);
  }

  /** Notes how the operation at `place` ended. */
  settle(place: number, result: number | Error, memory: BufferView | undefined): void {
    const finisher = this.#finishers[place];
    const value = finisher === undefined ? result : finished(finisher, result, memory);
    const late = this.#results[place] as Late | undefined;
    if (late === undefined) this.#results[place] = value === undefined ? NOTHING : value;
    else late.resolve(value instanceof Error ? failing(value) : value);
  }

  /** Lets everybody take. To be called once. */
  open(): void {
    this.#open(undefined);
  }

  #makeLate(place: number): Promise<unknown> {
    const promise = new Promise(keepResolve);
    this.#results[place] = new Late();
    return promise;
  }
}
