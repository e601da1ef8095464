/**
 * io_uring_register(2): the layouts of its arguments. Sizes and offsets in bytes.
 */

/** Size of `struct io_uring_probe` in bytes. */
export const PROBE_SIZE = 16;
/** Offset of `last_op` (u8). */
export const PROBE_LAST_OP = 0;
/** Offset of `ops_len` (u8). */
export const PROBE_OPS_LEN = 1;
/** Offset of `ops` (array of io_uring_probe_op). */
export const PROBE_OPS = 16;

/** Size of `struct io_uring_probe_op` in bytes. */
export const PROBE_OP_SIZE = 8;
/** Offset of `op` (u8). */
export const PROBE_OP_OP = 0;
/** Offset of `flags` (u16). */
export const PROBE_OP_FLAGS = 2;

/** Size of `struct io_uring_rsrc_register` in bytes. */
export const RSRC_REGISTER_SIZE = 32;
/** Offset of `nr` (u32). */
export const RSRC_REGISTER_NR = 0;
/** Offset of `flags` (u32). */
export const RSRC_REGISTER_FLAGS = 4;
/** Offset of `data` (u64). */
export const RSRC_REGISTER_DATA = 16;
/** Offset of `tags` (u64). */
export const RSRC_REGISTER_TAGS = 24;

/** Size of `struct io_uring_rsrc_update` in bytes. */
export const RSRC_UPDATE_SIZE = 16;
/** Offset of `offset` (u32). */
export const RSRC_UPDATE_OFFSET = 0;
/** Offset of `data` (u64). */
export const RSRC_UPDATE_DATA = 8;

/** Size of `struct io_uring_rsrc_update2` in bytes. */
export const RSRC_UPDATE2_SIZE = 32;
/** Offset of `offset` (u32). */
export const RSRC_UPDATE2_OFFSET = 0;
/** Offset of `data` (u64). */
export const RSRC_UPDATE2_DATA = 8;
/** Offset of `tags` (u64). */
export const RSRC_UPDATE2_TAGS = 16;
/** Offset of `nr` (u32). */
export const RSRC_UPDATE2_NR = 24;

/** Size of `struct io_uring_files_update` in bytes. */
export const FILES_UPDATE_SIZE = 16;
/** Offset of `offset` (u32). */
export const FILES_UPDATE_OFFSET = 0;
/** Offset of `fds` (u64). */
export const FILES_UPDATE_FDS = 8;

/** Size of `struct io_uring_buf` in bytes. */
export const BUF_SIZE = 16;
/** Offset of `addr` (u64). */
export const BUF_ADDR = 0;
/** Offset of `len` (u32). */
export const BUF_LEN = 8;
/** Offset of `bid` (u16). */
export const BUF_BID = 12;

/** Size of `struct io_uring_buf_ring` in bytes. */
export const BUF_RING_SIZE = 16;
/** Offset of `tail` (u16). */
export const BUF_RING_TAIL = 14;

/** Size of `struct io_uring_buf_reg` in bytes. */
export const BUF_REG_SIZE = 40;
/** Offset of `ring_addr` (u64). */
export const BUF_REG_RING_ADDR = 0;
/** Offset of `ring_entries` (u32). */
export const BUF_REG_RING_ENTRIES = 8;
/** Offset of `bgid` (u16). */
export const BUF_REG_BGID = 12;
/** Offset of `flags` (u16). */
export const BUF_REG_FLAGS = 14;

/** Size of `struct io_uring_buf_status` in bytes. */
export const BUF_STATUS_SIZE = 40;
/** Offset of `buf_group` (u32). */
export const BUF_STATUS_BUF_GROUP = 0;
/** Offset of `head` (u32). */
export const BUF_STATUS_HEAD = 4;

/** Size of `struct io_uring_sync_cancel_reg` in bytes. */
export const SYNC_CANCEL_REG_SIZE = 64;
/** Offset of `addr` (u64). */
export const SYNC_CANCEL_REG_ADDR = 0;
/** Offset of `fd` (s32). */
export const SYNC_CANCEL_REG_FD = 8;
/** Offset of `flags` (u32). */
export const SYNC_CANCEL_REG_FLAGS = 12;
/** Offset of `timeout` (timespec). */
export const SYNC_CANCEL_REG_TIMEOUT = 16;
/** Offset of `opcode` (u8). */
export const SYNC_CANCEL_REG_OPCODE = 32;

/** Size of `struct io_uring_file_index_range` in bytes. */
export const FILE_INDEX_RANGE_SIZE = 16;
/** Offset of `off` (u32). */
export const FILE_INDEX_RANGE_OFF = 0;
/** Offset of `len` (u32). */
export const FILE_INDEX_RANGE_LEN = 4;

/** Size of `struct io_uring_restriction` in bytes. */
export const RESTRICTION_SIZE = 16;
/** Offset of `opcode` (u16). */
export const RESTRICTION_OPCODE = 0;
/** Offset of `register_op` (u8). */
export const RESTRICTION_REGISTER_OP = 2;
/** Offset of `sqe_op` (u8). */
export const RESTRICTION_SQE_OP = 2;
/** Offset of `sqe_flags` (u8). */
export const RESTRICTION_SQE_FLAGS = 2;

/** Size of `struct io_uring_napi` in bytes. */
export const NAPI_SIZE = 16;
/** Offset of `busy_poll_to` (u32). */
export const NAPI_BUSY_POLL_TO = 0;
/** Offset of `prefer_busy_poll` (u8). */
export const NAPI_PREFER_BUSY_POLL = 4;
/** Offset of `opcode` (u8). */
export const NAPI_OPCODE = 5;
/** Offset of `op_param` (u32). */
export const NAPI_OP_PARAM = 8;

/** Size of `struct io_uring_clock_register` in bytes. */
export const CLOCK_REGISTER_SIZE = 16;
/** Offset of `clockid` (u32). */
export const CLOCK_REGISTER_CLOCKID = 0;

/** Size of `struct io_uring_clone_buffers` in bytes. */
export const CLONE_BUFFERS_SIZE = 32;
/** Offset of `src_fd` (u32). */
export const CLONE_BUFFERS_SRC_FD = 0;
/** Offset of `flags` (u32). */
export const CLONE_BUFFERS_FLAGS = 4;
/** Offset of `src_off` (u32). */
export const CLONE_BUFFERS_SRC_OFF = 8;
/** Offset of `dst_off` (u32). */
export const CLONE_BUFFERS_DST_OFF = 12;
/** Offset of `nr` (u32). */
export const CLONE_BUFFERS_NR = 16;

/** Size of `struct io_uring_region_desc` in bytes. */
export const REGION_DESC_SIZE = 64;
/** Offset of `user_addr` (u64). */
export const REGION_DESC_USER_ADDR = 0;
/** Offset of `size` (u64). */
export const REGION_DESC_BYTES = 8;
/** Offset of `flags` (u32). */
export const REGION_DESC_FLAGS = 16;
/** Offset of `id` (u32). */
export const REGION_DESC_ID = 20;
/** Offset of `mmap_offset` (u64). */
export const REGION_DESC_MMAP_OFFSET = 24;

/** Size of `struct io_uring_mem_region_reg` in bytes. */
export const MEM_REGION_REG_SIZE = 32;
/** Offset of `region_uptr` (u64). */
export const MEM_REGION_REG_REGION_UPTR = 0;
/** Offset of `flags` (u64). */
export const MEM_REGION_REG_FLAGS = 8;

/** Size of `struct io_uring_recvmsg_out` in bytes. */
export const RECVMSG_OUT_SIZE = 16;
/** Offset of `namelen` (u32). */
export const RECVMSG_OUT_NAMELEN = 0;
/** Offset of `controllen` (u32). */
export const RECVMSG_OUT_CONTROLLEN = 4;
/** Offset of `payloadlen` (u32). */
export const RECVMSG_OUT_PAYLOADLEN = 8;
/** Offset of `flags` (u32). */
export const RECVMSG_OUT_FLAGS = 12;

/** Size of `struct io_uring_attr_pi` in bytes. */
export const ATTR_PI_SIZE = 32;
/** Offset of `flags` (u16). */
export const ATTR_PI_FLAGS = 0;
/** Offset of `app_tag` (u16). */
export const ATTR_PI_APP_TAG = 2;
/** Offset of `len` (u32). */
export const ATTR_PI_LEN = 4;
/** Offset of `addr` (u64). */
export const ATTR_PI_ADDR = 8;
/** Offset of `seed` (u64). */
export const ATTR_PI_SEED = 16;

/** Size of `struct io_uring_query_hdr` in bytes. */
export const QUERY_HDR_SIZE = 40;
/** Offset of `next_entry` (u64). */
export const QUERY_HDR_NEXT_ENTRY = 0;
/** Offset of `query_data` (u64). */
export const QUERY_HDR_QUERY_DATA = 8;
/** Offset of `query_op` (u32). */
export const QUERY_HDR_QUERY_OP = 16;
/** Offset of `size` (u32). */
export const QUERY_HDR_BYTES = 20;
/** Offset of `result` (s32). */
export const QUERY_HDR_RESULT = 24;

/** Size of `struct io_uring_query_opcode` in bytes. */
export const QUERY_OPCODE_SIZE = 48;
/** Offset of `nr_request_opcodes` (u32). */
export const QUERY_OPCODE_NR_REQUEST_OPCODES = 0;
/** Offset of `nr_register_opcodes` (u32). */
export const QUERY_OPCODE_NR_REGISTER_OPCODES = 4;
/** Offset of `feature_flags` (u64). */
export const QUERY_OPCODE_FEATURE_FLAGS = 8;
/** Offset of `ring_setup_flags` (u64). */
export const QUERY_OPCODE_RING_SETUP_FLAGS = 16;
/** Offset of `enter_flags` (u64). */
export const QUERY_OPCODE_ENTER_FLAGS = 24;
/** Offset of `sqe_flags` (u64). */
export const QUERY_OPCODE_SQE_FLAGS = 32;
/** Offset of `nr_query_opcodes` (u32). */
export const QUERY_OPCODE_NR_QUERY_OPCODES = 40;

/** Size of `struct io_uring_zcrx_rqe` in bytes. */
export const ZCRX_RQE_SIZE = 16;
/** Offset of `off` (u64). */
export const ZCRX_RQE_OFF = 0;
/** Offset of `len` (u32). */
export const ZCRX_RQE_LEN = 8;

/** Size of `struct io_uring_zcrx_cqe` in bytes. */
export const ZCRX_CQE_SIZE = 16;
/** Offset of `off` (u64). */
export const ZCRX_CQE_OFF = 0;

/** Size of `struct io_uring_zcrx_offsets` in bytes. */
export const ZCRX_OFFSETS_SIZE = 32;
/** Offset of `head` (u32). */
export const ZCRX_OFFSETS_HEAD = 0;
/** Offset of `tail` (u32). */
export const ZCRX_OFFSETS_TAIL = 4;
/** Offset of `rqes` (u32). */
export const ZCRX_OFFSETS_RQES = 8;

/** Size of `struct io_uring_zcrx_area_reg` in bytes. */
export const ZCRX_AREA_REG_SIZE = 48;
/** Offset of `addr` (u64). */
export const ZCRX_AREA_REG_ADDR = 0;
/** Offset of `len` (u64). */
export const ZCRX_AREA_REG_LEN = 8;
/** Offset of `rq_area_token` (u64). */
export const ZCRX_AREA_REG_RQ_AREA_TOKEN = 16;
/** Offset of `flags` (u32). */
export const ZCRX_AREA_REG_FLAGS = 24;
/** Offset of `dmabuf_fd` (u32). */
export const ZCRX_AREA_REG_DMABUF_FD = 28;

/** Size of `struct io_uring_zcrx_ifq_reg` in bytes. */
export const ZCRX_IFQ_REG_SIZE = 96;
/** Offset of `if_idx` (u32). */
export const ZCRX_IFQ_REG_IF_IDX = 0;
/** Offset of `if_rxq` (u32). */
export const ZCRX_IFQ_REG_IF_RXQ = 4;
/** Offset of `rq_entries` (u32). */
export const ZCRX_IFQ_REG_RQ_ENTRIES = 8;
/** Offset of `flags` (u32). */
export const ZCRX_IFQ_REG_FLAGS = 12;
/** Offset of `area_ptr` (u64). */
export const ZCRX_IFQ_REG_AREA_PTR = 16;
/** Offset of `region_ptr` (u64). */
export const ZCRX_IFQ_REG_REGION_PTR = 24;
/** Offset of `offsets` (io_uring_zcrx_offsets). */
export const ZCRX_IFQ_REG_OFFSETS = 32;
/** Offset of `zcrx_id` (u32). */
export const ZCRX_IFQ_REG_ZCRX_ID = 64;
/** Offset of `rx_buf_len` (u32). */
export const ZCRX_IFQ_REG_RX_BUF_LEN = 68;
