/**
 * io_uring_setup(2) and io_uring_enter(2): flags, features, the parameter block, and the words that
 * both sides share in the mapped rings.
 */

// struct io_uring_params, in and out; head, tail and the other ring words are at these mmap offsets

/** Size of `struct io_uring_params` in bytes. */
export const PARAMS_SIZE = 120;
/** Offset of `sq_entries` (u32). */
export const PARAMS_SQ_ENTRIES = 0;
/** Offset of `cq_entries` (u32). */
export const PARAMS_CQ_ENTRIES = 4;
/** Offset of `flags` (u32). */
export const PARAMS_FLAGS = 8;
/** Offset of `sq_thread_cpu` (u32). */
export const PARAMS_SQ_THREAD_CPU = 12;
/** Offset of `sq_thread_idle` (u32). */
export const PARAMS_SQ_THREAD_IDLE = 16;
/** Offset of `features` (u32). */
export const PARAMS_FEATURES = 20;
/** Offset of `wq_fd` (u32). */
export const PARAMS_WQ_FD = 24;
/** Offset of `resv` (u32). */
export const PARAMS_RESV = 28;
/** Offset of `sq_off.head` (u32). */
export const PARAMS_SQ_OFF_HEAD = 40;
/** Offset of `sq_off.tail` (u32). */
export const PARAMS_SQ_OFF_TAIL = 44;
/** Offset of `sq_off.ring_mask` (u32). */
export const PARAMS_SQ_OFF_RING_MASK = 48;
/** Offset of `sq_off.ring_entries` (u32). */
export const PARAMS_SQ_OFF_RING_ENTRIES = 52;
/** Offset of `sq_off.flags` (u32). */
export const PARAMS_SQ_OFF_FLAGS = 56;
/** Offset of `sq_off.dropped` (u32). */
export const PARAMS_SQ_OFF_DROPPED = 60;
/** Offset of `sq_off.array` (u32). */
export const PARAMS_SQ_OFF_ARRAY = 64;
/** Offset of `sq_off.resv1` (u32). */
export const PARAMS_SQ_OFF_RESV1 = 68;
/** Offset of `sq_off.user_addr` (u64). */
export const PARAMS_SQ_OFF_USER_ADDR = 72;
/** Offset of `cq_off.head` (u32). */
export const PARAMS_CQ_OFF_HEAD = 80;
/** Offset of `cq_off.tail` (u32). */
export const PARAMS_CQ_OFF_TAIL = 84;
/** Offset of `cq_off.ring_mask` (u32). */
export const PARAMS_CQ_OFF_RING_MASK = 88;
/** Offset of `cq_off.ring_entries` (u32). */
export const PARAMS_CQ_OFF_RING_ENTRIES = 92;
/** Offset of `cq_off.overflow` (u32). */
export const PARAMS_CQ_OFF_OVERFLOW = 96;
/** Offset of `cq_off.cqes` (u32). */
export const PARAMS_CQ_OFF_CQES = 100;
/** Offset of `cq_off.flags` (u32). */
export const PARAMS_CQ_OFF_FLAGS = 104;
/** Offset of `cq_off.resv1` (u32). */
export const PARAMS_CQ_OFF_RESV1 = 108;
/** Offset of `cq_off.user_addr` (u64). */
export const PARAMS_CQ_OFF_USER_ADDR = 112;

/** Size of `struct io_uring_getevents_arg` in bytes. */
export const GETEVENTS_ARG_SIZE = 24;
/** Offset of `sigmask` (u64). */
export const GETEVENTS_ARG_SIGMASK = 0;
/** Offset of `sigmask_sz` (u32). */
export const GETEVENTS_ARG_SIGMASK_SZ = 8;
/** Offset of `min_wait_usec` (u32). */
export const GETEVENTS_ARG_MIN_WAIT_USEC = 12;
/** Offset of `ts` (u64). */
export const GETEVENTS_ARG_TS = 16;

/** Size of `struct io_uring_reg_wait` in bytes. */
export const REG_WAIT_SIZE = 64;
/** Offset of `ts` (timespec). */
export const REG_WAIT_TS = 0;
/** Offset of `min_wait_usec` (u32). */
export const REG_WAIT_MIN_WAIT_USEC = 16;
/** Offset of `flags` (u32). */
export const REG_WAIT_FLAGS = 20;
/** Offset of `sigmask` (u64). */
export const REG_WAIT_SIGMASK = 24;
/** Offset of `sigmask_sz` (u32). */
export const REG_WAIT_SIGMASK_SZ = 32;

// Flags and features

/** Completions are polled, not interrupt driven; needs O_DIRECT. Since 5.1. */
export const IORING_SETUP_IOPOLL = 1 << 0;
/** A kernel thread submits. Since 5.1. */
export const IORING_SETUP_SQPOLL = 1 << 1;
/** `sq_thread_cpu` is valid. Since 5.1. */
export const IORING_SETUP_SQ_AFF = 1 << 2;
/** `cq_entries` is the wanted size of the CQ. Since 5.5. */
export const IORING_SETUP_CQSIZE = 1 << 3;
/** Too large sizes are lowered instead of refused. Since 5.6. */
export const IORING_SETUP_CLAMP = 1 << 4;
/** Shares the workers of the ring `wq_fd`. Since 5.6. */
export const IORING_SETUP_ATTACH_WQ = 1 << 5;
/** Starts disabled, until IORING_REGISTER_ENABLE_RINGS. Since 5.10. */
export const IORING_SETUP_R_DISABLED = 1 << 6;
/** A bad SQE does not stop the batch. Since 5.18. */
export const IORING_SETUP_SUBMIT_ALL = 1 << 7;
/** Completion work does not interrupt the task. Since 5.19. */
export const IORING_SETUP_COOP_TASKRUN = 1 << 8;
/** IORING_SQ_TASKRUN tells that completion work waits. Since 5.19. */
export const IORING_SETUP_TASKRUN_FLAG = 1 << 9;
/** SQEs have 128 bytes. Since 5.19. */
export const IORING_SETUP_SQE128 = 1 << 10;
/** CQEs have 32 bytes. Since 5.19. */
export const IORING_SETUP_CQE32 = 1 << 11;
/** Only one task submits. Since 6.0. */
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
/** Completion work runs inside enter; needs SINGLE_ISSUER. Since 6.1. */
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** The application provides the memory of the rings. Since 6.5. */
export const IORING_SETUP_NO_MMAP = 1 << 14;
/** The ring exists only as a registered descriptor; needs NO_MMAP. Since 6.5. */
export const IORING_SETUP_REGISTERED_FD_ONLY = 1 << 15;
/** No indirection array before the SQEs. Since 6.6. */
export const IORING_SETUP_NO_SQARRAY = 1 << 16;
/** Sleeps a while before it polls; needs IOPOLL. Since 6.13. */
export const IORING_SETUP_HYBRID_IOPOLL = 1 << 17;
/** CQEs of 16 and of 32 bytes in one queue. Since 6.18. */
export const IORING_SETUP_CQE_MIXED = 1 << 18;
/** SQEs of 64 and of 128 bytes in one queue. Since 6.19. */
export const IORING_SETUP_SQE_MIXED = 1 << 19;
/** Every enter starts at the first SQE again. Since 7.0. */
export const IORING_SETUP_SQ_REWIND = 1 << 20;
/** One mapping holds both rings. Since 5.4. */
export const IORING_FEAT_SINGLE_MMAP = 1 << 0;
/** Completions that do not fit into the CQ are kept, not dropped. Since 5.5. */
export const IORING_FEAT_NODROP = 1 << 1;
/** What an SQE points to need not outlive submission. Since 5.5. */
export const IORING_FEAT_SUBMIT_STABLE = 1 << 2;
/** Offset -1 means the file position. Since 5.6. */
export const IORING_FEAT_RW_CUR_POS = 1 << 3;
/** Requests run with the credentials of the submitter. Since 5.6. */
export const IORING_FEAT_CUR_PERSONALITY = 1 << 4;
/** Pollable files need no worker. Since 5.7. */
export const IORING_FEAT_FAST_POLL = 1 << 5;
/** 32 bits of poll events. Since 5.9. */
export const IORING_FEAT_POLL_32BITS = 1 << 6;
/** SQPOLL works with ordinary descriptors. Since 5.11. */
export const IORING_FEAT_SQPOLL_NONFIXED = 1 << 7;
/** enter takes a time limit. Since 5.11. */
export const IORING_FEAT_EXT_ARG = 1 << 8;
/** Workers are threads of the process. Since 5.12. */
export const IORING_FEAT_NATIVE_WORKERS = 1 << 9;
/** Registered files and buffers can carry tags. Since 5.13. */
export const IORING_FEAT_RSRC_TAGS = 1 << 10;
/** IOSQE_CQE_SKIP_SUCCESS works. Since 5.17. */
export const IORING_FEAT_CQE_SKIP = 1 << 11;
/** A linked request sees the file that the one before it opened. Since 5.17. */
export const IORING_FEAT_LINKED_FILE = 1 << 12;
/** register takes a registered ring descriptor. Since 6.3. */
export const IORING_FEAT_REG_REG_RING = 1 << 13;
/** Bundles of provided buffers. Since 6.10. */
export const IORING_FEAT_RECVSEND_BUNDLE = 1 << 14;
/** A lower time limit for waiting. Since 6.12. */
export const IORING_FEAT_MIN_TIMEOUT = 1 << 15;
/** Attributes on reads and writes. Since 6.13. */
export const IORING_FEAT_RW_ATTR = 1 << 16;
/** IORING_ENTER_NO_IOWAIT works. Since 6.15. */
export const IORING_FEAT_NO_IOWAIT = 1 << 17;
/** Waits for `min_complete` completions, or flushes an overflowed CQ. */
export const IORING_ENTER_GETEVENTS = 1 << 0;
/** Wakes the SQPOLL thread. */
export const IORING_ENTER_SQ_WAKEUP = 1 << 1;
/** Waits for room in the SQ. Since 5.10. */
export const IORING_ENTER_SQ_WAIT = 1 << 2;
/** The argument is a `struct io_uring_getevents_arg`. Since 5.11. */
export const IORING_ENTER_EXT_ARG = 1 << 3;
/** `fd` is a registered ring descriptor. Since 5.18. */
export const IORING_ENTER_REGISTERED_RING = 1 << 4;
/** The time limit is a point in time. Since 6.12. */
export const IORING_ENTER_ABS_TIMER = 1 << 5;
/** The argument is an offset into a registered wait region. Since 6.13. */
export const IORING_ENTER_EXT_ARG_REG = 1 << 6;
/** Waiting does not count as I/O wait. Since 6.15. */
export const IORING_ENTER_NO_IOWAIT = 1 << 7;
/** SQ ring flag: the SQPOLL thread sleeps. */
export const IORING_SQ_NEED_WAKEUP = 1 << 0;
/** SQ ring flag: the kernel holds completions that did not fit into the CQ. Since 5.8. */
export const IORING_SQ_CQ_OVERFLOW = 1 << 1;
/** SQ ring flag: completion work waits for an enter. Since 5.19. */
export const IORING_SQ_TASKRUN = 1 << 2;
/** CQ ring flag that we set: no eventfd notifications. Since 5.8. */
export const IORING_CQ_EVENTFD_DISABLED = 1 << 0;
/** mmap(2) offset of the SQ ring; of both rings with IORING_FEAT_SINGLE_MMAP. */
export const IORING_OFF_SQ_RING = 0;
/** mmap(2) offset of the CQ ring. */
export const IORING_OFF_CQ_RING = 0x0800_0000;
/** mmap(2) offset of the SQEs. */
export const IORING_OFF_SQES = 0x1000_0000;
/** mmap(2) offset of a buffer ring that the kernel allocated. Since 6.4. */
export const IORING_OFF_PBUF_RING = 0x8000_0000;
/** The buffer group goes into the mmap(2) offset from this bit on. */
export const IORING_OFF_PBUF_SHIFT = 16;
/** The bits of the mmap(2) offset that say what is mapped. */
export const IORING_OFF_MMAP_MASK = 0xf800_0000;
