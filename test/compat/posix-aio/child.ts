/** What needs a process of its own: limits of a process, its system calls, its signals. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ChildResult, runProgram } from "../../support/child.ts";
import type { Observation } from "./assertion.ts";
import { type Fixture, NotHere } from "./fixture.ts";

const PROGRAM = fileURLToPath(new URL("./child-program.js", import.meta.url));

function outputOf({ code, stdout, stderr }: ChildResult): Observation {
  if (code !== 0) throw new Error(`The child failed: ${stderr}`);
  return JSON.parse(stdout) as Observation;
}

/** Writes beyond RLIMIT_FSIZE: the only end of a file that a test can reach with glibc. */
export async function limitedFileSize(fixture: Fixture, call: string): Promise<Observation> {
  // Two blocks of 512 bytes, or of 1024, whichever the shell counts; and no signal about it.
  const script = `trap "" XFSZ; ulimit -f 2; exec "$@"`;
  const program = [process.execPath, PROGRAM, call, fixture.implementation, fixture.path()];
  return outputOf(await runProgram("sh", { args: ["-c", script, "sh", ...program] }));
}

/** The clock by which aio_suspend counts its time, seen in its system calls. */
export async function clockOfSuspend(fixture: Fixture): Promise<Observation> {
  const log = fixture.path();
  const trace = ["-f", "-o", log, "-e", "trace=futex,io_uring_enter"];
  const program = [process.execPath, PROGRAM, "aio_suspend", fixture.implementation];
  const strace = runProgram("strace", { args: [...trace, ...program, fixture.path()] });
  const result = await strace.catch(() => undefined);
  if (result === undefined) throw new NotHere("strace is not installed");
  const observed = outputOf(result);
  const lines = readFileSync(log, "utf8").split("\n");
  // The thread that began it has the lowest number, and need not be the first to call something.
  const threads = lines.map((line) => Number.parseInt(line, 10)).filter(Number.isInteger);
  const main = Math.min(...threads);
  const waits = lines.filter(
    (line) =>
      line.startsWith(`${main} `) && /futex\(.*tv_sec=|io_uring_enter\(.*EXT_ARG/.test(line),
  );
  const wall = waits.some((line) => /CLOCK_REALTIME|ABS_TIMER/.test(line));
  return { ...observed, clock: waits.length === 0 ? "unknown" : wall ? "wall" : "monotonic" };
}

/**
 * Sends a signal to this process, again and again until `stop` is called. One that is ignored by
 * default, because the last may come late; and not SIGUSR2, on which newer Nodes write reports.
 */
export function signalOften(signal: string): { stop(): void } {
  const script = `while sleep 0.05; do kill -${signal} ${process.pid} || exit 0; done`;
  const child = spawn("sh", ["-c", script], { stdio: "ignore" });
  return { stop: () => void child.kill("SIGKILL") };
}
