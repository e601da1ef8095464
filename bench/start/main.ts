/** `npm start`: ways to read a file, compared on this machine. */

import { writeFileSync } from "node:fs";
import { describeMachine, machineLine } from "../harness/machine.ts";
import { warmDevice, whyNoIoUring } from "../harness/proactors.ts";
import { killAll } from "../harness/processes.ts";
import { whyNoStrace } from "../harness/strace.ts";
import { affordableBytes, makeTestFile, type TestFile } from "../harness/test-file.ts";
import { conclude } from "./conclusions.ts";
import { countSystemCalls, measureHashing, measureRounds } from "./measure.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { budgetFor, type Cell, planCells, SITUATIONS } from "./plan.ts";
import { type Progress, startProgress } from "./progress.ts";
import { type Summary, summarize } from "./summary.ts";
import { renderTable } from "./table.ts";

/** What a shell expects of a program that a signal ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

let progress: Progress | undefined;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  cleanUpOnSignals();
  const noIoUring = whyNoIoUring();
  const file = makeTestFile(affordableBytes(options.fileBytes));
  try {
    const machine = describeMachine(file.path);
    const direct = file.noDirect ?? warmDevice(file);
    const notes = notesOf(noIoUring, direct);
    const cells = planCells({ ioUring: noIoUring, direct }, options.situations);
    const noStrace = await measure(cells, file, options);
    if (noStrace !== undefined) notes.push(`System calls were not counted: ${noStrace}.`);
    const rows = cells.map(summarize);
    report(options, { machine: machineLine(machine), notes, rows });
    const raw = cells.map(({ situation, model, runs, calls }) => {
      return { situation: situation.id, model, calls, runs };
    });
    writeJson(options, { machine, options, notes, rows, raw });
  } finally {
    progress?.stop();
    file.remove();
  }
}

/** Fills the cells. Returns why system calls were not counted, if they were not. */
async function measure(
  cells: readonly Cell[],
  file: TestFile,
  { seconds, rounds }: Options,
): Promise<string | undefined> {
  const hashing = cells.filter(({ situation }) => situation.hashing);
  const others = cells.filter(({ situation }) => !situation.hashing);
  const noStrace = whyNoStrace();
  const budget = budgetFor(seconds, cells, rounds);
  const counted = noStrace === undefined ? others.length : 0;
  progress = startProgress(others.length * rounds + hashing.length + counted);
  const step = progress.step.bind(progress);
  await measureRounds(others, file, rounds, budget, step);
  await measureHashing(hashing, file, budget, step);
  if (noStrace === undefined) await countSystemCalls(others, file, step);
  progress.stop();
  return noStrace;
}

function notesOf(noIoUring: string | undefined, noDirect: string | undefined): string[] {
  const notes: string[] = [];
  if (noIoUring !== undefined) notes.push(`proactor ran on the thread pool only: ${noIoUring}.`);
  if (noDirect !== undefined) notes.push(`O_DIRECT was left out: ${noDirect}.`);
  return notes;
}

/** For people: on stdout, or on stderr when stdout is for JSON. */
function report(
  { json, rounds }: Options,
  { machine, notes, rows }: { machine: string; notes: readonly string[]; rows: readonly Summary[] },
): void {
  const lines = [
    "",
    "4 KiB random reads of one file: medians, and the spread of the rounds",
    `${machine}; ${rounds} interleaved rounds`,
    renderTable(SITUATIONS, rows),
  ];
  for (const situation of SITUATIONS) {
    const ours = rows.filter((row) => row.situation === situation.id);
    if (ours.length === 0) continue;
    lines.push("", `${situation.title}:`, ...conclude(situation, ours).map((line) => `  ${line}`));
  }
  if (notes.length > 0) lines.push("", ...notes);
  const stream = json === "-" ? process.stderr : process.stdout;
  stream.write(`${lines.join("\n")}\n`);
}

function writeJson({ json }: Options, result: unknown): void {
  if (json === undefined) return;
  const text = `${JSON.stringify(result, null, 1)}\n`;
  if (json === "-") process.stdout.write(text);
  else writeFileSync(json, text);
}

function cleanUpOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      progress?.stop();
      killAll();
      process.stderr.write("Interrupted: the test file is removed\n");
      // Removing it is what the test file does on exit.
      process.exit(EXIT_CODES[signal]);
    });
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
