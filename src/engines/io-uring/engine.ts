import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_CQE_F_MORE,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAKEUP,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_LINK_TIMEOUT,
  IORING_REGISTER_EVENTFD,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IORING_SQ_TASKRUN,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_FILES,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from "../../abi/io-uring.ts";
import { EAGAIN, EALREADY, ECANCELED, ENOENT } from "../../abi/linux.ts";
import { systemError } from "../../base/errors.ts";
import { RESERVED_SQES, RETRY_MS, SQPOLL_SPINS } from "../../base/limits.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineCapabilities,
  type EngineOptions,
  Link,
  OperationKind,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import { GUARD_CQ_HEAD, GUARD_FINALS, type NativeAddon, type Wakeup } from "../../native/addon.ts";

import { type CompletionQueue, Cqe, type SubmissionQueue } from "../../ring/index.ts";
import { CachedStat } from "./cached-stat.ts";
import { capabilitiesOf, hasWideAdvice, probeOpcodes } from "./capabilities.ts";
import { cutChain } from "./cut-chain.ts";
import { describeFlags } from "./describe.ts";
import { cancelAll, Failure, Patience, withdraw } from "./failure.ts";
import { LeftWork } from "./left-work.ts";
import { registerBuffers, registerFiles, registerRing, unregisterRing } from "./registered.ts";
import { write64, writeSqe, writeSqeHead, writeTimespec } from "./requests.ts";
import { Scratch } from "./scratch.ts";
import { openLargestRing, type Ring, sizeNote } from "./setup.ts";
import { limitWorkers } from "./workers.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const { Busy: BUSY, Queued: QUEUED } = QueueStatus;
const STATX = OperationKind.Statx;
const FIXED_FILE = IOSQE_FIXED_FILE;
const ASYNC = IOSQE_ASYNC;
const MORE = IORING_CQE_F_MORE;
const USER_DATA_LOW = Cqe.userDataLow;
const USER_DATA_HIGH = Cqe.userDataHigh;
const RESULT = Cqe.result;
const FLAGS = Cqe.flags;

/** The bit of `user_data`'s high word that marks requests of our own: no slot waits for them. */
const INTERNAL = 0x8000_0000;
/** The rest of that word: the generation of the request that is meant. All ones is not ours. */
const GENERATION = 0x3fff_ffff;
/** What a cancellation, or a deadline, answers that found nothing, or could only send a signal. */
const MISSED = -ENOENT;
const RUNNING = -EALREADY;

/** Rings that may still have requests, which nothing can end: their memory stays. */
const LOST: unknown[] = [];

/** The words of the control page after those that the teardown guard reads. */
const CONTROL = { eventsArg: 16, time: 24, ringFd: 28, words: 1024 } as const;

/**
 * io_uring(7), driven from TypeScript over mapped memory.
 *
 * `queue` writes an SQE in place, `commit` hands a whole batch over with one io_uring_enter(2),
 * `reap` reads CQEs in place. `user_data` is the slot's index (low) and generation (high).
 */
export class IoUringEngine implements Engine {
  readonly name = "io_uring";
  readonly capabilities: EngineCapabilities;
  readonly depth: number;
  readonly longestChain: number;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  readonly #addon: NativeAddon;
  readonly #ring: Ring;
  readonly #sq: SubmissionQueue;
  readonly #cq: CompletionQueue;
  readonly #scratch: Scratch;
  readonly #cachedStat: CachedStat;
  readonly #control: Uint32Array;
  readonly #controlAddress: number;
  /** For the registration of the ring itself. */
  readonly #ringWords: Uint32Array;
  readonly #ringAddress: number;
  readonly #reserve: number;
  readonly #sqPoll: boolean;
  /** Completions wait for us to enter the kernel (DEFER_TASKRUN). */
  readonly #deferred: boolean;
  readonly #eventFd: number;
  readonly #wakeup: Wakeup;
  /** What io_uring_enter is called with: the descriptor, or its registered index. */
  readonly #enterFd: number;
  readonly #enterFlags: number;
  /** SQEs the kernel took whose last CQE we have not seen, our own included. */
  #inFlight = 0;
  /** SQEs written since the last commit. */
  #staged = 0;
  /** SQEs that were published and not taken; whether the kernel was asked not to signal. */
  #untaken = 0;
  #awake = false;
  /** Slot and generation of what is to be canceled as soon as there is an SQE for it. */
  readonly #cancels: number[] = [];
  /** Slot, generation and result of what completes without the kernel, three by three. */
  readonly #finished: number[] = [];
  #referenced = false;
  readonly #left: LeftWork;
  /** How many SQEs there were when we last went to sleep. */
  #seenTail = 0;
  readonly #failed: EngineOptions["failed"];
  readonly #wake: () => void;
  readonly #patience: Patience;
  /** io_uring_enter has failed for good. */
  #failure: Failure | undefined;
  /** Looks, while there is a failure, for what the kernel gives up. */
  #watch: NodeJS.Timeout | undefined;
  /** What it still had was given up. */
  #isLost = false;
  #isClosed = false;
  #buffersRegistered = false;
  #filesRegistered = false;

  /** @param defer Whether completions may wait until we enter the kernel: see `mayDefer`. */
  constructor(addon: NativeAddon, options: EngineOptions, defer = true, patience = new Patience()) {
    this.#addon = addon;
    this.#failed = options.failed;
    this.#wake = options.wake;
    this.#patience = patience;
    const ring = openLargestRing(addon, { ...options, defer });
    this.#ring = ring;
    this.#sq = ring.sq;
    this.#cq = ring.cq;
    this.#sqPoll = (ring.flags & IORING_SETUP_SQPOLL) !== 0;
    this.#deferred = (ring.flags & IORING_SETUP_DEFER_TASKRUN) !== 0;
    this.depth = options.depth;
    this.#reserve = Math.min(RESERVED_SQES, ring.sq.entries >> 2);
    // Every member of a chain may carry a deadline, which is an SQE of its own.
    this.longestChain = (ring.sq.entries - this.#reserve) >> 1;

    this.#control = new Uint32Array(this.#allocate(CONTROL.words * 4));
    this.#controlAddress = addon.addressOf(this.#control);
    this.#scratch = new Scratch(addon, this.#allocate(Scratch.size(options.depth)));
    this.#cachedStat = new CachedStat(addon, this.#scratch);
    this.#ringWords = this.#control.subarray(CONTROL.ringFd);
    this.#ringAddress = this.#controlAddress + CONTROL.ringFd * 4;
    const registered = registerRing(addon, ring.fd, this.#ringWords, this.#ringAddress);
    this.#enterFd = registered === -1 ? ring.fd : registered;
    this.#enterFlags = registered === -1 ? 0 : IORING_ENTER_REGISTERED_RING;

    this.#eventFd = this.#check(addon.eventfd(), "eventfd");
    this.#control[CONTROL.eventsArg] = this.#eventFd;
    const eventFdAddress = this.#controlAddress + CONTROL.eventsArg * 4;
    this.#check(
      addon.uringRegister(ring.fd, IORING_REGISTER_EVENTFD, eventFdAddress, 1),
      "io_uring_register",
    );
    this.#control[CONTROL.eventsArg] = 0;
    this.#left = new LeftWork({
      isLeft: () => (this.#sq.flags() & IORING_SQ_TASKRUN) !== 0,
      look: () => this.#look() > 0,
      again: options.wake,
    });
    const wake = () => {
      this.#left.renew(this.#inFlight);
      options.wake();
    };
    const wakeup = addon.wakeupOpen(this.#eventFd, wake, needsWakeupThread());
    this.#wakeup = typeof wakeup === "number" ? this.#fail(wakeup, "uv_poll_init") : wakeup;
    this.awake();
    const { params, ringMemory } = ring;
    const control = this.#control.buffer as ArrayBuffer;
    this.#check(addon.ringGuard(ring.fd, params, ringMemory, control), "io_uring_setup");
    addon.ringCloseWith(ring.fd, this.#eventFd);
    const workers = this.#limitWorkers(options.ioWorkers);
    const opcodes = probeOpcodes(addon, ring.fd);
    this.capabilities = capabilitiesOf(ring, opcodes);
    this.#scratch.wideAdvice = hasWideAdvice(opcodes);
    this.details = {
      entries: ring.sq.entries,
      completionEntries: ring.cq.entries,
      setupFlags: describeFlags(ring.flags),
      ...sizeNote(ring, options),
      registeredRing: registered !== -1,
      retries: patience.text,
      wakeup: addon.wakeupKind(this.#wakeup),
      ...workers,
    };
  }

  queue(request: Request, index: number, generation: number): QueueStatus {
    const sq = this.#sq;
    if (request.chain === 1 && request.deadlineMs === 0 && request.drain === false) {
      // The common case, for which nothing needs to be worked out.
      if (request.kind === STATX && this.#statAtOnce(request, index, generation)) return QUEUED;
      const wanted = 1 + this.#reserve;
      if (sq.space(wanted) < wanted) return this.#full(index, generation);
      let flags = request.fixedFile === true ? FIXED_FILE : 0;
      if (request.offLoop === true) flags |= ASYNC;
      this.#staged++;
      writeSqe(sq.sqes, sq.reserveKnown(), request, flags, index, generation, this.#scratch);
      return QUEUED;
    }
    return this.#queueTied(request, index, generation);
  }

  /** Reads a status that is asked for alone, if that is possible without waiting. */
  #statAtOnce(request: Request, index: number, generation: number): boolean {
    if (this.#sqPoll || this.#staged > 0 || this.#finished.length > 0) return false;
    if (!this.#cachedStat.fill(request, index)) return false;
    this.#finished.push(index, generation, 0);
    return true;
  }

  /** Queues a request that is tied to others: in a chain, with a deadline, behind a drain. */
  #queueTied(request: Request, index: number, generation: number): QueueStatus {
    if (this.#failure !== undefined) return this.#full(index, generation);
    const sq = this.#sq;
    const deadline = request.deadlineMs > 0;
    // Inside a chain (0) the room was found when its first request was staged.
    const wanted = (request.chain > 1 ? request.chain * 2 : deadline ? 2 : 1) + this.#reserve;
    if (request.chain > 0 && sq.space(wanted) < wanted) return BUSY;
    let link = 0;
    if (request.link !== Link.None) {
      link = request.link === Link.Link ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK;
    }
    let flags = link;
    if (request.drain) flags |= IOSQE_IO_DRAIN;
    if (request.fixedFile) flags |= FIXED_FILE;
    if (request.offLoop) flags |= ASYNC;
    if (deadline) flags |= IOSQE_IO_LINK;
    // What follows a request that a worker did, a write to ext4 say, that worker may do as well: it
    // blocks there, and its limit is never set. Seen on Linux 6.1, and without DEFER_TASKRUN up to
    // 7.3. What was sent to a worker is polled for.
    if (deadline && request.chain === 0) flags |= ASYNC;
    this.#staged++;
    writeSqe(sq.sqes, sq.reserveKnown(), request, flags, index, generation, this.#scratch);
    if (deadline) this.#writeLinkTimeout(index, generation, request.deadlineMs, link);
    return QUEUED;
  }

  /** No room; in a ring that failed there may never be any, and nothing needs it. */
  #full(index: number, generation: number): QueueStatus {
    if (this.#failure === undefined) return BUSY;
    this.#finished.push(index, generation, this.#failure.result);
    return QUEUED;
  }

  commit(): number {
    const taken = this.#handOver();
    return this.#cancels.length === 0 || taken < 0 ? taken : this.#commitCancels();
  }

  #handOver(): number {
    if (this.#failure !== undefined) return this.#refuseStaged(this.#failure);
    if (this.#staged === 0 && this.#untaken === 0 && !this.#sqPoll) return 0;
    const toSubmit = this.#sq.publish();
    if (this.#sqPoll) return this.#commitSqPoll(toSubmit);
    this.#staged = 0;
    let left = toSubmit;
    while (left > 0) {
      // Work that completed in the kernel meanwhile is collected by the same call.
      const flags = this.#deferred && this.#inFlight > 0 ? IORING_ENTER_GETEVENTS : 0;
      const taken = this.#enter(left, 0, flags);
      if (taken <= 0) {
        if (this.#failure !== undefined) return 0;
        this.#untaken = left;
        return taken === 0 ? -EAGAIN : taken;
      }
      this.#inFlight += taken;
      left -= taken;
      if (left > 0) this.#cutChain(left);
    }
    this.#untaken = 0;
    return toSubmit;
  }

  /** The kernel took fewer than it was offered, maybe in the middle of a chain. */
  #cutChain(left: number): void {
    const cut = cutChain(this.#sq, left, INTERNAL);
    if (cut === undefined) return;
    this.#finished.push(...cut.canceled);
    this.#cancels.push(...cut.unlimited);
  }

  reap(sink: CompletionSink, max: number): number {
    if (this.#finished.length > 0) return this.#reapFinished(sink);
    // What comes now is of requests that were given up.
    if (this.#isLost) return 0;
    const cq = this.#cq;
    let count = cq.available();
    if (count === 0) {
      if (this.#inFlight === 0) {
        clearInterval(this.#watch);
        return 0;
      }
      count = this.#look();
      if (count === 0) return this.#failure === undefined ? 0 : this.#loseRest(sink);
    }
    if (count > max) count = max;
    const words = cq.signedWords;
    let finals = count;
    for (let i = 0; i < count; i++) {
      const at = cq.at(i);
      const high = words[at + USER_DATA_HIGH] as number;
      const more = ((words[at + FLAGS] as number) & MORE) !== 0;
      if (more) finals--;
      const low = words[at + USER_DATA_LOW] as number;
      const result = words[at + RESULT] as number;
      // The mark of our own requests is the sign.
      if (high >= 0) {
        if (!more && this.#scratch.hasLarge) this.#scratch.release(low);
        if (result === -ECANCELED && this.#failure !== undefined) {
          this.#fallOut(sink, this.#failure, low, high);
        } else sink.complete(low, high, result, more);
      } else if (result === MISSED || result === RUNNING) {
        sink.missed?.(low, high & GENERATION);
      }
    }
    this.#inFlight -= finals;
    // The guard must know what we have seen before the kernel may overwrite it.
    const control = this.#control;
    control[GUARD_FINALS] = (control[GUARD_FINALS] as number) + finals;
    control[GUARD_CQ_HEAD] = cq.head + count;
    cq.advance(count);
    return count;
  }

  #reapFinished(sink: CompletionSink): number {
    const finished = this.#finished.splice(0);
    for (let i = 0; i < finished.length; i += 3) {
      const index = finished[i] as number;
      this.#scratch.release(index);
      const [generation, result] = [finished[i + 1] as number, finished[i + 2] as number];
      if (result === this.#failure?.result) this.#fallOut(sink, this.#failure, index, generation);
      else sink.complete(index, generation, result, false);
    }
    return finished.length / 3;
  }

  cancel(index: number, generation: number): boolean {
    // Everything is given up already.
    if (this.#failure !== undefined) return true;
    if (this.#sq.space(1) === 0) this.commit();
    // A cancellation that is dropped because the queue is full is a hang (HAZARDS C3).
    if (!this.#writeCancel(index, generation)) this.#cancels.push(index, generation);
    return true;
  }

  awake(): void {
    if (!this.#awake) this.#cq.setFlags(IORING_CQ_EVENTFD_DISABLED);
    this.#awake = true;
  }

  idle(): boolean {
    if (this.#finished.length > 0) return true;
    if (this.#failure !== undefined) return !this.#isLost && this.#cq.available() > 0;
    this.#awake = false;
    // What comes after this look wakes us.
    if (this.#cq.setFlagsThenLook(0) || this.#look() > 0) return true;
    return this.#deferred && this.#lookOn();
  }

  /** Without DEFER_TASKRUN the kernel does by itself what it says is left. */
  #lookOn(): boolean {
    const { tail } = this.#sq;
    if (tail !== this.#seenTail) this.#left.add((tail - this.#seenTail) | 0);
    this.#seenTail = tail;
    return this.#left.lookOn();
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.#referenced || this.#isClosed) return;
    this.#referenced = referenced;
    this.#left.referenced = referenced;
    if (referenced) this.#addon.wakeupRef(this.#wakeup);
    else this.#addon.wakeupUnref(this.#wakeup);
  }

  wait(minimum: number, timeoutMs: number): void {
    if (this.#finished.length > 0 || this.#cq.available() >= minimum) return;
    // The caller comes again until the time of a failed ring is over: a second at most.
    if (this.#failure !== undefined) {
      this.#cq.pause(Math.min(timeoutMs, RETRY_MS));
      return;
    }
    if (timeoutMs === Number.POSITIVE_INFINITY) {
      this.#enter(0, minimum, IORING_ENTER_GETEVENTS);
      return;
    }
    const words = this.#control;
    writeTimespec(words, CONTROL.time, timeoutMs);
    // struct io_uring_getevents_arg: sigmask, sigmask_sz, min_wait_usec, ts.
    words.fill(0, CONTROL.eventsArg, CONTROL.eventsArg + 4);
    write64(words, CONTROL.eventsArg + 4, this.#controlAddress + CONTROL.time * 4);
    const result = this.#addon.uringEnterArg(
      this.#enterFd,
      0,
      minimum,
      IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | this.#enterFlags,
      this.#controlAddress + CONTROL.eventsArg * 4,
      24,
    );
    if (result < 0) this.#refusedBy(result);
  }

  registerBuffers(regions: readonly { address: number; length: number }[]): number {
    if (this.#failure !== undefined) return this.#failure.result;
    const { fd } = this.#ring;
    if (this.#buffersRegistered) this.#addon.uringRegister(fd, IORING_UNREGISTER_BUFFERS, 0, 0);
    const result = registerBuffers(this.#addon, fd, regions);
    this.#buffersRegistered = result >= 0;
    return result;
  }

  registerFiles(descriptors: readonly number[]): number {
    if (this.#failure !== undefined) return this.#failure.result;
    const { fd } = this.#ring;
    if (this.#filesRegistered) this.#addon.uringRegister(fd, IORING_UNREGISTER_FILES, 0, 0);
    const result = registerFiles(this.#addon, fd, descriptors);
    this.#filesRegistered = result >= 0;
    return result;
  }

  close(): void {
    const addon = this.#addon;
    this.#isClosed = true;
    this.#left.stop();
    clearInterval(this.#watch);
    // The end of the environment has to know of what the kernel still has.
    if (!this.#isLost) addon.ringUnguard(this.#ring.fd);
    addon.wakeupClose(this.#wakeup);
    if (this.#isLost) return;
    addon.closeFd(this.#eventFd);
    if (this.#enterFlags !== 0) {
      unregisterRing(addon, this.#ring.fd, this.#enterFd, this.#ringWords, this.#ringAddress);
    }
    this.#ring.close();
  }

  /** The kernel refused io_uring_enter: for the moment, or for good. */
  #refusedBy(result: number): void {
    if (this.#failure !== undefined || !this.#patience.endsWith(result)) return;
    const failure = new Failure(result);
    this.#failure = failure;
    this.#cancels.length = 0;
    this.#refuseStaged(failure);
    // What the kernel has taken may still complete: where it does so without io_uring_enter, its
    // results are read for a while.
    const words = this.#control.subarray(CONTROL.eventsArg, CONTROL.eventsArg + 16);
    cancelAll(this.#addon, this.#ring.fd, words, this.#controlAddress + CONTROL.eventsArg * 4);
    this.#left.stop();
    this.#watch = setInterval(this.#wake, RETRY_MS);
    this.#failed?.(failure.error);
  }

  /** What was staged the kernel never took: it completes with the failure. */
  #refuseStaged({ result }: Failure): number {
    const taken = withdraw(this.#sq, INTERNAL, this.#sqPoll);
    this.#staged = 0;
    for (let i = 0; i < taken.length; i += 2) {
      this.#finished.push(taken[i] as number, taken[i + 1] as number, result);
    }
    return taken.length / 2;
  }

  #fallOut(sink: CompletionSink, failure: Failure, index: number, generation: number): void {
    sink.failed?.(index, generation, failure.error);
    sink.complete(index, generation, failure.result, false);
  }

  /** Nothing came back from a ring that failed; once its time is over, nothing will. */
  #loseRest(sink: CompletionSink): number {
    const failure = this.#failure as Failure;
    if (!failure.isOver) return 0;
    const lost = this.#inFlight;
    LOST.push(this, this.#scratch.keep());
    this.#inFlight = 0;
    this.#isLost = true;
    sink.lost?.(failure.result, failure.lost);
    return lost;
  }

  /** Cancellations that found no room, as the room comes. */
  #commitCancels(): number {
    const cancels = this.#cancels;
    let taken = 0;
    do {
      while (cancels.length > 0 && this.#writeCancel(cancels[0] as number, cancels[1] as number)) {
        cancels.splice(0, 2);
      }
      taken = this.#handOver();
    } while (taken > 0 && cancels.length > 0);
    return cancels.length > 0 && taken >= 0 ? -EAGAIN : taken;
  }

  #writeCancel(index: number, generation: number): boolean {
    const at = this.#sq.reserve();
    if (at === -1) return false;
    this.#staged++;
    const w = this.#sq.sqes;
    writeSqeHead(w, at, IORING_OP_ASYNC_CANCEL, 0, -1, index, INTERNAL + generation);
    w[at + 4] = index;
    w[at + 5] = generation;
    return true;
  }

  /** The kernel's thread takes what is published; it is called only when it sleeps. */
  #commitSqPoll(waiting: number): number {
    const staged = this.#staged;
    this.#staged = 0;
    this.#inFlight += staged;
    // Without anything to take it is better asleep.
    if (waiting > 0 && (this.#sq.flags() & IORING_SQ_NEED_WAKEUP) !== 0) {
      this.#enter(0, 0, IORING_ENTER_SQ_WAKEUP);
    }
    return staged;
  }

  /** The queue looked empty: fetch what the kernel holds back, or, with SQPOLL, spin a little. */
  #look(): number {
    const cq = this.#cq;
    if (this.#sqPoll) {
      for (let i = 0; i < SQPOLL_SPINS; i++) {
        const count = cq.available();
        if (count > 0) return count;
      }
    }
    if (this.#failure !== undefined) return 0;
    if ((this.#sq.flags() & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) === 0) return 0;
    this.#enter(0, 0, IORING_ENTER_GETEVENTS);
    const count = cq.available();
    if (count > 0) this.#left.renew(this.#inFlight);
    return count;
  }

  #enter(toSubmit: number, minimum: number, flags: number): number {
    const all = flags | this.#enterFlags;
    const result = this.#addon.uringEnter(this.#enterFd, toSubmit, minimum, all);
    if (result < 0) this.#refusedBy(result);
    else if (result > 0 && this.#patience.isTried) this.#patience.restore();
    return result;
  }

  #writeLinkTimeout(index: number, generation: number, ms: number, chainFlags: number): void {
    const w = this.#sq.sqes;
    const at = this.#sq.reserve();
    this.#staged++;
    writeSqeHead(w, at, IORING_OP_LINK_TIMEOUT, chainFlags, -1, index, INTERNAL + generation);
    write64(w, at + 4, this.#scratch.deadline(index, ms));
    w[at + 6] = 1;
  }

  #limitWorkers(most: number | undefined): { workers: string } | undefined {
    if (most === undefined) return undefined;
    const at = CONTROL.eventsArg;
    const values = this.#control.subarray(at, at + 2);
    const address = this.#controlAddress + at * 4;
    const workers = limitWorkers(this.#addon, this.#ring.fd, values, address, most);
    values.fill(0);
    return { workers };
  }

  #check(result: number, syscall: string): number {
    return result >= 0 ? result : this.#fail(result, syscall);
  }

  #allocate(bytes: number): ArrayBuffer {
    const memory = this.#addon.allocate(bytes, 4096, false);
    return typeof memory === "number" ? this.#fail(memory, "mmap") : memory;
  }

  /** Undoes what the constructor has done so far; what it has not is undefined. */
  #fail(result: number, syscall: string): never {
    if (this.#wakeup !== undefined) this.#addon.wakeupClose(this.#wakeup);
    if (this.#eventFd !== undefined) this.#addon.closeFd(this.#eventFd);
    this.#ring.close();
    throw systemError(result, syscall);
  }
}

/** Only Node has a libuv that we may use (Bun aborts the process, Deno stalls). */
function needsWakeupThread(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}
