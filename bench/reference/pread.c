/*
 * Random 4 KiB reads with pread(2), one after the other on one thread: what the kernel's copy
 * costs when nothing is asynchronous. No row of the table is held against it.
 *
 *   pread file=PATH [direct=0] [seconds=1] [ramp=0.3] [seed=1]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"

/* As many reads between two looks at the clock as a batch of the other references has. */
#define READS_PER_CLOCK 32

int main(int argc, char **argv)
{
	const char *path = option(argc, argv, "file", NULL);
	int direct = atoi(option(argc, argv, "direct", "0"));
	uint32_t state = atoi(option(argc, argv, "seed", "1")), blocks;
	char *buffer = allocate_buffers(READ_BYTES);
	struct window window;
	struct stat status;
	double seconds;
	uint64_t ops;
	int fd;

	if (!path) {
		fprintf(stderr, "Usage: pread file=PATH [direct= seconds= ramp= seed=]\n");
		return 2;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (fd < 0 || fstat(fd, &status) < 0)
		die(path, errno);
	blocks = status.st_size / READ_BYTES;

	window = window_open(argc, argv);
	do {
		for (int i = 0; i < READS_PER_CLOCK; i++) {
			off_t offset = (off_t)random_block(&state, blocks) * READ_BYTES;
			ssize_t ret = pread(fd, buffer, READ_BYTES, offset);

			if (ret != READ_BYTES)
				die("pread", ret < 0 ? errno : EIO);
		}
		window.ops += READS_PER_CLOCK;
	} while (window_goes_on(&window, &ops, &seconds));
	window_print(&window, ops, seconds, "pread");
	return 0;
}
