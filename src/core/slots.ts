/** The value of `next` that ends the list of free slots. */
const NONE = -1;

/** Generations wrap below 2^30: small integers in V8, and room for a mark beside them in a word. */
const GENERATION_MASK = 0x3fff_ffff;

/**
 * The table of what is in flight: an index to find it by, and a generation that guards the index
 * against reuse (HAZARDS C2: a late cancel or completion must not hit the next tenant).
 *
 * A slot is taken before a request is queued and given back after its last completion. The table
 * grows by doubling up to its limit; the free slots are a list threaded through one array, last
 * out first in, which keeps the hot ones in cache.
 */
export class SlotTable {
  readonly #limit: number;
  #next: Int32Array;
  #generations: Int32Array;
  #free = NONE;
  #used = 0;

  /** @param limit The most slots taken at once. */
  constructor(limit: number, initial: number = Math.min(limit, 256)) {
    this.#limit = limit;
    this.#next = new Int32Array(initial);
    this.#generations = new Int32Array(initial);
    this.#threadFreeList(0);
  }

  /** How many slots are taken. */
  get used(): number {
    return this.#used;
  }

  /** How many slots exist now; a slot's index is below it. */
  get size(): number {
    return this.#next.length;
  }

  /** The most slots there can be. */
  get limit(): number {
    return this.#limit;
  }

  /** Takes a slot. Returns its index, or -1 when the limit is reached. */
  take(): number {
    if (this.#free === NONE && !this.#grow()) return -1;
    const index = this.#free;
    this.#free = this.#next[index] as number;
    this.#next[index] = NONE;
    this.#used++;
    return index;
  }

  /** The generation of a slot: what a completion must carry to be its own. */
  generation(index: number): number {
    return this.#generations[index] as number;
  }

  /** Whether a completion for (`index`, `generation`) belongs to the present tenant. */
  isCurrent(index: number, generation: number): boolean {
    return this.#generations[index] === generation;
  }

  /** Gives a slot back; its old generation is void from now on. */
  release(index: number): void {
    this.#generations[index] = ((this.#generations[index] as number) + 1) & GENERATION_MASK;
    this.#next[index] = this.#free;
    this.#free = index;
    this.#used--;
  }

  /** Sets a generation, so that a test can stand just before the wrap-around. */
  setGeneration(index: number, generation: number): void {
    this.#generations[index] = generation & GENERATION_MASK;
  }

  #grow(): boolean {
    const old = this.#next.length;
    if (old >= this.#limit) return false;
    const size = Math.min(this.#limit, old * 2);
    const next = new Int32Array(size);
    const generations = new Int32Array(size);
    next.set(this.#next);
    generations.set(this.#generations);
    this.#next = next;
    this.#generations = generations;
    this.#threadFreeList(old);
    return true;
  }

  #threadFreeList(from: number): void {
    for (let i = this.#next.length - 1; i >= from; i--) {
      this.#next[i] = this.#free;
      this.#free = i;
    }
  }
}
