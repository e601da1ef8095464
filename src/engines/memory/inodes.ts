import { ENOSPC } from "../errnos.ts";

/** Bytes in one page, which is the unit of allocation. */
export const PAGE_BYTES = 4096;

/** Where the clock of a {@link Disk} starts: 2020-01-01, in ns since 1970. */
const EPOCH_NS = 1_577_836_800_000_000_000n;
/** How far each look at the clock moves it, so that no two times are equal. */
const TICK_NS = 1_000_001n;

/** What all files of one file system share: room, numbers, and a clock that repeats itself. */
export class Disk {
  /** Pages that can still be allocated. */
  freePages: number;
  #inodes = 1;
  #now = EPOCH_NS;

  /** @param capacityBytes Room for data; writes beyond it fail with ENOSPC. */
  constructor(capacityBytes: number) {
    this.freePages = Math.floor(capacityBytes / PAGE_BYTES);
  }

  /** A number for a new inode. */
  nextInode(): number {
    return this.#inodes++;
  }

  /** The time, in ns since 1970. It depends on nothing but how often it was asked for. */
  now(): bigint {
    this.#now += TICK_NS;
    return this.#now;
  }
}

/** What every kind of inode has. */
abstract class Inode {
  readonly ino: number;
  readonly disk: Disk;
  /** Permission bits. */
  permissions: number;
  links = 1;
  readonly born: bigint;
  accessed: bigint;
  modified: bigint;
  changed: bigint;

  constructor(disk: Disk, permissions: number) {
    this.disk = disk;
    this.permissions = permissions;
    this.ino = disk.nextInode();
    const now = disk.now();
    this.born = now;
    this.accessed = now;
    this.modified = now;
    this.changed = now;
  }

  /** Notes that the contents changed. */
  touch(): void {
    this.modified = this.disk.now();
    this.changed = this.modified;
  }
}

/** A regular file: pages where somebody wrote, holes elsewhere. */
export class RegularFile extends Inode {
  readonly kind = "file";
  size = 0;
  readonly #pages = new Map<number, Uint8Array>();

  /** How many pages are allocated. */
  get pages(): number {
    return this.#pages.size;
  }

  /** Copies bytes out, up to the end of the file. Returns how many. */
  read(at: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.size - at));
    for (let done = 0; done < count; ) {
      const { page, start, length } = place(at + done, count - done);
      const bytes = this.#pages.get(page);
      if (bytes === undefined) into.fill(0, done, done + length);
      else into.set(bytes.subarray(start, start + length), done);
      done += length;
    }
    return count;
  }

  /** Copies bytes in. Returns how many, which is fewer where the room ends, or -ENOSPC. */
  write(at: number, from: Uint8Array): number {
    let done = 0;
    while (done < from.length) {
      const { page, start, length } = place(at + done, from.length - done);
      const bytes = this.#pageToWrite(page);
      if (bytes === undefined) break;
      bytes.set(from.subarray(done, done + length), start);
      done += length;
    }
    if (done === 0) return from.length === 0 ? 0 : -ENOSPC;
    this.size = Math.max(this.size, at + done);
    this.touch();
    return done;
  }

  /** Cuts it, or makes it longer with a hole. */
  truncate(size: number): void {
    if (size < this.size) this.clear(size, this.size - size);
    this.size = size;
    this.touch();
  }

  /** Allocates every page of a range. Returns 0 or -ENOSPC. */
  allocate(at: number, length: number): number {
    const first = Math.floor(at / PAGE_BYTES);
    const last = Math.floor((at + length - 1) / PAGE_BYTES);
    if (last - first - this.#pages.size >= this.disk.freePages) return -ENOSPC;
    for (let page = first; page <= last; page++) {
      if (this.#pageToWrite(page) === undefined) return -ENOSPC;
    }
    return 0;
  }

  /** Makes a range read as zeroes, and gives back the pages that lie in it as a whole. */
  clear(at: number, length: number): void {
    const end = at + length;
    for (const [page, bytes] of this.#pages) {
      const start = Math.max(at - page * PAGE_BYTES, 0);
      const stop = Math.min(end - page * PAGE_BYTES, PAGE_BYTES);
      if (start === 0 && stop === PAGE_BYTES) {
        this.#pages.delete(page);
        this.disk.freePages++;
      } else if (start < stop) {
        bytes.fill(0, start, stop);
      }
    }
  }

  /** Gives everything back: the last name and the last descriptor are gone. */
  destroy(): void {
    this.disk.freePages += this.#pages.size;
    this.#pages.clear();
    this.size = 0;
  }

  #pageToWrite(page: number): Uint8Array | undefined {
    let bytes = this.#pages.get(page);
    if (bytes === undefined && this.disk.freePages > 0) {
      this.disk.freePages--;
      bytes = new Uint8Array(PAGE_BYTES);
      this.#pages.set(page, bytes);
    }
    return bytes;
  }
}

/** A directory. Names are bytes, one character each, as in Latin-1. */
export class Directory extends Inode {
  readonly kind = "directory";
  parent: Directory;
  readonly entries = new Map<string, FileNode>();

  /** @param parent Where `..` leads; undefined for the root, where it leads to itself. */
  constructor(disk: Disk, permissions: number, parent: Directory | undefined) {
    super(disk, permissions);
    this.parent = parent ?? this;
    this.links = 2;
  }
}

/** A symbolic link. */
export class SymbolicLink extends Inode {
  readonly kind = "symlink";
  /** What it says, one character for each byte. */
  readonly target: string;

  constructor(disk: Disk, target: string) {
    super(disk, 0o777);
    this.target = target;
  }
}

/** Bytes that a pipe holds, as on Linux. */
export const PIPE_BYTES = 65_536;

/** A pipe: what was written waits here until it is read. */
export class Pipe extends Inode {
  readonly kind = "pipe";
  readers = 0;
  writers = 0;
  #bytes = new Uint8Array(0);

  /** @param disk Gives it a number and times. */
  constructor(disk: Disk) {
    super(disk, 0o600);
  }

  /** Bytes that wait to be read. */
  get size(): number {
    return this.#bytes.length;
  }

  /** Bytes that can be written now. */
  get room(): number {
    return PIPE_BYTES - this.#bytes.length;
  }

  /** A copy of the first bytes, which stay. */
  peek(most: number): Uint8Array {
    return this.#bytes.slice(0, most);
  }

  /** Removes the first bytes. */
  consume(count: number): void {
    this.#bytes = this.#bytes.slice(count);
  }

  /** Appends as many bytes as there is room for. Returns how many. */
  append(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room);
    const longer = new Uint8Array(this.#bytes.length + count);
    longer.set(this.#bytes);
    longer.set(bytes.subarray(0, count), this.#bytes.length);
    this.#bytes = longer;
    return count;
  }
}

/** Anything that a descriptor can be of. */
export type FileNode = RegularFile | Directory | SymbolicLink | Pipe;

/** The page of a position, the place in it, and how many bytes of it are wanted. */
function place(at: number, wanted: number): { page: number; start: number; length: number } {
  const page = Math.floor(at / PAGE_BYTES);
  const start = at - page * PAGE_BYTES;
  return { page, start, length: Math.min(wanted, PAGE_BYTES - start) };
}
