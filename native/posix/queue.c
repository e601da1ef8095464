/*
 * Control blocks in flight, for the engine: submit a batch, reap what is done,
 * wait. Policy lives in src/engines/posix-aio/.
 *
 * Which blocks are in flight is kept here and not in JavaScript, because an
 * environment may end between any two statements: its cleanup hook then cancels
 * what can be cancelled and waits for the rest, so that no thread of glibc
 * writes to memory that V8 frees next.
 */
#define _GNU_SOURCE
#include "queue.h"

#ifdef __GLIBC__

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* glibc keeps arrays of this many elements on the stack. */
#define LIST_MAX 4096
/* How long to wait for part of what is in flight, where a list of all of it would be too long. */
#define SLICE_NS (10 * 1000 * 1000)
/* Marks of fsync and fdatasync in aio_lio_opcode, above the opcodes of <aio.h>. */
enum { SYNC = LIO_NOP + 1, DSYNC };

/* Whether glibc is working on a block. What it wrote is seen after aio_error(3) of any block. */
bool is_flying(const struct aiocb *block)
{
	return __atomic_load_n(&block->__error_code, __ATOMIC_ACQUIRE) == EINPROGRESS;
}

void queue_add(struct posix_queue *queue, uint32_t index)
{
	queue->flying[queue->flying_count++] = index;
	queue->fresh = true;
}

void queue_remove(struct posix_queue *queue, uint32_t index)
{
	uint32_t i = 0;

	while (i < queue->flying_count && queue->flying[i] != index)
		i++;
	if (i == queue->flying_count)
		return;
	queue->flying_count--;
	memmove(queue->flying + i, queue->flying + i + 1,
		(queue->flying_count - i) * sizeof(*queue->flying));
}

/* Whether a descriptor and a priority come for the first time since the round began. */
static bool is_first(struct posix_queue *queue, int fd, int priority)
{
	uint32_t at = ((uint32_t)fd * 2654435761u >> 7) + (uint32_t)priority;

	for (;; at++) {
		at &= queue->seen_mask;
		if (queue->seen[at].round != queue->seen_round) {
			queue->seen[at].round = queue->seen_round;
			queue->seen[at].fd = fd;
			queue->seen[at].priority = priority;
			return true;
		}
		if (queue->seen[at].fd == fd && queue->seen[at].priority == priority)
			return false;
	}
}

/*
 * The first block in flight of each descriptor and priority, at most room of
 * them: what can complete next, because glibc runs those of one descriptor in
 * that order. Those that have completed and were not reaped are among them, or
 * not, as running says.
 */
uint32_t queue_heads(struct posix_queue *queue, const struct aiocb **heads, uint32_t room,
		     bool running)
{
	uint32_t i, count = 0;

	if (++queue->seen_round == 0) {
		memset(queue->seen, 0, (queue->seen_mask + 1) * sizeof(*queue->seen));
		queue->seen_round = 1;
	}
	for (i = 0; i < queue->flying_count && count < room; i++) {
		const struct aiocb *block = queue->blocks + queue->flying[i];

		if (running && !is_flying(block))
			continue;
		if (is_first(queue, block->aio_fildes, block->aio_reqprio))
			heads[count++] = block;
	}
	return count;
}

void queue_tell(const struct posix_queue *queue)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full, and then it tells anyway. */
	(void)!write(queue->event_fd, &one, sizeof(one));
}

static void put(struct posix_queue *queue)
{
	if (atomic_fetch_sub(&queue->references, 1) == 1)
		free(queue);
}

void queue_use(struct posix_queue *queue)
{
	atomic_fetch_add(&queue->users, 1);
}

/* The last user gives everything back but what get_queue looks at. */
void queue_unuse(struct posix_queue *queue)
{
	if (atomic_fetch_sub(&queue->users, 1) != 1)
		return;
	waiter_free(&queue->waiter);
	pthread_mutex_destroy(&queue->notes_lock);
	if (queue->event_fd >= 0)
		close(queue->event_fd);
	free(queue->notes);
	free(queue->flying);
	free(queue->list);
	free(queue->seen);
	put(queue);
}

/* Waits for one that still runs, or until the time is up. Returns 0 or -errno. */
static int wait_for_one(struct posix_queue *queue, const struct timespec *limit)
{
	const struct timespec slice = {0, SLICE_NS};
	const struct aiocb **list = (const struct aiocb **)queue->list;
	uint32_t count = queue_heads(queue, list, LIST_MAX, true);

	if (count == LIST_MAX && (!limit || limit->tv_sec || limit->tv_nsec > SLICE_NS))
		limit = &slice;
	if (!count)
		return 0;
	return posix_aio()->suspend(list, (int)count, limit) < 0 ? -errno : 0;
}

/* Waits until nothing is in flight. */
static void drain(struct posix_queue *queue)
{
	uint32_t i, left;

	for (i = 0; i < queue->flying_count; i++) {
		struct aiocb *block = queue->blocks + queue->flying[i];

		if (is_flying(block))
			(void)posix_aio()->cancel(block->aio_fildes, block);
	}
	for (;;) {
		for (i = 0, left = 0; i < queue->flying_count; i++)
			if (is_flying(queue->blocks + queue->flying[i]))
				queue->flying[left++] = queue->flying[i];
		queue->flying_count = left;
		if (!left)
			break;
		(void)wait_for_one(queue, NULL);
	}
	/* The thread that completed the last one may still be about to let go of it. */
	(void)posix_aio()->error(&queue->waiter.bell);
}

static void unlink_queue(struct posix_queue *queue)
{
	struct posix_queue **link = &queue->addon->queues;

	while (*link != queue)
		link = &(*link)->next;
	*link = queue->next;
}

/* The cleanup hook of the environment, which deletes the references itself. */
static void queue_end(void *data)
{
	struct posix_queue *queue = data;
	struct addon *addon = queue->addon;

	waiter_stop(&queue->waiter);
	drain(queue);
	unlink_queue(queue);
	queue->addon = NULL;
	queue_unuse(queue);
	memory_release_orphans(addon);
	addon_put(addon);
}

/*
 * Threads of glibc and of our own may run code of this library for a moment
 * after the last environment that loaded it is gone.
 */
static void stay_loaded(void)
{
	Dl_info info;

	if (dladdr((void *)stay_loaded, &info))
		(void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

static bool make(struct posix_queue *queue)
{
	uint32_t room = 2;

	while (room < queue->depth * 2)
		room *= 2;
	queue->seen_mask = room - 1;
	queue->seen = calloc(room, sizeof(*queue->seen));
	queue->flying = calloc(queue->depth, sizeof(*queue->flying));
	queue->list = calloc(queue->depth, sizeof(*queue->list));
	queue->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&queue->notes_lock, NULL);
	return waiter_init(&queue->waiter, queue->depth) == 0 && queue->event_fd >= 0 &&
	       queue->seen && queue->flying && queue->list;
}

static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	put(data);
}

/*
 * posixAioOpen(blocks, control) -> External or -errno. Both memories come from
 * allocate; blocks has room for as many as can be in flight. The queue makes its
 * eventfd itself: JavaScript, which can be terminated between any two calls,
 * would now and then leave one behind.
 */
napi_value posix_aio_open(napi_env env, napi_callback_info info)
{
	size_t blocks_length, control_length;
	struct posix_queue *queue;
	struct addon *addon;
	napi_value argv[2], external;
	void *blocks, *control;

	if (!get_args(env, info, 2, argv, (void **)&addon) ||
	    !get_buffer(env, argv[0], &blocks, &blocks_length) ||
	    !get_buffer(env, argv[1], &control, &control_length))
		return NULL;
	if (!posix_aio())
		return to_i32(env, -ENOSYS);
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return to_i32(env, -ENOMEM);
	queue->addon = addon;
	queue->blocks = blocks;
	queue->control = control;
	queue->depth = (uint32_t)(blocks_length / sizeof(struct aiocb));
	atomic_init(&queue->users, 1);
	atomic_init(&queue->references, 1);
	if (!queue->depth ||
	    control_length < (queue->depth + 2 * POSIX_AIO_REAP_MAX) * sizeof(int32_t)) {
		free(queue);
		return to_i32(env, -EINVAL);
	}
	if (!make(queue)) {
		queue_unuse(queue);
		return to_i32(env, -ENOMEM);
	}
	if (!NAPI_ALIVE(napi_create_external(env, queue, finalize, NULL, &external))) {
		queue_unuse(queue);
		return NULL;
	}
	atomic_fetch_add(&queue->references, 1);
	stay_loaded();
	NAPI_MUST(napi_create_reference(env, argv[0], 1, &queue->blocks_ref));
	NAPI_MUST(napi_create_reference(env, argv[1], 1, &queue->control_ref));
	queue->next = addon->queues;
	addon->queues = queue;
	addon_get(addon);
	NAPI_MUST(napi_add_env_cleanup_hook(env, queue_end, queue));
	return external;
}

bool get_queue(napi_env env, napi_value value, struct posix_queue **queue)
{
	void *data;

	if (napi_get_value_external(env, value, &data) != napi_ok)
		return throw_type(env, "The argument must come from posixAioOpen");
	*queue = data;
	if (!(*queue)->addon)
		return throw_type(env, "The queue was closed");
	return true;
}

/* posixAioEventfd(queue) -> the descriptor, which stays the queue's */
napi_value posix_aio_eventfd(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[1];

	if (!get_args(env, info, 1, argv, NULL) || !get_queue(env, argv[0], &queue))
		return NULL;
	return to_i32(env, queue->event_fd);
}

bool get_index(napi_env env, napi_value value, const struct posix_queue *queue, uint32_t *index)
{
	if (!get_u32(env, value, index))
		return false;
	return *index < queue->depth || throw_type(env, "There is no control block of this index");
}

/* posixAioClose(queue): waits for what is in flight, which should be nothing */
napi_value posix_aio_close(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[1];

	if (!get_args(env, info, 1, argv, NULL) || !get_queue(env, argv[0], &queue))
		return NULL;
	NAPI_MUST(napi_remove_env_cleanup_hook(env, queue_end, queue));
	NAPI_MUST(napi_delete_reference(env, queue->blocks_ref));
	NAPI_MUST(napi_delete_reference(env, queue->control_ref));
	queue_end(queue);
	return NULL;
}

/* Makes a block that was refused look like one that failed. */
static void fail(struct aiocb *block, int error)
{
	block->__error_code = error;
	block->__return_value = -1;
}

/*
 * Submits one block. Returns 0 or the errno.
 *
 * One by one, because lio_listio(3) keeps glibc's lock for the whole list, where the threads that
 * want to report their results go to sleep.
 */
static int submit(struct aiocb *block)
{
	const struct posix_aio *aio = posix_aio();
	int opcode = block->aio_lio_opcode;
	int result;

	if (opcode == LIO_READ)
		result = aio->read(block);
	else if (opcode == LIO_WRITE)
		result = aio->write(block);
	else
		result = aio->fsync(opcode == DSYNC ? O_DSYNC : O_SYNC, block);
	if (result == 0)
		return 0;
	result = errno;
	/* glibc may have written its own number there: this one is asked for again. */
	block->aio_lio_opcode = opcode;
	return result;
}

/*
 * posixAioSubmit(queue, count) -> how many of the staged blocks were taken; the
 * indexes of the others are at the front afterwards. -EAGAIN when none was.
 */
napi_value posix_aio_submit(napi_env env, napi_callback_info info)
{
	uint32_t count, i, left = 0;
	struct posix_queue *queue;
	napi_value argv[2];
	int32_t *staged;

	if (!get_args(env, info, 2, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_u32(env, argv[1], &count))
		return NULL;
	staged = queue->control;
	if (count + queue->flying_count > queue->depth) {
		(void)throw_type(env, "More control blocks were staged than there are");
		return NULL;
	}
	waiter_let_go(queue);
	for (i = 0; i < count; i++) {
		struct aiocb *block = queue->blocks + staged[i];
		/* Nobody overtakes one that there was no memory or no thread for. */
		int error = left ? EAGAIN : submit(block);

		if (error == EAGAIN || error == ENOMEM) {
			staged[left++] = staged[i];
			continue;
		}
		if (error)
			fail(block, error);
		queue_add(queue, (uint32_t)staged[i]);
	}
	return to_i32(env, left && left == count ? -EAGAIN : (int32_t)(count - left));
}

/* posixAioReap(queue, max) -> how many pairs of index and result lie in the control memory */
napi_value posix_aio_reap(napi_env env, napi_callback_info info)
{
	uint32_t max, i, left = 0, count = 0;
	struct posix_queue *queue;
	napi_value argv[2];
	int32_t *pairs;

	if (!get_args(env, info, 2, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_u32(env, argv[1], &max))
		return NULL;
	if (max > POSIX_AIO_REAP_MAX)
		max = POSIX_AIO_REAP_MAX;
	pairs = queue->control + queue->depth;
	for (i = 0; i < queue->flying_count; i++) {
		uint32_t index = queue->flying[i];

		if (count < max && !is_flying(queue->blocks + index))
			pairs[2 * count++] = (int32_t)index;
		else
			queue->flying[left++] = index;
	}
	queue->flying_count = left;
	if (!count)
		return to_i32(env, 0);
	/*
	 * glibc writes error and result while it holds its lock, which aio_error takes: whatever we
	 * saw the beginning of is complete afterwards, and its thread has let go of the blocks.
	 */
	(void)posix_aio()->error(queue->blocks + pairs[0]);
	for (i = 0; i < count; i++) {
		struct aiocb *block = queue->blocks + pairs[2 * i];

		pairs[2 * i + 1] = block->__error_code ? -block->__error_code
						       : (int32_t)posix_aio()->ret(block);
	}
	return to_i32(env, (int32_t)count);
}

static uint32_t count_done(const struct posix_queue *queue, uint32_t enough)
{
	uint32_t i, count = 0;

	for (i = 0; i < queue->flying_count && count < enough; i++)
		count += !is_flying(queue->blocks + queue->flying[i]);
	return count;
}

/* posixAioArm(queue) -> 1 when something is there already; else the eventfd will tell */
napi_value posix_aio_arm(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[1];
	bool noted;

	if (!get_args(env, info, 1, argv, NULL) || !get_queue(env, argv[0], &queue))
		return NULL;
	pthread_mutex_lock(&queue->notes_lock);
	noted = queue->notes_count > 0;
	pthread_mutex_unlock(&queue->notes_lock);
	if (noted || count_done(queue, 1))
		return to_i32(env, 1);
	if (queue->flying_count)
		waiter_arm(queue);
	return to_i32(env, 0);
}

/* posixAioWait(queue, minimum, timeoutMs) -> 0, -EAGAIN when the time is up, -EINTR */
napi_value posix_aio_wait(napi_env env, napi_callback_info info)
{
	struct timespec now, limit;
	struct posix_queue *queue;
	napi_value argv[3];
	double timeout, start, left;
	uint32_t minimum;
	int result = 0;

	if (!get_args(env, info, 3, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_u32(env, argv[1], &minimum) ||
	    napi_get_value_double(env, argv[2], &timeout) != napi_ok)
		return NULL;
	if (minimum > queue->flying_count)
		minimum = queue->flying_count;
	clock_gettime(CLOCK_MONOTONIC, &now);
	start = (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
	left = timeout;
	while (count_done(queue, minimum) < minimum && left > 0 && result != -EINTR) {
		bool forever = !(left < 1e12);

		limit.tv_sec = forever ? 0 : (time_t)(left / 1e3);
		limit.tv_nsec = forever ? 0 : (long)((left - (double)limit.tv_sec * 1e3) * 1e6);
		result = wait_for_one(queue, forever ? NULL : &limit);
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = timeout - ((double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6 - start);
	}
	return to_i32(env, result);
}

/* posixAioWithdraw(queue, index) -> AIO_CANCELED, AIO_NOTCANCELED, AIO_ALLDONE or -errno */
napi_value posix_aio_withdraw(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[2];
	uint32_t index;

	if (!get_args(env, info, 2, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_index(env, argv[1], queue, &index))
		return NULL;
	return to_result(
		env, posix_aio()->cancel(queue->blocks[index].aio_fildes, queue->blocks + index));
}

#endif
