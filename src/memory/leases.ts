import { types } from "node:util";

/** What leases need of the addon. */
export interface MemoryAccess {
  /** The address of a view's first byte; 0 for an empty or detached one. */
  addressOf(view: NodeJS.ArrayBufferView): number;
  /** A second ArrayBuffer over the same memory, which keeps that memory alive; or undefined. */
  hold(buffer: ArrayBuffer): ArrayBuffer | undefined;
}

/** What is known of one ArrayBuffer that was lent before. */
interface Lease {
  /** Where the ArrayBuffer starts. */
  readonly base: number;
  /** Keeps the memory alive for as long as the ArrayBuffer itself is reachable. */
  readonly twin: ArrayBuffer | undefined;
  /** The index under which the whole ArrayBuffer is registered with the kernel, or -1. */
  bufferIndex: number;
}

/** What `lend` answers when the memory cannot be held: the caller copies through its own. */
export const NOT_HELD = -1;

/**
 * Lends memory to the kernel so that nothing the program does can take it away too early.
 *
 * JavaScript can move memory out from under a view: `transfer()`, `structuredClone` with a
 * transfer list, `postMessage`, growing a WebAssembly memory, garbage collection. The first time
 * an ArrayBuffer is lent we make a *twin*: a second ArrayBuffer over the same backing store, never
 * handed out. The backing store lives while either does, so after a transfer the kernel still
 * writes into memory that this process owns, and the new owner's death frees nothing. The twin
 * hangs on the original in a WeakMap: whoever keeps the view in flight keeps both.
 *
 * Touching `view.buffer` also moves a small typed array off V8's moving heap for good.
 *
 * One lookup costs about 20 ns; programs read into the same slab again and again, so the last
 * answer is kept until `forget`.
 */
export class Leases {
  readonly #access: MemoryAccess;
  readonly #known = new WeakMap<ArrayBufferLike, Lease>();
  #last: ArrayBufferLike | undefined = undefined;
  #lastLease: Lease | undefined = undefined;

  constructor(access: MemoryAccess) {
    this.#access = access;
  }

  /** The address of the first byte of a view whose memory is now held, or {@link NOT_HELD}. */
  lend(view: NodeJS.ArrayBufferView): number {
    const { buffer } = view;
    if (buffer !== this.#last) this.#find(buffer);
    const lease = this.#lastLease;
    return lease === undefined ? NOT_HELD : lease.base + view.byteOffset;
  }

  /** The registered index of the buffer that the last `lend` was asked about, or -1. */
  get lastBufferIndex(): number {
    return this.#lastLease === undefined ? -1 : this.#lastLease.bufferIndex;
  }

  /** Notes that the whole ArrayBuffer under a view is registered with the kernel. */
  register(view: NodeJS.ArrayBufferView, bufferIndex: number): void {
    this.#find(view.buffer);
    if (this.#lastLease !== undefined) this.#lastLease.bufferIndex = bufferIndex;
  }

  /** Drops the last answer, so that an idle program does not keep a buffer alive through us. */
  forget(): void {
    this.#last = undefined;
    this.#lastLease = undefined;
  }

  #find(buffer: ArrayBufferLike): void {
    let lease = this.#known.get(buffer);
    if (lease === undefined) {
      lease = this.#make(buffer);
      // An empty buffer has no memory to hold and may get some later (a resizable one).
      if (lease !== undefined && buffer.byteLength > 0) this.#known.set(buffer, lease);
    }
    this.#last = lease === undefined || buffer.byteLength === 0 ? undefined : buffer;
    this.#lastLease = lease;
  }

  #make(buffer: ArrayBufferLike): Lease | undefined {
    const base = this.#access.addressOf(new Uint8Array(buffer));
    // Shared memory cannot be detached, and the view itself keeps it alive.
    if (!types.isArrayBuffer(buffer) || buffer.byteLength === 0) {
      return { base, twin: undefined, bufferIndex: -1 };
    }
    const twin = this.#access.hold(buffer);
    return twin === undefined ? undefined : { base, twin, bufferIndex: -1 };
  }
}
