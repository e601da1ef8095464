import { median } from "simple-statistics";
import type { LatencySummary } from "./result.ts";

/** The middle of some rounds, and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Condenses the values of some rounds. Throws when there is none. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("There is no value to condense");
  return { median: median([...values]), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * The spread of round-by-round quotients. Both sides of a round ran next to each other, so a
 * machine that slows down for a while slows down both, and the quotient hardly notices.
 */
export function ratioOf(numerators: readonly number[], denominators: readonly number[]): Spread {
  if (numerators.length !== denominators.length) {
    throw new RangeError(
      `${numerators.length} rounds cannot be held against ${denominators.length}`,
    );
  }
  return spreadOf(numerators.map((value, round) => value / (denominators[round] as number)));
}

/** The value that a `quantile` (0 to 1) of the sorted samples do not exceed: nearest rank. */
export function quantileOfSorted(sorted: ArrayLike<number>, quantile: number): number {
  const rank = Math.ceil(quantile * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}

/** Condenses latencies in microseconds. The array is sorted in place. */
export function summarizeLatencies(samples: Float64Array): LatencySummary | undefined {
  if (samples.length === 0) return undefined;
  samples.sort();
  return {
    samples: samples.length,
    p50: quantileOfSorted(samples, 0.5),
    p99: quantileOfSorted(samples, 0.99),
    p999: quantileOfSorted(samples, 0.999),
    max: samples[samples.length - 1] as number,
  };
}
