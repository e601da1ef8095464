/**
 * Linux numbers for sockets, epoll, waiting for processes and clocks, and the layouts of what those
 * calls point to. The kernel's own names; the same on every architecture that Node runs on.
 */

// socket(2)

/** socket(2): no family; connect(2) to it undoes a connection. */
export const AF_UNSPEC = 0;
/** socket(2): within this machine, named by paths. */
export const AF_UNIX = 1;
/** socket(2): IPv4. */
export const AF_INET = 2;
/** socket(2): IPv6. */
export const AF_INET6 = 10;
/** socket(2): a stream of bytes. */
export const SOCK_STREAM = 1;
/** socket(2): datagrams. */
export const SOCK_DGRAM = 2;
/** socket(2): datagrams, in order and reliable. */
export const SOCK_SEQPACKET = 5;
/** socket(2): calls answer EAGAIN instead of waiting. */
export const SOCK_NONBLOCK = 0o4000;
/** socket(2): the descriptor does not survive exec. */
export const SOCK_CLOEXEC = 0o2000000;
/** socket(2): TCP; also the level of its options. */
export const IPPROTO_TCP = 6;
/** shutdown(2): no more receiving. */
export const SHUT_RD = 0;
/** shutdown(2): no more sending. */
export const SHUT_WR = 1;
/** shutdown(2): neither. */
export const SHUT_RDWR = 2;

// send(2), recv(2)

/** recv(2): look at the data and leave it there. */
export const MSG_PEEK = 0x2;
/** recv(2): the length of the whole datagram, even where it was cut. */
export const MSG_TRUNC = 0x20;
/** Do not wait, this once. */
export const MSG_DONTWAIT = 0x40;
/** Go on until everything was transferred. */
export const MSG_WAITALL = 0x100;
/** send(2): EPIPE without SIGPIPE. */
export const MSG_NOSIGNAL = 0x4000;
/** send(2): more data will follow. */
export const MSG_MORE = 0x8000;
/** recvmsg(2): received descriptors do not survive exec. */
export const MSG_CMSG_CLOEXEC = 0x4000_0000;

// setsockopt(2)

/** setsockopt(2): the level of options of all sockets. */
export const SOL_SOCKET = 1;
/** setsockopt(2): bind(2) to an address that was in use a moment ago. */
export const SO_REUSEADDR = 2;
/** getsockopt(2): what kind of socket it is. */
export const SO_TYPE = 3;
/** getsockopt(2): the error that waits, which is taken. */
export const SO_ERROR = 4;
/** setsockopt(2): bytes that may wait to be sent. */
export const SO_SNDBUF = 7;
/** setsockopt(2): bytes that may wait to be received. */
export const SO_RCVBUF = 8;
/** setsockopt(2): tell when a connection is dead. */
export const SO_KEEPALIVE = 9;
/** setsockopt(2): allow zero-copy sending. */
export const SO_ZEROCOPY = 60;
/** setsockopt(2) of TCP: send small amounts at once. */
export const TCP_NODELAY = 1;
/** cmsg(3): the control message holds descriptors. */
export const SCM_RIGHTS = 1;

// epoll(7)

/** epoll_ctl(2): watch a descriptor. */
export const EPOLL_CTL_ADD = 1;
/** epoll_ctl(2): do not watch it any more. */
export const EPOLL_CTL_DEL = 2;
/** epoll_ctl(2): watch it for something else. */
export const EPOLL_CTL_MOD = 3;
/** epoll(7): there is data to read. */
export const EPOLLIN = 0x1;
/** epoll(7): there is room to write. */
export const EPOLLOUT = 0x4;

// waitid(2)

/** waitid(2): any child. */
export const P_ALL = 0;
/** waitid(2): the child with this process id. */
export const P_PID = 1;
/** waitid(2): the children of this process group. */
export const P_PGID = 2;
/** waitid(2): the child behind this descriptor. */
export const P_PIDFD = 3;
/** waitid(2): answer at once. */
export const WNOHANG = 1;
/** waitid(2): children that have ended. */
export const WEXITED = 4;
/** waitid(2): leave the child as it is, to be waited for again. */
export const WNOWAIT = 0x0100_0000;
/** `si_code` of a child: it called exit. */
export const CLD_EXITED = 1;
/** `si_code` of a child: a signal ended it. */
export const CLD_KILLED = 2;

// clock_gettime(2)

/** The clock on the wall. */
export const CLOCK_REALTIME = 0;
/** A clock that only goes on. */
export const CLOCK_MONOTONIC = 1;
/** As CLOCK_MONOTONIC, and it goes on while the machine sleeps. */
export const CLOCK_BOOTTIME = 7;

/** `cmd_op` on a block device: discard a range. Since 6.12. */
export const BLOCK_URING_CMD_DISCARD = 0x1200;

// Layouts

/** Size of `struct sockaddr_in` in bytes. */
export const SOCKADDR_IN_SIZE = 16;
/** Size of `struct sockaddr_in6` in bytes. */
export const SOCKADDR_IN6_SIZE = 28;
/** Size of `struct sockaddr_un` in bytes. */
export const SOCKADDR_UN_SIZE = 110;
/** Size of `struct sockaddr_storage` in bytes: room for any address. */
export const SOCKADDR_STORAGE_SIZE = 128;
/** Size of `struct msghdr` in bytes. */
export const MSGHDR_SIZE = 56;
/** Offset of `msg_name` (pointer). */
export const MSGHDR_NAME = 0;
/** Offset of `msg_namelen` (u32). */
export const MSGHDR_NAMELEN = 8;
/** Offset of `msg_iov` (pointer). */
export const MSGHDR_IOV = 16;
/** Offset of `msg_iovlen` (size_t). */
export const MSGHDR_IOVLEN = 24;
/** Offset of `msg_control` (pointer). */
export const MSGHDR_CONTROL = 32;
/** Offset of `msg_controllen` (size_t). */
export const MSGHDR_CONTROLLEN = 40;
/** Offset of `msg_flags` (u32). */
export const MSGHDR_FLAGS = 48;
/** Size of `struct cmsghdr` in bytes; its data follows. */
export const CMSGHDR_SIZE = 16;
/** Size of `siginfo_t` in bytes. */
export const SIGINFO_SIZE = 128;
/** Offset of `si_signo` (s32). */
export const SIGINFO_SIGNO = 0;
/** Offset of `si_code` (s32). */
export const SIGINFO_CODE = 8;
/** Offset of `si_pid` (s32), for SIGCHLD. */
export const SIGINFO_PID = 16;
/** Offset of `si_uid` (u32), for SIGCHLD. */
export const SIGINFO_UID = 20;
/** Offset of `si_status` (s32), for SIGCHLD: the exit code, or the signal. */
export const SIGINFO_STATUS = 24;
/** Size of `struct futex_waitv` in bytes. */
export const FUTEX_WAITV_SIZE = 24;
/** Size of `struct epoll_event` in bytes: x86-64 alone packs it. */
export const EPOLL_EVENT_SIZE: number = process.arch === "x64" ? 12 : 16;
/** Offset of `events` (u32). */
export const EPOLL_EVENT_EVENTS = 0;
/** Offset of `data` (u64). */
export const EPOLL_EVENT_DATA: number = process.arch === "x64" ? 4 : 8;
