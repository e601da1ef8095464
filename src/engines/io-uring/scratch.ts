import { O_CREAT, O_DIRECTORY, O_TMPFILE } from "../../abi/linux.ts";
import type { Request } from "../../core/request.ts";
import type { NativeAddon } from "../../native/addon.ts";

/** The bit of O_TMPFILE that is not O_DIRECTORY. */
const TMPFILE = O_TMPFILE & ~O_DIRECTORY;
/** All that openat2(2) takes as permission bits. */
const MODE_BITS = 0o7777;
/** Bytes of scratch memory that every slot has. */
const CELL = 512;
/** Where in a cell the deadline's timespec stands (16 bytes). */
const DEADLINE = 0;
/** Where the timespec of a timeout stands (16 bytes). */
const TIME = 16;
/** Where struct open_how stands (24 bytes). */
const HOW = 32;
/** Where the path, or the vectors, start. */
const FIRST = 64;
/** Where the second path starts. */
const SECOND = 288;

/**
 * Small memory for what a request points to besides its buffer: paths, vectors, times.
 *
 * Each slot owns one cell for as long as it is taken, so that nothing here can be reused before
 * the last completion (HAZARDS B4, B5), even with SQPOLL, where the kernel reads it at a time of
 * its own. What does not fit into a cell gets memory of its own, dropped by `release`.
 */
export class Scratch {
  /** Whether fadvise has a place for 64 bits of length on this kernel. */
  wideAdvice = false;
  readonly #addon: NativeAddon;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #base: number;
  readonly #large = new Map<number, ArrayBuffer[]>();

  /** @param memory What `Scratch.size(depth)` asks for, from the addon's `allocate`. */
  constructor(addon: NativeAddon, memory: ArrayBuffer) {
    this.#addon = addon;
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#base = addon.addressOf(this.#bytes);
  }

  /** The bytes that `depth` slots need. Pages never touched cost nothing. */
  static size(depth: number): number {
    return depth * CELL;
  }

  /** A timespec for the slot's own timeout. Returns its address. */
  time(slot: number, ms: number): number {
    return this.#timespec(slot * CELL + TIME, ms);
  }

  /** A timespec for the deadline of the slot's request. Returns its address. */
  deadline(slot: number, ms: number): number {
    return this.#timespec(slot * CELL + DEADLINE, ms);
  }

  /** A path as a C string. Returns its address. */
  path(slot: number, path: string | Uint8Array): number {
    return this.#string(slot, FIRST, SECOND - FIRST, path);
  }

  /** The second path of a request. Returns its address. */
  secondPath(slot: number, path: string | Uint8Array): number {
    return this.#string(slot, SECOND, CELL - SECOND, path);
  }

  /** struct open_how of openat2(2). Returns its address. */
  openHow(slot: number, request: Request): number {
    const at = (slot * CELL + HOW) / 4;
    const w = this.#words;
    w[at] = request.flags;
    w[at + 1] = 0;
    // openat2(2) refuses permission bits of a file that it is not to make.
    w[at + 2] = (request.flags & (O_CREAT | TMPFILE)) === 0 ? 0 : request.mode & MODE_BITS;
    w[at + 3] = 0;
    w[at + 4] = request.extra;
    w[at + 5] = 0;
    return this.#base + at * 4;
  }

  /** An array of struct iovec. Returns its address. */
  vectors(slot: number, request: Request): number {
    const { buffers = [], addresses = [] } = request;
    const bytes = buffers.length * 16;
    let words = this.#words;
    let at = (slot * CELL + FIRST) / 4;
    let address = this.#base + at * 4;
    if (bytes > CELL - FIRST) {
      const memory = this.#keep(slot, bytes);
      words = new Uint32Array(memory);
      at = 0;
      address = this.#addon.addressOf(words);
    }
    for (let i = 0; i < buffers.length; i++) {
      const base = addresses[i] as number;
      const length = (buffers[i] as NodeJS.ArrayBufferView).byteLength;
      words[at + i * 4] = base;
      words[at + i * 4 + 1] = base / 0x1_0000_0000;
      words[at + i * 4 + 2] = length;
      words[at + i * 4 + 3] = length / 0x1_0000_0000;
    }
    return address;
  }

  /** Whether any slot has memory beyond its cell. */
  get hasLarge(): boolean {
    return this.#large.size > 0;
  }

  /** Drops what a slot had beyond its cell. */
  release(slot: number): void {
    this.#large.delete(slot);
  }

  /** All that any slot has beyond its cell, for those who keep it: `release` drops it. */
  keep(): unknown {
    return [...this.#large.values()];
  }

  #timespec(byte: number, ms: number): number {
    const at = byte / 4;
    const seconds = Math.floor(ms / 1000);
    this.#words[at] = seconds;
    this.#words[at + 1] = seconds / 0x1_0000_0000;
    this.#words[at + 2] = Math.floor((ms - seconds * 1000) * 1e6);
    this.#words[at + 3] = 0;
    return this.#base + byte;
  }

  #string(slot: number, offset: number, room: number, path: string | Uint8Array): number {
    const length = typeof path === "string" ? Buffer.byteLength(path) : path.length;
    let bytes = this.#bytes;
    let at = slot * CELL + offset;
    let address = this.#base + at;
    if (length + 1 > room) {
      bytes = Buffer.from(this.#keep(slot, length + 1));
      at = 0;
      address = this.#addon.addressOf(bytes);
    }
    if (typeof path === "string") bytes.write(path, at);
    else bytes.set(path, at);
    bytes[at + length] = 0;
    return address;
  }

  #keep(slot: number, bytes: number): ArrayBuffer {
    const memory = new ArrayBuffer(bytes);
    const kept = this.#large.get(slot);
    if (kept === undefined) this.#large.set(slot, [memory]);
    else kept.push(memory);
    return memory;
  }
}
