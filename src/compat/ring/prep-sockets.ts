import {
  IORING_ACCEPT_MULTISHOT,
  IORING_FILE_INDEX_ALLOC,
  IORING_OP_ACCEPT,
  IORING_OP_BIND,
  IORING_OP_CONNECT,
  IORING_OP_LISTEN,
  IORING_OP_RECV,
  IORING_OP_RECV_ZC,
  IORING_OP_RECVMSG,
  IORING_OP_SEND,
  IORING_OP_SEND_ZC,
  IORING_OP_SENDMSG,
  IORING_OP_SENDMSG_ZC,
  IORING_OP_SHUTDOWN,
  IORING_OP_SOCKET,
  IORING_OP_URING_CMD,
  IORING_RECV_MULTISHOT,
  IORING_RECVSEND_BUNDLE,
  IORING_RECVSEND_FIXED_BUF,
  SOCKET_URING_OP_GETSOCKNAME,
} from "../../abi/io-uring.ts";
import { MSGHDR_SIZE } from "../../abi/linux-socket.ts";
import type { Pointer } from "./memory.ts";
import { PathVerbs } from "./prep-paths.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const SEND = IORING_OP_SEND;
const RECV = IORING_OP_RECV;

/** The verbs that prepare what is done to sockets. */
export abstract class SocketVerbs extends PathVerbs {
  /** Prepares socket(2): io_uring_prep_socket(3). */
  prepSocket(sqe: number, domain: number, type: number, protocol: number, flags: number): void {
    this.fill(IORING_OP_SOCKET, sqe, domain, 0, 0, protocol, type);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares socket(2) into the table of registered files: io_uring_prep_socket_direct(3). */
  prepSocketDirect(
    sqe: number,
    domain: number,
    type: number,
    protocol: number,
    fileIndex: number,
    flags: number,
  ): void {
    this.prepSocket(sqe, domain, type, protocol, flags);
    this.sqeSetFileIndex(sqe, fileIndex);
  }

  /** As `prepSocketDirect`, in a place that the kernel chooses and answers. */
  prepSocketDirectAlloc(
    sqe: number,
    domain: number,
    type: number,
    protocol: number,
    flags: number,
  ): void {
    this.prepSocketDirect(sqe, domain, type, protocol, IORING_FILE_INDEX_ALLOC, flags);
  }

  /** Prepares bind(2): io_uring_prep_bind(3). */
  prepBind(sqe: number, fd: number, addr: Pointer, addrlen: number): void {
    this.fill(IORING_OP_BIND, sqe, fd, addr, addrlen, 0, addrlen);
  }

  /** Prepares listen(2): io_uring_prep_listen(3). */
  prepListen(sqe: number, fd: number, backlog: number): void {
    this.fill(IORING_OP_LISTEN, sqe, fd, 0, 0, backlog, 0);
  }

  /** Prepares connect(2): io_uring_prep_connect(3). */
  prepConnect(sqe: number, fd: number, addr: Pointer, addrlen: number): void {
    this.fill(IORING_OP_CONNECT, sqe, fd, addr, addrlen, 0, addrlen);
  }

  /**
   * Prepares accept4(2): io_uring_prep_accept(3). `addr` is room for the peer's address, `addrlen`
   * a u32 that says how much and is told how much it was; both may be null.
   */
  prepAccept(sqe: number, fd: number, addr: Pointer, addrlen: Pointer, flags: number): void {
    this.fill(IORING_OP_ACCEPT, sqe, fd, addr, 0, 0, 0);
    this.lend(sqe, 2, addrlen, 4);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares accept4(2) into the table of registered files: io_uring_prep_accept_direct(3). */
  prepAcceptDirect(
    sqe: number,
    fd: number,
    addr: Pointer,
    addrlen: Pointer,
    flags: number,
    fileIndex: number,
  ): void {
    this.prepAccept(sqe, fd, addr, addrlen, flags);
    this.sqeSetFileIndex(sqe, fileIndex);
  }

  /** Prepares accepting without end: io_uring_prep_multishot_accept(3). */
  prepMultishotAccept(
    sqe: number,
    fd: number,
    addr: Pointer,
    addrlen: Pointer,
    flags: number,
  ): void {
    this.prepAccept(sqe, fd, addr, addrlen, flags);
    this.sqeSetIoprio(sqe, IORING_ACCEPT_MULTISHOT);
  }

  /** As `prepMultishotAccept`, into places of the table of registered files. */
  prepMultishotAcceptDirect(
    sqe: number,
    fd: number,
    addr: Pointer,
    addrlen: Pointer,
    flags: number,
  ): void {
    this.prepMultishotAccept(sqe, fd, addr, addrlen, flags);
    this.sqeSetFileIndex(sqe, IORING_FILE_INDEX_ALLOC);
  }

  /** Prepares shutdown(2): io_uring_prep_shutdown(3). */
  prepShutdown(sqe: number, fd: number, how: number): void {
    this.fill(IORING_OP_SHUTDOWN, sqe, fd, 0, 0, how, 0);
  }

  /** Prepares send(2): io_uring_prep_send(3). */
  prepSend(sqe: number, sockfd: number, buf: Pointer, len: number, flags: number): void {
    this.fill(SEND, sqe, sockfd, buf, len, len, 0);
    this.sqes[sqe + 7] = flags;
  }

  /** Adds an address to a prepared send: io_uring_prep_send_set_addr(3). */
  prepSendSetAddr(sqe: number, destAddr: Pointer, addrLen: number): void {
    this.lend(sqe, 2, destAddr, addrLen);
    this.sqes[sqe + 11] = addrLen;
  }

  /** Prepares sendto(2): io_uring_prep_sendto(3). */
  prepSendto(
    sqe: number,
    sockfd: number,
    buf: Pointer,
    len: number,
    flags: number,
    addr: Pointer,
    addrlen: number,
  ): void {
    this.prepSend(sqe, sockfd, buf, len, flags);
    this.prepSendSetAddr(sqe, addr, addrlen);
  }

  /**
   * Prepares sending as many provided buffers as are needed: io_uring_prep_send_bundle(3). Needs
   * IOSQE_BUFFER_SELECT and a group.
   */
  prepSendBundle(sqe: number, sockfd: number, len: number, flags: number): void {
    this.prepSend(sqe, sockfd, 0, len, flags);
    this.sqeSetIoprio(sqe, IORING_RECVSEND_BUNDLE);
  }

  /**
   * Prepares sending without a copy: io_uring_prep_send_zc(3). The completion has
   * IORING_CQE_F_MORE when a second one, with IORING_CQE_F_NOTIF, will tell that the buffer is
   * free.
   */
  prepSendZc(
    sqe: number,
    sockfd: number,
    buf: Pointer,
    len: number,
    flags: number,
    zcFlags: number,
  ): void {
    this.fill(IORING_OP_SEND_ZC, sqe, sockfd, buf, len, len, 0);
    this.sqes[sqe + 7] = flags;
    this.sqeSetIoprio(sqe, zcFlags);
  }

  /** As `prepSendZc`, out of a registered buffer: io_uring_prep_send_zc_fixed(3). */
  prepSendZcFixed(
    sqe: number,
    sockfd: number,
    buf: Pointer,
    len: number,
    flags: number,
    zcFlags: number,
    bufIndex: number,
  ): void {
    this.prepSendZc(sqe, sockfd, buf, len, flags, zcFlags | IORING_RECVSEND_FIXED_BUF);
    this.sqes[sqe + 10] = bufIndex;
  }

  /** Prepares sendmsg(2): io_uring_prep_sendmsg(3). `msg` comes from `msghdr`. */
  prepSendmsg(sqe: number, fd: number, msg: Pointer, flags: number): void {
    this.fill(IORING_OP_SENDMSG, sqe, fd, msg, MSGHDR_SIZE, 1, 0);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares sendmsg(2) without a copy: io_uring_prep_sendmsg_zc(3). Completes as `prepSendZc`. */
  prepSendmsgZc(sqe: number, fd: number, msg: Pointer, flags: number): void {
    this.fill(IORING_OP_SENDMSG_ZC, sqe, fd, msg, MSGHDR_SIZE, 1, 0);
    this.sqes[sqe + 7] = flags;
  }

  /** As `prepSendmsgZc`, out of one registered buffer: io_uring_prep_sendmsg_zc_fixed(3). */
  prepSendmsgZcFixed(sqe: number, fd: number, msg: Pointer, flags: number, bufIndex: number): void {
    this.prepSendmsgZc(sqe, fd, msg, flags);
    this.sqeSetIoprio(sqe, IORING_RECVSEND_FIXED_BUF);
    this.sqes[sqe + 10] = bufIndex;
  }

  /** Prepares recv(2): io_uring_prep_recv(3). */
  prepRecv(sqe: number, sockfd: number, buf: Pointer, len: number, flags: number): void {
    // Without a buffer the length bounds what is taken out of a provided one.
    this.fill(RECV, sqe, sockfd, buf, buf === null ? 0 : len, len, 0);
    this.sqes[sqe + 7] = flags;
  }

  /**
   * Prepares receiving without end into provided buffers: io_uring_prep_recv_multishot(3). Needs
   * IOSQE_BUFFER_SELECT and a group.
   */
  prepRecvMultishot(sqe: number, sockfd: number, buf: Pointer, len: number, flags: number): void {
    this.prepRecv(sqe, sockfd, buf, len, flags);
    this.sqeSetIoprio(sqe, IORING_RECV_MULTISHOT);
  }

  /** Prepares recvmsg(2): io_uring_prep_recvmsg(3). */
  prepRecvmsg(sqe: number, fd: number, msg: Pointer, flags: number): void {
    this.fill(IORING_OP_RECVMSG, sqe, fd, msg, MSGHDR_SIZE, 1, 0);
    this.sqes[sqe + 7] = flags;
  }

  /**
   * Prepares recvmsg(2) without end into provided buffers: io_uring_prep_recvmsg_multishot(3). What
   * lies in a buffer is read with `recvmsgValidate`.
   */
  prepRecvmsgMultishot(sqe: number, fd: number, msg: Pointer, flags: number): void {
    this.prepRecvmsg(sqe, fd, msg, flags);
    this.sqeSetIoprio(sqe, IORING_RECV_MULTISHOT);
  }

  /** Prepares receiving into memory that the network card fills; see `registerIfq`. Linux 6.15. */
  prepRecvZc(sqe: number, sockfd: number, len: number, ifqIndex: number): void {
    this.fill(IORING_OP_RECV_ZC, sqe, sockfd, 0, 0, len, 0);
    this.sqeSetIoprio(sqe, IORING_RECV_MULTISHOT);
    this.sqes[sqe + 11] = ifqIndex;
  }

  /**
   * Prepares a command of a socket: io_uring_prep_cmd_sock(3). `cmdOp` is SOCKET_URING_OP_*; the
   * option counts for GETSOCKOPT and SETSOCKOPT.
   */
  prepCmdSock(
    sqe: number,
    cmdOp: number,
    fd: number,
    level: number,
    optname: number,
    optval: Pointer,
    optlen: number,
  ): void {
    this.fill(IORING_OP_URING_CMD, sqe, fd, 0, 0, 0, cmdOp);
    this.lend(sqe, 12, optval, optlen);
    this.sqes[sqe + 4] = level;
    this.sqes[sqe + 5] = optname;
    this.sqes[sqe + 11] = optlen;
  }

  /**
   * Prepares getsockname(2), or getpeername(2) when `peer` is 1: io_uring_prep_cmd_getsockname(3).
   * `sockaddrLen` is a u32 as in `prepAccept`. Linux 6.19.
   */
  prepCmdGetsockname(
    sqe: number,
    fd: number,
    sockaddr: Pointer,
    sockaddrLen: Pointer,
    peer: 0 | 1,
  ): void {
    this.fill(IORING_OP_URING_CMD, sqe, fd, sockaddr, 0, 0, SOCKET_URING_OP_GETSOCKNAME);
    this.lend(sqe, 12, sockaddrLen, 4);
    this.sqes[sqe + 11] = peer;
  }
}
