import { BUF_ADDR, BUF_BID, BUF_LEN, BUF_RING_TAIL, BUF_SIZE } from "../abi/io-uring.ts";
import { storeRelease } from "../memory/words.ts";

/** u32 words in one entry. */
const ENTRY_WORDS = BUF_SIZE / 4;
// Constants out of other modules are looked up at every use; these are part of the code.
const ADDRESS = BUF_ADDR / 4;
const LENGTH = BUF_LEN / 4;
const ID = BUF_BID >> 2;
/** The word of the first entry whose upper half is the tail, and whose lower one is its id. */
const TAIL_WORD = BUF_RING_TAIL >> 2;

/**
 * A ring of provided buffers: we put buffers in, the kernel takes one whenever data has come.
 *
 * We own `tail`, a u16 that lies in the first entry, where that has nothing else; the kernel keeps
 * its head to itself. An entry is *added* when it is written, and *advanced* over when the kernel
 * may take it; one release store hands a whole batch over. Whether there is room only the program
 * knows: a buffer goes in once, and again after the kernel said that it was used.
 */
export class BufferRing {
  /** How many entries there are, a power of two. */
  readonly entries: number;
  readonly #words: Uint32Array;
  readonly #mask: number;
  #tail = 0;

  /** @param words The memory of all entries. */
  constructor(words: Uint32Array, entries: number) {
    this.#words = words;
    this.entries = entries;
    this.#mask = entries - 1;
    // The first entry is read as a whole, so that it must not keep a tail from somebody else.
    words[TAIL_WORD] = 0;
  }

  /** The counter that we own: how many entries were ever handed over, modulo 2^16. */
  get tail(): number {
    return this.#tail;
  }

  /**
   * Writes one entry.
   *
   * @param addressLow Where the buffer is, in two words.
   * @param length Bytes.
   * @param id 16 bits that tell the buffer, in the completion.
   * @param offset How many entries were added and not advanced over yet.
   */
  add(addressLow: number, addressHigh: number, length: number, id: number, offset: number): void {
    const w = this.#words;
    const at = ((this.#tail + offset) & this.#mask) * ENTRY_WORDS;
    w[at + ADDRESS] = addressLow;
    w[at + ADDRESS + 1] = addressHigh;
    w[at + LENGTH] = length;
    // The upper half of the first entry's word is the tail.
    w[at + ID] = at === 0 ? ((this.#tail << 16) | id) >>> 0 : id;
  }

  /** Hands the first `count` added entries over. */
  advance(count: number): void {
    this.#tail = (this.#tail + count) & 0xffff;
    const first = (this.#words[TAIL_WORD] as number) & 0xffff;
    storeRelease(this.#words, TAIL_WORD, ((this.#tail << 16) | first) >>> 0);
  }
}
