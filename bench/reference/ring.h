/* How every liburing reference makes its ring: as the engine in src/engines/io-uring does. */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <liburing.h>

#include "common.h"

#ifdef IORING_SETUP_NO_SQARRAY
#define NO_SQARRAY IORING_SETUP_NO_SQARRAY
#define NO_SQARRAY_NOTE " NO_SQARRAY"
#else
/*
 * A liburing from before 6.6 writes the index array that NO_SQARRAY abolishes, and would hit the
 * ring's own counters. It costs the reference one store per entry.
 */
#define NO_SQARRAY 0
#define NO_SQARRAY_NOTE ""
#endif

/* Returns the flags in use, for the report. */
static inline const char *make_ring(struct io_uring *ring, unsigned entries)
{
	struct io_uring_params p;
	int ret;

	memset(&p, 0, sizeof(p));
	p.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
		  IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | NO_SQARRAY;
	ret = io_uring_queue_init_params(entries, ring, &p);
	if (ret < 0)
		die("io_uring_queue_init_params", -ret);
	ret = io_uring_register_ring_fd(ring);
	if (ret < 0)
		die("io_uring_register_ring_fd", -ret);
	return "SINGLE_ISSUER DEFER_TASKRUN TASKRUN_FLAG SUBMIT_ALL" NO_SQARRAY_NOTE
	       ", registered ring";
}

#endif
