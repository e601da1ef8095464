/** Rules about size: columns, lines of a file, lines of a function. */

import type { SourceFile } from "./files.ts";
import { maskSource } from "./mask.ts";
import type { Problem } from "./problem.ts";

/** Columns that a line may fill. */
export const MAX_COLUMNS = 100;
/** Lines at which a file is listed as long. */
export const LONG_FILE_LINES = 300;
/** Lines that a file may have. */
export const MAX_FILE_LINES = 600;
/** Lines that a function may have, from its head to its closing brace. Lower it when you can. */
export const MAX_FUNCTION_LINES = 70;

const TAB_COLUMNS = 8;

/** Whether people write this file as code. */
export function isCode(path: string): boolean {
  return /\.(?:ts|mts|js|mjs|c|h|sh)$/.test(path) || path === ".ci/run";
}

/**
 * No line is wider than a reader's window. What cannot be broken may be: tables, fenced output,
 * addresses, and a regular expression on a line of its own.
 */
export function checkColumns({ path, text }: SourceFile): Problem[] {
  const isPage = path.endsWith(".md");
  if (!isPage && !isCode(path)) return [];
  let fenced = false;
  return text.split("\n").flatMap((line, index) => {
    if (isPage && /^\s*(?:```|~~~)/.test(line)) fenced = !fenced;
    const columns = widthOf(line);
    const unbreakable = isPage
      ? fenced || /^\s*\||:\/\/\S/.test(line)
      : /:\/\/\S|^\s*(?:pattern: )?\/.*\/\w*[,;]?$/.test(line);
    if (columns <= MAX_COLUMNS || unbreakable) return [];
    return [{ path, line: index + 1, message: `${columns} columns: at most ${MAX_COLUMNS}` }];
  });
}

function widthOf(line: string): number {
  let columns = 0;
  for (const char of line) columns += char === "\t" ? TAB_COLUMNS - (columns % TAB_COLUMNS) : 1;
  return columns;
}

/** A file that nobody can hold in mind is split. */
export function checkFileLength({ path, text }: SourceFile): Problem[] {
  const lines = countLines(text);
  if (!isCode(path) || lines <= MAX_FILE_LINES) return [];
  return [{ path, line: 0, message: `${lines} lines: split it, at most ${MAX_FILE_LINES}` }];
}

/** The files that are longer than they should be, longest first, for a note. */
export function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => isCode(path))
    .map(({ path, text }) => ({ path, lines: countLines(text) }))
    .filter(({ lines }) => lines > LONG_FILE_LINES)
    .sort((a, b) => b.lines - a.lines)
    .map(({ path, lines }) => `${path} (${lines})`);
}

function countLines(text: string): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** A function that does not fit on a screen is split. Suites of tests are lists, not functions. */
export function checkFunctionLength(file: SourceFile): Problem[] {
  const functions = /\.(?:c|h)$/.test(file.path)
    ? functionsOfC(file.text)
    : /\.(?:ts|mjs)$/.test(file.path)
      ? functionsOfTypeScript(file.text)
      : [];
  return functions
    .filter(({ first, last }) => last - first + 1 > MAX_FUNCTION_LINES)
    .map(({ first, last }) => ({
      path: file.path,
      line: first,
      message: `a function of ${last - first + 1} lines: at most ${MAX_FUNCTION_LINES}`,
    }));
}

/** The lines of a function, counted from 1, both included. */
interface Extent {
  readonly first: number;
  readonly last: number;
}

const NO_FUNCTION = /^(?:\} )?(?:if|else|for|while|switch|catch|(?:export )?(?:abstract )?class)\b/;
const SUITE = /^(?:describe\w*|suite)\b/;

/**
 * Functions of a source that Biome has formatted: the head begins, and the closing brace stands, at
 * the same indentation.
 */
export function functionsOfTypeScript(text: string): Extent[] {
  const lines = maskSource(text).code.split("\n");
  return lines.flatMap((line, index) => {
    if (!/(?:=>|\)(?:: .*)?) \{$/.test(line)) return [];
    const first = headOf(lines, index);
    const head = lines[first]?.trim() ?? "";
    if (NO_FUNCTION.test(line.trim()) || NO_FUNCTION.test(head) || SUITE.test(head)) return [];
    const closing = `${" ".repeat(indentOf(line))}}`;
    const length = lines.slice(index + 1).findIndex((other) => other.startsWith(closing));
    return length === -1 ? [] : [{ first: first + 1, last: index + length + 2 }];
  });
}

/** The line on which the head that ends at `index` begins: parameters may fill lines between. */
function headOf(lines: readonly string[], index: number): number {
  const line = lines[index] ?? "";
  if (!/^\s*[)\]}]/.test(line)) return index;
  const indent = indentOf(line);
  let first = index - 1;
  while (first > 0 && (lines[first]?.trim() === "" || indentOf(lines[first] ?? "") > indent))
    first--;
  return first;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Functions of a C source in kernel style: the braces of a function stand in the first column. */
export function functionsOfC(text: string): Extent[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    if (line !== "{") return [];
    const length = lines.slice(index).indexOf("}");
    let first = index;
    while (
      first > 0 &&
      /\S/.test(lines[first - 1] ?? "") &&
      !/[;}/]$/.test(lines[first - 1] ?? "")
    ) {
      first--;
    }
    return length === -1 ? [] : [{ first: first + 1, last: index + length + 1 }];
  });
}
