/*
 * uringAbi(): the tables of uring_table.h and linux_abi.h as one object, which
 * a test compares with src/abi in both directions.
 *
 * And the one place that looks at the system's <linux/io_uring.h>: as far as
 * that header goes, the build fails when it and our mirror disagree.
 */
#define _GNU_SOURCE
#include "../platform.h"
#include "linux_abi.h"
#include "uring_abi.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#else
#define RESOLVE_NO_XDEV 0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS 0x04
#define RESOLVE_BENEATH 0x08
#define RESOLVE_IN_ROOT 0x10
#endif

#if __has_include(<linux/io_uring.h>)
#include <linux/io_uring.h>
#define SAME_SIZE(name) \
	_Static_assert(sizeof(struct name) == sizeof(struct io_##name), "size of " #name);
#define SAME(name, field) \
	_Static_assert(offsetof(struct name, field) == offsetof(struct io_##name, field), \
		       "offset of " #name "." #field);
/* clang-format off */
/* A macro tells that the header is new enough. */
#ifdef IORING_FEAT_EXT_ARG /* 5.11 */
SAME_SIZE(uring_sqe)
SAME(uring_sqe, off)
SAME(uring_sqe, addr)
SAME(uring_sqe, len)
SAME(uring_sqe, rw_flags)
SAME(uring_sqe, user_data)
SAME(uring_sqe, buf_index)
SAME(uring_sqe, personality)
SAME(uring_sqe, splice_fd_in)
SAME(uring_cqe, res)
SAME(uring_cqe, flags)
SAME_SIZE(uring_params)
SAME(uring_params, features)
SAME(uring_params, wq_fd)
SAME(uring_params, sq_off)
SAME(uring_params, sq_off.array)
SAME(uring_params, cq_off)
SAME(uring_params, cq_off.cqes)
SAME(uring_params, cq_off.flags)
SAME_SIZE(uring_probe)
SAME_SIZE(uring_probe_op)
SAME_SIZE(uring_files_update)
SAME_SIZE(uring_restriction)
_Static_assert((int)U_IORING_OP_SHUTDOWN == (int)IORING_OP_SHUTDOWN, "opcodes");
_Static_assert((int)U_IORING_OP_UNLINKAT == (int)IORING_OP_UNLINKAT, "opcodes");
_Static_assert((int)U_IORING_REGISTER_ENABLE_RINGS == (int)IORING_REGISTER_ENABLE_RINGS,
	       "register opcodes");
_Static_assert((int)U_IOSQE_BUFFER_SELECT == (int)IOSQE_BUFFER_SELECT, "SQE flags");
#endif
#ifdef IORING_SETUP_DEFER_TASKRUN /* 6.1 */
SAME(uring_sqe, file_index)
SAME(uring_sqe, addr3)
SAME_SIZE(uring_cqe)
SAME_SIZE(uring_getevents_arg)
SAME_SIZE(uring_rsrc_register)
SAME_SIZE(uring_rsrc_update2)
SAME_SIZE(uring_buf)
SAME_SIZE(uring_buf_reg)
SAME(uring_buf_reg, bgid)
SAME(uring_buf_ring, tail)
SAME_SIZE(uring_sync_cancel_reg)
SAME(uring_sync_cancel_reg, timeout)
SAME_SIZE(uring_file_index_range)
SAME_SIZE(uring_recvmsg_out)
_Static_assert((int)U_IORING_OP_SENDMSG_ZC == (int)IORING_OP_SENDMSG_ZC, "opcodes");
_Static_assert((int)U_IORING_REGISTER_FILE_ALLOC_RANGE == (int)IORING_REGISTER_FILE_ALLOC_RANGE,
	       "register opcodes");
_Static_assert(U_IORING_SETUP_DEFER_TASKRUN == IORING_SETUP_DEFER_TASKRUN, "setup flags");
_Static_assert(U_IORING_FEAT_LINKED_FILE == IORING_FEAT_LINKED_FILE, "features");
_Static_assert(U_IORING_ENTER_REGISTERED_RING == IORING_ENTER_REGISTERED_RING, "enter flags");
_Static_assert(U_IORING_ASYNC_CANCEL_FD_FIXED == IORING_ASYNC_CANCEL_FD_FIXED, "cancel flags");
_Static_assert(U_IORING_CQE_F_NOTIF == IORING_CQE_F_NOTIF, "CQE flags");
#endif
/* clang-format on */
#endif

/* Newer than some headers; these are then our own numbers and prove nothing. */
#ifndef O_DIRECT
#define O_DIRECT 0
#endif
#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000
#endif
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000
#endif
#ifndef STATX_SUBVOL
#define STATX_SUBVOL 0x8000
#endif
#ifndef STATX_WRITE_ATOMIC
#define STATX_WRITE_ATOMIC 0x10000
#endif
#ifndef STATX_DIO_READ_ALIGN
#define STATX_DIO_READ_ALIGN 0x20000
#endif
#ifndef STATX_ATTR_WRITE_ATOMIC
#define STATX_ATTR_WRITE_ATOMIC 0x400000
#endif
#ifndef FALLOC_FL_WRITE_ZEROES
#define FALLOC_FL_WRITE_ZEROES 0x80
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40
#endif
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x100
#endif

/*
 * One string of names and one array of values, from the same lists in the same
 * order: seven hundred pointers would be as many relocations at load time.
 */
/* clang-format off */
#define VALUE(name, value) (double)(value),
#define FROM_SYSTEM(name) (double)(name),
#define SIZE(name, type) sizeof(struct type),
#define OFFSET(name, type, field) offsetof(struct type, field),

static const double values[] = {
	URING_CONSTANTS(VALUE)
	URING_LAYOUTS(SIZE, OFFSET)
	LINUX_CONSTANTS(FROM_SYSTEM)
	LINUX_LAYOUTS(SIZE, OFFSET)
	2 * sizeof(struct uring_sqe),
	2 * sizeof(struct uring_cqe),
};

#undef SIZE
#undef OFFSET
#define NAME(name, value) #name "\0"
#define NAME_ONLY(name) #name "\0"
#define SIZE(name, type) #name "\0"
#define OFFSET(name, type, field) #name "\0"

static const char names[] =
	URING_CONSTANTS(NAME)
	URING_LAYOUTS(SIZE, OFFSET)
	LINUX_CONSTANTS(NAME_ONLY)
	LINUX_LAYOUTS(SIZE, OFFSET)
	"SQE128_SIZE\0"
	"CQE32_SIZE\0";
/* clang-format on */

/* uringAbi() -> { name: number } */
napi_value uring_abi(napi_env env, napi_callback_info info)
{
	const char *name = names;
	napi_value object;
	size_t i;

	(void)info;
	NAPI_MUST(napi_create_object(env, &object));
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++, name += strlen(name) + 1)
		if (!NAPI_ALIVE(
			    napi_set_named_property(env, object, name, to_double(env, values[i]))))
			return NULL;
	return object;
}
