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
	memset(&waiter->bell, 0, sizeof(waiter->bell));
	waiter->bell.aio_fildes = waiter->bell_fd;
	waiter->bell.aio_buf = &waiter->bell_count;
	waiter->bell.aio_nbytes = sizeof(waiter->bell_count);
	waiter->bell.aio_sigevent.sigev_notify = SIGEV_NONE;
	waiter->bell_rings = posix_aio()->read(&waiter->bell) == 0;
}

static void suspend(struct waiter *waiter, uint32_t count)
{
	const struct timespec a_while = {0, WITHOUT_BELL_NS};

	hang_bell(waiter);
	if (waiter->bell_rings)
		waiter->taken[count++] = &waiter->bell;
	/* Signals are blocked in this thread. */
	(void)posix_aio()->suspend(waiter->taken, (int)count, waiter->bell_rings ? NULL : &a_while);
}

static void *wait_for_requests(void *data)
{
	struct posix_queue *queue = data;
	struct waiter *waiter = &queue->waiter;
	uint64_t seen = 0;

	pthread_mutex_lock(&waiter->lock);
	for (;;) {
		const struct aiocb **list;
		uint32_t count, i;
		bool any = false;

		while (!waiter->stopping && waiter->version == seen)
			pthread_cond_wait(&waiter->changed, &waiter->lock);
		if (waiter->stopping)
			break;
		seen = waiter->version;
		count = waiter->wanted_count;
		list = waiter->wanted;
		waiter->wanted = waiter->taken;
		waiter->taken = list;
		waiter->waiting = true;
		pthread_mutex_unlock(&waiter->lock);

		suspend(waiter, count);
		/* A block that was used again meanwhile was reaped, and is in the next list. */
		for (i = 0; i < count && !any; i++)
			any = !is_flying(list[i]);

		pthread_mutex_lock(&waiter->lock);
		waiter->waiting = false;
		if (any) {
			queue_tell(queue);
		} else if (waiter->version == seen) {
			/* The bell was late, or the time was up: the same list once more. */
			list = waiter->wanted;
			waiter->wanted = waiter->taken;
			waiter->taken = list;
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
