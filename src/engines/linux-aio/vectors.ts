import type { Request } from "../../core/request.ts";
import type { NativeAddon } from "../../native/addon.ts";

const TWO_32 = 0x1_0000_0000;

/**
 * Arrays of struct iovec for one batch. The kernel copies them within io_submit, so that all of
 * this memory is free again when the batch was handed over.
 */
export class Vectors {
  readonly #addon: NativeAddon;
  readonly #words: Uint32Array;
  readonly #address: number;
  #used = 0;
  /** Memory for arrays that found no room. */
  #large: ArrayBuffer[] = [];

  /** @param memory From the addon's `allocate`; sixteen bytes make a vector. */
  constructor(addon: NativeAddon, memory: ArrayBuffer) {
    this.#addon = addon;
    this.#words = new Uint32Array(memory);
    this.#address = addon.addressOf(this.#words);
  }

  /** Writes the vectors of a request. Returns their address. */
  write(request: Request): number {
    const { buffers = [], addresses = [] } = request;
    let words = this.#words;
    let at = this.#used;
    let address = this.#address + at * 4;
    if (at + buffers.length * 4 > words.length) {
      const memory = new ArrayBuffer(buffers.length * 16);
      this.#large.push(memory);
      words = new Uint32Array(memory);
      at = 0;
      address = this.#addon.addressOf(words);
    } else {
      this.#used = at + buffers.length * 4;
    }
    for (let i = 0; i < buffers.length; i++, at += 4) {
      const base = addresses[i] as number;
      const length = (buffers[i] as NodeJS.ArrayBufferView).byteLength;
      words[at] = base;
      words[at + 1] = base / TWO_32;
      words[at + 2] = length;
      words[at + 3] = length / TWO_32;
    }
    return address;
  }

  /** The kernel has taken all there was. */
  reset(): void {
    this.#used = 0;
    if (this.#large.length > 0) this.#large = [];
  }
}
