import { errnoOf } from "../../base/index.ts";

/*
 * Numbers of errors as aio_error and errno tell them: positive, and those of this platform.
 */

/** A resource or a time limit is exhausted. */
export const EAGAIN = errnoOf("EAGAIN");
/** No such descriptor, or not open for this. */
export const EBADF = errnoOf("EBADF");
/** The operation was canceled. */
export const ECANCELED = errnoOf("ECANCELED");
/** There is no such memory. */
export const EFAULT = errnoOf("EFAULT");
/** A write at or beyond the largest offset. */
export const EFBIG = errnoOf("EFBIG");
/** The operation is not done. */
export const EINPROGRESS = errnoOf("EINPROGRESS");
/** A signal interrupted the wait. */
export const EINTR = errnoOf("EINTR");
/** An argument makes no sense. */
export const EINVAL = errnoOf("EINVAL");
/** One of the operations failed. */
export const EIO = errnoOf("EIO");
/** The engine has no way to do it. */
export const ENOSYS = errnoOf("ENOSYS");
/** A read at or beyond the largest offset, where the file goes on. */
export const EOVERFLOW = errnoOf("EOVERFLOW");
