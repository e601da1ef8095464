/*
 * Random 4 KiB reads with glibc's POSIX AIO, a closed loop at a fixed depth.
 *
 *   posix-aio-read file=PATH [depth=1] [direct=0] [seconds=1] [ramp=0.3] [seed=1]
 *
 * As the manual has it: wait in aio_suspend for any of them, ask each with aio_error, take the
 * result with aio_return, and start another.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

struct job {
	int fd;
	uint32_t blocks, state;
};

static void start(struct job *job, struct aiocb *block)
{
	block->aio_offset = (off_t)random_block(&job->state, job->blocks) * READ_BYTES;
	if (aio_read(block) < 0)
		die("aio_read", errno);
}

static unsigned collect(struct job *job, struct aiocb *blocks, unsigned depth)
{
	unsigned count = 0;

	for (unsigned i = 0; i < depth; i++) {
		int error = aio_error(&blocks[i]);

		if (error == EINPROGRESS)
			continue;
		if (error || aio_return(&blocks[i]) != (ssize_t)READ_BYTES)
			die("read", error ? error : EIO);
		start(job, &blocks[i]);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	const char *path = option(argc, argv, "file", NULL);
	unsigned depth = atoi(option(argc, argv, "depth", "1"));
	int direct = atoi(option(argc, argv, "direct", "0"));
	struct job job = {.state = atoi(option(argc, argv, "seed", "1"))};
	const struct aiocb **list = calloc(depth, sizeof(*list));
	struct aiocb *blocks = calloc(depth, sizeof(*blocks));
	struct window window;
	struct stat status;
	double seconds;
	uint64_t ops;
	char *buffers;

	if (!path || !list || !blocks) {
		fprintf(stderr, "Usage: posix-aio-read file=PATH [depth= direct= seconds= ramp= "
				"seed=]\n");
		return 2;
	}
	job.fd = open(path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (job.fd < 0 || fstat(job.fd, &status) < 0)
		die(path, errno);
	job.blocks = status.st_size / READ_BYTES;
	buffers = allocate_buffers((size_t)depth * READ_BYTES);
	for (unsigned i = 0; i < depth; i++) {
		blocks[i].aio_fildes = job.fd;
		blocks[i].aio_buf = buffers + (size_t)i * READ_BYTES;
		blocks[i].aio_nbytes = READ_BYTES;
		blocks[i].aio_sigevent.sigev_notify = SIGEV_NONE;
		list[i] = &blocks[i];
	}
	window = window_open(argc, argv);
	for (unsigned i = 0; i < depth; i++)
		start(&job, &blocks[i]);
	do {
		if (aio_suspend(list, (int)depth, NULL) < 0)
			die("aio_suspend", errno);
		window.ops += collect(&job, blocks, depth);
	} while (window_goes_on(&window, &ops, &seconds));
	window_print(&window, ops, seconds, "glibc");
	return 0;
}
