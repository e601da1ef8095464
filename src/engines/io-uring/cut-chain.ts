import {
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_NOP,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from "../../abi/io-uring.ts";
import { ECANCELED } from "../../abi/linux.ts";
import type { SubmissionQueue } from "../../ring/index.ts";
import { writeSqeHead } from "./requests.ts";

/** The flags of an SQE, in its first word, that tie the next one to it. */
const TIED = (IOSQE_IO_LINK | IOSQE_IO_HARDLINK) << 8;

/** What became of a chain of which the kernel took only the beginning. */
export interface Cut {
  /** Slot, generation and -ECANCELED of the members that will not run, three by three. */
  readonly canceled: number[];
  /** Slot and generation of a request that runs, without the limit of its time. */
  readonly unlimited: number[];
}

/**
 * Makes the best of an io_uring_enter(2) that took `left` entries fewer than it was offered.
 *
 * That happens when the kernel has no memory for another request, and a chain ends where its batch
 * ends (HAZARDS S3): what is left of one would run as if nothing had come before, a durable write
 * before its data. So that is turned into requests of our own that do nothing.
 *
 * @param internal The mark of such requests in the high word of `user_data`.
 * @returns Undefined where no chain was cut.
 */
export function cutChain(sq: SubmissionQueue, left: number, internal: number): Cut | undefined {
  const { sqes: w, tail, entries, shift } = sq;
  const wordOf = (before: number) => ((tail - before) & (entries - 1)) << shift;
  const last = wordOf(left + 1);
  if (((w[last] as number) & TIED) === 0) return undefined;
  const cut: Cut = { canceled: [], unlimited: [] };
  for (let i = left, tied = true; i > 0 && tied; i--) {
    const at = wordOf(i);
    const word = w[at] as number;
    const low = w[at + 8] as number;
    const high = w[at + 9] as number;
    tied = (word & TIED) !== 0;
    if (high < internal) cut.canceled.push(low, high, -ECANCELED);
    else if (i === left && (word & 0xff) === IORING_OP_LINK_TIMEOUT) {
      cut.unlimited.push(w[last + 8] as number, w[last + 9] as number);
    }
    writeSqeHead(w, at, IORING_OP_NOP, 0, -1, low, internal);
  }
  return cut;
}
