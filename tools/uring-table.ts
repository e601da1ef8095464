/**
 * The table of docs/engines/io-uring.md: every opcode, flag and registration of io_uring, the
 * kernel it needs, and the test that exercises it. Fails when one has neither a test nor a reason.
 *
 * `node dist/tools/uring-table.js --write` writes the table anew.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, readFiles, type SourceFile } from "./lib/files.ts";
import { isMain, type Problem, reportProblems } from "./lib/problem.ts";
import { type UringSection, uringSections } from "./lib/uring-names.ts";

const PAGE = "docs/engines/io-uring.md";
const BEGIN = "<!-- uring-table: written by tools/uring-table.ts, do not edit -->";
const END = "<!-- /uring-table -->";

/** One call of `uringIt` or `uringRefused`: a test, and what it says that it exercises. */
export interface CoveringTest {
  readonly path: string;
  /** Its name, as far as it is written out. */
  readonly name: string;
  readonly covers: readonly string[];
  /** Why it can only show a refusal; undefined where it shows that something works. */
  readonly reason: string | undefined;
}

const CALL =
  /\buring(It|Refused)\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`),\s*\[([^\]]*)\](?:,\s*"((?:[^"\\]|\\.)*)")?/g;

/** The tests of one file, with the lists of names that it spreads into others. */
export function coveringTests({ path, text }: SourceFile): CoveringTest[] {
  const lists = new Map(
    [...text.matchAll(/^const (\w+) = \[([^\]]*)\] as const;$/gm)].map(([, name, list]) => [
      name ?? "",
      list ?? "",
    ]),
  );
  // A list may be given by its name alone, too.
  const spelled = [...lists].reduce(
    (source, [name, list]) => source.replace(new RegExp(`, ${name}, `, "g"), `, [${list}], `),
    text,
  );
  return [...spelled.matchAll(CALL)].map(([, kind, quoted, template, list = "", reason]) => ({
    path,
    name: quoted ?? template ?? "",
    covers: namesIn(list.replace(/\.\.\.(\w+)/g, (_, name: string) => lists.get(name) ?? "")),
    reason: kind === "Refused" ? reason : undefined,
  }));
}

function namesIn(list: string): string[] {
  return [...list.matchAll(/"(\w+)"/g)].map(([, name]) => name ?? "");
}

/** What the tests leave out, and what they name that does not exist. */
export function checkCoverage(
  sections: readonly UringSection[],
  tests: readonly CoveringTest[],
): Problem[] {
  const known = new Set(sections.flatMap(({ names }) => names.map(({ name }) => name)));
  const covered = new Set(tests.flatMap(({ covers }) => covers));
  const unknown = tests.flatMap(({ path, name, covers }) =>
    covers
      .filter((one) => !known.has(one))
      .map((one) => ({ path, line: 0, message: `"${name}" exercises ${one}, which is unknown` })),
  );
  const missing = [...known]
    .filter((name) => !covered.has(name))
    .map((name) => ({ path: PAGE, line: 0, message: `${name} has no test and no reason` }));
  return [...unknown, ...missing];
}

/** The tables, one for each section. */
export function drawTables(
  sections: readonly UringSection[],
  tests: readonly CoveringTest[],
): string {
  const tables = sections.map(({ title, names }) => {
    const rows = names.map(({ name, kernel }) => `| ${name} | ${kernel} | ${cell(name, tests)} |`);
    return [`### ${title}`, "", `| ${heading(title)} | Linux | test |`, "|---|---|---|", ...rows];
  });
  return tables.map((lines) => lines.join("\n")).join("\n\n");
}

function heading(title: string): string {
  return title === "Opcodes" ? "opcode" : title === "Registrations" ? "registration" : "flag";
}

/** The first test that shows it at work, else the first that shows how it is refused. */
function cell(name: string, tests: readonly CoveringTest[]): string {
  const found = tests.filter(({ covers }) => covers.includes(name));
  const test = found.find(({ reason }) => reason === undefined) ?? found[0];
  if (test === undefined) return "none";
  const file = test.path.replace(/^.*\/|\.test\.ts$/g, "");
  const link = `[${file}](../../${test.path}): ${test.name}`;
  return test.reason === undefined ? link : `${link}; no more here: ${test.reason}`;
}

/** Puts the tables between their markers. Undefined when the page has none. */
export function insertTables(page: string, tables: string): string | undefined {
  const start = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (start === -1 || end < start) return undefined;
  return `${page.slice(0, start)}${BEGIN}\n\n${tables}\n\n${page.slice(end)}`;
}

/** The tests of `proactor/ring`, in the order of their files. */
export function ringTests(files: readonly SourceFile[]): CoveringTest[] {
  return files
    .filter(({ path }) => /^test\/compat\/ring-[\w-]+\.test\.ts$/.test(path))
    .flatMap(coveringTests);
}

/** Checks that everything has a test or a reason, and that the page says so. */
export function checkTables(files: readonly SourceFile[]): Problem[] {
  const sections = uringSections();
  const tests = ringTests(files);
  const problems = checkCoverage(sections, tests);
  const page = files.find(({ path }) => path === PAGE)?.text ?? "";
  const redrawn = insertTables(page, drawTables(sections, tests));
  if (redrawn === undefined) {
    problems.push({ path: PAGE, line: 0, message: "has no uring-table markers" });
  } else if (redrawn !== page) {
    const message = "the table is out of date: run node dist/tools/uring-table.js --write";
    problems.push({ path: PAGE, line: 0, message });
  }
  return problems;
}

function writeTables(files: readonly SourceFile[]): void {
  const path = join(ROOT, PAGE);
  const page = insertTables(
    readFileSync(path, "utf8"),
    drawTables(uringSections(), ringTests(files)),
  );
  if (page === undefined) throw new Error(`${PAGE} has no uring-table markers`);
  writeFileSync(path, page);
}

if (isMain(import.meta.url)) {
  if (process.argv.includes("--write")) writeTables(readFiles());
  reportProblems("uring-table", checkTables(readFiles()));
}
