/*
 * Small Linux calls: eventfd(2), pipe2(2), fcntl(2), preadv(2), statx(2), statmount(2).
 */
#define _GNU_SOURCE /* pipe2 */
#include "../platform.h"
#include "linux_abi.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef AT_SYMLINK_NOFOLLOW
#define AT_SYMLINK_NOFOLLOW 0x100
#endif
#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000
#endif
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x2000
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000
#endif
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#ifndef STATX_TYPE
#define STATX_TYPE 0x1
#endif
#ifndef STATMOUNT_SB_BASIC
#define STATMOUNT_SB_BASIC 0x1
#endif

/* eventfd() -> fd */
napi_value linux_eventfd(napi_env env, napi_callback_info info)
{
	(void)info;
	return to_result(env, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* fcntlGetFlags(fd) -> O_* */
napi_value fcntl_get_flags(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t fd;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	return to_result(env, fcntl(fd, F_GETFL));
}

/* pipe(ends): both ends of a new pipe, the one to read first */
napi_value linux_pipe(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *ends;
	size_t length;

	if (!get_args(env, info, 1, argv, NULL) || !get_bytes(env, argv[0], &ends, &length))
		return NULL;
	if (length < 2 * sizeof(int)) {
		(void)throw_type(env, "The ends of a pipe take 8 bytes");
		return NULL;
	}
	return to_result(env, pipe2((int *)(void *)ends, O_CLOEXEC | O_NONBLOCK));
}

/* What descriptorFacts is asked, and answers: src/native/addon.ts has the same numbers. */
enum { NO_PREAD = 1, NO_PWRITE = 2, NONBLOCKING = 4, NO_SEEK = 8, IS_FIFO = 16 };

/*
 * One vector too many: where a position is taken the kernel says EINVAL, before it looks at any
 * memory and without an event for inotify, which a transfer of nothing is.
 */
#define TOO_MANY 1025

static bool reads_nowhere(int fd)
{
	return syscall(__NR_preadv, fd, NULL, TOO_MANY, 0, 0) < 0 && errno == ESPIPE;
}

static bool writes_nowhere(int fd)
{
	return syscall(__NR_pwritev, fd, NULL, TOO_MANY, 0, 0) < 0 && errno == ESPIPE;
}

/* Whether it answers EAGAIN rather than wait; what has its bytes on a device waits all the same. */
static bool is_nonblocking(int fd)
{
	const int flags = fcntl(fd, F_GETFL);
	struct stat file;

	if (flags < 0 || !(flags & O_NONBLOCK) || file_status(fd, &file) < 0)
		return false;
	return !S_ISREG(file.st_mode) && !S_ISDIR(file.st_mode) && !S_ISBLK(file.st_mode);
}

static bool is_fifo(int fd)
{
	struct stat file;

	return file_status(fd, &file) == 0 && S_ISFIFO(file.st_mode);
}

/* descriptorFacts(fd, asked): those bits of `asked` that are so; nothing is of a bad descriptor */
napi_value descriptor_facts(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int32_t facts = 0, fd;
	uint32_t asked;

	if (!get_args(env, info, 2, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_u32(env, argv[1], &asked))
		return NULL;
	if ((asked & NO_PREAD) && reads_nowhere(fd))
		facts |= NO_PREAD;
	if ((asked & NO_PWRITE) && writes_nowhere(fd))
		facts |= NO_PWRITE;
	if ((asked & NONBLOCKING) && is_nonblocking(fd))
		facts |= NONBLOCKING;
	if ((asked & NO_SEEK) && lseek(fd, 0, SEEK_CUR) < 0)
		facts |= NO_SEEK;
	if ((asked & IS_FIFO) && is_fifo(fd))
		facts |= IS_FIFO;
	return to_i32(env, facts);
}

/* fileType(fd) -> S_IF*; fstat(2) is not a name in every C library */
napi_value file_type(napi_env env, napi_callback_info info)
{
	struct linux_statx statx;
	napi_value argv[1];
	int32_t fd;

	if (!get_args(env, info, 1, argv, NULL) || !get_i32(env, argv[0], &fd))
		return NULL;
	if (syscall(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &statx) < 0)
		return to_result(env, -1);
	return to_i32(env, statx.stx_mode & S_IFMT);
}

/* lseek(fd, offset, whence) -> the new file position */
napi_value file_lseek(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	size_t offset;
	int32_t whence;
	int32_t fd;
	off_t result;

	if (!get_args(env, info, 3, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_size(env, argv[1], &offset) || !get_i32(env, argv[2], &whence))
		return NULL;
	result = lseek(fd, (off_t)offset, whence);
	if (result < 0)
		return to_result(env, -1);
	return to_double(env, (double)result);
}

/* directAlignment(fd, out): what O_DIRECT needs on this file */
napi_value direct_alignment(napi_env env, napi_callback_info info)
{
	struct linux_statx statx;
	napi_value argv[2];
	uint32_t aligns[2];
	uint8_t *out;
	size_t length;
	int32_t fd;

	if (!get_args(env, info, 2, argv, NULL) || !get_i32(env, argv[0], &fd) ||
	    !get_bytes(env, argv[1], &out, &length))
		return NULL;
	if (length < sizeof(aligns)) {
		(void)throw_type(env, "The answer takes two 32-bit words");
		return NULL;
	}
	memset(&statx, 0, sizeof(statx));
	if (syscall(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &statx) < 0)
		return to_result(env, -1);
	if (!(statx.stx_mask & STATX_DIOALIGN))
		return to_i32(env, -EOPNOTSUPP);
	aligns[0] = statx.stx_dio_mem_align;
	aligns[1] = statx.stx_dio_offset_align;
	memcpy(out, aligns, sizeof(aligns));
	return to_i32(env, 0);
}

/*
 * statxCached(dirFd, path, flags, mask, buffer): statx(2) of what the kernel has in memory -> the
 * mount's unique number, or -errno: -EAGAIN where it would have to look on a device
 */
napi_value statx_cached(napi_env env, napi_callback_info info)
{
	struct linux_open_how how = {O_PATH | O_CLOEXEC, 0, RESOLVE_CACHED};
	struct linux_statx *statx;
	napi_value argv[5];
	const char *path;
	uint32_t flags, mask;
	size_t address, buffer;
	int32_t dir_fd;
	long fd, result;

	if (!get_args(env, info, 5, argv, NULL) || !get_i32(env, argv[0], &dir_fd) ||
	    !get_size(env, argv[1], &address) || !get_u32(env, argv[2], &flags) ||
	    !get_u32(env, argv[3], &mask) || !get_size(env, argv[4], &buffer))
		return NULL;
	path = (const char *)address;
	statx = (struct linux_statx *)buffer;
	fd = dir_fd;
	if (*path) {
		if (flags & AT_SYMLINK_NOFOLLOW)
			how.flags |= O_NOFOLLOW;
		fd = syscall(__NR_openat2, dir_fd, path, &how, sizeof(how));
		if (fd < 0)
			return to_result(env, -1);
	}
	/* Of a file on another machine: what is known here. Whose it is, the caller finds out. */
	result = syscall(__NR_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
			 mask | STATX_MNT_ID_UNIQUE, statx);
	if (result < 0)
		result = -errno;
	if (*path)
		close((int)fd);
	if (result < 0)
		return to_i32(env, (int32_t)result);
	if (!(statx->stx_mask & STATX_MNT_ID_UNIQUE))
		return to_i32(env, -ENOSYS);
	/* Another number than the caller may know mounts by: it did not ask for either. */
	result = (long)statx->stx_mnt_id;
	statx->stx_mask &= ~(uint32_t)STATX_MNT_ID_UNIQUE;
	statx->stx_mnt_id = 0;
	return to_double(env, (double)result);
}

/* mountMagic(mount): what statfs(2) calls the file system of a mount, by its unique number */
napi_value mount_magic(napi_env env, napi_callback_info info)
{
	struct linux_mnt_id_req request = {sizeof(request), 0, 0, STATMOUNT_SB_BASIC};
	struct linux_statmount answer;
	napi_value argv[1];
	size_t mount;

	if (!get_args(env, info, 1, argv, NULL) || !get_size(env, argv[0], &mount))
		return NULL;
	request.mnt_id = mount;
	memset(&answer, 0, sizeof(answer));
	if (syscall(__NR_statmount, &request, &answer, sizeof(answer), 0) < 0)
		return to_result(env, -1);
	if (!(answer.mask & STATMOUNT_SB_BASIC))
		return to_i32(env, -EOPNOTSUPP);
	return to_double(env, (double)answer.sb_magic);
}
