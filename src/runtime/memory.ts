import { ProactorError, systemError } from "../base/errors.ts";
import { DEFAULT_COPY_BYTES, MIN_POOL_BUFFER_BYTES } from "../base/limits.ts";
import type { BufferView, Request } from "../core/index.ts";
import { Leases, type MemoryAccess } from "../memory/leases.ts";
import { isLost } from "../memory/lost.ts";
import type { NativeAddon } from "../native/addon.ts";
import type { Extras } from "./extras.ts";

const PAGE = MIN_POOL_BUFFER_BYTES;
const MOST_COPY_BYTES = DEFAULT_COPY_BYTES;

/** Half of the freed memory that the C library is asked to keep: the most that glibc grants. */
const HALF_KEPT = 32 * 1024 * 1024 - 64 * 1024;

/** Access to memory without the addon: none. */
const NOTHING_HELD: MemoryAccess = { addressOf: () => 0, hold: () => undefined };

/**
 * Memory of our own in place of a caller's that cannot be held (see {@link Leases}): the bytes are
 * copied before a write, and after a read, if the caller's view is still there.
 */
export class RequestMemory {
  /** Finds addresses that stay valid until the last completion. */
  readonly leases: Leases;
  readonly #addon: NativeAddon | undefined;
  readonly #copies: CopyMemory;

  /** @param addon Without it no memory can be held, and all of it is copied. */
  constructor(addon: NativeAddon | undefined) {
    this.#addon = addon;
    this.leases = new Leases(addon ?? NOTHING_HELD);
    this.#copies = new CopyMemory((bytes) => this.allocateOwn(bytes));
  }

  /** Memory that begins on a page and never moves; who keeps it to himself may use it unheld. */
  allocateOwn(bytes: number): ArrayBuffer {
    const memory = this.#addon?.allocate(bytes, PAGE, false) ?? new ArrayBuffer(bytes);
    if (typeof memory === "number") throw systemError(memory, "mmap");
    return memory;
  }

  /** For those who allocate much that is soon collected: its pages are used again. */
  keepFreed(): void {
    this.#addon?.keepFreed(HALF_KEPT);
  }

  /** Fills `address` of a request with memory that nobody else can see, so that it needs no hold. */
  useOwn(request: Request, own: Uint8Array): void {
    request.setAddress(this.#addressOf(own));
  }

  /** Gives the kernel memory of ours instead of the view's, and arranges the copy. */
  bounce(request: Request, view: BufferView, writes: boolean, extras: Extras): void {
    const own = this.#copyOf(view, request.length, writes, extras);
    if (!writes) copyBack(own, view, 0, extras);
    request.buffer = own;
    // The request may have been another transfer's before, out of registered memory.
    request.bufferIndex = -1;
    request.setAddress(this.#addressOf(own));
  }

  /** Fills `buffers` and `addresses` of a request with several buffers. */
  lendAll(request: Request, views: readonly BufferView[], writes: boolean, extras: Extras): void {
    const used: BufferView[] = [];
    const addresses: number[] = [];
    let before = 0;
    for (const view of views) {
      const { held, address } = this.leases.lend(view);
      if (!held) {
        const own = this.#copyOf(view, view.byteLength, writes, extras);
        if (!writes) copyBack(own, view, before, extras);
        used.push(own);
        addresses.push(this.#addressOf(own));
      } else {
        used.push(view);
        addresses.push(address);
      }
      before += view.byteLength;
    }
    request.buffers = used;
    request.addresses = addresses;
  }

  #addressOf(own: Uint8Array): number {
    return this.#addon?.addressOf(own) ?? 0;
  }

  /** Memory of ours, with the view's bytes in it if it is to be written; taken back at the end. */
  #copyOf(view: BufferView, length: number, writes: boolean, extras: Extras): Uint8Array {
    const memory = this.#copies.pop(length);
    const own = new Uint8Array(memory, 0, length);
    if (writes) own.set(new Uint8Array(view.buffer, view.byteOffset, length));
    extras.last = [...(extras.last ?? []), () => this.#copies.push(memory)];
    extras.source = [...(extras.source ?? []), view];
    return own;
  }
}

/** Memory for copies that is used again: mapping some anew costs more than the copy. */
class CopyMemory {
  readonly #allocate: (bytes: number) => ArrayBuffer;
  readonly #free = new Map<number, ArrayBuffer[]>();
  #bytes = 0;

  constructor(allocate: (bytes: number) => ArrayBuffer) {
    this.#allocate = allocate;
  }

  /** Memory of at least `length` bytes: the next power of two, from one page on. */
  pop(length: number): ArrayBuffer {
    const bytes = 2 ** Math.ceil(Math.log2(Math.max(length, PAGE)));
    const memory = this.#free.get(bytes)?.pop();
    if (memory === undefined) return this.#allocate(bytes);
    this.#bytes -= bytes;
    return memory;
  }

  /** Takes memory back, to be used again, but for what the kernel may still use. */
  push(memory: ArrayBuffer): void {
    const { byteLength } = memory;
    if (isLost(new Uint8Array(memory)) || this.#bytes + byteLength > MOST_COPY_BYTES) return;
    this.#bytes += byteLength;
    const list = this.#free.get(byteLength);
    if (list === undefined) this.#free.set(byteLength, [memory]);
    else list.push(memory);
  }
}

/** Arranges that what the kernel read into our memory reaches the caller's; `before` precedes it. */
function copyBack(own: Uint8Array, view: BufferView, before: number, extras: Extras): void {
  extras.finish ??= [];
  extras.finish.push((result) => {
    const read = Math.min(result - before, own.length);
    if (read <= 0) return undefined;
    const { buffer } = view;
    if (buffer.byteLength === 0) return detached(result);
    const count = Math.min(read, view.byteLength);
    if (count > 0) new Uint8Array(buffer, view.byteOffset, count).set(own.subarray(0, count));
    return undefined;
  });
}

/** What a read rejects with when its buffer went away while the kernel was filling it. */
export function detached(result: number): Error {
  return new ProactorError(
    "ERR_PROACTOR_BUFFER_DETACHED",
    `The buffer was transferred or detached while the kernel wrote to it: ${result} bytes were ` +
      "read into memory that the buffer no longer shows",
    "Transfer a buffer only after the operation that uses it has settled",
  );
}
