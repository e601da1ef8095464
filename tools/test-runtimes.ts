/**
 * `npm run test:runtimes`: the tests on every release of Node that we promise.
 *
 * `npm run test:runtimes -- 22 26 --only=test/fs/` runs some releases, and some files.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ROOT } from "./lib/files.ts";
import { nodeRelease } from "./lib/node-release.ts";
import { isMain } from "./lib/problem.ts";
import { runTests } from "./run-tests.ts";

/** The releases: the oldest that `engines` of package.json admits, and those that Node supports. */
export const RELEASES: readonly string[] = ["20", "22", "24", "26"];

/** The tests that say something about a runtime; those of our tools do not. */
export const FOLDERS: readonly string[] = [
  "test/unit/",
  "test/native/",
  "test/runtime/",
  "test/conformance/",
  "test/compat/",
  "test/faults/",
  "test/hazards/",
  "test/model/",
  "test/fs/",
  "test/register/",
  "test/docs/examples",
];

/** What the command line asks for. */
export interface RuntimesOptions {
  readonly releases: readonly string[];
  readonly filters: readonly string[];
  /** Run here and now, on the Node that runs this. */
  readonly here: boolean;
}

/** Reads `[release…] [--only=part of a path]… [--here]`. */
export function parseRuntimes(args: readonly string[]): RuntimesOptions {
  const only = args
    .filter((arg) => arg.startsWith("--only="))
    .map((arg) => arg.slice("--only=".length));
  const releases = args.filter((arg) => !arg.startsWith("-"));
  return {
    releases: releases.length === 0 ? RELEASES : releases,
    filters: only.length === 0 ? FOLDERS : only,
    here: args.includes("--here"),
  };
}

/** What the summary of node:test counted. */
export interface Counts {
  readonly tests: number;
  readonly pass: number;
  readonly fail: number;
  readonly skipped: number;
}

/** Reads the counts out of node:test's own summary; zero for what is not in it. */
export function countsIn(output: string): Counts {
  const count = (name: string): number => {
    const found = [...output.matchAll(new RegExp(`^. ${name} (\\d+)$`, "gm"))].at(-1);
    return Number(found?.[1] ?? 0);
  };
  return {
    tests: count("tests"),
    pass: count("pass"),
    fail: count("fail"),
    skipped: count("skipped"),
  };
}

/** Runs the tests with one Node and lets its output through. Returns what it counted. */
async function runWith(
  path: string,
  filters: readonly string[],
): Promise<Counts & { ok: boolean }> {
  const script = fileURLToPath(import.meta.url);
  const args = [script, "--here", ...filters.map((filter) => `--only=${filter}`)];
  const child = spawn(path, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    process.stdout.write(text);
    output += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return { ...countsIn(output), ok: code === 0 };
}

async function main({ releases, filters, here }: RuntimesOptions): Promise<void> {
  if (here) {
    const ok = await runTests({ filters, expectedEngines: [], failedSteps: [] });
    if (!ok) process.exitCode = 1;
    return;
  }
  const rows: string[] = [];
  for (const release of releases) {
    const node = nodeRelease(release, (line) => console.error(line));
    if (node.path === undefined) {
      rows.push(`SKIPPED Node ${release}: ${node.reason}`);
      continue;
    }
    console.log(`\nNode ${node.version}`);
    const { tests, pass, fail, skipped, ok } = await runWith(node.path, filters);
    const counts = `${tests} tests, ${pass} passed, ${fail} failed, ${skipped} skipped`;
    rows.push(`${ok ? "ok      " : "FAILED  "}Node ${node.version}: ${counts}`);
    if (!ok) process.exitCode = 1;
  }
  console.log(`\n${rows.join("\n")}`);
  if (!rows.some((row) => row.startsWith("ok"))) process.exitCode = 1;
}

if (isMain(import.meta.url)) await main(parseRuntimes(process.argv.slice(2)));
