/** Addresses of one ArrayBuffer begin this far from those of the next. */
const SPACING = 0x2_0000_0000;
/** Where in its space an ArrayBuffer begins: near the end of a low word, so that sums carry. */
const FIRST = 0xffff_e000;

/** Invents addresses for ArrayBuffers, and finds the bytes at an address again. */
export class AddressSpace {
  readonly #bases = new WeakMap<ArrayBufferLike, number>();
  readonly #buffers: ArrayBufferLike[] = [];

  /** The address of the first byte; 0 when there is none. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
    const buffer = ArrayBuffer.isView(memory) ? memory.buffer : memory;
    if (buffer.byteLength === 0) return 0;
    let base = this.#bases.get(buffer);
    if (base === undefined) {
      this.#buffers.push(buffer);
      base = this.#buffers.length * SPACING + FIRST;
      this.#bases.set(buffer, base);
    }
    return base + (ArrayBuffer.isView(memory) ? memory.byteOffset : 0);
  }

  /** The bytes at an address, or undefined where they are nobody's: EFAULT. */
  bytesAt(address: number, length: number): Uint8Array | undefined {
    const index = Math.floor((address - FIRST) / SPACING);
    const buffer = this.#buffers[index - 1];
    const offset = address - FIRST - index * SPACING;
    if (buffer === undefined || offset + length > buffer.byteLength) return undefined;
    return new Uint8Array(buffer, offset, length);
  }

  /** A few words at an address, as the kernel copies a struct in. */
  wordsAt(address: number, count: number): Uint32Array | undefined {
    const bytes = this.bytesAt(address, count * 4);
    return bytes === undefined ? undefined : new Uint32Array(bytes.slice().buffer);
  }

  /** The C string at an address, without its end. */
  stringAt(address: number, longest = 4097): Uint8Array | undefined {
    for (let length = 0; length < longest; length++) {
      const last = this.bytesAt(address + length, 1);
      if (last === undefined) return undefined;
      if (last[0] === 0) return this.bytesAt(address, length)?.slice();
    }
    return undefined;
  }
}
