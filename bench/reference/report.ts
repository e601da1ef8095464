import Table from "cli-table3";
import { formatMicroseconds, formatRate, formatRatio, significant } from "../harness/format.ts";
import { type Machine, machineLine } from "../harness/machine.ts";
import type { Spread } from "../harness/statistics.ts";
import type { Metric, Result, Row } from "./rows.ts";

const HEAD = [
  "same work, 4 KiB random reads",
  "against",
  "median",
  "spread",
  "floor",
  "",
  "ours",
  "theirs",
];

const BEGIN = "<!-- bench:reference begin: written by `npm run bench:reference`, do not edit -->";
const END = "<!-- bench:reference end -->";

/** A finished comparison. */
export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly command: string;
  readonly results: readonly Result[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** The cells of one line of the table. */
export function cellsOf({ row, value, ours, theirs, verdict }: Result): string[] {
  const show = formatOf(row);
  return [
    row.work,
    row.against ?? "",
    value === undefined ? "–" : show(value.median),
    value === undefined ? "–" : spread(value, show),
    floorOf(row),
    verdict,
    ours === undefined ? "–" : UNITS[row.metric](ours.median),
    theirs === undefined ? "–" : UNITS[row.metric](theirs.median),
  ];
}

/** The table for a terminal. */
export function terminalTable(results: readonly Result[]): string {
  const table = new Table({
    head: HEAD,
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "right", "right", "right", "left", "right", "right"],
    colWidths: [34, 22, null, null, null, null, null, null],
    wordWrap: true,
  });
  for (const result of results) table.push(cellsOf(result));
  return table.toString();
}

/** The generated section of docs/benchmarks.md. */
export function markdownSection(report: Report): string {
  const rule = HEAD.map((_, column) => (column < 2 || column === 5 ? "---" : "---:"));
  const lines = [HEAD, rule, ...report.results.map(cellsOf)].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
  const { machine, rounds, seconds, command, notes } = report;
  return [
    BEGIN,
    "",
    `\`${command}\`: ${rounds} interleaved rounds of ${seconds} s, medians, spread = smallest to`,
    "largest round. A quotient is taken round by round, so both of its sides ran side by side.",
    "",
    `Machine: ${machineLine(machine)}; load average before: ${machine.load.toFixed(2)}.`,
    ...(machine.mitigations.length === 0
      ? []
      : ["", `Mitigations: ${machine.mitigations.join("; ")}.`]),
    "",
    ...lines,
    "",
    ...notes.map((note) => `- ${note}`),
    ...(notes.length === 0 ? [] : [""]),
    END,
  ].join("\n");
}

/** Puts the section in place of the one in the page. Throws when the page has no place for it. */
export function replaceSection(page: string, section: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error("The page has no section to replace");
  return page.slice(0, begin) + section + page.slice(end + END.length);
}

/** How many rows passed, missed, and could not be measured, in words. */
export function summaryOf(results: readonly Result[]): string {
  const count = (verdict: Result["verdict"]) =>
    results.filter((result) => result.verdict === verdict).length;
  const missed = results.filter(({ verdict }) => verdict === "MISS").map(({ row }) => row.id);
  const names = missed.length === 0 ? "" : ` (${missed.join(", ")})`;
  const others = `${count("not measured")} not measured`;
  return `${count("PASS")} pass, ${missed.length} miss${names}, ${others}`;
}

const UNITS: Record<Metric, (value: number) => string> = {
  rate: (value) => `${formatRate(value)}/s`,
  cpu: formatMicroseconds,
  p99: formatMicroseconds,
  calls: (value) => (value === 0 ? "0" : significant(value)),
  heap: (value) => `${Math.round(value)} B`,
};

function formatOf(row: Row): (value: number) => string {
  return row.theirs === undefined ? UNITS[row.metric] : formatRatio;
}

function floorOf(row: Row): string {
  const show = formatOf(row);
  if (row.atLeast !== undefined) return `>= ${show(row.atLeast)}`;
  if (row.atMost !== undefined) return row.atMost === 0 ? "0" : `<= ${show(row.atMost)}`;
  return "";
}

function spread({ min, max }: Spread, show: (value: number) => string): string {
  return `${show(min)} … ${show(max)}`;
}
