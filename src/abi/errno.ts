/**
 * errno(3) of Linux, positive as in the manual. A kernel result is the negative of one of these.
 */

/** Operation not permitted. */
export const EPERM = 1;
/** No such file or directory. */
export const ENOENT = 2;
/** No such process. */
export const ESRCH = 3;
/** Interrupted system call. */
export const EINTR = 4;
/** I/O error. */
export const EIO = 5;
/** No such device or address; no such ring registration. */
export const ENXIO = 6;
/** Argument list too long. */
export const E2BIG = 7;
/** Bad file descriptor. */
export const EBADF = 9;
/** Resource temporarily unavailable. */
export const EAGAIN = 11;
/** Not enough memory, or not enough RLIMIT_MEMLOCK. */
export const ENOMEM = 12;
/** Permission denied. */
export const EACCES = 13;
/** Bad address. */
export const EFAULT = 14;
/** Device or resource busy; completions wait to be reaped. */
export const EBUSY = 16;
/** File exists; the ring has a submitter of its own. */
export const EEXIST = 17;
/** Link between devices. */
export const EXDEV = 18;
/** No such device. */
export const ENODEV = 19;
/** Not a directory. */
export const ENOTDIR = 20;
/** Is a directory. */
export const EISDIR = 21;
/** Invalid argument. */
export const EINVAL = 22;
/** Too many open files in the system; no free registered file. */
export const ENFILE = 23;
/** Too many open files. */
export const EMFILE = 24;
/** Text file busy. */
export const ETXTBSY = 26;
/** File too large. */
export const EFBIG = 27;
/** No space left on device. */
export const ENOSPC = 28;
/** Illegal seek. */
export const ESPIPE = 29;
/** Read-only file system. */
export const EROFS = 30;
/** Too many links. */
export const EMLINK = 31;
/** Broken pipe. */
export const EPIPE = 32;
/** Result too large. */
export const ERANGE = 34;
/** Would deadlock. */
export const EDEADLK = 35;
/** File name too long. */
export const ENAMETOOLONG = 36;
/** The kernel has no such call. */
export const ENOSYS = 38;
/** Directory not empty. */
export const ENOTEMPTY = 39;
/** Too many symbolic links. */
export const ELOOP = 40;
/** Completions were lost for lack of memory. */
export const EBADR = 53;
/** No such attribute. */
export const ENODATA = 61;
/** The time limit passed. */
export const ETIME = 62;
/** Protocol error. */
export const EPROTO = 71;
/** Value too large. */
export const EOVERFLOW = 75;
/** Descriptor in bad state; the ring is disabled. */
export const EBADFD = 77;
/** Invalid character. */
export const EILSEQ = 84;
/** Not a socket. */
export const ENOTSOCK = 88;
/** Message too long. */
export const EMSGSIZE = 90;
/** Operation not supported. */
export const EOPNOTSUPP = 95;
/** Address in use. */
export const EADDRINUSE = 98;
/** Connection aborted. */
export const ECONNABORTED = 103;
/** Connection reset. */
export const ECONNRESET = 104;
/** No buffer space; the buffer group is empty. */
export const ENOBUFS = 105;
/** Not connected. */
export const ENOTCONN = 107;
/** Connection timed out. */
export const ETIMEDOUT = 110;
/** Connection refused. */
export const ECONNREFUSED = 111;
/** Already in progress; the request runs and could not be cancelled. */
export const EALREADY = 114;
/** In progress. */
export const EINPROGRESS = 115;
/** Stale file handle. */
export const ESTALE = 116;
/** Disk quota exceeded. */
export const EDQUOT = 122;
/** Canceled. */
export const ECANCELED = 125;
/** The SQPOLL thread is gone. */
export const EOWNERDEAD = 130;
