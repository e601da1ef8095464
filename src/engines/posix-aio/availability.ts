import type { Availability } from "../../core/index.ts";
import { loadNative } from "../../native/load.ts";

/** Looks for glibc's functions in this process; nothing is started. */
export function probe(): Availability {
  const native = loadNative();
  if (!native.available) return native;
  if (native.addon.posixAioAvailable() === 0) return { available: true };
  return {
    available: false,
    reason: "This C library is not glibc, or has no POSIX AIO (musl's is not used)",
    remedy: "Use another engine: POSIX AIO is threads on Linux, whoever starts them",
  };
}
