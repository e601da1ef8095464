import { lostMemory } from "./lost-memory.ts";

/** One part of what is to be written: text, or bytes. */
export interface Piece {
  readonly data: string | Uint8Array;
  /** How many bytes it is, text as UTF-8. */
  readonly bytes: number;
}

/**
 * Packs pieces into memory of our own, one buffer full at a time. For the kernel one packed buffer
 * is less work than a vector per piece, and no memory of callers needs to be held.
 */
export class Packer {
  readonly #memory: Buffer;
  #pieces: readonly Piece[] = [];
  /** The piece that comes next, and how much of it was packed. */
  #next = 0;
  #packed = 0;
  /** A text that did not fit, as bytes. */
  #encoded: Uint8Array | undefined;

  /** @param size Bytes of the buffer. */
  constructor(size: number) {
    this.#memory = Buffer.allocUnsafeSlow(size);
  }

  /** Whether everything was packed. */
  get done(): boolean {
    return this.#next >= this.#pieces.length;
  }

  /** Begins with other pieces. */
  begin(pieces: readonly Piece[]): void {
    this.#pieces = pieces;
    this.#next = 0;
    this.#packed = 0;
    this.#encoded = undefined;
  }

  /**
   * Fills the buffer with what comes next. What it returned before is overwritten. Throws a
   * TypeError where the memory of the piece that comes next was taken away.
   */
  fill(): Uint8Array {
    const memory = this.#memory;
    let used = 0;
    while (this.#next < this.#pieces.length) {
      const { data, bytes } = this.#pieces[this.#next] as Piece;
      if (typeof data !== "string" && data.length !== bytes) {
        // What was packed before it is written; then nothing else is in the way of the error.
        if (used > 0) break;
        throw lostMemory();
      }
      const room = memory.length - used;
      if (this.#packed === 0 && bytes <= room) {
        if (typeof data === "string") memory.write(data, used);
        else memory.set(data, used);
        used += bytes;
        this.#next++;
        continue;
      }
      const source = typeof data === "string" ? this.#encode(data) : data;
      const part = source.subarray(this.#packed, this.#packed + room);
      memory.set(part, used);
      used += part.length;
      this.#packed += part.length;
      if (this.#packed < bytes) break;
      this.#packed = 0;
      this.#encoded = undefined;
      this.#next++;
    }
    return memory.subarray(0, used);
  }

  #encode(text: string): Uint8Array {
    this.#encoded ??= Buffer.from(text);
    return this.#encoded;
  }
}
