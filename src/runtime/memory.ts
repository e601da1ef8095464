import { ProactorError, systemError } from "../base/errors.ts";
import { MIN_POOL_BUFFER_BYTES } from "../base/limits.ts";
import type { BufferView, Request } from "../core/index.ts";
import { Leases, type MemoryAccess } from "../memory/leases.ts";
import type { NativeAddon } from "../native/addon.ts";
import type { Extras } from "./extras.ts";

const PAGE = MIN_POOL_BUFFER_BYTES;

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

  /** @param addon Without it no memory can be held, and all of it is copied. */
  constructor(addon: NativeAddon | undefined) {
    this.#addon = addon;
    this.leases = new Leases(addon ?? NOTHING_HELD);
  }

  /** Fills `address` of a request with one buffer that is not on a hot road. */
  lend(request: Request, view: BufferView, extras: Extras): void {
    const { address } = this.leases.lend(view);
    if (address === -1) this.bounce(request, view, false, extras);
    else request.setAddress(address);
  }

  /** Gives the kernel memory of ours instead of the view's, and arranges the copy. */
  bounce(request: Request, view: BufferView, writes: boolean, extras: Extras): void {
    const own = this.#copyOf(view, request.length, writes);
    if (!writes) copyBack(own, view, 0, extras);
    request.buffer = own;
    request.setAddress(this.#addressOf(own));
  }

  /** Fills `buffers` and `addresses` of a request with several buffers. */
  lendAll(request: Request, views: readonly BufferView[], writes: boolean, extras: Extras): void {
    const used: BufferView[] = [];
    const addresses: number[] = [];
    let before = 0;
    for (const view of views) {
      const { address } = this.leases.lend(view);
      if (address === -1) {
        const own = this.#copyOf(view, view.byteLength, writes);
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

  #copyOf(view: BufferView, length: number, writes: boolean): Uint8Array {
    const bytes = Math.max(length, 1);
    const memory = this.#addon?.allocate(bytes, PAGE, false) ?? new ArrayBuffer(bytes);
    if (typeof memory === "number") throw systemError(memory, "mmap");
    const own = new Uint8Array(memory, 0, length);
    if (writes) own.set(new Uint8Array(view.buffer, view.byteOffset, length));
    return own;
  }
}

/** Arranges that what the kernel read into our memory reaches the caller's; `before` precedes it. */
function copyBack(own: Uint8Array, view: BufferView, before: number, extras: Extras): void {
  extras.finish ??= [];
  extras.finish.push((result) => {
    const { buffer } = view;
    if (buffer.byteLength === 0) return;
    const count = Math.min(result - before, view.byteLength, own.length);
    if (count > 0) new Uint8Array(buffer, view.byteOffset, count).set(own.subarray(0, count));
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
