/** Single calls on descriptors and paths: by the ring where there is one, else by node:fs. */
import { dirname, sep } from "node:path";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
  STATX_BASIC_STATS,
  STX_MODE,
  STX_SIZE,
} from "../abi/linux.ts";
import { addPaths, ProactorError, type SystemError, systemError } from "../base/errors.ts";
import { OPERATIONS, OperationKind, Request } from "../core/index.ts";
import { failing } from "../runtime/failing.ts";
import type { Finisher } from "../runtime/gate.ts";
import type { Session } from "../runtime/session.ts";
import { STATX_BUFFER_BYTES } from "../runtime/statx.ts";
import { nodeFs } from "./node.ts";
import { road } from "./road.ts";

/** The bytes that end a folder's name. */
const [SLASH, BACKSLASH, COLON] = [0x2f, 0x5c, 0x3a];

/** A path that was checked. */
export type CheckedPath = string | Uint8Array;

/** Node's own callback, with or without a result. */
type Callback<T> = (error: NodeJS.ErrnoException | null, result?: T) => void;

/** Filled anew for every call. */
const request = new Request();

/** Puts the paths into the error of a call that failed. */
class PathFinisher implements Finisher {
  readonly #kind: OperationKind;
  readonly #path: CheckedPath | undefined;
  readonly #dest: CheckedPath | undefined;

  constructor(kind: OperationKind, path?: CheckedPath, dest?: CheckedPath) {
    this.#kind = kind;
    this.#path = path;
    this.#dest = dest;
  }

  finish(result: number | Error): unknown {
    if (typeof result === "number") return result;
    const { errno } = result as SystemError;
    if (result instanceof ProactorError) return addPaths(result, this.#path, this.#dest);
    return failure(this.#kind, errno, this.#path, this.#dest);
  }
}

/** The error of an operation that the kernel answered with a negative number. */
export function failure(
  kind: OperationKind,
  result: number,
  path?: CheckedPath,
  dest?: CheckedPath,
): SystemError {
  const { syscall } = OPERATIONS[kind] as { syscall: string };
  return systemError(result, syscall, path, dest);
}

/** Opens a file, close-on-exec; `flags` are O_* bits. Resolves with its descriptor. */
export async function openFd(path: CheckedPath, flags: number, mode = 0o666): Promise<number> {
  const session = road();
  if (session === undefined) {
    return viaNode<number>((done) => nodeFs.open(bufferOf(path), flags, mode, done));
  }
  request.reset(OperationKind.Open);
  request.fd = AT_FDCWD;
  request.path = path;
  request.flags = flags | O_CLOEXEC;
  request.mode = mode;
  const fd = await start(session, new PathFinisher(OperationKind.Open, path));
  session.direct?.opened(fd, flags);
  return fd;
}

/** Closes a descriptor. */
export function closeFd(fd: number): Promise<void> {
  road()?.direct?.closed(fd);
  return onFd(OperationKind.Close, fd, (done) => nodeFs.close(fd, done));
}

/** fsync(2) of a descriptor. */
export function fsyncFd(fd: number): Promise<void> {
  return onFd(OperationKind.Fsync, fd, (done) => nodeFs.fsync(fd, done));
}

/** fdatasync(2) of a descriptor. */
export function fdatasyncFd(fd: number): Promise<void> {
  return onFd(OperationKind.Fdatasync, fd, (done) => nodeFs.fdatasync(fd, done));
}

/** ftruncate(2) of a descriptor. */
export function truncateFd(fd: number, size: number): Promise<void> {
  return onFd(OperationKind.Truncate, fd, (done) => nodeFs.ftruncate(fd, size, done), size);
}

/** Renames a file, replacing what has the new name. */
export async function renamePath(from: CheckedPath, to: CheckedPath): Promise<void> {
  const session = road();
  if (session?.engine.capabilities.operations[OperationKind.Rename] !== true) {
    return viaNode((done) => nodeFs.rename(bufferOf(from), bufferOf(to), done));
  }
  request.reset(OperationKind.Rename);
  request.fd = AT_FDCWD;
  request.extra = AT_FDCWD;
  request.path = from;
  request.path2 = to;
  await start(session, new PathFinisher(OperationKind.Rename, from, to));
}

/** Removes a file. */
export async function unlinkPath(path: CheckedPath): Promise<void> {
  const session = road();
  if (session?.engine.capabilities.operations[OperationKind.Unlink] !== true) {
    return viaNode((done) => nodeFs.unlink(bufferOf(path), done));
  }
  request.reset(OperationKind.Unlink);
  request.fd = AT_FDCWD;
  request.path = path;
  await start(session, new PathFinisher(OperationKind.Unlink, path));
}

/**
 * Brings the name of a file to the device: fsync(2) of the folder that it is in. Does nothing on a
 * system that does not open folders (Windows): there the file system logs names by itself.
 *
 * @param openFolders The flag to open a folder with, 0 on such a system.
 */
export async function fsyncFolderOf(path: CheckedPath, openFolders = O_DIRECTORY): Promise<void> {
  if (openFolders === 0) return;
  const folder = await openFd(folderOf(path), O_RDONLY | openFolders);
  try {
    await fsyncFd(folder);
  } finally {
    await closeFd(folder);
  }
}

/** Where the name begins in a path: behind the last separator, of which Windows has three. */
export function nameStart(path: Uint8Array, separator: string = sep): number {
  const isSeparator = (byte: number) =>
    byte === SLASH || (separator === "\\" && (byte === BACKSLASH || byte === COLON));
  let at = path.length;
  while (at > 0 && !isSeparator(path[at - 1] as number)) at--;
  return at;
}

/** The folder that a path is in; `"."` for a bare name. */
export function folderOf(path: CheckedPath): CheckedPath {
  if (typeof path === "string") return dirname(path);
  // One character per byte, so that nothing is lost.
  return Buffer.from(dirname(bufferOf(path).toString("latin1")), "latin1");
}

/** What our own calls need to know of a file. */
export interface KnownFile {
  /** Its kind and permission bits. */
  readonly mode: number;
  readonly size: number;
}

/** What a file is, by its descriptor. */
export async function statFd(fd: number): Promise<KnownFile> {
  const session = road();
  if (session === undefined) return viaNode((done) => nodeFs.fstat(fd, done));
  return statx(session, fd, "", AT_EMPTY_PATH);
}

/** What stands at a path; a link is not followed. */
export async function statPath(path: CheckedPath): Promise<KnownFile> {
  const session = road();
  if (session === undefined) return viaNode((done) => nodeFs.lstat(bufferOf(path), done));
  return statx(session, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
}

async function statx(
  session: Session,
  fd: number,
  path: CheckedPath,
  flags: number,
): Promise<KnownFile> {
  const bytes = Buffer.allocUnsafeSlow(STATX_BUFFER_BYTES);
  request.reset(OperationKind.Statx);
  request.fd = fd;
  request.path = path;
  request.flags = flags;
  request.extra = STATX_BASIC_STATS;
  request.buffer = bytes;
  request.length = STATX_BUFFER_BYTES;
  session.memory.useOwn(request, bytes);
  await start(session, new PathFinisher(OperationKind.Statx, path === "" ? undefined : path));
  return { mode: bytes.readUInt16LE(STX_MODE), size: Number(bytes.readBigUInt64LE(STX_SIZE)) };
}

/** Calls a function of node:fs that takes a callback. */
export function viaNode<T = void>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve) => {
    call((error, result) => resolve(error ? failing(error) : (result as T)));
  });
}

/** A path as the functions of node:fs take it in every release. */
export function bufferOf(path: CheckedPath): string | Buffer {
  if (typeof path === "string" || Buffer.isBuffer(path)) return path;
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength);
}

async function onFd(
  kind: OperationKind,
  fd: number,
  otherwise: (done: Callback<void>) => void,
  offset = -1,
): Promise<void> {
  const session = road();
  if (session?.engine.capabilities.operations[kind] !== true) return viaNode(otherwise);
  request.reset(kind);
  request.fd = fd;
  request.offset = offset;
  await start(session, undefined);
}

function start(session: Session, finisher: Finisher | undefined): Promise<number> {
  return session.scheduler.startPlain(request, finisher) as Promise<number>;
}
