import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { patienceMs } from "./patience.ts";

/** How a child process ended and what it said. */
export interface ChildResult {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  /** Signal that ended it; `"SIGKILL"` also when the time limit did. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** True when it was killed for taking longer than `timeoutMs`. */
  readonly timedOut: boolean;
}

/** Settings of `runNode` and `runProgram`. */
export interface ChildOptions {
  /** What follows the program on the command line. */
  readonly args?: readonly string[];
  /** Options of Node itself, such as `--expose-gc`. */
  readonly execArgv?: readonly string[];
  /** Added to our own environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Written to its stdin, which is empty otherwise. */
  readonly input?: string;
  /** It is killed after this long, or what `patienceMs` makes of it. 30 seconds unless told. */
  readonly timeoutMs?: number;
}

/** A child that says more than this is broken; keep what it said first. */
const MAX_OUTPUT_CHARACTERS = 4 * 1024 * 1024;

/**
 * Runs Node on `source` and waits for its end.
 *
 * A string is the text of an ES module, which imports our own modules by the absolute URL that
 * `moduleUrl` gives. A URL names a compiled file: `new URL("./x.js", import.meta.url)`.
 */
export function runNode(source: string | URL, options: ChildOptions = {}): Promise<ChildResult> {
  const program =
    typeof source === "string"
      ? // The last word stands where a file's name would, so that arguments begin at argv[2].
        ["--input-type=module", "--eval", source, "--", "eval"]
      : [fileURLToPath(source)];
  const { execArgv = [], args = [], ...rest } = options;
  return runProgram(process.execPath, { ...rest, args: [...execArgv, ...program, ...args] });
}

/** Runs any program and waits for its end. Rejects only when it cannot be started. */
export function runProgram(command: string, options: ChildOptions = {}): Promise<ChildResult> {
  // A child that finds the first of these believes that it is a test file and reports in binary.
  // On a terminal node:test sets the other, and numbers are printed in color.
  const ours = { NODE_TEST_CONTEXT: undefined, FORCE_COLOR: undefined };
  const env = { ...process.env, ...ours, ...options.env };
  const child = spawn(command, options.args ?? [], { cwd: options.cwd, env });
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      child.kill("SIGKILL");
    },
    patienceMs(options.timeoutMs ?? 30_000),
  );
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  // A child that ends without reading its input must not end us with EPIPE.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: stdout(), stderr: stderr(), timedOut });
    });
  });
}

/**
 * The absolute URL of a module of this repository, for use in the text given to `runNode`.
 * `path` is the source's, `"src/index.ts"`; the URL is that of the compiled file.
 */
export function moduleUrl(path: string): string {
  return new URL(`../../${path.replace(/\.ts$/, ".js")}`, import.meta.url).href;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk: string) => {
    if (text.length < MAX_OUTPUT_CHARACTERS) text += chunk;
  });
  return () => text;
}
