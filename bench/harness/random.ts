/** Bytes of every read that is measured: one page, and what databases read. */
export const READ_BYTES = 4096;

const TWO_TO_THE_32 = 2 ** 32;

/**
 * The offsets of a run: xorshift32 (Marsaglia, 2003), as in `bench/reference/common.h`, so that C
 * and TypeScript read the same blocks in the same order.
 */
export class RandomBlocks {
  readonly #blocks: number;
  #state: number;

  /**
   * @param blocks How many blocks there are to choose from, up to 2^21.
   * @param seed Any whole number but 0, which the generator never leaves.
   */
  constructor(blocks: number, seed: number) {
    if (!(Number.isInteger(blocks) && blocks > 0 && blocks <= 2 ** 21)) {
      throw new RangeError(`The number of blocks must be 1 to 2^21: ${blocks}`);
    }
    if (seed >>> 0 === 0) throw new RangeError("The seed must not be 0");
    this.#blocks = blocks;
    this.#state = seed | 0;
  }

  /** The next block number. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    // The product stays below 2^53, so this is C's 64-bit multiply and shift, exactly.
    return Math.floor(((x >>> 0) * this.#blocks) / TWO_TO_THE_32);
  }
}
