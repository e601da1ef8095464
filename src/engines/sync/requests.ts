import fs from "node:fs";
import { AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW } from "../../abi/linux.ts";
import { errnoOf, invariant } from "../../base/index.ts";
import { OperationKind, type Request } from "../../core/index.ts";
import {
  BIGINT,
  MODE_BITS,
  memory,
  NOTHING,
  namesDescriptor,
  position,
  vectors,
} from "../node-fs.ts";
import { writeStatx } from "../node-fs-statx.ts";

const EFAULT = -errnoOf("EFAULT");

/* The functions as they were when this module was loaded: see thread-pool/requests.ts. */
const {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  readvSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  writevSync,
} = fs;

/** How each operation is done. What returns no number has succeeded. */
const RUNNERS: Readonly<Partial<Record<OperationKind, (request: Request) => unknown>>> = {
  [OperationKind.Nop]: () => 0,
  [OperationKind.Open]: (request) =>
    openSync(path(request), request.flags | 0, request.mode & MODE_BITS),
  [OperationKind.Close]: (request) => closeSync(request.fd),
  [OperationKind.Read]: (request) => {
    const at = position(request);
    // Without bytes to read, fs.readSync answers 0 itself, even for a descriptor that is not open.
    if (request.length === 0) return readvSync(request.fd, NOTHING, at as number);
    return readSync(request.fd, memory(request), 0, request.length, at);
  },
  [OperationKind.Write]: (request) =>
    writeSync(request.fd, memory(request), 0, request.length, position(request)),
  [OperationKind.Readv]: (request) =>
    readvSync(request.fd, vectors(request), position(request) as number),
  [OperationKind.Writev]: (request) =>
    writevSync(request.fd, vectors(request), position(request) as number),
  [OperationKind.Fsync]: (request) => fsyncSync(request.fd),
  [OperationKind.Fdatasync]: (request) => fdatasyncSync(request.fd),
  [OperationKind.Statx]: (request) => (statx(request) ? 0 : EFAULT),
  [OperationKind.Truncate]: (request) => ftruncateSync(request.fd, request.offset),
  [OperationKind.Unlink]: (request) => {
    if ((request.flags & AT_REMOVEDIR) !== 0) rmdirSync(path(request));
    else unlinkSync(path(request));
  },
  [OperationKind.Rename]: (request) => renameSync(path(request), path2(request)),
  [OperationKind.Mkdir]: (request) => mkdirSync(path(request), request.mode & MODE_BITS),
  [OperationKind.Symlink]: (request) => symlinkSync(path(request), path2(request)),
  [OperationKind.Link]: (request) => linkSync(path(request), path2(request)),
};

/** Whether {@link run} knows how to do an operation. */
export function isKnown(kind: OperationKind): boolean {
  return RUNNERS[kind] !== undefined;
}

/**
 * Does a request here and now, while the whole process waits. Returns its count, its descriptor,
 * or 0; throws what node:fs throws.
 */
export function run(request: Request): number {
  const runner = RUNNERS[request.kind];
  invariant(runner, `The sync engine was given an operation that it refuses: ${request.kind}`);
  const result = runner(request);
  return typeof result === "number" ? result : 0;
}

function statx(request: Request): boolean {
  const { buffer } = request;
  if (buffer === undefined) return false;
  if (namesDescriptor(request)) return writeStatx(buffer, fstatSync(request.fd, BIGINT));
  const follow = (request.flags & AT_SYMLINK_NOFOLLOW) === 0;
  return writeStatx(buffer, (follow ? statSync : lstatSync)(path(request), BIGINT));
}

/** Typed as node:fs types its paths; at run time it takes any Uint8Array. */
function path(request: Request): string | Buffer {
  return (request.path ?? "") as string | Buffer;
}

function path2(request: Request): string | Buffer {
  return (request.path2 ?? "") as string | Buffer;
}
