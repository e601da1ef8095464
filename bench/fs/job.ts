/** What one process measures: a kind of work, on one side, in a folder that main prepared. */

/** The kinds of work. */
export const WORKS = [
  "handle-read",
  "read-file",
  "write-file",
  "read-stream",
  "write-stream",
  "append",
  "copy-tree",
  "stat",
  "unlink",
] as const;

/** The name of a kind of work. */
export type Work = (typeof WORKS)[number];

/** Who does it: we, node:fs/promises, the blocking functions of node:fs, a command, or C. */
export type Side = "ours" | "node" | "sync" | "command" | "c";

/** What a measuring process is told. */
export interface Job {
  readonly work: Work;
  readonly side: Side;
  /** Where the files are, and where new ones go. */
  readonly dir: string;
  /** Work is repeated for this long, in s, at least once. */
  readonly seconds: number;
  /** Latency of one operation at a time, beside 8 crypto.pbkdf2, or beside nothing. */
  readonly latency?: "idle" | "hashing";
}

/** The layout of the folder that main prepares. */
export const LAYOUT = {
  /** 64 MiB, read 4 KiB at a time. */
  file: { name: "file", bytes: 64 * 1024 * 1024 },
  /** 1 GiB, for streams. */
  long: { name: "long", bytes: 1024 * 1024 * 1024 },
  /** Small files, in one folder. */
  small: { name: "small", count: 10_000, bytes: 2048 },
  /** A tree of 1 GiB. */
  tree: { name: "tree", count: 10_000, bytes: 107_374, perFolder: 100 },
} as const;

/** How many calls are in flight at once where many files are read or written. */
export const AT_ONCE = 64;

/**
 * How long a latency is measured at least, in s: the 99th percentile of fewer operations than this
 * time has room for is their maximum.
 */
export const LEAST_SECONDS = 1;
