import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_TIMEOUT,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IORING_SQ_TASKRUN,
  IORING_TIMEOUT_ETIME_SUCCESS,
} from "../../src/abi/io-uring.ts";
import {
  EAGAIN,
  EALREADY,
  EBUSY,
  ECANCELED,
  EINTR,
  EINVAL,
  ENOENT,
  ETIME,
} from "../../src/abi/linux.ts";
import { OperationKind } from "../../src/core/index.ts";
import { BLOCKED, type MemoryFiles } from "../../src/engines/memory/files.ts";
import type { Random } from "../../src/engines/memory/random.ts";
import { perform } from "../../src/engines/memory/requests.ts";
import type { AddressSpace } from "./simulated-kernel-memory.ts";
import { FORGETS, type Registered, Sqe } from "./simulated-kernel-sqe.ts";

/** How probable it is, from 0 to 1, that the kernel does something that it seldom does. */
export interface RingRates {
  /** A request is not done while it is submitted, but some time later. */
  readonly deferred?: number;
  /** An enter takes fewer entries than there are; between chains, never inside one. */
  readonly partial?: number;
  /** The same inside a chain: the kernel runs out of memory for requests. */
  readonly cut?: number;
  /** An enter takes nothing: -EAGAIN, as when memory is short. */
  readonly again?: number;
  /** An enter that would wait is interrupted: -EINTR. */
  readonly interrupted?: number;
  /** A transfer is short. */
  readonly short?: number;
  /** A cancellation comes while a worker is at it: -EALREADY, and it ends in its own way. */
  readonly already?: number;
  /** The answer to a cancellation comes after that of its target; else before it. */
  readonly cancelLast?: number;
  /** A CQE with IORING_CQE_F_MORE comes before the last one. */
  readonly more?: number;
  /** How often a request is deferred work again before a worker takes it: not a probability. */
  readonly retries?: number;
  /** IORING_SQ_TASKRUN is set once more after all work was done, and stays until there is work. */
  readonly stale?: number;
}

/** Where the words of the simulated ring stand. */
export const WORDS = {
  sqHead: 0,
  sqTail: 1,
  sqFlags: 2,
  cqHead: 3,
  cqTail: 4,
  cqFlags: 5,
  cqOverflow: 6,
  cqes: 16,
} as const;

/** Steps that the thread of SQPOLL looks at an empty queue before it sleeps. */
const POLL_STEPS = 3;
/** Steps that a deferred request takes at most. */
const MOST_STEPS = 6;
const MORE = 2;
/** Deferred work that one enter does: IO_LOCAL_TW_DEFAULT_MAX. */
const WORK_PER_ENTER = 20;

/** A request that the kernel has taken. */
class Work {
  readonly sqe: Sqe;
  /** The next of its chain. */
  next: Work | undefined;
  /** The linked timeout that watches it. */
  timeout: Work | undefined;
  /** What a linked timeout watches. */
  watched: Work | undefined;
  /** The step at which it is tried next. */
  due = 0;
  /** When a timeout ends, in steps. */
  endsAt = Number.POSITIVE_INFINITY;
  /** It was tried and had to wait, so that it can be canceled at any time. */
  blocked = false;
  /** A cancellation came while a worker was at it: it must not begin to wait. */
  signaled = false;
  done = false;

  constructor(sqe: Sqe) {
    this.sqe = sqe;
  }
}

/** What a ring is made with. */
export interface RingSetup {
  readonly flags: number;
  readonly sqEntries: number;
  readonly cqEntries: number;
  /** Where all counters start. */
  readonly startAt: number;
  readonly rates: RingRates;
  /** Answers -EBUSY while completions are held back in a full queue, as kernels before 5.19. */
  readonly busyWhileOverflowed: boolean;
  readonly random: Random;
  readonly memory: AddressSpace;
  readonly files: MemoryFiles;
  /** Signals the registered eventfd. */
  readonly signal: () => void;
}

/**
 * One ring of the simulated kernel: takes SQEs out of ordinary memory, does what they ask to files
 * in memory, in any order the seed likes, and puts CQEs into ordinary memory.
 *
 * Time goes on in steps. A request that is deferred, blocked or timed is looked at in each.
 */
export class SimulatedRing {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly sqes: Uint32Array<ArrayBuffer>;
  readonly setup: RingSetup;
  registered: { files: Registered["files"]; buffers: Registered["buffers"] } = {
    files: undefined,
    buffers: undefined,
  };
  /** SQEs taken, and final CQEs posted or held back. */
  taken = 0;
  finals = 0;
  /** Chains that a batch ended in the middle of, though the kernel would have taken all of it. */
  cutChains = 0;
  /** How many of the first CQEs in the queue were final ones, by how many CQEs that is. */
  readonly finalsUpTo: number[] = [0];
  readonly #random: Random;
  #running: Work[] = [];
  /** Chains that wait behind a drain. */
  #drained: Work[] = [];
  /** What waits until the task enters, and what the last enter left of it. */
  #taskWork: (() => void)[] = [];
  #leftWork: (() => void)[] = [];
  #overflow: number[][] = [];
  #step = 0;
  #changed = false;
  /** Empty looks of the SQPOLL thread. */
  #looks = 0;

  constructor(setup: RingSetup) {
    this.setup = setup;
    this.#random = setup.random;
    const { sqEntries, cqEntries, startAt } = setup;
    this.words = new Uint32Array(WORDS.cqes + cqEntries * 4 + sqEntries);
    this.sqes = new Uint32Array(sqEntries * 16).fill(0xdead_beef);
    const { sqHead, sqTail, cqHead, cqTail } = WORDS;
    for (const at of [sqHead, sqTail, cqHead, cqTail]) this.words[at] = startAt;
  }

  /** Where the indirection array stands. */
  get arrayAt(): number {
    return WORDS.cqes + this.setup.cqEntries * 4;
  }

  /** Requests taken and not completed. */
  get inFlight(): number {
    return this.taken - this.finals;
  }

  /** Whether the next step changes anything by itself. */
  get canMove(): boolean {
    if (
      this.#is(IORING_SETUP_SQPOLL) &&
      (this.#word(WORDS.sqFlags) & IORING_SQ_NEED_WAKEUP) === 0
    ) {
      return true;
    }
    if (this.#taskWork.length > 0 && !this.#is(IORING_SETUP_DEFER_TASKRUN)) return true;
    return this.#running.some((work) => isTimer(work) || !work.blocked || this.#changed);
  }

  /** Something happened that blocked requests may have waited for. */
  noteChange(): void {
    this.#changed = true;
  }

  /** io_uring_enter(2). */
  enter(toSubmit: number, minimum: number, flags: number, timeoutSteps: number): number {
    if ((flags & IORING_ENTER_SQ_WAKEUP) !== 0) this.#lower(IORING_SQ_NEED_WAKEUP);
    let taken = 0;
    if (toSubmit > 0 && !this.#is(IORING_SETUP_SQPOLL)) {
      taken = this.#submit(toSubmit);
      if (taken < 0) return taken;
    }
    // With deferred work it is run only for those who ask for events.
    const asks = (flags & IORING_ENTER_GETEVENTS) !== 0;
    if (asks || !this.#is(IORING_SETUP_DEFER_TASKRUN)) this.#runTaskWork(WORK_PER_ENTER);
    if (!asks) return taken;
    this.#flush();
    const result = minimum > 0 ? this.#wait(minimum, timeoutSteps) : 0;
    return taken > 0 ? taken : result;
  }

  /** Moves time on by one step. */
  step(): void {
    this.#step++;
    if (this.#is(IORING_SETUP_SQPOLL)) this.#poll();
    const changed = this.#changed;
    this.#changed = false;
    for (const work of this.#random.shuffle([...this.#running])) {
      if (work.done) continue;
      if (isTimer(work)) {
        if (work.endsAt <= this.#step) this.#timeIsUp(work);
      } else if (work.due <= this.#step && (!work.blocked || changed)) {
        this.#try(work, true);
      }
    }
    // An interrupted loop of the program runs what was not deferred to an enter.
    if (!this.#is(IORING_SETUP_DEFER_TASKRUN)) this.#runTaskWork();
  }

  /** Posts a CQE that is not the last of its request, or of one that is long gone. */
  postExtra(low: number, high: number, result: number): void {
    this.#post([low, high, result, MORE]);
  }

  #submit(toSubmit: number): number {
    const { rates, busyWhileOverflowed } = this.setup;
    if (busyWhileOverflowed && this.#overflow.length > 0 && !this.#flush()) return -EBUSY;
    if (this.#random.happens(rates.again ?? 0)) return -EAGAIN;
    const all = this.#is(IORING_SETUP_SUBMIT_ALL);
    let head: Work | undefined;
    let last: Work | undefined;
    let count = 0;
    while (count < toSubmit && this.#word(WORDS.sqHead) !== this.#word(WORDS.sqTail)) {
      const rate = head === undefined ? rates.partial : rates.cut;
      if (count > 0 && this.#random.happens(rate ?? 0)) break;
      const work = new Work(this.#take());
      count++;
      if (head === undefined) head = work;
      else if (work.sqe.opcode === IORING_OP_LINK_TIMEOUT && last !== undefined) {
        last.timeout = work;
        work.watched = last;
      }
      if (last !== undefined) last.next = work;
      last = work;
      if (!work.sqe.linked) {
        this.#queue(head);
        head = undefined;
        last = undefined;
      }
      if (work.sqe.refused !== 0 && !all) break;
    }
    // A chain ends where the batch ends, finished or not.
    if (head !== undefined) {
      if (last?.sqe.refused === 0) this.cutChains++;
      this.#queue(head);
    }
    return count;
  }

  #take(): Sqe {
    const { sqEntries, memory } = this.setup;
    const head = this.#word(WORDS.sqHead);
    const slot = head & (sqEntries - 1);
    const entry = this.#is(IORING_SETUP_NO_SQARRAY) ? slot : this.#word(this.arrayAt + slot);
    const words = this.sqes.slice(entry * 16, entry * 16 + 16);
    if (words.length !== 16) throw new Error(`The indirection array says ${entry}`);
    // What the kernel has read it does not read again; whoever counts on it shall notice. Flags and
    // user data stay: the program may look at what it wrote.
    this.sqes.fill(0xdead_beef, entry * 16 + 1, entry * 16 + 8);
    this.sqes.fill(0xdead_beef, entry * 16 + 10, entry * 16 + 16);
    this.words[WORDS.sqHead] = head + 1;
    this.taken++;
    return new Sqe(words, memory, this.registered);
  }

  /** A chain, or a single request, was taken in full. */
  #queue(head: Work): void {
    const members = chainOf(head);
    const refused = members.find(({ sqe }) => sqe.refused !== 0);
    if (refused !== undefined) {
      for (const work of members) {
        this.#finish(work, work === refused ? refused.sqe.refused : -ECANCELED, false);
      }
      return;
    }
    const waits = members.some(({ sqe }) => sqe.drain) && this.inFlight > members.length;
    // Whatever comes after a drain waits behind it, cancellations included.
    if (waits || this.#drained.length > 0) this.#drained.push(head);
    else this.#start(head, false);
  }

  #start(work: Work, later: boolean): void {
    const { opcode } = work.sqe;
    if (opcode === IORING_OP_ASYNC_CANCEL) {
      this.#cancel(work);
      return;
    }
    if (opcode === IORING_OP_LINK_TIMEOUT) {
      // One that watches nothing.
      this.#finish(work, -EINVAL, later);
      return;
    }
    this.#running.push(work);
    if (opcode === IORING_OP_TIMEOUT) {
      work.endsAt = this.#step + Math.ceil(work.sqe.ms);
      // A timer can be stopped at any time.
      work.blocked = true;
      return;
    }
    const { retries = 0 } = this.setup.rates;
    if (retries > 0) {
      this.#retry(work, retries);
    } else if (this.#random.happens(this.setup.rates.deferred ?? 0)) {
      work.due = this.#step + 1 + this.#random.below(MOST_STEPS);
    } else {
      this.#try(work, later);
    }
    if (work.timeout !== undefined && !work.done) {
      work.timeout.endsAt = this.#step + Math.ceil(work.timeout.sqe.ms);
      this.#running.push(work.timeout);
    }
  }

  /** A request that can neither be done at once nor be polled comes back as deferred work. */
  #retry(work: Work, retries: number): void {
    work.due = retries > 0 ? Number.POSITIVE_INFINITY : this.#step + 1;
    if (retries > 0) this.#defer(() => this.#retry(work, retries - 1));
  }

  #try(work: Work, later: boolean): void {
    const { request } = work.sqe;
    const fault = work.sqe.touchMemory();
    if (fault !== 0 && touches(request.kind)) {
      this.#complete(work, fault, later);
      return;
    }
    const wanted = request.length;
    const views = request.buffers;
    const cuts = touches(request.kind) && request.kind !== OperationKind.Statx && wanted > 1;
    if (cuts && this.#random.happens(this.setup.rates.short ?? 0)) {
      request.length = 1 + this.#random.below(wanted - 1);
      if (views !== undefined) request.buffers = views.slice(0, request.length);
    }
    const result = perform(this.setup.files, request);
    request.length = wanted;
    if (result === BLOCKED && work.signaled) this.#complete(work, -EINTR, later);
    else if (result === BLOCKED) work.blocked = true;
    else this.#complete(work, result, later);
  }

  /** The end of a request that has run: its linked timeout and the rest of its chain follow. */
  #complete(work: Work, result: number, later: boolean): void {
    const { timeout } = work;
    if (this.#random.happens(this.setup.rates.more ?? 0)) {
      this.#answer([work.sqe.low, work.sqe.high, 0, MORE], later);
    }
    this.#finish(work, result, later);
    if (timeout !== undefined && !timeout.done) this.#finish(timeout, -ECANCELED, later);
    const next = (timeout ?? work).next;
    if (next === undefined) return;
    if (!work.sqe.hard && this.#breaks(work, result)) {
      for (const member of chainOf(next)) this.#finish(member, -ECANCELED, later);
    } else {
      this.#start(next, later);
    }
  }

  #breaks({ sqe }: Work, result: number): boolean {
    const { kind } = sqe.request;
    if (sqe.opcode === IORING_OP_TIMEOUT) {
      return result !== -ETIME || (sqe.request.flags & IORING_TIMEOUT_ETIME_SUCCESS) === 0;
    }
    if (FORGETS.has(kind)) return false;
    if (result < 0) return true;
    const { buffers, length } = sqe.request;
    if (kind === OperationKind.Readv || kind === OperationKind.Writev) {
      return result < (buffers ?? []).reduce((sum, { byteLength }) => sum + byteLength, 0);
    }
    const transfers =
      kind === OperationKind.Read ||
      kind === OperationKind.Write ||
      kind === OperationKind.Splice ||
      kind === OperationKind.Tee;
    return transfers && result < length;
  }

  #timeIsUp(work: Work): void {
    const { watched } = work;
    if (watched === undefined) {
      this.#complete(work, -ETIME, true);
      return;
    }
    // The request that it watches is stopped, if it still can be.
    const late = !watched.blocked && this.#random.happens(this.setup.rates.already ?? 0);
    this.#finish(work, late ? -EALREADY : -ETIME, true);
    if (!late && !watched.done) this.#complete(watched, -ECANCELED, true);
  }

  #cancel(work: Work): void {
    const { targetLow, targetHigh } = work.sqe;
    const { rates } = this.setup;
    const target = this.#running.find(
      ({ sqe }) => sqe.low === targetLow && sqe.high === targetHigh,
    );
    if (target === undefined) {
      this.#finish(work, -ENOENT, false);
      return;
    }
    if (!target.blocked && this.#random.happens(rates.already ?? 0)) {
      this.#finish(work, -EALREADY, false);
      // A worker is at it: the signal may still reach it.
      target.signaled = true;
      if (this.#random.happens(0.5)) this.#complete(target, -EINTR, true);
      return;
    }
    const last = this.#random.happens(rates.cancelLast ?? 0.5);
    if (!last) this.#finish(work, 0, false);
    this.#complete(target, -ECANCELED, last ? false : this.#random.happens(0.5));
    if (last) this.#finish(work, 0, false);
  }

  /** Gives one request its result. */
  #finish(work: Work, result: number, later: boolean): void {
    if (work.done) throw new Error("The simulated kernel completes a request twice");
    work.done = true;
    this.#running = this.#running.filter((other) => other !== work);
    this.#answer([work.sqe.low, work.sqe.high, result, 0], later);
  }

  #answer(cqe: number[], later: boolean): void {
    const final = ((cqe[3] as number) & MORE) === 0;
    const post = () => {
      if (final) this.finals++;
      this.#post(cqe);
      if (final) this.#startDrained();
    };
    if (!later || !this.#defersWork()) {
      post();
      return;
    }
    this.#defer(post);
  }

  /** Leaves work to the task. Only the first of a list signals. */
  #defer(run: () => void): void {
    this.#taskWork.push(run);
    if (this.#is(IORING_SETUP_TASKRUN_FLAG)) this.#raise(IORING_SQ_TASKRUN);
    if (this.#is(IORING_SETUP_DEFER_TASKRUN) && this.#taskWork.length === 1) this.#signal();
  }

  #startDrained(): void {
    for (;;) {
      const head = this.#drained[0];
      if (head === undefined) return;
      const waiting = this.#drained.reduce((sum, one) => sum + chainOf(one).length, 0);
      const drains = chainOf(head).some(({ sqe }) => sqe.drain);
      if (drains && this.inFlight > waiting) return;
      this.#drained.shift();
      this.#start(head, true);
    }
  }

  #defersWork(): boolean {
    return this.#is(IORING_SETUP_DEFER_TASKRUN) || this.#is(IORING_SETUP_COOP_TASKRUN);
  }

  /** What was left comes first; what comes newly is looked at only once that is done. */
  #runTaskWork(max = Number.POSITIVE_INFINITY): void {
    const isPending = () => this.#taskWork.length + this.#leftWork.length > 0;
    if (!isPending()) return;
    const most = this.#is(IORING_SETUP_DEFER_TASKRUN) ? max : Number.POSITIVE_INFINITY;
    this.#lower(IORING_SQ_TASKRUN);
    for (let done = 0; done < most && isPending(); done++) {
      if (this.#leftWork.length === 0) {
        this.#leftWork = this.#taskWork;
        this.#taskWork = [];
      }
      this.#leftWork.shift()?.();
      // One round for those who do not wait, as the kernel has it.
      if (this.#leftWork.length === 0 && max === WORK_PER_ENTER) break;
    }
    const stale = this.#random.happens(this.setup.rates.stale ?? 0);
    if (isPending() || stale) this.#raise(IORING_SQ_TASKRUN);
    else this.#lower(IORING_SQ_TASKRUN);
  }

  #wait(minimum: number, steps: number): number {
    if (this.#random.happens(this.setup.rates.interrupted ?? 0)) return -EINTR;
    for (let step = 0; this.#ready() < minimum; step++) {
      if (step >= steps) return -ETIME;
      if (!this.canMove && steps === Number.POSITIVE_INFINITY) {
        throw new Error(`The program waits for ever: ${this.inFlight} requests, none can end`);
      }
      this.step();
      this.#runTaskWork();
      this.#flush();
    }
    return 0;
  }

  /** The thread of SQPOLL: takes what is published, or sleeps when there was nothing for long. */
  #poll(): void {
    if ((this.#word(WORDS.sqFlags) & IORING_SQ_NEED_WAKEUP) !== 0) return;
    const waiting = (this.#word(WORDS.sqTail) - this.#word(WORDS.sqHead)) >>> 0;
    if (waiting > 0) {
      this.#looks = 0;
      this.#submit(waiting);
    } else if (++this.#looks >= POLL_STEPS) {
      this.#looks = 0;
      this.#raise(IORING_SQ_NEED_WAKEUP);
    }
  }

  #ready(): number {
    return (this.#word(WORDS.cqTail) - this.#word(WORDS.cqHead)) >>> 0;
  }

  #post(cqe: number[]): void {
    this.#overflow.push(cqe);
    // What is held back comes first, and only an enter moves it.
    if (this.#overflow.length > 1 || this.#ready() >= this.setup.cqEntries) {
      this.#raise(IORING_SQ_CQ_OVERFLOW);
    } else {
      this.#flush();
    }
    this.#signal();
  }

  /** Moves what was held back into the queue. Returns whether all of it found room. */
  #flush(): boolean {
    while (this.#overflow.length > 0) {
      if (this.#ready() >= this.setup.cqEntries) return false;
      const cqe = this.#overflow.shift() as number[];
      const tail = this.#word(WORDS.cqTail);
      this.words.set(cqe, WORDS.cqes + (tail & (this.setup.cqEntries - 1)) * 4);
      this.words[WORDS.cqTail] = tail + 1;
      const final = ((cqe[3] as number) & MORE) === 0 ? 1 : 0;
      this.finalsUpTo.push((this.finalsUpTo.at(-1) as number) + final);
    }
    this.#lower(IORING_SQ_CQ_OVERFLOW);
    return true;
  }

  #signal(): void {
    if ((this.#word(WORDS.cqFlags) & IORING_CQ_EVENTFD_DISABLED) === 0) this.setup.signal();
  }

  #is(flag: number): boolean {
    return (this.setup.flags & flag) !== 0;
  }

  #raise(flag: number): void {
    this.words[WORDS.sqFlags] = this.#word(WORDS.sqFlags) | flag;
  }

  #lower(flag: number): void {
    this.words[WORDS.sqFlags] = this.#word(WORDS.sqFlags) & ~flag;
  }

  #word(at: number): number {
    return this.words[at] as number;
  }
}

function isTimer({ sqe: { opcode } }: Work): boolean {
  return opcode === IORING_OP_TIMEOUT || opcode === IORING_OP_LINK_TIMEOUT;
}

/** The members of a chain from one of them on, linked timeouts included. */
function chainOf(head: Work): Work[] {
  const members: Work[] = [];
  for (let work: Work | undefined = head; work !== undefined; work = work.next) members.push(work);
  return members;
}

/** Whether a kind of request reads or writes the program's memory. */
function touches(kind: OperationKind): boolean {
  return (
    (kind >= OperationKind.Read && kind <= OperationKind.Writev) || kind === OperationKind.Statx
  );
}
