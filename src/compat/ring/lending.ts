import {
  CQE_FLAGS,
  IORING_CQE_F_32,
  IORING_OP_NOP128,
  IORING_OP_POLL_REMOVE,
  IORING_OP_URING_CMD128,
  IORING_POLL_UPDATE_USER_DATA,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQPOLL,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from "../../abi/io-uring.ts";
import { ProactorError } from "../../base/errors.ts";
import type { Ring as MappedRing } from "../../engines/io-uring/setup.ts";
import { GUARD_SILENT, type NativeAddon } from "../../native/addon.ts";
import { RingCore } from "./core.ts";
import { OBJECT_DATA } from "./in-flight.ts";
import { Loan, loansIn, unstable } from "./loans.ts";
import { CString, lendStruct, type Pointer, placeOf, Struct } from "./memory.ts";
import { ObjectTable } from "./objects.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const TWO_32 = 0x1_0000_0000;
const ALL_ONES = 0xffff_ffff;
const LINKED = (IOSQE_IO_LINK | IOSQE_IO_HARDLINK) << 8;
const SILENT = IOSQE_CQE_SKIP_SUCCESS << 8;
const TIED = LINKED | SILENT;
const POLL_REMOVE = IORING_OP_POLL_REMOVE;
const OBJECT = OBJECT_DATA | 0;
const MIXED = IORING_SETUP_SQE_MIXED;

/** How far into a chain of linked requests we are. */
const Chain = {
  /** In none. */
  None: 0,
  /** Only requests that will certainly have a completion came before. */
  Sure: 1,
  /** Only silent requests came before: one of them or the next one will have a completion. */
  Silent: 2,
  /** Nobody can say which of the rest will have a completion. */
  Unsure: 3,
} as const;
const NONE = Chain.None;

/** What was lent to requests that never say when they are done; it has to live as long as we do. */
const neverGivenBack = new Set<unknown>();

/** Who owns which memory: what is prepared lends, what is submitted is counted. */
export abstract class LendingRing extends RingCore {
  protected readonly objects = new ObjectTable();
  /** What an SQE that was not submitted yet is to be lent, by its index. */
  protected lent: unknown[];
  /** Whether there may be any. */
  protected hasLent = false;
  /** Whether memory of ours was lent in the place of a program's. */
  protected hasLoans = false;
  /** How far in the completion queue loans were given back. */
  #givenBack = 0;
  /** How far SQEs were looked at when they were submitted. */
  #accounted: number;
  /** What the silent requests at the start of a chain were lent, and their user data. */
  readonly #silentLent: unknown[] = [];
  readonly #silentData: number[] = [];

  constructor(addon: NativeAddon, mapped: MappedRing) {
    super(addon, mapped);
    this.lent = new Array(mapped.sq.entries).fill(undefined);
    this.#accounted = mapped.sq.tail;
    const { objects } = this;
    this.inFlight.onObjectDone = (index) => objects.done(index);
  }

  protected override remap(mapped: MappedRing): void {
    const seen = (this.#givenBack - this.cq.head) | 0;
    super.remap(mapped);
    this.#givenBack = (this.cq.head + seen) | 0;
    this.lent = new Array(mapped.sq.entries).fill(undefined);
    this.#accounted = mapped.sq.tail;
  }

  /** Writes a pointer of an SQE, two words, and notes what it lends. */
  protected lend(sqe: number, word: number, pointer: Pointer, bytes: number): void {
    if (typeof pointer === "number") {
      this.sqes[sqe + word] = pointer;
      this.sqes[sqe + word + 1] = pointer / TWO_32;
    } else {
      this.lendObject(sqe, word, pointer, bytes);
    }
  }

  /** As `lend`, for anything but an address. */
  protected lendObject(
    sqe: number,
    word: number,
    pointer: Exclude<Pointer, number>,
    bytes: number,
  ): void {
    const w = this.sqes;
    if (pointer === null) {
      w[sqe + word] = 0;
      w[sqe + word + 1] = 0;
      return;
    }
    let holder: unknown = pointer;
    try {
      let place = pointer instanceof Struct ? lendStruct(pointer, bytes) : placeOf(pointer, bytes);
      if (place === undefined) {
        place = this.#makeLoan(sqe, pointer as NodeJS.ArrayBufferView, bytes);
        holder = place;
      }
      w[sqe + word] = place.addressLow;
      w[sqe + word + 1] = place.addressHigh;
    } catch (error) {
      // What is half prepared must not be carried out.
      w.fill(0, sqe, sqe + 8);
      w.fill(0, sqe + 10, sqe + 12);
      throw error;
    }
    // An SQE that is prepared again lends both until it is done, which does no harm.
    const index = sqe >> this.shift;
    const first = this.lent[index];
    this.lent[index] = first === undefined ? holder : [first, holder].flat();
    this.hasLent = true;
  }

  /** Memory of ours in the place of a view's that cannot be held. */
  #makeLoan(sqe: number, view: NodeJS.ArrayBufferView, bytes: number): Loan {
    const opcode = (this.sqes[sqe] as number) & 0xff;
    const loan = new Loan(this.addon, opcode, view, bytes, this.lent[sqe >> this.shift]);
    this.hasLoans = true;
    this.inFlight.hasLoans = true;
    return loan;
  }

  /** Writes a 64-bit field as two words; -1 is all ones. Exact up to 2^53. */
  protected set64(sqe: number, word: number, value: number): void {
    this.sqes[sqe + word] = value;
    // A quotient is truncated towards zero, so that -1 must be written out.
    this.sqes[sqe + word + 1] = value < 0 ? ALL_ONES : value / TWO_32;
  }

  /** Notes what is about to be submitted: under which user data, and what it was lent. */
  protected account(): void {
    if (this.hasLoans === true && this.hasLent === true) this.#fillLoans();
    const { sqes, lent, hasLent, sq, inFlight } = this;
    // V8 asks of a field at every use whether it is a small integer, unless it is made one.
    const shift = this.shift | 0;
    const mask = (sq.entries - 1) | 0;
    const tail = sq.tail | 0;
    const isMixed = (this.flags & MIXED) !== 0;
    let chain: number = NONE;
    let start = this.#accounted | 0;
    if (hasLent === false && isMixed === false) {
      start = inFlight.addPlain(sqes, mask, shift, start, tail);
    }
    for (let position = start; position !== tail; position = (position + 1) | 0) {
      const index = position & mask;
      const at = index << shift;
      const head = sqes[at] as number;
      if ((head & TIED) === 0 && chain === NONE && (head & 0xff) !== POLL_REMOVE) {
        const low = (sqes[at + 8] as number) | 0;
        const high = (sqes[at + 9] as number) | 0;
        const entry = inFlight.add(low, high);
        if (high === OBJECT) this.objects.submitted(low);
        if (hasLent === true && lent[index] !== undefined) {
          inFlight.hold(entry, lent[index]);
          lent[index] = undefined;
        }
      } else {
        chain = this.#accountTied(index, at, chain);
      }
      if (isMixed === true && isLong(head & 0xff)) {
        position = (position + 1) | 0;
        this.#addSilent(1);
      }
    }
    this.#leaveSilent();
    this.hasLent = false;
    this.#accounted = tail;
  }

  /** Copies what is lent in the place of views. Throws for reads whose end no completion tells. */
  #fillLoans(): void {
    const { sqes, shift, lent, sq } = this;
    const mask = sq.entries - 1;
    let reads = false;
    let silent = false;
    for (let position = this.#accounted; position !== sq.tail; position = (position + 1) | 0) {
      const head = sqes[(position & mask) << shift] as number;
      silent ||= (head & SILENT) !== 0;
      for (const loan of loansIn(lent[position & mask])) {
        reads ||= loan.reads;
        loan.fill();
      }
      if (reads && silent) throw unstable("and a silent request never says that it is done");
      if ((head & LINKED) === 0) {
        reads = false;
        silent = false;
      }
    }
  }

  /** The program is about to see completions: what their requests read is given to it first. */
  protected giveLoansBack(): void {
    const { cq, cqes, inFlight } = this;
    const count = cq.available();
    const from = Math.max(0, (this.#givenBack - cq.head) | 0);
    for (let i = from; i < count; i++) {
      const at = cq.at(i);
      inFlight.giveLoansBack(cqes[at] as number, cqes[at + 1] as number);
      if (this.isMixed && ((cqes[at + CQE_FLAGS / 4] as number) & IORING_CQE_F_32) !== 0) i++;
    }
    this.#givenBack = (cq.head + count) | 0;
  }

  /** Whether an SQE was reserved since the last submission. */
  protected hasUnsubmitted(): boolean {
    return this.#accounted !== this.sq.tail;
  }

  /** How many requests of those in flight the kernel did not take yet. */
  protected untaken(): number {
    const { sqes, shift, sq } = this;
    const mask = sq.entries - 1;
    let count = 0;
    const taken = (sq.tail - (sq.entries - sq.space(sq.entries))) | 0;
    for (
      let position = taken;
      ((this.#accounted - position) | 0) > 0;
      position = (position + 1) | 0
    ) {
      if (((sqes[(position & mask) << shift] as number) & SILENT) === 0) count++;
    }
    return count;
  }

  /** After a rewind the next SQE is the first again. */
  protected rewindAccount(): void {
    this.#accounted = this.sq.tail;
  }

  /** The rare cases: a request that is linked, or silent, or renames another. */
  #accountTied(index: number, at: number, chain: number): number {
    const { sqes, lent, inFlight } = this;
    const head = sqes[at] as number;
    const low = (sqes[at + 8] as number) | 0;
    const high = (sqes[at + 9] as number) | 0;
    if (high === OBJECT) this.objects.submitted(low);
    const goesOn = (head & LINKED) !== 0;
    const isSilent = (head & SILENT) !== 0;
    const next = nextInChain(chain, isSilent);
    if (isSilent && next === Chain.Silent) {
      this.#addSilent(1);
      this.#silentData.push(low, high);
      if (lent[index] !== undefined) this.#silentLent.push(lent[index]);
    } else if (!isSilent && chain !== Chain.Unsure) {
      const entry = inFlight.add(low, high);
      if (lent[index] !== undefined) inFlight.hold(entry, lent[index]);
      if (chain === Chain.Silent) this.#joinSilent(entry, low, high);
    } else {
      this.#addSilent(1);
      this.#keepForGood(lent[index]);
    }
    lent[index] = undefined;
    const update = (sqes[at + 6] as number) & IORING_POLL_UPDATE_USER_DATA;
    if ((head & 0xff) === POLL_REMOVE && update !== 0) this.#noteRename(at);
    if (goesOn) return next;
    this.#leaveSilent();
    return Chain.None;
  }

  /** The request after silent ones stands for all of them: exactly one will have a completion. */
  #joinSilent(entry: number, low: number, high: number): void {
    for (const lent of this.#silentLent) this.inFlight.hold(entry, lent);
    const data = this.#silentData;
    for (let i = 0; i < data.length; i += 2) {
      this.inFlight.standIn(data[i] as number, data[i + 1] as number, low, high);
    }
    this.#silentLent.length = 0;
    data.length = 0;
  }

  /** A chain of nothing but silent requests: nobody will tell when it is done. */
  #leaveSilent(): void {
    if (this.#silentData.length === 0) return;
    for (const lent of this.#silentLent) this.#keepForGood(lent);
    this.#silentLent.length = 0;
    this.#silentData.length = 0;
  }

  /** A poll request gets other user data: its last completion will come with that. */
  #noteRename(at: number): void {
    const word = (index: number) => (this.sqes[at + index] as number) | 0;
    this.inFlight.standIn(word(2), word(3), word(4), word(5));
  }

  #addSilent(count: number): void {
    this.control[GUARD_SILENT] = (this.control[GUARD_SILENT] as number) + count;
  }

  /** What was prepared and not submitted is dropped. */
  protected override closeRing(): void {
    for (const loan of loansIn(this.lent)) loan.end();
    super.closeRing();
  }

  /** Keeps what requests were lent for good, when nobody will see their completions. */
  protected keepLent(): void {
    for (const held of this.inFlight.heldObjects()) neverGivenBack.add(held);
  }

  /** Keeps what a silent request was lent: nobody will ever tell that it is done. */
  #keepForGood(lent: unknown): void {
    if (lent === undefined) return;
    // Names are read when the request is taken; a thread of the kernel takes it whenever it likes.
    const isRead = (one: unknown) => one instanceof CString;
    const all = Array.isArray(lent) ? lent : [lent];
    if ((this.flags & IORING_SETUP_SQPOLL) === 0 && all.every(isRead)) return;
    neverGivenBack.add(lent);
  }
}

/** The error of a verb that was given -1 instead of an sqe. */
export function noSqe(): ProactorError {
  return new ProactorError(
    "ERR_PROACTOR_EXHAUSTED",
    "There is no SQE: the submission queue was full",
    "Look at what getSqe answers, and submit() when it is -1",
  );
}

/**
 * What the next request of a chain has before it. A silent request that fails has a completion, and
 * those after it have none, be they silent or not; one that fails out loud makes those after it
 * complete, be they silent or not.
 */
function nextInChain(chain: number, isSilent: boolean): number {
  switch (chain) {
    case Chain.None:
      return isSilent ? Chain.Silent : Chain.Sure;
    case Chain.Sure:
      return isSilent ? Chain.Unsure : Chain.Sure;
    case Chain.Silent:
      return isSilent ? Chain.Silent : Chain.Unsure;
    default:
      return Chain.Unsure;
  }
}

/** Whether an opcode takes 128 bytes in a mixed ring. */
function isLong(opcode: number): boolean {
  return opcode === IORING_OP_NOP128 || opcode === IORING_OP_URING_CMD128;
}
