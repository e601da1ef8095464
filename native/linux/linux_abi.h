/*
 * Linux structures that are younger than some C libraries we compile against,
 * and the table of shared Linux numbers that src/abi/linux.ts mirrors. Here the
 * values come from the system's headers: an independent witness.
 */
#ifndef PROACTOR_LINUX_ABI_H
#define PROACTOR_LINUX_ABI_H

#include <stddef.h>
#include <stdint.h>

struct linux_timespec {
	int64_t tv_sec;
	int64_t tv_nsec;
};

struct linux_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

struct linux_statx_timestamp {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct linux_statx {
	uint32_t stx_mask;
	uint32_t stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink;
	uint32_t stx_uid;
	uint32_t stx_gid;
	uint16_t stx_mode;
	uint16_t spare0;
	uint64_t stx_ino;
	uint64_t stx_size;
	uint64_t stx_blocks;
	uint64_t stx_attributes_mask;
	struct linux_statx_timestamp stx_atime;
	struct linux_statx_timestamp stx_btime;
	struct linux_statx_timestamp stx_ctime;
	struct linux_statx_timestamp stx_mtime;
	uint32_t stx_rdev_major;
	uint32_t stx_rdev_minor;
	uint32_t stx_dev_major;
	uint32_t stx_dev_minor;
	uint64_t stx_mnt_id;
	uint32_t stx_dio_mem_align;
	uint32_t stx_dio_offset_align;
	uint64_t stx_subvol;
	uint32_t stx_atomic_write_unit_min;
	uint32_t stx_atomic_write_unit_max;
	uint32_t stx_atomic_write_segments_max;
	uint32_t stx_dio_read_offset_align;
	uint32_t stx_atomic_write_unit_max_opt;
	uint32_t spare2;
	uint64_t spare3[8];
};

_Static_assert(sizeof(struct linux_statx) == 256, "statx");
_Static_assert(offsetof(struct linux_statx, stx_atime) == 0x40, "statx");
_Static_assert(offsetof(struct linux_statx, stx_rdev_major) == 0x80, "statx");
_Static_assert(offsetof(struct linux_statx, stx_subvol) == 0xa0, "statx");

struct linux_mnt_id_req {
	uint32_t size;
	uint32_t spare;
	uint64_t mnt_id;
	uint64_t param;
};

/* As much of struct statmount as we read, and room for what the kernel writes besides. */
struct linux_statmount {
	uint32_t size;
	uint32_t mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major;
	uint32_t sb_dev_minor;
	uint64_t sb_magic;
	uint64_t others[61];
};

_Static_assert(offsetof(struct linux_statmount, sb_magic) == 24, "statmount");
_Static_assert(sizeof(struct linux_statmount) == 520, "statmount");

#define LINUX_LAYOUTS(SIZE, OFFSET) \
	SIZE(STATX_BYTES, linux_statx) \
	OFFSET(STX_MASK, linux_statx, stx_mask) \
	OFFSET(STX_BLKSIZE, linux_statx, stx_blksize) \
	OFFSET(STX_ATTRIBUTES, linux_statx, stx_attributes) \
	OFFSET(STX_NLINK, linux_statx, stx_nlink) \
	OFFSET(STX_UID, linux_statx, stx_uid) \
	OFFSET(STX_GID, linux_statx, stx_gid) \
	OFFSET(STX_MODE, linux_statx, stx_mode) \
	OFFSET(STX_INO, linux_statx, stx_ino) \
	OFFSET(STX_SIZE, linux_statx, stx_size) \
	OFFSET(STX_BLOCKS, linux_statx, stx_blocks) \
	OFFSET(STX_ATTRIBUTES_MASK, linux_statx, stx_attributes_mask) \
	OFFSET(STX_ATIME, linux_statx, stx_atime) \
	OFFSET(STX_BTIME, linux_statx, stx_btime) \
	OFFSET(STX_CTIME, linux_statx, stx_ctime) \
	OFFSET(STX_MTIME, linux_statx, stx_mtime) \
	OFFSET(STX_RDEV_MAJOR, linux_statx, stx_rdev_major) \
	OFFSET(STX_RDEV_MINOR, linux_statx, stx_rdev_minor) \
	OFFSET(STX_DEV_MAJOR, linux_statx, stx_dev_major) \
	OFFSET(STX_DEV_MINOR, linux_statx, stx_dev_minor) \
	OFFSET(STX_MNT_ID, linux_statx, stx_mnt_id) \
	OFFSET(STX_DIO_MEM_ALIGN, linux_statx, stx_dio_mem_align) \
	OFFSET(STX_DIO_OFFSET_ALIGN, linux_statx, stx_dio_offset_align) \
	OFFSET(STX_SUBVOL, linux_statx, stx_subvol) \
	OFFSET(STX_ATOMIC_WRITE_UNIT_MIN, linux_statx, stx_atomic_write_unit_min) \
	OFFSET(STX_ATOMIC_WRITE_UNIT_MAX, linux_statx, stx_atomic_write_unit_max) \
	OFFSET(STX_ATOMIC_WRITE_SEGMENTS_MAX, linux_statx, stx_atomic_write_segments_max) \
	OFFSET(STX_DIO_READ_OFFSET_ALIGN, linux_statx, stx_dio_read_offset_align) \
	OFFSET(STX_ATOMIC_WRITE_UNIT_MAX_OPT, linux_statx, stx_atomic_write_unit_max_opt) \
	SIZE(STATX_TIMESTAMP_SIZE, linux_statx_timestamp) \
	OFFSET(STATX_TIMESTAMP_TV_SEC, linux_statx_timestamp, tv_sec) \
	OFFSET(STATX_TIMESTAMP_TV_NSEC, linux_statx_timestamp, tv_nsec) \
	SIZE(OPEN_HOW_SIZE, linux_open_how) \
	OFFSET(OPEN_HOW_FLAGS, linux_open_how, flags) \
	OFFSET(OPEN_HOW_MODE, linux_open_how, mode) \
	OFFSET(OPEN_HOW_RESOLVE, linux_open_how, resolve) \
	SIZE(TIMESPEC_SIZE, linux_timespec) \
	OFFSET(TIMESPEC_TV_SEC, linux_timespec, tv_sec) \
	OFFSET(TIMESPEC_TV_NSEC, linux_timespec, tv_nsec) \
	SIZE(IOVEC_SIZE, iovec) \
	OFFSET(IOVEC_BASE, iovec, iov_base) \
	OFFSET(IOVEC_LEN, iovec, iov_len)

/* X(name): the system's headers know the value. */
#define LINUX_CONSTANTS(X) \
	X(O_RDONLY) \
	X(O_WRONLY) \
	X(O_RDWR) \
	X(O_ACCMODE) \
	X(O_CREAT) \
	X(O_EXCL) \
	X(O_NOCTTY) \
	X(O_TRUNC) \
	X(O_APPEND) \
	X(O_NONBLOCK) \
	X(O_DSYNC) \
	X(O_SYNC) \
	X(O_NOATIME) \
	X(O_CLOEXEC) \
	X(O_PATH) \
	X(AT_FDCWD) \
	X(AT_SYMLINK_NOFOLLOW) \
	X(AT_REMOVEDIR) \
	X(AT_SYMLINK_FOLLOW) \
	X(AT_NO_AUTOMOUNT) \
	X(AT_EMPTY_PATH) \
	X(AT_STATX_SYNC_AS_STAT) \
	X(AT_STATX_FORCE_SYNC) \
	X(AT_STATX_DONT_SYNC) \
	X(RESOLVE_NO_XDEV) \
	X(RESOLVE_NO_MAGICLINKS) \
	X(RESOLVE_NO_SYMLINKS) \
	X(RESOLVE_BENEATH) \
	X(RESOLVE_IN_ROOT) \
	X(RESOLVE_CACHED) \
	X(SEEK_SET) \
	X(SEEK_CUR) \
	X(SEEK_END) \
	X(S_IFREG) \
	X(S_IFBLK) \
	X(STATX_TYPE) \
	X(STATX_MODE) \
	X(STATX_NLINK) \
	X(STATX_UID) \
	X(STATX_GID) \
	X(STATX_ATIME) \
	X(STATX_MTIME) \
	X(STATX_CTIME) \
	X(STATX_INO) \
	X(STATX_SIZE) \
	X(STATX_BLOCKS) \
	X(STATX_BASIC_STATS) \
	X(STATX_BTIME) \
	X(STATX_MNT_ID) \
	X(STATX_DIOALIGN) \
	X(STATX_MNT_ID_UNIQUE) \
	X(STATX_SUBVOL) \
	X(STATX_WRITE_ATOMIC) \
	X(STATX_DIO_READ_ALIGN) \
	X(STATX_ATTR_COMPRESSED) \
	X(STATX_ATTR_IMMUTABLE) \
	X(STATX_ATTR_APPEND) \
	X(STATX_ATTR_NODUMP) \
	X(STATX_ATTR_ENCRYPTED) \
	X(STATX_ATTR_AUTOMOUNT) \
	X(STATX_ATTR_MOUNT_ROOT) \
	X(STATX_ATTR_VERITY) \
	X(STATX_ATTR_DAX) \
	X(STATX_ATTR_WRITE_ATOMIC) \
	X(FALLOC_FL_KEEP_SIZE) \
	X(FALLOC_FL_PUNCH_HOLE) \
	X(FALLOC_FL_COLLAPSE_RANGE) \
	X(FALLOC_FL_ZERO_RANGE) \
	X(FALLOC_FL_INSERT_RANGE) \
	X(FALLOC_FL_UNSHARE_RANGE) \
	X(FALLOC_FL_WRITE_ZEROES) \
	X(POSIX_FADV_NORMAL) \
	X(POSIX_FADV_RANDOM) \
	X(POSIX_FADV_SEQUENTIAL) \
	X(POSIX_FADV_WILLNEED) \
	X(POSIX_FADV_DONTNEED) \
	X(POSIX_FADV_NOREUSE) \
	X(MADV_NORMAL) \
	X(MADV_RANDOM) \
	X(MADV_SEQUENTIAL) \
	X(MADV_WILLNEED) \
	X(MADV_DONTNEED) \
	X(MADV_DONTFORK) \
	X(MADV_HUGEPAGE) \
	X(SYNC_FILE_RANGE_WAIT_BEFORE) \
	X(SYNC_FILE_RANGE_WRITE) \
	X(SYNC_FILE_RANGE_WAIT_AFTER) \
	X(RWF_HIPRI) \
	X(RWF_DSYNC) \
	X(RWF_SYNC) \
	X(RWF_NOWAIT) \
	X(RWF_APPEND) \
	X(RWF_NOAPPEND) \
	X(RWF_ATOMIC) \
	X(RWF_DONTCACHE) \
	X(RWF_NOSIGNAL) \
	X(SPLICE_F_MOVE) \
	X(SPLICE_F_NONBLOCK) \
	X(SPLICE_F_MORE) \
	X(SPLICE_F_GIFT) \
	X(RENAME_NOREPLACE) \
	X(RENAME_EXCHANGE) \
	X(RENAME_WHITEOUT) \
	X(XATTR_CREATE) \
	X(XATTR_REPLACE) \
	X(POLLIN) \
	X(POLLPRI) \
	X(POLLOUT) \
	X(POLLERR) \
	X(POLLHUP) \
	X(POLLNVAL) \
	X(POLLRDNORM) \
	X(POLLRDBAND) \
	X(POLLWRNORM) \
	X(POLLWRBAND) \
	X(POLLMSG) \
	X(POLLRDHUP) \
	X(EPOLLEXCLUSIVE) \
	X(EPOLLET) \
	X(EPERM) \
	X(ENOENT) \
	X(ESRCH) \
	X(EINTR) \
	X(EIO) \
	X(ENXIO) \
	X(E2BIG) \
	X(EBADF) \
	X(EAGAIN) \
	X(ENOMEM) \
	X(EACCES) \
	X(EFAULT) \
	X(EBUSY) \
	X(EEXIST) \
	X(EXDEV) \
	X(ENODEV) \
	X(ENOTDIR) \
	X(EISDIR) \
	X(EINVAL) \
	X(ENFILE) \
	X(EMFILE) \
	X(ETXTBSY) \
	X(EFBIG) \
	X(ENOSPC) \
	X(ESPIPE) \
	X(EROFS) \
	X(EMLINK) \
	X(EPIPE) \
	X(ERANGE) \
	X(EDEADLK) \
	X(ENAMETOOLONG) \
	X(ENOSYS) \
	X(ENOTEMPTY) \
	X(ELOOP) \
	X(EBADR) \
	X(ENODATA) \
	X(ETIME) \
	X(EPROTO) \
	X(EOVERFLOW) \
	X(EBADFD) \
	X(EILSEQ) \
	X(ENOTSOCK) \
	X(EMSGSIZE) \
	X(EOPNOTSUPP) \
	X(EADDRINUSE) \
	X(ECONNABORTED) \
	X(ECONNRESET) \
	X(ENOBUFS) \
	X(ENOTCONN) \
	X(ETIMEDOUT) \
	X(ECONNREFUSED) \
	X(EALREADY) \
	X(EINPROGRESS) \
	X(ESTALE) \
	X(EDQUOT) \
	X(ECANCELED) \
	X(EOWNERDEAD) \
	X(O_DIRECT) \
	X(O_DIRECTORY) \
	X(O_NOFOLLOW) \
	X(O_TMPFILE)

#endif
