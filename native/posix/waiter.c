/*
 * The thread that waits in aio_suspend(3), and says so by an eventfd.
 *
 * JavaScript hands it a list of requests each time it is about to go idle (arm).
 * glibc runs the requests of one descriptor and priority one after the other, so
 * the list has the first one of each. A list that is out of date while the thread waits is
 * replaced by ringing the bell.
 */
#define _GNU_SOURCE
#include "queue.h"

#ifdef __GLIBC__

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* glibc's aio_suspend keeps an array of 40 bytes and one of 8 per request on the stack. */
#define STACK_SIZE (256 * 1024)
#define STACK_PER_REQUEST 64
/* How often to look at a new list where there is no bell. */
#define WITHOUT_BELL_NS (10 * 1000 * 1000)

/* Returns 0 or -errno. */
int waiter_init(struct waiter *waiter, uint32_t depth)
{
	/* Room for the bell as well. */
	size_t room = (size_t)depth + 1;

	pthread_mutex_init(&waiter->lock, NULL);
	pthread_cond_init(&waiter->changed, NULL);
	pthread_cond_init(&waiter->left, NULL);
	waiter->wanted = calloc(room, sizeof(*waiter->wanted));
	waiter->taken = calloc(room, sizeof(*waiter->taken));
	waiter->bell_fd = eventfd(0, EFD_CLOEXEC);
	if (!waiter->wanted || !waiter->taken)
		return -ENOMEM;
	return waiter->bell_fd < 0 ? -errno : 0;
}

void waiter_free(struct waiter *waiter)
{
	if (waiter->bell_fd >= 0)
		close(waiter->bell_fd);
	free(waiter->wanted);
	free(waiter->taken);
	pthread_cond_destroy(&waiter->left);
	pthread_cond_destroy(&waiter->changed);
	pthread_mutex_destroy(&waiter->lock);
}

static void ring(struct waiter *waiter)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full, and then it rings anyway. */
	(void)!write(waiter->bell_fd, &one, sizeof(one));
}

/* Has the bell's read outstanding. A read of an eventfd blocks until somebody writes. */
static void hang_bell(struct waiter *waiter)
{
	if (waiter->bell_rings && is_flying(&waiter->bell))
		return;
	/* The thread that completed it may not have let go of it yet: its lock says when. */
	(void)posix_aio()->error(&waiter->bell);
	memset(&waiter->bell, 0, sizeof(waiter->bell));
	waiter->bell.aio_fildes = waiter->bell_fd;
	waiter->bell.aio_buf = &waiter->bell_count;
	waiter->bell.aio_nbytes = sizeof(waiter->bell_count);
	waiter->bell.aio_sigevent.sigev_notify = SIGEV_NONE;
	waiter->bell_rings = posix_aio()->read(&waiter->bell) == 0;
}

static void suspend(struct waiter *waiter)
{
	const struct timespec a_while = {0, WITHOUT_BELL_NS};
	uint32_t count = waiter->taken_count;

	hang_bell(waiter);
	if (waiter->bell_rings)
		waiter->taken[count++] = &waiter->bell;
	/* Signals are blocked in this thread. */
	(void)posix_aio()->suspend(waiter->taken, (int)count, waiter->bell_rings ? NULL : &a_while);
}

/* Whether something that the thread waits for, or came back from, has completed. */
static bool has_completed(const struct waiter *waiter)
{
	uint32_t i;

	for (i = 0; i < waiter->taken_count; i++)
		if (!is_flying(waiter->taken[i]))
			return true;
	return false;
}

static void swap_lists(struct waiter *waiter)
{
	const struct aiocb **list = waiter->wanted;

	waiter->wanted = waiter->taken;
	waiter->taken = list;
}

static void *wait_for_requests(void *data)
{
	struct posix_queue *queue = data;
	struct waiter *waiter = &queue->waiter;
	uint64_t seen = 0;

	pthread_mutex_lock(&waiter->lock);
	for (;;) {
		bool any;

		while (!waiter->stopping && waiter->version == seen)
			pthread_cond_wait(&waiter->changed, &waiter->lock);
		if (waiter->stopping)
			break;
		seen = waiter->version;
		swap_lists(waiter);
		waiter->taken_count = waiter->wanted_count;
		waiter->waiting = true;
		pthread_mutex_unlock(&waiter->lock);

		suspend(waiter);
		any = has_completed(waiter);

		pthread_mutex_lock(&waiter->lock);
		waiter->waiting = false;
		pthread_cond_signal(&waiter->left);
		if (any) {
			queue_tell(queue);
		} else if (waiter->version == seen) {
			/* The bell was late, or the time was up: the same list once more. */
			swap_lists(waiter);
			seen--;
		}
	}
	pthread_mutex_unlock(&waiter->lock);
	return NULL;
}

static bool start(struct posix_queue *queue)
{
	struct waiter *waiter = &queue->waiter;
	sigset_t all, before;
	pthread_attr_t attr;
	int result;

	if (waiter->started)
		return true;
	if (pthread_attr_init(&attr))
		return false;
	(void)pthread_attr_setstacksize(&attr,
					STACK_SIZE + (size_t)queue->depth * STACK_PER_REQUEST);
	/* Signals are the main thread's business, and glibc's own threads inherit the mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&waiter->thread, &attr, wait_for_requests, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	waiter->started = result == 0;
	return waiter->started;
}

/* From now on the eventfd is signaled when something completes. */
void waiter_arm(struct posix_queue *queue)
{
	struct waiter *waiter = &queue->waiter;

	/* Without a thread nobody would wake us: have the loop turn until there is one. */
	if (!start(queue)) {
		queue_tell(queue);
		return;
	}
	pthread_mutex_lock(&waiter->lock);
	/* It waits for the first of each descriptor and priority, unless something was added. */
	if (!waiter->waiting || queue->fresh) {
		waiter->wanted_count = queue_heads(queue, waiter->wanted, queue->depth, false);
		waiter->version++;
		if (waiter->waiting)
			ring(waiter);
		else
			pthread_cond_signal(&waiter->changed);
	}
	queue->fresh = false;
	pthread_mutex_unlock(&waiter->lock);
}

/*
 * To be called before blocks are submitted: has the thread leave aio_suspend when something that
 * it waits for has completed, which may be one of them.
 *
 * When aio_suspend returns, it takes itself out of what glibc keeps for each block that is in
 * flight, and looks where that was at the beginning. For a block that was submitted again
 * meanwhile that is memory of another request, and its list may lead to what lio_listio(3) has
 * freed: the thread then dies of SIGSEGV (glibc 2.36).
 */
void waiter_let_go(struct posix_queue *queue)
{
	struct waiter *waiter = &queue->waiter;

	pthread_mutex_lock(&waiter->lock);
	while (waiter->waiting && has_completed(waiter))
		pthread_cond_wait(&waiter->left, &waiter->lock);
	pthread_mutex_unlock(&waiter->lock);
}

/* Ends the thread, and takes the bell's request back from glibc. */
void waiter_stop(struct waiter *waiter)
{
	const struct aiocb *bell = &waiter->bell;

	if (!waiter->started)
		return;
	pthread_mutex_lock(&waiter->lock);
	waiter->stopping = true;
	pthread_cond_signal(&waiter->changed);
	pthread_mutex_unlock(&waiter->lock);
	ring(waiter);
	pthread_join(waiter->thread, NULL);
	waiter->started = false;
	if (!waiter->bell_rings)
		return;
	/* It rings once more, or it has never begun to listen. */
	ring(waiter);
	(void)posix_aio()->cancel(waiter->bell_fd, &waiter->bell);
	while (is_flying(bell))
		(void)posix_aio()->suspend(&bell, 1, NULL);
}

#endif
