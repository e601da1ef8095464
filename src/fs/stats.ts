/** Stats and BigIntStats of Node's own classes, out of struct statx. */
import type { BigIntStats, Stats } from "node:fs";
import {
  STX_ATIME,
  STX_BLKSIZE,
  STX_BLOCKS,
  STX_BTIME,
  STX_CTIME,
  STX_DEV_MAJOR,
  STX_DEV_MINOR,
  STX_GID,
  STX_INO,
  STX_MODE,
  STX_MTIME,
  STX_NLINK,
  STX_RDEV_MAJOR,
  STX_RDEV_MINOR,
  STX_SIZE,
  STX_UID,
} from "../abi/linux.ts";
import { PERMISSION } from "../base/permission.ts";
import { SYNC_IO_TRACED } from "../base/traced.ts";
import { nodeFs, nodePromises } from "./node.ts";

type Make<T> = (statx: DataView) => T;
type Constructor = new (...fields: readonly unknown[]) => object;

/** How both kinds are made. */
export interface StatsMakers {
  readonly plain: Make<object>;
  readonly big: Make<object>;
}

const TIMES = [STX_ATIME, STX_MTIME, STX_CTIME, STX_BTIME] as const;
const TWO_32 = 0x1_0000_0000;

let makers: StatsMakers | null | undefined;

/**
 * The makers, or null where Node's classes are not as we know them. The constructor that node:fs
 * exports warns that it is deprecated; the one that every object names is the class itself.
 */
export function statsMakers(): StatsMakers | null {
  if (makers !== undefined) return makers;
  if (SYNC_IO_TRACED) {
    void learnMeanwhile();
    return null;
  }
  try {
    makers = makersLike(nodeFs.statSync("/"), nodeFs.statSync("/", { bigint: true }));
  } catch {
    // What could not be asked now is asked again.
    return null;
  }
  return makers;
}

// A program that is being loaded waits for files anyway; later this would block its loop.
if (PERMISSION === undefined) statsMakers();

async function learnMeanwhile(): Promise<void> {
  const samples = [nodePromises.stat("/"), nodePromises.stat("/", { bigint: true })] as const;
  const [sample, big] = await Promise.allSettled(samples);
  if (sample.status === "rejected" || big.status === "rejected") return;
  makers = makersLike(sample.value, big.value);
}

function makersLike(sample: Stats, big: BigIntStats): StatsMakers | null {
  try {
    const plain = plainMaker(sample);
    if (plain === undefined) return null;
    const Big = big.constructor as Constructor;
    return looksLike(new Big(...bigFieldsOf(big)), big)
      ? { plain, big: (statx) => new Big(...bigFields(statx)) }
      : null;
  } catch {
    return null;
  }
}

/** Times come as milliseconds, or, where Temporal needs them exactly, as seconds and nanoseconds. */
function plainMaker(sample: Stats): Make<object> | undefined {
  const Plain = sample.constructor as Constructor;
  const inMs = [sample.atimeMs, sample.mtimeMs, sample.ctimeMs, sample.birthtimeMs];
  const parts = inMs.flatMap((ms) => {
    const seconds = Math.floor(ms / 1000);
    return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
  });
  if (looksLike(new Plain(...plainFieldsOf(sample), ...inMs), sample)) {
    return (statx) => {
      const [atime, mtime, ctime, btime] = TIMES;
      return new Plain(
        ...plainFields(statx),
        milliseconds(statx, atime),
        milliseconds(statx, mtime),
        milliseconds(statx, ctime),
        milliseconds(statx, btime),
      );
    };
  }
  if (!looksLike(new Plain(...plainFieldsOf(sample), ...parts), sample)) return undefined;
  return (statx) => new Plain(...plainFields(statx), ...TIMES.flatMap((at) => timespec(statx, at)));
}

/** Whether two objects have the same class, the same keys in order, and times that agree to 1 ms. */
function looksLike(made: object, sample: object): boolean {
  const keys = Reflect.ownKeys(sample);
  const found = Reflect.ownKeys(made);
  if (Object.getPrototypeOf(made) !== Object.getPrototypeOf(sample)) return false;
  if (keys.length !== found.length || keys.some((key, i) => key !== found[i])) return false;
  return Object.entries(sample).every(([key, value]) => {
    const other = (made as Record<string, unknown>)[key];
    return typeof value === "number" && key.endsWith("Ms")
      ? Math.abs(value - Number(other)) < 1
      : String(value) === String(other);
  });
}

function plainFieldsOf(stats: Stats): unknown[] {
  const { dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks } = stats;
  return [dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks];
}

function bigFieldsOf(stats: BigIntStats): unknown[] {
  const { atimeNs, mtimeNs, ctimeNs, birthtimeNs } = stats;
  return [...plainFieldsOf(stats as never), atimeNs, mtimeNs, ctimeNs, birthtimeNs];
}

function plainFields(v: DataView): number[] {
  return [
    device(v, STX_DEV_MAJOR, STX_DEV_MINOR),
    v.getUint16(STX_MODE, true),
    v.getUint32(STX_NLINK, true),
    v.getUint32(STX_UID, true),
    v.getUint32(STX_GID, true),
    device(v, STX_RDEV_MAJOR, STX_RDEV_MINOR),
    v.getUint32(STX_BLKSIZE, true),
    unsigned64(v, STX_INO),
    unsigned64(v, STX_SIZE),
    unsigned64(v, STX_BLOCKS),
  ];
}

function bigFields(v: DataView): bigint[] {
  const [dev = 0, mode = 0, nlink = 0, uid = 0, gid = 0, rdev = 0, blksize = 0] = plainFields(v);
  const narrow = [dev, mode, nlink, uid, gid, rdev, blksize].map(BigInt);
  const wide = [STX_INO, STX_SIZE, STX_BLOCKS].map((at) => v.getBigInt64(at, true));
  const times = TIMES.map(
    (at) => v.getBigInt64(at, true) * 1_000_000_000n + BigInt(v.getUint32(at + 8, true)),
  );
  return [...narrow, ...wide, ...times];
}

/** makedev(3). */
function device(v: DataView, majorAt: number, minorAt: number): number {
  const major = v.getUint32(majorAt, true);
  const minor = v.getUint32(minorAt, true);
  const low = ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12);
  const high = (major & 0xffff_f000) >>> 0;
  // The upper bits of the minor number are those of the low word's top, the major's the high word.
  return (high + Math.floor(minor / 0x10_0000)) * TWO_32 + (low >>> 0);
}

function unsigned64(v: DataView, at: number): number {
  return v.getUint32(at + 4, true) * TWO_32 + v.getUint32(at, true);
}

function timespec(v: DataView, at: number): [seconds: number, nanoseconds: number] {
  const seconds = v.getInt32(at + 4, true) * TWO_32 + v.getUint32(at, true);
  return [seconds, v.getUint32(at + 8, true)];
}

function milliseconds(v: DataView, at: number): number {
  const [seconds, nanoseconds] = timespec(v, at);
  return seconds * 1000 + nanoseconds / 1e6;
}
