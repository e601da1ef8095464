import { realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** Something a rule found. */
export interface Problem {
  /** Relative to the repository, with forward slashes; `""` when no single file is at fault. */
  readonly path: string;
  /** Counted from 1; 0 when the whole file is meant. */
  readonly line: number;
  /** What is wrong and what to do instead. No final period. */
  readonly message: string;
}

/** A problem as one line that terminals and editors turn into a link. */
export function formatProblem(problem: Problem): string {
  if (problem.path === "") return problem.message;
  const place = problem.line > 0 ? `${problem.path}:${problem.line}` : problem.path;
  return `${place}: ${problem.message}`;
}

/**
 * Prints what a check found, as its program does when started by hand, and sets the exit code.
 * `notes` do not fail it.
 */
export function reportProblems(
  name: string,
  problems: readonly Problem[],
  notes: readonly string[] = [],
): void {
  for (const note of notes) console.log(note);
  for (const problem of problems) console.log(formatProblem(problem));
  console.log(problems.length === 0 ? `${name}: ok` : `${name}: ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}

/** Whether this module is the program that Node was started with. */
export function isMain(moduleUrl: string): boolean {
  const started = process.argv[1];
  // Node resolves symbolic links in the URL of a module, but not in the arguments.
  return started !== undefined && moduleUrl === pathToFileURL(realpathSync(started)).href;
}
