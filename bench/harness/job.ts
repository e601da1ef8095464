import type { Length } from "./window.ts";

/** The ways to read a file that are compared. */
export const MODEL_NAMES = [
  "readSync",
  "fs callback",
  "fs/promises",
  "thread_pool",
  "io_uring",
] as const;

/** One of {@link MODEL_NAMES}; the last two are proactor's engines. */
export type ModelName = (typeof MODEL_NAMES)[number];

/** Engines of proactor that only `npm run bench:reference` compares. */
export type OtherModelName = "linux_aio" | "posix_aio";

/** One run of one model: what to read, how, and for how long. */
export interface ReadJob {
  readonly kind: "read";
  readonly model: ModelName | OtherModelName;
  readonly path: string;
  /** Bytes of the file. */
  readonly bytes: number;
  /** How many reads are kept in flight. */
  readonly depth: number;
  /** Open with O_DIRECT. */
  readonly direct: boolean;
  readonly length: Length;
  /** Time every nth read; 0 times none. */
  readonly sampleEvery: number;
  readonly seed: number;
  /** Let a kernel thread submit, and drive the completions by hand: io_uring only. */
  readonly sqPoll?: boolean;
  /** Plain promises (`proactor.promises`) instead of operations. */
  readonly plain?: boolean;
  /** Paths to look up at the two ends of the part that counts: landmarks in strace's log. */
  readonly landmarks?: { readonly begin: string; readonly end: string };
}

/** One read now and then while hashes keep the thread pool busy. */
export interface HashingJob {
  readonly kind: "hashing";
  readonly model: ModelName;
  readonly path: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly seed: number;
}

/** How much heap an awaited read leaves behind. */
export interface HeapJob {
  readonly kind: "heap";
  readonly model: ModelName;
  readonly path: string;
  readonly bytes: number;
  readonly ops: number;
  readonly depth: number;
  /** Plain promises (`proactor.promises`) instead of operations. */
  readonly plain?: boolean;
  readonly seed: number;
}

/** What a measuring process can be asked to do. */
export type Job = ReadJob | HashingJob | HeapJob;
