/*
 * Small Linux calls: eventfd(2), pipe2(2), fcntl(2), lseek(2), statx(2).
 */
#define _GNU_SOURCE /* pipe2 */
#include "../platform.h"
#include "linux_abi.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000
#endif

/* eventfd() -> fd */
napi_value linux_eventfd(napi_env env, napi_callback_info info)
{
	(void)info;
	return to_result(env, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* fcntlGetFlags(fd) -> O_* */
napi_value fcntl_get_flags(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t fd;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	return to_result(env, fcntl(fd, F_GETFL));
}

/* pipe(ends): both ends of a new pipe, the one to read first */
napi_value linux_pipe(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *ends;
	size_t length;

	if (!get_args(env, info, 1, argv, NULL) || !get_bytes(env, argv[0], &ends, &length))
		return NULL;
	if (length < 2 * sizeof(int)) {
		(void)throw_type(env, "The ends of a pipe take 8 bytes");
		return NULL;
	}
	return to_result(env, pipe2((int *)(void *)ends, O_CLOEXEC | O_NONBLOCK));
}

/* seekable(fd): 0, or -ESPIPE for what has no offsets, such as a pipe */
napi_value file_seekable(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t fd;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	return to_result(env, lseek(fd, 0, SEEK_CUR) < 0 ? -1 : 0);
}

/* directAlignment(fd, out): what O_DIRECT needs on this file */
napi_value direct_alignment(napi_env env, napi_callback_info info)
{
	struct linux_statx statx;
	napi_value argv[2];
	uint32_t aligns[2];
	uint8_t *out;
	size_t length;
	int32_t fd;

	if (!get_args(env, info, 2, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_bytes(env, argv[1], &out, &length))
		return NULL;
	if (length < sizeof(aligns)) {
		(void)throw_type(env, "The answer takes two 32-bit words");
		return NULL;
	}
	memset(&statx, 0, sizeof(statx));
	if (syscall(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &statx) < 0)
		return to_result(env, -1);
	if (!(statx.stx_mask & STATX_DIOALIGN))
		return to_i32(env, -EOPNOTSUPP);
	aligns[0] = statx.stx_dio_mem_align;
	aligns[1] = statx.stx_dio_offset_align;
	memcpy(out, aligns, sizeof(aligns));
	return to_i32(env, 0);
}
