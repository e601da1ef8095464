import type { NativeAddon } from "../native/addon.ts";

/** The part of the addon that gives and takes memory. */
export type MappingAddon = Pick<NativeAddon, "addressOf" | "allocate" | "map" | "unmap">;

/**
 * Memory that the addon mapped or allocated: one ArrayBuffer, its address, and views of it.
 *
 * There is one ArrayBuffer for each piece of memory, because V8 aborts the process over two that
 * were made for the same address (HAZARDS B7); whoever needs a part makes a view.
 */
export class Mapping {
  /** The memory; detached by `unmap`. */
  readonly buffer: ArrayBuffer;
  /** Where it starts. Exact: addresses are below 2^53. */
  readonly address: number;
  /** How long it is, also after `unmap`. */
  readonly byteLength: number;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly #addon: MappingAddon;

  /** @param buffer Memory that came out of this addon's `map` or `allocate`. */
  constructor(addon: MappingAddon, buffer: ArrayBuffer) {
    this.#addon = addon;
    this.buffer = buffer;
    this.byteLength = buffer.byteLength;
    this.u8 = new Uint8Array(buffer);
    const words = this.byteLength >>> 2;
    this.u32 = new Uint32Array(buffer, 0, words);
    this.i32 = new Int32Array(buffer, 0, words);
    this.address = addon.addressOf(this.u8);
  }

  /** Maps a part of a descriptor, mmap(2): shared, to be read and written. Or a negative errno. */
  static map(
    addon: MappingAddon,
    fd: number,
    options: { length: number; offset: number },
  ): Mapping | number {
    const buffer = addon.map(fd, options.length, options.offset);
    return typeof buffer === "number" ? buffer : new Mapping(addon, buffer);
  }

  /**
   * Allocates zeroed memory of its own. Or a negative errno.
   *
   * @param options `alignment` is a power of two in bytes, a page unless told; `hugePages` asks for
   *   transparent huge pages.
   */
  static allocate(
    addon: MappingAddon,
    length: number,
    options: { alignment?: number; hugePages?: boolean } = {},
  ): Mapping | number {
    const buffer = addon.allocate(length, options.alignment ?? 4096, options.hugePages ?? false);
    return typeof buffer === "number" ? buffer : new Mapping(addon, buffer);
  }

  /**
   * Gives the memory back now; the views are empty afterwards. The kernel must be done with it.
   * Returns 0, or a negative errno (-EINVAL the second time).
   */
  unmap(): number {
    return this.#addon.unmap(this.buffer);
  }
}
