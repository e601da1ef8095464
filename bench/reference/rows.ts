import type { Spread } from "../harness/statistics.ts";
import { ratioOf, spreadOf } from "../harness/statistics.ts";

/** What one run of one configuration gave: numbers by name. */
export interface Sample {
  /** Operations per second. */
  readonly rate?: number;
  /** CPU time per operation, all threads, user and kernel, in µs. */
  readonly cpu?: number;
  /** Latency quantile in µs. */
  readonly p99?: number;
  /** System calls of all threads per operation. */
  readonly calls?: number;
  /** Bytes of heap per operation. */
  readonly heap?: number;
}

/** The name of a number in a {@link Sample}. */
export type Metric = keyof Sample;

/** Every configuration's samples, by its name, one per round. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** One line of the table. */
export interface Row {
  /** For `--rows`. */
  readonly id: string;
  readonly work: string;
  /** What it is held against; absent where the number stands for itself. */
  readonly against?: string;
  readonly metric: Metric;
  /** The configuration of ours. */
  readonly ours: string;
  /** The configuration that ours is divided by. */
  readonly theirs?: string;
  /** Absent in rows that are there for orientation. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A row with its numbers. */
export interface Result {
  readonly row: Row;
  /** The quotient, or the number itself. undefined when a side was not measured. */
  readonly value: Spread | undefined;
  readonly ours: Spread | undefined;
  readonly theirs: Spread | undefined;
  readonly verdict: "PASS" | "MISS" | "not measured" | "";
}

const CACHED_32 = "cached, depth 32, promises";
const DIRECT_32 = "O_DIRECT, depth 32, promises";

/** The speed table: first what has a floor, then what helps to read it. */
export const ROWS: readonly Row[] = [
  {
    id: "cached-c",
    work: CACHED_32,
    against: "C with liburing",
    metric: "rate",
    ours: "proactor-cached-32",
    theirs: "c-cached-32",
    atLeast: 0.85,
  },
  {
    id: "operation-c",
    work: "cached, depth 32, operations",
    against: "C with liburing",
    metric: "rate",
    ours: "operation-cached-32",
    theirs: "c-cached-32",
    atLeast: 0.85,
  },
  {
    id: "cached-fs",
    work: CACHED_32,
    against: "fs/promises",
    metric: "rate",
    ours: "proactor-cached-32",
    theirs: "fs-cached-32",
    atLeast: 6,
  },
  {
    id: "cached-fs-newest",
    work: `${CACHED_32}, both on the newest Node`,
    against: "fs/promises",
    metric: "rate",
    ours: "newest-proactor-cached-32",
    theirs: "newest-fs-cached-32",
    atLeast: 3.5,
  },
  {
    id: "cached-fio",
    work: CACHED_32,
    against: "fio's io_uring engine, default options",
    metric: "rate",
    ours: "proactor-cached-32",
    theirs: "fio-cached-32",
    atLeast: 1.2,
  },
  {
    id: "cached-1-fs",
    work: "cached, depth 1, await in a loop",
    against: "fs/promises",
    metric: "rate",
    ours: "proactor-cached-1",
    theirs: "fs-cached-1",
    atLeast: 6,
  },
  {
    id: "ring-c",
    work: "ring level, depth 128, fixed buffer and file",
    against: "C with liburing",
    metric: "rate",
    ours: "ring-fixed-128",
    theirs: "c-fixed-128",
    atLeast: 0.93,
  },
  {
    id: "verbs-c",
    work: "proactor/ring, depth 128, fixed buffer and file",
    against: "C with liburing",
    metric: "rate",
    ours: "verbs-fixed-128",
    theirs: "c-fixed-128",
    atLeast: 0.95,
  },
  {
    id: "nop-c",
    work: "ring level, NOPs in batches of 128",
    against: "C with liburing",
    metric: "rate",
    ours: "ring-nop-128",
    theirs: "c-nop-128",
    atLeast: 0.5,
  },
  {
    id: "direct-fio",
    work: DIRECT_32,
    against: "fio's io_uring engine",
    metric: "rate",
    ours: "proactor-direct-32",
    theirs: "fio-direct-32",
    atLeast: 0.95,
  },
  {
    id: "linux-aio-fio",
    work: `${DIRECT_32}, on linux_aio`,
    against: "fio's libaio engine",
    metric: "rate",
    ours: "linux-aio-direct-32",
    theirs: "fio-libaio-direct-32",
    atLeast: 0.95,
  },
  {
    id: "posix-aio-fio",
    work: `${CACHED_32}, on posix_aio`,
    against: "fio's posixaio engine",
    metric: "rate",
    ours: "posix-aio-32",
    theirs: "fio-posixaio-32",
    atLeast: 0.8,
  },
  {
    id: "aio-io-uring-1",
    work: "aio_read and aio_suspend over io_uring, cached, depth 1",
    against: "C with glibc's POSIX AIO",
    metric: "rate",
    ours: "aio-io-uring-1",
    theirs: "c-posix-aio-1",
    atLeast: 3,
  },
  {
    id: "direct-cpu",
    work: `${DIRECT_32}: CPU per read`,
    against: "fs/promises",
    metric: "cpu",
    ours: "proactor-direct-32",
    theirs: "fs-direct-32",
    atMost: 0.35,
  },
  {
    id: "hashing",
    work: "cached read while 8 pbkdf2 run: p99",
    metric: "p99",
    ours: "proactor-hashing",
    atMost: 2000,
  },
  {
    id: "calls",
    work: "system calls per read, cached, depth 32",
    metric: "calls",
    ours: "proactor-calls",
    atMost: 1 / 16,
  },
  {
    id: "calls-sqpoll",
    work: "system calls per read, cached, depth 32, SQPOLL once awake",
    metric: "calls",
    ours: "proactor-calls-sqpoll",
    atMost: 0,
  },
  {
    id: "heap",
    work: "heap allocated per awaited read, promises",
    metric: "heap",
    ours: "proactor-heap",
    atMost: 400,
  },
  {
    id: "operation-heap",
    work: "heap allocated per awaited read, operations",
    metric: "heap",
    ours: "operation-heap",
    atMost: 400,
  },
  {
    id: "operation-heap-newest",
    work: "heap allocated per awaited read, operations, on the newest Node",
    metric: "heap",
    ours: "newest-operation-heap",
    atMost: 400,
  },
  {
    id: "verbs-nop-c",
    work: "proactor/ring, NOPs in batches of 128",
    against: "C with liburing",
    metric: "rate",
    ours: "verbs-nop-128",
    theirs: "c-nop-128",
  },
  {
    id: "newest-cross",
    work: `${CACHED_32}, on this Node`,
    against: "fs/promises on the newest Node",
    metric: "rate",
    ours: "proactor-cached-32",
    theirs: "newest-fs-cached-32",
  },
  {
    id: "cached-1-c",
    work: "cached, depth 1, await in a loop",
    against: "C with liburing",
    metric: "rate",
    ours: "proactor-cached-1",
    theirs: "c-cached-1",
  },
  {
    id: "cached-pread",
    work: CACHED_32,
    against: "pread in a loop, C",
    metric: "rate",
    ours: "proactor-cached-32",
    theirs: "pread-cached",
  },
  {
    id: "direct-c",
    work: DIRECT_32,
    against: "C with liburing",
    metric: "rate",
    ours: "proactor-direct-32",
    theirs: "c-direct-32",
  },
  {
    id: "linux-aio-c",
    work: `${DIRECT_32}, on linux_aio`,
    against: "C with libaio",
    metric: "rate",
    ours: "linux-aio-direct-32",
    theirs: "c-libaio-direct-32",
  },
  {
    id: "aio-glibc-1",
    work: "aio_read and aio_suspend on glibc, cached, depth 1",
    against: "C with glibc's POSIX AIO",
    metric: "rate",
    ours: "aio-glibc-1",
    theirs: "c-posix-aio-1",
  },
  {
    id: "direct-fs",
    work: DIRECT_32,
    against: "fs/promises",
    metric: "rate",
    ours: "proactor-direct-32",
    theirs: "fs-direct-32",
  },
  {
    id: "hashing-fs",
    work: "cached read while 8 pbkdf2 run: p99",
    against: "fs/promises",
    metric: "p99",
    ours: "proactor-hashing",
    theirs: "fs-hashing",
  },
  {
    id: "calls-fs",
    work: "system calls per read, cached, depth 32",
    against: "fs/promises",
    metric: "calls",
    ours: "proactor-calls",
    theirs: "fs-calls",
  },
  {
    id: "heap-fs",
    work: "heap allocated per awaited read, promises",
    against: "fs/promises",
    metric: "heap",
    ours: "proactor-heap",
    theirs: "fs-heap",
  },
];

/** The configurations that some rows need. */
export function configurationsOf(rows: readonly Row[]): Set<string> {
  return new Set(
    rows.flatMap((row) => [row.ours, ...(row.theirs === undefined ? [] : [row.theirs])]),
  );
}

/** Computes one row. Only rounds in which both sides were measured count. */
export function evaluate(row: Row, samples: Samples): Result {
  const ours = valuesOf(samples, row.ours, row.metric);
  const theirs = row.theirs === undefined ? undefined : valuesOf(samples, row.theirs, row.metric);
  const measured = ours.length > 0 && theirs?.length !== 0;
  const value = measured
    ? theirs === undefined
      ? spreadOf(ours)
      : ratioOf(ours, theirs)
    : undefined;
  return {
    row,
    value,
    ours: ours.length === 0 ? undefined : spreadOf(ours),
    theirs: theirs === undefined || theirs.length === 0 ? undefined : spreadOf(theirs),
    verdict: verdictOf(row, value),
  };
}

function verdictOf({ atLeast, atMost }: Row, value: Spread | undefined): Result["verdict"] {
  if (value === undefined) return "not measured";
  if (atLeast !== undefined) return value.median >= atLeast ? "PASS" : "MISS";
  if (atMost !== undefined) return value.median <= atMost ? "PASS" : "MISS";
  return "";
}

function valuesOf(samples: Samples, name: string, metric: Metric): number[] {
  const values = (samples.get(name) ?? []).map((sample) => sample[metric]);
  return values.filter((value) => value !== undefined);
}
