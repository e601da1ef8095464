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

/** What is known of one view: its place in memory never changes, only its length may. */
export interface LentView {
  /** Whether its memory can be held; if not, the caller copies. */
  readonly held: boolean;
  /** Where the view starts, or -1 where its memory cannot be held. */
  readonly address: number;
  /** The low and the high word of the address, signed, as they go to the kernel. */
  readonly addressLow: number;
  readonly addressHigh: number;
  /** The registered buffer it lies in, or -1. */
  readonly bufferIndex: number;
  /** Bytes of one element; 0 for a DataView, which has no length in elements. */
  readonly elementBytes: number;
}

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
 * Programs use the same views again and again, so what was found is kept per view: one lookup of
 * 6 ns instead of three getters of 5 to 20 ns each and a second lookup.
 */
export class Leases {
  readonly #access: MemoryAccess;
  readonly #buffers = new WeakMap<ArrayBufferLike, Lease>();
  #registered: Lease[] = [];
  #views = new WeakMap<NodeJS.ArrayBufferView, LentView>();

  constructor(access: MemoryAccess) {
    this.#access = access;
  }

  /** Where a view is. From here on its memory is held for as long as the view is reachable. */
  lend(view: NodeJS.ArrayBufferView): LentView {
    return this.#views.get(view) ?? this.#lendFirst(view);
  }

  /** Notes that whole ArrayBuffers are registered with the kernel, by their place in the list. */
  register(buffers: readonly ArrayBuffer[]): void {
    // What was found before says nothing of the registration, or the wrong thing.
    this.#views = new WeakMap();
    for (const lease of this.#registered) lease.bufferIndex = -1;
    this.#registered = [];
    buffers.forEach((buffer, i) => {
      const lease = this.#leaseOf(buffer);
      if (lease === undefined) return;
      lease.bufferIndex = i;
      this.#registered.push(lease);
    });
  }

  #lendFirst(view: NodeJS.ArrayBufferView): LentView {
    const { buffer, byteOffset } = view;
    const lease = this.#leaseOf(buffer);
    const address = lease === undefined ? -1 : lease.base + byteOffset;
    const lent = {
      held: lease !== undefined,
      address,
      addressLow: address | 0,
      addressHigh: Math.floor(address / 0x1_0000_0000) | 0,
      bufferIndex: lease === undefined ? -1 : lease.bufferIndex,
      elementBytes: "BYTES_PER_ELEMENT" in view ? Number(view.BYTES_PER_ELEMENT) : 0,
    };
    // An empty buffer has no memory to hold, and may get some later if it is resizable.
    if (buffer.byteLength > 0) this.#views.set(view, lent);
    return lent;
  }

  #leaseOf(buffer: ArrayBufferLike): Lease | undefined {
    const known = this.#buffers.get(buffer);
    if (known !== undefined) return known;
    const lease = this.#makeLease(buffer);
    if (lease !== undefined && buffer.byteLength > 0) this.#buffers.set(buffer, lease);
    return lease;
  }

  #makeLease(buffer: ArrayBufferLike): Lease | undefined {
    const base = this.#access.addressOf(new Uint8Array(buffer));
    // Shared memory cannot be detached, and the view itself keeps it alive.
    if (!types.isArrayBuffer(buffer) || buffer.byteLength === 0) {
      return { base, twin: undefined, bufferIndex: -1 };
    }
    const twin = this.#access.hold(buffer);
    return twin === undefined ? undefined : { base, twin, bufferIndex: -1 };
  }
}

/** The bytes a view shows now; 0 when it was detached. */
export function byteLengthOf(view: NodeJS.ArrayBufferView, lent: LentView): number {
  if (lent.elementBytes === 0) return (view as DataView).byteLength;
  // `length` costs 1 ns, `byteLength` 10.
  return (view as Uint8Array).length * lent.elementBytes;
}
