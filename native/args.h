/*
 * Node-API arguments and results.
 *
 * Three kinds of failure, kept apart: a Node-API call that fails through a bug
 * of ours stops the process with the failing expression (NAPI_MUST); a wrong
 * JavaScript type from our own code throws a TypeError; an environment that is
 * being torn down, from another thread and at any moment, makes calls fail
 * that touch JavaScript, and then we return quietly (napi_alive).
 */
#ifndef PROACTOR_ARGS_H
#define PROACTOR_ARGS_H

#define NAPI_VERSION 9
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Noreturn void napi_bug(const char *expression, napi_status status, const char *file, int line);

#define NAPI_MUST(call) \
	do { \
		napi_status status_ = (call); \
		if (status_ != napi_ok) \
			napi_bug(#call, status_, __FILE__, __LINE__); \
	} while (0)

/* False when the environment is going away; the process stops for anything else but success. */
#define NAPI_ALIVE(call) napi_alive((call), #call, __FILE__, __LINE__)
bool napi_alive(napi_status status, const char *expression, const char *file, int line);

/* Throws a TypeError. Returns false, so that it can end a chain of getters. */
bool throw_type(napi_env env, const char *message);

/* The arguments of a call, exactly count of them; data is what the function was created with. */
bool get_args(napi_env env, napi_callback_info info, size_t count, napi_value *argv, void **data);

/* Getters. False with a pending TypeError when the type is wrong. */
bool get_i32(napi_env env, napi_value value, int32_t *out);
bool get_u32(napi_env env, napi_value value, uint32_t *out);
bool get_size(napi_env env, napi_value value, size_t *out);
bool get_bool(napi_env env, napi_value value, bool *out);
/* Bytes of an ArrayBuffer, TypedArray or DataView. */
bool get_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length);
bool get_buffer(napi_env env, napi_value value, void **data, size_t *length);

/* A result as the kernel gives it. */
napi_value to_i32(napi_env env, int32_t value);
napi_value to_double(napi_env env, double value);
/* What a system call returned: the result, or -errno for -1. */
napi_value to_result(napi_env env, long result);

#endif
