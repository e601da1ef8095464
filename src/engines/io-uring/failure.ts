import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_REGISTER_SYNC_CANCEL,
} from "../../abi/io-uring.ts";
import { EAGAIN, EBUSY, EINTR, ENOMEM, ETIME } from "../../abi/linux.ts";
import { ProactorError, systemError } from "../../base/errors.ts";
import { ENTER_PATIENCE_MS, LET_GO_MS } from "../../base/limits.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { SubmissionQueue } from "../../ring/index.ts";

/** Dropped completions were noted (EBADR): the call itself is sound. */
const EBADR = 53;
const HARMLESS: readonly number[] = [-EINTR, -ETIME, -EBADR];
const SHORT: readonly number[] = [-EAGAIN, -EBUSY, -ENOMEM];

/** Tells a refusal of io_uring_enter(2) that is over in a moment from one that is for good. */
export class Patience {
  readonly #ms: number;
  #since = 0;

  /** @param ms How long a shortage may last without a break. */
  constructor(ms = ENTER_PATIENCE_MS) {
    this.#ms = ms;
  }

  /** Whether the kernel refuses at the moment, as far as is known. */
  get isTried(): boolean {
    return this.#since !== 0;
  }

  /** The kernel took something. */
  restore(): void {
    this.#since = 0;
  }

  /** Whether a refusal is for good. */
  endsWith(result: number): boolean {
    if (HARMLESS.includes(result)) return false;
    if (!SHORT.includes(result)) return true;
    const now = performance.now();
    if (this.#since === 0) this.#since = now;
    return now - this.#since >= this.#ms;
  }

  /** For `explain`. */
  get text(): string {
    return `EAGAIN, EBUSY and ENOMEM for at most ${this.#ms} ms`;
  }
}

/** A ring whose io_uring_enter(2) fails for good. */
export class Failure {
  /** What the kernel answered. */
  readonly result: number;
  /** What every operation of the ring fails with. */
  readonly error: ProactorError;
  /** What those fail with that the kernel had, and may still be doing. */
  readonly lost: ProactorError;
  readonly #until = performance.now() + LET_GO_MS;

  constructor(result: number) {
    this.result = result;
    const cause = systemError(result, "io_uring_enter");
    this.error = new ProactorError(
      "ERR_PROACTOR_ENGINE_UNAVAILABLE",
      `The engine io_uring has failed for good: ${cause.message}`,
      SHORT.includes(result)
        ? "Free memory, or raise the limits; see the retries in proactor.explain()"
        : "Allow io_uring_enter (seccomp) to the end, or set PROACTOR_ENGINE=thread_pool",
      { cause },
    );
    this.lost = new ProactorError(
      "ERR_PROACTOR_ENGINE_UNAVAILABLE",
      `The engine io_uring has failed for good with this in flight: ${cause.message}`,
      "Do not use its memory again: it may be done, and the kernel may still write there",
      { cause },
    );
  }

  /** Whether the kernel has had its time to give up what it had taken. */
  get isOver(): boolean {
    return performance.now() >= this.#until;
  }
}

/**
 * Takes back what was staged and the kernel never took.
 *
 * @param shared Whether a thread of the kernel may be taking what is published.
 * @returns Slot and generation of each request, two by two.
 */
export function withdraw(sq: SubmissionQueue, internal: number, shared: boolean): number[] {
  const taken: number[] = [];
  const { sqes: w, tail, entries, shift } = sq;
  for (let left = sq.withdraw(shared); left > 0; left--) {
    const at = ((tail - left) & (entries - 1)) << shift;
    const high = w[at + 9] as number;
    if (high < internal) taken.push(w[at + 8] as number, high);
  }
  return taken;
}

/**
 * Asks for the end of all that the kernel has of a ring, without io_uring_enter(2) (Linux 6.0), so
 * that a read which is given up takes no data away.
 *
 * @param words Sixteen words that the kernel can read, at `address`.
 */
export function cancelAll(
  addon: NativeAddon,
  fd: number,
  words: Uint32Array,
  address: number,
): void {
  // struct io_uring_sync_cancel_reg: addr, fd, flags, timeout, opcode. It waits no time.
  words.fill(0);
  words[2] = 0xffff_ffff;
  words[3] = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  addon.uringRegister(fd, IORING_REGISTER_SYNC_CANCEL, address, 1);
  words.fill(0);
}
