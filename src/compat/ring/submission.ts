import {
  GETEVENTS_ARG_SIZE,
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_EXT_ARG_REG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAIT,
  IORING_ENTER_SQ_WAKEUP,
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_FEAT_NO_IOWAIT,
  IORING_OP_NOP,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IORING_SQ_TASKRUN,
  IOSQE_CQE_SKIP_SUCCESS,
  REG_WAIT_SIZE,
} from "../../abi/io-uring.ts";
import { EINVAL, EOPNOTSUPP } from "../../abi/linux.ts";
import { CONTROL } from "./core.ts";
import { OBJECT_DATA } from "./in-flight.ts";
import { LendingRing, noSqe } from "./lending.ts";
import type { Pointer, Struct } from "./memory.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const GETEVENTS = IORING_ENTER_GETEVENTS;
const NEEDS_ENTER = IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN;
const OBJECT = OBJECT_DATA;
const NOP = IORING_OP_NOP;

/** The verbs that fill the submission queue and hand it over. */
export abstract class SubmissionVerbs extends LendingRing {
  /**
   * Reserves an SQE: io_uring_get_sqe(3). Returns the index of its first word in `sqes`, or -1 when
   * the queue is full. It is a NOP with user data 0 until a `prep…` verb says otherwise.
   */
  getSqe(): number {
    const sqe = this.sq.reserve();
    if (sqe >= 0) {
      const w = this.sqes;
      // What a NOP looks at; the rest is written with whatever it will be.
      w[sqe] = NOP;
      w[sqe + 7] = 0;
      this.pairs[(sqe >> 1) + 4] = 0;
      this.pairs[(sqe >> 1) + 5] = 0;
    }
    return sqe;
  }

  /**
   * Reserves an SQE of 128 bytes: io_uring_get_sqe128(3). Any SQE is on a ring with
   * IORING_SETUP_SQE128; with IORING_SETUP_SQE_MIXED it takes two places side by side, and may
   * leave one silent NOP behind at the end of the queue. Returns -1 when there is no room, or on a
   * ring of another kind.
   */
  getSqe128(): number {
    if ((this.flags & IORING_SETUP_SQE128) !== 0) return this.getSqe();
    if ((this.flags & IORING_SETUP_SQE_MIXED) === 0) return -1;
    const { sq } = this;
    const isLast = (sq.tail & (sq.entries - 1)) === sq.entries - 1;
    if (sq.space(isLast ? 3 : 2) < (isLast ? 3 : 2)) return -1;
    if (isLast) {
      const filler = this.getSqe();
      this.sqes.fill(0, filler, filler + 16);
      this.sqes[filler] = IORING_OP_NOP | (IOSQE_CQE_SKIP_SUCCESS << 8);
    }
    const sqe = this.getSqe();
    sq.reserve();
    this.sqes.fill(0, sqe + 16, sqe + 32);
    return sqe;
  }

  // What every SQE has

  /**
   * Sets the 64 bits that come back with the completion: io_uring_sqe_set_data64(3), as two u32.
   * A high word of 0xfffffffe is taken by `sqeSetData`, and one of 0xffffffff is for completions
   * that answer no SQE of this ring, such as messages.
   */
  sqeSetData64(sqe: number, low: number, high = 0): void {
    this.sqes[sqe + 8] = low;
    this.sqes[sqe + 9] = high;
  }

  /**
   * Has the completion bring an object back: io_uring_sqe_set_data(3). The ring keeps the object
   * until no request with it is in flight; `cqeGetData` finds it until then. Costs two look-ups in
   * a Map; a loop that counts nanoseconds uses `sqeSetData64`.
   */
  sqeSetData(sqe: number, object: object): void {
    this.sqes[sqe + 8] = this.objects.add(object);
    this.sqes[sqe + 9] = OBJECT;
  }

  /** Sets IOSQE_* of a prepared SQE: io_uring_sqe_set_flags(3). */
  sqeSetFlags(sqe: number, flags: number): void {
    this.sqes[sqe] = ((this.sqes[sqe] as number) & ~0xff00) | (flags << 8);
  }

  /** Sets the I/O priority, or the flags that some opcodes have in its place. */
  sqeSetIoprio(sqe: number, ioprio: number): void {
    this.sqes[sqe] = ((this.sqes[sqe] as number) & 0xffff) | (ioprio << 16);
  }

  /** Names the group to take a buffer from: io_uring_sqe_set_buf_group(3). */
  sqeSetBufGroup(sqe: number, bgid: number): void {
    this.setBufIndex(sqe, bgid);
  }

  /** Has the request run with registered credentials: `registerPersonality`. */
  sqeSetPersonality(sqe: number, personality: number): void {
    this.sqes[sqe + 10] = ((this.sqes[sqe + 10] as number) & 0xffff) | (personality << 16);
  }

  /** Names the place in the table of registered files that a new file takes, counted from 0. */
  sqeSetFileIndex(sqe: number, fileIndex: number): void {
    // IORING_FILE_INDEX_ALLOC is all ones, and stays as it is.
    this.sqes[sqe + 11] = fileIndex === 0xffff_ffff ? fileIndex : fileIndex + 1;
  }

  protected setBufIndex(sqe: number, index: number): void {
    this.sqes[sqe + 10] = ((this.sqes[sqe + 10] as number) & 0xffff_0000) | index;
  }

  /**
   * Writes a whole SQE but its user data, and but offset and address, which are to follow.
   *
   * V8 makes an object of an address or a large offset whenever it passes one to a function that it
   * did not compile into the caller. So this takes neither: it is the part of the hot verbs that
   * may stay a call.
   */
  protected begin(sqe: number, opcode: number, fd: number, len: number, bufIndex: number): void {
    if (sqe < 0) throw noSqe();
    const w = this.sqes;
    const { pairs } = this;
    const pair = sqe >> 1;
    w[sqe] = opcode;
    w[sqe + 1] = fd;
    w[sqe + 6] = len;
    w[sqe + 7] = 0;
    w[sqe + 10] = bufIndex;
    w[sqe + 11] = 0;
    pairs[pair + 6] = 0;
    pairs[pair + 7] = 0;
  }

  /**
   * Writes a whole SQE but its user data.
   *
   * @param bytes How many bytes the kernel may touch at `addr`.
   */
  protected fill(
    opcode: number,
    sqe: number,
    fd: number,
    addr: Pointer,
    bytes: number,
    len: number,
    offset: number,
  ): void {
    this.begin(sqe, opcode, fd, len, 0);
    this.set64(sqe, 2, offset);
    this.lend(sqe, 4, addr, bytes);
  }

  // Handing over

  /** Hands over what was prepared: io_uring_submit(3). Returns how many SQEs, or -errno. */
  submit(): number {
    return this.#submit(0, 0);
  }

  /**
   * Hands over, then waits for completions: io_uring_submit_and_wait(3). Blocks this thread.
   * Returns how many SQEs were handed over, or -errno.
   */
  submitAndWait(waitNr: number): number {
    return this.#submit(waitNr, GETEVENTS);
  }

  /** Hands over, and collects completions that the kernel holds back: IORING_ENTER_GETEVENTS. */
  submitAndGetEvents(): number {
    return this.#submit(0, GETEVENTS);
  }

  /**
   * As `submitAndWait`, for so long at most: io_uring_submit_and_wait_timeout(3). Linux 5.11.
   *
   * @param ts A `timespec`; null waits without a limit.
   * @param sigmask Signals that are blocked meanwhile: a `sigset`.
   * @returns How many SQEs were handed over; -ETIME when it had none to hand over and the time ran
   *   out; another -errno.
   */
  submitAndWaitTimeout(waitNr: number, ts: Struct | null, sigmask: Struct | null = null): number {
    return this.#submitWithArgument(waitNr, { ts, sigmask, minWaitUsec: 0 });
  }

  /**
   * As `submitAndWaitTimeout`; once `minWaitUsec` microseconds are over, one completion is enough:
   * io_uring_submit_and_wait_min_timeout(3). Linux 6.12, -EINVAL before.
   */
  submitAndWaitMinTimeout(
    waitNr: number,
    ts: Struct | null,
    minWaitUsec: number,
    sigmask: Struct | null = null,
  ): number {
    if ((this.features & IORING_FEAT_MIN_TIMEOUT) === 0) return -EINVAL;
    return this.#submitWithArgument(waitNr, { ts, sigmask, minWaitUsec });
  }

  /**
   * As `submitAndWaitTimeout`, with the `index`th wait argument of a registered region:
   * io_uring_submit_and_wait_reg(3), see `registerWaitReg`. Linux 6.13.
   */
  submitAndWaitReg(waitNr: number, index: number): number {
    const argument = { address: index * REG_WAIT_SIZE, size: REG_WAIT_SIZE };
    const toSubmit = this.flushSq();
    const flags = GETEVENTS | IORING_ENTER_EXT_ARG_REG | this.wakeupFlags();
    return this.#entered(this.enterRingArg(toSubmit, waitNr, flags, argument), toSubmit);
  }

  /** Makes every time limit of waiting a point in time of the ring's clock. Linux 6.12. */
  absTimer = false;

  protected waitWithArgument(
    toSubmit: number,
    waitNr: number,
    { ts, sigmask, minWaitUsec }: WaitArgument,
  ): number {
    if ((this.features & IORING_FEAT_EXT_ARG) === 0) return -EOPNOTSUPP;
    const w = this.control;
    const at = CONTROL.eventsArg;
    // struct io_uring_getevents_arg: sigmask, sigmask_sz, min_wait_usec, ts.
    const mask = sigmask?.address ?? 0;
    w[at] = mask;
    w[at + 1] = mask / 0x1_0000_0000;
    w[at + 2] = sigmask === null ? 0 : sigmask.byteLength;
    w[at + 3] = minWaitUsec;
    const limit = ts?.address ?? 0;
    w[at + 4] = limit;
    w[at + 5] = limit / 0x1_0000_0000;
    const argument = { address: this.controlAddress + at * 4, size: GETEVENTS_ARG_SIZE };
    const timer = this.absTimer ? IORING_ENTER_ABS_TIMER : 0;
    return this.enterRingArg(toSubmit, waitNr, GETEVENTS | timer | this.wakeupFlags(), argument);
  }

  #submitWithArgument(waitNr: number, argument: WaitArgument): number {
    const toSubmit = this.flushSq();
    return this.#entered(this.waitWithArgument(toSubmit, waitNr, argument), toSubmit);
  }

  #submit(waitNr: number, getEvents: number): number {
    const toSubmit = this.flushSq();
    let flags = getEvents | this.wakeupFlags();
    if (this.cqNeedsEnter()) flags |= GETEVENTS;
    if (flags === 0 && (toSubmit === 0 || this.isSqPoll)) return toSubmit;
    return this.#entered(this.enterRing(toSubmit, waitNr, flags), toSubmit);
  }

  #entered(result: number, toSubmit: number): number {
    if ((this.flags & IORING_SETUP_SQ_REWIND) !== 0 && toSubmit > 0) {
      this.sq.rewind();
      this.rewindAccount();
    }
    return result;
  }

  /** Publishes what was reserved. Returns how many SQEs the kernel has yet to take. */
  protected flushSq(): number {
    this.checkOpen();
    this.account();
    return this.sq.publish();
  }

  /** With SQPOLL, the flag that wakes the kernel's thread, where it sleeps. */
  protected wakeupFlags(): number {
    if (!this.isSqPoll) return 0;
    return (this.sq.flags() & IORING_SQ_NEED_WAKEUP) !== 0 ? IORING_ENTER_SQ_WAKEUP : 0;
  }

  /** Whether completions may be waiting for an enter: overflowed, deferred, or polled for. */
  protected cqNeedsEnter(): boolean {
    return (this.flags & IORING_SETUP_IOPOLL) !== 0 || (this.sq.flags() & NEEDS_ENTER) !== 0;
  }

  /** Whether a thread of the kernel submits. */
  protected get isSqPoll(): boolean {
    return (this.flags & IORING_SETUP_SQPOLL) !== 0;
  }

  // How the queue stands

  /** How many SQEs the kernel has not taken yet: io_uring_sq_ready(3). */
  sqReady(): number {
    return this.sq.entries - this.sqSpaceLeft();
  }

  /** How many more `getSqe` would answer: io_uring_sq_space_left(3). */
  sqSpaceLeft(): number {
    return this.sq.space(this.sq.entries);
  }

  /** What the kernel says of the queue: IORING_SQ_NEED_WAKEUP, _CQ_OVERFLOW, _TASKRUN. */
  sqFlags(): number {
    return this.sq.flags();
  }

  /** How many SQEs there are. */
  get sqEntries(): number {
    return this.sq.entries;
  }

  /** With SQPOLL, waits until there is room: io_uring_sqring_wait(3). Returns 0 or more, or -errno. */
  sqringWait(): number {
    if (!this.isSqPoll || this.sqSpaceLeft() > 0) return 0;
    return this.enterRing(0, 0, IORING_ENTER_SQ_WAIT);
  }

  /**
   * Whether waiting counts as I/O wait in the statistics of the system: io_uring_set_iowait(3). It
   * does unless it is turned off. Returns 0, or -EOPNOTSUPP before Linux 6.15.
   */
  setIowait(isCounted: boolean): number {
    if ((this.features & IORING_FEAT_NO_IOWAIT) === 0) return -EOPNOTSUPP;
    this.setWaitFlag(!isCounted);
    return 0;
  }
}

/** What waiting may be given. */
export interface WaitArgument {
  readonly ts: Struct | null;
  readonly sigmask: Struct | null;
  readonly minWaitUsec: number;
}
