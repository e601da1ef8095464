/**
 * `<aio.h>` of glibc on a system with 64 bits: its constants, and where the fields of a control
 * block are. The C side asserts the same; a test compares the two.
 */

/** Bytes of `struct aiocb`, private fields included. */
export const AIOCB_SIZE = 168;
/** Offset of the descriptor, an `int`. */
export const AIOCB_FILDES = 0;
/** Offset of the operation for lio_listio(3), an `int`. */
export const AIOCB_LIO_OPCODE = 4;
/** Offset of the priority, an `int`. */
export const AIOCB_REQPRIO = 8;
/** Offset of the address of the buffer. */
export const AIOCB_BUF = 16;
/** Offset of the length, a `size_t`. */
export const AIOCB_NBYTES = 24;
/** Offset of the value that a notification carries. */
export const AIOCB_SIGEV_VALUE = 32;
/** Offset of the signal's number, an `int`. */
export const AIOCB_SIGEV_SIGNO = 40;
/** Offset of the kind of notification, an `int`. */
export const AIOCB_SIGEV_NOTIFY = 44;
/** Offset of the file offset, an `off_t`. */
export const AIOCB_OFFSET = 128;

/** aio_cancel(3): everything that was asked for was canceled. */
export const AIO_CANCELED = 0;
/** aio_cancel(3): at least one operation is in progress and could not be canceled. */
export const AIO_NOTCANCELED = 1;
/** aio_cancel(3): everything had completed before. */
export const AIO_ALLDONE = 2;

/** `aio_lio_opcode`: read. */
export const LIO_READ = 0;
/** `aio_lio_opcode`: write. */
export const LIO_WRITE = 1;
/** `aio_lio_opcode`: nothing, the entry is ignored. */
export const LIO_NOP = 2;

/** lio_listio(3) returns when everything is done. */
export const LIO_WAIT = 0;
/** lio_listio(3) returns at once. */
export const LIO_NOWAIT = 1;

/** `sigev_notify`: a signal. */
export const SIGEV_SIGNAL = 0;
/** `sigev_notify`: nothing. */
export const SIGEV_NONE = 1;
/** `sigev_notify`: a function is called. */
export const SIGEV_THREAD = 2;

/** aio_fsync(3): as fsync(2). */
export const O_SYNC = 0o4010000;
/** aio_fsync(3): as fdatasync(2). */
export const O_DSYNC = 0o10000;

/** The most that `aio_reqprio` can lower a priority by. */
export const AIO_PRIO_DELTA_MAX = 20;

/** Completions that one call of `posixAioReap` takes. */
export const POSIX_AIO_REAP_MAX = 512;
