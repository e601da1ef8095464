/** Style as a program: what Biome does not look at. Each rule is a function with a test. */

import { spawnSync } from "node:child_process";
import { entryPoints } from "./check-docs.ts";
import { importsOf, resolveImport } from "./check-layers.ts";
import { git, ROOT, readFiles, type SourceFile } from "./lib/files.ts";
import { checkColumns, checkFileLength, checkFunctionLength, longFiles } from "./lib/lengths.ts";
import { isMain, type Problem, reportProblems } from "./lib/problem.ts";
import { checkLeftovers, checkPlaces, checkWhiteSpace, checkWords } from "./lib/words.ts";

/** Bytes that one file in git may have: what is bigger is made by a command instead. */
export const MAX_BLOB_BYTES = 200 * 1024;

/** The rules that look at one file. */
const FILE_RULES: readonly ((file: SourceFile) => Problem[])[] = [
  checkColumns,
  checkFileLength,
  checkFunctionLength,
  checkWords,
  checkLeftovers,
  (file) => checkPlaces(file),
  checkWhiteSpace,
  checkLock,
];

/**
 * Finds files of src that no program imports. Tests do not count: what only they use is dead.
 * A module may also be named by `new URL("./worker.ts", import.meta.url)`.
 */
export function checkNeverImported(files: readonly SourceFile[]): Problem[] {
  const manifest = files.find(({ path }) => path === "package.json")?.text ?? "{}";
  const used = new Set(entryPoints(manifest));
  for (const { path, text } of files) {
    if (!path.endsWith(".ts") || path.startsWith("test/")) continue;
    const workers = text.matchAll(/new URL\(\s*"([^"]+)\.[jt]s"/g);
    const specifiers = importsOf(text).map(({ specifier }) => specifier);
    for (const specifier of [...specifiers, ...[...workers].map(([, stem]) => `${stem}.ts`)]) {
      const target = resolveImport(path, specifier);
      if (target !== undefined && target !== path) used.add(target);
    }
  }
  return files
    .filter(({ path }) => /^src\/.*(?<!\.d)\.ts$/.test(path) && !used.has(path))
    .map(({ path }) => ({ path, line: 0, message: "no program imports this file" }));
}

/** One version of one file, as git keeps it. */
export interface Blob {
  readonly path: string;
  readonly bytes: number;
}

/** A big file stays in every clone for ever, even after it was deleted. */
export function checkBlobs(blobs: readonly Blob[]): Problem[] {
  return blobs
    .filter(({ bytes }) => bytes > MAX_BLOB_BYTES)
    .map(({ path, bytes }) => ({
      path,
      line: 0,
      message: `${Math.ceil(bytes / 1024)} KiB in git: at most ${MAX_BLOB_BYTES / 1024}`,
    }));
}

/** Every blob of the history that HEAD leads to. Empty without git. */
function blobsInGit(): Blob[] {
  const objects = git(ROOT, ["rev-list", "--objects", "HEAD"]);
  if (objects === undefined) return [];
  const format = "--batch-check=%(objecttype) %(objectsize) %(rest)";
  const described = git(ROOT, ["cat-file", format], objects) ?? "";
  return described.split("\n").flatMap((line) => {
    const [, bytes, path] = /^blob (\d+) (.+)$/.exec(line) ?? [];
    return path === undefined ? [] : [{ path, bytes: Number(bytes) }];
  });
}

/** A package in package-lock.json. */
interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * `npm ci` refuses a lock that lacks the build of a tool for any platform, and `npm install` leaves
 * out those it could not look up.
 */
export function checkLock({ path, text }: SourceFile): Problem[] {
  if (path !== "package-lock.json") return [];
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> };
  const wanted = Object.values(packages).flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  );
  return wanted
    .filter((name) => packages[`node_modules/${name}`] === undefined)
    .map((name) => ({ path, line: 0, message: `lacks ${name}: npm ci would refuse to install` }));
}

/** What clang-format said about the C sources. */
export interface FormatResult {
  /** Undefined when it could not be started. */
  readonly status: number | null | undefined;
  readonly stderr: string;
}

/** Turns clang-format's complaints into problems, one for each file. */
export function checkFormatOfC(result: FormatResult): Problem[] {
  if (result.status === undefined || result.status === 0) return [];
  const places = result.stderr.matchAll(/^(?:\.\/)?([^\s:]+):(\d+):\d+: (?:error|warning):/gm);
  const first = new Map<string, number>();
  for (const [, path = "", line] of places) {
    if (!first.has(path)) first.set(path, Number(line));
  }
  const message = "not as clang-format writes it: run clang-format -i";
  if (first.size === 0) return [{ path: "native", line: 0, message: result.stderr.trim() }];
  return [...first].map(([path, line]) => ({ path, line, message }));
}

function runClangFormat(paths: readonly string[]): FormatResult {
  if (paths.length === 0) return { status: 0, stderr: "" };
  const options = { cwd: ROOT, encoding: "utf8" } as const;
  const result = spawnSync("clang-format", ["--dry-run", "--Werror", ...paths], options);
  if (result.error !== undefined) return { status: undefined, stderr: "" };
  return { status: result.status, stderr: result.stderr };
}

/** What tidy found, and what it wants known without failing. */
export interface TidyResult {
  readonly problems: Problem[];
  readonly notes: string[];
}

/** Applies every rule to the repository. */
export function tidy(files: readonly SourceFile[]): TidyResult {
  const notes: string[] = [];
  const sourcesInC = files.map(({ path }) => path).filter((path) => /\.[ch]$/.test(path));
  const format = runClangFormat(sourcesInC);
  if (format.status === undefined) {
    notes.push("SKIPPED: clang-format is not installed, the format of C was not checked");
  }
  const long = longFiles(files);
  if (long.length > 0) notes.push(`long files: ${long.join(", ")}`);
  const problems = [
    ...files.flatMap((file) => FILE_RULES.flatMap((rule) => rule(file))),
    ...checkNeverImported(files),
    ...checkBlobs(blobsInGit()),
    ...checkFormatOfC(format),
  ];
  return { problems, notes };
}

if (isMain(import.meta.url)) {
  const { problems, notes } = tidy(readFiles());
  reportProblems("tidy", problems, notes);
}
