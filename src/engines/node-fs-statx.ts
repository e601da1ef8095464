import type { BigIntStats } from "node:fs";
import {
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_BYTES,
  STATX_TIMESTAMP_TV_NSEC,
  STATX_TIMESTAMP_TV_SEC,
  STX_ATIME,
  STX_BLKSIZE,
  STX_BLOCKS,
  STX_BTIME,
  STX_CTIME,
  STX_DEV_MAJOR,
  STX_DEV_MINOR,
  STX_GID,
  STX_INO,
  STX_MASK,
  STX_MODE,
  STX_MTIME,
  STX_NLINK,
  STX_RDEV_MAJOR,
  STX_RDEV_MINOR,
  STX_SIZE,
  STX_UID,
} from "../abi/linux.ts";
import type { BufferView } from "../core/index.ts";

const NS_PER_SECOND = 1_000_000_000n;

/**
 * Writes what fs.stat answered as the `struct statx` of Linux, so that one reader serves every
 * engine. What stat(2) does not know stays zero, and `stx_mask` says so.
 *
 * Returns false where the memory is too small, or was taken away while the stat was running.
 */
export function writeStatx(buffer: BufferView, stats: BigIntStats): boolean {
  if (buffer.byteLength < STATX_BYTES) return false;
  new Uint8Array(buffer.buffer, buffer.byteOffset, STATX_BYTES).fill(0);
  const out = new DataView(buffer.buffer, buffer.byteOffset, STATX_BYTES);
  const born = stats.birthtimeNs > 0n ? STATX_BTIME : 0;
  out.setUint32(STX_MASK, STATX_BASIC_STATS | born, true);
  out.setUint32(STX_BLKSIZE, Number(stats.blksize), true);
  out.setUint32(STX_NLINK, Number(stats.nlink), true);
  out.setUint32(STX_UID, Number(stats.uid), true);
  out.setUint32(STX_GID, Number(stats.gid), true);
  out.setUint16(STX_MODE, Number(stats.mode), true);
  out.setBigUint64(STX_INO, stats.ino, true);
  out.setBigUint64(STX_SIZE, stats.size, true);
  out.setBigUint64(STX_BLOCKS, stats.blocks, true);
  writeTime(out, STX_ATIME, stats.atimeNs);
  writeTime(out, STX_CTIME, stats.ctimeNs);
  writeTime(out, STX_MTIME, stats.mtimeNs);
  if (born !== 0) writeTime(out, STX_BTIME, stats.birthtimeNs);
  writeDevice(out, STX_DEV_MAJOR, STX_DEV_MINOR, stats.dev);
  writeDevice(out, STX_RDEV_MAJOR, STX_RDEV_MINOR, stats.rdev);
  return true;
}

function writeTime(out: DataView, at: number, ns: bigint): void {
  // Before 1970 the seconds are negative and the nanoseconds still count upwards.
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  out.setBigInt64(at + STATX_TIMESTAMP_TV_SEC, (ns - rest) / NS_PER_SECOND, true);
  out.setUint32(at + STATX_TIMESTAMP_TV_NSEC, Number(rest), true);
}

/** Takes a device number apart as makedev(3) of glibc puts it together. */
function writeDevice(out: DataView, majorAt: number, minorAt: number, device: bigint): void {
  const low = Number(device & 0xffff_ffffn);
  const high = Number((device >> 32n) & 0xffff_ffffn);
  out.setUint32(majorAt, (((low >>> 8) & 0xfff) | (high & ~0xfff)) >>> 0, true);
  out.setUint32(minorAt, ((low & 0xff) | ((low >>> 12) & ~0xff)) >>> 0, true);
}
