/**
 * Flags of system calls: open, the *at() calls, statx, poll, and what else can be passed to
 * operations. The kernel's own names.
 *
 * Those of open are passed on to node:fs, and so are the running system's own. All others have the
 * numbers of little-endian 64-bit Linux everywhere: elsewhere no engine hands them to the system,
 * but does what they say (AT_SYMLINK_NOFOLLOW is lstat) or refuses the operation.
 */
import { constants } from "node:fs";
import { openFlags } from "./open-flags.ts";

// open(2): the running system's own numbers; 0 where it has no such flag

const FLAGS = openFlags(constants);

/** open(2): read only. */
export const O_RDONLY: number = FLAGS.O_RDONLY;
/** open(2): write only. */
export const O_WRONLY: number = FLAGS.O_WRONLY;
/** open(2): read and write. */
export const O_RDWR: number = FLAGS.O_RDWR;
/** open(2): the bits that say how a file is accessed. */
export const O_ACCMODE: number = FLAGS.O_ACCMODE;
/** open(2): create the file when it does not exist. */
export const O_CREAT: number = FLAGS.O_CREAT;
/** open(2): fail when the file exists. */
export const O_EXCL: number = FLAGS.O_EXCL;
/** open(2): do not make a terminal the controlling one. */
export const O_NOCTTY: number = FLAGS.O_NOCTTY;
/** open(2): cut the file to length 0. */
export const O_TRUNC: number = FLAGS.O_TRUNC;
/** open(2): every write goes to the end. */
export const O_APPEND: number = FLAGS.O_APPEND;
/** open(2): answer EAGAIN instead of waiting. */
export const O_NONBLOCK: number = FLAGS.O_NONBLOCK;
/** open(2): every write waits until its data is on the device. */
export const O_DSYNC: number = FLAGS.O_DSYNC;
/** open(2): as O_DSYNC, with the metadata. */
export const O_SYNC: number = FLAGS.O_SYNC;
/** open(2): past the page cache, with aligned memory, offsets and lengths. */
export const O_DIRECT: number = FLAGS.O_DIRECT;
/** open(2): fail when it is not a directory. */
export const O_DIRECTORY: number = FLAGS.O_DIRECTORY;
/** open(2): fail when the path ends in a symbolic link. */
export const O_NOFOLLOW: number = FLAGS.O_NOFOLLOW;
/** open(2): reads do not change the access time. */
export const O_NOATIME: number = FLAGS.O_NOATIME;
/** open(2): the descriptor does not survive exec. */
export const O_CLOEXEC: number = FLAGS.O_CLOEXEC;
/** open(2): a place in the file system, not its contents. */
export const O_PATH: number = FLAGS.O_PATH;
/** open(2): a file without a name; needs a directory as path. */
export const O_TMPFILE: number = FLAGS.O_TMPFILE;

// The *at() calls

/** As directory descriptor: the current directory. */
export const AT_FDCWD = -100;
/** Do not follow a symbolic link at the end of the path. */
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** unlinkat(2): remove a directory. */
export const AT_REMOVEDIR = 0x200;
/** linkat(2): follow a symbolic link at the end of the path. */
export const AT_SYMLINK_FOLLOW = 0x400;
/** Do not mount at the end of the path. */
export const AT_NO_AUTOMOUNT = 0x800;
/** With an empty path: the descriptor itself. */
export const AT_EMPTY_PATH = 0x1000;
/** statx(2): as stat(2) does. */
export const AT_STATX_SYNC_AS_STAT = 0;
/** statx(2): ask the server of a remote file system. */
export const AT_STATX_FORCE_SYNC = 0x2000;
/** statx(2): what is cached will do. */
export const AT_STATX_DONT_SYNC = 0x4000;

// openat2(2)

/** openat2(2): do not cross mount points. */
export const RESOLVE_NO_XDEV = 0x01;
/** openat2(2): do not follow the links of /proc. */
export const RESOLVE_NO_MAGICLINKS = 0x02;
/** openat2(2): do not follow symbolic links. */
export const RESOLVE_NO_SYMLINKS = 0x04;
/** openat2(2): stay below the directory. */
export const RESOLVE_BENEATH = 0x08;
/** openat2(2): the directory is the root. */
export const RESOLVE_IN_ROOT = 0x10;
/** openat2(2): EAGAIN when the path is not cached. Since 5.12. */
export const RESOLVE_CACHED = 0x20;

// statx(2): what is asked for and what was answered

/** statx(2) mask: the file type in `stx_mode`. */
export const STATX_TYPE = 0x1;
/** statx(2) mask: the permissions in `stx_mode`. */
export const STATX_MODE = 0x2;
/** statx(2) mask: `stx_nlink`. */
export const STATX_NLINK = 0x4;
/** statx(2) mask: `stx_uid`. */
export const STATX_UID = 0x8;
/** statx(2) mask: `stx_gid`. */
export const STATX_GID = 0x10;
/** statx(2) mask: `stx_atime`. */
export const STATX_ATIME = 0x20;
/** statx(2) mask: `stx_mtime`. */
export const STATX_MTIME = 0x40;
/** statx(2) mask: `stx_ctime`. */
export const STATX_CTIME = 0x80;
/** statx(2) mask: `stx_ino`. */
export const STATX_INO = 0x100;
/** statx(2) mask: `stx_size`. */
export const STATX_SIZE = 0x200;
/** statx(2) mask: `stx_blocks`. */
export const STATX_BLOCKS = 0x400;
/** statx(2) mask: everything that stat(2) answers. */
export const STATX_BASIC_STATS = 0x7ff;
/** statx(2) mask: `stx_btime`. */
export const STATX_BTIME = 0x800;
/** statx(2) mask: `stx_mnt_id`. Since 5.8. */
export const STATX_MNT_ID = 0x1000;
/** statx(2) mask: `stx_dio_mem_align` and `stx_dio_offset_align`. Since 6.1. */
export const STATX_DIOALIGN = 0x2000;
/** statx(2) mask: `stx_mnt_id` is never used again. Since 6.8. */
export const STATX_MNT_ID_UNIQUE = 0x4000;
/** statx(2) mask: `stx_subvol`. Since 6.10. */
export const STATX_SUBVOL = 0x8000;
/** statx(2) mask: `stx_atomic_write_*`. Since 6.11. */
export const STATX_WRITE_ATOMIC = 0x1_0000;
/** statx(2) mask: `stx_dio_read_offset_align`. Since 6.14. */
export const STATX_DIO_READ_ALIGN = 0x2_0000;
/** statx(2) attribute: compressed by the file system. */
export const STATX_ATTR_COMPRESSED = 0x4;
/** statx(2) attribute: cannot be changed. */
export const STATX_ATTR_IMMUTABLE = 0x10;
/** statx(2) attribute: can only be appended to. */
export const STATX_ATTR_APPEND = 0x20;
/** statx(2) attribute: left out of backups. */
export const STATX_ATTR_NODUMP = 0x40;
/** statx(2) attribute: encrypted by the file system. */
export const STATX_ATTR_ENCRYPTED = 0x800;
/** statx(2) attribute: mounts when it is entered. */
export const STATX_ATTR_AUTOMOUNT = 0x1000;
/** statx(2) attribute: the root of a mount. */
export const STATX_ATTR_MOUNT_ROOT = 0x2000;
/** statx(2) attribute: protected by fs-verity. */
export const STATX_ATTR_VERITY = 0x10_0000;
/** statx(2) attribute: mapped straight from the device. */
export const STATX_ATTR_DAX = 0x20_0000;
/** statx(2) attribute: atomic writes. Since 6.11. */
export const STATX_ATTR_WRITE_ATOMIC = 0x40_0000;

// fallocate(2)

/** fallocate(2): the file size stays. */
export const FALLOC_FL_KEEP_SIZE = 0x1;
/** fallocate(2): free the range; needs KEEP_SIZE. */
export const FALLOC_FL_PUNCH_HOLE = 0x2;
/** fallocate(2): take the range out. */
export const FALLOC_FL_COLLAPSE_RANGE = 0x8;
/** fallocate(2): the range reads as zeros. */
export const FALLOC_FL_ZERO_RANGE = 0x10;
/** fallocate(2): put a hole in. */
export const FALLOC_FL_INSERT_RANGE = 0x20;
/** fallocate(2): the range shares no blocks with other files. */
export const FALLOC_FL_UNSHARE_RANGE = 0x40;
/** fallocate(2): write zeros to the device. Since 6.17. */
export const FALLOC_FL_WRITE_ZEROES = 0x80;

// posix_fadvise(2) and madvise(2)

/** posix_fadvise(2): no advice. */
export const POSIX_FADV_NORMAL = 0;
/** posix_fadvise(2): no read-ahead. */
export const POSIX_FADV_RANDOM = 1;
/** posix_fadvise(2): more read-ahead. */
export const POSIX_FADV_SEQUENTIAL = 2;
/** posix_fadvise(2): read it now. */
export const POSIX_FADV_WILLNEED = 3;
/** posix_fadvise(2): drop it from the cache; 6 on s390x. */
export const POSIX_FADV_DONTNEED = 4;
/** posix_fadvise(2): used once; 7 on s390x. */
export const POSIX_FADV_NOREUSE = 5;
/** madvise(2): no advice. */
export const MADV_NORMAL = 0;
/** madvise(2): no read-ahead. */
export const MADV_RANDOM = 1;
/** madvise(2): more read-ahead. */
export const MADV_SEQUENTIAL = 2;
/** madvise(2): read it now. */
export const MADV_WILLNEED = 3;
/** madvise(2): forget the contents. */
export const MADV_DONTNEED = 4;
/** madvise(2): a child does not inherit the range. */
export const MADV_DONTFORK = 10;
/** madvise(2): huge pages, please. */
export const MADV_HUGEPAGE = 14;

// sync_file_range(2), preadv2(2), splice(2), renameat2(2), setxattr(2)

/** sync_file_range(2): first wait for writes under way. */
export const SYNC_FILE_RANGE_WAIT_BEFORE = 1;
/** sync_file_range(2): start to write dirty pages. */
export const SYNC_FILE_RANGE_WRITE = 2;
/** sync_file_range(2): wait until they are written. */
export const SYNC_FILE_RANGE_WAIT_AFTER = 4;
/** preadv2(2): poll for the completion. */
export const RWF_HIPRI = 0x1;
/** preadv2(2): this write as with O_DSYNC. */
export const RWF_DSYNC = 0x2;
/** preadv2(2): this write as with O_SYNC. */
export const RWF_SYNC = 0x4;
/** preadv2(2): EAGAIN instead of waiting. */
export const RWF_NOWAIT = 0x8;
/** preadv2(2): this write goes to the end. */
export const RWF_APPEND = 0x10;
/** preadv2(2): the offset counts in spite of O_APPEND. Since 6.9. */
export const RWF_NOAPPEND = 0x20;
/** preadv2(2): all or nothing, even when the power fails. Since 6.11. */
export const RWF_ATOMIC = 0x40;
/** preadv2(2): through the cache without staying there. Since 6.14. */
export const RWF_DONTCACHE = 0x80;
/** preadv2(2): EPIPE without SIGPIPE. Since 6.18. */
export const RWF_NOSIGNAL = 0x100;
/** splice(2): move pages; does nothing today. */
export const SPLICE_F_MOVE = 1;
/** splice(2): EAGAIN instead of waiting for the pipe. */
export const SPLICE_F_NONBLOCK = 2;
/** splice(2): more data will follow. */
export const SPLICE_F_MORE = 4;
/** vmsplice(2): the pages are a gift. */
export const SPLICE_F_GIFT = 8;
/** renameat2(2): fail when the new path exists. */
export const RENAME_NOREPLACE = 1;
/** renameat2(2): swap both paths. */
export const RENAME_EXCHANGE = 2;
/** renameat2(2): leave a whiteout behind. */
export const RENAME_WHITEOUT = 4;
/** setxattr(2): fail when the attribute exists. */
export const XATTR_CREATE = 1;
/** setxattr(2): fail when the attribute does not exist. */
export const XATTR_REPLACE = 2;

// poll(2) and epoll(7)

/** poll(2): there is data to read. */
export const POLLIN = 0x1;
/** poll(2): there is something exceptional. */
export const POLLPRI = 0x2;
/** poll(2): there is room to write. */
export const POLLOUT = 0x4;
/** poll(2): an error. */
export const POLLERR = 0x8;
/** poll(2): the other side hung up. */
export const POLLHUP = 0x10;
/** poll(2): not a descriptor. */
export const POLLNVAL = 0x20;
/** poll(2): as POLLIN. */
export const POLLRDNORM = 0x40;
/** poll(2): priority data to read. */
export const POLLRDBAND = 0x80;
/** poll(2): as POLLOUT. */
export const POLLWRNORM = 0x100;
/** poll(2): room for priority data. */
export const POLLWRBAND = 0x200;
/** poll(2): unused. */
export const POLLMSG = 0x400;
/** poll(2): the other side will write no more. */
export const POLLRDHUP = 0x2000;
/** epoll_ctl(2): wake one waiter, not all; also for POLL_ADD. */
export const EPOLLEXCLUSIVE = 0x1000_0000;
/** epoll_ctl(2): edge triggered; also for POLL_ADD. */
export const EPOLLET = 0x8000_0000;
