/*
 * NOPs with liburing, one batch after the other: the road without a destination.
 *
 *   uring-nop [depth=128] [seconds=1] [ramp=0.3]
 */
#define _GNU_SOURCE
#include "ring.h"

int main(int argc, char **argv)
{
	unsigned depth = atoi(option(argc, argv, "depth", "128"));
	struct io_uring ring;
	const char *notes = make_ring(&ring, depth);
	struct window window = window_open(argc, argv);
	double seconds;
	uint64_t ops;

	do {
		struct io_uring_cqe *cqe;
		unsigned head, count = 0;
		int ret;

		for (unsigned slot = 0; slot < depth; slot++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			io_uring_prep_nop(sqe);
			io_uring_sqe_set_data64(sqe, slot);
		}
		ret = io_uring_submit_and_wait(&ring, depth);
		if (ret < 0)
			die("io_uring_submit_and_wait", -ret);
		io_uring_for_each_cqe(&ring, head, cqe)
		{
			if (cqe->res < 0)
				die("nop", -cqe->res);
			count++;
		}
		io_uring_cq_advance(&ring, count);
		window.ops += count;
	} while (window_goes_on(&window, &ops, &seconds));
	window_print(&window, ops, seconds, notes);
	return 0;
}
