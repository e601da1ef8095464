import type { PathLike } from "../base/validate.ts";
import type { BufferView } from "../core/index.ts";
import type { OperationOptions } from "./extras.ts";
import type { Descriptor } from "./file-handle.ts";
import type { Statx } from "./statx.ts";

/** Options of read and write. */
export interface TransferOptions extends OperationOptions<number> {
  /** Where in the file, in bytes; absent or -1 means the file position, which then moves. */
  readonly offset?: number | bigint | null | undefined;
  /** How many bytes; the whole buffer unless told. */
  readonly length?: number | undefined;
  /** RWF_* bits of preadv2(2). */
  readonly flags?: number | undefined;
  /** `fd` is an index that `registerFiles` gave. */
  readonly fixedFile?: boolean | undefined;
}

/** Options of readv and writev. */
export type VectorOptions = Omit<TransferOptions, "length">;

/** Options of open. */
export interface OpenOptions extends OperationOptions<number> {
  /** RESOLVE_* bits of openat2(2), such as RESOLVE_BENEATH. */
  readonly resolve?: number | undefined;
}

/** A part of a file, in bytes. */
export interface RangeOptions extends OperationOptions<void> {
  /** Where it starts; 0 unless told. */
  readonly offset?: number | undefined;
  /** How long it is; 0, the default, means to the end of the file where that makes sense. */
  readonly length?: number | undefined;
}

/** Options of syncFileRange. */
export interface SyncFileRangeOptions extends RangeOptions {
  /** SYNC_FILE_RANGE_* bits; all three unless told: start writing and wait for the end of it. */
  readonly flags?: number | undefined;
}

/** Options of fallocate. */
export interface FallocateOptions extends RangeOptions {
  /** FALLOC_FL_* bits, such as FALLOC_FL_KEEP_SIZE. */
  readonly mode?: number | undefined;
}

/** Options of fadvise. */
export interface FadviseOptions extends RangeOptions {
  /** One of POSIX_FADV_*. */
  readonly advice: number;
}

/** Options of statx. */
export interface StatxOptions extends OperationOptions<Statx> {
  /** AT_* bits, such as AT_SYMLINK_NOFOLLOW. */
  readonly flags?: number | undefined;
  /** STATX_* bits of what is wanted; the basic fields, the birth time and DIOALIGN unless told. */
  readonly mask?: number | undefined;
}

/** Options of unlink. */
export interface UnlinkOptions extends OperationOptions<void> {
  /** Remove an empty directory instead of a file. */
  readonly directory?: boolean | undefined;
}

/** Options of rename. */
export interface RenameOptions extends OperationOptions<void> {
  /** RENAME_* bits, such as RENAME_NOREPLACE. */
  readonly flags?: number | undefined;
}

/** What splice moves, and from where to where. At least one of the two must be a pipe. */
export interface SpliceOptions extends OperationOptions<number> {
  /** The descriptor read from. */
  readonly from: Descriptor;
  /** Where in it, in bytes; absent or -1 for a pipe or the file position. */
  readonly fromOffset?: number | undefined;
  /** The descriptor written to. */
  readonly to: Descriptor;
  /** Where in it; absent or -1 likewise. */
  readonly toOffset?: number | undefined;
  /** How many bytes at most. */
  readonly length: number;
  /** SPLICE_F_* bits. */
  readonly flags?: number | undefined;
}

/** What tee copies: from one pipe into another, without consuming it. */
export type TeeOptions = Omit<SpliceOptions, "fromOffset" | "toOffset">;

/** An operation as data, for `batch` and `chain`: `op` names it, the rest are its arguments. */
export type OperationDescriptor =
  | ({ readonly op: "nop" } & OperationOptions<number>)
  | ({
      readonly op: "open";
      readonly path: PathLike;
      readonly flags?: number | string;
      readonly mode?: number | string;
    } & OpenOptions)
  | ({ readonly op: "close"; readonly fd: number } & OperationOptions<void>)
  | ({
      readonly op: "read";
      readonly fd: Descriptor;
      readonly buffer: BufferView;
    } & TransferOptions)
  | ({
      readonly op: "write";
      readonly fd: Descriptor;
      readonly buffer: BufferView;
    } & TransferOptions)
  | ({
      readonly op: "readv";
      readonly fd: Descriptor;
      readonly buffers: readonly BufferView[];
    } & VectorOptions)
  | ({
      readonly op: "writev";
      readonly fd: Descriptor;
      readonly buffers: readonly BufferView[];
    } & VectorOptions)
  | ({ readonly op: "fsync"; readonly fd: Descriptor } & OperationOptions<void>)
  | ({ readonly op: "fdatasync"; readonly fd: Descriptor } & OperationOptions<void>)
  | ({ readonly op: "syncFileRange"; readonly fd: Descriptor } & SyncFileRangeOptions)
  | ({ readonly op: "statx"; readonly file: PathLike | number } & StatxOptions)
  | ({
      readonly op: "truncate";
      readonly fd: Descriptor;
      readonly size?: number;
    } & OperationOptions<void>)
  | ({ readonly op: "fallocate"; readonly fd: Descriptor } & FallocateOptions)
  | ({ readonly op: "fadvise"; readonly fd: Descriptor } & FadviseOptions)
  | ({ readonly op: "unlink"; readonly path: PathLike } & UnlinkOptions)
  | ({ readonly op: "rename"; readonly from: PathLike; readonly to: PathLike } & RenameOptions)
  | ({
      readonly op: "mkdir";
      readonly path: PathLike;
      readonly mode?: number | string;
    } & OperationOptions<void>)
  | ({
      readonly op: "symlink";
      readonly target: PathLike;
      readonly path: PathLike;
    } & OperationOptions<void>)
  | ({
      readonly op: "link";
      readonly existing: PathLike;
      readonly path: PathLike;
    } & OperationOptions<void>)
  | ({ readonly op: "splice" } & SpliceOptions)
  | ({ readonly op: "tee" } & TeeOptions)
  | ({ readonly op: "timeout"; readonly ms: number } & OperationOptions<void>)
  | ({ readonly op: "poll"; readonly fd: Descriptor; readonly events: number } & OperationOptions);
