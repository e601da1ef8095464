/** The last step of the gate: every test, through node:test's own runner and its own summary. */

import { existsSync } from "node:fs";
import { release, type } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec as Spec } from "node:test/reporters";
import { ENGINE_NAMES } from "../src/core/engine.ts";
import { listFiles, ROOT } from "./lib/files.ts";
import { complaintsAbout, type TestEvent, TestRecord } from "./lib/test-record.ts";

/** A test file that takes longer than this hangs, and is ended. */
const FILE_TIME_LIMIT_MS = 180_000;

/** Test files that run at the same time. More would only make them wait for each other. */
const CONCURRENCY = 2;

/** What the tests are expected to do. */
export interface TestOptions {
  /** Parts of paths; only test files that contain one of them run. All of them when empty. */
  readonly filters: readonly string[];
  /** Engines that must have run at least one test. */
  readonly expectedEngines: readonly string[];
  /** Steps of the gate that failed before, to be told of again at the end. */
  readonly failedSteps: readonly string[];
}

/** The compiled files of the tests whose sources are in the repository. */
export function testFiles(sources: readonly string[], filters: readonly string[]): string[] {
  return sources
    .filter((path) => /^test\/.*\.test\.ts$/.test(path))
    .filter((path) => filters.length === 0 || filters.some((part) => path.includes(part)))
    .map((path) => `dist/${path.slice(0, -3)}.js`);
}

/**
 * Lets the events through to node:test's reporter and puts our lines in front of its summary, so
 * that the output still ends with that.
 */
export async function* withNotes(
  events: AsyncIterable<TestEvent>,
  record: TestRecord,
  notes: () => readonly string[],
): AsyncGenerator<TestEvent> {
  let noted = false;
  for await (const event of events) {
    record.observe(event);
    if (
      !noted &&
      event.type === "test:diagnostic" &&
      /^tests \d+$/.test(event.data.message ?? "")
    ) {
      noted = true;
      for (const message of notes())
        yield { type: "test:diagnostic", data: { nesting: 0, message } };
    }
    yield event;
  }
}

/** What is told in front of the summary. */
export function notesOn(record: TestRecord, options: TestOptions): string[] {
  const engines = ENGINE_NAMES.flatMap((name) => {
    const count = record.ranByEngine.get(name);
    return count === undefined ? [] : [`${name} ${count}`];
  });
  const cells = record.cells();
  const unsupported = cells.reduce((sum, { tests }) => sum + tests, 0);
  const skips = record.skips.map(
    ({ name, reason }) => `skipped: ${name}: ${reason ?? "no reason"}`,
  );
  return [
    ...skips,
    ...record.unfinished().map((name) => `never finished: ${name}`),
    `kernel: ${type()} ${release()}`,
    `engines run: ${engines.length === 0 ? "none" : engines.join(", ")}`,
    `cells unsupported: ${unsupported === 0 ? "none" : unsupported}`,
    ...cells.map(({ engine, reason, tests }) => `  ${engine} ${tests}: ${reason}`),
    ...complaintsAbout(record, options.expectedEngines).map((complaint) => `FAILED: ${complaint}`),
    ...options.failedSteps.map((step) => `FAILED: the step ${step}, see above`),
  ];
}

/** Runs the tests and returns whether all is well. */
export async function runTests(options: TestOptions): Promise<boolean> {
  const files = testFiles(listFiles(), options.filters);
  const missing = files.filter((file) => !existsSync(join(ROOT, file)));
  for (const file of missing) console.log(`  ${file} was not compiled`);
  const record = new TestRecord();
  const present = files.filter((file) => !missing.includes(file)).map((file) => join(ROOT, file));
  const events = run({
    files: present,
    concurrency: CONCURRENCY,
    timeout: FILE_TIME_LIMIT_MS,
  }) as AsyncIterable<TestEvent>;
  const notes = (): string[] => notesOn(record, options);
  await pipeline(Readable.from(withNotes(events, record, notes)), new Spec(), process.stdout, {
    end: false,
  });
  const complaints = complaintsAbout(record, options.expectedEngines);
  return missing.length === 0 && record.failed === 0 && complaints.length === 0;
}
