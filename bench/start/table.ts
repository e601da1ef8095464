import Table from "cli-table3";
import { formatMicroseconds, formatRate, significant } from "../harness/format.ts";
import { nameOf } from "./names.ts";
import type { Situation } from "./plan.ts";
import type { Summary } from "./summary.ts";

const HEAD = ["", "reads/s", "spread", "p50", "p99", "p99.9", "CPU/read", "syscalls/read"];

/** Lines between rows say nothing; columns need two blanks. */
const CHARACTERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
};

/** The whole comparison as one table, without its closing newline. */
export function renderTable(situations: readonly Situation[], rows: readonly Summary[]): string {
  const table = new Table({
    chars: CHARACTERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    colAligns: ["left", ...HEAD.slice(1).map(() => "right" as const)],
  });
  table.push(HEAD);
  for (const situation of situations) {
    const ours = rows.filter((row) => row.situation === situation.id);
    if (ours.length === 0) continue;
    table.push([{ content: "", colSpan: HEAD.length }]);
    table.push([{ content: situation.title, colSpan: HEAD.length }]);
    for (const row of ours) table.push(cellsOf(row, situation));
  }
  // The last column's padding would be trailing blanks.
  return table.toString().replace(/[ \t]+$/gm, "");
}

function cellsOf(row: Summary, { hashing }: Situation): string[] {
  const { min, max } = row.rate;
  return [
    `  ${nameOf(row.model)}`,
    formatRate(row.rate.median),
    // Hashing runs once, because one of its reads may take seconds.
    row.rates.length > 1 ? `${formatRate(min)} … ${formatRate(max)}` : "–",
    formatMicroseconds(row.p50),
    formatMicroseconds(row.p99),
    formatMicroseconds(row.p999),
    // Most of the CPU time is the hashes'.
    hashing ? "–" : formatMicroseconds(row.cpu),
    row.calls === undefined ? "–" : significant(row.calls),
  ];
}
