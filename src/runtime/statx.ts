import {
  STATX_BYTES,
  STX_ATIME,
  STX_ATTRIBUTES,
  STX_BLKSIZE,
  STX_BLOCKS,
  STX_BTIME,
  STX_CTIME,
  STX_DEV_MAJOR,
  STX_DEV_MINOR,
  STX_DIO_MEM_ALIGN,
  STX_DIO_OFFSET_ALIGN,
  STX_GID,
  STX_INO,
  STX_MASK,
  STX_MNT_ID,
  STX_MODE,
  STX_MTIME,
  STX_NLINK,
  STX_RDEV_MAJOR,
  STX_RDEV_MINOR,
  STX_SIZE,
  STX_UID,
} from "../abi/linux.ts";

/** What statx(2) tells of a file. Sizes are bytes; times are ms since 1970, with their fraction. */
export interface Statx {
  /** STATX_* bits of the fields that the file system filled in. */
  readonly mask: number;
  /** The best block size for I/O. */
  readonly blksize: number;
  /** STATX_ATTR_* bits. */
  readonly attributes: bigint;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** The kind of file and its permission bits. */
  readonly mode: number;
  readonly ino: bigint;
  /** Exact below 2^53. */
  readonly size: number;
  /** Allocated blocks of 512 bytes. */
  readonly blocks: number;
  readonly atimeMs: number;
  /** When it was made; 0 where the file system does not know. */
  readonly birthtimeMs: number;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  readonly dev: { readonly major: number; readonly minor: number };
  /** Of a device file. */
  readonly rdev: { readonly major: number; readonly minor: number };
  readonly mountId: bigint;
  /** What O_DIRECT wants of memory, in bytes; 0 where it is not known or not possible. */
  readonly dioMemAlign: number;
  /** What O_DIRECT wants of offsets and lengths, in bytes; 0 likewise. */
  readonly dioOffsetAlign: number;
}

/** Bytes of the buffer that an engine fills in: struct statx. */
export const STATX_BUFFER_BYTES = STATX_BYTES;

/** Reads struct statx. */
export function decodeStatx(bytes: Uint8Array): Statx {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u16 = (at: number) => view.getUint16(at, true);
  const u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => view.getBigUint64(at, true);
  const time = (at: number) => Number(view.getBigInt64(at, true)) * 1000 + u32(at + 8) / 1e6;
  return {
    mask: u32(STX_MASK),
    blksize: u32(STX_BLKSIZE),
    attributes: u64(STX_ATTRIBUTES),
    nlink: u32(STX_NLINK),
    uid: u32(STX_UID),
    gid: u32(STX_GID),
    mode: u16(STX_MODE),
    ino: u64(STX_INO),
    size: Number(u64(STX_SIZE)),
    blocks: Number(u64(STX_BLOCKS)),
    atimeMs: time(STX_ATIME),
    birthtimeMs: time(STX_BTIME),
    ctimeMs: time(STX_CTIME),
    mtimeMs: time(STX_MTIME),
    dev: { major: u32(STX_DEV_MAJOR), minor: u32(STX_DEV_MINOR) },
    rdev: { major: u32(STX_RDEV_MAJOR), minor: u32(STX_RDEV_MINOR) },
    mountId: u64(STX_MNT_ID),
    dioMemAlign: u32(STX_DIO_MEM_ALIGN),
    dioOffsetAlign: u32(STX_DIO_OFFSET_ALIGN),
  };
}
