/*
 * How long one operation takes with liburing, beside nothing or beside threads that compute: the
 * 99th percentile. The twin of bench/fs/latency.ts, for what no program can have better.
 *
 *   latency work=write-file|append dir=PATH [threads=0] [seconds=1]
 *
 * write-file opens, writes 2 KiB and closes; append writes 100 bytes with RWF_DSYNC. Each waits
 * for the operation before, and a millisecond passes between two, as in the TypeScript.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring.h"

#define WARM_UP 200
#define SAMPLES (1 << 20)
#define PAUSE_NS (1000 * 1000)

struct job {
	struct io_uring ring;
	const char *path;
	int fd;
	uint64_t end;
};

static char content[2048];

static struct io_uring_sqe *get_sqe(struct job *job)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);

	if (!sqe)
		die("io_uring_get_sqe", EBUSY);
	return sqe;
}

/* Hands over what was prepared and waits for its result. */
static int finish(struct job *job, const char *what)
{
	struct io_uring_cqe *cqe;
	int ret;

	if ((ret = io_uring_submit_and_wait(&job->ring, 1)) < 0 ||
	    (ret = io_uring_wait_cqe(&job->ring, &cqe)) < 0 || (ret = cqe->res) < 0)
		die(what, -ret);
	io_uring_cqe_seen(&job->ring, cqe);
	return ret;
}

static void write_file(struct job *job)
{
	int fd;

	io_uring_prep_openat(get_sqe(job), AT_FDCWD, job->path,
			     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	fd = finish(job, "open");
	io_uring_prep_write(get_sqe(job), fd, content, sizeof(content), 0);
	if (finish(job, "write") != sizeof(content))
		die("write", EIO);
	io_uring_prep_close(get_sqe(job), fd);
	finish(job, "close");
}

static void append(struct job *job)
{
	struct io_uring_sqe *sqe = get_sqe(job);

	io_uring_prep_write(sqe, job->fd, content, 100, job->end);
	sqe->rw_flags = RWF_DSYNC;
	job->end += finish(job, "write");
}

static void *compute(void *unused)
{
	volatile uint64_t x = 1;

	(void)unused;
	for (;;)
		x = x * 6364136223846793005u + 1442695040888963407u;
	return NULL;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	const char *dir = option(argc, argv, "dir", NULL);
	double seconds = atof(option(argc, argv, "seconds", "1")), until;
	int threads = atoi(option(argc, argv, "threads", "0")), is_append, count = 0;
	double *samples = malloc(SAMPLES * sizeof(*samples));
	struct job job = {.fd = -1};
	char path[4096];
	pthread_t thread;

	if (!dir || !samples) {
		fprintf(stderr,
			"Usage: latency work=write-file|append dir=PATH [threads= seconds=]\n");
		return 2;
	}
	is_append = !strcmp(option(argc, argv, "work", ""), "append");
	snprintf(path, sizeof(path), "%s/new-%d", dir, (int)getpid());
	job.path = path;
	make_ring(&job.ring, 8);
	if (is_append && (job.fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) < 0)
		die(path, errno);
	for (int i = 0; i < WARM_UP; i++)
		is_append ? append(&job) : write_file(&job);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, compute, NULL))
			die("pthread_create", EAGAIN);
	until = now_seconds() + seconds;
	do {
		double before = now_seconds();

		is_append ? append(&job) : write_file(&job);
		samples[count++] = (now_seconds() - before) * 1e6;
		nanosleep(&pause, NULL);
	} while (now_seconds() < until && count < SAMPLES);
	unlink(path);
	qsort(samples, count, sizeof(*samples), ascending);
	/* Nearest rank, as in bench/harness/statistics.ts. */
	printf("{\"p99\":%.1f}\n", samples[(count * 99 + 99) / 100 - 1]);
	return 0;
}
