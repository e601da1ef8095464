/*
 * The addon: one function per system call, no policy.
 *
 * It is context aware: every environment that loads it gets a state of its
 * own, so that it loads again in every Worker. Nothing but libc is used, and
 * nothing is linked: what is undefined here, Node-API and libc alike, is found
 * in the process that loads us, whichever runtime and libc that is.
 */
#define _GNU_SOURCE
#include "platform.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * fstat(2) without the C library, which exports it as a function only since
 * glibc 2.33. The kernel fills in the same structure.
 */
int file_status(int fd, struct stat *status)
{
#ifdef SYS_fstat
	return (int)syscall(SYS_fstat, fd, status);
#else
	return fstat(fd, status);
#endif
}

/* closeFd(fd): EINTR too has closed it, on Linux. */
napi_value close_fd(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t fd;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	return to_result(env, close(fd));
}

void addon_get(struct addon *addon)
{
	addon->references++;
}

void addon_put(struct addon *addon)
{
	if (--addon->references == 0)
		free(addon);
}

static void addon_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	addon_put(data);
}

#define METHOD(js_name, function) \
	{ \
		js_name, NULL, function, NULL, NULL, NULL, napi_enumerable, addon \
	}

/* What src/native/posix-aio.ts declares. */
static bool define_posix_aio(napi_env env, napi_value exports, struct addon *addon)
{
	const napi_property_descriptor methods[] = {
		METHOD("posixAioAvailable", posix_aio_available),
		METHOD("posixAioInit", posix_aio_init),
		METHOD("posixAioOpen", posix_aio_open),
		METHOD("posixAioEventfd", posix_aio_eventfd),
		METHOD("posixAioClose", posix_aio_close),
		METHOD("posixAioSubmit", posix_aio_submit),
		METHOD("posixAioReap", posix_aio_reap),
		METHOD("posixAioArm", posix_aio_arm),
		METHOD("posixAioWait", posix_aio_wait),
		METHOD("posixAioWithdraw", posix_aio_withdraw),
		METHOD("posixAioStart", posix_aio_start),
		METHOD("posixAioListio", posix_aio_listio),
		METHOD("posixAioError", posix_aio_error),
		METHOD("posixAioReturn", posix_aio_return),
		METHOD("posixAioSuspend", posix_aio_suspend),
		METHOD("posixAioCancel", posix_aio_cancel),
		METHOD("posixAioNotified", posix_aio_notified),
		METHOD("posixAioSignal", posix_aio_signal),
		METHOD("posixAioFile", posix_aio_file),
		METHOD("posixAioAbi", posix_aio_abi),
	};
	const size_t count = sizeof(methods) / sizeof(methods[0]);

	return NAPI_ALIVE(napi_define_properties(env, exports, count, methods));
}

/* Everything that src/native/addon.ts declares. False when the environment is ending already. */
static bool define_methods(napi_env env, napi_value exports, struct addon *addon)
{
	const napi_property_descriptor methods[] = {
		METHOD("uringSetup", uring_setup),
		METHOD("uringEnter", uring_enter),
		METHOD("uringEnterArg", uring_enter_arg),
		METHOD("uringRegister", uring_register),
		METHOD("ringGuard", ring_guard),
		METHOD("ringCloseWith", ring_close_with),
		METHOD("ringUnguard", ring_unguard),
		METHOD("ringForsake", ring_forsake),
		METHOD("map", memory_map),
		METHOD("unmap", memory_unmap),
		METHOD("allocate", memory_allocate),
		METHOD("keepFreed", memory_keep_freed),
		METHOD("addressOf", memory_address_of),
		METHOD("hold", memory_hold),
		METHOD("eventfd", linux_eventfd),
		METHOD("pipe", linux_pipe),
		METHOD("closeFd", close_fd),
		METHOD("fcntlGetFlags", fcntl_get_flags),
		METHOD("descriptorFacts", descriptor_facts),
		METHOD("fileType", file_type),
		METHOD("lseek", file_lseek),
		METHOD("directAlignment", direct_alignment),
		METHOD("statxCached", statx_cached),
		METHOD("mountMagic", mount_magic),
		METHOD("wakeupOpen", wakeup_open),
		METHOD("wakeupRef", wakeup_ref),
		METHOD("wakeupUnref", wakeup_unref),
		METHOD("wakeupSend", wakeup_send),
		METHOD("wakeupClose", wakeup_close),
		METHOD("wakeupKind", wakeup_kind),
		METHOD("fatalException", fatal_exception),
		METHOD("uringAbi", uring_abi),
		METHOD("aioSetup", aio_setup),
		METHOD("aioDestroy", aio_destroy),
		METHOD("aioCloseWith", aio_close_with),
		METHOD("aioSubmit", aio_submit),
		METHOD("aioCancel", aio_cancel),
		METHOD("aioGetevents", aio_getevents),
		METHOD("aioPgetevents", aio_pgetevents),
		METHOD("aioReady", aio_ready),
		METHOD("aioReap", aio_reap),
		METHOD("eventfdTake", eventfd_take),
		METHOD("aioAbi", aio_abi),
	};
	const size_t count = sizeof(methods) / sizeof(methods[0]);

	return NAPI_ALIVE(napi_define_properties(env, exports, count, methods)) &&
	       define_posix_aio(env, exports, addon);
}

NAPI_MODULE_INIT()
{
	struct addon *addon = calloc(1, sizeof(*addon));

	if (!addon) {
		(void)napi_throw_error(env, "ENOMEM", "No memory for the state of the addon");
		return NULL;
	}
	addon->env = env;
	addon->references = 1;
	NAPI_MUST(napi_set_instance_data(env, addon, addon_finalize, NULL));
	return define_methods(env, exports, addon) ? exports : NULL;
}
