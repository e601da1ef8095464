import {
  CQE_FLAGS,
  CQE_RES,
  IORING_CQ_EVENTFD_DISABLED,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_32,
  IORING_CQE_F_MORE,
  IORING_CQE_F_SKIP,
  IORING_ENTER_GETEVENTS,
  IORING_SQ_CQ_OVERFLOW,
} from "../../abi/io-uring.ts";
import { EAGAIN, ETIME, TIMESPEC_TV_NSEC, TIMESPEC_TV_SEC } from "../../abi/linux.ts";
import { GUARD_CQ_HEAD, GUARD_FINALS } from "../../native/addon.ts";
import { OBJECT_DATA } from "./in-flight.ts";
import type { Struct } from "./memory.ts";
import { SubmissionVerbs, type WaitArgument } from "./submission.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const RES = CQE_RES / 4;
const FLAGS = CQE_FLAGS / 4;
const NOT_LAST = IORING_CQE_F_MORE | IORING_CQE_F_SKIP;
const HEAD_WORD = GUARD_CQ_HEAD;
const FINALS_WORD = GUARD_FINALS;
const LARGE = IORING_CQE_F_32;

/**
 * The verbs that find completions. A cqe is the index of its first word in `cqes`; it is good until
 * `cqeSeen` or `cqAdvance` gives it back.
 */
export abstract class CompletionVerbs extends SubmissionVerbs {
  #eventfdEnabled = true;

  // Finding completions

  /**
   * The first completion that is there: io_uring_peek_cqe(3). Never waits; enters the kernel only
   * for completions that it holds back. Returns a cqe, or -EAGAIN.
   */
  peekCqe(): number {
    for (;;) {
      if (this.cq.available() === 0 && this.#look() === 0) return -EAGAIN;
      if (this.hasLoans === true) this.giveLoansBack();
      const cqe = this.cq.at(0);
      if (!this.isMixed || !this.#isFiller(cqe)) return cqe;
      this.cqAdvance(1);
    }
  }

  /**
   * Puts up to `count` cqes that are there into an array: io_uring_peek_batch_cqe(3). Returns how
   * many. Allocates nothing for an array that is long enough.
   */
  peekBatchCqe(cqes: number[] | Uint32Array | Int32Array, count: number): number {
    const { cq } = this;
    let places = cq.available();
    if (places === 0) places = this.#look();
    if (this.hasLoans === true) this.giveLoansBack();
    let found = 0;
    for (let i = 0; i < places && found < count; ) {
      const cqe = cq.at(i);
      if (!this.#isFiller(cqe)) cqes[found++] = cqe;
      i += this.cqeNr(cqe);
    }
    return found;
  }

  /** Waits for a completion: io_uring_wait_cqe(3). Blocks this thread. Returns a cqe, or -errno. */
  waitCqe(): number {
    return this.waitCqeNr(1);
  }

  /** Waits until `waitNr` completions are there. Returns the first, or -errno. */
  waitCqeNr(waitNr: number): number {
    while (this.cq.available() < waitNr) {
      this.checkOpen();
      const flags = IORING_ENTER_GETEVENTS | this.wakeupFlags();
      const result = this.enterRing(0, waitNr, flags);
      if (result < 0) return result;
    }
    return this.peekCqe();
  }

  /**
   * Waits for a completion, for so long at most: io_uring_wait_cqe_timeout(3). Returns a cqe,
   * -ETIME or another -errno; -EOPNOTSUPP before Linux 5.11.
   */
  waitCqeTimeout(ts: Struct | null): number {
    return this.waitCqes(1, ts);
  }

  /**
   * Waits until `waitNr` completions are there, for so long at most: io_uring_wait_cqes(3). Returns
   * the first, even when the time ran out before the others came; -ETIME when none came; another
   * -errno.
   */
  waitCqes(waitNr: number, ts: Struct | null, sigmask: Struct | null = null): number {
    return this.#waitFor(waitNr, { ts, sigmask, minWaitUsec: 0 });
  }

  /**
   * As `waitCqes`; once `minWaitUsec` microseconds are over, one completion is enough:
   * io_uring_wait_cqes_min_timeout(3). Linux 6.12.
   */
  waitCqesMinTimeout(
    waitNr: number,
    ts: Struct | null,
    minWaitUsec: number,
    sigmask: Struct | null = null,
  ): number {
    return this.#waitFor(waitNr, { ts, sigmask, minWaitUsec });
  }

  #waitFor(waitNr: number, argument: WaitArgument): number {
    if (argument.ts === null && argument.minWaitUsec === 0 && argument.sigmask === null) {
      return this.waitCqeNr(waitNr);
    }
    if (this.cq.available() >= waitNr) return this.peekCqe();
    this.checkOpen();
    const start = performance.now();
    for (;;) {
      const result = this.waitWithArgument(0, waitNr, argument);
      if (result < 0) return result;
      const cqe = this.peekCqe();
      if (cqe !== -EAGAIN) return cqe;
      // A ring that polls for completions comes back without any now and then, and looks at no
      // clock.
      if (argument.ts !== null && this.#isOver(argument.ts, start)) return -ETIME;
    }
  }

  #isOver(ts: Struct, start: number): boolean {
    const limitMs = ts.u64(TIMESPEC_TV_SEC) * 1000 + ts.u64(TIMESPEC_TV_NSEC) / 1e6;
    return this.absTimer || performance.now() - start > limitMs;
  }

  /**
   * Calls back with every cqe that is there: io_uring_for_each_cqe(3). Gives none of them back:
   * returns what `cqAdvance` is to be called with. Does not enter the kernel.
   */
  forEachCqe(visit: (cqe: number) => void): number {
    const { cq } = this;
    const places = cq.available();
    if (this.hasLoans === true) this.giveLoansBack();
    if (!this.isMixed) {
      // What `at` would look up again for each of them.
      const { first, mask, shift } = cq;
      const head = cq.head | 0;
      for (let i = 0; i < places; i++) visit(first + (((head + i) & mask) << shift));
      return places;
    }
    for (let i = 0; i < places; ) {
      const cqe = cq.at(i);
      if (!this.#isFiller(cqe)) visit(cqe);
      i += this.cqeNr(cqe);
    }
    return places;
  }

  /** The `i`th of the completions that `cqReady` counted; not for mixed rings. */
  cqeAt(i: number): number {
    return this.cq.at(i);
  }

  // Giving back

  /** Gives one completion back: io_uring_cqe_seen(3). Afterwards the kernel may overwrite it. */
  cqeSeen(cqe: number): void {
    this.cqAdvance(this.cqeNr(cqe));
  }

  /**
   * Gives the first `count` completions back: io_uring_cq_advance(3). What their requests were lent
   * is the program's again, unless more completions will follow.
   */
  cqAdvance(count: number): void {
    const { cq, cqes, inFlight, control, isMixed } = this;
    const first = cq.first | 0;
    const mask = cq.mask | 0;
    const shift = cq.shift | 0;
    const head = cq.head | 0;
    let finals = isMixed === true ? 0 : inFlight.finishPlain(cqes, cq, head, count);
    for (let i = finals; i < count; ) {
      const at = (first + (((head + i) & mask) << shift)) | 0;
      const flags = cqes[at + FLAGS] as number;
      if (
        (flags & NOT_LAST) === 0 &&
        inFlight.finish(cqes[at] as number, cqes[at + 1] as number) === true
      ) {
        finals++;
      }
      i += isMixed === true && (flags & LARGE) !== 0 ? 2 : 1;
    }
    // The guard must know what we have seen before the kernel may overwrite it.
    control[FINALS_WORD] = (control[FINALS_WORD] as number) + finals;
    control[HEAD_WORD] = head + count;
    cq.advance(count);
    if (inFlight.total === 0 && this.retired.length > 0) this.retired.length = 0;
  }

  // What a completion says

  /** `res`: a result, or -errno. */
  cqeRes(cqe: number): number {
    return this.cqes[cqe + RES] as number;
  }

  /** `flags`: IORING_CQE_F_*, and a buffer id in the upper 16 bits. */
  cqeFlags(cqe: number): number {
    return (this.cqes[cqe + FLAGS] as number) >>> 0;
  }

  /** The low word of the user data, unsigned. */
  cqeGetDataLow(cqe: number): number {
    return (this.cqes[cqe] as number) >>> 0;
  }

  /** The high word of the user data, unsigned. */
  cqeGetDataHigh(cqe: number): number {
    return (this.cqes[cqe + 1] as number) >>> 0;
  }

  /** All 64 bits of the user data: io_uring_cqe_get_data64(3). Allocates; loops use the halves. */
  cqeGetData64(cqe: number): bigint {
    return (BigInt(this.cqeGetDataHigh(cqe)) << 32n) | BigInt(this.cqeGetDataLow(cqe));
  }

  /** The object of `sqeSetData`: io_uring_cqe_get_data(3). Undefined where there is none. */
  cqeGetData(cqe: number): object | undefined {
    if (this.cqes[cqe + 1] !== (OBJECT_DATA | 0)) return undefined;
    return this.objects.at(this.cqes[cqe] as number);
  }

  /** The id of the provided buffer that was used; of no meaning without IORING_CQE_F_BUFFER. */
  cqeBufferId(cqe: number): number {
    return (this.cqes[cqe + FLAGS] as number) >>> IORING_CQE_BUFFER_SHIFT;
  }

  /** The first (0) or second (1) extra u64 of a 32-byte CQE, exact up to 2^53. */
  cqeBig(cqe: number, which: 0 | 1): number {
    const at = cqe + 4 + which * 2;
    const high = (this.cqes[at + 1] as number) >>> 0;
    return ((this.cqes[at] as number) >>> 0) + high * 0x1_0000_0000;
  }

  /** How many places a completion takes: io_uring_cqe_nr(3). 2 for a large one of a mixed ring. */
  cqeNr(cqe: number): number {
    return this.isMixed && ((this.cqes[cqe + FLAGS] as number) & IORING_CQE_F_32) !== 0 ? 2 : 1;
  }

  // How the queue stands

  /** How many completions are there: io_uring_cq_ready(3). */
  cqReady(): number {
    const count = this.cq.available();
    if (this.hasLoans === true) this.giveLoansBack();
    return count;
  }

  /** How many completions there is room for. */
  get cqEntries(): number {
    return this.cq.entries;
  }

  /** Whether the kernel holds completions back: io_uring_cq_has_overflow(3). */
  cqHasOverflow(): boolean {
    return (this.sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0;
  }

  /** How many completions were lost for good; 0 while the kernel has the memory to hold them. */
  cqOverflow(): number {
    return this.cq.overflow();
  }

  /** Collects completions that the kernel holds back: io_uring_get_events(3). 0, or -errno. */
  getEvents(): number {
    this.checkOpen();
    return this.enterRing(0, 0, IORING_ENTER_GETEVENTS);
  }

  /** Whether the registered eventfd is signaled: io_uring_cq_eventfd_enabled(3). */
  cqEventfdEnabled(): boolean {
    return this.#eventfdEnabled;
  }

  /** Turns the signals of the registered eventfd on or off: io_uring_cq_eventfd_toggle(3). */
  cqEventfdToggle(enabled: boolean): number {
    this.#eventfdEnabled = enabled;
    this.cq.setFlags(enabled ? 0 : IORING_CQ_EVENTFD_DISABLED);
    return 0;
  }

  /** The queue looked empty: fetches what the kernel holds back. */
  #look(): number {
    if (!this.isOpen || !this.cqNeedsEnter()) return 0;
    this.getEvents();
    return this.cq.available();
  }

  /** Whether a cqe only fills the end of a mixed queue. */
  #isFiller(cqe: number): boolean {
    return ((this.cqes[cqe + FLAGS] as number) & IORING_CQE_F_SKIP) !== 0;
  }
}
