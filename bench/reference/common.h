/*
 * What the C references share: arguments, clocks, the generator of offsets, the ring.
 *
 * The references are the limit that the TypeScript is held against, so nothing here may cost them
 * anything: the clock is read once per batch, and the same flags, buffers and file are used on
 * both sides.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define READ_BYTES 4096u

/* A failed reference stops the whole comparison: there is nothing to compare with. */
static inline void die(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	exit(1);
}

/* The value of "name=value" among the arguments, or the fallback. */
static inline const char *option(int argc, char **argv, const char *name, const char *fallback)
{
	size_t length = strlen(name);

	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], name, length) && argv[i][length] == '=')
			return argv[i] + length + 1;
	return fallback;
}

static inline double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* xorshift32 (Marsaglia, 2003), as in bench/harness/random.ts: both sides read the same blocks. */
static inline uint32_t xorshift32(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* A block number below `blocks`, without a division. */
static inline uint32_t random_block(uint32_t *state, uint32_t blocks)
{
	return ((uint64_t)xorshift32(state) * blocks) >> 32;
}

/* Page-aligned and touched, so that no page fault is measured. */
static inline char *allocate_buffers(size_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap", errno);
	memset(memory, 1, bytes);
	return memory;
}

/* One measurement: a warm-up of `ramp` seconds, then `seconds` that count. */
struct window {
	double ramp, seconds, start;
	struct rusage usage;
	uint64_t ops, ops_at_start;
};

static inline struct window window_open(int argc, char **argv)
{
	struct window w = {
		.ramp = atof(option(argc, argv, "ramp", "0.3")),
		.seconds = atof(option(argc, argv, "seconds", "1")),
		.start = now_seconds(),
	};

	return w;
}

/* Call after every batch. Returns 0 when the time is up; then `w` holds what was measured. */
static inline int window_goes_on(struct window *w, uint64_t *ops, double *seconds)
{
	double elapsed = now_seconds() - w->start;

	if (w->ramp > 0) {
		if (elapsed >= w->ramp) {
			w->ramp = 0;
			w->ops_at_start = w->ops;
			getrusage(RUSAGE_SELF, &w->usage);
			w->start = now_seconds();
		}
		return 1;
	}
	if (elapsed < w->seconds)
		return 1;
	*ops = w->ops - w->ops_at_start;
	*seconds = elapsed;
	return 0;
}

static inline double microseconds(struct timeval a, struct timeval b)
{
	return (b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_usec - a.tv_usec);
}

/* Prints the result in the shape of bench/harness/result.ts, CPU times in microseconds. */
static inline void window_print(struct window *w, uint64_t ops, double seconds, const char *notes)
{
	struct rusage end;

	getrusage(RUSAGE_SELF, &end);
	printf("{\"ops\":%llu,\"seconds\":%.6f,", (unsigned long long)ops, seconds);
	printf("\"cpuUser\":%.0f,", microseconds(w->usage.ru_utime, end.ru_utime));
	printf("\"cpuSystem\":%.0f,", microseconds(w->usage.ru_stime, end.ru_stime));
	printf("\"notes\":\"%s\"}\n", notes);
}

#endif
