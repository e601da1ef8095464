/**
 * Linux native AIO: the numbers of `<linux/aio_abi.h>`, and the layout of the ring of completions
 * that io_setup(2) maps. Offsets and sizes in bytes, on little-endian 64-bit machines.
 */

// aio_lio_opcode

/** pread(2). */
export const IOCB_CMD_PREAD = 0;
/** pwrite(2). */
export const IOCB_CMD_PWRITE = 1;
/** fsync(2), on a thread of the kernel. Since 4.18. */
export const IOCB_CMD_FSYNC = 2;
/** fdatasync(2), likewise. Since 4.18. */
export const IOCB_CMD_FDSYNC = 3;
/** poll(2), once: the event's result is the mask. Since 4.19. */
export const IOCB_CMD_POLL = 5;
/** In the header only: every kernel refuses it with EINVAL. */
export const IOCB_CMD_NOOP = 6;
/** preadv2(2): `aio_buf` is an array of struct iovec, `aio_nbytes` its length. */
export const IOCB_CMD_PREADV = 7;
/** pwritev2(2), likewise. */
export const IOCB_CMD_PWRITEV = 8;

// aio_flags

/** `aio_resfd` is an eventfd, and its counter goes up by one with the completion. */
export const IOCB_FLAG_RESFD = 1;
/** `aio_reqprio` is an I/O priority as of ioprio_set(2). */
export const IOCB_FLAG_IOPRIO = 2;

// struct iocb

/** Size of `struct iocb`. */
export const IOCB_SIZE = 64;
/** Offset of `aio_data` (u64): returned with the event untouched. */
export const IOCB_DATA = 0;
/** Offset of `aio_key` (u32): written by the kernel. */
export const IOCB_KEY = 8;
/** Offset of `aio_rw_flags` (s32): RWF_*. */
export const IOCB_RW_FLAGS = 12;
/** Offset of `aio_lio_opcode` (u16). */
export const IOCB_LIO_OPCODE = 16;
/** Offset of `aio_reqprio` (s16). */
export const IOCB_REQPRIO = 18;
/** Offset of `aio_fildes` (u32). */
export const IOCB_FILDES = 20;
/** Offset of `aio_buf` (u64): an address, or the events of a poll. */
export const IOCB_BUF = 24;
/** Offset of `aio_nbytes` (u64). */
export const IOCB_NBYTES = 32;
/** Offset of `aio_offset` (s64). */
export const IOCB_OFFSET = 40;
/** Offset of `aio_flags` (u32): IOCB_FLAG_*. */
export const IOCB_FLAGS = 56;
/** Offset of `aio_resfd` (u32). */
export const IOCB_RESFD = 60;

// struct io_event

/** Size of `struct io_event`. */
export const IO_EVENT_SIZE = 32;
/** Offset of `data` (u64): `aio_data` of the request. */
export const IO_EVENT_DATA = 0;
/** Offset of `obj` (u64): the address that its iocb had. */
export const IO_EVENT_OBJ = 8;
/** Offset of `res` (s64): a count or a negative errno. */
export const IO_EVENT_RES = 16;
/** Offset of `res2` (s64): 0, but for gadgets of USB. */
export const IO_EVENT_RES2 = 24;

// struct aio_ring, which lies at the address that is the context's id

/** What `magic` is in every kernel so far. */
export const AIO_RING_MAGIC = 0xa10a_10a1;
/** Size of the ring's header; the events follow. */
export const AIO_RING_SIZE = 32;
/** Offset of `id` (u32): the kernel's own index. */
export const AIO_RING_ID = 0;
/** Offset of `nr` (u32): places for events, of which one stays free. */
export const AIO_RING_NR = 4;
/** Offset of `head` (u32), an index below `nr`. */
export const AIO_RING_HEAD = 8;
/** Offset of `tail` (u32), likewise. */
export const AIO_RING_TAIL = 12;

// struct __aio_sigset of io_pgetevents(2)

/** Size of `struct __aio_sigset`. */
export const AIO_SIGSET_SIZE = 16;
/** Offset of `sigmask` (pointer). */
export const AIO_SIGSET_SIGMASK = 0;
/** Offset of `sigsetsize` (size_t): 8. */
export const AIO_SIGSET_SIGSETSIZE = 8;
