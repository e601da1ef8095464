/*
 * POSIX AIO of glibc: what the files of this folder share.
 *
 * Its functions are looked up at run time: they moved from librt to libc in
 * glibc 2.34, and one binary serves both, as well as musl, where they are not
 * used.
 */
#ifndef PROACTOR_POSIX_QUEUE_H
#define PROACTOR_POSIX_QUEUE_H

#include "../platform.h"

/* platform.h has a function of that name for Linux' own AIO. */
#define aio_cancel aio_cancel_of_libc
#include <aio.h>
#undef aio_cancel

#ifdef __GLIBC__

#include <pthread.h>
#include <stdatomic.h>

/* Completions that one call reaps. */
#define POSIX_AIO_REAP_MAX 512

/* The functions of <aio.h>. */
struct posix_aio {
	int (*read)(struct aiocb *block);
	int (*write)(struct aiocb *block);
	int (*fsync)(int operation, struct aiocb *block);
	int (*error)(const struct aiocb *block);
	ssize_t (*ret)(struct aiocb *block);
	int (*suspend)(const struct aiocb *const list[], int count, const struct timespec *timeout);
	int (*cancel)(int fd, struct aiocb *block);
	int (*listio)(int mode, struct aiocb *const list[], int count, struct sigevent *event);
	void (*init)(const struct aioinit *init);
};

/* NULL where this process has no glibc, or one without POSIX AIO. */
const struct posix_aio *posix_aio(void);

/*
 * The thread that waits in aio_suspend(3) for us, because nothing else tells:
 * a signal would hit the program, and SIGEV_THREAD starts a thread for every
 * single notification.
 */
struct waiter {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed, left;
	bool started, stopping, waiting;
	/* What to wait for, as of the last call of arm; the thread takes it by swapping. */
	const struct aiocb **wanted, **taken;
	uint32_t wanted_count, taken_count;
	uint64_t version;
	/*
	 * A request of our own that completes when we write to its descriptor: the only way to
	 * have aio_suspend return before what it waits for is done.
	 */
	struct aiocb bell;
	uint64_t bell_count;
	int bell_fd;
	bool bell_rings; /* the bell's request is with glibc */
};

/* Control blocks, and which of them are in flight. */
struct posix_queue {
	struct posix_queue *next; /* the environment's list */
	struct addon *addon;
	/* One for the open queue, one for each thread notification that is to come. */
	atomic_uint users;
	/* One for all users, one for the External that JavaScript holds. */
	atomic_uint references;
	struct aiocb *blocks;
	uint32_t depth;
	/* Words: indexes of blocks to submit, then pairs of index and result that were reaped. */
	int32_t *control;
	/* Indexes of blocks in flight, in the order of their submission. */
	uint32_t *flying;
	uint32_t flying_count;
	/* What was submitted since the waiter was last told. */
	bool fresh;
	/* Scratch: pointers to blocks, and a hash table of descriptors and priorities. */
	struct aiocb **list;
	struct {
		int fd, priority;
		uint32_t round;
	} * seen;
	uint32_t seen_mask, seen_round;
	int event_fd; /* ours: a notification may come after the environment is gone */
	struct waiter waiter;
	/* Ids of thread notifications that JavaScript has not taken yet. */
	pthread_mutex_t notes_lock;
	uint32_t *notes;
	uint32_t notes_count, notes_room;
	napi_ref blocks_ref, control_ref;
};

/* queue.c */
bool is_flying(const struct aiocb *block);
uint32_t queue_heads(struct posix_queue *queue, const struct aiocb **heads, uint32_t room,
		     bool running);
void queue_add(struct posix_queue *queue, uint32_t index);
void queue_remove(struct posix_queue *queue, uint32_t index);
void queue_tell(const struct posix_queue *queue);
void queue_use(struct posix_queue *queue);
void queue_unuse(struct posix_queue *queue);
bool get_queue(napi_env env, napi_value value, struct posix_queue **queue);
bool get_index(napi_env env, napi_value value, const struct posix_queue *queue, uint32_t *index);

/* waiter.c */
int waiter_init(struct waiter *waiter, uint32_t depth);
void waiter_arm(struct posix_queue *queue);
void waiter_let_go(struct posix_queue *queue);
void waiter_stop(struct waiter *waiter);
void waiter_free(struct waiter *waiter);

#endif

#endif
