/** `npm run bench:reference`: the speed table beside C and fio. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodeRelease } from "../../tools/lib/node-release.ts";
import { significant } from "../harness/format.ts";
import { describeMachine, machineLine, versionOf } from "../harness/machine.ts";
import { warmDevice } from "../harness/proactors.ts";
import { killAll } from "../harness/processes.ts";
import { interleave } from "../harness/rounds.ts";
import {
  affordableBytes,
  makeTestFile,
  ROOT,
  type TestFile,
  warmCache,
} from "../harness/test-file.ts";
import { compileReference } from "./compile.ts";
import { allConfigurations, type Configuration } from "./configurations.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import {
  markdownSection,
  type Report,
  replaceSection,
  summaryOf,
  terminalTable,
} from "./report.ts";
import { configurationsOf, evaluate, ROWS, type Row, type Sample } from "./rows.ts";

const FILE_BYTES = 256 * 1024 * 1024;

/** Above this, something else is running and the numbers are not worth much. */
const QUIET_LOAD = 0.5;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const rows = selectRows(options);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      killAll();
      // What was made is removed on exit.
      process.exit(signal === "SIGINT" ? 130 : 143);
    });
  }
  const file = makeTestFile(affordableBytes(FILE_BYTES));
  try {
    const machine = describeMachine(file.path, toolVersions());
    say(machineLine(machine));
    if (machine.load > QUIET_LOAD) say(`The machine is not quiet: load ${machine.load.toFixed(2)}`);
    const wanted = configurationsOf(rows);
    const needsNewest = [...wanted].some((name) => name.startsWith("newest-"));
    const newest = needsNewest
      ? nodeRelease("latest", say)
      : ({ path: undefined, reason: "" } as const);
    const setting = { file, options, newest, reference: memoize(compileReference) };
    const configurations = allConfigurations(setting).filter(({ name }) => wanted.has(name));
    if (file.noDirect === undefined) warmDevice(file);
    const { samples, raw, notes } = await measure(configurations, file, options);
    if (newest.path !== undefined) notes.push(`The newest Node is ${newest.version}.`);
    const report: Report = {
      machine,
      rounds: options.rounds,
      seconds: options.seconds,
      command: commandLine(process.argv.slice(2)),
      results: rows.map((row) => evaluate(row, samples)),
      notes,
    };
    print(report);
    keep(report, raw, options);
    const missed = report.results.some(({ verdict }) => verdict === "MISS");
    if (options.strict && missed) process.exitCode = 1;
  } finally {
    file.remove();
  }
}

function selectRows({ rows }: Options): readonly Row[] {
  const unknown = rows.filter((id) => !ROWS.some((row) => row.id === id));
  if (unknown.length > 0) {
    const known = ROWS.map(({ id }) => id).join(", ");
    throw new RangeError(`There is no row ${unknown.join(", ")}: the rows are ${known}`);
  }
  return rows.length === 0 ? ROWS : ROWS.filter(({ id }) => rows.includes(id));
}

async function measure(
  configurations: readonly Configuration[],
  file: TestFile,
  { rounds }: Options,
) {
  const samples = new Map<string, Sample[]>();
  const raw = new Map<string, unknown[]>();
  const failed = new Map<string, string>();
  let shownRound = -1;
  for (const { round, configuration } of interleave(configurations, rounds)) {
    const { name } = configuration;
    // A row is made of complete rounds: who failed once has no numbers.
    if (failed.has(name)) continue;
    if (round !== shownRound) say(`Round ${round + 1} of ${rounds}`);
    shownRound = round;
    try {
      // Somebody else's memory may have pushed it out of the page cache.
      warmCache(file);
      const result = await configuration.run();
      samples.set(name, [...(samples.get(name) ?? []), result.sample]);
      raw.set(name, [...(raw.get(name) ?? []), result.raw]);
      say(`  ${name.padEnd(26)} ${showSample(result.sample)}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failed.set(name, reason);
      samples.delete(name);
      say(`  ${name.padEnd(26)} FAILED: ${reason}`);
    }
  }
  const notes = [...failed].map(([name, reason]) => `Not measured: ${name}: ${reason}`);
  return { samples, raw, notes };
}

function print(report: Report): void {
  process.stdout.write(`${machineLine(report.machine)}\n`);
  process.stdout.write(`${terminalTable(report.results)}\n`);
  for (const note of report.notes) process.stdout.write(`${note}\n`);
  process.stdout.write(`${summaryOf(report.results)}\n`);
}

function keep(report: Report, raw: ReadonlyMap<string, unknown[]>, options: Options): void {
  const text = `${JSON.stringify({ ...report, raw: Object.fromEntries(raw) }, null, 1)}\n`;
  if (options.json !== undefined) writeFileSync(options.json, text);
  if (!options.keep) return;
  if (report.results.some(({ verdict }) => verdict === "not measured")) {
    say("Not kept, because not everything was measured");
    return;
  }
  const folder = join(ROOT, "bench", "baselines");
  const [major] = process.versions.node.split(".");
  const name = options.name ?? `reference-${process.platform}-${process.arch}-node${major}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), text);
  const page = join(ROOT, "docs", "benchmarks.md");
  writeFileSync(page, replaceSection(readFileSync(page, "utf8"), markdownSection(report)));
  say(`Wrote bench/baselines/${name}.json and docs/benchmarks.md`);
}

function showSample(sample: Sample): string {
  return Object.entries(sample)
    .map(([name, value]) => `${name} ${significant(value)}`)
    .join(", ");
}

function toolVersions(): Record<string, string> {
  const versions = {
    liburing: versionOf("pkg-config", ["--modversion", "liburing"]),
    fio: versionOf("fio", ["--version"]),
    strace: versionOf("strace", ["-V"]),
  };
  return Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [name, version ?? "not installed"]),
  );
}

function commandLine(args: readonly string[]): string {
  return ["npm run bench:reference", ...(args.length === 0 ? [] : ["--", ...args])].join(" ");
}

function memoize<K, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
