import { invalidArgValue } from "../base/argument-errors.ts";
import { descriptorOf } from "../base/descriptor.ts";
import { errnoOf, systemError } from "../base/errors.ts";
import { INSPECT, type InspectArguments, shownAs } from "../base/inspect.ts";
import { failing, following, fromProgram, located } from "./failing.ts";

/** How far an operation has come; what aio_error(3) would tell. */
export type OperationStatus = "queued" | "in flight" | "completed" | "canceled" | "failed";

/** What became of an attempt to cancel, once the kernel has let go of everything. */
export interface CancelOutcome<T> {
  /**
   * `"canceled"`: it did not happen, or stopped half-way. `"completed"`: the kernel had been asked,
   * and it happened anyway. `"too late"`: it had completed before, or could not be stopped.
   */
  readonly outcome: "canceled" | "completed" | "too late";
  /** The result, where it happened. */
  readonly result?: T;
  /** The error, where it failed for a reason of its own. */
  readonly error?: Error;
}

/** One finished operation, as listeners and completion queues receive it. */
export interface Completion<T = unknown> {
  /** The operation that finished. */
  readonly operation: Operation<T>;
  /** Its result, or undefined where it failed. */
  readonly result: T | undefined;
  /** Its error, or undefined where it succeeded. */
  readonly error: Error | undefined;
  /** What the caller passed as `userData`. */
  readonly userData: unknown;
}

/** What an operation needs of the runtime that started it. */
export interface OperationOwner {
  /** Whether it still waits for a slot. */
  isQueued(operation: Operation<unknown>): boolean;
  /** Asks for its cancellation; true if something could be asked. */
  requestCancel(operation: Operation<unknown>): boolean;
  /** Calls back when it completes, before its promise is seen to settle. */
  onComplete(
    operation: Operation<unknown>,
    listener: (completion: Completion<never>) => void,
  ): void;
}

const State = { running: 0, completed: 1, canceled: 2, failed: 3 } as const;
/** Added to a state whose result was collected. */
const COLLECTED = 4;
/** The value of a running operation that somebody looks after already. */
const HANDLED = Symbol("handled");

/** What callers passed as `userData`, for those who ask when it is over. For the runtime alone. */
export const userDataOf = new WeakMap<object, unknown>();

type Settle = (value: unknown) => void;

// The executor must not be a closure per operation, so it leaves its function here.
// It is kept in an object that is made anew for every batch, because storing a young object in an
// old one costs 50 instructions for the garbage collector's books, once per operation.
let settler: { resolve: Settle } = { resolve: ignore };
function keepResolve(resolve: (value: never) => void): void {
  settler.resolve = resolve as Settle;
}

/** Begins a batch of operations; see above. Costs nothing to forget, but time. */
export function beginBatch(): void {
  settler = { resolve: ignore };
}

function ignore(): void {}

/** How many microtasks after its failure an operation has rejected, and no fewer. */
const REJECTED_AFTER = 5;

/**
 * Looks after the rejection of an operation, once it is there: an error that rejects two names
 * nobody who awaits it.
 */
async function lookAfter(operation: Operation<unknown>): Promise<void> {
  for (let i = 0; i < REJECTED_AFTER; i++) await undefined;
  Promise.prototype.then.call(operation, undefined, ignore);
}

/** Failures that have not rejected yet: what succeeds meanwhile is seen to after them. */
let rejecting = 0;

async function endRejecting(): Promise<void> {
  for (let i = 0; i < REJECTED_AFTER; i++) await undefined;
  rejecting--;
}

/** Settles an operation that succeeded. For the runtime alone. */
export let succeed: (operation: Operation<unknown>, value: unknown) => void;
/** Settles an operation that failed. For the runtime alone. */
export let fail: (operation: Operation<unknown>, error: Error, canceled: boolean) => void;
/** Notes that somebody other than a promise reaction looks after failures. */
export let markHandled: (operation: Operation<unknown>) => void;

/**
 * The buzzer: what a submitted operation is known by until it is done, and after.
 *
 * It is a promise, so `await` it. Or ask it (`status`, `result`), listen to it (`on`), cancel it.
 * Asking or listening counts as handling: a failure then is no unhandled rejection.
 *
 * `constructor` on the prototype is `Promise`, which keeps `await` from wrapping it in another one.
 */
export class Operation<T> extends Promise<T> {
  readonly #owner: OperationOwner;
  readonly #resolve: Settle;
  #state: number = State.running;
  #value: unknown = undefined;

  /** Operations are made by a {@link Proactor}. */
  constructor(owner: OperationOwner) {
    super(keepResolve);
    this.#owner = owner;
    this.#resolve = settler.resolve;
  }

  /** How far it has come. `"queued"` means that it waits for room in the engine. */
  get status(): OperationStatus {
    this.#handled();
    return this.#status();
  }

  #status(): OperationStatus {
    switch (this.#state & ~COLLECTED) {
      case State.running:
        return this.#owner.isQueued(this) ? "queued" : "in flight";
      case State.canceled:
        return "canceled";
      case State.failed:
        return "failed";
      default:
        return "completed";
    }
  }

  /**
   * Returns the result, once, as aio_return(3) does.
   *
   * @throws The operation's own error where it failed; `EINPROGRESS` while it runs; `EINVAL` when
   *   the result was collected before.
   */
  result(): T {
    this.#handled();
    if (this.#state === State.running) throw systemError(-errnoOf("EINPROGRESS"), "result");
    if (this.#state >= COLLECTED) throw systemError(-errnoOf("EINVAL"), "result");
    const failed = this.#state !== State.completed;
    this.#state += COLLECTED;
    if (failed) throw fromProgram(located(this.#value as Error, this.result));
    return this.#value as T;
  }

  /**
   * Asks the kernel to give up on it. Resolves when the kernel has let go of buffer and descriptor
   * and tells what became of it; never rejects. The operation itself rejects with `ECANCELED` if
   * it was canceled, and resolves with its result if it happened anyway.
   */
  cancel(): Promise<CancelOutcome<T>> {
    this.#handled();
    if (this.#state !== State.running) return Promise.resolve(this.#outcome("too late"));
    const asked = this.#owner.requestCancel(this);
    return new Promise((resolve) => {
      this.#owner.onComplete(this, () => resolve(this.#outcome(asked ? "completed" : "too late")));
    });
  }

  /**
   * Calls `listener` with the completion, once. A listener added after the fact is called soon.
   *
   * @param event `"complete"` is the only one.
   */
  on(event: "complete", listener: (completion: Completion<T>) => void): this {
    if (event !== "complete") throw invalidArgValue("event", event, 'must be "complete"');
    this.#handled();
    if (this.#state === State.running) {
      this.#owner.onComplete(this, listener as (completion: Completion<never>) => void);
      return this;
    }
    const failed = this.#value instanceof Error;
    const completion = {
      operation: this as Operation<T>,
      result: failed ? undefined : (this.#value as T),
      error: failed ? (this.#value as Error) : undefined,
      userData: userDataOf.get(this),
    };
    queueMicrotask(() => listener(completion));
    return this;
  }

  /** The same as `on`: an operation completes once. */
  once(event: "complete", listener: (completion: Completion<T>) => void): this {
    return this.on(event, listener);
  }

  /** Shows how far it has come, and with what it ended. Looking at it handles no failure. */
  [INSPECT](...how: InspectArguments): string {
    const status = this.#status();
    const value = this.#value;
    if (this.#state === State.running) return shownAs("Operation", { status }, how);
    const end = value instanceof Error ? { error: value.message } : { result: value };
    return shownAs("Operation", { status, ...end }, how);
  }

  #handled(): void {
    // While it runs there is nothing to look after, however often a program asks.
    if (this.#state === State.running) this.#value = HANDLED;
    else if ((this.#state & ~COLLECTED) !== State.completed) void lookAfter(this);
  }

  #outcome(otherwise: "completed" | "too late"): CancelOutcome<T> {
    if ((this.#state & ~COLLECTED) === State.canceled) return { outcome: "canceled" };
    const value = this.#value;
    if (value instanceof Error) return { outcome: otherwise, error: value };
    return { outcome: otherwise, result: value as T };
  }

  static {
    Object.defineProperty(Operation.prototype, "constructor", descriptorOf({ value: Promise }));
    succeed = (operation, value) => {
      operation.#state = State.completed;
      operation.#value = value;
      operation.#resolve(rejecting === 0 ? value : following(value));
    };
    fail = (operation, error, canceled) => {
      if (operation.#value === HANDLED) void lookAfter(operation);
      operation.#state = canceled ? State.canceled : State.failed;
      operation.#value = error;
      // It is settled now, and rejects when the error knows who awaits it.
      rejecting++;
      operation.#resolve(failing(error));
      void endRejecting();
    };
    markHandled = (operation) => operation.#handled();
  }
}
