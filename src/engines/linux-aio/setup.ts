import { EAGAIN } from "../../abi/linux.ts";
import { systemError } from "../../base/errors.ts";
import type { NativeAddon } from "../../native/addon.ts";

/** A context, and how many requests it was made for. */
export interface Context {
  /** The kernel's id for it. */
  readonly id: number;
  /** What it counts for in fs.aio-nr. */
  readonly requests: number;
}

/** Makes a context for `requests` requests, io_setup(2). Returns its id or a negative errno. */
export function setupContext(addon: NativeAddon, requests: number): number {
  // The buffer keeps its address: an ArrayBuffer of its own is never on V8's moving heap.
  const id = new Uint32Array(new ArrayBuffer(8));
  const result = addon.aioSetup(requests, addon.addressOf(id));
  return result < 0 ? result : (id[0] as number) + (id[1] as number) * 0x1_0000_0000;
}

/**
 * Makes a context for `wanted` requests, or as many as fs.aio-max-nr leaves for us: the limit is
 * the whole system's, and half a queue is better than none. Throws where there is nothing left.
 */
export function openContext(addon: NativeAddon, wanted: number): Context {
  for (let requests = wanted; ; requests >>= 1) {
    const id = setupContext(addon, requests);
    if (id >= 0) return { id, requests };
    if (id !== -EAGAIN || requests === 1) throw systemError(id, "io_setup");
  }
}
