import Table from "cli-table3";
import { formatMicroseconds, formatRate, formatRatio, significant } from "../harness/format.ts";
import { type Machine, machineLine } from "../harness/machine.ts";
import type { Spread } from "../harness/statistics.ts";
import type { Metric, Result, Row } from "./rows.ts";

/** A generated part of docs/benchmarks.md. */
export interface Section {
  /** The command that writes it, `"bench:reference"`. */
  readonly command: string;
  /** What the first column is headed by. */
  readonly work: string;
}

/** Reads of blocks, beside C and fio. */
export const REFERENCE_SECTION: Section = {
  command: "bench:reference",
  work: "same work, 4 KiB random reads",
};

/** Files, streams and trees, beside node:fs. */
export const FS_SECTION: Section = { command: "bench:fs", work: "same work" };

const COLUMNS = ["against", "median", "spread", "floor", "", "ours", "theirs"];

function beginOf({ command }: Section): string {
  return `<!-- ${command} begin: written by \`npm run ${command}\`, do not edit -->`;
}

function endOf({ command }: Section): string {
  return `<!-- ${command} end -->`;
}

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
export function terminalTable(results: readonly Result[], section = REFERENCE_SECTION): string {
  const table = new Table({
    head: [section.work, ...COLUMNS],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "left", "right", "right", "right", "left", "right", "right"],
    colWidths: [34, 22, null, null, null, null, null, null],
    wordWrap: true,
  });
  for (const result of results) table.push(cellsOf(result));
  return table.toString();
}

/** The generated section of docs/benchmarks.md. */
export function markdownSection(report: Report, section = REFERENCE_SECTION): string {
  const head = [section.work, ...COLUMNS];
  const rule = head.map((_, column) => (column < 2 || column === 5 ? "---" : "---:"));
  const lines = [head, rule, ...report.results.map(cellsOf)].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );
  const { machine, rounds, seconds, command, notes } = report;
  return [
    beginOf(section),
    "",
    wrapped(
      `\`${command}\`: ${rounds} interleaved rounds of ${seconds} s, medians, spread = smallest ` +
        "to largest round. A quotient is taken round by round, so both of its sides ran side by " +
        "side.",
    ),
    "",
    wrapped(`Machine: ${machineLine(machine)}; load average before: ${machine.load.toFixed(2)}.`),
    ...(machine.mitigations.length === 0
      ? []
      : ["", wrapped(`Mitigations: ${machine.mitigations.join("; ")}.`)]),
    "",
    ...lines,
    "",
    ...notes.map((note) => `- ${note}`),
    ...(notes.length === 0 ? [] : [""]),
    endOf(section),
  ].join("\n");
}

/** A paragraph in lines of at most 100 columns, as every page here has them. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= 100) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** Puts the section in place of the one in the page. Throws when the page has no place for it. */
export function replaceSection(page: string, text: string, section = REFERENCE_SECTION): string {
  const begin = page.indexOf(beginOf(section));
  const last = endOf(section);
  const end = page.indexOf(last);
  if (begin === -1 || end < begin) throw new Error("The page has no section to replace");
  return page.slice(0, begin) + text + page.slice(end + last.length);
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
