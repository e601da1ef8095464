import { ProactorError, systemError } from "../base/errors.ts";
import type { BufferView, Request } from "../core/index.ts";
import { Leases, NOT_HELD } from "../memory/leases.ts";
import type { NativeAddon } from "../native/addon.ts";
import type { Extras } from "./extras.ts";

/**
 * Turns the views of a request into addresses that stay valid until the last completion.
 *
 * Where memory cannot be held (see {@link Leases}), the kernel is given memory of our own instead
 * and the bytes are copied: before a write, and after a read, if the caller's view is still there.
 */
export class RequestMemory {
  readonly leases: Leases;
  readonly #addon: NativeAddon;

  constructor(addon: NativeAddon) {
    this.#addon = addon;
    this.leases = new Leases(addon);
  }

  /** Fills `address` and `bufferIndex` of a request. False where the memory cannot be held. */
  lend(request: Request, view: BufferView): boolean {
    const { leases } = this;
    const address = leases.lend(view);
    if (address === NOT_HELD) return false;
    request.address = address;
    request.bufferIndex = leases.lastBufferIndex;
    return true;
  }

  /** Gives the kernel memory of ours instead of the view's, and arranges the copy. */
  bounce(request: Request, view: BufferView, writes: boolean, extras: Extras): void {
    const own = this.#copyOf(view, request.length, writes);
    if (writes) request.buffer = own;
    else copyBack(own, view, 0, extras);
    request.address = this.#addon.addressOf(own);
  }

  /** Fills `addresses` of a request with several buffers. */
  lendAll(request: Request, views: readonly BufferView[], writes: boolean, extras: Extras) {
    const bounced: Uint8Array[] = [];
    let before = 0;
    request.addresses = views.map((view) => {
      const start = before;
      before += view.byteLength;
      const address = this.leases.lend(view);
      if (address !== NOT_HELD) return address;
      const own = this.#copyOf(view, view.byteLength, writes);
      bounced.push(own);
      if (!writes) copyBack(own, view, start, extras);
      return this.#addon.addressOf(own);
    });
    // Keeps our memory reachable for as long as the operation is.
    if (bounced.length > 0) {
      extras.finish ??= [];
      extras.finish.push(() => bounced.length);
    }
  }

  #copyOf(view: BufferView, length: number, writes: boolean): Uint8Array {
    const memory = this.#addon.allocate(Math.max(length, 1), 4096, false);
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
