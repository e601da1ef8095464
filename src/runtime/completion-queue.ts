import type { Completion } from "./operation.ts";

/**
 * Where completions are taken from when they are: the queue of the model, for programs that do not
 * want a promise per operation. Pass it as the option `queue`.
 *
 * It has no limit of its own: it never holds more than what was submitted with it.
 */
export class CompletionQueue {
  #items: Completion[] = [];
  #wanted: (() => void) | undefined;
  #closed = false;
  /** How many at the start of the list were taken. */
  #taken = 0;
  readonly #poll: () => void;

  /** @param poll Collects what the kernel has finished, without waiting. */
  constructor(poll: () => void) {
    this.#poll = poll;
  }

  /** How many completions can be taken without waiting. */
  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** Adds one. Called by the runtime. */
  push(completion: Completion<never>): void {
    this.#items.push(completion as Completion);
    const wanted = this.#wanted;
    this.#wanted = undefined;
    wanted?.();
  }

  /** Takes everything that is finished now, without waiting; looks at the kernel first. */
  drain(): Completion[] {
    this.#poll();
    const items = this.#taken === 0 ? this.#items : this.#items.slice(this.#taken);
    this.#items = [];
    this.#taken = 0;
    return items;
  }

  #take(): Completion | undefined {
    const item = this.#items[this.#taken];
    if (item === undefined) {
      this.#items = [];
      this.#taken = 0;
    } else {
      this.#taken++;
      // What was taken goes when it is half of the list, so that each costs little on average.
      if (this.#taken > 64 && this.#taken * 2 > this.#items.length) {
        this.#items = this.#items.slice(this.#taken);
        this.#taken = 0;
      }
    }
    return item;
  }

  /** Ends iterations once what is in the queue was taken. */
  close(): void {
    this.#closed = true;
    this.#wanted?.();
  }

  /** Yields completions as they come, until `close`. One iteration at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Completion, void, undefined> {
    for (;;) {
      // One at a time: what an iteration that is left early has not seen stays in the queue.
      for (let item = this.#take(); item !== undefined; item = this.#take()) yield item;
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wanted = resolve;
      });
    }
  }
}
