/**
 * The one gate. Every step runs, whatever the ones before it found; the exit code is 1 when any
 * failed, and the output ends with node:test's own summary.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { checkDocs } from "./check-docs.ts";
import { checkLayers } from "./check-layers.ts";
import { ROOT, readFiles, type SourceFile } from "./lib/files.ts";
import {
  addonsBuilt,
  collectEvidence,
  describeEngines,
  describeMachine,
  expectedEngines,
} from "./lib/machine.ts";
import { formatProblem, type Problem } from "./lib/problem.ts";
import { runTests } from "./run-tests.ts";
import { tidy } from "./tidy.ts";

/** What a step found. */
interface StepResult {
  readonly ok: boolean;
  /** Printed below the step's line. */
  readonly lines: readonly string[];
}

/** How the gate was called. */
interface Arguments {
  /** Exit code of the addon's build; undefined when the caller did not build it. */
  readonly native: number | undefined;
  /** Exit code of tsc; undefined when the caller did not run it. */
  readonly types: number | undefined;
  readonly filters: readonly string[];
}

/** Reads `--native=<code> --types=<code> [part of a test file's path]…`. */
function parseArguments(args: readonly string[]): Arguments {
  const code = (name: string): number | undefined => {
    const found = args.find((arg) => arg.startsWith(`--${name}=`));
    return found === undefined ? undefined : Number(found.split("=")[1]);
  };
  const filters = args.filter((arg) => !arg.startsWith("-"));
  return { native: code("native"), types: code("types"), filters };
}

/** Runs a program of a development dependency. Its output counts only when it fails. */
function runTool(script: string, args: readonly string[]): StepResult {
  const path = join(ROOT, "node_modules", script);
  const result = spawnSync(process.execPath, [path, ...args], { cwd: ROOT, encoding: "utf8" });
  const output = `${result.stdout}${result.stderr}`.trimEnd();
  return { ok: result.status === 0, lines: result.status === 0 ? [] : output.split("\n") };
}

function checkTypes(types: number | undefined): StepResult {
  if (types === undefined) return runTool("typescript/bin/tsc", ["-p", "tsconfig.json"]);
  return { ok: types === 0, lines: types === 0 ? [] : ["tsc said why, further up"] };
}

function checkNative(native: number | undefined): StepResult {
  if (native !== undefined && native !== 0) return { ok: false, lines: ["see further up"] };
  const lines = addonsBuilt().length > 0 ? [] : ["SKIPPED: no addon for this platform was built"];
  return { ok: true, lines };
}

function fromProblems(problems: readonly Problem[], notes: readonly string[] = []): StepResult {
  return { ok: problems.length === 0, lines: [...notes, ...problems.map(formatProblem)] };
}

/** Runs one step, prints its line, and returns whether it passed. */
function step(name: string, body: () => StepResult): boolean {
  const start = performance.now();
  const { ok, lines } = body();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${ok ? "ok    " : "FAILED"} ${name.padEnd(16)} ${seconds} s`);
  for (const line of lines) console.log(`       ${line}`);
  return ok;
}

/** Runs every step before the tests and returns the names of those that failed. */
function runSteps({ native, types }: Arguments, files: readonly SourceFile[]): string[] {
  const biome = ["check", "--error-on-warnings", "--max-diagnostics=50", "."];
  const steps: [name: string, body: () => StepResult][] = [
    ["format and lint", () => runTool("@biomejs/biome/bin/biome", biome)],
    ["types", () => checkTypes(types)],
    ["native", () => checkNative(native)],
    ["layers", () => fromProblems(checkLayers(files))],
    [
      "tidy",
      () => {
        const { problems, notes } = tidy(files);
        return fromProblems(problems, notes);
      },
    ],
    ["docs", () => fromProblems(checkDocs(files))],
  ];
  return steps.filter(([name, body]) => !step(name, body)).map(([name]) => name);
}

const args = parseArguments(process.argv.slice(2));
const failedSteps = runSteps(args, readFiles());
console.log(`\n${describeMachine()}`);
for (const line of describeEngines()) console.log(line);
console.log("");
const passed = await runTests({
  filters: args.filters,
  expectedEngines: args.filters.length > 0 ? [] : expectedEngines(collectEvidence(), process.env),
  failedSteps,
});
if (!passed || failedSteps.length > 0) process.exitCode = 1;
