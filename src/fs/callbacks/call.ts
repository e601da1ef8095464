import { errorWithoutStack } from "../../base/errors.ts";
import type { BufferView } from "../../core/index.ts";
import { type Deliveries, Delivery } from "../../runtime/deliveries.ts";
import { errorFrom } from "../../runtime/failing.ts";
import type { Receiver } from "../../runtime/receiver.ts";

/** A callback of a program, with whatever arguments Node gives it. */
export type Callback = (...args: unknown[]) => void;

/** Takes the stack of a promise's error away, if it is the system's. */
function withoutStack(error: unknown): unknown {
  const { errno, name, message } = error as NodeJS.ErrnoException;
  if (typeof errno === "number") (error as Error).stack = `${name}: ${message}`;
  return error;
}

/** What a call knows besides its callback: for its error. */
export interface CallFacts {
  readonly syscall: string;
  readonly path?: string | Uint8Array | undefined;
  readonly dest?: string | Uint8Array | undefined;
}

/** How many callbacks are to come. */
let awaited = 0;

/** How many calls have not called back yet. */
export function callsInFlight(): number {
  return awaited;
}

/** A call of a function of node:fs, from its beginning to its callback. */
abstract class AnyCall extends Delivery {
  constructor() {
    super("FSREQCALLBACK");
    awaited++;
  }

  override tell(): void {
    awaited--;
    this.callBack();
  }

  protected abstract callBack(): void;
}

/** A call that one request does the work of. */
abstract class Call extends AnyCall implements Receiver {
  readonly #deliveries: Deliveries;
  readonly #callback: Callback;
  readonly #facts: CallFacts;
  #result = 0;
  #thrown: Error | undefined;

  constructor(deliveries: Deliveries, callback: Callback, facts: CallFacts) {
    super();
    this.#deliveries = deliveries;
    this.#callback = callback;
    this.#facts = facts;
  }

  settled(result: number): void {
    this.#result = result;
    this.#deliveries.add(this);
  }

  failed(error: unknown): void {
    this.#thrown = errorFrom(error);
    this.#deliveries.add(this);
  }

  protected override callBack(): void {
    const result = this.#result;
    // Taken out of the object, so that the program's `this` is undefined, as Node's is.
    const callback = this.#callback;
    if (this.#thrown !== undefined) {
      this.fail(callback, this.#thrown);
      return;
    }
    if (result >= 0) {
      this.succeed(callback, result);
      return;
    }
    const { syscall, path, dest } = this.#facts;
    this.fail(callback, errorWithoutStack(result, syscall, path, dest));
  }

  protected abstract succeed(callback: Callback, result: number): void;

  protected fail(callback: Callback, error: Error): void {
    callback(error);
  }
}

/** A call that yields nothing: `(err)`. */
export class PlainCall extends Call {
  protected override succeed(callback: Callback): void {
    callback(null);
  }
}

/** A call that yields what the kernel says, or what is made of it: `(err, value)`. */
export class ValueCall extends Call {
  readonly #convert: (result: number) => unknown;

  constructor(
    deliveries: Deliveries,
    callback: Callback,
    facts: CallFacts,
    convert: (result: number) => unknown,
  ) {
    super(deliveries, callback, facts);
    this.#convert = convert;
  }

  protected override succeed(callback: Callback, result: number): void {
    callback(null, this.#convert(result));
  }
}

/** A transfer: `(err, bytes, memory)`, also when it fails. */
export class TransferCall extends Call {
  readonly #memory: BufferView | readonly BufferView[] | string;

  constructor(
    deliveries: Deliveries,
    callback: Callback,
    facts: CallFacts,
    memory: BufferView | readonly BufferView[] | string,
  ) {
    super(deliveries, callback, facts);
    this.#memory = memory;
  }

  protected override succeed(callback: Callback, result: number): void {
    callback(null, result, this.#memory);
  }

  protected override fail(callback: Callback, error: Error): void {
    callback(error, 0, this.#memory);
  }
}

/** What a struct statx lies in while the kernel fills it. */
export interface StatMemory {
  /** Makes the object out of it. */
  read(): object;
  /** It is needed no more. */
  release(): void;
}

/** stat and its like: `(err, stats)`. */
export class StatCall extends Call {
  readonly #memory: StatMemory;
  #stats: object | undefined;

  constructor(deliveries: Deliveries, callback: Callback, facts: CallFacts, memory: StatMemory) {
    super(deliveries, callback, facts);
    this.#memory = memory;
  }

  override settled(result: number): void {
    try {
      if (result >= 0) this.#stats = this.#memory.read();
    } finally {
      this.#memory.release();
    }
    super.settled(result);
  }

  protected override succeed(callback: Callback): void {
    callback(null, this.#stats);
  }
}

/** A call that a promise does the work of. */
export class PromisedCall extends AnyCall {
  readonly #callback: Callback;
  #arguments: unknown[] = [];

  constructor(deliveries: Deliveries, callback: Callback, promise: Promise<unknown>) {
    super();
    this.#callback = callback;
    promise.then(
      (value) => {
        this.#arguments = value === undefined ? [null] : [null, value];
        deliveries.add(this);
      },
      (error) => {
        this.#arguments = [withoutStack(error)];
        deliveries.add(this);
      },
    );
  }

  protected override callBack(): void {
    const callback = this.#callback;
    callback(...this.#arguments);
  }
}
