/**
 * Runs in the guest: tells what the kernel is, then runs one test file after the other. Called with
 * the path of the job; every finding is a line of `results.jsonl` beside it, at once, because the
 * guest may end at any moment.
 */

import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { run } from "node:test";
import { pathToFileURL } from "node:url";
import { isMain } from "../lib/problem.ts";
import { type TestEvent, TestRecord } from "../lib/test-record.ts";
import type { Failure, FileResult, Job, KernelFacts, Line } from "./results.ts";

/** The longest message of a failure that is kept. */
const MESSAGE_CHARACTERS = 600;

/** An event of node:test with the fields of a failure. */
interface FullEvent extends TestEvent {
  readonly data: TestEvent["data"] & {
    readonly details?: {
      readonly type?: string;
      readonly error?: Error & { failureType?: string; cause?: unknown; exitCode?: number };
    };
  };
}

/** Collects what came of one test file from node:test's events. */
export class FileRecord {
  readonly #record = new TestRecord();
  readonly #failures: Failure[] = [];
  /** The names of the suites that we are in, and of the test itself, by nesting. */
  readonly #names: string[] = [];
  #passed = 0;

  /** Takes note of one event. */
  observe(event: FullEvent): void {
    this.#record.observe(event);
    const { type, data } = event;
    const { name = "", nesting = 0 } = data;
    if (type === "test:start") this.#names.splice(nesting, Number.POSITIVE_INFINITY, name);
    if (type === "test:fail") this.#fail(data);
    const isFile = data.name === data.file;
    const skipped = data.skip !== undefined && data.skip !== false;
    if (type === "test:pass" && !isFile && !skipped && data.details?.type !== "suite") {
      this.#passed++;
    }
  }

  /** What is known now. */
  result(file: string, seconds: number): FileResult {
    const { skips, ranByEngine } = this.#record;
    const hung = this.#record.unfinished().map((name) => ({ name, message: "never finished" }));
    const failures = [...this.#failures, ...hung];
    // A process that ended early and told of nothing must not look like a success.
    if (this.#passed === 0 && failures.length === 0 && skips.length === 0) {
      failures.push({ name: file, message: "not a single test ran" });
    }
    return {
      kind: "file",
      file,
      passed: this.#passed,
      failures,
      skips: skips.map(({ name, reason }) => ({ name, reason: reason ?? "no reason" })),
      engines: Object.fromEntries(ranByEngine),
      seconds: Math.round(seconds),
    };
  }

  #fail(data: FullEvent["data"]): void {
    const error = data.details?.error;
    if (data.todo !== undefined && data.todo !== false) return;
    // A suite, or a file, that only repeats what its tests said.
    if (error?.failureType === "subtestsFailed") return;
    const own = data.name === data.file;
    // That the process ended with 1 is no news when a test failed; that its time was up is.
    const ended = error?.failureType === "testCodeFailure" && error.exitCode === 1;
    if (own && ended && this.#failures.length > 0) return;
    const { name: last = "", nesting = 0 } = data;
    const name = own ? "the file itself" : [...this.#names.slice(0, nesting), last].join(" > ");
    this.#failures.push({ name, message: messageOf(error) });
  }
}

function messageOf(error: (Error & { cause?: unknown }) | undefined): string {
  const cause = error?.cause;
  const inner = cause instanceof Error ? cause.message : cause;
  const text = typeof inner === "string" && inner !== "" ? inner : (error?.message ?? "no message");
  return text.trim().slice(0, MESSAGE_CHARACTERS);
}

async function runFile(root: string, file: string, limitMs: number): Promise<FileResult> {
  const start = performance.now();
  const record = new FileRecord();
  const compiled = join(root, "dist", `${file.slice(0, -3)}.js`);
  const events = run({ files: [compiled], concurrency: 1, timeout: limitMs });
  for await (const event of events as AsyncIterable<FullEvent>) record.observe(event);
  return record.result(file, (performance.now() - start) / 1000);
}

/** Asks the kernel, in a process of its own: what crashes must not take the guest along. */
const ASK = `
const [root] = process.argv.slice(1);
const load = (path) => import(new URL("dist/src/" + path, root));
const { proactor } = await load("index.js");
const { loadNative } = await load("native/load.js");
const { probeOpcodes } = await load("engines/io-uring/capabilities.js");
const { openRing } = await load("engines/io-uring/setup.js");
await proactor.nop();
const found = proactor.explain();
const { addon } = loadNative();
let features = "", opcodes = 0;
try {
  const options = { entries: 8, completionEntries: 16, sqPoll: false, sqPollIdleMs: 0 };
  const ring = openRing(addon, options);
  features = "0x" + ring.features.toString(16);
  opcodes = probeOpcodes(addon, ring.fd).size;
  ring.close();
} catch {}
console.log(JSON.stringify({
  features,
  opcodes,
  setupFlags: String(found.details.setupFlags ?? ""),
  emulated: found.emulated,
  engines: Object.fromEntries(found.engines.map(({ name, availability }) =>
    [name, availability.available ? "available" : availability.reason])),
  explanation: String(found),
}));
`;

function factsOf(root: string): KernelFacts {
  const url = pathToFileURL(`${root}/`).href;
  const args = ["--input-type=module", "--eval", ASK, "--", url];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const nothing = { features: "", opcodes: 0, setupFlags: "", emulated: [], engines: {} };
  const answer =
    status === 0
      ? (JSON.parse(stdout) as Omit<KernelFacts, "kind" | "release" | "node">)
      : { ...nothing, explanation: stderr };
  return { kind: "kernel", release: release(), node: process.versions.node, ...answer };
}

/** Lines of the kernel's log that nobody should ever see. */
export function complaintsIn(log: string): string[] {
  return log
    .split("\n")
    .filter((line) => /\b(?:BUG|WARNING|Oops|KASAN|general protection fault)\b.*:/.test(line))
    .concat(log.split("\n").filter((line) => /blocked for more than \d+ seconds/.test(line)))
    .map((line) => line.trim());
}

/** Does the job at `path`. */
async function main(path: string): Promise<void> {
  const job = JSON.parse(readFileSync(path, "utf8")) as Job;
  const say = (line: Line): void => {
    appendFileSync(join(dirname(path), "results.jsonl"), `${JSON.stringify(line)}\n`);
  };
  say(factsOf(job.root));
  for (const file of job.files) {
    say({ kind: "begin", file });
    const result = await runFile(job.root, file, job.fileLimitMs);
    say(result);
    const { passed, failures, skips, seconds } = result;
    console.log(
      `lab: ${file}: ${passed} passed, ${failures.length} failed, ` +
        `${skips.length} skipped, ${seconds} s`,
    );
  }
  const log = spawnSync("dmesg", [], { encoding: "utf8" }).stdout ?? "";
  say({ kind: "end", complaints: complaintsIn(log) });
}

if (isMain(import.meta.url)) await main(process.argv[2] ?? "");
