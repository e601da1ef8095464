import { loadAcquire, storeRelease } from "../memory/words.ts";

/** u32 words in one SQE of the ordinary size. */
export const SQE_WORDS = 16;

/** Where the counters of a submission queue stand, as indexes into its words. */
export interface SubmissionQueueLayout {
  readonly head: number;
  readonly tail: number;
  readonly flags: number;
  /** How many entries there are, a power of two. */
  readonly entries: number;
  /** Words from one SQE to the next: 16 unless told, or 32 with IORING_SETUP_SQE128. */
  readonly stride?: number;
}

/**
 * The producer half of a ring: we write SQEs, the kernel reads them.
 *
 * The kernel owns `head`, we own `tail`; both run free through 2^32. An entry is *reserved* when
 * we may write it and *published* when the kernel may read it; one release store publishes a whole
 * batch. `sqes` is the entries themselves, sixteen u32 words each, which the caller fills in full:
 * every word is written for every request, so nothing stale can be left in one.
 */
export class SubmissionQueue {
  /** How many entries there are, a power of two. */
  readonly entries: number;
  /** All entries; the words of one start at what `reserve` returned. */
  readonly sqes: Uint32Array;
  /** The logarithm of the words from one entry to the next. */
  readonly shift: number;
  readonly #words: Uint32Array;
  readonly #layout: SubmissionQueueLayout;
  // Both counters are kept as signed 32-bit numbers, which V8 computes with in registers; as words
  // of 32 bits they are the same, and so are their differences, through any wrap-around.
  #headCached: number;
  #tail: number;

  constructor(words: Uint32Array, sqes: Uint32Array, layout: SubmissionQueueLayout) {
    this.#words = words;
    this.sqes = sqes;
    this.#layout = layout;
    this.entries = layout.entries;
    this.shift = 31 - Math.clz32(layout.stride ?? SQE_WORDS);
    this.#headCached = loadAcquire(words, layout.head) | 0;
    this.#tail = loadAcquire(words, layout.tail) | 0;
  }

  /** How many entries can still be reserved; looks at the kernel's head if it must. */
  space(wanted: number): number {
    // An acquire load costs ten plain ones, so look at the kernel's head only when we must.
    const space = this.entries - ((this.#tail - this.#headCached) | 0);
    if (space >= wanted) return space;
    this.#headCached = loadAcquire(this.#words, this.#layout.head) | 0;
    return this.entries - ((this.#tail - this.#headCached) | 0);
  }

  /** Reserves one SQE. Returns the index of its first word, or -1 when the ring is full. */
  reserve(): number {
    const tail = this.#tail;
    if (((tail - this.#headCached) | 0) === this.entries && this.space(1) === 0) return -1;
    this.#tail = (tail + 1) | 0;
    return (tail & (this.entries - 1)) << this.shift;
  }

  /** Reserves one SQE where `space` said that there is one. */
  reserveKnown(): number {
    const tail = this.#tail;
    this.#tail = (tail + 1) | 0;
    return (tail & (this.entries - 1)) << this.shift;
  }

  /**
   * Publishes every reserved SQE. Returns how many the kernel had not consumed by then. `head` is
   * read first: a thread of the kernel (IORING_SETUP_SQPOLL) may consume what is published before
   * we look again, and the count would leave it out.
   */
  publish(): number {
    this.#headCached = loadAcquire(this.#words, this.#layout.head) | 0;
    storeRelease(this.#words, this.#layout.tail, this.#tail);
    return (this.#tail - this.#headCached) | 0;
  }

  /** The counter that we own, as a signed word: how many entries were ever reserved. */
  get tail(): number {
    return this.#tail;
  }

  /**
   * Takes back every entry that the kernel has not consumed, which it does within
   * io_uring_enter(2) only. Returns how many there were.
   *
   * @param shared With IORING_SETUP_SQPOLL: what is published stays, for a thread of the kernel.
   */
  withdraw(shared = false): number {
    const { head, tail } = this.#layout;
    const first = loadAcquire(this.#words, shared ? tail : head) | 0;
    const count = (this.#tail - first) | 0;
    if (!shared) this.#headCached = first;
    this.#tail = first;
    storeRelease(this.#words, tail, first);
    return count;
  }

  /** Goes back to the first entry: with IORING_SETUP_SQ_REWIND every enter starts there. */
  rewind(): void {
    this.#tail = 0;
    this.#headCached = 0;
  }

  /** Whether nothing is reserved that the kernel had not consumed when we last looked. */
  get isEmpty(): boolean {
    return this.#tail === this.#headCached;
  }

  /** The kernel's flags: IORING_SQ_NEED_WAKEUP, IORING_SQ_CQ_OVERFLOW, IORING_SQ_TASKRUN. */
  flags(): number {
    return loadAcquire(this.#words, this.#layout.flags);
  }
}
