import { formatMicroseconds, formatRatio } from "../harness/format.ts";
import { ratioOf } from "../harness/statistics.ts";
import { nameOf } from "./names.ts";
import type { Situation } from "./plan.ts";
import type { Summary } from "./summary.ts";

/** Medians that differ by less than this are called equal. */
const NOTABLE = 1.05;

/** One sentence about each row of a situation, out of its numbers. */
export function conclude(situation: Situation, rows: readonly Summary[]): string[] {
  return rows.map((row) => {
    const others = rows.filter((other) => other !== row);
    const clauses = situation.hashing ? hashingClauses(row, others) : speedClauses(row, others);
    if (isOurs(row)) clauses.push(lossesOf(row, others, situation));
    return `${nameOf(row.model)}: ${clauses.join("; ")}.`;
  });
}

function isOurs({ model }: Summary): boolean {
  return model === "io_uring" || model === "thread_pool";
}

/** What a row is compared with: ours with what Node has, the others with the best of ours. */
function referenceFor(row: Summary, others: readonly Summary[]): Summary | undefined {
  const wanted = isOurs(row) ? ["fs/promises"] : ["io_uring", "thread_pool"];
  return wanted.map((name) => others.find(({ model }) => model === name)).find(Boolean);
}

function speedClauses(row: Summary, others: readonly Summary[]): string[] {
  const clauses: string[] = [];
  const reference = referenceFor(row, others);
  if (reference !== undefined) {
    const cpu = times(row.cpu / reference.cpu);
    const name = nameOf(reference.model);
    clauses.push(`${speedAgainst(row, reference)} ${name}, at ${cpu} its CPU per read`);
  }
  if (row.model === "readSync") clauses.push("nothing else runs in its process meanwhile");
  return clauses;
}

function hashingClauses(row: Summary, others: readonly Summary[]): string[] {
  const p99 = formatMicroseconds(row.p99);
  const clauses = [
    `the median read took ${formatMicroseconds(row.p50)}, one in a hundred over ${p99}`,
  ];
  const reference = referenceFor(row, others);
  if (reference !== undefined) {
    clauses.push(`${times(row.p50 / reference.p50)} the time of ${nameOf(reference.model)}`);
  }
  if (row.model === "readSync") clauses.push("it needs no thread but stops everything else");
  return clauses;
}

/** Where other rows are better, and by how much: the most important words about our own. */
function lossesOf(row: Summary, others: readonly Summary[], { hashing }: Situation): string {
  const losses: string[] = [];
  for (const other of others) {
    const behind: string[] = [];
    const speed = ratioOf(other.rates, row.rates);
    const p99 = row.p99 / other.p99;
    const cpu = row.cpu / other.cpu;
    if (!hashing && isClear(speed)) behind.push(`speed ${times(speed.median)}`);
    if (p99 >= NOTABLE) behind.push(`p99 ${times(p99)}`);
    if (!hashing && cpu >= NOTABLE) behind.push(`CPU ${times(cpu)}`);
    if (behind.length > 0) losses.push(`${nameOf(other.model)} (${behind.join(", ")})`);
  }
  return losses.length === 0 ? "loses to none of them" : `loses to ${losses.join(", to ")}`;
}

/** The rounds decide, not the medians alone: where they disagree there is nothing to report. */
function isClear({ median, min }: { median: number; min: number }): boolean {
  return median >= NOTABLE && min > 1;
}

function speedAgainst(row: Summary, reference: Summary): string {
  const { median } = ratioOf(row.rates, reference.rates);
  const faster = isClear(ratioOf(row.rates, reference.rates));
  const slower = isClear(ratioOf(reference.rates, row.rates));
  if (faster || slower) return `${times(median)} the reads of`;
  return "as many reads, within the spread, as";
}

function times(ratio: number): string {
  return ratio < 0.01 ? `1/${formatRatio(1 / ratio)} of` : `${formatRatio(ratio)}×`;
}
