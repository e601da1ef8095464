/**
 * Every limit of this project, by name. A limit that users can set has its default here; a limit
 * of the system has the reason why it is that number.
 */

/** Entries of a submission queue unless told: a batch of this size amortizes one `enter`. */
export const DEFAULT_ENTRIES = 256;

/** The most entries of a submission queue: what io_uring_setup(2) accepts. */
export const MAX_ENTRIES = 32_768;

/** The most entries of a completion queue: twice {@link MAX_ENTRIES}, as in the kernel. */
export const MAX_COMPLETION_ENTRIES = 65_536;

/** Operations in flight at once unless told; more wait in the runtime. */
export const DEFAULT_DEPTH = 4096;

/** The most operations in flight that may be asked for: slots stay a small array. */
export const MAX_DEPTH = 1_048_576;

/** SQEs that only cancel, close and link timeouts may take, so that a full queue can be undone. */
export const RESERVED_SQES = 8;

/**
 * Threads that the kernel starts at most for what would block, of each of its two kinds. Its own
 * limit for pipes and the like is the number of processes that the user may have: 10,000 reads that
 * block would be 10,000 threads.
 */
export const DEFAULT_IO_WORKERS = 256;

/** The most of these threads that may be asked for. */
export const MAX_IO_WORKERS = 32_768;

/** Idle time of a kernel submission thread before it sleeps, in ms. */
export const DEFAULT_SQ_POLL_IDLE_MS = 1000;

/** Completions delivered in one turn of the loop, so that timers and sockets have theirs. */
export const COMPLETIONS_PER_TURN = 512;

/** Bytes copied by inline completions in one turn of the loop, for the same reason. */
export const BYTES_PER_TURN = 4 * 1024 * 1024;

/**
 * The largest transfer of a stream that may be copied inline, on the thread of the event loop; a
 * larger one goes to a thread of the kernel. Copying this much takes a tenth of a millisecond.
 */
export const INLINE_BYTES = 1024 * 1024;

/** The most bytes that one read or write transfers: MAX_RW_COUNT of Linux, 2 GiB less a page. */
export const MAX_RW_COUNT = 0x7fff_f000;

/** The most vectors of one readv or writev: UIO_MAXIOV of Linux. */
export const IOV_MAX = 1024;

/** The longest path that a system call takes, with its final zero byte: PATH_MAX of Linux. */
export const PATH_MAX = 4096;

/** The largest file offset that a number holds exactly. */
export const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

/** The largest descriptor: a C `int`. */
export const MAX_FD = 0x7fff_ffff;

/** The longest delay that a timer of Node takes, in ms; beyond it, it would fire at once. */
export const MAX_TIMER_MS = 0x7fff_ffff;

/** Bytes of memory in one slab of the aligned pool: one huge page of x86-64 and AArch64. */
export const SLAB_BYTES = 2 * 1024 * 1024;

/** The smallest buffer of the aligned pool: one page, and no device wants more for O_DIRECT. */
export const MIN_POOL_BUFFER_BYTES = 4096;

/** The largest buffer that is cut from a slab; a larger one is an allocation of its own. */
export const MAX_SLAB_BUFFER_BYTES = 1024 * 1024;

/** Memory that an aligned pool takes at most, unless told. */
export const DEFAULT_POOL_BYTES = 64 * 1024 * 1024;

/** Threads of libuv's pool where `UV_THREADPOOL_SIZE` says nothing. */
export const DEFAULT_POOL_THREADS = 4;

/** The most threads of libuv's pool. */
export const MAX_POOL_THREADS = 1024;

/** How long to wait before asking again when the kernel was short of memory, in ms. */
export const RETRY_MS = 1;

/**
 * How long an engine that could not start, for want of descriptors or memory, is left alone before
 * it is tried again, in ms.
 */
export const ENGINE_RETRY_MS = 100;

/** How long io_uring_enter(2) may say EAGAIN, EBUSY or ENOMEM without a break, in ms. */
export const ENTER_PATIENCE_MS = 10_000;

/** How long a ring that failed may take to give up what it had taken, in ms. */
export const LET_GO_MS = 1000;

/** How long to wait before a request is canceled anew that a cancellation has missed, in ms. */
export const CANCEL_AGAIN_MS = 10;

/** Looks at an empty completion queue before giving up, with a kernel thread that submits. */
export const SQPOLL_SPINS = 2000;

/** Looks at work that a ring says is left, one after the other, before the loop has its turn. */
export const LOOKS_PER_TURN = 16;

/** Pieces of work that the kernel does in one look (IO_LOCAL_TW_DEFAULT_MAX). */
export const WORK_PER_LOOK = 20;

/**
 * Looks that one request may need: the kernel tries it 128 times (APOLL_MAX_RETRY) before one of
 * its threads takes it.
 */
export const LOOKS_PER_REQUEST = Math.ceil(128 / WORK_PER_LOOK);

/** The first wait, in ms, after which a ring is looked at again that only may have work. */
export const FIRST_LOOK_MS = 1;

/** The longest: each is twice the one before. */
export const LONGEST_LOOK_MS = 256;

/** Memory for copies of buffers that cannot be held, kept for the next copy, in bytes. */
export const DEFAULT_COPY_BYTES = 16 * 1024 * 1024;

/**
 * O_DIRECT transfers handed over at once. From three on Linux plugs the device's queue until the
 * whole batch is prepared, in io_uring_enter as in io_submit, and a device that is kept waiting for
 * batches does less: at depth 32 batches of 1 or 2 gave 15 to 25 % more reads with io_uring than
 * one batch per tick, for a quarter more CPU.
 */
export const DIRECT_BATCH = 2;

/** How long `queueExit` of a ring waits for requests that it canceled, in ms. */
export const RING_EXIT_MS = 1000;

/** How long after the first look a ring that was collected is looked at again, in ms. */
export const FORGOTTEN_RETRY_MS = 1;

/** The longest time between two looks at a ring that was collected, in ms. */
export const MAX_FORGOTTEN_RETRY_MS = 1000;

/** Scratch memory of one whole-file call of proactor/fs; a smaller file takes a single read. */
export const FS_CELL_BYTES = 64 * 1024;

/** Cells of scratch memory that are kept for the next calls: 16 MiB. */
export const FS_CELLS_KEPT = 256;

/** The most bytes that one read or write of a whole-file call transfers. */
export const FS_CHUNK_BYTES = 1024 * 1024;

/**
 * Transfers of whole-file calls from this size on are copied by threads of the kernel. 64 files of
 * 512 KiB at once, cached: 2.0 GB/s and no gap above 10 ms, against 0.5 GB/s and 84 ms when our own
 * thread copies; files of 100 KiB lose by it (1.7 against 2.3 GB/s).
 */
export const FS_OFF_LOOP_BYTES = 128 * 1024;

/** Objects of whole-file calls that are kept for the next ones. */
export const FS_CALLS_KEPT = 256;

/** Scratch memory of one copyFile: what it reads and writes at once. */
export const FS_COPY_CELL_BYTES = 256 * 1024;

/** Cells of it that are kept for the next copies: 8 MiB. */
export const FS_COPY_CELLS_KEPT = 32;

/** Writes in a row to the files of a folder, after which proactor/fs asks what it lies on. */
export const INLINE_WRITES_BEFORE = 16;

/** Folders of which writeFile remembers what they lie on. */
export const INLINE_FOLDERS_KEPT = 64;

/** Files beyond this size are copied by node:fs: copy_file_range(2) on a thread of libuv's pool. */
export const FS_COPY_RING_BYTES = 1024 * 1024;

/** Writes of copyFile from this size on go to threads of the kernel: they allocate pages. */
export const FS_COPY_OFF_LOOP_BYTES = 32 * 1024;

/** Folders of which copyFile remembers that node:fs copies their files. */
export const FS_COPY_FOLDERS = 1024;

/** Bytes that may wait in an append log at once, unless told. */
export const DEFAULT_LOG_BYTES = 64 * 1024 * 1024;

/** Bytes of a log that are handed over in one write: larger groups take several. */
export const LOG_STAGING_BYTES = 1024 * 1024;

/** Bytes that a copy reads and writes at once. */
export const COPY_CHUNK_BYTES = 256 * 1024;

/** Chunks that a copy keeps for the next file. */
export const COPY_CHUNKS_KEPT = 64;

/** Files of a tree that are copied at once, unless told. */
export const DEFAULT_COPY_CONCURRENCY = 32;

/** The most files that are handled at once: four requests each must find room in a ring. */
export const MAX_FS_CONCURRENCY = 1024;

/** Files that proactor/fs has open at once without a descriptor. */
export const DIRECT_FILES = 256;

/** Files that `readFiles` reads at once, unless told. */
export const DEFAULT_READ_CONCURRENCY = 64;

/** Up to this many bytes of new memory, all reads of a batch share one allocation. */
export const READ_BATCH_SLAB_BYTES = 1024 * 1024;

/** Folders that `walk` reads at once, unless told. */
export const DEFAULT_WALK_CONCURRENCY = 16;

/** Files that are asked about in one submission. */
export const STAT_BATCH = 1024;

/** Requests of one tick after which they are handed over, before the tick is over: record 30. */
export const EARLY_BATCH = 32;

/** A program that starts no more than this in a tick starts few at a time. */
export const EARLY_SMALL = 4;

/** What was started is handed over with the next request once it has waited this long, in ms. */
export const EARLY_LATE_MS = 0.25;

/**
 * How long a process that ends waits without progress for an open, which may be one of a FIFO, and
 * for what has found no room, in ms. For what changes something it waits without a limit.
 */
export const EXIT_PATIENCE_MS = 1000;

/** How long it waits at a time, in ms. */
export const EXIT_WAIT_MS = 20;
