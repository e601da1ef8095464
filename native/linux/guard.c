/*
 * ringGuard(): the end of an environment waits for the kernel.
 *
 * A Worker can be terminated between any two statements, with requests in
 * flight whose buffers V8 frees next. So a cleanup hook, which still runs on
 * the thread that owns the ring, cancels everything and waits until the last
 * request has completed.
 *
 * How many are in flight is not kept in a counter that the dying JavaScript may
 * have left stale. It is the difference of what the kernel says it took (the SQ
 * head) and the final completions: those that JavaScript had seen up to a known
 * CQ head (two words, written together, before that head is released to the
 * kernel), plus those that we see from there on.
 */
#include "../platform.h"
#include "syscalls.h"
#include "uring_abi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Words of the control memory; src/native/addon.ts says what they mean. */
enum { CONTROL_CQ_HEAD, CONTROL_FINALS, CONTROL_SILENT, CONTROL_WORDS = 16 };
#define FOREIGN_USER_DATA 0xffffffffu

/* How long one wait lasts before everything is cancelled again: a link may have started anew. */
#define ROUND_NS (100 * 1000 * 1000)
#define ROUND_MS 100
/* Rounds where the kernel cannot cancel everything (before 6.0). */
#define ROUNDS_WITHOUT_CANCEL 10

struct guard {
	struct guard *next;
	int fd;
	/* To be closed with the ring, or -1. */
	int close_fd;
	uint32_t setup_flags;
	uint32_t cq_mask;
	uint32_t cqe_size;
	uint32_t *control;
	const uint32_t *sq_head;
	const uint32_t *sq_tail;
	const uint32_t *sq_dropped;
	const uint32_t *cq_tail;
	const uint32_t *cq_overflow;
	uint32_t *cq_head;
	const uint8_t *cqes;
	/* Keep the memory from being collected while the ring is guarded. */
	napi_ref rings_ref;
	napi_ref control_ref;
};

static uint32_t load_acquire(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Consumes what is in the CQ from head on. Adds the final completions; returns the new head. */
static uint32_t consume(const struct guard *guard, uint32_t head, uint32_t *finals)
{
	uint32_t tail = load_acquire(guard->cq_tail);

	while (head != tail) {
		const struct uring_cqe *cqe =
			(const void *)(guard->cqes +
				       (size_t)(head & guard->cq_mask) * guard->cqe_size);

		if (!(cqe->flags & (U_IORING_CQE_F_MORE | U_IORING_CQE_F_SKIP)) &&
		    (uint32_t)(cqe->user_data >> 32) != FOREIGN_USER_DATA)
			++*finals;
		/* In a mixed queue a large entry takes two places. */
		head += (guard->setup_flags & U_IORING_SETUP_CQE_MIXED) &&
					(cqe->flags & U_IORING_CQE_F_32)
				? 2
				: 1;
	}
	__atomic_store_n(guard->cq_head, head, __ATOMIC_RELEASE);
	return head;
}

/* Requests that the kernel took and has not completed. Free-running u32 arithmetic throughout. */
static int32_t in_flight(const struct guard *guard, uint32_t finals)
{
	/* The SQPOLL thread takes what is published without being asked. */
	const uint32_t *taken =
		guard->setup_flags & U_IORING_SETUP_SQPOLL ? guard->sq_tail : guard->sq_head;

	return (int32_t)(load_acquire(taken) - load_acquire(guard->sq_dropped) -
			 load_acquire(guard->cq_overflow) - guard->control[CONTROL_SILENT] -
			 finals);
}

/* Asks the kernel to give everything up. False when it does not know how. */
static bool cancel_all(const struct guard *guard)
{
	struct uring_sync_cancel_reg cancel;

	memset(&cancel, 0, sizeof(cancel));
	cancel.fd = -1;
	cancel.flags = U_IORING_ASYNC_CANCEL_ANY | U_IORING_ASYNC_CANCEL_ALL;
	/* No time to wait there: what runs is waited for below, by its completion. */
	return sys_uring_register(guard->fd, U_IORING_REGISTER_SYNC_CANCEL, (size_t)&cancel, 1) >=
		       0 ||
	       errno != EINVAL;
}

/* Waits for a completion, for one round at most. False when the ring cannot be waited for. */
static bool wait_round(const struct guard *guard, bool can_cancel)
{
	struct uring_timespec limit = {0, ROUND_NS};
	struct uring_getevents_arg arg = {0, 0, 0, (uintptr_t)&limit};
	struct pollfd pollfd = {guard->fd, POLLIN, 0};
	uint32_t flags = U_IORING_ENTER_GETEVENTS;
	long result;

	if (guard->setup_flags & U_IORING_SETUP_SQPOLL)
		flags |= U_IORING_ENTER_SQ_WAKEUP;
	if (can_cancel) {
		/* A kernel that cancels everything takes a time limit as well. */
		result = sys_uring_enter(guard->fd, 0, 1, flags | U_IORING_ENTER_EXT_ARG,
					 (size_t)&arg, sizeof(arg));
	} else {
		result = sys_uring_enter(guard->fd, 0, 0, flags, 0, 0);
		(void)poll(&pollfd, 1, ROUND_MS);
	}
	return result >= 0 || errno == ETIME || errno == EINTR || errno == EAGAIN ||
	       errno == EBUSY || errno == EBADR;
}

static void drain(const struct guard *guard)
{
	uint32_t head = guard->control[CONTROL_CQ_HEAD];
	uint32_t finals = guard->control[CONTROL_FINALS];
	unsigned int rounds = 0;
	bool can_cancel = true;

	for (;;) {
		head = consume(guard, head, &finals);
		if (in_flight(guard, finals) <= 0)
			return;
		can_cancel = can_cancel && cancel_all(guard);
		if (!can_cancel && rounds++ == ROUNDS_WITHOUT_CANCEL)
			return;
		if (!wait_round(guard, can_cancel))
			return;
	}
}

/*
 * The cleanup hook, on the thread of the environment. The environment deletes
 * the references itself; the memory behind them is there until we are done.
 */
static void guards_drain(void *data)
{
	struct addon *addon = data;
	struct guard *guard;

	for (guard = addon->guards; guard; guard = guard->next) {
		drain(guard);
		close(guard->fd);
		if (guard->close_fd >= 0)
			close(guard->close_fd);
	}
	while ((guard = addon->guards)) {
		addon->guards = guard->next;
		free(guard);
	}
	memory_release_orphans(addon);
	addon_put(addon);
}

/* Whether the ring words that the kernel told us of are inside the mapping. */
static bool fits(const struct uring_params *params, size_t length)
{
	size_t size = params->flags & U_IORING_SETUP_CQE32 ? 32 : 16;
	const uint32_t words[] = {params->sq_off.head,	  params->sq_off.tail,
				  params->sq_off.dropped, params->cq_off.head,
				  params->cq_off.tail,	  params->cq_off.overflow};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i] + sizeof(uint32_t) > length || words[i] % sizeof(uint32_t))
			return false;
	return params->cq_off.cqes + params->cq_entries * size <= length;
}

/* ringGuard(fd, params, rings, control) */
napi_value ring_guard(napi_env env, napi_callback_info info)
{
	const uint32_t unguarded = U_IORING_SETUP_NO_MMAP | U_IORING_SETUP_REGISTERED_FD_ONLY |
				   U_IORING_SETUP_SQ_REWIND;
	size_t params_length, rings_length, control_length;
	struct uring_params params;
	void *rings, *control;
	struct guard *guard;
	struct addon *addon;
	uint8_t *params_data;
	napi_value argv[4];
	int32_t fd;

	if (!get_args(env, info, 4, argv, (void **)&addon) || !get_i32(env, argv[0], &fd) ||
	    !get_bytes(env, argv[1], &params_data, &params_length) ||
	    !get_buffer(env, argv[2], &rings, &rings_length) ||
	    !get_buffer(env, argv[3], &control, &control_length))
		return NULL;
	if (params_length < sizeof(params))
		return to_i32(env, -EINVAL);
	memcpy(&params, params_data, sizeof(params));
	if ((params.flags & unguarded) || !(params.features & U_IORING_FEAT_SINGLE_MMAP) ||
	    control_length < CONTROL_WORDS * sizeof(uint32_t) || !fits(&params, rings_length))
		return to_i32(env, -EINVAL);

	guard = calloc(1, sizeof(*guard));
	if (!guard)
		return to_i32(env, -ENOMEM);
	guard->fd = fd;
	guard->close_fd = -1;
	guard->setup_flags = params.flags;
	guard->cq_mask = params.cq_entries - 1;
	guard->cqe_size = params.flags & U_IORING_SETUP_CQE32 ? 32 : 16;
	guard->control = control;
	guard->sq_head = (void *)((uint8_t *)rings + params.sq_off.head);
	guard->sq_tail = (void *)((uint8_t *)rings + params.sq_off.tail);
	guard->sq_dropped = (void *)((uint8_t *)rings + params.sq_off.dropped);
	guard->cq_head = (void *)((uint8_t *)rings + params.cq_off.head);
	guard->cq_tail = (void *)((uint8_t *)rings + params.cq_off.tail);
	guard->cq_overflow = (void *)((uint8_t *)rings + params.cq_off.overflow);
	guard->cqes = (uint8_t *)rings + params.cq_off.cqes;
	NAPI_MUST(napi_create_reference(env, argv[2], 1, &guard->rings_ref));
	NAPI_MUST(napi_create_reference(env, argv[3], 1, &guard->control_ref));
	guard->next = addon->guards;
	addon->guards = guard;
	if (!addon->hooked) {
		addon->hooked = true;
		addon_get(addon);
		NAPI_MUST(napi_add_env_cleanup_hook(env, guards_drain, addon));
	}
	return to_i32(env, 0);
}

/* ringCloseWith(fd, other): when the environment ends with the ring guarded, other is closed */
napi_value ring_close_with(napi_env env, napi_callback_info info)
{
	struct guard *guard;
	struct addon *addon;
	napi_value argv[2];
	int32_t fd, other;

	if (!get_args(env, info, 2, argv, (void **)&addon) || !get_i32(env, argv[0], &fd) ||
	    !get_i32(env, argv[1], &other))
		return NULL;
	for (guard = addon->guards; guard; guard = guard->next)
		if (guard->fd == fd)
			break;
	if (!guard)
		return to_i32(env, -ENOENT);
	guard->close_fd = other;
	return to_i32(env, 0);
}

/* ringUnguard(fd) */
napi_value ring_unguard(napi_env env, napi_callback_info info)
{
	struct guard *guard, **link;
	struct addon *addon;
	napi_value argv[1];
	int32_t fd;

	if (!get_args(env, info, 1, argv, (void **)&addon) || !get_i32(env, argv[0], &fd))
		return NULL;
	for (link = &addon->guards; (guard = *link); link = &guard->next)
		if (guard->fd == fd)
			break;
	if (!guard)
		return to_i32(env, -ENOENT);
	*link = guard->next;
	NAPI_MUST(napi_delete_reference(env, guard->rings_ref));
	NAPI_MUST(napi_delete_reference(env, guard->control_ref));
	free(guard);
	return to_i32(env, 0);
}

/* ringForsake(fd): one look at a ring that JavaScript has forgotten */
napi_value ring_forsake(napi_env env, napi_callback_info info)
{
	uint32_t flags = U_IORING_ENTER_GETEVENTS;
	struct guard *guard;
	struct addon *addon;
	napi_value argv[1];
	uint32_t finals;
	int32_t fd, left;

	if (!get_args(env, info, 1, argv, (void **)&addon) || !get_i32(env, argv[0], &fd))
		return NULL;
	for (guard = addon->guards; guard; guard = guard->next)
		if (guard->fd == fd)
			break;
	if (!guard)
		return to_i32(env, -ENOENT);
	finals = guard->control[CONTROL_FINALS];
	guard->control[CONTROL_CQ_HEAD] = consume(guard, guard->control[CONTROL_CQ_HEAD], &finals);
	guard->control[CONTROL_FINALS] = finals;
	left = in_flight(guard, finals);
	if (left <= 0)
		return to_i32(env, 0);
	if (!cancel_all(guard))
		return to_i32(env, -EINVAL);
	if (guard->setup_flags & U_IORING_SETUP_SQPOLL)
		flags |= U_IORING_ENTER_SQ_WAKEUP;
	/* Completions that the kernel holds back are seen at the next look. */
	(void)sys_uring_enter(guard->fd, 0, 0, flags, 0, 0);
	return to_i32(env, left);
}
