import { spawnSync } from "node:child_process";

/** The paths that a measured process looks up to mark where counting starts and ends. */
export interface Landmarks {
  readonly begin: string;
  readonly end: string;
}

/** Landmarks that no other lookup can be taken for. */
export function landmarksFor(name: string): Landmarks {
  return { begin: `/proactor-bench/${name}/begin`, end: `/proactor-bench/${name}/end` };
}

/** strace's options for a log that `countCalls` reads; the program's own follow. */
export function straceArguments(log: string): string[] {
  return ["-f", "-qq", "-s", "128", "-e", "signal=none", "-o", log];
}

/** undefined when strace can trace here, else why not. */
export function whyNoStrace(): string | undefined {
  const probe = spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (probe.error !== undefined) return "strace is not installed";
  if (probe.status === 0) return undefined;
  return `strace cannot trace here: ${probe.stderr.trim().split("\n")[0] ?? "no reason given"}`;
}

/**
 * System calls of all threads between two landmarks of a strace log, by name. A call that was
 * interrupted by another thread's line is counted where it starts. Throws when a landmark is
 * missing.
 */
export function countCalls(log: string, landmarks: Landmarks): Map<string, number> {
  const lines = log.split("\n");
  const begin = lines.findIndex((line) => line.includes(landmarks.begin));
  const end = lines.findIndex((line) => line.includes(landmarks.end));
  if (begin === -1 || end === -1) throw new Error("strace's log has no landmarks");
  const counts = new Map<string, number>();
  for (const line of lines.slice(begin + 1, end)) {
    // 1234  read(3, "..."..., 4096) = 4096        1234  <... read resumed>...
    const name = /^\d+\s+(\w+)\(/.exec(line)?.[1];
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** The sum of all counts. */
export function totalCalls(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
