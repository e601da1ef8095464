/**
 * io_uring(7): the layout of submission and completion queue entries.
 *
 * Offsets in bytes from the start of the entry. Fields that share an offset are members of one
 * union: which of them counts depends on the opcode. 64-bit fields are written as two u32, the low
 * word first, because this library runs on little-endian machines only.
 */

// struct io_uring_sqe

/** Size of `struct io_uring_sqe` in bytes. */
export const SQE_SIZE = 64;
/** Offset of `opcode` (u8). */
export const SQE_OPCODE = 0;
/** Offset of `flags` (u8). */
export const SQE_FLAGS = 1;
/** Offset of `ioprio` (u16). */
export const SQE_IOPRIO = 2;
/** Offset of `fd` (s32). */
export const SQE_FD = 4;
/** Offset of `off` (u64). */
export const SQE_OFF = 8;
/** Offset of `addr2` (u64). */
export const SQE_ADDR2 = 8;
/** Offset of `cmd_op` (u32). */
export const SQE_CMD_OP = 8;
/** Offset of `addr` (u64). */
export const SQE_ADDR = 16;
/** Offset of `splice_off_in` (u64). */
export const SQE_SPLICE_OFF_IN = 16;
/** Offset of `level` (u32). */
export const SQE_LEVEL = 16;
/** Offset of `optname` (u32). */
export const SQE_OPTNAME = 20;
/** Offset of `len` (u32). */
export const SQE_LEN = 24;
/** Offset of `rw_flags` (u32). */
export const SQE_RW_FLAGS = 28;
/** Offset of `fsync_flags` (u32). */
export const SQE_FSYNC_FLAGS = 28;
/** Offset of `poll_events` (u16). */
export const SQE_POLL_EVENTS = 28;
/** Offset of `poll32_events` (u32). */
export const SQE_POLL32_EVENTS = 28;
/** Offset of `sync_range_flags` (u32). */
export const SQE_SYNC_RANGE_FLAGS = 28;
/** Offset of `msg_flags` (u32). */
export const SQE_MSG_FLAGS = 28;
/** Offset of `timeout_flags` (u32). */
export const SQE_TIMEOUT_FLAGS = 28;
/** Offset of `accept_flags` (u32). */
export const SQE_ACCEPT_FLAGS = 28;
/** Offset of `cancel_flags` (u32). */
export const SQE_CANCEL_FLAGS = 28;
/** Offset of `open_flags` (u32). */
export const SQE_OPEN_FLAGS = 28;
/** Offset of `statx_flags` (u32). */
export const SQE_STATX_FLAGS = 28;
/** Offset of `fadvise_advice` (u32). */
export const SQE_FADVISE_ADVICE = 28;
/** Offset of `splice_flags` (u32). */
export const SQE_SPLICE_FLAGS = 28;
/** Offset of `rename_flags` (u32). */
export const SQE_RENAME_FLAGS = 28;
/** Offset of `unlink_flags` (u32). */
export const SQE_UNLINK_FLAGS = 28;
/** Offset of `hardlink_flags` (u32). */
export const SQE_HARDLINK_FLAGS = 28;
/** Offset of `xattr_flags` (u32). */
export const SQE_XATTR_FLAGS = 28;
/** Offset of `msg_ring_flags` (u32). */
export const SQE_MSG_RING_FLAGS = 28;
/** Offset of `uring_cmd_flags` (u32). */
export const SQE_URING_CMD_FLAGS = 28;
/** Offset of `waitid_flags` (u32). */
export const SQE_WAITID_FLAGS = 28;
/** Offset of `futex_flags` (u32). */
export const SQE_FUTEX_FLAGS = 28;
/** Offset of `install_fd_flags` (u32). */
export const SQE_INSTALL_FD_FLAGS = 28;
/** Offset of `nop_flags` (u32). */
export const SQE_NOP_FLAGS = 28;
/** Offset of `pipe_flags` (u32). */
export const SQE_PIPE_FLAGS = 28;
/** Offset of `user_data` (u64). */
export const SQE_USER_DATA = 32;
/** Offset of `buf_index` (u16). */
export const SQE_BUF_INDEX = 40;
/** Offset of `buf_group` (u16). */
export const SQE_BUF_GROUP = 40;
/** Offset of `personality` (u16). */
export const SQE_PERSONALITY = 42;
/** Offset of `splice_fd_in` (s32). */
export const SQE_SPLICE_FD_IN = 44;
/** Offset of `file_index` (u32). */
export const SQE_FILE_INDEX = 44;
/** Offset of `zcrx_ifq_idx` (u32). */
export const SQE_ZCRX_IFQ_IDX = 44;
/** Offset of `optlen` (u32). */
export const SQE_OPTLEN = 44;
/** Offset of `addr_len` (u16). */
export const SQE_ADDR_LEN = 44;
/** Offset of `write_stream` (u8). */
export const SQE_WRITE_STREAM = 44;
/** Offset of `addr3` (u64). */
export const SQE_ADDR3 = 48;
/** Offset of `attr_ptr` (u64). */
export const SQE_ATTR_PTR = 48;
/** Offset of `attr_type_mask` (u64). */
export const SQE_ATTR_TYPE_MASK = 56;
/** Offset of `optval` (u64). */
export const SQE_OPTVAL = 48;
/** Offset of `cmd` (bytes). */
export const SQE_CMD = 48;
/** Size of an SQE with IORING_SETUP_SQE128. */
export const SQE128_SIZE = 128;

// struct io_uring_cqe

/** Size of `struct io_uring_cqe` in bytes. */
export const CQE_SIZE = 16;
/** Offset of `user_data` (u64). */
export const CQE_USER_DATA = 0;
/** Offset of `res` (s32). */
export const CQE_RES = 8;
/** Offset of `flags` (u32). */
export const CQE_FLAGS = 12;
/** Offset of `big_cqe` (two u64). */
export const CQE_BIG_CQE = 16;
/** Size of a CQE with IORING_SETUP_CQE32. */
export const CQE32_SIZE = 32;

// sqe.flags

/** `fd` is an index into the registered file table. Since 5.1. */
export const IOSQE_FIXED_FILE = 1 << 0;
/** Starts after everything submitted before it has completed. Since 5.2. */
export const IOSQE_IO_DRAIN = 1 << 1;
/** The next SQE starts when this one has succeeded. Since 5.3. */
export const IOSQE_IO_LINK = 1 << 2;
/** The next SQE starts when this one is done, whatever its result. Since 5.5. */
export const IOSQE_IO_HARDLINK = 1 << 3;
/** Goes to a worker without an attempt to complete inline. Since 5.6. */
export const IOSQE_ASYNC = 1 << 4;
/** The kernel picks a buffer from group `buf_group`. Since 5.7. */
export const IOSQE_BUFFER_SELECT = 1 << 5;
/** Posts no CQE when it succeeds. Since 5.17. */
export const IOSQE_CQE_SKIP_SUCCESS = 1 << 6;
/** As `file_index`: the kernel picks a free entry of the registered file table. */
export const IORING_FILE_INDEX_ALLOC = 0xffff_ffff;

// cqe.flags

/** The upper 16 bits of `flags` are the id of the buffer that was used. */
export const IORING_CQE_F_BUFFER = 1 << 0;
/** More CQEs will follow from the same request. */
export const IORING_CQE_F_MORE = 1 << 1;
/** The socket had more data when this receive completed. */
export const IORING_CQE_F_SOCK_NONEMPTY = 1 << 2;
/** The second CQE of a zero-copy send: the buffer is ours again. */
export const IORING_CQE_F_NOTIF = 1 << 3;
/** The provided buffer was used in part and will be used again. Since 6.12. */
export const IORING_CQE_F_BUF_MORE = 1 << 4;
/** Filler before the end of a mixed completion queue: ignore it. Since 6.18. */
export const IORING_CQE_F_SKIP = 1 << 5;
/** This CQE has 32 bytes in a mixed completion queue. Since 6.18. */
export const IORING_CQE_F_32 = 1 << 15;
/** URING_CMD transmit timestamp: it comes from the hardware. */
export const IORING_CQE_F_TSTAMP_HW = 1 << 16;
/** How far to shift `flags` for the buffer id. */
export const IORING_CQE_BUFFER_SHIFT = 16;
/** Bit of `IORING_CQE_F_TSTAMP_HW`. */
export const IORING_TIMESTAMP_HW_SHIFT = 16;
/** How far to shift `flags` for the kind of transmit timestamp. */
export const IORING_TIMESTAMP_TYPE_SHIFT = 17;
