/** Rules about what is written: words with another name here, leftovers, places, white space. */

import { homedir } from "node:os";
import type { SourceFile } from "./files.ts";
import { ROOT } from "./files.ts";
import type { Problem } from "./problem.ts";

/** A word of the glossary's "Do not say" column that can be found without false alarms. */
export interface BannedWord {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Files where the word is the kernel's own. */
  readonly except?: RegExp;
}

/** Each with what STYLE.md says instead. */
export const BANNED_WORDS: readonly BannedWord[] = [
  { pattern: /\bback-?ends?\b/i, instead: "engine" },
  {
    pattern: /(?<!\b(?:device|disk|block|nvme|kernel|network|loop) )\bdrivers?\b/i,
    instead: "engine",
    except: /^(?:src\/abi|native)\//,
  },
  { pattern: /\b(?:engine|I\/O) providers?\b/i, instead: "engine" },
  { pattern: /\bborrow(?:s|ed|ing)?\b/i, instead: "lend, or lease" },
  { pattern: /\b(?:Io_[Uu]ring|IO_[Uu]ring|iouring|IOuring|IOUring)\b/, instead: "io_uring" },
  { pattern: /\b(?:Lib[Uu]ring|libUring|LIBURING)\b/, instead: "liburing" },
  { pattern: /\b(?:KQueue|KQUEUE|Kqueue)\b/, instead: "kqueue" },
  { pattern: /\bPOSIX-AIO\b|\bPosix AIO\b/, instead: "POSIX AIO" },
  { pattern: /\bLinux-AIO\b|\blinux AIO\b/, instead: "Linux AIO" },
  { pattern: /\b(?:thread-pool|threadpool)\b(?!\.)/, instead: "thread pool, or thread_pool" },
  {
    pattern: /\b(?:behaviour|colour|favour|honour|neighbour)\w*/i,
    instead: "the American spelling",
  },
  {
    pattern:
      /\b(?:final|general|initial|minim|maxim|normal|optim|organ|recogn|serial|special|util)is(?:e|ed|es|ing|ation)\b/i,
    instead: "the American spelling",
  },
];

/** These pages and programs quote what they forbid. */
const QUOTES_WORDS = /^(?:STYLE\.md|tools\/lib\/words\.ts|test\/tools\/.*)$/;
const GENERATED = /^(?:package-lock\.json|LICENSE)$/;

/** Paths, addresses and identifiers of other projects keep their own spelling. */
function withoutNames(line: string): string {
  return line
    .replace(/\w+:\/\/\S+/g, "")
    .replace(/[\w.@-]*\/[\w./@-]*/g, " ")
    .replace(/\b[\w-]+\.(?:ts|js|mjs|json|md|c|h)\b/g, " ");
}

/** A word has one meaning: what the glossary rules out is not said. */
export function checkWords({ path, text }: SourceFile): Problem[] {
  if (QUOTES_WORDS.test(path) || GENERATED.test(path)) return [];
  return text.split("\n").flatMap((line, index) => {
    const prose = withoutNames(line);
    return BANNED_WORDS.flatMap(({ pattern, instead, except }) => {
      const word = pattern.exec(prose)?.[0];
      if (word === undefined || except?.test(path)) return [];
      return [{ path, line: index + 1, message: `"${word}": say ${instead} (STYLE.md)` }];
    });
  });
}

/** What was to be done is done, or it is an issue. */
export function checkLeftovers({ path, text }: SourceFile): Problem[] {
  if (QUOTES_WORDS.test(path) || GENERATED.test(path)) return [];
  return text.split("\n").flatMap((line, index) => {
    const word = /\b(?:FIXME|TODO|XXX|HACK)\b(?!\()|\b(?:TODO|FIXME)\(/.exec(line)?.[0];
    if (word === undefined) return [];
    return [{ path, line: index + 1, message: `a leftover ${word}: do it, or open an issue` }];
  });
}

const REGISTRY = /\bregistry\.[\w-]+\.\w+|"resolved":|\bregistry\s*=|\b_authToken\b/;
const HOME = /(?<![\w.~/-])\/(?:home\/(?!\*)[\w-]+|Users\/[\w-]+|root)\/[\w.]/;

/** The repository knows neither the machine it was written on nor a registry. */
export function checkPlaces(
  { path, text }: SourceFile,
  ownPlaces: readonly string[] = placesOfThisMachine(),
): Problem[] {
  if (QUOTES_WORDS.test(path)) return [];
  return text.split("\n").flatMap((line, index) => {
    const registry = REGISTRY.exec(line)?.[0];
    const place = HOME.exec(line)?.[0] ?? ownPlaces.find((own) => line.includes(own));
    const found = registry ?? place;
    if (found === undefined) return [];
    const what = registry === undefined ? "a path of one machine" : "a registry's address";
    return [{ path, line: index + 1, message: `"${found}" is ${what}` }];
  });
}

/** Folders that betray the author: the home folder and the clone, where they are recognizable. */
function placesOfThisMachine(): string[] {
  return [homedir(), ROOT]
    .filter((place) => place.split("/").length > 2)
    .map((place) => `${place}/`);
}

/** No white space at the end of a line, and one line feed at the end of a file. */
export function checkWhiteSpace({ path, text }: SourceFile): Problem[] {
  if (text === "" || GENERATED.test(path)) return [];
  const problems = text.split("\n").flatMap((line, index) => {
    if (!/[ \t\r]$/.test(line)) return [];
    return [{ path, line: index + 1, message: "white space at the end of the line" }];
  });
  if (!text.endsWith("\n") || text.endsWith("\n\n")) {
    problems.push({ path, line: text.split("\n").length, message: "ends without one line feed" });
  }
  return problems;
}
