import {
  IORING_REG_WAIT_TS,
  REG_WAIT_FLAGS,
  REG_WAIT_MIN_WAIT_USEC,
  REG_WAIT_SIGMASK,
  REG_WAIT_SIGMASK_SZ,
  REG_WAIT_SIZE,
  REG_WAIT_TS,
} from "../../abi/io-uring.ts";
import type { Struct } from "./memory.ts";

/** What one wait argument of a registered region says. */
export interface RegWait {
  /** A `timespec`; without it, no limit. */
  readonly ts?: Struct;
  /** Microseconds after which one completion is enough. */
  readonly minWaitUsec?: number;
  /** Signals that are blocked meanwhile: a `sigset`, to be kept as long as it is used. */
  readonly sigmask?: Struct;
}

/**
 * Writes the `index`th `struct io_uring_reg_wait` of a region, for `submitAndWaitReg`. The kernel
 * reads it at every wait, so that it may be changed between two.
 *
 * @param region The memory of `registerRegion`.
 */
export function setRegWait(region: Buffer, index: number, wait: RegWait): void {
  const at = index * REG_WAIT_SIZE;
  region.fill(0, at, at + REG_WAIT_SIZE);
  if (wait.ts !== undefined) {
    region.set(wait.ts.bytes, at + REG_WAIT_TS);
    region.writeUInt32LE(IORING_REG_WAIT_TS, at + REG_WAIT_FLAGS);
  }
  region.writeUInt32LE(wait.minWaitUsec ?? 0, at + REG_WAIT_MIN_WAIT_USEC);
  if (wait.sigmask === undefined) return;
  region.writeBigUInt64LE(BigInt(wait.sigmask.address), at + REG_WAIT_SIGMASK);
  region.writeUInt32LE(wait.sigmask.byteLength, at + REG_WAIT_SIGMASK_SZ);
}
