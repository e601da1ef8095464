/** `npm run bench:fs`: proactor/fs beside node:fs, on this Node and on the newest. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeRelease } from "../../tools/lib/node-release.ts";
import { describeMachine, machineLine } from "../harness/machine.ts";
import { type Command, killAll, runCommand } from "../harness/processes.ts";
import { interleave } from "../harness/rounds.ts";
import { ROOT } from "../harness/test-file.ts";
import { compileReference } from "../reference/compile.ts";
import { HELP, type Options, parseOptions } from "../reference/options.ts";
import {
  FS_SECTION,
  markdownSection,
  type Report,
  replaceSection,
  summaryOf,
  terminalTable,
} from "../reference/report.ts";
import { evaluate, type Sample } from "../reference/rows.ts";
import { prepareFolder } from "./folder.ts";
import { type Job, LEAST_SECONDS } from "./job.ts";
import { type Configuration, FS_ROWS, type FsRow, nameOf } from "./rows.ts";

const WORKER = fileURLToPath(new URL("worker.js", import.meta.url));

/** Memory that is a file system. */
const TMPFS = "/dev/shm";

/** A copy of a tree, and what is prepared for it, may take long on a slow disk. */
const LIMIT_MS = 180_000;

/** How many threads Node has for hashes. */
const NODE_THREADS = 4;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP.replaceAll("bench:reference", "bench:fs"));
    return;
  }
  const rows = selectRows(options);
  const disk = prepareFolder(process.env.PROACTOR_TEST_DIR ?? tmpdir(), true);
  const tmpfs = prepareFolder(TMPFS, false);
  process.once("exit", () => {
    killAll();
    for (const dir of [disk, tmpfs]) rmSync(dir, { recursive: true, force: true });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => process.exit(1));
  }
  const machine = describeMachine(disk, {});
  say(machineLine(machine));
  const newest = nodeRelease("latest", say);
  const nodes = { this: process.execPath, newest: newest.path };
  const run = async (configuration: Configuration): Promise<unknown> => {
    const { node, side, work, latency } = configuration;
    const dir = configuration.disk === "disk" ? disk : tmpfs;
    const job: Job = { work, side, dir, seconds: options.seconds, ...(latency && { latency }) };
    if (side === "c") return runCommand(latencyInC(job), LIMIT_MS);
    const file = nodes[node];
    if (file === undefined) throw new Error("reason" in newest ? newest.reason : "no newest Node");
    return runCommand({ file, args: [WORKER, JSON.stringify(job)] }, LIMIT_MS);
  };
  const { samples, notes } = await measure(configurationsOf(rows), options, run);
  if (newest.path !== undefined) notes.push(`The newest Node is ${newest.version}.`);
  const report: Report = {
    machine,
    rounds: options.rounds,
    seconds: options.seconds,
    command: commandLine(process.argv.slice(2)),
    results: rows.map((row) => evaluate(row, samples)),
    notes,
  };
  process.stdout.write(`${machineLine(machine)}\n${terminalTable(report.results, FS_SECTION)}\n`);
  for (const note of notes) process.stdout.write(`${note}\n`);
  process.stdout.write(`${summaryOf(report.results)}\n`);
  keep(report, samples, options);
  const missed = report.results.some(({ verdict }) => verdict === "MISS");
  if (options.strict && missed) process.exitCode = 1;
}

/** The twin of latency.ts, with as many threads as Node has for hashes. */
function latencyInC({ work, dir, seconds, latency }: Job): Command {
  const threads = latency === "hashing" ? NODE_THREADS : 0;
  const settings = { work, dir, threads, seconds: Math.max(seconds, LEAST_SECONDS) };
  const args = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return { file: compileReference("latency"), args };
}

function selectRows({ rows }: Options): readonly FsRow[] {
  const known = FS_ROWS.map(({ id }) => id);
  const unknown = rows.filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    throw new RangeError(`There is no row ${unknown.join(", ")}: the rows are ${known.join(", ")}`);
  }
  return rows.length === 0 ? FS_ROWS : FS_ROWS.filter(({ id }) => rows.includes(id));
}

/** Each once, in the order of the rows: what is compared stands side by side. */
function configurationsOf(rows: readonly FsRow[]): Configuration[] {
  const byName = new Map<string, Configuration>();
  for (const needed of rows.flatMap(({ needs }) => needs)) byName.set(nameOf(needed), needed);
  return [...byName.values()];
}

async function measure(
  configurations: readonly Configuration[],
  { rounds }: Options,
  run: (configuration: Configuration) => Promise<unknown>,
) {
  const samples = new Map<string, Sample[]>();
  const failed = new Map<string, string>();
  for (const { round, configuration } of interleave(configurations, rounds)) {
    const name = nameOf(configuration);
    // A row is made of complete rounds: who failed once has no numbers.
    if (failed.has(name)) continue;
    try {
      const sample = (await run(configuration)) as Sample;
      samples.set(name, [...(samples.get(name) ?? []), sample]);
      say(`${round + 1}/${rounds} ${name.padEnd(40)} ${JSON.stringify(sample)}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failed.set(name, reason);
      samples.delete(name);
      say(`${round + 1}/${rounds} ${name.padEnd(40)} FAILED: ${reason}`);
    }
  }
  const notes = [...failed].map(([name, reason]) => `Not measured: ${name}: ${reason}`);
  return { samples, notes };
}

function keep(report: Report, samples: ReadonlyMap<string, Sample[]>, options: Options): void {
  const text = `${JSON.stringify({ ...report, samples: Object.fromEntries(samples) }, null, 1)}\n`;
  if (options.json !== undefined) writeFileSync(options.json, text);
  if (!options.keep) return;
  const folder = join(ROOT, "bench", "baselines");
  const [major] = process.versions.node.split(".");
  const name = options.name ?? `fs-${process.platform}-${process.arch}-node${major}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), text);
  const page = join(ROOT, "docs", "benchmarks.md");
  const section = markdownSection(report, FS_SECTION);
  writeFileSync(page, replaceSection(readFileSync(page, "utf8"), section, FS_SECTION));
  say(`Wrote bench/baselines/${name}.json and docs/benchmarks.md`);
}

function commandLine(args: readonly string[]): string {
  return ["npm run bench:fs", ...(args.length === 0 ? [] : ["--", ...args])].join(" ");
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
