/**
 * What a caller can ask for, as small integers so that a table can be indexed by them.
 *
 * Adding an operation is adding a row here, a row in {@link OPERATIONS}, and a case in the
 * `requests.ts` of every engine that can do it.
 */
export const OperationKind = {
  /** Does nothing; measures the road itself. */
  Nop: 0,
  /** openat2(2) where RESOLVE_* flags are given, else openat(2). */
  Open: 1,
  /** close(2). */
  Close: 2,
  /** pread(2), or read(2) without an offset. */
  Read: 3,
  /** pwrite(2), or write(2) without an offset. */
  Write: 4,
  /** preadv2(2). */
  Readv: 5,
  /** pwritev2(2). */
  Writev: 6,
  /** fsync(2). */
  Fsync: 7,
  /** fdatasync(2). */
  Fdatasync: 8,
  /** sync_file_range(2). */
  SyncFileRange: 9,
  /** statx(2) into a 256-byte buffer. */
  Statx: 10,
  /** ftruncate(2). */
  Truncate: 11,
  /** fallocate(2). */
  Fallocate: 12,
  /** posix_fadvise(2). */
  Fadvise: 13,
  /** unlinkat(2); with AT_REMOVEDIR it removes an empty directory. */
  Unlink: 14,
  /** renameat2(2). */
  Rename: 15,
  /** mkdirat(2). */
  Mkdir: 16,
  /** symlinkat(2). */
  Symlink: 17,
  /** linkat(2). */
  Link: 18,
  /** splice(2). */
  Splice: 19,
  /** tee(2). */
  Tee: 20,
  /** Completes after a time. */
  Timeout: 21,
  /** poll(2) on one descriptor, once. */
  Poll: 22,
} as const;

/** One of the values of {@link OperationKind}. */
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind];

/** One row of {@link OPERATIONS}. */
export interface OperationInfo {
  /** The name in the API and in messages, `"syncFileRange"`. */
  readonly name: string;
  /** The system call that errors name, as node:fs names it where it has it: `"open"`, `"fsync"`. */
  readonly syscall: string;
}

/** What every operation is called, indexed by {@link OperationKind}. */
export const OPERATIONS: readonly OperationInfo[] = [
  { name: "nop", syscall: "nop" },
  { name: "open", syscall: "open" },
  { name: "close", syscall: "close" },
  { name: "read", syscall: "read" },
  { name: "write", syscall: "write" },
  { name: "readv", syscall: "read" },
  { name: "writev", syscall: "write" },
  { name: "fsync", syscall: "fsync" },
  { name: "fdatasync", syscall: "fdatasync" },
  { name: "syncFileRange", syscall: "sync_file_range" },
  { name: "statx", syscall: "statx" },
  { name: "truncate", syscall: "ftruncate" },
  { name: "fallocate", syscall: "fallocate" },
  { name: "fadvise", syscall: "fadvise" },
  { name: "unlink", syscall: "unlink" },
  { name: "rename", syscall: "rename" },
  { name: "mkdir", syscall: "mkdir" },
  { name: "symlink", syscall: "symlink" },
  { name: "link", syscall: "link" },
  { name: "splice", syscall: "splice" },
  { name: "tee", syscall: "tee" },
  { name: "timeout", syscall: "timeout" },
  { name: "poll", syscall: "poll" },
];

/** The names of {@link OPERATIONS}, for descriptors and messages. */
export type OperationName = Uncapitalize<keyof typeof OperationKind>;
