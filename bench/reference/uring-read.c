/*
 * Random 4 KiB reads with liburing, a closed loop at a fixed depth.
 *
 *   uring-read file=PATH [depth=32] [direct=0] [fixed=0] [seconds=1] [ramp=0.3] [seed=1]
 *
 * The pattern is the one of the TypeScript: hand over everything prepared with one enter, take
 * everything that completed, prepare as many again. fixed=1 registers the buffers and the file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring.h"

struct job {
	struct io_uring ring;
	int fd, fixed;
	uint32_t blocks, state;
	char *buffers;
};

static void prepare(struct job *job, uint64_t slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
	uint64_t offset = (uint64_t)random_block(&job->state, job->blocks) * READ_BYTES;
	char *buffer = job->buffers + slot * READ_BYTES;

	if (job->fixed) {
		io_uring_prep_read_fixed(sqe, 0, buffer, READ_BYTES, offset, 0);
		sqe->flags |= IOSQE_FIXED_FILE;
	} else {
		io_uring_prep_read(sqe, job->fd, buffer, READ_BYTES, offset);
	}
	io_uring_sqe_set_data64(sqe, slot);
}

static unsigned reap(struct job *job)
{
	struct io_uring_cqe *cqe;
	unsigned head, count = 0;

	io_uring_for_each_cqe(&job->ring, head, cqe)
	{
		if (cqe->res != (int)READ_BYTES)
			die("read", cqe->res < 0 ? -cqe->res : EIO);
		prepare(job, cqe->user_data);
		count++;
	}
	io_uring_cq_advance(&job->ring, count);
	return count;
}

static void register_all(struct job *job, unsigned depth)
{
	struct iovec vector = {.iov_base = job->buffers, .iov_len = (size_t)depth * READ_BYTES};
	int ret = io_uring_register_buffers(&job->ring, &vector, 1);

	if (ret < 0)
		die("io_uring_register_buffers", -ret);
	ret = io_uring_register_files(&job->ring, &job->fd, 1);
	if (ret < 0)
		die("io_uring_register_files", -ret);
}

int main(int argc, char **argv)
{
	const char *path = option(argc, argv, "file", NULL), *notes;
	unsigned depth = atoi(option(argc, argv, "depth", "32"));
	int direct = atoi(option(argc, argv, "direct", "0"));
	struct job job = {
		.fixed = atoi(option(argc, argv, "fixed", "0")),
		.state = atoi(option(argc, argv, "seed", "1")),
	};
	struct window window;
	struct stat status;
	double seconds;
	uint64_t ops;

	if (!path) {
		fprintf(stderr, "Usage: uring-read file=PATH [depth= direct= fixed= seconds= ramp= "
				"seed=]\n");
		return 2;
	}
	job.fd = open(path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (job.fd < 0 || fstat(job.fd, &status) < 0)
		die(path, errno);
	job.blocks = status.st_size / READ_BYTES;
	job.buffers = allocate_buffers((size_t)depth * READ_BYTES);
	notes = make_ring(&job.ring, depth);
	if (job.fixed)
		register_all(&job, depth);

	window = window_open(argc, argv);
	for (unsigned slot = 0; slot < depth; slot++)
		prepare(&job, slot);
	do {
		int ret = io_uring_submit_and_wait(&job.ring, 1);

		if (ret < 0)
			die("io_uring_submit_and_wait", -ret);
		window.ops += reap(&job);
	} while (window_goes_on(&window, &ops, &seconds));
	window_print(&window, ops, seconds, notes);
	return 0;
}
