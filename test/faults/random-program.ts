import fc from "fast-check";
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
} from "../../src/abi/io-uring.ts";
import type { RingRates } from "../support/simulated-kernel-ring.ts";

/** What a program does next. Everything but `turn` and `settle` returns before it is done. */
export type RingStep =
  | { readonly op: "write" | "read"; readonly region: number; readonly vectors: boolean }
  | { readonly op: "chain"; readonly region: number; readonly hard: boolean }
  | { readonly op: "timed"; readonly region: number; readonly ms: number }
  | { readonly op: "pipeRead" | "pipeWrite"; readonly length: number; readonly ms: number }
  | { readonly op: "nop" | "drain" | "fsync" | "statx" | "mkdir" | "badRead" | "missing" }
  | { readonly op: "timeout"; readonly ms: number }
  | { readonly op: "cancel" | "abort"; readonly which: number }
  | { readonly op: "turn" | "run" | "wait" | "settle" };

/** A program and the kernel that it runs on. */
export interface RingProgram {
  readonly seed: number;
  readonly unknownFlags: number;
  readonly sqPoll: boolean;
  readonly busyWhileOverflowed: boolean;
  readonly startAt: number;
  readonly entries: number;
  readonly completionEntries: number;
  readonly depth: number;
  readonly rates: RingRates;
  readonly steps: readonly RingStep[];
}

/** Parts of the file that programs read and write, each by itself. */
export const REGIONS = 8;

const { freeze } = Object;
const region = fc.nat(REGIONS - 1);
const ms = fc.nat(4);
const step: fc.Arbitrary<RingStep> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constantFrom("write", "read"),
      region,
      vectors: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("chain" as const), region, hard: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("timed" as const), region, ms }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom("pipeRead", "pipeWrite"),
      length: fc.integer({ min: 1, max: 20 }),
      ms,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      op: fc.constantFrom("nop", "drain", "fsync", "statx", "mkdir", "badRead", "missing"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("timeout" as const), ms }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom("cancel", "abort"), which: fc.nat(30) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constantFrom("turn", "run", "wait", "settle") }),
  },
);

/** Kernels as they were: which setup flags they do not know. */
const KERNELS = freeze({
  newest: 0,
  "6.5": IORING_SETUP_NO_SQARRAY,
  "6.0": IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN,
  "5.18":
    IORING_SETUP_NO_SQARRAY |
    IORING_SETUP_DEFER_TASKRUN |
    IORING_SETUP_SINGLE_ISSUER |
    IORING_SETUP_COOP_TASKRUN,
  "5.10":
    IORING_SETUP_NO_SQARRAY |
    IORING_SETUP_DEFER_TASKRUN |
    IORING_SETUP_SINGLE_ISSUER |
    IORING_SETUP_COOP_TASKRUN |
    IORING_SETUP_SUBMIT_ALL,
});

const rate = fc.constantFrom(0, 0.1, 0.5);

/** Random programs on random kernels. */
export function ringPrograms(longest: number): fc.Arbitrary<RingProgram> {
  return fc.record({
    seed: fc.nat(0xffff),
    unknownFlags: fc.constantFrom(...Object.values(KERNELS)),
    sqPoll: fc.boolean().chain((yes) => (yes ? fc.boolean() : fc.constant(false))),
    busyWhileOverflowed: fc.boolean(),
    startAt: fc.constantFrom(0, 0xffff_ffff, 0xffff_fff0, 0x7fff_fff8),
    entries: fc.constantFrom(2, 4, 8, 16),
    completionEntries: fc.constantFrom(16, 32),
    depth: fc.constantFrom(1, 3, 8, 40),
    rates: fc.record({
      deferred: fc.constantFrom(0, 0.5, 1),
      partial: rate,
      cut: rate,
      again: rate,
      interrupted: rate,
      short: rate,
      already: rate,
      cancelLast: fc.constantFrom(0, 0.5, 1),
      more: rate,
    }),
    steps: fc.array(step, { minLength: 1, maxLength: longest }),
  });
}
