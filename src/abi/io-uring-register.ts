/**
 * io_uring_register(2): opcodes and flags.
 */

/** Registers buffers: iovecs. Since 5.1. */
export const IORING_REGISTER_BUFFERS = 0;
/** Forgets the registered buffers. Since 5.1. */
export const IORING_UNREGISTER_BUFFERS = 1;
/** Registers files: an array of descriptors. Since 5.1. */
export const IORING_REGISTER_FILES = 2;
/** Forgets the registered files. Since 5.1. */
export const IORING_UNREGISTER_FILES = 3;
/** An eventfd to signal on completion. Since 5.2. */
export const IORING_REGISTER_EVENTFD = 4;
/** Forgets the eventfd. Since 5.2. */
export const IORING_UNREGISTER_EVENTFD = 5;
/** Replaces registered files. Since 5.5. */
export const IORING_REGISTER_FILES_UPDATE = 6;
/** An eventfd for completions that did not happen inline. Since 5.6. */
export const IORING_REGISTER_EVENTFD_ASYNC = 7;
/** Asks which opcodes the kernel has. Since 5.6. */
export const IORING_REGISTER_PROBE = 8;
/** Registers the credentials of this moment; returns an id. Since 5.6. */
export const IORING_REGISTER_PERSONALITY = 9;
/** Forgets registered credentials. Since 5.6. */
export const IORING_UNREGISTER_PERSONALITY = 10;
/** Limits what the ring may do; only while disabled. Since 5.10. */
export const IORING_REGISTER_RESTRICTIONS = 11;
/** Enables a ring made with IORING_SETUP_R_DISABLED. Since 5.10. */
export const IORING_REGISTER_ENABLE_RINGS = 12;
/** Registers files with tags, or an empty table. Since 5.13. */
export const IORING_REGISTER_FILES2 = 13;
/** Replaces registered files, with tags. Since 5.13. */
export const IORING_REGISTER_FILES_UPDATE2 = 14;
/** Registers buffers with tags, or an empty table. Since 5.13. */
export const IORING_REGISTER_BUFFERS2 = 15;
/** Replaces registered buffers, with tags. Since 5.13. */
export const IORING_REGISTER_BUFFERS_UPDATE = 16;
/** CPU affinity of the workers. Since 5.14. */
export const IORING_REGISTER_IOWQ_AFF = 17;
/** Back to any CPU. Since 5.14. */
export const IORING_UNREGISTER_IOWQ_AFF = 18;
/** Limits of bounded and unbounded workers. Since 5.15. */
export const IORING_REGISTER_IOWQ_MAX_WORKERS = 19;
/** Registers ring descriptors for IORING_ENTER_REGISTERED_RING. Since 5.18. */
export const IORING_REGISTER_RING_FDS = 20;
/** Forgets registered ring descriptors. Since 5.18. */
export const IORING_UNREGISTER_RING_FDS = 21;
/** Registers a ring of provided buffers. Since 5.19. */
export const IORING_REGISTER_PBUF_RING = 22;
/** Forgets a ring of provided buffers. Since 5.19. */
export const IORING_UNREGISTER_PBUF_RING = 23;
/** Cancels requests and waits for it. Since 6.0. */
export const IORING_REGISTER_SYNC_CANCEL = 24;
/** The part of the file table that the kernel may allocate from. Since 6.0. */
export const IORING_REGISTER_FILE_ALLOC_RANGE = 25;
/** Tells the head of a ring of provided buffers. Since 6.8. */
export const IORING_REGISTER_PBUF_STATUS = 26;
/** Busy polling of network cards. Since 6.9. */
export const IORING_REGISTER_NAPI = 27;
/** No busy polling. Since 6.9. */
export const IORING_UNREGISTER_NAPI = 28;
/** The clock for waiting. Since 6.12. */
export const IORING_REGISTER_CLOCK = 29;
/** Copies registered buffers from another ring. Since 6.12. */
export const IORING_REGISTER_CLONE_BUFFERS = 30;
/** MSG_RING without a ring of one's own. Since 6.13. */
export const IORING_REGISTER_SEND_MSG_RING = 31;
/** A hardware receive queue for zero-copy receive. Since 6.15. */
export const IORING_REGISTER_ZCRX_IFQ = 32;
/** Resizes both rings. Since 6.13. */
export const IORING_REGISTER_RESIZE_RINGS = 33;
/** A memory region, for registered waits. Since 6.13. */
export const IORING_REGISTER_MEM_REGION = 34;
/** Asks what the kernel has; needs no ring. Since 6.18. */
export const IORING_REGISTER_QUERY = 35;
/** Controls zero-copy receive. Since 6.19. */
export const IORING_REGISTER_ZCRX_CTRL = 36;
/** Added to a register opcode: `fd` is a registered ring descriptor. Since 6.3. */
export const IORING_REGISTER_USE_REGISTERED_RING = 0x8000_0000;
/** Index of the limit of bounded workers (regular files). */
export const IO_WQ_BOUND = 0;
/** Index of the limit of unbounded workers (everything else). */
export const IO_WQ_UNBOUND = 1;
/** Flag of `io_uring_rsrc_register`: an empty table. Since 5.19. */
export const IORING_RSRC_REGISTER_SPARSE = 1 << 0;
/** In a file update: leave this entry alone. */
export const IORING_REGISTER_FILES_SKIP = -2;
/** Flag of `io_uring_probe_op`: the kernel has the opcode. */
export const IO_URING_OP_SUPPORTED = 1 << 0;
/** Flag of `io_uring_clone_buffers`: `src_fd` is registered. */
export const IORING_REGISTER_SRC_REGISTERED = 1 << 0;
/** Flag of `io_uring_clone_buffers`: existing buffers are replaced. Since 6.13. */
export const IORING_REGISTER_DST_REPLACE = 1 << 1;
/** Flag of `io_uring_buf_reg`: the kernel allocates the ring. Since 6.4. */
export const IOU_PBUF_RING_MMAP = 1;
/** Flag of `io_uring_buf_reg`: buffers are used bit by bit. Since 6.12. */
export const IOU_PBUF_RING_INC = 2;
/** Restriction: allow this register opcode. */
export const IORING_RESTRICTION_REGISTER_OP = 0;
/** Restriction: allow this SQE opcode. */
export const IORING_RESTRICTION_SQE_OP = 1;
/** Restriction: SQE flags that may be set. */
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2;
/** Restriction: SQE flags that must be set. */
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;
/** Flag of `io_uring_region_desc`: the memory is ours. */
export const IORING_MEM_REGION_TYPE_USER = 1;
/** Flag of `io_uring_mem_region_reg`: it holds wait arguments. */
export const IORING_MEM_REGION_REG_WAIT_ARG = 1;
/** Flag of `io_uring_reg_wait`: the time limit is valid. */
export const IORING_REG_WAIT_TS = 1 << 0;
/** `opcode` of `io_uring_napi`: set the strategy. */
export const IO_URING_NAPI_REGISTER_OP = 0;
/** `opcode` of `io_uring_napi`: add a NAPI id. Since 6.13. */
export const IO_URING_NAPI_STATIC_ADD_ID = 1;
/** `opcode` of `io_uring_napi`: remove a NAPI id. Since 6.13. */
export const IO_URING_NAPI_STATIC_DEL_ID = 2;
/** `op_param` of `io_uring_napi`: ids are found by looking at the traffic. */
export const IO_URING_NAPI_TRACKING_DYNAMIC = 0;
/** `op_param` of `io_uring_napi`: only ids that were added. */
export const IO_URING_NAPI_TRACKING_STATIC = 1;
/** `op_param` of `io_uring_napi`: off. */
export const IO_URING_NAPI_TRACKING_INACTIVE = 255;
/** `query_op`: opcodes and flags; answers `io_uring_query_opcode`. */
export const IO_URING_QUERY_OPCODES = 0;
/** `query_op`: zero-copy receive. Since 6.19. */
export const IO_URING_QUERY_ZCRX = 1;
/** `query_op`: sizes of the ring headers. Since 6.19. */
export const IO_URING_QUERY_SCQ = 2;
/** The area id is in an offset from this bit on. */
export const IORING_ZCRX_AREA_SHIFT = 48;
/** Flag of `io_uring_zcrx_area_reg`: the area is a dma-buf. Since 6.16. */
export const IORING_ZCRX_AREA_DMABUF = 1;
/** Flag of `io_uring_zcrx_ifq_reg`: import the queue of another ring. Since 6.19. */
export const ZCRX_REG_IMPORT = 1;
/** `op` of `zcrx_ctrl`: flush the refill queue. Since 6.19. */
export const ZCRX_CTRL_FLUSH_RQ = 0;
/** `op` of `zcrx_ctrl`: export the queue as a descriptor. Since 6.19. */
export const ZCRX_CTRL_EXPORT = 1;
