/*
 * What the C files share: the state of one environment, and the functions that
 * addon.c exports. Everything else is static.
 */
#ifndef PROACTOR_PLATFORM_H
#define PROACTOR_PLATFORM_H

#include "args.h"

struct aio_context;
struct guard;
struct mapping;
struct posix_queue;

/*
 * One per environment (the main thread, every Worker). It lives until the
 * environment is gone and every mapping made in it is released, because
 * finalizers run in no particular order.
 */
struct addon {
	napi_env env;
	struct guard *guards;
	struct aio_context *contexts;
	struct posix_queue *queues;
	struct mapping *mappings;
	/* Finalized while the environment ended with requests in flight: unmapped after them. */
	struct mapping *orphans;
	size_t references;
	int hold;    /* hold.c: what this engine lets us hold */
	bool hooked; /* the cleanup hook for guards is registered */
	bool contexts_hooked;
};

void addon_get(struct addon *addon);
void addon_put(struct addon *addon);

/* Whether data is the start of memory from map or allocate. */
bool memory_is_ours(const struct addon *addon, const void *data);

/* Whether the kernel may still be working for this environment. */
static inline bool addon_in_flight(const struct addon *addon)
{
	return addon->guards || addon->contexts || addon->queues;
}

/* Unmaps the orphans, if nothing is in flight any more. */
void memory_release_orphans(struct addon *addon);

struct stat;

/* addon.c */
int file_status(int fd, struct stat *status);
napi_value close_fd(napi_env env, napi_callback_info info);

/* memory.c */
napi_value memory_map(napi_env env, napi_callback_info info);
napi_value memory_unmap(napi_env env, napi_callback_info info);
napi_value memory_allocate(napi_env env, napi_callback_info info);
napi_value memory_keep_freed(napi_env env, napi_callback_info info);
napi_value memory_address_of(napi_env env, napi_callback_info info);

/* hold.c */
napi_value memory_hold(napi_env env, napi_callback_info info);

/* wakeup.c */
napi_value wakeup_open(napi_env env, napi_callback_info info);
napi_value wakeup_ref(napi_env env, napi_callback_info info);
napi_value wakeup_unref(napi_env env, napi_callback_info info);
napi_value wakeup_send(napi_env env, napi_callback_info info);
napi_value fatal_exception(napi_env env, napi_callback_info info);
napi_value wakeup_close(napi_env env, napi_callback_info info);
napi_value wakeup_kind(napi_env env, napi_callback_info info);

/* linux/ */
napi_value uring_setup(napi_env env, napi_callback_info info);
napi_value uring_enter(napi_env env, napi_callback_info info);
napi_value uring_enter_arg(napi_env env, napi_callback_info info);
napi_value uring_register(napi_env env, napi_callback_info info);
napi_value ring_guard(napi_env env, napi_callback_info info);
napi_value ring_close_with(napi_env env, napi_callback_info info);
napi_value ring_unguard(napi_env env, napi_callback_info info);
napi_value ring_forsake(napi_env env, napi_callback_info info);
napi_value linux_eventfd(napi_env env, napi_callback_info info);
napi_value linux_pipe(napi_env env, napi_callback_info info);
napi_value fcntl_get_flags(napi_env env, napi_callback_info info);
napi_value descriptor_facts(napi_env env, napi_callback_info info);
napi_value file_type(napi_env env, napi_callback_info info);
napi_value file_lseek(napi_env env, napi_callback_info info);
napi_value statx_cached(napi_env env, napi_callback_info info);
napi_value mount_magic(napi_env env, napi_callback_info info);
napi_value direct_alignment(napi_env env, napi_callback_info info);
napi_value uring_abi(napi_env env, napi_callback_info info);
napi_value aio_setup(napi_env env, napi_callback_info info);
napi_value aio_destroy(napi_env env, napi_callback_info info);
napi_value aio_close_with(napi_env env, napi_callback_info info);
napi_value aio_submit(napi_env env, napi_callback_info info);
napi_value aio_cancel(napi_env env, napi_callback_info info);
napi_value aio_getevents(napi_env env, napi_callback_info info);
napi_value aio_pgetevents(napi_env env, napi_callback_info info);
napi_value aio_ready(napi_env env, napi_callback_info info);
napi_value aio_reap(napi_env env, napi_callback_info info);
napi_value eventfd_take(napi_env env, napi_callback_info info);
napi_value aio_abi(napi_env env, napi_callback_info info);

/* posix/ */
napi_value posix_aio_open(napi_env env, napi_callback_info info);
napi_value posix_aio_eventfd(napi_env env, napi_callback_info info);
napi_value posix_aio_close(napi_env env, napi_callback_info info);
napi_value posix_aio_submit(napi_env env, napi_callback_info info);
napi_value posix_aio_reap(napi_env env, napi_callback_info info);
napi_value posix_aio_arm(napi_env env, napi_callback_info info);
napi_value posix_aio_wait(napi_env env, napi_callback_info info);
napi_value posix_aio_withdraw(napi_env env, napi_callback_info info);
napi_value posix_aio_available(napi_env env, napi_callback_info info);
napi_value posix_aio_init(napi_env env, napi_callback_info info);
napi_value posix_aio_start(napi_env env, napi_callback_info info);
napi_value posix_aio_listio(napi_env env, napi_callback_info info);
napi_value posix_aio_error(napi_env env, napi_callback_info info);
napi_value posix_aio_return(napi_env env, napi_callback_info info);
napi_value posix_aio_suspend(napi_env env, napi_callback_info info);
napi_value posix_aio_cancel(napi_env env, napi_callback_info info);
napi_value posix_aio_notified(napi_env env, napi_callback_info info);
napi_value posix_aio_signal(napi_env env, napi_callback_info info);
napi_value posix_aio_file(napi_env env, napi_callback_info info);
napi_value posix_aio_abi(napi_env env, napi_callback_info info);

#endif
