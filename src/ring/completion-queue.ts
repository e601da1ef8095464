import { loadAcquire, pause, storeRelease, storeThenLoad } from "../memory/words.ts";

/** u32 words in one CQE of the ordinary size. */
export const CQE_WORDS = 4;

/** The offsets of a CQE's fields from its first word. */
export const Cqe = {
  /** The low half of `user_data`. */
  userDataLow: 0,
  /** The high half of `user_data`. */
  userDataHigh: 1,
  /** `res`, to be read as signed. */
  result: 2,
  /** IORING_CQE_F_*. */
  flags: 3,
} as const;

/** Where the counters of a completion queue stand, as indexes into its words. */
export interface CompletionQueueLayout {
  readonly head: number;
  readonly tail: number;
  readonly flags: number;
  readonly overflow: number;
  /** The first word of the first CQE. */
  readonly cqes: number;
  /** How many entries there are, a power of two. */
  readonly entries: number;
  /** Words from one CQE to the next: 4, or 8 with IORING_SETUP_CQE32. */
  readonly stride: number;
}

/**
 * The consumer half of a ring: the kernel writes CQEs, we read them.
 *
 * The kernel owns `tail`, we own `head`. `available` takes one acquire load and opens a batch;
 * `at` finds its entries; `advance` gives them back with one release store. Between the two the
 * kernel cannot touch them.
 */
export class CompletionQueue {
  /** How many entries there are, a power of two. */
  readonly entries: number;
  /** The ring's words; a field of a CQE is `words[at(i) + Cqe.…]`. */
  readonly words: Uint32Array;
  /** The same words, signed: `res` is, and V8 reads all of them faster this way. */
  readonly signedWords: Int32Array;
  /** The first word of the first CQE. */
  readonly first: number;
  /** One less than `entries`. */
  readonly mask: number;
  /** The logarithm of the words from one CQE to the next. */
  readonly shift: number;
  readonly #layout: CompletionQueueLayout;
  // A signed word: V8 computes with those in registers.
  #head: number;

  constructor(words: Uint32Array, layout: CompletionQueueLayout) {
    this.words = words;
    this.signedWords = new Int32Array(words.buffer, words.byteOffset, words.length);
    this.#layout = layout;
    this.entries = layout.entries;
    this.first = layout.cqes;
    this.mask = layout.entries - 1;
    this.shift = 31 - Math.clz32(layout.stride);
    this.#head = loadAcquire(words, layout.head) | 0;
  }

  /** The counter that we own, as a signed word: everything before it was given back. */
  get head(): number {
    return this.#head;
  }

  /** How many completions can be read now. */
  available(): number {
    return (loadAcquire(this.words, this.#layout.tail) - this.#head) >>> 0;
  }

  /** The first word of the `i`th completion that `available` counted. */
  at(i: number): number {
    return this.first + (((this.#head + i) & this.mask) << this.shift);
  }

  /** Gives the first `count` completions back to the kernel. */
  advance(count: number): void {
    this.#head = (this.#head + count) | 0;
    storeRelease(this.words, this.#layout.head, this.#head);
  }

  /** How many completions the kernel dropped for good; stays 0 with IORING_FEAT_NODROP. */
  overflow(): number {
    return loadAcquire(this.words, this.#layout.overflow);
  }

  /** Sets the flags word that we own (IORING_CQ_EVENTFD_DISABLED). */
  setFlags(flags: number): void {
    storeRelease(this.words, this.#layout.flags, flags);
  }

  /** Sets the flags, then looks again: whether completions slipped in before the kernel saw them. */
  setFlagsThenLook(flags: number): boolean {
    const { words } = this;
    const tail = storeThenLoad(words, this.#layout.flags, flags, words, this.#layout.tail);
    return (tail | 0) !== this.#head;
  }

  /** Blocks the thread for some ms: for a ring that cannot be waited for any more. */
  pause(ms: number): void {
    pause(ms);
  }
}
