/**
 * Writes docs/conformance.md: every assertion about POSIX AIO on every implementation, by doing it.
 *
 *     node dist/tools/conformance.js [--check]
 *
 * With --check nothing is written; the exit code says whether the page is as it would be.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ASSERTIONS } from "../test/compat/posix-aio/assertions.ts";
import type { Implementation } from "../test/compat/posix-aio/fixture.ts";
import { IMPLEMENTATIONS, judge, type Verdict, whyNot } from "../test/compat/posix-aio/verdict.ts";
import { ROOT } from "./lib/files.ts";
import { describeMachine } from "./lib/machine.ts";
import { isMain } from "./lib/problem.ts";

const PAGE = join(ROOT, "docs", "conformance.md");

/** The verdicts on one assertion, in the order of {@link IMPLEMENTATIONS}. */
export interface Row {
  readonly id: string;
  readonly says: string;
  readonly verdicts: readonly Verdict[];
}

/** What stands in a cell: a word, and the number of a note where there is more to say. */
function cell(verdict: Verdict, notes: string[]): string {
  if (!("why" in verdict)) return verdict.kind;
  let at = notes.indexOf(verdict.why);
  if (at === -1) at = notes.push(verdict.why) - 1;
  return `${verdict.kind} (${at + 1})`;
}

/** How often each verdict was reached on one implementation. */
function countsOf(rows: readonly Row[], column: number): string {
  const counts = new Map<string, number>();
  for (const { verdicts } of rows) {
    const kind = verdicts[column]?.kind ?? "not run";
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${kind} ${count}`).join(", ");
}

/** The page for these verdicts. */
export function conformancePage(
  implementations: readonly Implementation[],
  rows: readonly Row[],
  machine: string,
): string {
  const notes: string[] = [];
  const names = implementations.map((name) => (name === "glibc" ? name : `over ${name}`));
  const lines = rows.map(
    ({ id, says, verdicts }) =>
      `| ${id} | ${says} | ${verdicts.map((verdict) => cell(verdict, notes)).join(" | ")} |`,
  );
  const untested = "31 of them had no program in that suite";
  return [
    "# Conformance of POSIX AIO",
    "",
    "The 92 assertions of the Open POSIX Test Suite about POSIX AIO, in our own words, on glibc's",
    `implementation and on ours over an engine; ${untested}.`,
    "Written by `node dist/tools/conformance.js`, which does all of it. Each is a test as well,",
    "under `test/compat/`.",
    "",
    `${machine}.`,
    "",
    ...implementations.map((_, i) => `- ${names[i]}: ${countsOf(rows, i)}`),
    "",
    `| assertion | what the standard says | ${names.join(" | ")} |`,
    `|---|---|${names.map(() => "---|").join("")}`,
    ...lines,
    "",
    "## Notes",
    "",
    ...notes.map((note, i) => `${i + 1}. ${note}`),
    "",
  ].join("\n");
}

/** Holds every assertion against every implementation that can run here. */
async function judgeAll(implementations: readonly Implementation[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const assertion of ASSERTIONS) {
    const verdicts: Verdict[] = [];
    for (const implementation of implementations) {
      verdicts.push(await judge(assertion, implementation));
    }
    rows.push({ id: assertion.id, says: assertion.says, verdicts });
  }
  return rows;
}

async function main(): Promise<void> {
  const missing = IMPLEMENTATIONS.flatMap((name) => whyNot(name) ?? []);
  if (missing.length > 0)
    throw new Error(`Not all implementations run here: ${missing.join("; ")}`);
  const rows = await judgeAll(IMPLEMENTATIONS);
  for (const { id, verdicts } of rows) {
    for (const [i, verdict] of verdicts.entries()) {
      if (verdict.kind !== "fail") continue;
      process.exitCode = 1;
      const { observed, expected } = verdict;
      console.log(`${id} on ${IMPLEMENTATIONS[i]}: ${JSON.stringify({ observed, expected })}`);
    }
  }
  const page = conformancePage(IMPLEMENTATIONS, rows, describeMachine());
  if (!process.argv.includes("--check")) writeFileSync(PAGE, page);
  else if (tableOf(page) !== tableOf(readFileSync(PAGE, "utf8"))) process.exitCode = 1;
  for (const [i, name] of IMPLEMENTATIONS.entries()) console.log(`${name}: ${countsOf(rows, i)}`);
}

/** The part of the page that does not name the machine. */
function tableOf(page: string): string {
  return page.slice(page.indexOf("| assertion |"));
}

if (isMain(import.meta.url)) await main();
