/**
 * io_uring(7): the 65 opcodes of Linux 6.19, and the kernel that brought each of them.
 *
 * The kernel's names and numbers. The addon answers the same table from its own header
 * (`uringAbi`), and a test compares the two. Ask a kernel what it has with IORING_REGISTER_PROBE;
 * the versions here are for messages only, because distributions backport.
 */

/** Does nothing and completes. Since 5.1. */
export const IORING_OP_NOP = 0;
/** preadv2(2). Since 5.1. */
export const IORING_OP_READV = 1;
/** pwritev2(2). Since 5.1. */
export const IORING_OP_WRITEV = 2;
/** fsync(2), or fdatasync(2) with `IORING_FSYNC_DATASYNC`. Since 5.1. */
export const IORING_OP_FSYNC = 3;
/** pread(2) into a registered buffer. Since 5.1. */
export const IORING_OP_READ_FIXED = 4;
/** pwrite(2) from a registered buffer. Since 5.1. */
export const IORING_OP_WRITE_FIXED = 5;
/** Waits for poll(2) events, once or many times. Since 5.1. */
export const IORING_OP_POLL_ADD = 6;
/** Removes or updates a poll request. Since 5.1. */
export const IORING_OP_POLL_REMOVE = 7;
/** sync_file_range(2). Since 5.2. */
export const IORING_OP_SYNC_FILE_RANGE = 8;
/** sendmsg(2). Since 5.3. */
export const IORING_OP_SENDMSG = 9;
/** recvmsg(2). Since 5.3. */
export const IORING_OP_RECVMSG = 10;
/** A timer, or a number of completions, whichever comes first. Since 5.4. */
export const IORING_OP_TIMEOUT = 11;
/** Removes or updates a timeout. Since 5.5. */
export const IORING_OP_TIMEOUT_REMOVE = 12;
/** accept4(2). Since 5.5. */
export const IORING_OP_ACCEPT = 13;
/** Cancels other requests. Since 5.5. */
export const IORING_OP_ASYNC_CANCEL = 14;
/** A time limit on the linked request before it. Since 5.5. */
export const IORING_OP_LINK_TIMEOUT = 15;
/** connect(2). Since 5.5. */
export const IORING_OP_CONNECT = 16;
/** fallocate(2). Since 5.6. */
export const IORING_OP_FALLOCATE = 17;
/** openat(2). Since 5.6. */
export const IORING_OP_OPENAT = 18;
/** close(2), also of a direct descriptor. Since 5.6. */
export const IORING_OP_CLOSE = 19;
/** Changes entries of the registered file table. Since 5.6. */
export const IORING_OP_FILES_UPDATE = 20;
/** statx(2). Since 5.6. */
export const IORING_OP_STATX = 21;
/** pread(2), or read(2) with offset -1. Since 5.6. */
export const IORING_OP_READ = 22;
/** pwrite(2), or write(2) with offset -1. Since 5.6. */
export const IORING_OP_WRITE = 23;
/** posix_fadvise(2). Since 5.6. */
export const IORING_OP_FADVISE = 24;
/** madvise(2). Since 5.6. */
export const IORING_OP_MADVISE = 25;
/** send(2) and sendto(2). Since 5.6. */
export const IORING_OP_SEND = 26;
/** recv(2). Since 5.6. */
export const IORING_OP_RECV = 27;
/** openat2(2). Since 5.6. */
export const IORING_OP_OPENAT2 = 28;
/** epoll_ctl(2). Since 5.6. */
export const IORING_OP_EPOLL_CTL = 29;
/** splice(2). Since 5.7. */
export const IORING_OP_SPLICE = 30;
/** Gives buffers to a group; the buffer ring replaced it. Since 5.7. */
export const IORING_OP_PROVIDE_BUFFERS = 31;
/** Takes buffers back from a group. Since 5.7. */
export const IORING_OP_REMOVE_BUFFERS = 32;
/** tee(2). Since 5.8. */
export const IORING_OP_TEE = 33;
/** shutdown(2). Since 5.11. */
export const IORING_OP_SHUTDOWN = 34;
/** renameat2(2). Since 5.11. */
export const IORING_OP_RENAMEAT = 35;
/** unlinkat(2). Since 5.11. */
export const IORING_OP_UNLINKAT = 36;
/** mkdirat(2). Since 5.15. */
export const IORING_OP_MKDIRAT = 37;
/** symlinkat(2). Since 5.15. */
export const IORING_OP_SYMLINKAT = 38;
/** linkat(2). Since 5.15. */
export const IORING_OP_LINKAT = 39;
/** Posts a completion, or a descriptor, to another ring. Since 5.18. */
export const IORING_OP_MSG_RING = 40;
/** fsetxattr(2). Since 5.19. */
export const IORING_OP_FSETXATTR = 41;
/** setxattr(2). Since 5.19. */
export const IORING_OP_SETXATTR = 42;
/** fgetxattr(2). Since 5.19. */
export const IORING_OP_FGETXATTR = 43;
/** getxattr(2). Since 5.19. */
export const IORING_OP_GETXATTR = 44;
/** socket(2). Since 5.19. */
export const IORING_OP_SOCKET = 45;
/** A command that the file's driver defines. Since 5.19. */
export const IORING_OP_URING_CMD = 46;
/** send(2) without a copy; a second CQE frees the buffer. Since 6.0. */
export const IORING_OP_SEND_ZC = 47;
/** sendmsg(2) without a copy; a second CQE frees the buffers. Since 6.1. */
export const IORING_OP_SENDMSG_ZC = 48;
/** Reads again and again into provided buffers. Since 6.7. */
export const IORING_OP_READ_MULTISHOT = 49;
/** waitid(2). Since 6.7. */
export const IORING_OP_WAITID = 50;
/** futex_wait(2). Since 6.7. */
export const IORING_OP_FUTEX_WAIT = 51;
/** futex_wake(2). Since 6.7. */
export const IORING_OP_FUTEX_WAKE = 52;
/** futex_waitv(2). Since 6.7. */
export const IORING_OP_FUTEX_WAITV = 53;
/** Turns a direct descriptor into an ordinary one. Since 6.8. */
export const IORING_OP_FIXED_FD_INSTALL = 54;
/** ftruncate(2). Since 6.9. */
export const IORING_OP_FTRUNCATE = 55;
/** bind(2). Since 6.11. */
export const IORING_OP_BIND = 56;
/** listen(2). Since 6.11. */
export const IORING_OP_LISTEN = 57;
/** Receives into memory that the network card fills. Since 6.15. */
export const IORING_OP_RECV_ZC = 58;
/** epoll_wait(2). Since 6.15. */
export const IORING_OP_EPOLL_WAIT = 59;
/** preadv2(2) into a registered buffer. Since 6.15. */
export const IORING_OP_READV_FIXED = 60;
/** pwritev2(2) from a registered buffer. Since 6.15. */
export const IORING_OP_WRITEV_FIXED = 61;
/** pipe2(2). Since 6.16. */
export const IORING_OP_PIPE = 62;
/** NOP in a 128-byte SQE of a mixed ring. Since 6.19. */
export const IORING_OP_NOP128 = 63;
/** URING_CMD in a 128-byte SQE of a mixed ring. Since 6.19. */
export const IORING_OP_URING_CMD128 = 64;

/** How many opcodes this file knows. */
export const IORING_OP_LAST = 65;

/** Opcode numbers by their kernel name. */
export const IO_URING_OPCODES = {
  IORING_OP_NOP,
  IORING_OP_READV,
  IORING_OP_WRITEV,
  IORING_OP_FSYNC,
  IORING_OP_READ_FIXED,
  IORING_OP_WRITE_FIXED,
  IORING_OP_POLL_ADD,
  IORING_OP_POLL_REMOVE,
  IORING_OP_SYNC_FILE_RANGE,
  IORING_OP_SENDMSG,
  IORING_OP_RECVMSG,
  IORING_OP_TIMEOUT,
  IORING_OP_TIMEOUT_REMOVE,
  IORING_OP_ACCEPT,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_CONNECT,
  IORING_OP_FALLOCATE,
  IORING_OP_OPENAT,
  IORING_OP_CLOSE,
  IORING_OP_FILES_UPDATE,
  IORING_OP_STATX,
  IORING_OP_READ,
  IORING_OP_WRITE,
  IORING_OP_FADVISE,
  IORING_OP_MADVISE,
  IORING_OP_SEND,
  IORING_OP_RECV,
  IORING_OP_OPENAT2,
  IORING_OP_EPOLL_CTL,
  IORING_OP_SPLICE,
  IORING_OP_PROVIDE_BUFFERS,
  IORING_OP_REMOVE_BUFFERS,
  IORING_OP_TEE,
  IORING_OP_SHUTDOWN,
  IORING_OP_RENAMEAT,
  IORING_OP_UNLINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_SYMLINKAT,
  IORING_OP_LINKAT,
  IORING_OP_MSG_RING,
  IORING_OP_FSETXATTR,
  IORING_OP_SETXATTR,
  IORING_OP_FGETXATTR,
  IORING_OP_GETXATTR,
  IORING_OP_SOCKET,
  IORING_OP_URING_CMD,
  IORING_OP_SEND_ZC,
  IORING_OP_SENDMSG_ZC,
  IORING_OP_READ_MULTISHOT,
  IORING_OP_WAITID,
  IORING_OP_FUTEX_WAIT,
  IORING_OP_FUTEX_WAKE,
  IORING_OP_FUTEX_WAITV,
  IORING_OP_FIXED_FD_INSTALL,
  IORING_OP_FTRUNCATE,
  IORING_OP_BIND,
  IORING_OP_LISTEN,
  IORING_OP_RECV_ZC,
  IORING_OP_EPOLL_WAIT,
  IORING_OP_READV_FIXED,
  IORING_OP_WRITEV_FIXED,
  IORING_OP_PIPE,
  IORING_OP_NOP128,
  IORING_OP_URING_CMD128,
} as const;

/** The kernel's name of an opcode. */
export type IoUringOpcodeName = keyof typeof IO_URING_OPCODES;

/** The kernel version that introduced an opcode, indexed by opcode; for messages only. */
export const IO_URING_OPCODE_KERNELS: readonly string[] = [
  "5.1", // NOP
  "5.1", // READV
  "5.1", // WRITEV
  "5.1", // FSYNC
  "5.1", // READ_FIXED
  "5.1", // WRITE_FIXED
  "5.1", // POLL_ADD
  "5.1", // POLL_REMOVE
  "5.2", // SYNC_FILE_RANGE
  "5.3", // SENDMSG
  "5.3", // RECVMSG
  "5.4", // TIMEOUT
  "5.5", // TIMEOUT_REMOVE
  "5.5", // ACCEPT
  "5.5", // ASYNC_CANCEL
  "5.5", // LINK_TIMEOUT
  "5.5", // CONNECT
  "5.6", // FALLOCATE
  "5.6", // OPENAT
  "5.6", // CLOSE
  "5.6", // FILES_UPDATE
  "5.6", // STATX
  "5.6", // READ
  "5.6", // WRITE
  "5.6", // FADVISE
  "5.6", // MADVISE
  "5.6", // SEND
  "5.6", // RECV
  "5.6", // OPENAT2
  "5.6", // EPOLL_CTL
  "5.7", // SPLICE
  "5.7", // PROVIDE_BUFFERS
  "5.7", // REMOVE_BUFFERS
  "5.8", // TEE
  "5.11", // SHUTDOWN
  "5.11", // RENAMEAT
  "5.11", // UNLINKAT
  "5.15", // MKDIRAT
  "5.15", // SYMLINKAT
  "5.15", // LINKAT
  "5.18", // MSG_RING
  "5.19", // FSETXATTR
  "5.19", // SETXATTR
  "5.19", // FGETXATTR
  "5.19", // GETXATTR
  "5.19", // SOCKET
  "5.19", // URING_CMD
  "6.0", // SEND_ZC
  "6.1", // SENDMSG_ZC
  "6.7", // READ_MULTISHOT
  "6.7", // WAITID
  "6.7", // FUTEX_WAIT
  "6.7", // FUTEX_WAKE
  "6.7", // FUTEX_WAITV
  "6.8", // FIXED_FD_INSTALL
  "6.9", // FTRUNCATE
  "6.11", // BIND
  "6.11", // LISTEN
  "6.15", // RECV_ZC
  "6.15", // EPOLL_WAIT
  "6.15", // READV_FIXED
  "6.15", // WRITEV_FIXED
  "6.16", // PIPE
  "6.19", // NOP128
  "6.19", // URING_CMD128
];
