/*
 * io_uring(7) through Linux 6.19 as one table: constants, sizes, offsets. It
 * makes the enumerators of uring_abi.h and the answer of uringAbi().
 */
#ifndef PROACTOR_URING_TABLE_H
#define PROACTOR_URING_TABLE_H

/* Every number, X(name, value), under the kernel's own name. */
#define URING_CONSTANTS(X) \
	X(IORING_OP_NOP, 0) \
	X(IORING_OP_READV, 1) \
	X(IORING_OP_WRITEV, 2) \
	X(IORING_OP_FSYNC, 3) \
	X(IORING_OP_READ_FIXED, 4) \
	X(IORING_OP_WRITE_FIXED, 5) \
	X(IORING_OP_POLL_ADD, 6) \
	X(IORING_OP_POLL_REMOVE, 7) \
	X(IORING_OP_SYNC_FILE_RANGE, 8) \
	X(IORING_OP_SENDMSG, 9) \
	X(IORING_OP_RECVMSG, 10) \
	X(IORING_OP_TIMEOUT, 11) \
	X(IORING_OP_TIMEOUT_REMOVE, 12) \
	X(IORING_OP_ACCEPT, 13) \
	X(IORING_OP_ASYNC_CANCEL, 14) \
	X(IORING_OP_LINK_TIMEOUT, 15) \
	X(IORING_OP_CONNECT, 16) \
	X(IORING_OP_FALLOCATE, 17) \
	X(IORING_OP_OPENAT, 18) \
	X(IORING_OP_CLOSE, 19) \
	X(IORING_OP_FILES_UPDATE, 20) \
	X(IORING_OP_STATX, 21) \
	X(IORING_OP_READ, 22) \
	X(IORING_OP_WRITE, 23) \
	X(IORING_OP_FADVISE, 24) \
	X(IORING_OP_MADVISE, 25) \
	X(IORING_OP_SEND, 26) \
	X(IORING_OP_RECV, 27) \
	X(IORING_OP_OPENAT2, 28) \
	X(IORING_OP_EPOLL_CTL, 29) \
	X(IORING_OP_SPLICE, 30) \
	X(IORING_OP_PROVIDE_BUFFERS, 31) \
	X(IORING_OP_REMOVE_BUFFERS, 32) \
	X(IORING_OP_TEE, 33) \
	X(IORING_OP_SHUTDOWN, 34) \
	X(IORING_OP_RENAMEAT, 35) \
	X(IORING_OP_UNLINKAT, 36) \
	X(IORING_OP_MKDIRAT, 37) \
	X(IORING_OP_SYMLINKAT, 38) \
	X(IORING_OP_LINKAT, 39) \
	X(IORING_OP_MSG_RING, 40) \
	X(IORING_OP_FSETXATTR, 41) \
	X(IORING_OP_SETXATTR, 42) \
	X(IORING_OP_FGETXATTR, 43) \
	X(IORING_OP_GETXATTR, 44) \
	X(IORING_OP_SOCKET, 45) \
	X(IORING_OP_URING_CMD, 46) \
	X(IORING_OP_SEND_ZC, 47) \
	X(IORING_OP_SENDMSG_ZC, 48) \
	X(IORING_OP_READ_MULTISHOT, 49) \
	X(IORING_OP_WAITID, 50) \
	X(IORING_OP_FUTEX_WAIT, 51) \
	X(IORING_OP_FUTEX_WAKE, 52) \
	X(IORING_OP_FUTEX_WAITV, 53) \
	X(IORING_OP_FIXED_FD_INSTALL, 54) \
	X(IORING_OP_FTRUNCATE, 55) \
	X(IORING_OP_BIND, 56) \
	X(IORING_OP_LISTEN, 57) \
	X(IORING_OP_RECV_ZC, 58) \
	X(IORING_OP_EPOLL_WAIT, 59) \
	X(IORING_OP_READV_FIXED, 60) \
	X(IORING_OP_WRITEV_FIXED, 61) \
	X(IORING_OP_PIPE, 62) \
	X(IORING_OP_NOP128, 63) \
	X(IORING_OP_URING_CMD128, 64) \
	X(IORING_OP_LAST, 65) \
	X(IOSQE_FIXED_FILE, 1 << 0) \
	X(IOSQE_IO_DRAIN, 1 << 1) \
	X(IOSQE_IO_LINK, 1 << 2) \
	X(IOSQE_IO_HARDLINK, 1 << 3) \
	X(IOSQE_ASYNC, 1 << 4) \
	X(IOSQE_BUFFER_SELECT, 1 << 5) \
	X(IOSQE_CQE_SKIP_SUCCESS, 1 << 6) \
	X(IORING_FILE_INDEX_ALLOC, 0xffffffff) \
	X(IORING_CQE_F_BUFFER, 1 << 0) \
	X(IORING_CQE_F_MORE, 1 << 1) \
	X(IORING_CQE_F_SOCK_NONEMPTY, 1 << 2) \
	X(IORING_CQE_F_NOTIF, 1 << 3) \
	X(IORING_CQE_F_BUF_MORE, 1 << 4) \
	X(IORING_CQE_F_SKIP, 1 << 5) \
	X(IORING_CQE_F_32, 1 << 15) \
	X(IORING_CQE_F_TSTAMP_HW, 1 << 16) \
	X(IORING_CQE_BUFFER_SHIFT, 16) \
	X(IORING_TIMESTAMP_HW_SHIFT, 16) \
	X(IORING_TIMESTAMP_TYPE_SHIFT, 17) \
	X(IORING_SETUP_IOPOLL, 1 << 0) \
	X(IORING_SETUP_SQPOLL, 1 << 1) \
	X(IORING_SETUP_SQ_AFF, 1 << 2) \
	X(IORING_SETUP_CQSIZE, 1 << 3) \
	X(IORING_SETUP_CLAMP, 1 << 4) \
	X(IORING_SETUP_ATTACH_WQ, 1 << 5) \
	X(IORING_SETUP_R_DISABLED, 1 << 6) \
	X(IORING_SETUP_SUBMIT_ALL, 1 << 7) \
	X(IORING_SETUP_COOP_TASKRUN, 1 << 8) \
	X(IORING_SETUP_TASKRUN_FLAG, 1 << 9) \
	X(IORING_SETUP_SQE128, 1 << 10) \
	X(IORING_SETUP_CQE32, 1 << 11) \
	X(IORING_SETUP_SINGLE_ISSUER, 1 << 12) \
	X(IORING_SETUP_DEFER_TASKRUN, 1 << 13) \
	X(IORING_SETUP_NO_MMAP, 1 << 14) \
	X(IORING_SETUP_REGISTERED_FD_ONLY, 1 << 15) \
	X(IORING_SETUP_NO_SQARRAY, 1 << 16) \
	X(IORING_SETUP_HYBRID_IOPOLL, 1 << 17) \
	X(IORING_SETUP_CQE_MIXED, 1 << 18) \
	X(IORING_SETUP_SQE_MIXED, 1 << 19) \
	X(IORING_SETUP_SQ_REWIND, 1 << 20) \
	X(IORING_FEAT_SINGLE_MMAP, 1 << 0) \
	X(IORING_FEAT_NODROP, 1 << 1) \
	X(IORING_FEAT_SUBMIT_STABLE, 1 << 2) \
	X(IORING_FEAT_RW_CUR_POS, 1 << 3) \
	X(IORING_FEAT_CUR_PERSONALITY, 1 << 4) \
	X(IORING_FEAT_FAST_POLL, 1 << 5) \
	X(IORING_FEAT_POLL_32BITS, 1 << 6) \
	X(IORING_FEAT_SQPOLL_NONFIXED, 1 << 7) \
	X(IORING_FEAT_EXT_ARG, 1 << 8) \
	X(IORING_FEAT_NATIVE_WORKERS, 1 << 9) \
	X(IORING_FEAT_RSRC_TAGS, 1 << 10) \
	X(IORING_FEAT_CQE_SKIP, 1 << 11) \
	X(IORING_FEAT_LINKED_FILE, 1 << 12) \
	X(IORING_FEAT_REG_REG_RING, 1 << 13) \
	X(IORING_FEAT_RECVSEND_BUNDLE, 1 << 14) \
	X(IORING_FEAT_MIN_TIMEOUT, 1 << 15) \
	X(IORING_FEAT_RW_ATTR, 1 << 16) \
	X(IORING_FEAT_NO_IOWAIT, 1 << 17) \
	X(IORING_ENTER_GETEVENTS, 1 << 0) \
	X(IORING_ENTER_SQ_WAKEUP, 1 << 1) \
	X(IORING_ENTER_SQ_WAIT, 1 << 2) \
	X(IORING_ENTER_EXT_ARG, 1 << 3) \
	X(IORING_ENTER_REGISTERED_RING, 1 << 4) \
	X(IORING_ENTER_ABS_TIMER, 1 << 5) \
	X(IORING_ENTER_EXT_ARG_REG, 1 << 6) \
	X(IORING_ENTER_NO_IOWAIT, 1 << 7) \
	X(IORING_SQ_NEED_WAKEUP, 1 << 0) \
	X(IORING_SQ_CQ_OVERFLOW, 1 << 1) \
	X(IORING_SQ_TASKRUN, 1 << 2) \
	X(IORING_CQ_EVENTFD_DISABLED, 1 << 0) \
	X(IORING_OFF_SQ_RING, 0) \
	X(IORING_OFF_CQ_RING, 0x08000000) \
	X(IORING_OFF_SQES, 0x10000000) \
	X(IORING_OFF_PBUF_RING, 0x80000000) \
	X(IORING_OFF_PBUF_SHIFT, 16) \
	X(IORING_OFF_MMAP_MASK, 0xf8000000) \
	X(IORING_FSYNC_DATASYNC, 1 << 0) \
	X(IORING_TIMEOUT_ABS, 1 << 0) \
	X(IORING_TIMEOUT_UPDATE, 1 << 1) \
	X(IORING_TIMEOUT_BOOTTIME, 1 << 2) \
	X(IORING_TIMEOUT_REALTIME, 1 << 3) \
	X(IORING_TIMEOUT_ETIME_SUCCESS, 1 << 5) \
	X(IORING_TIMEOUT_MULTISHOT, 1 << 6) \
	X(IORING_TIMEOUT_CLOCK_MASK, 0xc) \
	X(IORING_TIMEOUT_UPDATE_MASK, 0x12) \
	X(IORING_LINK_TIMEOUT_UPDATE, 1 << 4) \
	X(SPLICE_F_FD_IN_FIXED, 0x80000000) \
	X(IORING_POLL_ADD_MULTI, 1 << 0) \
	X(IORING_POLL_UPDATE_EVENTS, 1 << 1) \
	X(IORING_POLL_UPDATE_USER_DATA, 1 << 2) \
	X(IORING_POLL_ADD_LEVEL, 1 << 3) \
	X(IORING_ASYNC_CANCEL_ALL, 1 << 0) \
	X(IORING_ASYNC_CANCEL_FD, 1 << 1) \
	X(IORING_ASYNC_CANCEL_ANY, 1 << 2) \
	X(IORING_ASYNC_CANCEL_FD_FIXED, 1 << 3) \
	X(IORING_ASYNC_CANCEL_USERDATA, 1 << 4) \
	X(IORING_ASYNC_CANCEL_OP, 1 << 5) \
	X(IORING_RECVSEND_POLL_FIRST, 1 << 0) \
	X(IORING_RECV_MULTISHOT, 1 << 1) \
	X(IORING_RECVSEND_FIXED_BUF, 1 << 2) \
	X(IORING_SEND_ZC_REPORT_USAGE, 1 << 3) \
	X(IORING_RECVSEND_BUNDLE, 1 << 4) \
	X(IORING_SEND_VECTORIZED, 1 << 5) \
	X(IORING_NOTIF_USAGE_ZC_COPIED, 0x80000000) \
	X(IORING_ACCEPT_MULTISHOT, 1 << 0) \
	X(IORING_ACCEPT_DONTWAIT, 1 << 1) \
	X(IORING_ACCEPT_POLL_FIRST, 1 << 2) \
	X(IORING_MSG_DATA, 0) \
	X(IORING_MSG_SEND_FD, 1) \
	X(IORING_MSG_RING_CQE_SKIP, 1 << 0) \
	X(IORING_MSG_RING_FLAGS_PASS, 1 << 1) \
	X(IORING_FIXED_FD_NO_CLOEXEC, 1 << 0) \
	X(IORING_NOP_INJECT_RESULT, 1 << 0) \
	X(IORING_NOP_FILE, 1 << 1) \
	X(IORING_NOP_FIXED_FILE, 1 << 2) \
	X(IORING_NOP_FIXED_BUFFER, 1 << 3) \
	X(IORING_NOP_TW, 1 << 4) \
	X(IORING_NOP_CQE32, 1 << 5) \
	X(IORING_URING_CMD_FIXED, 1 << 0) \
	X(IORING_URING_CMD_MULTISHOT, 1 << 1) \
	X(IORING_URING_CMD_MASK, 0x3) \
	X(IORING_RW_ATTR_FLAG_PI, 1 << 0) \
	X(SOCKET_URING_OP_SIOCINQ, 0) \
	X(SOCKET_URING_OP_SIOCOUTQ, 1) \
	X(SOCKET_URING_OP_GETSOCKOPT, 2) \
	X(SOCKET_URING_OP_SETSOCKOPT, 3) \
	X(SOCKET_URING_OP_TX_TIMESTAMP, 4) \
	X(SOCKET_URING_OP_GETSOCKNAME, 5) \
	X(FUTEX2_SIZE_U8, 0x00) \
	X(FUTEX2_SIZE_U16, 0x01) \
	X(FUTEX2_SIZE_U32, 0x02) \
	X(FUTEX2_SIZE_U64, 0x03) \
	X(FUTEX2_NUMA, 0x04) \
	X(FUTEX2_PRIVATE, 0x80) \
	X(FUTEX_BITSET_MATCH_ANY, 0xffffffff) \
	X(IORING_REGISTER_BUFFERS, 0) \
	X(IORING_UNREGISTER_BUFFERS, 1) \
	X(IORING_REGISTER_FILES, 2) \
	X(IORING_UNREGISTER_FILES, 3) \
	X(IORING_REGISTER_EVENTFD, 4) \
	X(IORING_UNREGISTER_EVENTFD, 5) \
	X(IORING_REGISTER_FILES_UPDATE, 6) \
	X(IORING_REGISTER_EVENTFD_ASYNC, 7) \
	X(IORING_REGISTER_PROBE, 8) \
	X(IORING_REGISTER_PERSONALITY, 9) \
	X(IORING_UNREGISTER_PERSONALITY, 10) \
	X(IORING_REGISTER_RESTRICTIONS, 11) \
	X(IORING_REGISTER_ENABLE_RINGS, 12) \
	X(IORING_REGISTER_FILES2, 13) \
	X(IORING_REGISTER_FILES_UPDATE2, 14) \
	X(IORING_REGISTER_BUFFERS2, 15) \
	X(IORING_REGISTER_BUFFERS_UPDATE, 16) \
	X(IORING_REGISTER_IOWQ_AFF, 17) \
	X(IORING_UNREGISTER_IOWQ_AFF, 18) \
	X(IORING_REGISTER_IOWQ_MAX_WORKERS, 19) \
	X(IORING_REGISTER_RING_FDS, 20) \
	X(IORING_UNREGISTER_RING_FDS, 21) \
	X(IORING_REGISTER_PBUF_RING, 22) \
	X(IORING_UNREGISTER_PBUF_RING, 23) \
	X(IORING_REGISTER_SYNC_CANCEL, 24) \
	X(IORING_REGISTER_FILE_ALLOC_RANGE, 25) \
	X(IORING_REGISTER_PBUF_STATUS, 26) \
	X(IORING_REGISTER_NAPI, 27) \
	X(IORING_UNREGISTER_NAPI, 28) \
	X(IORING_REGISTER_CLOCK, 29) \
	X(IORING_REGISTER_CLONE_BUFFERS, 30) \
	X(IORING_REGISTER_SEND_MSG_RING, 31) \
	X(IORING_REGISTER_ZCRX_IFQ, 32) \
	X(IORING_REGISTER_RESIZE_RINGS, 33) \
	X(IORING_REGISTER_MEM_REGION, 34) \
	X(IORING_REGISTER_QUERY, 35) \
	X(IORING_REGISTER_ZCRX_CTRL, 36) \
	X(IORING_REGISTER_USE_REGISTERED_RING, 0x80000000) \
	X(IO_WQ_BOUND, 0) \
	X(IO_WQ_UNBOUND, 1) \
	X(IORING_RSRC_REGISTER_SPARSE, 1 << 0) \
	X(IORING_REGISTER_FILES_SKIP, -2) \
	X(IO_URING_OP_SUPPORTED, 1 << 0) \
	X(IORING_REGISTER_SRC_REGISTERED, 1 << 0) \
	X(IORING_REGISTER_DST_REPLACE, 1 << 1) \
	X(IOU_PBUF_RING_MMAP, 1) \
	X(IOU_PBUF_RING_INC, 2) \
	X(IORING_RESTRICTION_REGISTER_OP, 0) \
	X(IORING_RESTRICTION_SQE_OP, 1) \
	X(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, 2) \
	X(IORING_RESTRICTION_SQE_FLAGS_REQUIRED, 3) \
	X(IORING_MEM_REGION_TYPE_USER, 1) \
	X(IORING_MEM_REGION_REG_WAIT_ARG, 1) \
	X(IORING_REG_WAIT_TS, 1 << 0) \
	X(IO_URING_NAPI_REGISTER_OP, 0) \
	X(IO_URING_NAPI_STATIC_ADD_ID, 1) \
	X(IO_URING_NAPI_STATIC_DEL_ID, 2) \
	X(IO_URING_NAPI_TRACKING_DYNAMIC, 0) \
	X(IO_URING_NAPI_TRACKING_STATIC, 1) \
	X(IO_URING_NAPI_TRACKING_INACTIVE, 255) \
	X(IO_URING_QUERY_OPCODES, 0) \
	X(IO_URING_QUERY_ZCRX, 1) \
	X(IO_URING_QUERY_SCQ, 2) \
	X(IORING_ZCRX_AREA_SHIFT, 48) \
	X(IORING_ZCRX_AREA_DMABUF, 1) \
	X(ZCRX_REG_IMPORT, 1) \
	X(ZCRX_CTRL_FLUSH_RQ, 0) \
	X(ZCRX_CTRL_EXPORT, 1)

/* Sizes and offsets under the names that src/abi gives them. */
#define URING_LAYOUTS(SIZE, OFFSET) \
	SIZE(SQE_SIZE, uring_sqe) \
	OFFSET(SQE_OPCODE, uring_sqe, opcode) \
	OFFSET(SQE_FLAGS, uring_sqe, flags) \
	OFFSET(SQE_IOPRIO, uring_sqe, ioprio) \
	OFFSET(SQE_FD, uring_sqe, fd) \
	OFFSET(SQE_OFF, uring_sqe, off) \
	OFFSET(SQE_ADDR2, uring_sqe, addr2) \
	OFFSET(SQE_CMD_OP, uring_sqe, cmd_op) \
	OFFSET(SQE_ADDR, uring_sqe, addr) \
	OFFSET(SQE_SPLICE_OFF_IN, uring_sqe, splice_off_in) \
	OFFSET(SQE_LEVEL, uring_sqe, level) \
	OFFSET(SQE_OPTNAME, uring_sqe, optname) \
	OFFSET(SQE_LEN, uring_sqe, len) \
	OFFSET(SQE_RW_FLAGS, uring_sqe, rw_flags) \
	OFFSET(SQE_FSYNC_FLAGS, uring_sqe, fsync_flags) \
	OFFSET(SQE_POLL_EVENTS, uring_sqe, poll_events) \
	OFFSET(SQE_POLL32_EVENTS, uring_sqe, poll32_events) \
	OFFSET(SQE_SYNC_RANGE_FLAGS, uring_sqe, sync_range_flags) \
	OFFSET(SQE_MSG_FLAGS, uring_sqe, msg_flags) \
	OFFSET(SQE_TIMEOUT_FLAGS, uring_sqe, timeout_flags) \
	OFFSET(SQE_ACCEPT_FLAGS, uring_sqe, accept_flags) \
	OFFSET(SQE_CANCEL_FLAGS, uring_sqe, cancel_flags) \
	OFFSET(SQE_OPEN_FLAGS, uring_sqe, open_flags) \
	OFFSET(SQE_STATX_FLAGS, uring_sqe, statx_flags) \
	OFFSET(SQE_FADVISE_ADVICE, uring_sqe, fadvise_advice) \
	OFFSET(SQE_SPLICE_FLAGS, uring_sqe, splice_flags) \
	OFFSET(SQE_RENAME_FLAGS, uring_sqe, rename_flags) \
	OFFSET(SQE_UNLINK_FLAGS, uring_sqe, unlink_flags) \
	OFFSET(SQE_HARDLINK_FLAGS, uring_sqe, hardlink_flags) \
	OFFSET(SQE_XATTR_FLAGS, uring_sqe, xattr_flags) \
	OFFSET(SQE_MSG_RING_FLAGS, uring_sqe, msg_ring_flags) \
	OFFSET(SQE_URING_CMD_FLAGS, uring_sqe, uring_cmd_flags) \
	OFFSET(SQE_WAITID_FLAGS, uring_sqe, waitid_flags) \
	OFFSET(SQE_FUTEX_FLAGS, uring_sqe, futex_flags) \
	OFFSET(SQE_INSTALL_FD_FLAGS, uring_sqe, install_fd_flags) \
	OFFSET(SQE_NOP_FLAGS, uring_sqe, nop_flags) \
	OFFSET(SQE_PIPE_FLAGS, uring_sqe, pipe_flags) \
	OFFSET(SQE_USER_DATA, uring_sqe, user_data) \
	OFFSET(SQE_BUF_INDEX, uring_sqe, buf_index) \
	OFFSET(SQE_BUF_GROUP, uring_sqe, buf_group) \
	OFFSET(SQE_PERSONALITY, uring_sqe, personality) \
	OFFSET(SQE_SPLICE_FD_IN, uring_sqe, splice_fd_in) \
	OFFSET(SQE_FILE_INDEX, uring_sqe, file_index) \
	OFFSET(SQE_ZCRX_IFQ_IDX, uring_sqe, zcrx_ifq_idx) \
	OFFSET(SQE_OPTLEN, uring_sqe, optlen) \
	OFFSET(SQE_ADDR_LEN, uring_sqe, addr_len) \
	OFFSET(SQE_WRITE_STREAM, uring_sqe, write_stream) \
	OFFSET(SQE_ADDR3, uring_sqe, addr3) \
	OFFSET(SQE_ATTR_PTR, uring_sqe, attr_ptr) \
	OFFSET(SQE_ATTR_TYPE_MASK, uring_sqe, attr_type_mask) \
	OFFSET(SQE_OPTVAL, uring_sqe, optval) \
	OFFSET(SQE_CMD, uring_sqe, cmd) \
	SIZE(CQE_SIZE, uring_cqe) \
	OFFSET(CQE_USER_DATA, uring_cqe, user_data) \
	OFFSET(CQE_RES, uring_cqe, res) \
	OFFSET(CQE_FLAGS, uring_cqe, flags) \
	OFFSET(CQE_BIG_CQE, uring_cqe, big_cqe) \
	SIZE(PARAMS_SIZE, uring_params) \
	OFFSET(PARAMS_SQ_ENTRIES, uring_params, sq_entries) \
	OFFSET(PARAMS_CQ_ENTRIES, uring_params, cq_entries) \
	OFFSET(PARAMS_FLAGS, uring_params, flags) \
	OFFSET(PARAMS_SQ_THREAD_CPU, uring_params, sq_thread_cpu) \
	OFFSET(PARAMS_SQ_THREAD_IDLE, uring_params, sq_thread_idle) \
	OFFSET(PARAMS_FEATURES, uring_params, features) \
	OFFSET(PARAMS_WQ_FD, uring_params, wq_fd) \
	OFFSET(PARAMS_RESV, uring_params, resv) \
	OFFSET(PARAMS_SQ_OFF_HEAD, uring_params, sq_off.head) \
	OFFSET(PARAMS_SQ_OFF_TAIL, uring_params, sq_off.tail) \
	OFFSET(PARAMS_SQ_OFF_RING_MASK, uring_params, sq_off.ring_mask) \
	OFFSET(PARAMS_SQ_OFF_RING_ENTRIES, uring_params, sq_off.ring_entries) \
	OFFSET(PARAMS_SQ_OFF_FLAGS, uring_params, sq_off.flags) \
	OFFSET(PARAMS_SQ_OFF_DROPPED, uring_params, sq_off.dropped) \
	OFFSET(PARAMS_SQ_OFF_ARRAY, uring_params, sq_off.array) \
	OFFSET(PARAMS_SQ_OFF_RESV1, uring_params, sq_off.resv1) \
	OFFSET(PARAMS_SQ_OFF_USER_ADDR, uring_params, sq_off.user_addr) \
	OFFSET(PARAMS_CQ_OFF_HEAD, uring_params, cq_off.head) \
	OFFSET(PARAMS_CQ_OFF_TAIL, uring_params, cq_off.tail) \
	OFFSET(PARAMS_CQ_OFF_RING_MASK, uring_params, cq_off.ring_mask) \
	OFFSET(PARAMS_CQ_OFF_RING_ENTRIES, uring_params, cq_off.ring_entries) \
	OFFSET(PARAMS_CQ_OFF_OVERFLOW, uring_params, cq_off.overflow) \
	OFFSET(PARAMS_CQ_OFF_CQES, uring_params, cq_off.cqes) \
	OFFSET(PARAMS_CQ_OFF_FLAGS, uring_params, cq_off.flags) \
	OFFSET(PARAMS_CQ_OFF_RESV1, uring_params, cq_off.resv1) \
	OFFSET(PARAMS_CQ_OFF_USER_ADDR, uring_params, cq_off.user_addr) \
	SIZE(GETEVENTS_ARG_SIZE, uring_getevents_arg) \
	OFFSET(GETEVENTS_ARG_SIGMASK, uring_getevents_arg, sigmask) \
	OFFSET(GETEVENTS_ARG_SIGMASK_SZ, uring_getevents_arg, sigmask_sz) \
	OFFSET(GETEVENTS_ARG_MIN_WAIT_USEC, uring_getevents_arg, min_wait_usec) \
	OFFSET(GETEVENTS_ARG_TS, uring_getevents_arg, ts) \
	SIZE(REG_WAIT_SIZE, uring_reg_wait) \
	OFFSET(REG_WAIT_TS, uring_reg_wait, ts) \
	OFFSET(REG_WAIT_MIN_WAIT_USEC, uring_reg_wait, min_wait_usec) \
	OFFSET(REG_WAIT_FLAGS, uring_reg_wait, flags) \
	OFFSET(REG_WAIT_SIGMASK, uring_reg_wait, sigmask) \
	OFFSET(REG_WAIT_SIGMASK_SZ, uring_reg_wait, sigmask_sz) \
	SIZE(PROBE_SIZE, uring_probe) \
	OFFSET(PROBE_LAST_OP, uring_probe, last_op) \
	OFFSET(PROBE_OPS_LEN, uring_probe, ops_len) \
	OFFSET(PROBE_OPS, uring_probe, ops) \
	SIZE(PROBE_OP_SIZE, uring_probe_op) \
	OFFSET(PROBE_OP_OP, uring_probe_op, op) \
	OFFSET(PROBE_OP_FLAGS, uring_probe_op, flags) \
	SIZE(RSRC_REGISTER_SIZE, uring_rsrc_register) \
	OFFSET(RSRC_REGISTER_NR, uring_rsrc_register, nr) \
	OFFSET(RSRC_REGISTER_FLAGS, uring_rsrc_register, flags) \
	OFFSET(RSRC_REGISTER_DATA, uring_rsrc_register, data) \
	OFFSET(RSRC_REGISTER_TAGS, uring_rsrc_register, tags) \
	SIZE(RSRC_UPDATE_SIZE, uring_rsrc_update) \
	OFFSET(RSRC_UPDATE_OFFSET, uring_rsrc_update, offset) \
	OFFSET(RSRC_UPDATE_DATA, uring_rsrc_update, data) \
	SIZE(RSRC_UPDATE2_SIZE, uring_rsrc_update2) \
	OFFSET(RSRC_UPDATE2_OFFSET, uring_rsrc_update2, offset) \
	OFFSET(RSRC_UPDATE2_DATA, uring_rsrc_update2, data) \
	OFFSET(RSRC_UPDATE2_TAGS, uring_rsrc_update2, tags) \
	OFFSET(RSRC_UPDATE2_NR, uring_rsrc_update2, nr) \
	SIZE(FILES_UPDATE_SIZE, uring_files_update) \
	OFFSET(FILES_UPDATE_OFFSET, uring_files_update, offset) \
	OFFSET(FILES_UPDATE_FDS, uring_files_update, fds) \
	SIZE(BUF_SIZE, uring_buf) \
	OFFSET(BUF_ADDR, uring_buf, addr) \
	OFFSET(BUF_LEN, uring_buf, len) \
	OFFSET(BUF_BID, uring_buf, bid) \
	SIZE(BUF_RING_SIZE, uring_buf_ring) \
	OFFSET(BUF_RING_TAIL, uring_buf_ring, tail) \
	SIZE(BUF_REG_SIZE, uring_buf_reg) \
	OFFSET(BUF_REG_RING_ADDR, uring_buf_reg, ring_addr) \
	OFFSET(BUF_REG_RING_ENTRIES, uring_buf_reg, ring_entries) \
	OFFSET(BUF_REG_BGID, uring_buf_reg, bgid) \
	OFFSET(BUF_REG_FLAGS, uring_buf_reg, flags) \
	SIZE(BUF_STATUS_SIZE, uring_buf_status) \
	OFFSET(BUF_STATUS_BUF_GROUP, uring_buf_status, buf_group) \
	OFFSET(BUF_STATUS_HEAD, uring_buf_status, head) \
	SIZE(SYNC_CANCEL_REG_SIZE, uring_sync_cancel_reg) \
	OFFSET(SYNC_CANCEL_REG_ADDR, uring_sync_cancel_reg, addr) \
	OFFSET(SYNC_CANCEL_REG_FD, uring_sync_cancel_reg, fd) \
	OFFSET(SYNC_CANCEL_REG_FLAGS, uring_sync_cancel_reg, flags) \
	OFFSET(SYNC_CANCEL_REG_TIMEOUT, uring_sync_cancel_reg, timeout) \
	OFFSET(SYNC_CANCEL_REG_OPCODE, uring_sync_cancel_reg, opcode) \
	SIZE(FILE_INDEX_RANGE_SIZE, uring_file_index_range) \
	OFFSET(FILE_INDEX_RANGE_OFF, uring_file_index_range, off) \
	OFFSET(FILE_INDEX_RANGE_LEN, uring_file_index_range, len) \
	SIZE(RESTRICTION_SIZE, uring_restriction) \
	OFFSET(RESTRICTION_OPCODE, uring_restriction, opcode) \
	OFFSET(RESTRICTION_REGISTER_OP, uring_restriction, register_op) \
	OFFSET(RESTRICTION_SQE_OP, uring_restriction, sqe_op) \
	OFFSET(RESTRICTION_SQE_FLAGS, uring_restriction, sqe_flags) \
	SIZE(NAPI_SIZE, uring_napi) \
	OFFSET(NAPI_BUSY_POLL_TO, uring_napi, busy_poll_to) \
	OFFSET(NAPI_PREFER_BUSY_POLL, uring_napi, prefer_busy_poll) \
	OFFSET(NAPI_OPCODE, uring_napi, opcode) \
	OFFSET(NAPI_OP_PARAM, uring_napi, op_param) \
	SIZE(CLOCK_REGISTER_SIZE, uring_clock_register) \
	OFFSET(CLOCK_REGISTER_CLOCKID, uring_clock_register, clockid) \
	SIZE(CLONE_BUFFERS_SIZE, uring_clone_buffers) \
	OFFSET(CLONE_BUFFERS_SRC_FD, uring_clone_buffers, src_fd) \
	OFFSET(CLONE_BUFFERS_FLAGS, uring_clone_buffers, flags) \
	OFFSET(CLONE_BUFFERS_SRC_OFF, uring_clone_buffers, src_off) \
	OFFSET(CLONE_BUFFERS_DST_OFF, uring_clone_buffers, dst_off) \
	OFFSET(CLONE_BUFFERS_NR, uring_clone_buffers, nr) \
	SIZE(REGION_DESC_SIZE, uring_region_desc) \
	OFFSET(REGION_DESC_USER_ADDR, uring_region_desc, user_addr) \
	OFFSET(REGION_DESC_BYTES, uring_region_desc, size) \
	OFFSET(REGION_DESC_FLAGS, uring_region_desc, flags) \
	OFFSET(REGION_DESC_ID, uring_region_desc, id) \
	OFFSET(REGION_DESC_MMAP_OFFSET, uring_region_desc, mmap_offset) \
	SIZE(MEM_REGION_REG_SIZE, uring_mem_region_reg) \
	OFFSET(MEM_REGION_REG_REGION_UPTR, uring_mem_region_reg, region_uptr) \
	OFFSET(MEM_REGION_REG_FLAGS, uring_mem_region_reg, flags) \
	SIZE(RECVMSG_OUT_SIZE, uring_recvmsg_out) \
	OFFSET(RECVMSG_OUT_NAMELEN, uring_recvmsg_out, namelen) \
	OFFSET(RECVMSG_OUT_CONTROLLEN, uring_recvmsg_out, controllen) \
	OFFSET(RECVMSG_OUT_PAYLOADLEN, uring_recvmsg_out, payloadlen) \
	OFFSET(RECVMSG_OUT_FLAGS, uring_recvmsg_out, flags) \
	SIZE(ATTR_PI_SIZE, uring_attr_pi) \
	OFFSET(ATTR_PI_FLAGS, uring_attr_pi, flags) \
	OFFSET(ATTR_PI_APP_TAG, uring_attr_pi, app_tag) \
	OFFSET(ATTR_PI_LEN, uring_attr_pi, len) \
	OFFSET(ATTR_PI_ADDR, uring_attr_pi, addr) \
	OFFSET(ATTR_PI_SEED, uring_attr_pi, seed) \
	SIZE(QUERY_HDR_SIZE, uring_query_hdr) \
	OFFSET(QUERY_HDR_NEXT_ENTRY, uring_query_hdr, next_entry) \
	OFFSET(QUERY_HDR_QUERY_DATA, uring_query_hdr, query_data) \
	OFFSET(QUERY_HDR_QUERY_OP, uring_query_hdr, query_op) \
	OFFSET(QUERY_HDR_BYTES, uring_query_hdr, size) \
	OFFSET(QUERY_HDR_RESULT, uring_query_hdr, result) \
	SIZE(QUERY_OPCODE_SIZE, uring_query_opcode) \
	OFFSET(QUERY_OPCODE_NR_REQUEST_OPCODES, uring_query_opcode, nr_request_opcodes) \
	OFFSET(QUERY_OPCODE_NR_REGISTER_OPCODES, uring_query_opcode, nr_register_opcodes) \
	OFFSET(QUERY_OPCODE_FEATURE_FLAGS, uring_query_opcode, feature_flags) \
	OFFSET(QUERY_OPCODE_RING_SETUP_FLAGS, uring_query_opcode, ring_setup_flags) \
	OFFSET(QUERY_OPCODE_ENTER_FLAGS, uring_query_opcode, enter_flags) \
	OFFSET(QUERY_OPCODE_SQE_FLAGS, uring_query_opcode, sqe_flags) \
	OFFSET(QUERY_OPCODE_NR_QUERY_OPCODES, uring_query_opcode, nr_query_opcodes) \
	SIZE(ZCRX_RQE_SIZE, uring_zcrx_rqe) \
	OFFSET(ZCRX_RQE_OFF, uring_zcrx_rqe, off) \
	OFFSET(ZCRX_RQE_LEN, uring_zcrx_rqe, len) \
	SIZE(ZCRX_CQE_SIZE, uring_zcrx_cqe) \
	OFFSET(ZCRX_CQE_OFF, uring_zcrx_cqe, off) \
	SIZE(ZCRX_OFFSETS_SIZE, uring_zcrx_offsets) \
	OFFSET(ZCRX_OFFSETS_HEAD, uring_zcrx_offsets, head) \
	OFFSET(ZCRX_OFFSETS_TAIL, uring_zcrx_offsets, tail) \
	OFFSET(ZCRX_OFFSETS_RQES, uring_zcrx_offsets, rqes) \
	SIZE(ZCRX_AREA_REG_SIZE, uring_zcrx_area_reg) \
	OFFSET(ZCRX_AREA_REG_ADDR, uring_zcrx_area_reg, addr) \
	OFFSET(ZCRX_AREA_REG_LEN, uring_zcrx_area_reg, len) \
	OFFSET(ZCRX_AREA_REG_RQ_AREA_TOKEN, uring_zcrx_area_reg, rq_area_token) \
	OFFSET(ZCRX_AREA_REG_FLAGS, uring_zcrx_area_reg, flags) \
	OFFSET(ZCRX_AREA_REG_DMABUF_FD, uring_zcrx_area_reg, dmabuf_fd) \
	SIZE(ZCRX_IFQ_REG_SIZE, uring_zcrx_ifq_reg) \
	OFFSET(ZCRX_IFQ_REG_IF_IDX, uring_zcrx_ifq_reg, if_idx) \
	OFFSET(ZCRX_IFQ_REG_IF_RXQ, uring_zcrx_ifq_reg, if_rxq) \
	OFFSET(ZCRX_IFQ_REG_RQ_ENTRIES, uring_zcrx_ifq_reg, rq_entries) \
	OFFSET(ZCRX_IFQ_REG_FLAGS, uring_zcrx_ifq_reg, flags) \
	OFFSET(ZCRX_IFQ_REG_AREA_PTR, uring_zcrx_ifq_reg, area_ptr) \
	OFFSET(ZCRX_IFQ_REG_REGION_PTR, uring_zcrx_ifq_reg, region_ptr) \
	OFFSET(ZCRX_IFQ_REG_OFFSETS, uring_zcrx_ifq_reg, offsets) \
	OFFSET(ZCRX_IFQ_REG_ZCRX_ID, uring_zcrx_ifq_reg, zcrx_id) \
	OFFSET(ZCRX_IFQ_REG_RX_BUF_LEN, uring_zcrx_ifq_reg, rx_buf_len)

#endif
