import {
  CQE_FLAGS,
  CQE_RES,
  CQE_SIZE,
  CQE_USER_DATA,
  IORING_CQE_F_MORE,
  IORING_ENTER_GETEVENTS,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQPOLL,
  PARAMS_CQ_ENTRIES,
  PARAMS_CQ_OFF_CQES,
  PARAMS_CQ_OFF_HEAD,
  PARAMS_CQ_OFF_TAIL,
  PARAMS_FLAGS,
  PARAMS_SIZE,
  PARAMS_SQ_ENTRIES,
  PARAMS_SQ_OFF_ARRAY,
  PARAMS_SQ_OFF_TAIL,
  SQE_ADDR,
  SQE_FD,
  SQE_FLAGS,
  SQE_LEN,
  SQE_OFF,
  SQE_OPCODE,
  SQE_RW_FLAGS,
  SQE_SIZE,
  SQE_USER_DATA,
} from "../../src/abi/io-uring.ts";
import { loadAcquire, storeRelease } from "../../src/memory/words.ts";
import { GUARD_CQ_HEAD, GUARD_FINALS, type NativeAddon } from "../../src/native/addon.ts";

/** One request, field by field. */
export interface MiniSqe {
  readonly opcode: number;
  readonly flags?: number;
  readonly fd?: number;
  readonly off?: number;
  readonly addr?: number;
  readonly len?: number;
  readonly opFlags?: number;
  readonly userData?: number;
}

/** One completion. */
export interface MiniCqe {
  readonly userData: number;
  readonly res: number;
  readonly flags: number;
}

/** Unwraps what the addon answers for memory or a descriptor. */
export function ok<T>(value: T | number): T {
  if (typeof value === "number") throw new Error(`The kernel answered ${value}`);
  return value;
}

/**
 * The least that is a ring: enough to test the addon without the rooms above it, and to show what
 * a guarded ring has to keep up.
 */
export class MiniRing {
  readonly fd: number;
  readonly params = new Uint8Array(PARAMS_SIZE);
  readonly rings: ArrayBuffer;
  readonly sqes: ArrayBuffer;
  readonly control: ArrayBuffer;
  readonly #addon: NativeAddon;
  readonly #params: DataView;
  readonly #sqe: DataView;
  readonly #cqe: DataView;
  readonly #words: Uint32Array;
  readonly #control: Uint32Array;
  #queued = 0;

  constructor(addon: NativeAddon, { entries = 64, flags = 0, guard = true } = {}) {
    this.#addon = addon;
    this.#params = new DataView(this.params.buffer);
    this.#params.setUint32(PARAMS_FLAGS, flags, true);
    this.fd = addon.uringSetup(entries, this.params);
    if (this.fd < 0) throw new Error(`io_uring_setup answers ${this.fd}`);
    const array = this.#param(PARAMS_SQ_OFF_ARRAY) + this.#param(PARAMS_SQ_ENTRIES) * 4;
    const cqes = this.#param(PARAMS_CQ_OFF_CQES) + this.#param(PARAMS_CQ_ENTRIES) * CQE_SIZE;
    this.rings = ok(addon.map(this.fd, Math.max(array, cqes), IORING_OFF_SQ_RING));
    this.sqes = ok(addon.map(this.fd, this.#param(PARAMS_SQ_ENTRIES) * SQE_SIZE, IORING_OFF_SQES));
    this.control = ok(addon.allocate(4096, 4096, false));
    this.#sqe = new DataView(this.sqes);
    this.#cqe = new DataView(this.rings);
    this.#words = new Uint32Array(this.rings);
    this.#control = new Uint32Array(this.control);
    if ((flags & IORING_SETUP_NO_SQARRAY) === 0) {
      for (let index = 0; index < this.#param(PARAMS_SQ_ENTRIES); index++) {
        this.#words[this.#param(PARAMS_SQ_OFF_ARRAY) / 4 + index] = index;
      }
    }
    if (guard) {
      const guarded = addon.ringGuard(this.fd, this.params, this.rings, this.control);
      if (guarded !== 0) throw new Error(`ringGuard answers ${guarded}`);
    }
  }

  /** A field of the parameters as the kernel answered them. */
  #param(offset: number): number {
    return this.#params.getUint32(offset, true);
  }

  /** A word of the control memory. */
  setControl(word: number, value: number): void {
    this.#control[word] = value;
  }

  queue(sqe: MiniSqe): void {
    const tail = this.#param(PARAMS_SQ_OFF_TAIL) / 4;
    const position = loadAcquire(this.#words, tail);
    const at = (position & (this.#param(PARAMS_SQ_ENTRIES) - 1)) * SQE_SIZE;
    new Uint8Array(this.sqes, at, SQE_SIZE).fill(0);
    this.#sqe.setUint8(at + SQE_OPCODE, sqe.opcode);
    this.#sqe.setUint8(at + SQE_FLAGS, sqe.flags ?? 0);
    this.#sqe.setInt32(at + SQE_FD, sqe.fd ?? -1, true);
    this.#setU64(at + SQE_OFF, sqe.off ?? 0);
    this.#setU64(at + SQE_ADDR, sqe.addr ?? 0);
    this.#sqe.setUint32(at + SQE_LEN, sqe.len ?? 0, true);
    this.#sqe.setUint32(at + SQE_RW_FLAGS, sqe.opFlags ?? 0, true);
    this.#setU64(at + SQE_USER_DATA, sqe.userData ?? 0);
    storeRelease(this.#words, tail, (position + 1) >>> 0);
    this.#queued++;
  }

  /** Hands over what is queued and waits for `minComplete` completions. */
  submit(minComplete = 0): number {
    const polled = (this.#param(PARAMS_FLAGS) & IORING_SETUP_SQPOLL) !== 0;
    const taken = this.#addon.uringEnter(
      this.fd,
      polled ? 0 : this.#queued,
      minComplete,
      minComplete > 0 ? IORING_ENTER_GETEVENTS : 0,
    );
    if (taken > 0) this.#queued -= taken;
    return taken;
  }

  /** Every completion there is, in the order a guard needs: note, then release. */
  reap(): MiniCqe[] {
    const headWord = this.#param(PARAMS_CQ_OFF_HEAD) / 4;
    const mask = this.#param(PARAMS_CQ_ENTRIES) - 1;
    const tail = loadAcquire(this.#words, this.#param(PARAMS_CQ_OFF_TAIL) / 4);
    let head = this.#words[headWord] ?? 0;
    let finals = this.#control[GUARD_FINALS] ?? 0;
    const completions: MiniCqe[] = [];
    for (; head !== tail; head = (head + 1) >>> 0) {
      const at = this.#param(PARAMS_CQ_OFF_CQES) + (head & mask) * CQE_SIZE;
      const flags = this.#cqe.getUint32(at + CQE_FLAGS, true);
      const res = this.#cqe.getInt32(at + CQE_RES, true);
      completions.push({ userData: this.#cqe.getUint32(at + CQE_USER_DATA, true), res, flags });
      if ((flags & IORING_CQE_F_MORE) === 0) finals++;
    }
    this.#control[GUARD_FINALS] = finals;
    this.#control[GUARD_CQ_HEAD] = head;
    storeRelease(this.#words, headWord, head);
    return completions;
  }

  close(): void {
    this.#addon.ringUnguard(this.fd);
    this.#addon.unmap(this.rings);
    this.#addon.unmap(this.sqes);
    this.#addon.unmap(this.control);
    this.#addon.closeFd(this.fd);
  }

  #setU64(at: number, value: number): void {
    this.#sqe.setUint32(at, value >>> 0, true);
    this.#sqe.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }
}
