import type { Row } from "../reference/rows.ts";
import type { Job, Side, Work } from "./job.ts";

/** Which Node runs it, and where its files are. */
export interface Place {
  readonly node: "this" | "newest";
  readonly disk: "disk" | "tmpfs";
}

/** One thing to measure. */
export interface Configuration extends Place {
  readonly work: Work;
  readonly side: Side;
  readonly latency?: Job["latency"];
}

/** What a configuration is called in rows and baselines. */
export function nameOf({ node, disk, work, side, latency }: Configuration): string {
  return [work, side, node, disk, latency].filter((part) => part !== undefined).join(" ");
}

/** A row together with what it takes to fill it. */
export interface FsRow extends Row {
  readonly needs: readonly Configuration[];
}

const HERE: Place = { node: "this", disk: "disk" };
const NEWEST: Place = { node: "newest", disk: "disk" };

interface Comparison {
  readonly work: Work;
  readonly title: string;
  readonly place?: Place;
  readonly metric?: Row["metric"];
  readonly theirs?: Side;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const NAMES: Readonly<Record<Side, string>> = {
  ours: "proactor/fs",
  node: "fs/promises",
  sync: "the blocking function",
  command: "cp -r",
  c: "C with liburing",
};

/** Ours beside theirs, in one place. */
function compare(comparison: Comparison): FsRow {
  const { work, title, place = HERE, metric = "rate", theirs = "node" } = comparison;
  const sides = [
    { ...place, work, side: "ours" as const },
    { ...place, work, side: theirs },
  ];
  const [ours = "", other = ""] = sides.map(nameOf);
  const where = place.disk === "tmpfs" ? ", tmpfs" : "";
  const node = place.node === "newest" ? ", both on the newest Node" : "";
  const bounds = [comparison.atLeast, comparison.atMost];
  return {
    id: [work, theirs, place.node, place.disk, ...(metric === "rate" ? [] : [metric])].join("-"),
    work: `${title}${where}${node}`,
    against: NAMES[theirs],
    metric,
    ours,
    theirs: other,
    ...(bounds[0] === undefined ? {} : { atLeast: bounds[0] }),
    ...(bounds[1] === undefined ? {} : { atMost: bounds[1] }),
    needs: sides,
  };
}

/** The p99 of one operation beside 8 hashes: against the same beside nothing. */
function besideIdle(work: Work, title: string, { node, disk }: Place, side: Side): FsRow {
  const hashing = { node, disk, work, latency: "hashing", side } as const;
  const idle = { ...hashing, latency: "idle" } as const;
  const where = node === "newest" ? ", on the newest Node" : "";
  return {
    id: `${work}-hashing-idle${node === "newest" ? "-newest" : ""}`,
    work: `${title} while 8 pbkdf2 run: p99${where}`,
    against: "the same with nothing beside it",
    metric: "p99",
    ours: nameOf(hashing),
    theirs: nameOf(idle),
    needs: [hashing, idle],
  };
}

/** Ours beside 8 hashes: against itself on both Nodes, and against node:fs. */
function beside(work: Work, title: string, place: Place = HERE): FsRow[] {
  const row = besideIdle(work, title, place, "ours");
  const newest = besideIdle(work, title, { ...place, node: "newest" }, "ours");
  const rows: FsRow[] = [
    { ...row, atMost: 3 },
    { ...newest, atMost: 3 },
  ];
  // An append log has no counterpart in node:fs.
  if (work === "append") return rows;
  const [hashing] = row.needs as [Configuration, Configuration];
  const node = { ...hashing, side: "node" } as const;
  const theirs = { theirs: nameOf(node), needs: [hashing, node] };
  return [...rows, { ...row, id: `${work}-hashing-node`, against: "fs/promises", ...theirs }];
}

/**
 * The same for the blocking functions, which nobody else does anything for: what the scheduler
 * takes from whoever has to share the cores.
 */
function besideBlocking(work: Work, title: string, place: Place = HERE): FsRow {
  return { ...besideIdle(work, title, place, "sync"), id: `${work}-blocking-idle` };
}

/** The same in C, beside four threads that compute: what the kernel lets anybody have. */
function besideC(work: Work, title: string, place: Place = HERE): FsRow {
  const row = besideIdle(work, title, place, "c");
  return { ...row, id: `${work}-c-idle`, work: `${title} in C while 4 threads compute: p99` };
}

const READ = "handle.read, 4 KiB, cached, depth 32";
const FILES = "readFile, 10 000 files of 2 KiB, 64 at once";
const WRITES = "writeFile, 10 000 files of 2 KiB, 64 at once";
const STREAM = "read stream, 1 GiB, cached";
const TMPFS: Place = { node: "this", disk: "tmpfs" };

/** The table: what has a floor, then what helps to read it. */
export const FS_ROWS: readonly FsRow[] = [
  compare({ work: "handle-read", title: READ, atLeast: 6 }),
  compare({ work: "handle-read", title: READ, place: NEWEST, atLeast: 3.5 }),
  compare({ work: "read-file", title: FILES, atLeast: 7 }),
  compare({ work: "read-file", title: FILES, place: NEWEST, atLeast: 1.5 }),
  compare({ work: "read-file", title: FILES, theirs: "sync", atLeast: 1.2 }),
  compare({ work: "write-file", title: WRITES, place: TMPFS, atLeast: 1.3 }),
  compare({
    work: "write-file",
    title: WRITES,
    place: { node: "newest", disk: "tmpfs" },
    atLeast: 1,
  }),
  compare({ work: "write-file", title: WRITES }),
  compare({ work: "write-file", title: WRITES, place: NEWEST }),
  compare({ work: "read-stream", title: STREAM, atLeast: 2 }),
  compare({ work: "read-stream", title: STREAM, place: NEWEST, atLeast: 2 }),
  compare({
    work: "read-stream",
    title: `${STREAM}: event-loop delay, p99`,
    metric: "p99",
    atMost: 1,
  }),
  compare({
    work: "read-stream",
    title: `${STREAM}: event-loop delay, p99`,
    place: NEWEST,
    metric: "p99",
    atMost: 1,
  }),
  compare({ work: "append", title: "durable appends of 100 bytes, 64 writers", atLeast: 5 }),
  compare({ work: "copy-tree", title: "copy of a tree, 10 000 files, 1 GiB", atLeast: 1.5 }),
  compare({
    work: "copy-tree",
    title: "copy of a tree, 10 000 files, 1 GiB",
    theirs: "command",
  }),
  ...beside("handle-read", "handle.read, 4 KiB, cached"),
  ...beside("read-file", "readFile, 2 KiB"),
  ...beside("write-file", "writeFile, 2 KiB, tmpfs", TMPFS),
  ...beside("read-stream", "read stream, 1 MB"),
  ...beside("stat", "stat"),
  ...beside("append", "durable append"),
  besideBlocking("write-file", "writeFileSync, 2 KiB, tmpfs", TMPFS),
  besideBlocking("read-stream", "openSync, readSync of 1 MB, closeSync"),
  besideBlocking("append", "writeSync of 100 bytes, fdatasyncSync"),
  besideC("write-file", "open, write of 2 KiB and close, tmpfs,", TMPFS),
  besideC("append", "write of 100 bytes with RWF_DSYNC"),
  compare({ work: "write-stream", title: "pipeline of a file into a file, 256 MiB" }),
  compare({ work: "stat", title: "stat, 64 at once" }),
  compare({ work: "stat", title: "stat, 64 at once", place: NEWEST }),
  compare({ work: "unlink", title: "unlink, 64 at once" }),
];
