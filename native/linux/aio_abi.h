/*
 * Linux native AIO, as of Linux 6.18: the ring that io_setup(2) maps, which no
 * header of the kernel declares, and the table of numbers that
 * src/abi/linux-aio.ts mirrors. Here the numbers come from <linux/aio_abi.h>.
 */
#ifndef PROACTOR_AIO_ABI_H
#define PROACTOR_AIO_ABI_H

#include <linux/aio_abi.h>
#include <stddef.h>
#include <stdint.h>

/* The context id is its address. head and tail are indexes below nr, not free-running. */
struct aio_ring {
	uint32_t id;
	uint32_t nr;
	uint32_t head; /* ours */
	uint32_t tail; /* the kernel's */
	uint32_t magic;
	uint32_t compat_features;
	uint32_t incompat_features;
	uint32_t header_length;
	struct io_event events[];
};

/* What io_pgetevents(2) takes instead of a signal mask. */
struct aio_sigset {
	uint64_t sigmask;
	uint64_t sigsetsize;
};

#define AIO_RING_MAGIC 0xa10a10a1u

/* Newer than some headers: IOCB_CMD_POLL is 4.18, IOCB_FLAG_IOPRIO too. */
#ifndef IOCB_FLAG_IOPRIO
#define IOCB_FLAG_IOPRIO (1 << 1)
#endif

_Static_assert(sizeof(struct iocb) == 64, "stride of iocbs");
_Static_assert(sizeof(struct io_event) == 32, "stride of events");
_Static_assert(sizeof(struct aio_ring) == 32, "header of the ring");
_Static_assert(sizeof(aio_context_t) == 8, "64-bit addresses");

/* Every number, X(name). */
#define AIO_CONSTANTS(X) \
	X(IOCB_CMD_PREAD) \
	X(IOCB_CMD_PWRITE) \
	X(IOCB_CMD_FSYNC) \
	X(IOCB_CMD_FDSYNC) \
	X(IOCB_CMD_POLL) \
	X(IOCB_CMD_NOOP) \
	X(IOCB_CMD_PREADV) \
	X(IOCB_CMD_PWRITEV) \
	X(IOCB_FLAG_RESFD) \
	X(IOCB_FLAG_IOPRIO) \
	X(AIO_RING_MAGIC)

/* Sizes, S(name, struct), and offsets, O(name, struct, field). */
#define AIO_LAYOUTS(S, O) \
	S(IOCB_SIZE, iocb) \
	O(IOCB_DATA, iocb, aio_data) \
	O(IOCB_KEY, iocb, aio_key) \
	O(IOCB_RW_FLAGS, iocb, aio_rw_flags) \
	O(IOCB_LIO_OPCODE, iocb, aio_lio_opcode) \
	O(IOCB_REQPRIO, iocb, aio_reqprio) \
	O(IOCB_FILDES, iocb, aio_fildes) \
	O(IOCB_BUF, iocb, aio_buf) \
	O(IOCB_NBYTES, iocb, aio_nbytes) \
	O(IOCB_OFFSET, iocb, aio_offset) \
	O(IOCB_FLAGS, iocb, aio_flags) \
	O(IOCB_RESFD, iocb, aio_resfd) \
	S(IO_EVENT_SIZE, io_event) \
	O(IO_EVENT_DATA, io_event, data) \
	O(IO_EVENT_OBJ, io_event, obj) \
	O(IO_EVENT_RES, io_event, res) \
	O(IO_EVENT_RES2, io_event, res2) \
	S(AIO_RING_SIZE, aio_ring) \
	O(AIO_RING_ID, aio_ring, id) \
	O(AIO_RING_NR, aio_ring, nr) \
	O(AIO_RING_HEAD, aio_ring, head) \
	O(AIO_RING_TAIL, aio_ring, tail) \
	S(AIO_SIGSET_SIZE, aio_sigset) \
	O(AIO_SIGSET_SIGMASK, aio_sigset, sigmask) \
	O(AIO_SIGSET_SIGSETSIZE, aio_sigset, sigsetsize)

#endif
