/**
 * Completions that were collected and are to be delivered: slots and results. They can be more than
 * a turn asks for: an engine may finish inline.
 */
export class Collected {
  /** How many there are. */
  count = 0;
  #slots: number[] = [];
  #results: number[] = [];
  /** The same, while they are delivered: what is started meanwhile may finish at once. */
  #deliveredSlots: number[] = [];
  #deliveredResults: number[] = [];

  /** The slots; the first `count` of them count. */
  get slots(): readonly number[] {
    return this.#slots;
  }

  /** Adds one. */
  add(slot: number, result: number): void {
    this.#slots[this.count] = slot;
    this.#results[this.count] = result;
    this.count++;
  }

  /** Takes all out; they stay as they are until the next call. */
  take(): { readonly count: number; readonly slots: number[]; readonly results: number[] } {
    const { count } = this;
    const slots = this.#slots;
    const results = this.#results;
    this.#slots = this.#deliveredSlots;
    this.#results = this.#deliveredResults;
    this.#deliveredSlots = slots;
    this.#deliveredResults = results;
    this.count = 0;
    return { count, slots, results };
  }
}
