/**
 * `npm run test:kernels`: boots other kernels under software emulation and runs the tests in them.
 *
 *     npm run test:kernels                       every kernel of tools/kernels/list.ts
 *     npm run test:kernels -- 5.10 6.1           only these
 *     npm run test:kernels -- 6.1 --only=paths   only test files whose path contains this
 *     npm run test:kernels -- 6.1 --only=paths --keep   and put their rows into the page
 *     npm run test:kernels -- --update           look for newer kernels of each line
 *     npm run test:kernels -- --page             only write docs/kernels.md from kept results
 *
 * ENGINES passes through; PROACTOR_TEST_PATIENCE=2 doubles every limit. The exit code is 1 when a
 * test failed on any kernel; a kernel that cannot be downloaded is skipped loudly.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { hasProgram, installPackages, LabError } from "./kernels/apt.ts";
import { boot, endGuests } from "./kernels/boot.ts";
import { makeInitrd } from "./kernels/initrd.ts";
import {
  cachedKernel,
  copyTree,
  type FetchedKernel,
  fetchKernel,
  keepResult,
  keptResults,
  LAB,
  revision,
  staticBusybox,
  type Tree,
} from "./kernels/lab.ts";
import { filesToRun, KERNELS, type Kernel, PROGRAMS } from "./kernels/list.ts";
import { renewPage, summaryOf } from "./kernels/report.ts";
import { isGreen, type KernelResult, mergeResults, missingFiles } from "./kernels/results.ts";
import { listFiles, ROOT } from "./lib/files.ts";

/** How much slower than a machine of its own this one is: other programs run on it, say. */
const PATIENCE = Number(process.env.PROACTOR_TEST_PATIENCE ?? 1);

/** A guest needs about twenty times what the machine itself does. */
const SLOWER = 20;

/** Longer than any test file takes in a guest. */
const FILE_LIMIT_MS = 15 * 60_000 * PATIENCE;

/** Longer than any kernel takes; a guest that hangs must not hang us. */
const GUEST_LIMIT_MS = 90 * 60_000 * PATIENCE;

/** Some tests allocate 4 GiB. What a guest does not touch costs nothing. */
const MEMORY_MIB = Math.min(8192, Math.floor(totalmem() / 2 ** 21));

const PAGE = join(ROOT, "docs", "kernels.md");

/** How the program was called. */
interface Arguments {
  readonly kernels: readonly Kernel[];
  readonly filters: readonly string[];
  readonly keep: boolean;
  readonly update: boolean;
  readonly pageOnly: boolean;
}

const say = (line: string): void => console.log(line);

function parseArguments(args: readonly string[]): Arguments {
  const named = args.filter((arg) => !arg.startsWith("-"));
  const unknown = named.filter((name) => !KERNELS.some(({ version }) => version === name));
  const flags = args.filter((arg) => arg.startsWith("-"));
  unknown.push(...flags.filter((arg) => !/^--(?:update|page|keep|only=.+)$/.test(arg)));
  if (unknown.length > 0) {
    const known = KERNELS.map(({ version }) => version).join(", ");
    throw new LabError(`Not understood: ${unknown.join(" ")}. Kernels: ${known}`);
  }
  return {
    kernels: KERNELS.filter(({ version, onRequest }) =>
      named.length === 0 ? onRequest !== true : named.includes(version),
    ),
    filters: flags.flatMap((arg) => /^--only=(.+)$/.exec(arg)?.[1]?.split(",") ?? []),
    keep: flags.includes("--keep"),
    update: flags.includes("--update"),
    pageOnly: flags.includes("--page"),
  };
}

/** The kernel of a line, fetched when it is not here; or why it cannot be had. */
function obtain(kernel: Kernel, update: boolean): FetchedKernel | string {
  const cached = cachedKernel(kernel.version);
  if (cached !== undefined && !update) return cached;
  try {
    return fetchKernel(kernel, say);
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    if (cached === undefined) return error.message;
    say(`Going on with ${cached.release}: ${error.message}`);
    return cached;
  }
}

async function testKernel(
  kernel: Kernel,
  fetched: FetchedKernel,
  { root, revision: tested }: Tree,
  files: readonly string[],
): Promise<KernelResult> {
  const { version } = kernel;
  say(`\n${version}: booting ${fetched.release}, ${files.length} test files`);
  const { ENGINES } = process.env;
  const { lines, seconds, trouble } = await boot({
    vmlinux: fetched.vmlinux,
    initrd: makeInitrd(staticBusybox(), join(ROOT, "tools/kernels/init.sh"), fetched.modules),
    share: join(LAB, "run", version),
    job: { root, files, fileLimitMs: FILE_LIMIT_MS },
    env: {
      PROACTOR_TEST_PATIENCE: String(SLOWER * PATIENCE),
      ...(ENGINES === undefined ? {} : { ENGINES }),
    },
    append: kernel.append ?? "",
    processors: Math.min(2, cpus().length),
    memoryMiB: MEMORY_MIB,
    limitMs: GUEST_LIMIT_MS,
    onLine: (line) => {
      if (line.startsWith("lab: ")) say(`  ${line.slice(5)}`);
    },
  });
  const facts = lines.find((line) => line.kind === "kernel");
  return {
    version,
    suite: fetched.suite,
    revision: tested,
    ...(facts === undefined ? {} : { facts }),
    files: lines.flatMap((line) => (line.kind === "file" ? [{ ...line, revision: tested }] : [])),
    missing: missingFiles(files, lines),
    complaints: lines.flatMap((line) => (line.kind === "end" ? line.complaints : [])),
    ...(trouble === undefined ? {} : { trouble }),
    seconds,
  };
}

function notBooted(kernel: Kernel, reason: string): KernelResult {
  return {
    version: kernel.version,
    suite: kernel.suites.join(", "),
    revision: revision(),
    skipped: reason,
    files: [],
    missing: [],
    complaints: [],
    seconds: 0,
  };
}

/** A run of some files renews these in what is kept. */
function keepPart(result: KernelResult): void {
  const [kept] = keptResults([result.version]);
  keepResult(mergeResults(kept, result, filesToRun(listFiles(), [])));
}

function writePage(): void {
  const kept = keptResults(KERNELS.map(({ version }) => version));
  if (kept.length === 0) return;
  writeFileSync(PAGE, renewPage(readFileSync(PAGE, "utf8"), kept));
  say(`\nWrote docs/kernels.md: ${kept.map(({ version }) => version).join(", ")}`);
}

async function main(): Promise<boolean> {
  const { kernels, filters, keep, update, pageOnly } = parseArguments(process.argv.slice(2));
  if (pageOnly) {
    writePage();
    return true;
  }
  const lacking = PROGRAMS.filter(({ program }) => !hasProgram(program));
  installPackages([...new Set(lacking.map((one) => one.package))], say);
  const files = filesToRun(listFiles(), filters);
  if (files.length === 0) throw new LabError("No test file fits");
  const tree = copyTree();
  const results: KernelResult[] = [];
  // One at a time: each takes every processor that there is.
  for (const kernel of kernels) {
    const fetched = obtain(kernel, update);
    const result =
      typeof fetched === "string"
        ? notBooted(kernel, fetched)
        : await testKernel(kernel, fetched, tree, files);
    if (result.skipped !== undefined) say(`\nSKIPPED ${kernel.version}: ${result.skipped}`);
    // What only part of the files ran for is the kernel's result only when it is put into one.
    if (filters.length === 0) keepResult(result);
    else if (keep) keepPart(result);
    results.push(result);
  }
  if (filters.length === 0 || keep) writePage();
  say("");
  for (const line of summaryOf(results)) say(line);
  return results.every((result) => result.skipped !== undefined || isGreen(result));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    endGuests();
    process.exit(1);
  });
}
process.on("exit", endGuests);

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
