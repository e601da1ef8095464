/*
 * Waking the event loop when an eventfd is signaled, or when we say so ourselves.
 *
 * On Node this is libuv's poll handle, two microseconds per wake-up. Its
 * functions are looked up at run time, because Bun exports names that abort and
 * Deno half of them; there a thread waits in poll(2) and calls a thread-safe
 * function, which costs about ten. Without a descriptor it is libuv's async
 * handle: a callback in the poll phase of the loop, as any of Node's own.
 *
 * Who owns a struct wakeup: the External that JavaScript holds, and the watcher
 * (handle or thread). It is freed when both are gone. An environment that ends
 * stops the watcher first, through a cleanup hook.
 */
#define _GNU_SOURCE
#include "platform.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Enough for poll, read and one Node-API call; a megabyte of address space is not needed. */
#define STACK_SIZE (256 * 1024)

/* libuv's binary interface, stable since 1.19. */
#define UV_ASYNC 1
#define UV_POLL 8
#define UV_READABLE 1
struct uv_loop_s;
typedef void (*uv_poll_callback)(void *handle, int status, int events);
typedef void (*uv_async_callback)(void *handle);
typedef void (*uv_close_callback)(void *handle);

static struct {
	size_t (*handle_size)(int type);
	int (*poll_init)(struct uv_loop_s *loop, void *handle, int fd);
	int (*poll_start)(void *handle, int events, uv_poll_callback callback);
	int (*poll_stop)(void *handle);
	int (*async_init)(struct uv_loop_s *loop, void *handle, uv_async_callback callback);
	int (*async_send)(void *handle);
	void (*close)(void *handle, uv_close_callback callback);
	void (*ref)(void *handle);
	void (*unref)(void *handle);
	void *(*get_data)(const void *handle);
	void (*set_data)(void *handle, void *data);
} uv;

struct wakeup {
	napi_env env;
	int fd;	       /* watched, or -1 */
	bool external; /* JavaScript can still name it */
	bool watching; /* the watcher exists */
	bool stopping;
	napi_ref callback;
	/* uv_poll, uv_async */
	void *handle;
	napi_async_cleanup_hook_handle hook;
	/* thread */
	napi_threadsafe_function function;
	pthread_t thread;
	int stop_fd;
	atomic_bool called; /* a call is under way; another would tell nothing new */
};

static void maybe_free(struct wakeup *wakeup)
{
	if (!wakeup->external && !wakeup->watching)
		free(wakeup);
}

/* Takes the signal. False when there was none. */
static bool take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/*
 * An exception in the callback belongs to the program, not to us. Returns
 * whether there was one and the program goes on after it.
 */
static bool report(napi_env env, napi_status status)
{
	napi_value error;

	/* A callback that a termination cut short fails with no exception to be had. */
	if (status == napi_generic_failure || NAPI_ALIVE(status) ||
	    status != napi_pending_exception)
		return false;
	/* Fails when the environment is going away: then no one can be informed. */
	return napi_get_and_clear_last_exception(env, &error) == napi_ok &&
	       napi_fatal_exception(env, error) == napi_ok;
}

/* ---- libuv ---- */

static bool uv_resolve(void)
{
	static const struct {
		const char *name;
		void *where;
	} symbols[] = {
		{"uv_handle_size", &uv.handle_size},
		{"uv_poll_init", &uv.poll_init},
		{"uv_poll_start", &uv.poll_start},
		{"uv_poll_stop", &uv.poll_stop},
		{"uv_async_init", &uv.async_init},
		{"uv_async_send", &uv.async_send},
		{"uv_close", &uv.close},
		{"uv_ref", &uv.ref},
		{"uv_unref", &uv.unref},
		{"uv_handle_get_data", &uv.get_data},
		{"uv_handle_set_data", &uv.set_data},
	};
	size_t i;

	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		*(void **)symbols[i].where = dlsym(RTLD_DEFAULT, symbols[i].name);
		if (!*(void **)symbols[i].where)
			return false;
	}
	return true;
}

/*
 * napi_make_callback and not napi_call_function: it opens a callback scope, so
 * that microtasks and process.nextTick run when the callback returns. It has no
 * async context: that would be the context in which the wake-up was opened, the
 * domain or the store of whatever ran first. Each delivery has its own. Returns
 * whether the callback wants to be called again, in a scope of its own.
 */
static bool call(struct wakeup *wakeup)
{
	napi_value receiver, callback, result;
	napi_env env = wakeup->env;
	napi_handle_scope scope;
	napi_status status;
	bool again = false;

	NAPI_MUST(napi_open_handle_scope(env, &scope));
	NAPI_MUST(napi_get_global(env, &receiver));
	NAPI_MUST(napi_get_reference_value(env, wakeup->callback, &callback));
	status = napi_make_callback(env, NULL, receiver, callback, 0, NULL, &result);
	/* After an exception the callback has not said what it wants: it is asked again. */
	if (status == napi_ok)
		(void)napi_get_value_bool(env, result, &again);
	else
		again = report(env, status);
	NAPI_MUST(napi_close_handle_scope(env, scope));
	return again;
}

static void on_readable(void *handle, int status, int events)
{
	struct wakeup *wakeup = uv.get_data(handle);

	(void)status;
	(void)events;
	if (take(wakeup->fd))
		(void)call(wakeup);
}

static void on_sent(void *handle)
{
	struct wakeup *wakeup = uv.get_data(handle);

	while (call(wakeup) && !wakeup->stopping)
		;
}

static void on_closed(void *handle)
{
	struct wakeup *wakeup = uv.get_data(handle);

	free(handle);
	NAPI_MUST(napi_delete_reference(wakeup->env, wakeup->callback));
	NAPI_MUST(napi_remove_async_cleanup_hook(wakeup->hook));
	wakeup->watching = false;
	maybe_free(wakeup);
}

static void poll_stop(struct wakeup *wakeup)
{
	wakeup->stopping = true;
	if (wakeup->fd >= 0)
		uv.poll_stop(wakeup->handle);
	uv.close(wakeup->handle, on_closed);
}

/* The environment ends: it waits until on_closed removes the hook. */
static void poll_cleanup(napi_async_cleanup_hook_handle hook, void *data)
{
	struct wakeup *wakeup = data;

	(void)hook;
	if (!wakeup->stopping)
		poll_stop(wakeup);
}

/* Returns 0 or -errno. */
static int poll_open(struct wakeup *wakeup, napi_value callback)
{
	napi_env env = wakeup->env;
	struct uv_loop_s *loop;
	int result;

	if (!uv_resolve())
		return -ENOSYS;
	NAPI_MUST(napi_get_uv_event_loop(env, &loop));
	/* The handle is libuv's until it is closed, so it is not part of the struct. */
	wakeup->handle = calloc(1, uv.handle_size(wakeup->fd < 0 ? UV_ASYNC : UV_POLL));
	if (!wakeup->handle)
		return -ENOMEM;
	result = wakeup->fd < 0 ? uv.async_init(loop, wakeup->handle, on_sent)
				: uv.poll_init(loop, wakeup->handle, wakeup->fd);
	if (result < 0) {
		free(wakeup->handle);
		return result;
	}
	uv.set_data(wakeup->handle, wakeup);
	uv.unref(wakeup->handle);
	NAPI_MUST(napi_create_reference(env, callback, 1, &wakeup->callback));
	NAPI_MUST(napi_add_async_cleanup_hook(env, poll_cleanup, wakeup, &wakeup->hook));
	wakeup->watching = true;
	if (wakeup->fd >= 0)
		uv.poll_start(wakeup->handle, UV_READABLE, on_readable);
	return 0;
}

/* ---- thread ---- */

static void *watch(void *data)
{
	struct wakeup *wakeup = data;
	struct pollfd fds[2] = {{wakeup->fd, POLLIN, 0}, {wakeup->stop_fd, POLLIN, 0}};

	for (;;) {
		/* Signals are blocked here, so there is no EINTR; any other error is the end. */
		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			return NULL;
		if (!fds[0].revents)
			continue;
		if (!take(wakeup->fd)) {
			if (fds[0].revents & (POLLERR | POLLNVAL))
				return NULL;
			continue;
		}
		if (atomic_exchange(&wakeup->called, true))
			continue;
		if (napi_call_threadsafe_function(wakeup->function, NULL, napi_tsfn_nonblocking) !=
		    napi_ok)
			return NULL;
	}
}

static void on_called(napi_env env, napi_value callback, void *context, void *data)
{
	struct wakeup *wakeup = context;
	napi_value receiver, result;

	(void)data;
	/* Cleared first: a signal that comes while the callback runs asks for another one. */
	atomic_store(&wakeup->called, false);
	if (!env || wakeup->stopping)
		return;
	NAPI_MUST(napi_get_global(env, &receiver));
	(void)report(env, napi_call_function(env, receiver, callback, 0, NULL, &result));
}

static void on_function_gone(napi_env env, void *data, void *context)
{
	struct wakeup *wakeup = context;

	(void)env;
	(void)data;
	wakeup->watching = false;
	maybe_free(wakeup);
}

static void thread_stop(struct wakeup *wakeup)
{
	const uint64_t one = 1;

	wakeup->stopping = true;
	/* An eventfd takes eight bytes unless its counter is full, and it is readable then. */
	(void)!write(wakeup->stop_fd, &one, sizeof(one));
	pthread_join(wakeup->thread, NULL);
	close(wakeup->stop_fd);
	(void)napi_release_threadsafe_function(wakeup->function, napi_tsfn_abort);
}

static void thread_cleanup(void *data)
{
	thread_stop(data);
}

static int thread_start(struct wakeup *wakeup)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int result;

	result = pthread_attr_init(&attr);
	if (result)
		return -result;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* Signals are the main thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&wakeup->thread, &attr, watch, wakeup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -result;
}

/* Returns 0 or -errno. */
static int thread_open(struct wakeup *wakeup, napi_value callback)
{
	napi_env env = wakeup->env;
	napi_value name;
	int result;

	wakeup->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wakeup->stop_fd < 0)
		return -errno;
	NAPI_MUST(napi_create_string_utf8(env, "proactor.wakeup", NAPI_AUTO_LENGTH, &name));
	NAPI_MUST(napi_create_threadsafe_function(env, callback, NULL, name, 0, 1, NULL,
						  on_function_gone, wakeup, on_called,
						  &wakeup->function));
	NAPI_MUST(napi_unref_threadsafe_function(env, wakeup->function));
	wakeup->watching = true;
	result = thread_start(wakeup);
	if (result < 0) {
		close(wakeup->stop_fd);
		wakeup->stopping = true;
		(void)napi_release_threadsafe_function(wakeup->function, napi_tsfn_abort);
		return result;
	}
	/* Added after the function's own hook, so that ours runs before it. */
	NAPI_MUST(napi_add_env_cleanup_hook(env, thread_cleanup, wakeup));
	return 0;
}

/* ---- both ---- */

static void stop(struct wakeup *wakeup)
{
	if (wakeup->stopping)
		return;
	if (wakeup->handle) {
		poll_stop(wakeup);
		return;
	}
	NAPI_MUST(napi_remove_env_cleanup_hook(wakeup->env, thread_cleanup, wakeup));
	thread_stop(wakeup);
}

/*
 * JavaScript can name it no more. As with any handle of an event loop, that
 * does not stop it: only closing does, or the end of the environment.
 */
static void wakeup_finalize(napi_env env, void *data, void *hint)
{
	struct wakeup *wakeup = data;

	(void)env;
	(void)hint;
	wakeup->external = false;
	maybe_free(wakeup);
}

/* wakeupOpen(fd, callback, useThread) -> External or -errno */
napi_value wakeup_open(napi_env env, napi_callback_info info)
{
	napi_value argv[3], external;
	struct wakeup *wakeup;
	napi_valuetype type;
	bool use_thread;
	int32_t fd;
	int result;

	if (!get_args(env, info, 3, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_bool(env, argv[2], &use_thread))
		return NULL;
	NAPI_MUST(napi_typeof(env, argv[1], &type));
	if (type != napi_function) {
		(void)throw_type(env, "The callback must be a function");
		return NULL;
	}
	wakeup = calloc(1, sizeof(*wakeup));
	if (!wakeup)
		return to_i32(env, -ENOMEM);
	wakeup->env = env;
	wakeup->fd = fd;
	if (fd < 0 && use_thread)
		result = -ENOSYS;
	else
		result = use_thread ? thread_open(wakeup, argv[1]) : poll_open(wakeup, argv[1]);
	if (result < 0) {
		maybe_free(wakeup);
		return to_i32(env, result);
	}
	wakeup->external = true;
	if (!NAPI_ALIVE(napi_create_external(env, wakeup, wakeup_finalize, NULL, &external))) {
		wakeup->external = false;
		stop(wakeup);
		return NULL;
	}
	return external;
}

static struct wakeup *get_wakeup(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	void *wakeup;

	if (!get_args(env, info, 1, argv, NULL))
		return NULL;
	if (napi_get_value_external(env, argv[0], &wakeup) != napi_ok) {
		(void)throw_type(env, "The argument must come from wakeupOpen");
		return NULL;
	}
	return wakeup;
}

/* wakeupRef(wakeup) */
napi_value wakeup_ref(napi_env env, napi_callback_info info)
{
	struct wakeup *wakeup = get_wakeup(env, info);

	if (!wakeup || wakeup->stopping)
		return NULL;
	if (wakeup->handle)
		uv.ref(wakeup->handle);
	else
		NAPI_MUST(napi_ref_threadsafe_function(env, wakeup->function));
	return NULL;
}

/* wakeupUnref(wakeup) */
napi_value wakeup_unref(napi_env env, napi_callback_info info)
{
	struct wakeup *wakeup = get_wakeup(env, info);

	if (!wakeup || wakeup->stopping)
		return NULL;
	if (wakeup->handle)
		uv.unref(wakeup->handle);
	else
		NAPI_MUST(napi_unref_threadsafe_function(env, wakeup->function));
	return NULL;
}

/* wakeupSend(wakeup): of one without a descriptor. Sent twice before it was heard is sent once. */
napi_value wakeup_send(napi_env env, napi_callback_info info)
{
	struct wakeup *wakeup = get_wakeup(env, info);

	if (wakeup && !wakeup->stopping && wakeup->handle && wakeup->fd < 0)
		uv.async_send(wakeup->handle);
	return NULL;
}

/* fatalException(error): what becomes of an exception that nobody catches */
napi_value fatal_exception(napi_env env, napi_callback_info info)
{
	napi_value argv[1];

	/* Fails when the environment is going away: then there is nobody to tell. */
	if (get_args(env, info, 1, argv, NULL))
		(void)napi_fatal_exception(env, argv[0]);
	return NULL;
}

/* wakeupClose(wakeup) */
napi_value wakeup_close(napi_env env, napi_callback_info info)
{
	struct wakeup *wakeup = get_wakeup(env, info);

	if (wakeup)
		stop(wakeup);
	return NULL;
}

/* wakeupKind(wakeup) */
napi_value wakeup_kind(napi_env env, napi_callback_info info)
{
	struct wakeup *wakeup = get_wakeup(env, info);
	const char *name;
	napi_value kind;

	if (!wakeup)
		return NULL;
	name = !wakeup->handle ? "thread" : wakeup->fd < 0 ? "uv_async" : "uv_poll";
	NAPI_MUST(napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &kind));
	return kind;
}
