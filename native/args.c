/*
 * Getting arguments out of JavaScript and results back in.
 *
 * Nothing here allocates; everything is a few calls that Node-API answers
 * without running JavaScript.
 */
#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void napi_bug(const char *expression, napi_status status, const char *file, int line)
{
	fprintf(stderr, "proactor: %s:%d: %s failed with status %d\n", file, line, expression,
		(int)status);
	abort();
}

bool napi_alive(napi_status status, const char *expression, const char *file, int line)
{
	if (status == napi_ok)
		return true;
	/*
	 * A Worker that is being terminated refuses JavaScript with one of these,
	 * depending on the Node-API version.
	 */
	if (status == napi_pending_exception || status == napi_cannot_run_js ||
	    status == napi_closing)
		return false;
	napi_bug(expression, status, file, line);
}

bool throw_type(napi_env env, const char *message)
{
	/* Fails only when an exception is pending already, which serves as well. */
	(void)napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

bool get_args(napi_env env, napi_callback_info info, size_t count, napi_value *argv, void **data)
{
	size_t given = count;

	NAPI_MUST(napi_get_cb_info(env, info, &given, argv, NULL, data));
	if (given < count)
		return throw_type(env, "Too few arguments for a native function");
	return true;
}

bool get_i32(napi_env env, napi_value value, int32_t *out)
{
	if (napi_get_value_int32(env, value, out) != napi_ok)
		return throw_type(env, "The argument must be a number");
	return true;
}

bool get_u32(napi_env env, napi_value value, uint32_t *out)
{
	if (napi_get_value_uint32(env, value, out) != napi_ok)
		return throw_type(env, "The argument must be a number");
	return true;
}

bool get_size(napi_env env, napi_value value, size_t *out)
{
	double number;

	if (napi_get_value_double(env, value, &number) != napi_ok)
		return throw_type(env, "The argument must be a number");
	/* An address or a length: what a double holds exactly. NaN fails as well. */
	if (!(number >= 0 && number <= 9007199254740991.0))
		return throw_type(env, "The argument must be a safe non-negative integer");
	*out = (size_t)number;
	return true;
}

bool get_bool(napi_env env, napi_value value, bool *out)
{
	if (napi_get_value_bool(env, value, out) != napi_ok)
		return throw_type(env, "The argument must be a boolean");
	return true;
}

bool get_buffer(napi_env env, napi_value value, void **data, size_t *length)
{
	bool is_buffer = false;

	/* A SharedArrayBuffer is refused here, or answered like an ArrayBuffer in newer engines. */
	if (napi_is_arraybuffer(env, value, &is_buffer) == napi_ok && is_buffer &&
	    napi_get_arraybuffer_info(env, value, data, length) == napi_ok)
		return true;
	return throw_type(env, "The argument must be an ArrayBuffer");
}

bool get_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length)
{
	static const uint8_t sizes[] = {
		[napi_int8_array] = 1,
		[napi_uint8_array] = 1,
		[napi_uint8_clamped_array] = 1,
		[napi_int16_array] = 2,
		[napi_uint16_array] = 2,
		[napi_int32_array] = 4,
		[napi_uint32_array] = 4,
		[napi_float32_array] = 4,
		[napi_float64_array] = 8,
		[napi_bigint64_array] = 8,
		[napi_biguint64_array] = 8,
		[napi_biguint64_array + 1] = 2, /* Float16Array, younger than Node-API 9 */
	};
	napi_typedarray_type type;
	void *start = NULL;
	bool is_it = false;

	if (napi_is_typedarray(env, value, &is_it) == napi_ok && is_it) {
		NAPI_MUST(napi_get_typedarray_info(env, value, &type, length, &start, NULL, NULL));
		if ((size_t)type >= sizeof(sizes))
			return throw_type(env, "This kind of TypedArray is not known");
		*length *= sizes[type];
		*data = start;
		return true;
	}
	if (napi_is_dataview(env, value, &is_it) == napi_ok && is_it) {
		/* A DataView over a detached buffer cannot be asked: it is empty. */
		if (napi_get_dataview_info(env, value, length, &start, NULL, NULL) != napi_ok) {
			*length = 0;
			start = NULL;
		}
		*data = start;
		return true;
	}
	/* Whatever else has bytes: ArrayBuffer, and SharedArrayBuffer where the engine lets us. */
	if (napi_get_arraybuffer_info(env, value, &start, length) == napi_ok) {
		*data = start;
		return true;
	}
	return throw_type(env, "The argument must be an ArrayBuffer or a view of one");
}

napi_value to_i32(napi_env env, int32_t value)
{
	napi_value result;

	NAPI_MUST(napi_create_int32(env, value, &result));
	return result;
}

napi_value to_double(napi_env env, double value)
{
	napi_value result;

	NAPI_MUST(napi_create_double(env, value, &result));
	return result;
}

napi_value to_result(napi_env env, long result)
{
	return to_i32(env, (int32_t)(result < 0 ? -errno : result));
}
