import type { ModelName } from "../harness/job.ts";
import type { LatencySummary } from "../harness/result.ts";
import { cpuPerOperation, rate } from "../harness/result.ts";
import { type Spread, spreadOf } from "../harness/statistics.ts";
import type { Cell } from "./plan.ts";

/** A row of the table, condensed from its rounds. Times are in microseconds. */
export interface Summary {
  readonly situation: string;
  readonly model: ModelName;
  /** Reads per second. */
  readonly rate: Spread;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** CPU time of all threads per read. */
  readonly cpu: number;
  /** System calls of all threads per read. */
  readonly calls: number | undefined;
  /** Reads per second round by round, to be held against those of another row. */
  readonly rates: readonly number[];
}

/** Condenses one cell: medians over its rounds. */
export function summarize(cell: Cell): Summary {
  const rates = cell.runs.map(rate);
  const latency = (pick: (latency: LatencySummary) => number) => {
    const values = cell.runs.flatMap((run) =>
      run.latency === undefined ? [] : [pick(run.latency)],
    );
    return values.length === 0 ? Number.NaN : spreadOf(values).median;
  };
  return {
    situation: cell.situation.id,
    model: cell.model,
    rate: spreadOf(rates),
    p50: latency((l) => l.p50),
    p99: latency((l) => l.p99),
    p999: latency((l) => l.p999),
    cpu: spreadOf(cell.runs.map(cpuPerOperation)).median,
    calls: cell.calls,
    rates,
  };
}
