/*
 * glibc's POSIX AIO: where its functions are, its limits, and its numbers.
 */
#define _GNU_SOURCE
#include "queue.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>

#ifdef __GLIBC__

/* src/abi/posix-aio.ts has the offsets of a system with 64 bits, private fields included. */
_Static_assert(sizeof(struct aiocb) == 168, "size of aiocb");
_Static_assert(offsetof(struct aiocb, aio_fildes) == 0, "aio_fildes");
_Static_assert(offsetof(struct aiocb, aio_lio_opcode) == 4, "aio_lio_opcode");
_Static_assert(offsetof(struct aiocb, aio_reqprio) == 8, "aio_reqprio");
_Static_assert(offsetof(struct aiocb, aio_buf) == 16, "aio_buf");
_Static_assert(offsetof(struct aiocb, aio_nbytes) == 24, "aio_nbytes");
_Static_assert(offsetof(struct aiocb, aio_sigevent) == 32, "aio_sigevent");
_Static_assert(offsetof(struct aiocb, aio_offset) == 128, "aio_offset");

static const struct posix_aio *find(void)
{
	static struct posix_aio found;
	static const struct {
		const char *name;
		void *where;
	} symbols[] = {
		{"aio_read", &found.read},     {"aio_write", &found.write},
		{"aio_fsync", &found.fsync},   {"aio_error", &found.error},
		{"aio_return", &found.ret},    {"aio_suspend", &found.suspend},
		{"aio_cancel", &found.cancel}, {"lio_listio", &found.listio},
		{"aio_init", &found.init},
	};
	void *library = RTLD_DEFAULT;
	size_t i;

	/* The private fields that we read are glibc's. */
	if (!dlsym(RTLD_DEFAULT, "gnu_get_libc_version"))
		return NULL;
	if (!dlsym(RTLD_DEFAULT, "aio_read")) {
		library = dlopen("librt.so.1", RTLD_NOW);
		if (!library)
			return NULL;
	}
	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (!symbol)
			return NULL;
		*(void **)symbols[i].where = symbol;
	}
	return &found;
}

/* Threads that race to find it write the same words. */
const struct posix_aio *posix_aio(void)
{
	static const struct posix_aio *_Atomic known;
	const struct posix_aio *functions = known;

	if (!functions)
		known = functions = find();
	return functions;
}

/* posixAioAvailable() -> 0, or -ENOSYS */
napi_value posix_aio_available(napi_env env, napi_callback_info info)
{
	(void)info;
	return to_i32(env, posix_aio() ? 0 : -ENOSYS);
}

/* posixAioInit(threads, requests, idleSeconds): only before the process' first request */
napi_value posix_aio_init(napi_env env, napi_callback_info info)
{
	struct aioinit init = {.aio_locks = 0};
	napi_value argv[3];
	int32_t threads, requests, idle;

	if (!get_args(env, info, 3, argv, NULL) || !get_i32(env, argv[0], &threads) ||
	    !get_i32(env, argv[1], &requests) || !get_i32(env, argv[2], &idle))
		return NULL;
	if (!posix_aio())
		return to_i32(env, -ENOSYS);
	init.aio_threads = threads;
	init.aio_num = requests;
	init.aio_idle_time = idle;
	posix_aio()->init(&init);
	return to_i32(env, 0);
}

#define NAMED(name) \
	{ \
#name, (double)(name) \
	}
#define OFFSET(name, field) \
	{ \
#name, offsetof(struct aiocb, field) \
	}

static const struct {
	const char *name;
	double value;
} entries[] = {
	{"AIOCB_SIZE", sizeof(struct aiocb)},
	OFFSET(AIOCB_FILDES, aio_fildes),
	OFFSET(AIOCB_LIO_OPCODE, aio_lio_opcode),
	OFFSET(AIOCB_REQPRIO, aio_reqprio),
	OFFSET(AIOCB_BUF, aio_buf),
	OFFSET(AIOCB_NBYTES, aio_nbytes),
	OFFSET(AIOCB_SIGEV_VALUE, aio_sigevent.sigev_value),
	OFFSET(AIOCB_SIGEV_SIGNO, aio_sigevent.sigev_signo),
	OFFSET(AIOCB_SIGEV_NOTIFY, aio_sigevent.sigev_notify),
	OFFSET(AIOCB_OFFSET, aio_offset),
	NAMED(AIO_CANCELED),
	NAMED(AIO_NOTCANCELED),
	NAMED(AIO_ALLDONE),
	NAMED(LIO_READ),
	NAMED(LIO_WRITE),
	NAMED(LIO_NOP),
	NAMED(LIO_WAIT),
	NAMED(LIO_NOWAIT),
	NAMED(SIGEV_SIGNAL),
	NAMED(SIGEV_NONE),
	NAMED(SIGEV_THREAD),
	NAMED(O_SYNC),
	NAMED(O_DSYNC),
	NAMED(POSIX_AIO_REAP_MAX),
};

/* posixAioAbi() -> { name: number }, which a test compares with src/abi/posix-aio.ts */
napi_value posix_aio_abi(napi_env env, napi_callback_info info)
{
	napi_value object;
	size_t i;

	(void)info;
	NAPI_MUST(napi_create_object(env, &object));
	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (!NAPI_ALIVE(napi_set_named_property(env, object, entries[i].name,
							to_double(env, entries[i].value))))
			return NULL;
	return object;
}

#else

/* Another C library: musl has POSIX AIO with a thread per descriptor, which we do not use. */
#define MISSING(function) \
	napi_value function(napi_env env, napi_callback_info info) \
	{ \
		(void)info; \
		return to_i32(env, -ENOSYS); \
	}
MISSING(posix_aio_open)
MISSING(posix_aio_eventfd)
MISSING(posix_aio_close)
MISSING(posix_aio_submit)
MISSING(posix_aio_reap)
MISSING(posix_aio_arm)
MISSING(posix_aio_wait)
MISSING(posix_aio_withdraw)
MISSING(posix_aio_available)
MISSING(posix_aio_init)
MISSING(posix_aio_start)
MISSING(posix_aio_listio)
MISSING(posix_aio_error)
MISSING(posix_aio_return)
MISSING(posix_aio_suspend)
MISSING(posix_aio_cancel)
MISSING(posix_aio_notified)
MISSING(posix_aio_abi)

#endif
