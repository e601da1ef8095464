import {
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_FILES,
  IORING_REGISTER_RING_FDS,
  IORING_UNREGISTER_RING_FDS,
} from "../../abi/io-uring.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { write64 } from "./requests.ts";

/**
 * Registers a ring with itself, which saves the kernel a table lookup per call (5.18). Returns the
 * index, or -1 where it cannot.
 *
 * @param words Room for struct io_uring_rsrc_update (offset, resv, data), which is at `address`.
 */
export function registerRing(
  addon: NativeAddon,
  fd: number,
  words: Uint32Array,
  address: number,
): number {
  // Any free index.
  words[0] = 0xffff_ffff;
  words[1] = 0;
  write64(words, 2, fd);
  const result = addon.uringRegister(fd, IORING_REGISTER_RING_FDS, address, 1);
  return result === 1 ? (words[0] as number) : -1;
}

/** Undoes it: while its index is registered the ring lives, even if its descriptor is closed. */
export function unregisterRing(
  addon: NativeAddon,
  fd: number,
  index: number,
  words: Uint32Array,
  address: number,
): void {
  words[0] = index;
  words[1] = 0;
  write64(words, 2, 0);
  addon.uringRegister(fd, IORING_UNREGISTER_RING_FDS, address, 1);
}

/** Registers pieces of memory. Returns 0 or a negative errno. */
export function registerBuffers(
  addon: NativeAddon,
  fd: number,
  regions: readonly { address: number; length: number }[],
): number {
  const iovecs = new Uint32Array(regions.length * 4);
  regions.forEach(({ address, length }, i) => {
    write64(iovecs, i * 4, address);
    write64(iovecs, i * 4 + 2, length);
  });
  return addon.uringRegister(fd, IORING_REGISTER_BUFFERS, addon.addressOf(iovecs), regions.length);
}

/** Registers descriptors. Returns 0 or a negative errno. */
export function registerFiles(addon: NativeAddon, fd: number, files: readonly number[]): number {
  const table = Int32Array.from(files);
  return addon.uringRegister(fd, IORING_REGISTER_FILES, addon.addressOf(table), table.length);
}
