import { IORING_REGISTER_IOWQ_MAX_WORKERS } from "../../abi/io-uring.ts";
import type { NativeAddon } from "../../native/addon.ts";

const UNLIMITED = "as many as the kernel starts";

/**
 * Limits the threads that the kernel starts for what would block: `most` for regular files and
 * block devices, where its own limit is not lower, and `most` for everything else, where its own is
 * the number of processes that the user may have.
 *
 * These threads belong to the thread that made the ring, and so do the limits: the lowest that any
 * ring asked for stays in force.
 *
 * @param values Two words that the kernel can write to.
 * @param address Where they are.
 * @returns What is in force, in words: before 5.15 the kernel has no such limit.
 */
export function limitWorkers(
  addon: NativeAddon,
  ringFd: number,
  values: Uint32Array,
  address: number,
  most: number,
): string {
  const register = () => addon.uringRegister(ringFd, IORING_REGISTER_IOWQ_MAX_WORKERS, address, 2);
  // Zeros change nothing; the kernel answers with what was in force.
  values.fill(0);
  if (register() < 0) return UNLIMITED;
  const lower = (limit: number) => (limit === 0 ? most : Math.min(limit, most));
  const [files, others] = [lower(values[0] as number), lower(values[1] as number)];
  values[0] = files;
  values[1] = others;
  return register() < 0 ? UNLIMITED : `at most ${files} for files, ${others} for others`;
}
