import { MIN_POOL_BUFFER_BYTES } from "../../base/limits.ts";
import type { BufferView } from "../../core/index.ts";
import { byteLengthOf, Leases } from "../../memory/leases.ts";
import type { NativeAddon } from "../../native/addon.ts";

const TWO_32 = 0x1_0000_0000;

/** Memory that a request is in flight with. */
export interface Lent {
  /** Where it is, or -1 where it cannot be lent. */
  readonly address: number;
  /** Kept reachable until the event was seen: the views, and what was made for them. */
  readonly kept: readonly unknown[];
  /** Copies a read's bytes to where they belong; absent where they are there already. */
  readonly giveBack?: (count: number) => void;
}

const REFUSED: Lent = { address: -1, kept: [] };

/** One view, and where the kernel finds its bytes. */
interface Place {
  readonly view: BufferView;
  readonly address: number;
  readonly length: number;
  /** Memory of ours in place of the view's, where that cannot be held. */
  readonly copy: Uint8Array | undefined;
}

/**
 * Lends buffers to the kernel. Their memory is held until the event was seen; where the JavaScript
 * engine does not let us, it is copied, before a write and after a read.
 */
export class Lending {
  readonly #addon: NativeAddon;
  readonly #leases: Leases;

  constructor(addon: NativeAddon) {
    this.#addon = addon;
    this.#leases = new Leases(addon);
  }

  /** Lends the first `length` bytes of a view. It must have as many. */
  one(view: BufferView, length: number, writes: boolean): Lent {
    const place = this.#place(view, length, writes);
    if (place === undefined) return REFUSED;
    return { address: place.address, kept: [place], ...returning([place], writes) };
  }

  /** Lends the first `count` of several views, as an array of struct iovec. */
  several(views: readonly BufferView[], count: number, writes: boolean): Lent {
    const places: Place[] = [];
    const words = new Uint32Array(new ArrayBuffer(Math.max(1, count) * 16));
    for (let i = 0; i < count; i++) {
      const view = views[i];
      const place = view && this.#place(view, view.byteLength, writes);
      if (place === undefined) return REFUSED;
      places.push(place);
      words[i * 4] = place.address;
      words[i * 4 + 1] = place.address / TWO_32;
      words[i * 4 + 2] = place.length;
      words[i * 4 + 3] = place.length / TWO_32;
    }
    const address = this.#addon.addressOf(words);
    return { address, kept: [words, places], ...returning(places, writes) };
  }

  #place(view: BufferView, length: number, writes: boolean): Place | undefined {
    // Empty, or detached: there is no memory, and no byte of it may be asked for.
    if (view.buffer.byteLength === 0) {
      return length === 0 ? { view, address: 0, length, copy: undefined } : undefined;
    }
    const lent = this.#leases.lend(view);
    if (length > byteLengthOf(view, lent)) return undefined;
    if (lent.held) return { view, address: lent.address, length, copy: undefined };
    const memory = this.#addon.allocate(Math.max(1, length), MIN_POOL_BUFFER_BYTES, false);
    if (typeof memory === "number") return undefined;
    const copy = new Uint8Array(memory, 0, length);
    if (writes) copy.set(new Uint8Array(view.buffer, view.byteOffset, length));
    return { view, address: this.#addon.addressOf(new Uint8Array(memory)), length, copy };
  }
}

/** What is to be done after a read into copies. */
function returning(places: readonly Place[], writes: boolean): Pick<Lent, "giveBack"> {
  if (writes || places.every(({ copy }) => copy === undefined)) return {};
  return {
    giveBack: (count) => {
      let left = count;
      for (const { view, length, copy } of places) {
        const bytes = Math.min(left, length);
        left -= bytes;
        // Whoever took the view's memory away meanwhile does not see the bytes.
        if (copy === undefined || bytes > view.byteLength) continue;
        new Uint8Array(view.buffer, view.byteOffset, bytes).set(copy.subarray(0, bytes));
      }
    },
  };
}
