import { MODEL_NAMES, type ModelName } from "../harness/job.ts";
import type { Measurement } from "../harness/result.ts";

/** What the models are put through. */
export interface Situation {
  readonly id: string;
  readonly title: string;
  readonly depth: number;
  readonly direct: boolean;
  /** Hashes keep the thread pool busy meanwhile. */
  readonly hashing: boolean;
}

/** The situations of the table, in its order. */
export const SITUATIONS: readonly Situation[] = [
  { id: "cached-1", title: "cached, depth 1", depth: 1, direct: false, hashing: false },
  { id: "cached-32", title: "cached, depth 32", depth: 32, direct: false, hashing: false },
  { id: "direct-1", title: "O_DIRECT, depth 1", depth: 1, direct: true, hashing: false },
  { id: "direct-32", title: "O_DIRECT, depth 32", depth: 32, direct: true, hashing: false },
  {
    id: "hashing",
    title: "cached, one read per ms while 8 crypto.pbkdf2 run",
    depth: 1,
    direct: false,
    hashing: true,
  },
];

/** One model in one situation: a row of the table. */
export interface Cell {
  readonly situation: Situation;
  readonly model: ModelName;
  /** One per round. */
  readonly runs: Measurement[];
  /** System calls of all threads per read, where they could be counted. */
  calls: number | undefined;
}

/** Why a model, or a whole situation, is left out. */
export interface Omissions {
  /** Why io_uring cannot run here. */
  readonly ioUring: string | undefined;
  /** Why O_DIRECT cannot be measured here. */
  readonly direct: string | undefined;
}

/**
 * The rows that can be measured here.
 *
 * @param wanted Ids of situations; all of them when empty.
 */
export function planCells(omissions: Omissions, wanted: readonly string[] = []): Cell[] {
  const models = MODEL_NAMES.filter((m) => m !== "io_uring" || omissions.ioUring === undefined);
  const situations = SITUATIONS.filter(
    ({ id, direct }) =>
      (!direct || omissions.direct === undefined) && (wanted.length === 0 || wanted.includes(id)),
  );
  return situations.flatMap((situation) =>
    models.map((model) => ({ situation, model, runs: [], calls: undefined })),
  );
}

/** How the time is divided, in seconds. */
export interface Budget {
  /** One cell in one round. */
  readonly slice: number;
  /** The warm-up before it; the first round's is longer. */
  readonly ramp: number;
  /** One model while hashes run. */
  readonly hashing: number;
}

/** Divides `seconds` among the cells: a fifth is for hashing, and some for what is around. */
export function budgetFor(seconds: number, cells: readonly Cell[], rounds: number): Budget {
  const slices = cells.filter(({ situation }) => !situation.hashing).length * rounds;
  const hashings = cells.filter(({ situation }) => situation.hashing).length;
  const each = (seconds * 0.5) / Math.max(1, slices);
  return {
    slice: Math.max(0.02, each * 0.8),
    ramp: Math.max(0.005, each * 0.2),
    hashing: Math.max(0.2, (seconds * 0.2) / Math.max(1, hashings)),
  };
}
