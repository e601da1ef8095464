import { constants } from "node:fs";
import { EARLY_BATCH, EARLY_LATE_MS, EARLY_SMALL } from "../base/limits.ts";
import { Link, OPERATIONS, OperationKind, type Request } from "../core/index.ts";

/** How soon a request of some kind is handed over. */
const Urgency = {
  /** It only looks: collected with others. */
  Looks: 0,
  /** A write: at once in a program that starts few at a time, else as what only looks. */
  Writes: 1,
  /** It changes what others see, and a thread does it: at once. */
  Changes: 2,
  /** An open: it depends on its flags. */
  Opens: 3,
} as const;

const LOOKS: ReadonlySet<OperationKind> = new Set<OperationKind>([
  OperationKind.Nop,
  OperationKind.Close,
  OperationKind.Read,
  OperationKind.Readv,
  OperationKind.Statx,
  OperationKind.Fadvise,
  OperationKind.Timeout,
  OperationKind.Poll,
]);
const WRITES: ReadonlySet<OperationKind> = new Set<OperationKind>([
  OperationKind.Write,
  OperationKind.Writev,
]);
const URGENCY = Uint8Array.from(OPERATIONS, (_, kind) => {
  if (LOOKS.has(kind as OperationKind)) return Urgency.Looks;
  if (WRITES.has(kind as OperationKind)) return Urgency.Writes;
  return kind === OperationKind.Open ? Urgency.Opens : Urgency.Changes;
});

// Constants out of other modules, or of objects, are looked up at every use; these are code.
const { Looks: IS_LOOK, Changes: IS_CHANGE, Opens: IS_OPEN } = Urgency;
const NOT_TIED = Link.None;
const MOST = EARLY_BATCH;
const SMALL = EARLY_SMALL;
const LATE_MS = EARLY_LATE_MS;
/** The first of a batch begins no later than the end of the tick: nothing is behind it. */
const FIRST_LOOK = 2;
const MAKES = constants.O_CREAT | constants.O_TRUNC;

/** Decides whether what is staged waits for the end of the tick. */
export interface StartRule {
  /**
   * Whether everything staged is to be handed over now.
   *
   * @param request The request that was just staged.
   */
  isDue(request: Request): boolean;
  /** Notes that everything staged was handed over. */
  handedOver(): void;
  /** Notes that a turn is about to hand over everything. */
  turned(): void;
}

/** Whether a request changes something: yes, no, or maybe, and perhaps never. */
export function changes(kind: OperationKind): boolean | "maybe" {
  const urgency = URGENCY[kind] as number;
  // An open of a FIFO waits for the other side, a splice for what comes out of a pipe.
  const maybe = urgency === IS_OPEN || kind === OperationKind.Splice || kind === OperationKind.Tee;
  return maybe ? "maybe" : urgency !== IS_LOOK;
}

/**
 * Decides what does not wait for the end of the tick (record 30): work that was started goes on
 * while the program computes.
 *
 * Handing over costs a system call, and the clock is not free. What only looks loses nothing while
 * it waits, so it is counted, and the clock is looked at for the second, fourth, eighth and
 * sixteenth of a batch only.
 */
export class EarlyStart implements StartRule {
  /** How many are staged that were not handed over. */
  #collected = 0;
  /** At how many the clock is looked at, or the batch is long enough. */
  #next = FIRST_LOOK;
  /** How many were handed over since the last turn. */
  #before = 0;
  /** The last batch was a small one. */
  #small = true;
  #lookedAt = 0;
  readonly #now: () => number;

  /** @param now The clock, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  isDue(request: Request): boolean {
    // The members of a chain are handed over together, or the kernel cuts it.
    if (request.link !== NOT_TIED) return false;
    const collected = ++this.#collected;
    if (URGENCY[request.kind] !== IS_LOOK && this.#isUrgent(request)) return true;
    return collected >= this.#next && this.#isLongEnough(collected);
  }

  handedOver(): void {
    this.#before += this.#collected;
    this.#collected = 0;
    this.#next = FIRST_LOOK;
  }

  turned(): void {
    const started = this.#before + this.#collected;
    if (started === 0) return;
    this.#before = 0;
    this.#collected = 0;
    this.#next = FIRST_LOOK;
    this.#small = started <= SMALL;
  }

  #isUrgent({ kind, flags }: Request): boolean {
    const urgency = URGENCY[kind] as number;
    if (urgency === IS_OPEN) return (flags & MAKES) !== 0;
    return urgency === IS_CHANGE || this.#small;
  }

  /** Whether a batch is long enough, or it was long ago that this was asked. */
  #isLongEnough(collected: number): boolean {
    if (collected >= MOST) return true;
    this.#next = collected * 2;
    const now = this.#now();
    const late = now - this.#lookedAt > LATE_MS;
    this.#lookedAt = now;
    return late;
  }
}
