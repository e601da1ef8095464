/** What many files are, asked together. */
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STX_ATIME,
  STX_BLOCKS,
  STX_BTIME,
  STX_CTIME,
  STX_GID,
  STX_INO,
  STX_MODE,
  STX_MTIME,
  STX_NLINK,
  STX_SIZE,
  STX_UID,
} from "../abi/linux.ts";
import { STAT_BATCH } from "../base/limits.ts";
import { OperationKind, Request } from "../core/index.ts";
import type { Session } from "../runtime/session.ts";
import { STATX_BUFFER_BYTES } from "../runtime/statx.ts";
import { failure } from "./calls.ts";
import { nodePromises } from "./node.ts";
import { road } from "./road.ts";

/** What a file is, as plain numbers. Times are ms since 1970, with their fraction. */
export interface WalkStat {
  /** Its kind and permission bits. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  /** Allocated blocks of 512 bytes. */
  readonly blocks: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Exact below 2^53. */
  readonly ino: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
}

const request = new Request();
const TWO_32 = 0x1_0000_0000;

/** Asks about every path, not following links; an error stands where it could not be asked. */
export async function statAll(paths: readonly string[]): Promise<(WalkStat | Error)[]> {
  const session = road();
  if (session === undefined) return Promise.all(paths.map(statByNode));
  const all: (WalkStat | Error)[] = [];
  for (let at = 0; at < paths.length; at += STAT_BATCH) {
    const some = await statSome(paths.slice(at, at + STAT_BATCH), session);
    for (const stat of some) all.push(stat);
  }
  return all;
}

/** One submission: the answers lie side by side in one piece of memory. */
function statSome(
  paths: readonly string[],
  { scheduler, memory }: Session,
): Promise<(WalkStat | Error)[]> {
  const bytes = Buffer.allocUnsafeSlow(paths.length * STATX_BUFFER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const results = new Array<WalkStat | Error>(paths.length);
  return new Promise((resolve) => {
    let left = paths.length;
    if (left === 0) resolve(results);
    memory.useOwn(request, bytes);
    const base = request.addressHigh * TWO_32 + (request.addressLow >>> 0);
    for (const [i, path] of paths.entries()) {
      request.reset(OperationKind.Statx);
      request.fd = AT_FDCWD;
      request.path = path;
      request.flags = AT_SYMLINK_NOFOLLOW;
      request.extra = STATX_BASIC_STATS | STATX_BTIME;
      request.buffer = bytes;
      request.length = STATX_BUFFER_BYTES;
      request.setAddress(base + i * STATX_BUFFER_BYTES);
      void scheduler.startFor(request, {
        settled: (result) => {
          results[i] =
            result < 0
              ? failure(OperationKind.Statx, result, path)
              : decode(view, i * STATX_BUFFER_BYTES);
          if (--left === 0) resolve(results);
        },
        failed: (error) => {
          results[i] = error as Error;
          if (--left === 0) resolve(results);
        },
      });
    }
  });
}

/** Reads one struct statx. Without BigInt, which would cost more than all the rest. */
function decode(view: DataView, at: number): WalkStat {
  const u32 = (offset: number) => view.getUint32(at + offset, true);
  const u64 = (offset: number) => u32(offset + 4) * TWO_32 + u32(offset);
  const time = (offset: number) => {
    const seconds = view.getInt32(at + offset + 4, true) * TWO_32 + u32(offset);
    return seconds * 1000 + u32(offset + 8) / 1e6;
  };
  return {
    mode: view.getUint16(at + STX_MODE, true),
    size: u64(STX_SIZE),
    blocks: u64(STX_BLOCKS),
    nlink: u32(STX_NLINK),
    uid: u32(STX_UID),
    gid: u32(STX_GID),
    ino: u64(STX_INO),
    atimeMs: time(STX_ATIME),
    mtimeMs: time(STX_MTIME),
    ctimeMs: time(STX_CTIME),
    birthtimeMs: time(STX_BTIME),
  };
}

async function statByNode(path: string): Promise<WalkStat | Error> {
  try {
    const { mode, size, blocks, nlink, uid, gid, ino, ...times } = await nodePromises.lstat(path);
    const { atimeMs, mtimeMs, ctimeMs, birthtimeMs } = times;
    const main = { mode, size, blocks, nlink, uid, gid, ino };
    return { ...main, atimeMs, mtimeMs, ctimeMs, birthtimeMs };
  } catch (error) {
    return error as Error;
  }
}
