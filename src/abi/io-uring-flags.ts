/**
 * io_uring_enter(2): flags of single operations, each for the SQE field that its docstring names.
 */

/** `fsync_flags`: as fdatasync(2). */
export const IORING_FSYNC_DATASYNC = 1 << 0;
/** `timeout_flags`: the time is a point in time. */
export const IORING_TIMEOUT_ABS = 1 << 0;
/** `timeout_flags` of TIMEOUT_REMOVE: update instead of remove. Since 5.11. */
export const IORING_TIMEOUT_UPDATE = 1 << 1;
/** `timeout_flags`: CLOCK_BOOTTIME. Since 5.15. */
export const IORING_TIMEOUT_BOOTTIME = 1 << 2;
/** `timeout_flags`: CLOCK_REALTIME. Since 5.15. */
export const IORING_TIMEOUT_REALTIME = 1 << 3;
/** `timeout_flags`: expiry does not break a link. Since 5.16. */
export const IORING_TIMEOUT_ETIME_SUCCESS = 1 << 5;
/** `timeout_flags`: fires again and again. Since 6.4. */
export const IORING_TIMEOUT_MULTISHOT = 1 << 6;
/** `timeout_flags`: the bits that choose a clock. */
export const IORING_TIMEOUT_CLOCK_MASK = 0xc;
/** `timeout_flags`: the bits that ask for an update. */
export const IORING_TIMEOUT_UPDATE_MASK = 0x12;
/** `timeout_flags` of TIMEOUT_REMOVE: update a link timeout. Since 5.15. */
export const IORING_LINK_TIMEOUT_UPDATE = 1 << 4;
/** `splice_flags`: `splice_fd_in` is a registered file. */
export const SPLICE_F_FD_IN_FIXED = 0x8000_0000;
/** `len` of POLL_ADD: multishot. Since 5.13. */
export const IORING_POLL_ADD_MULTI = 1 << 0;
/** `len` of POLL_REMOVE: replace the events. Since 5.13. */
export const IORING_POLL_UPDATE_EVENTS = 1 << 1;
/** `len` of POLL_REMOVE: replace the user data. Since 5.13. */
export const IORING_POLL_UPDATE_USER_DATA = 1 << 2;
/** `len` of POLL_ADD: level triggered. Since 6.0. */
export const IORING_POLL_ADD_LEVEL = 1 << 3;
/** `cancel_flags`: every match, not only the first. Since 5.19. */
export const IORING_ASYNC_CANCEL_ALL = 1 << 0;
/** `cancel_flags`: match the descriptor. Since 5.19. */
export const IORING_ASYNC_CANCEL_FD = 1 << 1;
/** `cancel_flags`: match any request. Since 5.19. */
export const IORING_ASYNC_CANCEL_ANY = 1 << 2;
/** `cancel_flags`: the descriptor is a registered file. Since 6.0. */
export const IORING_ASYNC_CANCEL_FD_FIXED = 1 << 3;
/** `cancel_flags`: match the user data as well. Since 6.6. */
export const IORING_ASYNC_CANCEL_USERDATA = 1 << 4;
/** `cancel_flags`: match the opcode. Since 6.6. */
export const IORING_ASYNC_CANCEL_OP = 1 << 5;
/** `ioprio` of send and receive: wait for readiness before trying. Since 5.19. */
export const IORING_RECVSEND_POLL_FIRST = 1 << 0;
/** `ioprio` of receive: again and again into provided buffers. Since 6.0. */
export const IORING_RECV_MULTISHOT = 1 << 1;
/** `ioprio` of zero-copy send: the buffer is registered. Since 6.0. */
export const IORING_RECVSEND_FIXED_BUF = 1 << 2;
/** `ioprio` of zero-copy send: the notification says whether data was copied. Since 6.2. */
export const IORING_SEND_ZC_REPORT_USAGE = 1 << 3;
/** `ioprio` of send and receive: several provided buffers in one go. Since 6.10. */
export const IORING_RECVSEND_BUNDLE = 1 << 4;
/** `ioprio` of send: `addr` is an array of iovecs. Since 6.17. */
export const IORING_SEND_VECTORIZED = 1 << 5;
/** `res` of a notification: the data was copied after all. */
export const IORING_NOTIF_USAGE_ZC_COPIED = 0x8000_0000;
/** `ioprio` of ACCEPT: again and again. Since 5.19. */
export const IORING_ACCEPT_MULTISHOT = 1 << 0;
/** `ioprio` of ACCEPT: do not wait. Since 6.10. */
export const IORING_ACCEPT_DONTWAIT = 1 << 1;
/** `ioprio` of ACCEPT: wait for readiness before trying. Since 6.10. */
export const IORING_ACCEPT_POLL_FIRST = 1 << 2;
/** `addr` of MSG_RING: post `len` and `off` as `res` and user data. */
export const IORING_MSG_DATA = 0;
/** `addr` of MSG_RING: send a registered file. Since 6.0. */
export const IORING_MSG_SEND_FD = 1;
/** `msg_ring_flags`: no CQE at the target. Since 6.0. */
export const IORING_MSG_RING_CQE_SKIP = 1 << 0;
/** `msg_ring_flags`: `file_index` becomes the target's CQE flags. Since 6.3. */
export const IORING_MSG_RING_FLAGS_PASS = 1 << 1;
/** `install_fd_flags`: the new descriptor survives exec. Since 6.8. */
export const IORING_FIXED_FD_NO_CLOEXEC = 1 << 0;
/** `nop_flags`: `len` becomes `res`. Since 6.10. */
export const IORING_NOP_INJECT_RESULT = 1 << 0;
/** `nop_flags`: look the descriptor up. Since 6.13. */
export const IORING_NOP_FILE = 1 << 1;
/** `nop_flags`: look the registered file up. Since 6.13. */
export const IORING_NOP_FIXED_FILE = 1 << 2;
/** `nop_flags`: look the registered buffer up. Since 6.13. */
export const IORING_NOP_FIXED_BUFFER = 1 << 3;
/** `nop_flags`: complete through task work. Since 6.16. */
export const IORING_NOP_TW = 1 << 4;
/** `nop_flags`: post a 32-byte CQE on a mixed ring. Since 6.18. */
export const IORING_NOP_CQE32 = 1 << 5;
/** `uring_cmd_flags`: `buf_index` is a registered buffer. Since 6.1. */
export const IORING_URING_CMD_FIXED = 1 << 0;
/** `uring_cmd_flags`: many completions into provided buffers. Since 6.18. */
export const IORING_URING_CMD_MULTISHOT = 1 << 1;
/** `uring_cmd_flags`: the bits that have a meaning. */
export const IORING_URING_CMD_MASK = 0x3;
/** `attr_type_mask`: `attr_ptr` is a `struct io_uring_attr_pi`. Since 6.13. */
export const IORING_RW_ATTR_FLAG_PI = 1 << 0;
/** `cmd_op` on a socket: bytes that can be received. Since 6.7. */
export const SOCKET_URING_OP_SIOCINQ = 0;
/** `cmd_op` on a socket: bytes not sent yet. Since 6.7. */
export const SOCKET_URING_OP_SIOCOUTQ = 1;
/** `cmd_op` on a socket: getsockopt(2). Since 6.7. */
export const SOCKET_URING_OP_GETSOCKOPT = 2;
/** `cmd_op` on a socket: setsockopt(2). Since 6.7. */
export const SOCKET_URING_OP_SETSOCKOPT = 3;
/** `cmd_op` on a socket: transmit timestamps. Since 6.17. */
export const SOCKET_URING_OP_TX_TIMESTAMP = 4;
/** `cmd_op` on a socket: getsockname(2) and getpeername(2). Since 6.19. */
export const SOCKET_URING_OP_GETSOCKNAME = 5;
/** `fd` of FUTEX_WAIT and FUTEX_WAKE: an 8-bit futex; no kernel takes it yet. */
export const FUTEX2_SIZE_U8 = 0x00;
/** `fd` of FUTEX_WAIT and FUTEX_WAKE: a 16-bit futex; no kernel takes it yet. */
export const FUTEX2_SIZE_U16 = 0x01;
/** `fd` of FUTEX_WAIT and FUTEX_WAKE: a 32-bit futex. */
export const FUTEX2_SIZE_U32 = 0x02;
/** `fd` of FUTEX_WAIT and FUTEX_WAKE: a 64-bit futex; no kernel takes it yet. */
export const FUTEX2_SIZE_U64 = 0x03;
/** `fd` of FUTEX_WAIT and FUTEX_WAKE: the futex carries a node number. */
export const FUTEX2_NUMA = 0x04;
/** `fd` of FUTEX_WAIT and FUTEX_WAKE: not shared with other processes. */
export const FUTEX2_PRIVATE = 0x80;
/** `addr3` of FUTEX_WAIT and FUTEX_WAKE: every waiter. */
export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;
