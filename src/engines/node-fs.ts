/** What the engines over node:fs share: what it cannot do, and how it wants its arguments. */
import { isAbsolute } from "node:path";
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_REMOVEDIR,
  AT_STATX_DONT_SYNC,
  AT_SYMLINK_NOFOLLOW,
  STATX_BYTES,
} from "../abi/linux.ts";
import { errnoOf, IOV_MAX } from "../base/index.ts";
import { type BufferView, OperationKind, type Request } from "../core/index.ts";

/** Exact numbers beyond 2^53: inodes and nanoseconds. */
export const BIGINT = { bigint: true } as const;

/** One vector without bytes: makes node:fs ask the kernel where it would answer by itself. */
export const NOTHING: readonly BufferView[] = [new Uint8Array(0)];

/** Permission bits: what open(2) and mkdir(2) look at. Node aborts the process over a mode of 2^31. */
export const MODE_BITS = 0o7777;

const EACCES = -errnoOf("EACCES");
const EFAULT = -errnoOf("EFAULT");
const EINVAL = -errnoOf("EINVAL");
const EIO = -errnoOf("EIO");
const ENOTSUP = -errnoOf("ENOTSUP");

/** What fs.stat and its kin can do; DONT_SYNC only permits what they may do anyway. */
const STATX_FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;

/**
 * What no function of node:fs can express, or would silently do in another way than the kernel:
 * per-call flags (RWF_*, RESOLVE_*, RENAME_*), paths relative to a directory's descriptor,
 * registered files, more vectors than the kernel takes (libuv cuts them off without a word).
 *
 * Returns 0 when the request can be done, else the negative errno it completes with.
 */
export function refusal(request: Request): number {
  if (request.fixedFile) return ENOTSUP;
  switch (request.kind) {
    case OperationKind.Nop:
    case OperationKind.Close:
    case OperationKind.Fsync:
    case OperationKind.Fdatasync:
    case OperationKind.Timeout:
      return 0;
    case OperationKind.Read:
    case OperationKind.Write:
      return request.flags === 0 ? 0 : ENOTSUP;
    case OperationKind.Readv:
    case OperationKind.Writev:
      if (request.flags !== 0) return ENOTSUP;
      return request.length > IOV_MAX ? EINVAL : 0;
    case OperationKind.Open:
      return request.extra === 0 ? relative(request.fd, request.path) : ENOTSUP;
    case OperationKind.Statx:
      if (request.buffer === undefined || request.buffer.byteLength < STATX_BYTES) return EFAULT;
      if ((request.flags & ~STATX_FLAGS) !== 0) return ENOTSUP;
      return namesDescriptor(request) ? 0 : relative(request.fd, request.path);
    case OperationKind.Truncate:
      return request.offset < 0 ? EINVAL : 0; // Node would cut the file to nothing.
    case OperationKind.Unlink:
      if ((request.flags & ~AT_REMOVEDIR) !== 0) return ENOTSUP;
      return relative(request.fd, request.path);
    case OperationKind.Rename:
    case OperationKind.Link:
      if (request.flags !== 0) return ENOTSUP;
      return relative(request.fd, request.path) || relative(request.extra, request.path2);
    case OperationKind.Mkdir:
      return relative(request.fd, request.path);
    case OperationKind.Symlink:
      return relative(request.fd, request.path2);
    default:
      return ENOTSUP;
  }
}

/** The number of an error of node:fs; where it has none, one that stands for it. */
export function numberOf(error: NodeJS.ErrnoException): number {
  if (typeof error.errno === "number") return error.errno;
  if (error.code === "ERR_ACCESS_DENIED") return EACCES;
  return error.code?.startsWith("ERR_") ? EINVAL : EIO;
}

/** Whether an error of node:fs says more than its number does. */
export function isOfNode(error: NodeJS.ErrnoException): boolean {
  return typeof error.errno !== "number";
}

/** Whether a statx asks about the descriptor itself, as fstat does. */
export function namesDescriptor(request: Pick<Request, "flags" | "path">): boolean {
  return (request.flags & AT_EMPTY_PATH) !== 0 && (request.path?.length ?? 0) === 0;
}

/** Refuses a path that starts from a directory's descriptor; an absolute one ignores it. */
function relative(directory: number, path: string | Uint8Array | undefined): number {
  if (directory < 0 || path === undefined) return 0;
  // One character per byte: only the first few are looked at.
  const text =
    typeof path === "string" ? path : Buffer.from(path.subarray(0, 8)).toString("latin1");
  return isAbsolute(text) ? 0 : ENOTSUP;
}

/** Where to read or write; null, which readv and writev take although their types do not say so. */
export function position(job: { readonly offset: number }): number | null {
  return job.offset < 0 ? null : job.offset;
}

/** The memory of a read or a write. */
export function memory(job: { readonly buffer: BufferView | undefined }): BufferView {
  return job.buffer ?? (NOTHING[0] as BufferView);
}

/** The memory of a readv or a writev; without any, node:fs would answer by itself. */
export function vectors(job: {
  readonly buffers: readonly BufferView[] | undefined;
  readonly length: number;
}): readonly BufferView[] {
  const { buffers, length } = job;
  if (buffers === undefined || length === 0) return NOTHING;
  return buffers.length === length ? buffers : buffers.slice(0, length);
}
