import type { BigIntStats } from "node:fs";
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_REMOVEDIR,
  AT_STATX_DONT_SYNC,
  AT_STATX_FORCE_SYNC,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_APPEND,
  O_PATH,
  POSIX_FADV_NOREUSE,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_NOWAIT,
  RWF_SYNC,
  SPLICE_F_NONBLOCK,
} from "../../abi/linux.ts";
import { IOV_MAX, MAX_OFFSET } from "../../base/index.ts";
import { type BufferView, OperationKind, type Request } from "../../core/index.ts";
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOTSUP,
  EPIPE,
  ESPIPE,
} from "../errnos.ts";
import { writeStatx } from "../node-fs-statx.ts";
import {
  BLOCKED,
  bytesOf,
  isReadable,
  isWritable,
  type MemoryFiles,
  type OpenFile,
} from "./files.ts";
import { type Directory, type FileNode, PAGE_BYTES, PIPE_BYTES } from "./inodes.ts";

const STATX_FLAGS =
  AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC | AT_STATX_FORCE_SYNC;
/** The bit of statx(2)'s mask that is reserved. */
const STATX_RESERVED = 0x8000_0000;
const READ_FLAGS = RWF_NOWAIT;
const WRITE_FLAGS = RWF_NOWAIT | RWF_DSYNC | RWF_SYNC | RWF_APPEND;
const ALL_SYNC_FLAGS = 7;
/** What mkdir(2) takes of a mode: permissions and the sticky bit. */
const MKDIR_BITS = 0o1777;

/** How each operation is done, in the order of {@link OperationKind}; a timeout is a clock's. */
const RUNNERS: Readonly<Record<OperationKind, (files: MemoryFiles, request: Request) => number>> = {
  [OperationKind.Nop]: () => 0,
  [OperationKind.Open]: (files, { fd, path, flags, mode, extra }) =>
    path === undefined ? -EFAULT : files.open(fd, bytesOf(path), flags, mode, extra),
  [OperationKind.Close]: (files, { fd }) => files.close(fd),
  [OperationKind.Read]: (files, request) => transfer(files, request, READ_FLAGS),
  [OperationKind.Write]: (files, request) => transfer(files, request, WRITE_FLAGS),
  [OperationKind.Readv]: (files, request) => transfer(files, request, READ_FLAGS),
  [OperationKind.Writev]: (files, request) => transfer(files, request, WRITE_FLAGS),
  [OperationKind.Fsync]: sync,
  [OperationKind.Fdatasync]: sync,
  [OperationKind.SyncFileRange]: syncFileRange,
  [OperationKind.Statx]: statx,
  [OperationKind.Truncate]: truncate,
  [OperationKind.Fallocate]: fallocate,
  [OperationKind.Fadvise]: fadvise,
  [OperationKind.Unlink]: unlink,
  [OperationKind.Rename]: rename,
  [OperationKind.Mkdir]: (files, { fd, path, mode }) =>
    at(files, fd, path, (start, name) =>
      files.names.mkdir(start, name, files.permissions(mode & MKDIR_BITS)),
    ),
  [OperationKind.Symlink]: (files, { fd, path, path2 }) =>
    at(files, fd, path2, (start, name) => files.names.symlink(start, bytesOf(path ?? ""), name)),
  [OperationKind.Link]: link,
  [OperationKind.Splice]: splice,
  [OperationKind.Tee]: tee,
  [OperationKind.Timeout]: () => BLOCKED,
  [OperationKind.Poll]: (files, { fd, flags }) => files.poll(fd, flags),
};

/** Does a request now: its result, a negative errno, or {@link BLOCKED}. */
export function perform(files: MemoryFiles, request: Request): number {
  if (request.fixedFile) return -ENOTSUP;
  return RUNNERS[request.kind](files, request);
}

/** The bytes of a view, or undefined where it shows fewer than `length`: it was taken away. */
function bytes(view: BufferView | undefined, length: number): Uint8Array | undefined {
  if (view === undefined) return length === 0 ? new Uint8Array(0) : undefined;
  // Of a detached DataView even the length cannot be asked for.
  if (view.buffer.byteLength < view.byteOffset + length) return undefined;
  return new Uint8Array(view.buffer, view.byteOffset, length);
}

function transfer(files: MemoryFiles, request: Request, allowed: number): number {
  const { kind, fd, flags, length, offset } = request;
  const reads = kind === OperationKind.Read || kind === OperationKind.Readv;
  const memory: Uint8Array[] = [];
  if (kind === OperationKind.Read || kind === OperationKind.Write) {
    const piece = bytes(request.buffer, length);
    if (piece === undefined) return files.file(fd) === undefined ? -EBADF : -EFAULT;
    memory.push(piece);
  } else {
    if (length > IOV_MAX) return -EINVAL;
    for (const view of (request.buffers ?? []).slice(0, length)) {
      const piece = bytes(view, view.byteLength);
      if (piece === undefined) return -EFAULT;
      memory.push(piece);
    }
  }
  const file = files.file(fd);
  if (file === undefined || !(reads ? isReadable(file) : isWritable(file))) return -EBADF;
  if ((flags & ~allowed) !== 0) return -ENOTSUP;
  const from = !reads && (flags & RWF_APPEND) !== 0 && file.node.kind === "file";
  const result = reads
    ? files.read(fd, memory, offset)
    : files.write(fd, memory, from ? sizeOf(file.node) : offset);
  return result === BLOCKED && (flags & RWF_NOWAIT) !== 0 ? -EAGAIN : result;
}

/** A descriptor of something that has bytes on the disk, or a negative errno. */
function onDisk(files: MemoryFiles, fd: number, forPipes: number): OpenFile | number {
  const file = files.file(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  return file.node.kind === "pipe" ? forPipes : file;
}

function sync(files: MemoryFiles, { fd }: Request): number {
  const file = onDisk(files, fd, -EINVAL);
  return typeof file === "number" ? file : 0;
}

function syncFileRange(files: MemoryFiles, { fd, offset, length, flags }: Request): number {
  const file = onDisk(files, fd, -ESPIPE);
  if (file === -EBADF) return file;
  if ((flags & ~ALL_SYNC_FLAGS) !== 0 || offset < 0 || length < 0) return -EINVAL;
  return typeof file === "number" ? file : 0;
}

function fadvise(files: MemoryFiles, { fd, length, extra }: Request): number {
  const file = onDisk(files, fd, -ESPIPE);
  if (typeof file === "number") return file;
  return length < 0 || extra < 0 || extra > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

function truncate(files: MemoryFiles, { fd, offset }: Request): number {
  if (offset < 0) return -EINVAL;
  const file = files.file(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  if (file.node.kind !== "file" || !isWritable(file)) return -EINVAL;
  if (offset > MAX_OFFSET) return -EFBIG;
  file.node.truncate(offset);
  return 0;
}

function fallocate(files: MemoryFiles, { fd, offset, length, flags }: Request): number {
  const file = files.file(fd);
  if (file === undefined) return -EBADF;
  if (offset < 0 || length <= 0) return -EINVAL;
  const punch = (flags & FALLOC_FL_PUNCH_HOLE) !== 0;
  const zero = (flags & FALLOC_FL_ZERO_RANGE) !== 0;
  const keep = (flags & FALLOC_FL_KEEP_SIZE) !== 0;
  const known = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
  if ((flags & ~known) !== 0 || (punch && (!keep || zero))) return -ENOTSUP;
  if (!isWritable(file)) return -EBADF;
  const { node } = file;
  if (node.kind === "pipe") return -ESPIPE;
  if (node.kind !== "file") return -ENODEV;
  if (offset + length > MAX_OFFSET) return -EFBIG;
  if (punch || zero) node.clear(offset, Math.min(length, Math.max(0, node.size - offset)));
  if (punch) return 0;
  const result = node.allocate(offset, length);
  if (result === 0 && !keep) node.size = Math.max(node.size, offset + length);
  return result;
}

function statx(files: MemoryFiles, request: Request): number {
  const { fd, flags, extra } = request;
  const path = bytesOf(request.path ?? "");
  if ((flags & ~STATX_FLAGS) !== 0 || (extra & STATX_RESERVED) !== 0) return -EINVAL;
  let node: FileNode | undefined;
  if (path === "" && (flags & AT_EMPTY_PATH) !== 0 && fd >= 0) {
    const file = files.file(fd);
    if (file === undefined) return -EBADF;
    node = file.node;
  } else {
    const found = lookup(files, fd, path, (flags & AT_SYMLINK_NOFOLLOW) === 0);
    if (typeof found === "number") return found;
    node = found;
  }
  if (bytes(request.buffer, request.length) === undefined) return -EFAULT;
  return writeStatx(request.buffer as BufferView, statsOf(node)) ? 0 : -EFAULT;
}

function unlink(files: MemoryFiles, { fd, path, flags }: Request): number {
  if ((flags & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  return at(files, fd, path, (start, name) => {
    if (flags !== 0) return files.names.rmdir(start, name);
    return released(files, files.names.unlink(start, name));
  });
}

function rename(files: MemoryFiles, request: Request): number {
  const { fd, path, extra, path2, flags } = request;
  return at(files, fd, path, (from, name) =>
    at(files, extra, path2, (to, name2) =>
      released(files, files.names.rename(from, name, to, name2, flags)),
    ),
  );
}

function link(files: MemoryFiles, { fd, path, extra, path2, flags }: Request): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const node = lookup(files, fd, bytesOf(path ?? ""), (flags & AT_SYMLINK_FOLLOW) !== 0);
  if (typeof node === "number") return node;
  return at(files, extra, path2, (start, name) => files.names.link(node, start, name));
}

function lookup(files: MemoryFiles, fd: number, path: string, follow: boolean): FileNode | number {
  const start = files.startOf(fd, path);
  if (typeof start === "number") return start;
  const found = files.names.walk(start, path, follow ? "follow" : "keep");
  if (typeof found === "number") return found;
  return found.node ?? -ENOENT;
}

/** Finds where a path starts from. */
function at(
  files: MemoryFiles,
  directory: number,
  path: string | Uint8Array | undefined,
  act: (start: Directory, path: string) => number,
): number {
  if (path === undefined) return -EFAULT;
  const name = bytesOf(path);
  const start = files.startOf(directory, name);
  return typeof start === "number" ? start : act(start, name);
}

/** Gives back what has lost its last name. */
function released(files: MemoryFiles, result: FileNode | number): number {
  if (typeof result === "number") return result;
  files.release(result);
  return 0;
}

function splice(files: MemoryFiles, request: Request): number {
  const { fd, extra, length, flags, offset, offset2 } = request;
  const input = files.file(extra);
  const output = files.file(fd);
  if (input === undefined || output === undefined) return -EBADF;
  if (length === 0) return 0;
  if (!isReadable(input) || !isWritable(output)) return -EBADF;
  const { node: source } = input;
  const { node: target } = output;
  if (source.kind !== "pipe" && target.kind !== "pipe") return -EINVAL;
  if ((source.kind === "pipe" && offset2 >= 0) || (target.kind === "pipe" && offset >= 0)) {
    return -ESPIPE;
  }
  if (source === target || (output.flags & O_APPEND) !== 0) return -EINVAL;
  const nowait = (flags & SPLICE_F_NONBLOCK) !== 0;
  const problem = pipesProblem(source, target, nowait);
  if (problem !== undefined) return problem;
  const room = target.kind === "pipe" ? target.room : PIPE_BYTES;
  const most = Math.min(length, room, PIPE_BYTES);
  const piece = new Uint8Array(source.kind === "pipe" ? Math.min(most, source.size) : most);
  const count = files.read(extra, [piece], offset2);
  return count <= 0 ? count : files.write(fd, [piece.subarray(0, count)], offset);
}

function tee(files: MemoryFiles, { fd, extra, length, flags }: Request): number {
  const input = files.file(extra);
  const output = files.file(fd);
  if (input === undefined || output === undefined) return -EBADF;
  if (length === 0) return 0;
  if (!isReadable(input) || !isWritable(output)) return -EBADF;
  const { node: source } = input;
  const { node: target } = output;
  if (source.kind !== "pipe" || target.kind !== "pipe" || source === target) return -EINVAL;
  const problem = pipesProblem(source, target, (flags & SPLICE_F_NONBLOCK) !== 0);
  if (problem !== undefined) return problem;
  const result = target.append(source.peek(length));
  files.changed();
  return result;
}

/** Why nothing can move between these now; undefined where something can. */
function pipesProblem(source: FileNode, target: FileNode, nowait: boolean): number | undefined {
  const wait = nowait ? -EAGAIN : BLOCKED;
  if (target.kind === "pipe" && target.readers === 0) return -EPIPE;
  if (source.kind === "pipe" && source.size === 0) return source.writers === 0 ? 0 : wait;
  return target.kind === "pipe" && target.room === 0 ? wait : undefined;
}

function sizeOf(node: FileNode): number {
  switch (node.kind) {
    case "file":
      return node.size;
    case "symlink":
      return node.target.length;
    case "directory":
      return PAGE_BYTES;
    default:
      return 0;
  }
}

const KIND_BITS = { file: 0o100000, directory: 0o040000, symlink: 0o120000, pipe: 0o010000 };

function statsOf(node: FileNode): BigIntStats {
  const pages = node.kind === "file" ? node.pages : 0;
  return {
    dev: 0n,
    rdev: 0n,
    ino: BigInt(node.ino),
    mode: BigInt(KIND_BITS[node.kind] | node.permissions),
    nlink: BigInt(node.links),
    uid: 0n,
    gid: 0n,
    size: BigInt(sizeOf(node)),
    blksize: BigInt(PAGE_BYTES),
    blocks: BigInt((pages * PAGE_BYTES) / 512),
    atimeNs: node.accessed,
    mtimeNs: node.modified,
    ctimeNs: node.changed,
    birthtimeNs: node.born,
  } as BigIntStats;
}
