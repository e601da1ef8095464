/**
 * Tells code from comments and strings in TypeScript, for rules that look for words.
 *
 * TypeScript 7 offers no parser to programs written in JavaScript, so this is a scanner. It knows
 * strings, nested templates, comments and regular expressions, and nothing else.
 */

/** A source in which what a rule must not see is blanked out. Lines and columns are unchanged. */
export interface Masked {
  /** Without comments. */
  readonly uncommented: string;
  /** Without comments, the contents of strings and templates, and regular expressions. */
  readonly code: string;
}

type Kind = "comment" | "literal";

interface Range {
  readonly start: number;
  readonly end: number;
  readonly kind: Kind;
}

/** After one of these, a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|throw))$/;

/** Separates code from comments and literals. */
export function maskSource(source: string): Masked {
  const ranges = scan(source);
  return {
    uncommented: blank(
      source,
      ranges.filter((range) => range.kind === "comment"),
    ),
    code: blank(source, ranges),
  };
}

function blank(source: string, ranges: readonly Range[]): string {
  let result = "";
  let position = 0;
  for (const { start, end } of ranges) {
    result += source.slice(position, start);
    result += source.slice(start, end).replace(/[^\n]/g, " ");
    position = end;
  }
  return result + source.slice(position);
}

function scan(source: string): Range[] {
  const ranges: Range[] = [];
  /** How many braces are open inside each `${` that we are in. */
  const templates: number[] = [];
  /** The last code that we passed; a literal stands in it as a quote. */
  let passed = "";
  let i = 0;

  const skip = (start: number, end: number, kind: Kind): void => {
    ranges.push({ start, end, kind });
    i = kind === "comment" ? end : end + 1;
    if (kind === "literal") passed = '"';
  };
  const skipTemplateText = (start: number): void => {
    const end = endOfTemplateText(source, start);
    skip(start, end, "literal");
    if (source[end] !== "$") return;
    templates.push(0);
    passed = "{";
    i++;
  };

  while (i < source.length) {
    const char = source[i] ?? "";
    const next = source[i + 1];
    if (char === "/" && next === "/") skip(i, endOfLine(source, i), "comment");
    else if (char === "/" && next === "*") skip(i, endOfBlockComment(source, i), "comment");
    else if (char === '"' || char === "'") skip(i + 1, endOfString(source, i), "literal");
    else if (char === "`") skipTemplateText(i + 1);
    else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      skipTemplateText(i + 1);
    } else if (char === "/" && BEFORE_REGEXP.test(passed.trimEnd())) {
      skip(i + 1, endOfRegExp(source, i), "literal");
    } else {
      countBrace(templates, char);
      passed = (passed + char).slice(-16);
      i++;
    }
  }
  return ranges;
}

function countBrace(templates: number[], char: string): void {
  const depth = templates.at(-1);
  if (depth === undefined) return;
  if (char === "{") templates[templates.length - 1] = depth + 1;
  else if (char === "}") templates[templates.length - 1] = depth - 1;
}

function endOfLine(source: string, start: number): number {
  const end = source.indexOf("\n", start);
  return end === -1 ? source.length : end;
}

function endOfBlockComment(source: string, start: number): number {
  const end = source.indexOf("*/", start + 2);
  return end === -1 ? source.length : end + 2;
}

function endOfString(source: string, start: number): number {
  const quote = source[start];
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === quote || source[i] === "\n") return i;
  }
  return source.length;
}

function endOfTemplateText(source: string, start: number): number {
  for (let i = start; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "`" || (source[i] === "$" && source[i + 1] === "{")) return i;
  }
  return source.length;
}

function endOfRegExp(source: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < source.length; i++) {
    const char = source[i];
    if (char === "\\") i++;
    else if (char === "\n") return i;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return i;
  }
  return source.length;
}

/** The line, counted from 1, that holds the character at `index`. */
export function lineAt(text: string, index: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < index; i = text.indexOf("\n", i + 1)) line++;
  return line;
}
