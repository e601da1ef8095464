/**
 * Whether Node warns of every call of node:fs that blocks the event loop (`--trace-sync-io`). What
 * we do by such a call where it is faster is then done another way, so that a warning is about the
 * program.
 */
export const SYNC_IO_TRACED: boolean = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].some(
  (words) => words.includes("--trace-sync-io"),
);
