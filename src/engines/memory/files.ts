import { tmpdir } from "node:os";
import {
  AT_FDCWD,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  S_IFREG,
  SEEK_CUR,
  SEEK_SET,
} from "../../abi/linux.ts";
import { MAX_OFFSET } from "../../base/index.ts";
import {
  EAGAIN,
  EBADF,
  EEXIST,
  EFBIG,
  EINVAL,
  EISDIR,
  ELOOP,
  EMFILE,
  ENOENT,
  ENOTDIR,
  EPIPE,
  ESPIPE,
} from "../errnos.ts";
import { Directory, Disk, type FileNode, Pipe, RegularFile } from "./inodes.ts";
import { type Found, Names } from "./names.ts";

/**
 * The answer of a call that has to wait: no errno is so large. Ask again when something has
 * changed.
 */
export const BLOCKED = -0x1_0000;

/** The first descriptor: far from those that the process really has, which must not be hit. */
export const FIRST_FD = 1000;
/** The most descriptors open at once. */
export const MOST_FILES = 1024;
/** Room for data unless told: enough for tests, and no danger to the machine. */
export const DEFAULT_CAPACITY_BYTES = 64 * 1024 * 1024;
/** All RESOLVE_* of openat2(2). */
const RESOLVE_BITS = 0x3f;

/** What a descriptor stands for; shared by those that were duplicated. */
export interface OpenFile {
  readonly node: FileNode;
  /** O_* */
  readonly flags: number;
  /** The file position. */
  position: number;
}

/**
 * Files, directories, links and pipes in memory, behind functions that answer as the system calls
 * of Linux do: a result of at least 0, a negative errno, or {@link BLOCKED}.
 *
 * There are no owners and everybody is root. The current directory and the one for temporary files
 * exist from the start, under the names that they have on the system.
 */
export class MemoryFiles {
  readonly names: Names;
  readonly disk: Disk;
  /** Called when something changed that a blocked call may have waited for. */
  readonly watchers = new Set<() => void>();
  readonly #open = new Map<number, OpenFile>();
  readonly #umask: number;
  #current: Directory;

  /** @param capacityBytes Room for data, {@link DEFAULT_CAPACITY_BYTES} unless told. */
  constructor(capacityBytes = DEFAULT_CAPACITY_BYTES) {
    this.disk = new Disk(capacityBytes);
    this.names = new Names(this.disk);
    this.#umask = process.umask();
    this.makeFolder(tmpdir());
    this.#current = this.makeFolder(process.cwd());
  }

  /** Makes a directory and all above it, as far as there are none. Returns it. */
  makeFolder(path: string): Directory {
    let at = this.names.root;
    for (const name of bytesOf(path).split("/")) {
      if (name === "" || name === ".") continue;
      let next = at.entries.get(name);
      if (next === undefined) {
        next = new Directory(this.disk, 0o755, at);
        this.names.add(at, name, next);
      }
      if (next.kind !== "directory") throw new Error(`Not a directory in memory: ${path}`);
      at = next;
    }
    return at;
  }

  /** How many descriptors are open. */
  get openCount(): number {
    return this.#open.size;
  }

  /** What a descriptor stands for, or undefined. */
  file(fd: number): OpenFile | undefined {
    return this.#open.get(fd);
  }

  /** fstat(2): of what is told apart here, the S_IF* bits. */
  fileType(fd: number): number {
    const file = this.#open.get(fd);
    if (file === undefined) return -EBADF;
    return file.node.kind === "file" ? S_IFREG : 0;
  }

  /** lseek(2). */
  lseek(fd: number, offset: number, whence: number): number {
    const file = this.#open.get(fd);
    if (file === undefined) return -EBADF;
    const { node } = file;
    if (node.kind !== "file") return -ESPIPE;
    const from = whence === SEEK_SET ? 0 : whence === SEEK_CUR ? file.position : node.size;
    file.position = from + offset;
    return file.position;
  }

  /** fcntl(2) with F_GETFL. */
  fcntlGetFlags(fd: number): number {
    return this.#open.get(fd)?.flags ?? -EBADF;
  }

  /** Makes a pipe. Returns the descriptor to read from and the one to write to. */
  pipe(flags = 0): [reader: number, writer: number] {
    const pipe = new Pipe(this.disk);
    pipe.readers = 1;
    pipe.writers = 1;
    const reader = this.#give(pipe, O_RDONLY | flags);
    return [reader, this.#give(pipe, O_WRONLY | flags)];
  }

  /** openat2(2). */
  open(directory: number, path: string, flags: number, mode: number, resolve = 0): number {
    if ((resolve & ~RESOLVE_BITS) !== 0) return -EINVAL;
    if ((resolve & RESOLVE_BENEATH) !== 0 && (resolve & RESOLVE_IN_ROOT) !== 0) return -EINVAL;
    const start = this.startOf(directory, path, (resolve & RESOLVE_IN_ROOT) !== 0);
    if (typeof start === "number") return start;
    if (O_TMPFILE !== 0 && (flags & O_TMPFILE) === O_TMPFILE)
      return this.#openNameless(start, path, flags, mode);
    if ((flags & O_PATH) !== 0) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    const creates = (flags & O_CREAT) !== 0;
    if (creates && (flags & O_DIRECTORY) !== 0) return -EINVAL;
    const exclusive = creates && (flags & O_EXCL) !== 0;
    const follow = (flags & O_NOFOLLOW) === 0 && !exclusive;
    // A name that ends with a slash is never made by open, whatever is there.
    const last = creates && path.endsWith("/") ? "name" : follow ? "follow" : "keep";
    const found = this.names.walk(start, path, last, resolve);
    if (typeof found === "number") return found;
    if (creates && found.trailing) return -EISDIR;
    if (found.node === undefined) return creates ? this.#create(found, flags, mode) : -ENOENT;
    const problem = openProblem(found.node, flags, exclusive);
    if (problem !== 0) return problem;
    const { node } = found;
    if ((flags & O_TRUNC) !== 0 && node.kind === "file") node.truncate(0);
    return this.#give(node, flags);
  }

  /** close(2). */
  close(fd: number): number {
    const file = this.#open.get(fd);
    if (file === undefined) return -EBADF;
    this.#open.delete(fd);
    const { node } = file;
    if (node.kind === "pipe") {
      if (isReadable(file)) node.readers--;
      if (isWritable(file)) node.writers--;
      this.changed();
    }
    this.release(node);
    return 0;
  }

  /** Tells everybody that something changed. */
  changed(): void {
    for (const watcher of this.watchers) watcher();
  }

  /** Gives back the room of a file that has neither names nor descriptors. */
  release(node: FileNode): void {
    if (node.kind !== "file" || node.links > 0) return;
    for (const file of this.#open.values()) if (file.node === node) return;
    node.destroy();
  }

  /** preadv2(2): `into` is the memory, one piece after the other. */
  read(fd: number, into: readonly Uint8Array[], offset: number): number {
    const file = this.#open.get(fd);
    if (file === undefined || !isReadable(file)) return -EBADF;
    const { node } = file;
    if (node.kind === "pipe") return offset < 0 ? this.#readPipe(node, file, into) : -ESPIPE;
    if (node.kind === "directory") return -EISDIR;
    if (node.kind !== "file") return -EINVAL;
    if (offset < -1) return -EINVAL;
    let at = offset < 0 ? file.position : offset;
    const start = at;
    for (const piece of into) {
      const count = node.read(at, piece);
      at += count;
      if (count < piece.length) break;
    }
    if (offset < 0) file.position = at;
    node.accessed = this.disk.now();
    return at - start;
  }

  /** pwritev2(2). With O_APPEND the offset says nothing. */
  write(fd: number, from: readonly Uint8Array[], offset: number): number {
    const file = this.#open.get(fd);
    if (file === undefined || !isWritable(file)) return -EBADF;
    const { node } = file;
    if (node.kind === "pipe") return offset < 0 ? this.#writePipe(node, file, from) : -ESPIPE;
    if (node.kind !== "file" || offset < -1) return -EINVAL;
    let at = offset < 0 ? file.position : offset;
    const total = from.reduce((sum, { length }) => sum + length, 0);
    if (total === 0) return 0;
    if ((file.flags & O_APPEND) !== 0) at = node.size;
    if (at + total > MAX_OFFSET) return -EFBIG;
    const start = at;
    let result = 0;
    for (const piece of from) {
      result = node.write(at, piece);
      if (result < 0) break;
      at += result;
      if (result < piece.length) break;
    }
    if (at === start) return result;
    if (offset < 0) file.position = at;
    return at - start;
  }

  /** What poll(2) says of a descriptor, out of `events` and of what is always told. */
  poll(fd: number, events: number): number {
    const file = this.#open.get(fd);
    if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
    const { node } = file;
    let ready = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
    if (node.kind === "pipe") {
      ready = 0;
      if (isReadable(file)) {
        if (node.size > 0) ready |= POLLIN | POLLRDNORM;
        if (node.writers === 0) ready |= POLLHUP;
      }
      if (isWritable(file)) {
        if (node.room > 0) ready |= POLLOUT | POLLWRNORM;
        if (node.readers === 0) ready |= POLLERR;
      }
    }
    return ready & (events | POLLHUP | POLLERR) || BLOCKED;
  }

  /** The directory that a path starts from; not looked at where it is absolute. */
  startOf(directory: number, path: string, always = false): Directory | number {
    if (path.startsWith("/") && !always) return this.names.root;
    if (directory === AT_FDCWD) return this.#current;
    const file = this.#open.get(directory);
    if (file === undefined) return -EBADF;
    return file.node.kind === "directory" ? file.node : -ENOTDIR;
  }

  /** Permission bits of something new, less the umask. */
  permissions(mode: number): number {
    return mode & 0o7777 & ~this.#umask;
  }

  #create(found: Found, flags: number, mode: number): number {
    if (found.parent.links === 0) return -ENOENT;
    if (this.#open.size >= MOST_FILES) return -EMFILE;
    const file = new RegularFile(this.disk, this.permissions(mode));
    this.names.add(found.parent, found.name, file);
    return this.#give(file, flags);
  }

  /** O_TMPFILE: a file without a name. */
  #openNameless(start: Directory, path: string, flags: number, mode: number): number {
    const found = this.names.walk(start, path, "follow");
    if (typeof found === "number") return found;
    if (found.node === undefined) return -ENOENT;
    if (found.node.kind !== "directory") return -ENOTDIR;
    if ((flags & O_ACCMODE) === O_RDONLY || (flags & O_CREAT) !== 0) return -EINVAL;
    const file = new RegularFile(this.disk, this.permissions(mode));
    file.links = 0;
    return this.#give(file, flags);
  }

  #give(node: FileNode, flags: number): number {
    if (this.#open.size >= MOST_FILES) return -EMFILE;
    let fd = FIRST_FD;
    while (this.#open.has(fd)) fd++;
    this.#open.set(fd, { node, flags, position: 0 });
    return fd;
  }

  #readPipe(pipe: Pipe, file: OpenFile, into: readonly Uint8Array[]): number {
    if (into.every(({ length }) => length === 0)) return 0;
    if (pipe.size === 0) {
      if (pipe.writers === 0) return 0;
      return (file.flags & O_NONBLOCK) === 0 ? BLOCKED : -EAGAIN;
    }
    let total = 0;
    for (const piece of into) {
      const bytes = pipe.peek(piece.length);
      piece.set(bytes);
      pipe.consume(bytes.length);
      total += bytes.length;
    }
    this.changed();
    return total;
  }

  #writePipe(pipe: Pipe, file: OpenFile, from: readonly Uint8Array[]): number {
    if (pipe.readers === 0) return -EPIPE;
    if (from.every(({ length }) => length === 0)) return 0;
    if (pipe.room === 0) return (file.flags & O_NONBLOCK) === 0 ? BLOCKED : -EAGAIN;
    let total = 0;
    for (const piece of from) total += pipe.append(piece);
    this.changed();
    return total;
  }
}

/** Whether a descriptor may be read from. */
export function isReadable({ flags }: OpenFile): boolean {
  const access = flags & O_ACCMODE;
  return (flags & O_PATH) === 0 && (access === O_RDONLY || access === O_RDWR);
}

/** Whether a descriptor may be written to. */
export function isWritable({ flags }: OpenFile): boolean {
  const access = flags & O_ACCMODE;
  return (flags & O_PATH) === 0 && (access === O_WRONLY || access === O_RDWR);
}

/** A path as a string with one character for each byte, so that all bytes stay what they are. */
export function bytesOf(path: string | Uint8Array): string {
  if (typeof path === "string") return Buffer.from(path).toString("latin1");
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString("latin1");
}

function openProblem(node: FileNode, flags: number, exclusive: boolean): number {
  if (exclusive) return -EEXIST;
  if ((flags & O_DIRECTORY) !== 0 && node.kind !== "directory") return -ENOTDIR;
  if (node.kind === "symlink") return (flags & O_PATH) === 0 ? -ELOOP : 0;
  const writes = (flags & O_ACCMODE) !== O_RDONLY || (flags & (O_TRUNC | O_CREAT)) !== 0;
  return node.kind === "directory" && writes ? -EISDIR : 0;
}
