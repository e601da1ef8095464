/** What a guest tells the host: one JSON object per line of `results.jsonl`. */

import { whyKnown } from "./list.ts";

/** A test that failed, and what it said. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** A test that did not run. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** What came of one test file. */
export interface FileResult {
  readonly kind: "file";
  /** The source's path in the repository. */
  readonly file: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
  /** How many tests ran under a suite named after this engine. */
  readonly engines: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** The commit that it ran at; the host adds it. */
  readonly revision?: string;
}

/** A test file has begun. Without a result after it, the guest ended in it. */
export interface FileBegun {
  readonly kind: "begin";
  readonly file: string;
}

/** What the kernel is, as it answers itself. */
export interface KernelFacts {
  readonly kind: "kernel";
  /** `uname -r`. */
  readonly release: string;
  readonly node: string;
  /** IORING_FEAT_* in hexadecimal; empty when there is no ring. */
  readonly features: string;
  /** How many opcodes IORING_REGISTER_PROBE calls supported. */
  readonly opcodes: number;
  /** The setup flags of the ring that the runtime opens. */
  readonly setupFlags: string;
  /** Operations that the runtime does itself. */
  readonly emulated: readonly string[];
  /** `"available"`, or why not. */
  readonly engines: Readonly<Record<string, string>>;
  /** What `proactor.explain()` prints. */
  readonly explanation: string;
}

/** The guest has done all it was asked. */
export interface End {
  readonly kind: "end";
  /** Lines of the kernel's log that speak of a bug. */
  readonly complaints: readonly string[];
}

/** A line of the guest's report. */
export type Line = FileResult | FileBegun | KernelFacts | End;

/** What the guest is to do. */
export interface Job {
  /** The folder of the tree whose `dist` is tested. */
  readonly root: string;
  /** Sources of test files. */
  readonly files: readonly string[];
  /** A file that takes longer is ended. */
  readonly fileLimitMs: number;
}

/** All that is known of one kernel after its run. */
export interface KernelResult {
  readonly version: string;
  /** The Debian suite that it came from. */
  readonly suite: string;
  /** The commit that was tested; with a plus when files were changed. */
  readonly revision: string;
  /** Why there are no results, when it was not booted. */
  readonly skipped?: string;
  readonly facts?: KernelFacts;
  readonly files: readonly FileResult[];
  /** Test files without a result: the guest ended before. */
  readonly missing: readonly string[];
  readonly complaints: readonly string[];
  /** How the guest ended, when not by itself. */
  readonly trouble?: string;
  readonly seconds: number;
}

/** Reads the guest's report. A last line that was cut off is ignored. */
export function parseLines(text: string): Line[] {
  return text.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
}

/** What was asked for and has no result; what had begun is marked. */
export function missingFiles(asked: readonly string[], lines: readonly Line[]): string[] {
  const done = new Set(lines.flatMap((line) => (line.kind === "file" ? [line.file] : [])));
  const begun = new Set(lines.flatMap((line) => (line.kind === "begin" ? [line.file] : [])));
  return asked
    .filter((file) => !done.has(file))
    .map((file) => (begun.has(file) ? `${file} (ended in it)` : file));
}

/**
 * Puts the result of a run of some files into what is kept of the same kernel. Files that ran are
 * renewed, and the others stay; what the kernel complained of stays until a run of everything.
 *
 * @param asked Every file that belongs to a kernel's result, in order.
 */
export function mergeResults(
  kept: KernelResult | undefined,
  latest: KernelResult,
  asked: readonly string[],
): KernelResult {
  if (latest.skipped !== undefined) return kept ?? latest;
  const older = (kept?.files ?? []).map((one) => ({ revision: kept?.revision ?? "", ...one }));
  const found = new Map([...older, ...latest.files].map((one) => [one.file, one]));
  const files = asked.flatMap((file) => found.get(file) ?? []);
  const ended = [...(kept?.missing ?? []), ...latest.missing].filter((text) => text.endsWith(")"));
  const missing = asked
    .filter((file) => !found.has(file))
    .map((file) => ended.find((text) => text.startsWith(`${file} `)) ?? file);
  const facts = latest.facts ?? kept?.facts;
  const trouble = latest.trouble ?? (missing.length > 0 ? kept?.trouble : undefined);
  return {
    version: latest.version,
    suite: latest.suite,
    revision: latest.revision,
    ...(facts === undefined ? {} : { facts }),
    files,
    missing,
    complaints: [...new Set([...(kept?.complaints ?? []), ...latest.complaints])],
    ...(trouble === undefined ? {} : { trouble }),
    seconds: latest.seconds + (kept?.seconds ?? 0),
  };
}

/** Whether everything that was asked for ran, and passed. */
export function isGreen(result: KernelResult): boolean {
  return (
    result.skipped === undefined &&
    result.trouble === undefined &&
    result.facts !== undefined &&
    result.missing.length === 0 &&
    result.complaints.every((line) => whyKnown(result.version, line) !== undefined) &&
    result.files.length > 0 &&
    result.files.every(({ failures }) => failures.length === 0)
  );
}
