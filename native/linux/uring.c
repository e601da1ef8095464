/*
 * io_uring(7): one exported function per system call.
 *
 * Each function returns what the kernel returned: a result >= 0, or -errno.
 * Nothing here retries, allocates per request, or throws for an error of the
 * system; policy lives in src/engines/io-uring/.
 */
#include "../platform.h"
#include "syscalls.h"
#include "uring_abi.h"

#include <errno.h>

/* uringSetup(entries, params) -> fd */
napi_value uring_setup(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	uint32_t entries;
	uint8_t *params;
	size_t length;

	if (!get_args(env, info, 2, argv, NULL) || !get_u32(env, argv[0], &entries) ||
	    !get_bytes(env, argv[1], &params, &length))
		return NULL;
	if (length < sizeof(struct uring_params)) {
		(void)throw_type(env, "The parameters of a ring take 120 bytes");
		return NULL;
	}
	return to_result(env, sys_uring_setup(entries, params));
}

/* uringEnter(fd, toSubmit, minComplete, flags) -> submitted: the hot call, once per batch */
napi_value uring_enter(napi_env env, napi_callback_info info)
{
	uint32_t to_submit, min_complete, flags;
	napi_value argv[4];
	int32_t fd;

	if (!get_args(env, info, 4, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_u32(env, argv[1], &to_submit) || !get_u32(env, argv[2], &min_complete) ||
	    !get_u32(env, argv[3], &flags))
		return NULL;
	return to_result(env, sys_uring_enter(fd, to_submit, min_complete, flags, 0, 0));
}

/* uringEnterArg(fd, toSubmit, minComplete, flags, argAddress, argSize) -> submitted */
napi_value uring_enter_arg(napi_env env, napi_callback_info info)
{
	uint32_t to_submit, min_complete, flags;
	size_t address, size;
	napi_value argv[6];
	int32_t fd;

	if (!get_args(env, info, 6, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_u32(env, argv[1], &to_submit) || !get_u32(env, argv[2], &min_complete) ||
	    !get_u32(env, argv[3], &flags) || !get_size(env, argv[4], &address) ||
	    !get_size(env, argv[5], &size))
		return NULL;
	return to_result(env, sys_uring_enter(fd, to_submit, min_complete, flags, address, size));
}

/* uringRegister(fd, opcode, argAddress, nrArgs) -> what the opcode says */
napi_value uring_register(napi_env env, napi_callback_info info)
{
	uint32_t opcode, nr_args;
	napi_value argv[4];
	size_t address;
	int32_t fd;

	if (!get_args(env, info, 4, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_u32(env, argv[1], &opcode) || !get_size(env, argv[2], &address) ||
	    !get_u32(env, argv[3], &nr_args))
		return NULL;
	return to_result(env, sys_uring_register(fd, opcode, address, nr_args));
}
