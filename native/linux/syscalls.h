/*
 * System calls that C libraries do not wrap, or not in the versions we compile
 * against. Each returns a result, or -1 with errno.
 */
#ifndef PROACTOR_SYSCALLS_H
#define PROACTOR_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One number everywhere but on Alpha, for which nobody builds Node. */
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#define __NR_io_uring_enter 426
#define __NR_io_uring_register 427
#endif
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_statmount
#define __NR_statmount 457
#endif

static inline long sys_uring_setup(uint32_t entries, void *params)
{
	return syscall(__NR_io_uring_setup, entries, params);
}

static inline long sys_uring_enter(int fd, uint32_t to_submit, uint32_t min_complete,
				   uint32_t flags, size_t argument, size_t size)
{
	return syscall(__NR_io_uring_enter, fd, to_submit, min_complete, flags, argument, size);
}

static inline long sys_uring_register(int fd, uint32_t opcode, size_t argument, uint32_t nr_args)
{
	return syscall(__NR_io_uring_register, fd, opcode, argument, nr_args);
}

#endif
