/*
 * Linux native AIO: one exported function per system call, and two that look
 * into the ring of completions.
 *
 * io_setup(2) maps that ring into the process; its address is the context's id.
 * Unlike io_uring's rings it is not handed to JavaScript: io_destroy(2) unmaps
 * it and the next io_setup(2) gets the same address, under an ArrayBuffer that
 * nobody may detach (see src/engines/io-uring/setup.ts) and that would keep V8
 * from having another one there. One call per batch copies events out instead.
 *
 * Every context is destroyed at the latest when its environment ends.
 * io_destroy(2) waits until the kernel has let go of all memory.
 */
#include "../platform.h"
#include "aio_abi.h"
#include "syscalls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct aio_context {
	struct aio_context *next;
	uint64_t id;
	struct aio_ring *ring; /* NULL when its layout is not the one we know */
	int fd;		       /* closed with the context when the environment ends, or -1 */
};

/* The ring of a new context, if it is as we expect: what libaio checks as well. */
static struct aio_ring *ring_of(uint64_t id)
{
	struct aio_ring *ring = (void *)(uintptr_t)id;

	if (ring->magic != AIO_RING_MAGIC || ring->incompat_features ||
	    ring->header_length != sizeof(*ring) || ring->nr == 0)
		return NULL;
	return ring;
}

static struct aio_context **find(struct addon *addon, uint64_t id)
{
	struct aio_context **link = &addon->contexts;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

/*
 * The cleanup hook, on the thread of the environment. What the kernel still
 * works on is waited for, polls are cancelled.
 */
static void contexts_destroy(void *data)
{
	struct addon *addon = data;
	struct aio_context *context;

	while ((context = addon->contexts)) {
		(void)syscall(__NR_io_destroy, context->id);
		if (context->fd >= 0)
			close(context->fd);
		addon->contexts = context->next;
		free(context);
	}
	memory_release_orphans(addon);
	addon_put(addon);
}

static bool get_long(napi_env env, napi_value value, long *out)
{
	int64_t number;

	if (napi_get_value_int64(env, value, &number) != napi_ok) {
		(void)throw_type(env, "The argument must be a number");
		return false;
	}
	*out = (long)number;
	return true;
}

/* aioSetup(nrEvents, contextAddress): the kernel writes the id to that address */
napi_value aio_setup(napi_env env, napi_callback_info info)
{
	struct aio_context *context;
	struct addon *addon;
	uint32_t nr_events;
	napi_value argv[2];
	size_t address;
	long result;

	if (!get_args(env, info, 2, argv, (void **)&addon) || !get_u32(env, argv[0], &nr_events) ||
	    !get_size(env, argv[1], &address))
		return NULL;
	context = calloc(1, sizeof(*context));
	if (!context)
		return to_i32(env, -ENOMEM);
	result = syscall(__NR_io_setup, nr_events, address);
	if (result < 0) {
		result = -errno;
		free(context);
		return to_i32(env, (int32_t)result);
	}
	memcpy(&context->id, (const void *)address, sizeof(context->id));
	context->ring = ring_of(context->id);
	context->fd = -1;
	context->next = addon->contexts;
	addon->contexts = context;
	if (!addon->contexts_hooked) {
		addon->contexts_hooked = true;
		addon_get(addon);
		NAPI_MUST(napi_add_env_cleanup_hook(env, contexts_destroy, addon));
	}
	return to_i32(env, 0);
}

/*
 * aioDestroy(context): waits for what is in flight. A context of another
 * environment is none of ours to destroy; to us it is what any other wrong
 * number is to the kernel.
 */
napi_value aio_destroy(napi_env env, napi_callback_info info)
{
	struct aio_context *context, **link;
	struct addon *addon;
	napi_value argv[1];
	size_t id;

	if (!get_args(env, info, 1, argv, (void **)&addon) || !get_size(env, argv[0], &id))
		return NULL;
	link = find(addon, id);
	context = *link;
	if (!context)
		return to_i32(env, -EINVAL);
	*link = context->next;
	free(context);
	return to_result(env, syscall(__NR_io_destroy, id));
}

/* aioCloseWith(context, fd): when the environment ends with the context alive, fd is closed */
napi_value aio_close_with(napi_env env, napi_callback_info info)
{
	struct aio_context *context;
	struct addon *addon;
	napi_value argv[2];
	int32_t fd;
	size_t id;

	if (!get_args(env, info, 2, argv, (void **)&addon) || !get_size(env, argv[0], &id) ||
	    !get_i32(env, argv[1], &fd))
		return NULL;
	context = *find(addon, id);
	if (!context)
		return to_i32(env, -EINVAL);
	context->fd = fd;
	return to_i32(env, 0);
}

/* aioSubmit(context, nr, iocbsAddress) -> how many were taken */
napi_value aio_submit(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	size_t id, address;
	long nr;

	if (!get_args(env, info, 3, argv, NULL) || !get_size(env, argv[0], &id) ||
	    !get_long(env, argv[1], &nr) || !get_size(env, argv[2], &address))
		return NULL;
	return to_result(env, syscall(__NR_io_submit, id, nr, address));
}

/* aioCancel(context, iocbAddress, eventAddress) */
napi_value aio_cancel(napi_env env, napi_callback_info info)
{
	size_t id, iocb, event;
	napi_value argv[3];

	if (!get_args(env, info, 3, argv, NULL) || !get_size(env, argv[0], &id) ||
	    !get_size(env, argv[1], &iocb) || !get_size(env, argv[2], &event))
		return NULL;
	return to_result(env, syscall(__NR_io_cancel, id, iocb, event));
}

/* aioGetevents(context, minNr, nr, eventsAddress, timeoutAddress) -> how many; may block */
napi_value aio_getevents(napi_env env, napi_callback_info info)
{
	size_t id, events, timeout;
	napi_value argv[5];
	long min_nr, nr;

	if (!get_args(env, info, 5, argv, NULL) || !get_size(env, argv[0], &id) ||
	    !get_long(env, argv[1], &min_nr) || !get_long(env, argv[2], &nr) ||
	    !get_size(env, argv[3], &events) || !get_size(env, argv[4], &timeout))
		return NULL;
#ifdef __NR_io_getevents
	return to_result(env, syscall(__NR_io_getevents, id, min_nr, nr, events, timeout));
#else
	/* Ports younger than io_pgetevents have only that. */
	return to_result(env, syscall(__NR_io_pgetevents, id, min_nr, nr, events, timeout, 0));
#endif
}

/* aioPgetevents(context, minNr, nr, eventsAddress, timeoutAddress, sigsetAddress) -> how many */
napi_value aio_pgetevents(napi_env env, napi_callback_info info)
{
	size_t id, events, timeout, sigset;
	napi_value argv[6];
	long min_nr, nr;

	if (!get_args(env, info, 6, argv, NULL) || !get_size(env, argv[0], &id) ||
	    !get_long(env, argv[1], &min_nr) || !get_long(env, argv[2], &nr) ||
	    !get_size(env, argv[3], &events) || !get_size(env, argv[4], &timeout) ||
	    !get_size(env, argv[5], &sigset))
		return NULL;
	return to_result(env, syscall(__NR_io_pgetevents, id, min_nr, nr, events, timeout, sigset));
}

/* How many completions lie in the ring, and where the first is. */
static uint32_t available(const struct aio_ring *ring, uint32_t *head)
{
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

	*head = ring->head;
	return tail >= *head ? tail - *head : tail + ring->nr - *head;
}

/* aioReady(context) -> how many completions can be reaped */
napi_value aio_ready(napi_env env, napi_callback_info info)
{
	struct aio_context *context;
	struct addon *addon;
	napi_value argv[1];
	uint32_t head;
	size_t id;

	if (!get_args(env, info, 1, argv, (void **)&addon) || !get_size(env, argv[0], &id))
		return NULL;
	context = *find(addon, id);
	if (!context || !context->ring)
		return to_i32(env, context ? -ENOTSUP : -EINVAL);
	return to_i32(env, (int32_t)available(context->ring, &head));
}

/* aioReap(context, max, eventsAddress) -> how many; as io_getevents(2), without entering it */
napi_value aio_reap(napi_env env, napi_callback_info info)
{
	struct aio_context *context;
	uint32_t max, head, count, first;
	struct io_event *events;
	struct aio_ring *ring;
	struct addon *addon;
	napi_value argv[3];
	size_t id, address;

	if (!get_args(env, info, 3, argv, (void **)&addon) || !get_size(env, argv[0], &id) ||
	    !get_u32(env, argv[1], &max) || !get_size(env, argv[2], &address))
		return NULL;
	context = *find(addon, id);
	if (!context || !context->ring)
		return to_i32(env, context ? -ENOTSUP : -EINVAL);
	ring = context->ring;
	events = (void *)address;
	count = available(ring, &head);
	if (count > max)
		count = max;
	first = ring->nr - head < count ? ring->nr - head : count;
	memcpy(events, ring->events + head, first * sizeof(*events));
	memcpy(events + first, ring->events, (count - first) * sizeof(*events));
	head += count;
	if (head >= ring->nr)
		head -= ring->nr;
	__atomic_store_n(&ring->head, head, __ATOMIC_RELEASE);
	return to_i32(env, (int32_t)count);
}

/* eventfdTake(fd) -> what the counter was, which is 0 from now on; -EAGAIN when it is 0 already */
napi_value eventfd_take(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint64_t count;
	int32_t fd;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	if (read(fd, &count, sizeof(count)) < 0)
		return to_result(env, -1);
	return to_double(env, (double)count);
}

struct entry {
	const char *name;
	double value;
};

#define NAMED(name) {#name, (double)(name)},
#define SIZE(name, type) {#name, sizeof(struct type)},
#define OFFSET(name, type, field) {#name, offsetof(struct type, field)},

static const struct entry entries[] = {AIO_CONSTANTS(NAMED) AIO_LAYOUTS(SIZE, OFFSET)};

/* aioAbi() -> { name: number }, which a test compares with src/abi/linux-aio.ts */
napi_value aio_abi(napi_env env, napi_callback_info info)
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
