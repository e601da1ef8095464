/**
 * Linux structures that requests point to: sizes and offsets in bytes, on 64-bit machines.
 */

/** Size of `struct statx` in bytes. */
export const STATX_BYTES = 256;

/** Offset of `stx_mask` (u32). */
export const STX_MASK = 0;
/** Offset of `stx_blksize` (u32). */
export const STX_BLKSIZE = 4;
/** Offset of `stx_attributes` (u64). */
export const STX_ATTRIBUTES = 8;
/** Offset of `stx_nlink` (u32). */
export const STX_NLINK = 16;
/** Offset of `stx_uid` (u32). */
export const STX_UID = 20;
/** Offset of `stx_gid` (u32). */
export const STX_GID = 24;
/** Offset of `stx_mode` (u16). */
export const STX_MODE = 28;
/** Offset of `stx_ino` (u64). */
export const STX_INO = 32;
/** Offset of `stx_size` (u64). */
export const STX_SIZE = 40;
/** Offset of `stx_blocks` (u64). */
export const STX_BLOCKS = 48;
/** Offset of `stx_attributes_mask` (u64). */
export const STX_ATTRIBUTES_MASK = 56;
/** Offset of `stx_atime` (statx_timestamp). */
export const STX_ATIME = 64;
/** Offset of `stx_btime` (statx_timestamp). */
export const STX_BTIME = 80;
/** Offset of `stx_ctime` (statx_timestamp). */
export const STX_CTIME = 96;
/** Offset of `stx_mtime` (statx_timestamp). */
export const STX_MTIME = 112;
/** Offset of `stx_rdev_major` (u32). */
export const STX_RDEV_MAJOR = 128;
/** Offset of `stx_rdev_minor` (u32). */
export const STX_RDEV_MINOR = 132;
/** Offset of `stx_dev_major` (u32). */
export const STX_DEV_MAJOR = 136;
/** Offset of `stx_dev_minor` (u32). */
export const STX_DEV_MINOR = 140;
/** Offset of `stx_mnt_id` (u64). */
export const STX_MNT_ID = 144;
/** Offset of `stx_dio_mem_align` (u32). */
export const STX_DIO_MEM_ALIGN = 152;
/** Offset of `stx_dio_offset_align` (u32). */
export const STX_DIO_OFFSET_ALIGN = 156;
/** Offset of `stx_subvol` (u64). */
export const STX_SUBVOL = 160;
/** Offset of `stx_atomic_write_unit_min` (u32). */
export const STX_ATOMIC_WRITE_UNIT_MIN = 168;
/** Offset of `stx_atomic_write_unit_max` (u32). */
export const STX_ATOMIC_WRITE_UNIT_MAX = 172;
/** Offset of `stx_atomic_write_segments_max` (u32). */
export const STX_ATOMIC_WRITE_SEGMENTS_MAX = 176;
/** Offset of `stx_dio_read_offset_align` (u32). */
export const STX_DIO_READ_OFFSET_ALIGN = 180;
/** Offset of `stx_atomic_write_unit_max_opt` (u32). */
export const STX_ATOMIC_WRITE_UNIT_MAX_OPT = 184;

/** Size of `struct statx_timestamp` in bytes. */
export const STATX_TIMESTAMP_SIZE = 16;
/** Offset of `tv_sec` (s64). */
export const STATX_TIMESTAMP_TV_SEC = 0;
/** Offset of `tv_nsec` (u32). */
export const STATX_TIMESTAMP_TV_NSEC = 8;

/** Size of `struct open_how` in bytes. */
export const OPEN_HOW_SIZE = 24;
/** Offset of `flags` (u64). */
export const OPEN_HOW_FLAGS = 0;
/** Offset of `mode` (u64). */
export const OPEN_HOW_MODE = 8;
/** Offset of `resolve` (u64). */
export const OPEN_HOW_RESOLVE = 16;

/** Size of `struct timespec` in bytes. */
export const TIMESPEC_SIZE = 16;
/** Offset of `tv_sec` (s64). */
export const TIMESPEC_TV_SEC = 0;
/** Offset of `tv_nsec` (s64). */
export const TIMESPEC_TV_NSEC = 8;

/** Size of `struct iovec` in bytes. */
export const IOVEC_SIZE = 16;
/** Offset of `iov_base` (pointer). */
export const IOVEC_BASE = 0;
/** Offset of `iov_len` (size_t). */
export const IOVEC_LEN = 8;

// lseek(2), fstat(2)

/** lseek(2): to this offset. */
export const SEEK_SET = 0;
/** lseek(2): so far from the file position. */
export const SEEK_CUR = 1;
/** lseek(2): so far from the end. */
export const SEEK_END = 2;
/** fstat(2): a regular file. */
export const S_IFREG = 0o100000;
/** fstat(2): a block device. */
export const S_IFBLK = 0o060000;
