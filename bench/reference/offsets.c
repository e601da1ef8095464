/* Prints the first block numbers of the generator, so that a test can compare the two sides. */
#define _GNU_SOURCE
#include "common.h"

int main(int argc, char **argv)
{
	uint32_t state = strtoul(option(argc, argv, "seed", "1"), NULL, 10);
	uint32_t blocks = strtoul(option(argc, argv, "blocks", "65536"), NULL, 10);
	int count = atoi(option(argc, argv, "count", "8"));

	while (count-- > 0)
		printf("%u\n", random_block(&state, blocks));
	return 0;
}
