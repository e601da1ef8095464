/**
 * Errors by their numbers on the running system, positive as in errno(3): for engines that run
 * anywhere. Those of Linux are in src/abi.
 */
import { errnoOf } from "../base/index.ts";

/** Resource temporarily unavailable. */
export const EAGAIN: number = errnoOf("EAGAIN");
/** Bad file descriptor. */
export const EBADF: number = errnoOf("EBADF");
/** Device or resource busy. */
export const EBUSY: number = errnoOf("EBUSY");
/** Canceled. */
export const ECANCELED: number = errnoOf("ECANCELED");
/** File exists. */
export const EEXIST: number = errnoOf("EEXIST");
/** Bad address. */
export const EFAULT: number = errnoOf("EFAULT");
/** File too large. */
export const EFBIG: number = errnoOf("EFBIG");
/** Interrupted system call. */
export const EINTR: number = errnoOf("EINTR");
/** Invalid argument. */
export const EINVAL: number = errnoOf("EINVAL");
/** I/O error. */
export const EIO: number = errnoOf("EIO");
/** Is a directory. */
export const EISDIR: number = errnoOf("EISDIR");
/** Too many symbolic links. */
export const ELOOP: number = errnoOf("ELOOP");
/** Too many open files. */
export const EMFILE: number = errnoOf("EMFILE");
/** File name too long. */
export const ENAMETOOLONG: number = errnoOf("ENAMETOOLONG");
/** No such device. */
export const ENODEV: number = errnoOf("ENODEV");
/** No such file or directory. */
export const ENOENT: number = errnoOf("ENOENT");
/** No space left on device. */
export const ENOSPC: number = errnoOf("ENOSPC");
/** Not a directory. */
export const ENOTDIR: number = errnoOf("ENOTDIR");
/** Directory not empty. */
export const ENOTEMPTY: number = errnoOf("ENOTEMPTY");
/** Operation not permitted. */
export const EPERM: number = errnoOf("EPERM");
/** Broken pipe. */
export const EPIPE: number = errnoOf("EPIPE");
/** Illegal seek. */
export const ESPIPE: number = errnoOf("ESPIPE");
/** Link between devices. */
export const EXDEV: number = errnoOf("EXDEV");
/** Operation not supported; libuv knows it by this name. */
export const ENOTSUP: number = errnoOf("ENOTSUP");
/** The time limit passed. */
export const ETIME: number = errnoOf("ETIME", "ETIMEDOUT");
