/*
 * <aio.h> itself: one exported function per function of the manual, on control
 * blocks named by their index. What was submitted is in flight in the queue as
 * well, so that it is waited for when the environment ends.
 *
 * SIGEV_THREAD calls a function of ours, on the thread that glibc starts for
 * every such notification; it leaves an id for JavaScript and wakes the loop.
 */
#define _GNU_SOURCE
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What posixAioFile adds to the open flags of a descriptor. */
enum { FILE_REGULAR = 1 << 28, FILE_SEEKABLE = 1 << 29 };

/*
 * posixAioFile(fd) -> open flags, and what kind of file it is: all that the
 * rules of POSIX AIO ask of a descriptor, at the price of one call.
 */
napi_value posix_aio_file(napi_env env, napi_callback_info info)
{
	struct stat status;
	napi_value argv[1];
	int32_t fd;
	int flags;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || file_status(fd, &status) < 0)
		return to_result(env, -1);
	flags &= FILE_REGULAR - 1;
	if (S_ISREG(status.st_mode))
		flags |= FILE_REGULAR | FILE_SEEKABLE;
	else if (S_ISBLK(status.st_mode) || lseek(fd, 0, SEEK_CUR) >= 0)
		flags |= FILE_SEEKABLE;
	return to_i32(env, flags);
}

/*
 * posixAioSignal(signal, value): raises a signal for this process as the end of
 * an asynchronous operation does, with its value.
 */
napi_value posix_aio_signal(napi_env env, napi_callback_info info)
{
	int32_t number, value;
	napi_value argv[2];
	siginfo_t si;

	if (!get_args(env, info, 2, argv, NULL) || !get_i32(env, argv[0], &number) ||
	    !get_i32(env, argv[1], &value))
		return NULL;
	memset(&si, 0, sizeof(si));
	si.si_signo = number;
	si.si_code = SI_ASYNCIO;
	si.si_pid = getpid();
	si.si_uid = getuid();
	si.si_value.sival_int = value;
	return to_result(env, syscall(__NR_rt_sigqueueinfo, si.si_pid, number, &si));
}

#ifdef __GLIBC__

/* A list may not be longer: glibc keeps arrays of its length on the stack. */
#define LIST_MAX 4096
/* What a block returns before it was submitted; no transfer does. */
#define NOT_TAKEN (-0x7fffffffL)
/* AIO_PRIO_DELTA_MAX, which is not in every header. */
#define PRIORITY_DELTA_MAX 20

/* One thread notification that is to come. */
struct note {
	struct posix_queue *queue;
	uint32_t id;
};

static void on_notify(union sigval value)
{
	struct note *note = value.sival_ptr;
	struct posix_queue *queue = note->queue;

	pthread_mutex_lock(&queue->notes_lock);
	if (queue->notes_count == queue->notes_room) {
		uint32_t room = queue->notes_room ? queue->notes_room * 2 : 64;
		uint32_t *notes = realloc(queue->notes, room * sizeof(*notes));

		if (notes) {
			queue->notes = notes;
			queue->notes_room = room;
		}
	}
	/* Without memory a notification is lost, as it is when glibc has none for its thread. */
	if (queue->notes_count < queue->notes_room)
		queue->notes[queue->notes_count++] = note->id;
	pthread_mutex_unlock(&queue->notes_lock);
	queue_tell(queue);
	free(note);
	queue_unuse(queue);
}

/*
 * Fills in what JavaScript cannot, a function. The value that JavaScript wrote is
 * the id that comes back. Returns false without memory.
 */
static bool ask_for_note(struct posix_queue *queue, struct sigevent *event)
{
	struct note *note;

	if (event->sigev_notify != SIGEV_THREAD)
		return true;
	note = malloc(sizeof(*note));
	if (!note)
		return false;
	note->queue = queue;
	note->id = (uint32_t)event->sigev_value.sival_int;
	queue_use(queue);
	event->sigev_notify_function = on_notify;
	event->sigev_notify_attributes = NULL;
	event->sigev_value.sival_ptr = note;
	return true;
}

static void forget_note(struct posix_queue *queue, struct sigevent *event)
{
	if (event->sigev_notify != SIGEV_THREAD)
		return;
	free(event->sigev_value.sival_ptr);
	queue_unuse(queue);
}

/* posixAioNotified(queue, out) -> how many ids of thread notifications were written to out */
napi_value posix_aio_notified(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[2];
	size_t length;
	uint8_t *out;
	uint32_t count;

	if (!get_args(env, info, 2, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_bytes(env, argv[1], &out, &length))
		return NULL;
	pthread_mutex_lock(&queue->notes_lock);
	count = queue->notes_count;
	if (count > length / sizeof(*queue->notes))
		count = (uint32_t)(length / sizeof(*queue->notes));
	if (count)
		memcpy(out, queue->notes, count * sizeof(*queue->notes));
	queue->notes_count -= count;
	if (queue->notes_count)
		memmove(queue->notes, queue->notes + count,
			queue->notes_count * sizeof(*queue->notes));
	pthread_mutex_unlock(&queue->notes_lock);
	return to_i32(env, (int32_t)count);
}

/*
 * posixAioStart(queue, index, opcode, operation) -> 0 or -errno: aio_read(3) for
 * LIO_READ, aio_write(3) for LIO_WRITE, else aio_fsync(3) with the operation
 */
napi_value posix_aio_start(napi_env env, napi_callback_info info)
{
	const struct posix_aio *aio = posix_aio();
	struct posix_queue *queue;
	struct aiocb *block;
	napi_value argv[4];
	int32_t opcode, operation;
	uint32_t index;
	int result;

	if (!get_args(env, info, 4, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_index(env, argv[1], queue, &index) || !get_i32(env, argv[2], &opcode) ||
	    !get_i32(env, argv[3], &operation))
		return NULL;
	block = queue->blocks + index;
	if (queue->flying_count == queue->depth || !ask_for_note(queue, &block->aio_sigevent))
		return to_i32(env, -EAGAIN);
	waiter_let_go(queue);
	if (opcode == LIO_READ)
		result = aio->read(block);
	else if (opcode == LIO_WRITE)
		result = aio->write(block);
	else
		result = aio->fsync(operation, block);
	if (result < 0) {
		result = -errno;
		forget_note(queue, &block->aio_sigevent);
		return to_i32(env, result);
	}
	queue_add(queue, index);
	return to_i32(env, 0);
}

/*
 * The blocks that an Int32Array of indexes names; -1 is NULL. Returns where the
 * indexes are, or NULL after a TypeError.
 */
static uint8_t *get_list(napi_env env, struct posix_queue *queue, napi_value indexes,
			 uint32_t count, struct aiocb **list)
{
	size_t length;
	uint8_t *data;
	uint32_t i;

	if (!get_bytes(env, indexes, &data, &length))
		return NULL;
	for (i = 0; i < count; i++) {
		int32_t index;

		if ((i + 1) * sizeof(index) > length) {
			(void)throw_type(env, "The list is shorter than was said");
			return NULL;
		}
		memcpy(&index, data + i * sizeof(index), sizeof(index));
		if (index >= (int32_t)queue->depth) {
			(void)throw_type(env, "There is no control block of this index");
			return NULL;
		}
		list[i] = index < 0 ? NULL : queue->blocks + index;
	}
	return data;
}

/* To be called before a block is submitted, so that was_taken can tell afterwards. */
static void prepare(struct aiocb *block)
{
	block->__error_code = 0;
	block->__return_value = NOT_TAKEN;
}

/* Whether a submission that failed as a whole took this block. */
static bool was_taken(const struct aiocb *block)
{
	/* glibc refuses a wrong priority as if the request had failed. */
	if (block->aio_reqprio < 0 || block->aio_reqprio > PRIORITY_DELTA_MAX)
		return false;
	return is_flying(block) || block->__return_value != NOT_TAKEN;
}

/*
 * Puts those that were taken in flight. Of the others the notifications are
 * forgotten, and the indexes become -1.
 */
static void settle_list(struct posix_queue *queue, struct aiocb **list, uint32_t count,
			uint8_t *indexes)
{
	const int32_t not_taken = -1;
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct aiocb *block = list[i];

		if (block && was_taken(block)) {
			queue_add(queue, (uint32_t)(block - queue->blocks));
			continue;
		}
		memcpy(indexes + i * sizeof(not_taken), &not_taken, sizeof(not_taken));
		if (!block)
			continue;
		forget_note(queue, &block->aio_sigevent);
		if (block->__return_value != -1)
			block->__return_value = 0;
	}
}

/*
 * posixAioListio(queue, mode, indexes, count, notify, signal, value) -> 0 or
 * -errno: lio_listio(3). notify -1 is no sigevent at all. Afterwards the indexes
 * of those that were not taken are -1.
 */
napi_value posix_aio_listio(napi_env env, napi_callback_info info)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	int32_t mode, notify, number, value;
	struct posix_queue *queue;
	uint32_t count, i;
	napi_value argv[7];
	uint8_t *indexes;
	int result;

	if (!get_args(env, info, 7, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_i32(env, argv[1], &mode) || !get_u32(env, argv[3], &count) ||
	    !get_i32(env, argv[4], &notify) || !get_i32(env, argv[5], &number) ||
	    !get_i32(env, argv[6], &value))
		return NULL;
	if (count > LIST_MAX || count + queue->flying_count > queue->depth)
		return to_i32(env, -EAGAIN);
	indexes = get_list(env, queue, argv[2], count, queue->list);
	if (!indexes)
		return NULL;
	if (notify >= 0) {
		event.sigev_notify = notify;
		event.sigev_signo = number;
		event.sigev_value.sival_int = value;
	}
	/* Waiting, or asked for nonsense, glibc does not look at the event. */
	if (mode == LIO_NOWAIT && !ask_for_note(queue, &event))
		return to_i32(env, -EAGAIN);
	waiter_let_go(queue);
	for (i = 0; i < count; i++) {
		struct aiocb *block = queue->list[i];

		/* What is to be ignored is not touched. */
		if (!block || block->aio_lio_opcode == LIO_NOP) {
			queue->list[i] = NULL;
			continue;
		}
		prepare(block);
		if (!ask_for_note(queue, &block->aio_sigevent))
			block->aio_sigevent.sigev_notify = SIGEV_NONE;
	}
	result = posix_aio()->listio(mode, queue->list, (int)count, notify < 0 ? NULL : &event);
	if (result < 0)
		result = -errno;
	settle_list(queue, queue->list, count, indexes);
	return to_i32(env, result);
}

/* posixAioError(queue, index): aio_error(3) */
napi_value posix_aio_error(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[2];
	uint32_t index;

	if (!get_args(env, info, 2, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_index(env, argv[1], queue, &index))
		return NULL;
	return to_i32(env, posix_aio()->error(queue->blocks + index));
}

/* posixAioReturn(queue, index): aio_return(3); what it returned is in flight no longer */
napi_value posix_aio_return(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	napi_value argv[2];
	uint32_t index;

	if (!get_args(env, info, 2, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_index(env, argv[1], queue, &index))
		return NULL;
	if (!is_flying(queue->blocks + index))
		queue_remove(queue, index);
	return to_i32(env, (int32_t)posix_aio()->ret(queue->blocks + index));
}

/*
 * posixAioSuspend(queue, indexes, count, limited, seconds, nanoseconds) -> 0 or
 * -errno: aio_suspend(3), which blocks
 */
napi_value posix_aio_suspend(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	struct timespec limit;
	napi_value argv[6];
	int64_t seconds;
	int32_t nanoseconds;
	uint32_t count;
	bool limited;
	int result;

	if (!get_args(env, info, 6, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_u32(env, argv[2], &count) || !get_bool(env, argv[3], &limited) ||
	    napi_get_value_int64(env, argv[4], &seconds) != napi_ok ||
	    !get_i32(env, argv[5], &nanoseconds))
		return NULL;
	if (count > LIST_MAX || count > queue->depth)
		return to_i32(env, -EINVAL);
	if (!get_list(env, queue, argv[1], count, queue->list))
		return NULL;
	limit.tv_sec = seconds;
	limit.tv_nsec = nanoseconds;
	result = posix_aio()->suspend((const struct aiocb *const *)queue->list, (int)count,
				      limited ? &limit : NULL);
	return to_i32(env, result < 0 ? -errno : result);
}

/* posixAioCancel(queue, fd, index) -> AIO_* or -errno: aio_cancel(3); index -1 is NULL */
napi_value posix_aio_cancel(napi_env env, napi_callback_info info)
{
	struct posix_queue *queue;
	struct aiocb *block = NULL;
	napi_value argv[3];
	int32_t fd, index;

	if (!get_args(env, info, 3, argv, NULL) || !get_queue(env, argv[0], &queue) ||
	    !get_i32(env, argv[1], &fd) || !get_i32(env, argv[2], &index))
		return NULL;
	if (index >= (int32_t)queue->depth) {
		(void)throw_type(env, "There is no control block of this index");
		return NULL;
	}
	if (index >= 0)
		block = queue->blocks + index;
	return to_result(env, posix_aio()->cancel(fd, block));
}

#endif
