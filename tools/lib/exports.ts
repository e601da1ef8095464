/**
 * Finds exported declarations and their docstrings in sources that Biome has formatted: a
 * declaration at the top level begins in the first column, a member of a class in the third.
 */

import { maskSource } from "./mask.ts";

/** Something a module declares and exports, or a member of an exported class. */
export interface Declaration {
  readonly name: string;
  /** Counted from 1. */
  readonly line: number;
  /** The text of the docstring directly above, without its stars; undefined when there is none. */
  readonly doc: string | undefined;
}

/** `export { a, b as c } from "./x.ts"`, or `export * from "./x.ts"` with `names` undefined. */
export interface ReExport {
  /** Undefined for names that the module declares or imports itself. */
  readonly specifier: string | undefined;
  /** What each is called there. */
  readonly names: readonly string[] | undefined;
}

const DECLARATION =
  /^export (?:declare |default |abstract |async )*(?:(?:const|let) +([[{])|(?:function\*?|class|const|let|interface|type|namespace) +([\w$]+))/;

const MEMBER =
  /^ {2}((?:(?:public|protected|private|static|async|override|get|set|abstract) )*)\*?([A-Za-z_$][\w$]*|\[[\w.]+\])(?:<[^(]*>)?\(/;

/** Every exported declaration of a module, in order. Overloads and merged names count once. */
export function declarationsOf(text: string): Declaration[] {
  const code = maskSource(text).code.split("\n");
  const lines = text.split("\n");
  const found = new Map<string, Declaration>();
  for (const [index, line] of code.entries()) {
    const [, pattern, name = pattern] = DECLARATION.exec(line) ?? [];
    if (name === undefined || found.has(name)) continue;
    found.set(name, { name, line: index + 1, doc: docAbove(lines, index) });
  }
  return [...found.values()];
}

/**
 * The public methods and accessors of an exported class. A constructor is described by its class,
 * and an overriding method by what it overrides.
 */
export function membersOf(text: string, className: string): Declaration[] {
  const code = maskSource(text).code.split("\n");
  const lines = text.split("\n");
  const start = code.findIndex((line) => classNameIn(line) === className);
  if (start === -1) return [];
  const length = code.slice(start).findIndex((line) => line.startsWith("}"));
  const found = new Map<string, Declaration>();
  for (let index = start + 1; index < start + length; index++) {
    const match = MEMBER.exec(code[index] ?? "");
    const [, modifiers = "", name = "constructor"] = match ?? [];
    if (name === "constructor" || found.has(name)) continue;
    if (/\b(?:private|protected|override)\b/.test(modifiers)) continue;
    found.set(name, { name, line: index + 1, doc: docAbove(lines, index) });
  }
  return [...found.values()];
}

function classNameIn(line: string): string | undefined {
  return /^export (?:default |abstract )*class ([\w$]+)/.exec(line)?.[1];
}

/** The name of the class that an exported class extends; undefined where there is none. */
export function parentOf(text: string, className: string): string | undefined {
  const line = maskSource(text)
    .code.split("\n")
    .find((each) => classNameIn(each) === className);
  return line === undefined ? undefined : / extends ([\w$]+)/.exec(line)?.[1];
}

/** What a module exports without declaring it in the same statement. */
export function reExportsOf(text: string): ReExport[] {
  const source = maskSource(text).uncommented;
  const lists = source.matchAll(/^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?/gm);
  const stars = source.matchAll(/^export (?:type )?\* (?:as [\w$]+ )?from "([^"]+)"/gm);
  return [
    ...[...lists].map(([, names = "", specifier]) => ({ specifier, names: namesIn(names) })),
    ...[...stars].map(([, specifier]) => ({ specifier, names: undefined })),
  ];
}

/** `a, type B, c as d` names `a`, `B` and `c`. */
function namesIn(list: string): string[] {
  return list
    .split(",")
    .map(
      (item) =>
        item
          .trim()
          .replace(/^type /, "")
          .split(" ")[0] ?? "",
    )
    .filter((name) => name !== "");
}

/** The docstring that ends on the line above `index`. */
function docAbove(lines: readonly string[], index: number): string | undefined {
  let end = index - 1;
  // A directive for the linter may stand between.
  while (/^\s*(?:\/\/ biome-ignore|@)/.test(lines[end] ?? "")) end--;
  if (lines[end]?.trimEnd().endsWith("*/") !== true) return undefined;
  let start = end;
  while (start > 0 && !/^\s*\/\*/.test(lines[start] ?? "")) start--;
  if (!/^\s*\/\*\*/.test(lines[start] ?? "")) return undefined;
  return lines
    .slice(start, end + 1)
    .map((line) =>
      line
        .replace(/^\s*\/\*\*|\*\/\s*$/g, "")
        .replace(/^\s*\* ?/, "")
        .trim(),
    )
    .join("\n")
    .trim();
}

/** Whether a docstring says something: one sentence that begins and ends as sentences do. */
export function hasSentence(doc: string): boolean {
  const prose = doc.split(/^@/m)[0] ?? "";
  return /^["'`(\d\p{Lu}]\S*(?:\s+\S+)+?[.!?:]["'`)]*(?:\s|$)/u.test(prose.trim());
}
