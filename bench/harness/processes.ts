import { type ChildProcess, fork, spawn } from "node:child_process";
import { basename, join } from "node:path";
import type { Job } from "./job.ts";
import { ROOT } from "./test-file.ts";

/** The program that runs jobs. */
export const WORKER = join(ROOT, "dist", "bench", "harness", "worker.js");

/** A measurement that takes longer than this hangs. */
const LIMIT_MS = 60_000;

/** A command that prints one JSON object on stdout. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

const alive = new Set<ChildProcess>();

/** Ends every process that was started here and still runs. */
export function killAll(): void {
  for (const child of alive) child.kill("SIGKILL");
}

/** The command that runs one job in a process of its own. */
export function commandFor(
  job: Job,
  node: string = process.execPath,
  execArgv: readonly string[] = [],
): Command {
  return { file: node, args: [...execArgv, WORKER, JSON.stringify(job)] };
}

/**
 * Runs a command to its end and returns the JSON it printed. Rejects with what it said on stderr
 * when it fails, and after `limitMs`, a minute unless told.
 */
export function runCommand({ file, args }: Command, limitMs = LIMIT_MS): Promise<unknown> {
  const child = track(spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] }));
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(limit);
      if (code === 0) return resolve(parseOutput(stdout()));
      reject(new Error(`${basename(file)} ended with ${signal ?? code}: ${gist(stderr())}`));
    });
  });
}

/** A process that stays and runs one job after the other, warm. */
export class Worker {
  readonly #child: ChildProcess;
  #settle: { resolve: (value: unknown) => void; reject: (reason: Error) => void } | undefined;
  #limit: NodeJS.Timeout | undefined;

  /** @param wrapper A program with options to start it under, such as strace. */
  constructor(wrapper: readonly string[] = []) {
    const [execPath = process.execPath, ...before] = wrapper;
    const execArgv = wrapper.length === 0 ? [] : [...before, process.execPath];
    this.#child = track(fork(WORKER, [], { execPath, execArgv, stdio: ["ignore", 2, 2, "ipc"] }));
    this.#child.on("message", (message) => this.#receive(message));
    this.#child.once("error", (error) => this.#fail(error));
    this.#child.once("exit", (code, signal) => {
      this.#fail(new Error(`A measuring process ended with ${signal ?? code}`));
    });
  }

  /** Runs one job. Only one at a time. */
  run(job: Job): Promise<unknown> {
    if (this.#settle !== undefined) throw new Error("A worker runs one job at a time");
    const answer = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#limit = setTimeout(() => this.kill(), LIMIT_MS);
    this.#child.send(job);
    return answer;
  }

  /** Lets it end: at once when it is idle. Resolves when it is gone. */
  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (this.#child.connected) this.#child.disconnect();
    await gone;
  }

  /** Ends it, whatever it is doing. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #receive(message: unknown): void {
    const { result, error } = message as { result?: unknown; error?: string };
    if (error !== undefined) this.#fail(new Error(error));
    else this.#take()?.resolve(result);
  }

  #fail(error: Error): void {
    this.#take()?.reject(error);
  }

  #take() {
    clearTimeout(this.#limit);
    const settle = this.#settle;
    this.#settle = undefined;
    return settle;
  }
}

function track<T extends ChildProcess>(child: T): T {
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  child.once("error", () => alive.delete(child));
  return child;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

/** The line of an error's output that says what is wrong; a stack would bury a table. */
export function gist(text: string): string {
  const lines = text.trim().split("\n");
  return lines.find((line) => /^\w*Error: /.test(line)) ?? lines[0] ?? "";
}

/** Some programs have something to say before their JSON. */
function parseOutput(text: string): unknown {
  return JSON.parse(text.slice(text.indexOf("{")));
}
