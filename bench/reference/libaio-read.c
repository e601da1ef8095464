/*
 * Random 4 KiB reads with libaio, a closed loop at a fixed depth.
 *
 *   libaio-read file=PATH [depth=32] [direct=1] [seconds=1] [ramp=0.3] [seed=1]
 *
 * The pattern is the one of uring-read.c: hand over everything prepared with one io_submit, wait
 * for one completion, take all that there are, prepare as many again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libaio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

struct job {
	io_context_t context;
	int fd;
	uint32_t blocks, state;
	char *buffers;
	struct iocb *iocbs;
	struct iocb **staged;
	struct io_event *events;
	unsigned count;
};

static void prepare(struct job *job, uint64_t slot)
{
	uint64_t offset = (uint64_t)random_block(&job->state, job->blocks) * READ_BYTES;
	struct iocb *iocb = &job->iocbs[slot];

	io_prep_pread(iocb, job->fd, job->buffers + slot * READ_BYTES, READ_BYTES, offset);
	iocb->data = (void *)(uintptr_t)slot;
	job->staged[job->count++] = iocb;
}

static void submit(struct job *job)
{
	unsigned done = 0;

	while (done < job->count) {
		int ret = io_submit(job->context, job->count - done, job->staged + done);

		if (ret <= 0)
			die("io_submit", ret < 0 ? -ret : EAGAIN);
		done += ret;
	}
	job->count = 0;
}

static unsigned reap(struct job *job, unsigned depth)
{
	int count = io_getevents(job->context, 1, depth, job->events, NULL);

	if (count < 0)
		die("io_getevents", -count);
	for (int i = 0; i < count; i++) {
		long res = (long)job->events[i].res;

		if (res != (long)READ_BYTES)
			die("read", res < 0 ? (int)-res : EIO);
		prepare(job, (uintptr_t)job->events[i].data);
	}
	return count;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		die("calloc", ENOMEM);
	return memory;
}

int main(int argc, char **argv)
{
	const char *path = option(argc, argv, "file", NULL);
	unsigned depth = atoi(option(argc, argv, "depth", "32"));
	int direct = atoi(option(argc, argv, "direct", "1"));
	struct job job = {.state = atoi(option(argc, argv, "seed", "1"))};
	struct window window;
	struct stat status;
	double seconds;
	uint64_t ops;
	int ret;

	if (!path) {
		fprintf(stderr,
			"Usage: libaio-read file=PATH [depth= direct= seconds= ramp= seed=]\n");
		return 2;
	}
	job.fd = open(path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (job.fd < 0 || fstat(job.fd, &status) < 0)
		die(path, errno);
	job.blocks = status.st_size / READ_BYTES;
	job.buffers = allocate_buffers((size_t)depth * READ_BYTES);
	job.iocbs = allocate(depth, sizeof(*job.iocbs));
	job.staged = allocate(depth, sizeof(*job.staged));
	job.events = allocate(depth, sizeof(*job.events));
	ret = io_setup(depth, &job.context);
	if (ret < 0)
		die("io_setup", -ret);

	window = window_open(argc, argv);
	for (unsigned slot = 0; slot < depth; slot++)
		prepare(&job, slot);
	do {
		submit(&job);
		window.ops += reap(&job, depth);
	} while (window_goes_on(&window, &ops, &seconds));
	window_print(&window, ops, seconds, "io_getevents, at least one");
	return 0;
}
