import { OperationKind, type Request } from "../../core/index.ts";
import { EAGAIN, EINTR, EIO, ENOSPC } from "../errnos.ts";
import type { Random } from "./random.ts";

/** Everything that can be made to go wrong, or merely in an unusual way. */
export const FAULTS = [
  /** A read or a write transfers only a part. */
  "short",
  /** The request ends with this errno, and nothing of it was done. */
  "EINTR",
  "EAGAIN",
  "ENOSPC",
  "EIO",
  /** The request takes many turns. */
  "late",
  /** The request completes before `queue` returns: the answer is `Completed`. */
  "early",
  /** `queue` answers `Busy` although there is room. */
  "busy",
  /** `commit` takes nothing and answers -EAGAIN. */
  "refused",
  /** A wake-up that was due does not come. */
  "lostWakeUp",
  /** One `reap` hands over a single completion; the others wait for the next. */
  "overflow",
] as const;

/** The name of a fault. */
export type FaultName = (typeof FAULTS)[number];

/** How probable each fault is, from 0 to 1; what is not named does not happen. */
export type FaultRates = Readonly<Partial<Record<FaultName, number>>>;

/** A fault at one certain place. */
export interface ScriptedFault {
  readonly fault: FaultName;
  /** At which opportunity, counted from 0 for each line of the script. */
  readonly at: number;
  /** How many opportunities in a row; 1 unless told. */
  readonly times?: number;
  /** Only requests of this kind are opportunities. */
  readonly kind?: OperationKind;
}

/** The errors that a request can be made to end with. */
const ERRORS: readonly [FaultName, number][] = [
  ["EINTR", -EINTR],
  ["EAGAIN", -EAGAIN],
  ["ENOSPC", -ENOSPC],
  ["EIO", -EIO],
];

/** Kinds that can run out of room. */
const TAKES_ROOM: ReadonlySet<number> = new Set([
  OperationKind.Write,
  OperationKind.Writev,
  OperationKind.Fallocate,
  OperationKind.Mkdir,
  OperationKind.Symlink,
  OperationKind.Link,
  OperationKind.Open,
]);

/** Decides, by script first and by seed second, what goes wrong. */
export class FaultPlan {
  readonly #random: Random;
  readonly #rates: FaultRates;
  readonly #script: readonly ScriptedFault[];
  /** How many opportunities each line of the script has seen. */
  readonly #seen: number[];

  constructor(random: Random, rates: FaultRates = {}, script: readonly ScriptedFault[] = []) {
    this.#random = random;
    this.#rates = rates;
    this.#script = script;
    this.#seen = script.map(() => 0);
  }

  /** Whether a fault happens now. Every call is one opportunity. */
  strikes(fault: FaultName, kind?: OperationKind): boolean {
    let struck = false;
    this.#script.forEach((line, i) => {
      if (line.fault !== fault || (line.kind !== undefined && line.kind !== kind)) return;
      const count = this.#seen[i] as number;
      this.#seen[i] = count + 1;
      if (count >= line.at && count < line.at + (line.times ?? 1)) struck = true;
    });
    return struck || this.#random.happens(this.#rates[fault] ?? 0);
  }

  /** The error that a request ends with, or 0. */
  errorFor({ kind }: Request): number {
    // Nobody closes a descriptor twice, so that it must happen or not, but not half.
    if (kind === OperationKind.Close) return 0;
    let error = 0;
    // Each is asked, so that one that strikes does not move the others' places in the script.
    for (const [fault, result] of ERRORS) {
      if (fault === "ENOSPC" && !TAKES_ROOM.has(kind)) continue;
      if (this.strikes(fault, kind)) error = result;
    }
    return error;
  }

  /** Makes a transfer shorter, if that is to happen. */
  shorten(request: Request): void {
    const { kind, length, buffers } = request;
    const transfers = kind === OperationKind.Read || kind === OperationKind.Write;
    const vectors = kind === OperationKind.Readv || kind === OperationKind.Writev;
    const moves = kind === OperationKind.Splice || kind === OperationKind.Tee;
    if ((!transfers && !vectors && !moves) || length < 2 || !this.strikes("short", kind)) return;
    request.length = 1 + this.#random.below(length - 1);
    if (vectors) request.buffers = buffers?.slice(0, request.length);
  }
}
