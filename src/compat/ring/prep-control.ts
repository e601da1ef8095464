import {
  IORING_ASYNC_CANCEL_FD,
  IORING_FILE_INDEX_ALLOC,
  IORING_MSG_RING_FLAGS_PASS,
  IORING_MSG_SEND_FD,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_EPOLL_CTL,
  IORING_OP_EPOLL_WAIT,
  IORING_OP_FUTEX_WAIT,
  IORING_OP_FUTEX_WAITV,
  IORING_OP_FUTEX_WAKE,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_MSG_RING,
  IORING_OP_NOP,
  IORING_OP_NOP128,
  IORING_OP_POLL_ADD,
  IORING_OP_POLL_REMOVE,
  IORING_OP_TIMEOUT,
  IORING_OP_TIMEOUT_REMOVE,
  IORING_OP_URING_CMD,
  IORING_OP_URING_CMD128,
  IORING_OP_WAITID,
  IORING_POLL_ADD_MULTI,
  IORING_TIMEOUT_UPDATE,
} from "../../abi/io-uring.ts";
import { TIMESPEC_SIZE } from "../../abi/linux.ts";
import {
  BLOCK_URING_CMD_DISCARD,
  EPOLL_EVENT_SIZE,
  FUTEX_WAITV_SIZE,
  SIGINFO_SIZE,
} from "../../abi/linux-socket.ts";
import { OBJECT_DATA } from "./in-flight.ts";
import type { Pointer } from "./memory.ts";
import { SocketVerbs } from "./prep-sockets.ts";

/**
 * The verbs that prepare requests about other requests, rings, processes and readiness. Where
 * liburing takes user data to find another request, these take its two words.
 */
export abstract class ControlVerbs extends SocketVerbs {
  /** Prepares a request that does nothing: io_uring_prep_nop(3). */
  prepNop(sqe: number): void {
    this.fill(IORING_OP_NOP, sqe, -1, 0, 0, 0, 0);
  }

  /** Prepares a NOP of 128 bytes; `sqe` comes from `getSqe128` of a mixed ring. Linux 6.19. */
  prepNop128(sqe: number): void {
    this.fill(IORING_OP_NOP128, sqe, -1, 0, 0, 0, 0);
  }

  // Readiness

  /** Prepares waiting for POLL* once: io_uring_prep_poll_add(3). `res` is what is ready. */
  prepPollAdd(sqe: number, fd: number, pollMask: number): void {
    this.fill(IORING_OP_POLL_ADD, sqe, fd, 0, 0, 0, 0);
    this.sqes[sqe + 7] = pollMask;
  }

  /** Prepares waiting for POLL* again and again: io_uring_prep_poll_multishot(3). */
  prepPollMultishot(sqe: number, fd: number, pollMask: number): void {
    this.prepPollAdd(sqe, fd, pollMask);
    this.sqes[sqe + 6] = IORING_POLL_ADD_MULTI;
  }

  /** Prepares ending a poll request: io_uring_prep_poll_remove(3). */
  prepPollRemove(sqe: number, low: number, high = 0): void {
    this.fill(IORING_OP_POLL_REMOVE, sqe, -1, 0, 0, 0, 0);
    this.#setTarget(sqe, low, high);
  }

  /**
   * Prepares changing a poll request: io_uring_prep_poll_update(3). `flags` is IORING_POLL_UPDATE_*
   * and IORING_POLL_ADD_MULTI; the new user data counts with IORING_POLL_UPDATE_USER_DATA.
   */
  prepPollUpdate(
    sqe: number,
    old: { low: number; high?: number },
    updated: { low: number; high?: number },
    pollMask: number,
    flags: number,
  ): void {
    this.fill(IORING_OP_POLL_REMOVE, sqe, -1, 0, 0, flags, 0);
    this.#setTarget(sqe, old.low, old.high ?? 0);
    this.sqes[sqe + 2] = updated.low;
    this.sqes[sqe + 3] = updated.high ?? 0;
    this.sqes[sqe + 7] = pollMask;
  }

  /** Prepares epoll_ctl(2): io_uring_prep_epoll_ctl(3). `event` comes from `epollEvents`. */
  prepEpollCtl(sqe: number, epfd: number, fd: number, op: number, event: Pointer): void {
    this.fill(IORING_OP_EPOLL_CTL, sqe, epfd, event, EPOLL_EVENT_SIZE, op, fd);
  }

  /** Prepares epoll_wait(2): io_uring_prep_epoll_wait(3). Linux 6.15. */
  prepEpollWait(sqe: number, fd: number, events: Pointer, maxevents: number, flags: number): void {
    const bytes = maxevents * EPOLL_EVENT_SIZE;
    this.fill(IORING_OP_EPOLL_WAIT, sqe, fd, events, bytes, maxevents, 0);
    this.sqes[sqe + 7] = flags;
  }

  // Time

  /**
   * Prepares a timer: io_uring_prep_timeout(3). Completes with -ETIME, or with 0 once `count`
   * completions have come since; `ts` comes from `timespec`.
   */
  prepTimeout(sqe: number, ts: Pointer, count: number, flags: number): void {
    this.fill(IORING_OP_TIMEOUT, sqe, -1, ts, TIMESPEC_SIZE, 1, count);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares ending a timer: io_uring_prep_timeout_remove(3). */
  prepTimeoutRemove(sqe: number, low: number, high: number, flags: number): void {
    this.fill(IORING_OP_TIMEOUT_REMOVE, sqe, -1, 0, 0, 0, 0);
    this.#setTarget(sqe, low, high);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares changing the time of a timer: io_uring_prep_timeout_update(3). Linux 5.11. */
  prepTimeoutUpdate(sqe: number, ts: Pointer, low: number, high: number, flags: number): void {
    this.fill(IORING_OP_TIMEOUT_REMOVE, sqe, -1, 0, 0, 0, 0);
    this.lend(sqe, 2, ts, TIMESPEC_SIZE);
    this.#setTarget(sqe, low, high);
    this.sqes[sqe + 7] = flags | IORING_TIMEOUT_UPDATE;
  }

  /** Prepares a limit on the request before, which is linked to this: io_uring_prep_link_timeout(3). */
  prepLinkTimeout(sqe: number, ts: Pointer, flags: number): void {
    this.fill(IORING_OP_LINK_TIMEOUT, sqe, -1, ts, TIMESPEC_SIZE, 1, 0);
    this.sqes[sqe + 7] = flags;
  }

  // Canceling

  /**
   * Prepares canceling by user data: io_uring_prep_cancel64(3). `res` is 0, the number of canceled
   * requests with IORING_ASYNC_CANCEL_ALL, -ENOENT or -EALREADY. Their completions still come.
   */
  prepCancel64(sqe: number, low: number, high: number, flags: number): void {
    this.fill(IORING_OP_ASYNC_CANCEL, sqe, -1, 0, 0, 0, 0);
    this.#setTarget(sqe, low, high);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares canceling by the object of `sqeSetData`: io_uring_prep_cancel(3). */
  prepCancel(sqe: number, object: object, flags: number): void {
    const index = this.objects.indexOf(object);
    // Nothing has all ones as user data, so an unknown object is not found.
    this.prepCancel64(
      sqe,
      index ?? 0xffff_ffff,
      index === undefined ? 0xffff_ffff : OBJECT_DATA,
      flags,
    );
  }

  /** Prepares canceling by descriptor: io_uring_prep_cancel_fd(3). Linux 5.19. */
  prepCancelFd(sqe: number, fd: number, flags: number): void {
    this.fill(IORING_OP_ASYNC_CANCEL, sqe, fd, 0, 0, 0, 0);
    this.sqes[sqe + 7] = flags | IORING_ASYNC_CANCEL_FD;
  }

  // Other rings

  /**
   * Prepares posting a completion to another ring: io_uring_prep_msg_ring(3). It has `len` as `res`
   * and `data` as user data. Give it a high word of 0xffffffff: the receiving ring then never takes
   * it for the end of a request of its own.
   */
  prepMsgRing(
    sqe: number,
    fd: number,
    len: number,
    data: { low: number; high?: number },
    flags: number,
  ): void {
    this.fill(IORING_OP_MSG_RING, sqe, fd, 0, 0, len, 0);
    this.sqes[sqe + 2] = data.low;
    this.sqes[sqe + 3] = data.high ?? 0;
    this.sqes[sqe + 7] = flags;
  }

  /** As `prepMsgRing`, with flags for the completion: io_uring_prep_msg_ring_cqe_flags(3). */
  prepMsgRingCqeFlags(
    sqe: number,
    fd: number,
    len: number,
    data: { low: number; high?: number },
    flags: number,
    cqeFlags: number,
  ): void {
    this.prepMsgRing(sqe, fd, len, data, flags | IORING_MSG_RING_FLAGS_PASS);
    this.sqes[sqe + 11] = cqeFlags;
  }

  /**
   * Prepares giving a registered file to another ring: io_uring_prep_msg_ring_fd(3).
   *
   * @param sourceFd Its place here.
   * @param targetFd Its place there.
   */
  prepMsgRingFd(
    sqe: number,
    fd: number,
    sourceFd: number,
    targetFd: number,
    data: { low: number; high?: number },
    flags: number,
  ): void {
    this.prepMsgRing(sqe, fd, 0, data, flags);
    this.sqes[sqe + 4] = IORING_MSG_SEND_FD;
    this.sqes[sqe + 12] = sourceFd;
    this.sqeSetFileIndex(sqe, targetFd);
  }

  /** As `prepMsgRingFd`, to a place that the kernel chooses. */
  prepMsgRingFdAlloc(
    sqe: number,
    fd: number,
    sourceFd: number,
    data: { low: number; high?: number },
    flags: number,
  ): void {
    this.prepMsgRingFd(sqe, fd, sourceFd, IORING_FILE_INDEX_ALLOC, data, flags);
  }

  // Commands of files

  /** Prepares a command that the file itself defines: io_uring_prep_uring_cmd(3). */
  prepUringCmd(sqe: number, cmdOp: number, fd: number): void {
    this.#fillCommand(IORING_OP_URING_CMD, sqe, cmdOp, fd);
  }

  /** As `prepUringCmd`, of 128 bytes in a mixed ring; `sqe` comes from `getSqe128`. Linux 6.19. */
  prepUringCmd128(sqe: number, cmdOp: number, fd: number): void {
    this.#fillCommand(IORING_OP_URING_CMD128, sqe, cmdOp, fd);
  }

  /** Prepares discarding a range of a block device: io_uring_prep_cmd_discard(3). Linux 6.12. */
  prepCmdDiscard(sqe: number, fd: number, offset: number, nbytes: number): void {
    this.#fillCommand(IORING_OP_URING_CMD, sqe, BLOCK_URING_CMD_DISCARD, fd);
    this.set64(sqe, 4, offset);
    this.set64(sqe, 12, nbytes);
  }

  // Processes and futexes

  /** Prepares waitid(2): io_uring_prep_waitid(3). `infop` has room for 128 bytes, or is null. */
  prepWaitid(
    sqe: number,
    idtype: number,
    id: number,
    infop: Pointer,
    options: number,
    flags: number,
  ): void {
    this.fill(IORING_OP_WAITID, sqe, id, 0, 0, idtype, 0);
    this.lend(sqe, 2, infop, SIGINFO_SIZE);
    this.sqes[sqe + 7] = flags;
    this.sqes[sqe + 11] = options;
  }

  /**
   * Prepares waiting until a futex is woken: io_uring_prep_futex_wait(3). -EAGAIN when it does not
   * have the value `val`. `futexFlags` is FUTEX2_*.
   */
  prepFutexWait(
    sqe: number,
    futex: Pointer,
    val: number,
    mask: number,
    futexFlags: number,
    flags: number,
  ): void {
    this.#fillFutex(IORING_OP_FUTEX_WAIT, sqe, futex, val, mask, futexFlags, flags);
  }

  /** Prepares waking up to `val` waiters: io_uring_prep_futex_wake(3). `res` is how many. */
  prepFutexWake(
    sqe: number,
    futex: Pointer,
    val: number,
    mask: number,
    futexFlags: number,
    flags: number,
  ): void {
    this.#fillFutex(IORING_OP_FUTEX_WAKE, sqe, futex, val, mask, futexFlags, flags);
  }

  /** Prepares waiting for any of several futexes: io_uring_prep_futex_waitv(3). `res` is which. */
  prepFutexWaitv(sqe: number, futexv: Pointer, nrFutex: number, flags: number): void {
    const bytes = nrFutex * FUTEX_WAITV_SIZE;
    this.fill(IORING_OP_FUTEX_WAITV, sqe, 0, futexv, bytes, nrFutex, 0);
    this.sqes[sqe + 7] = flags;
  }

  #setTarget(sqe: number, low: number, high: number): void {
    this.sqes[sqe + 4] = low;
    this.sqes[sqe + 5] = high;
  }

  #fillCommand(opcode: number, sqe: number, cmdOp: number, fd: number): void {
    this.fill(opcode, sqe, fd, 0, 0, 0, 0);
    this.sqes[sqe + 2] = cmdOp;
    // The second half of a large SQE belongs to the command.
    if (this.shift === 5) this.sqes.fill(0, sqe + 16, sqe + 32);
  }

  #fillFutex(
    opcode: number,
    sqe: number,
    futex: Pointer,
    val: number,
    mask: number,
    futexFlags: number,
    flags: number,
  ): void {
    this.fill(opcode, sqe, futexFlags, futex, 4, 0, val);
    this.sqes[sqe + 7] = flags;
    this.sqes[sqe + 12] = mask;
  }
}
