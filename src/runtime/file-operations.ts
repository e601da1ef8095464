import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NONBLOCK,
  O_PATH,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_DIOALIGN,
  SYNC_FILE_RANGE_WAIT_AFTER,
  SYNC_FILE_RANGE_WAIT_BEFORE,
  SYNC_FILE_RANGE_WRITE,
} from "../abi/linux.ts";
import { invalidArgType, invalidArgValue } from "../base/argument-errors.ts";
import { IOV_MAX, MAX_RW_COUNT } from "../base/limits.ts";
import { operationOptions, optionsOf } from "../base/options.ts";
import {
  type PathLike,
  parseFileMode,
  stringToFlags,
  validateBuffer,
  validateBuffers,
  validateFd,
  validateInteger,
  validateNumber,
  validateObject,
  validatePath,
  validatePosition,
  validateUint32,
} from "../base/validate.ts";
import { type BufferView, OperationKind, Request } from "../core/index.ts";
import { byteLengthOf } from "../memory/leases.ts";
import type {
  FadviseOptions,
  FallocateOptions,
  OpenOptions,
  OperationDescriptor,
  RangeOptions,
  RenameOptions,
  SpliceOptions,
  StatxOptions,
  SyncFileRangeOptions,
  TeeOptions,
  TransferOptions,
  UnlinkOptions,
  VectorOptions,
} from "./descriptors.ts";
import { askedFor, type Extras, extrasFor, extrasWith, type OperationOptions } from "./extras.ts";
import { type Descriptor, type FileHandleLike, hold, isHandle, openFd } from "./file-handle.ts";
import type { Operation } from "./operation.ts";
import type { Session } from "./session.ts";
import { decodeStatx, STATX_BUFFER_BYTES, type Statx } from "./statx.ts";

const SYNC_ALL = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
const STATX_WANTED = STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN;

/** With any of these, open(2) of what is no regular file waits for nothing. */
const NEVER_WAITS = O_NONBLOCK | O_DIRECTORY | O_PATH;

// Constants out of other modules are looked up at every use; these are part of the code.
const READ = OperationKind.Read;
const WRITE = OperationKind.Write;

/** Read and write that yield plain promises; see `promises`. */
export interface PlainTransfers {
  /** Like `read` of the proactor. */
  read(fd: Descriptor, buffer: BufferView, options?: TransferOptions): Promise<number>;
  /** Like `write` of the proactor. */
  write(fd: Descriptor, buffer: BufferView, options?: TransferOptions): Promise<number>;
}

/** A request that was checked but not started, as `batch` and `chain` collect them. */
export interface Prepared {
  readonly request: Request;
  readonly extras: Extras | undefined;
  /** To be held once it starts. */
  readonly handles: readonly FileHandleLike[];
}

/**
 * The operations: each checks its arguments as node:fs does, writes them down as one request, and
 * starts it. They return at once; the operating system's answer comes through the
 * {@link Operation}. Descriptors are plain numbers.
 *
 * Every operation rejects with an error in Node's shape (`errno`, `code`, `syscall`, `path`,
 * `dest`), and throws `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` or `ERR_OUT_OF_RANGE` at
 * once for arguments that make no sense.
 */
export abstract class FileOperations {
  /** Filled anew for every operation: nothing is allocated per request. */
  readonly #request = new Request();
  /** The same for read and write, which are the ones that must be fast. */
  readonly #transferRequest = new Request();
  /** The FileHandles that the request being made names. */
  #handles: readonly FileHandleLike[] = NO_HANDLES;
  /** While set, operations are collected here instead of being started. */
  #collected: Prepared[] | undefined;

  /**
   * Read and write with plain promises, for loops in which the operation itself is not wanted. They
   * take the same arguments and reject with the same errors; signal and deadline work.
   */
  readonly promises: PlainTransfers = {
    read: (fd, buffer, options) => this.#transfer(READ, fd, buffer, options, true),
    write: (fd, buffer, options) => this.#transfer(WRITE, fd, buffer, options, true),
  };

  /** What the operations run on, once there is one. */
  protected current: Session | undefined;

  /** The same; made on first use. */
  protected abstract session(): Session;

  /** Does nothing, all the way through the engine. Resolves with 0. */
  nop(options?: OperationOptions<number>): Operation<number> {
    this.#handles = NO_HANDLES;
    return this.#start(this.#request.reset(OperationKind.Nop), options);
  }

  /**
   * Opens a file, openat(2), close-on-exec. Resolves with its descriptor, which is yours to close.
   *
   * @param flags O_* bits, or letters as in node:fs: `"r"` (the default), `"w+"`, `"ax"`.
   * @param mode Permission bits of a new file, 0o666 unless told, less the umask.
   */
  open(
    path: PathLike,
    flags?: number | string | null,
    mode?: number | string | null,
    options?: OpenOptions,
  ): Operation<number> {
    const request = this.#pathRequest(OperationKind.Open, path);
    request.flags = stringToFlags(flags) | O_CLOEXEC;
    request.mode = parseFileMode(mode, "mode", 0o666);
    // Tried on this thread, it would not wait for the other side of a FIFO, or for a modem.
    request.offLoop = (request.flags & NEVER_WAITS) === 0;
    request.extra = uint32Of(operationOptions(options)?.resolve, "options.resolve");
    const { direct } = this.session();
    if (direct === undefined) return this.#start(request, options);
    const openFlags = request.flags;
    return this.#start(request, options, (fd) => {
      direct.opened(fd, openFlags);
      return fd;
    });
  }

  /** Closes a descriptor, close(2). */
  close(fd: number, options?: OperationOptions<void>): Operation<void> {
    // A FileHandle closes itself: it waits for what is in flight, and knows that it is closed.
    const request = this.#fdRequest(OperationKind.Close, validateFd(fd));
    this.session().direct?.closed(fd);
    return this.#start(request, options);
  }

  /**
   * Reads into `buffer`. Resolves with the bytes read, which may be fewer than asked for; 0 at the
   * end of the file. The buffer belongs to the kernel until then.
   */
  read(fd: Descriptor, buffer: BufferView, options?: TransferOptions): Operation<number> {
    return this.#transfer(READ, fd, buffer, options, false) as Operation<number>;
  }

  /** Writes `buffer`. Resolves with the bytes written, which may be fewer than asked for. */
  write(fd: Descriptor, buffer: BufferView, options?: TransferOptions): Operation<number> {
    return this.#transfer(WRITE, fd, buffer, options, false) as Operation<number>;
  }

  /** Reads into several buffers, one after the other, at most 1024. Resolves with the bytes read. */
  readv(
    fd: Descriptor,
    buffers: readonly BufferView[],
    options?: VectorOptions,
  ): Operation<number> {
    return this.#vectors(OperationKind.Readv, fd, buffers, options);
  }

  /** Writes several buffers, one after the other, at most 1024. Resolves with the bytes written. */
  writev(
    fd: Descriptor,
    buffers: readonly BufferView[],
    options?: VectorOptions,
  ): Operation<number> {
    return this.#vectors(OperationKind.Writev, fd, buffers, options);
  }

  /** Brings a file's data and metadata to the device, fsync(2). */
  fsync(fd: Descriptor, options?: OperationOptions<void>): Operation<void> {
    return this.#start(this.#fdRequest(OperationKind.Fsync, fd), options);
  }

  /** Brings a file's data to the device, fdatasync(2). */
  fdatasync(fd: Descriptor, options?: OperationOptions<void>): Operation<void> {
    return this.#start(this.#fdRequest(OperationKind.Fdatasync, fd), options);
  }

  /** Starts, and waits for, writing a part of a file back, sync_file_range(2). No durability. */
  syncFileRange(fd: Descriptor, options?: SyncFileRangeOptions): Operation<void> {
    const request = this.#rangeRequest(OperationKind.SyncFileRange, fd, options);
    request.flags = uint32Of(operationOptions(options)?.flags, "options.flags", SYNC_ALL);
    return this.#start(request, options);
  }

  /**
   * Asks about a file, statx(2).
   *
   * @param file A path, or a descriptor.
   */
  statx(file: PathLike | Descriptor, options?: StatxOptions): Operation<Statx> {
    const byFd = typeof file === "number" || isHandle(file);
    const request = byFd
      ? this.#fdRequest(OperationKind.Statx, file)
      : this.#pathRequest(OperationKind.Statx, file);
    if (byFd) request.path = "";
    const told = operationOptions(options);
    request.flags = uint32Of(told?.flags, "options.flags") | (byFd ? AT_EMPTY_PATH : 0);
    request.extra = uint32Of(told?.mask, "options.mask", STATX_WANTED);
    const bytes = new Uint8Array(STATX_BUFFER_BYTES);
    request.buffer = bytes;
    request.length = STATX_BUFFER_BYTES;
    this.session().memory.useOwn(request, bytes);
    return this.#start(request, options, () => decodeStatx(bytes));
  }

  /** Makes a file `size` bytes long (0 unless told), ftruncate(2). */
  truncate(fd: Descriptor, size = 0, options?: OperationOptions<void>): Operation<void> {
    const request = this.#fdRequest(OperationKind.Truncate, fd);
    validateInteger(size, "size", 0);
    request.offset = size;
    return this.#start(request, options);
  }

  /** Allocates, punches or zeroes a part of a file, fallocate(2). */
  fallocate(fd: Descriptor, options: FallocateOptions): Operation<void> {
    validateObject(options, "options");
    const request = this.#rangeRequest(OperationKind.Fallocate, fd, options);
    request.flags = uint32Of(operationOptions(options).mode, "options.mode");
    return this.#start(request, options);
  }

  /** Tells the page cache what will be needed, posix_fadvise(2). */
  fadvise(fd: Descriptor, options: FadviseOptions): Operation<void> {
    validateObject(options, "options");
    const request = this.#rangeRequest(OperationKind.Fadvise, fd, options);
    const { advice } = operationOptions(options);
    validateUint32(advice, "options.advice");
    request.extra = advice;
    return this.#start(request, options);
  }

  /** Removes a file, or an empty directory, unlinkat(2). */
  unlink(path: PathLike, options?: UnlinkOptions): Operation<void> {
    const request = this.#pathRequest(OperationKind.Unlink, path);
    if (operationOptions(options)?.directory === true) request.flags = AT_REMOVEDIR;
    return this.#start(request, options);
  }

  /** Renames a file, replacing what has the new name unless told otherwise, renameat2(2). */
  rename(from: PathLike, to: PathLike, options?: RenameOptions): Operation<void> {
    const request = this.#pathRequest(OperationKind.Rename, from, "oldPath");
    request.path2 = copiedPath(to, "newPath");
    request.extra = AT_FDCWD;
    request.flags = uint32Of(operationOptions(options)?.flags, "options.flags");
    return this.#start(request, options);
  }

  /** Makes a directory, mkdirat(2); mode 0o777 unless told, less the umask. */
  mkdir(
    path: PathLike,
    mode?: number | string | null,
    options?: OperationOptions<void>,
  ): Operation<void> {
    const request = this.#pathRequest(OperationKind.Mkdir, path);
    request.mode = parseFileMode(mode, "mode", 0o777);
    return this.#start(request, options);
  }

  /** Makes a symbolic link at `path` that says `target`, symlinkat(2). */
  symlink(target: PathLike, path: PathLike, options?: OperationOptions<void>): Operation<void> {
    const request = this.#pathRequest(OperationKind.Symlink, target, "target");
    request.path2 = copiedPath(path);
    return this.#start(request, options);
  }

  /** Gives a file one more name, linkat(2). */
  link(existing: PathLike, path: PathLike, options?: OperationOptions<void>): Operation<void> {
    const request = this.#pathRequest(OperationKind.Link, existing, "existingPath");
    request.path2 = copiedPath(path, "newPath");
    request.extra = AT_FDCWD;
    return this.#start(request, options);
  }

  /** Moves bytes between a pipe and another descriptor without copying, splice(2). */
  splice(options: SpliceOptions): Operation<number> {
    const request = this.#pipeRequest(OperationKind.Splice, options);
    const { toOffset, fromOffset } = operationOptions(options);
    request.offset = validatePosition(toOffset, "options.toOffset");
    request.offset2 = validatePosition(fromOffset, "options.fromOffset");
    return this.#start(request, options);
  }

  /** Copies bytes from one pipe into another without consuming them, tee(2). */
  tee(options: TeeOptions): Operation<number> {
    return this.#start(this.#pipeRequest(OperationKind.Tee, options), options);
  }

  /** Completes after `ms` milliseconds, measured by the kernel. */
  timeout(ms: number, options?: OperationOptions<void>): Operation<void> {
    validateNumber(ms, "ms", 0, Number.MAX_SAFE_INTEGER);
    this.#handles = NO_HANDLES;
    const request = this.#request.reset(OperationKind.Timeout);
    request.offset = ms;
    return this.#start(request, options);
  }

  /** Waits until a descriptor is ready for any of `events` (POLL* bits). Resolves with those. */
  poll(fd: Descriptor, events: number, options?: OperationOptions<number>): Operation<number> {
    const request = this.#fdRequest(OperationKind.Poll, fd);
    validateUint32(events, "events");
    request.flags = events;
    return this.#start(request, options);
  }

  /** Checks descriptors as their methods would, without starting anything. */
  protected prepare(descriptors: readonly OperationDescriptor[]): readonly Prepared[] {
    if (!Array.isArray(descriptors)) throw invalidArgType("descriptors", "Array", descriptors);
    const collected: Prepared[] = [];
    this.#collected = collected;
    try {
      descriptors.forEach((descriptor, i) => {
        this.#prepareOne(descriptor, `descriptors[${i}]`);
      });
    } finally {
      this.#collected = undefined;
    }
    // All are good: from here on they are held.
    return collected.map((each) => ({ ...each, extras: holding(each.handles, each.extras) }));
  }

  #prepareOne(descriptor: OperationDescriptor, name: string): void {
    validateObject(descriptor, name);
    const d = optionsOf(descriptor, name);
    switch (d.op) {
      case "nop":
        return void this.nop(d);
      case "open":
        return void this.open(d.path, d.flags, d.mode, d);
      case "close":
        return void this.close(d.fd, d);
      case "read":
        return void this.read(d.fd, d.buffer, d);
      case "write":
        return void this.write(d.fd, d.buffer, d);
      case "readv":
        return void this.readv(d.fd, d.buffers, d);
      case "writev":
        return void this.writev(d.fd, d.buffers, d);
      case "fsync":
        return void this.fsync(d.fd, d);
      case "fdatasync":
        return void this.fdatasync(d.fd, d);
      case "syncFileRange":
        return void this.syncFileRange(d.fd, d);
      case "statx":
        return void this.statx(d.file, d);
      case "truncate":
        return void this.truncate(d.fd, d.size, d);
      case "fallocate":
        return void this.fallocate(d.fd, d);
      case "fadvise":
        return void this.fadvise(d.fd, d);
      case "unlink":
        return void this.unlink(d.path, d);
      case "rename":
        return void this.rename(d.from, d.to, d);
      case "mkdir":
        return void this.mkdir(d.path, d.mode, d);
      case "symlink":
        return void this.symlink(d.target, d.path, d);
      case "link":
        return void this.link(d.existing, d.path, d);
      case "splice":
        return void this.splice(d);
      case "tee":
        return void this.tee(d);
      case "timeout":
        return void this.timeout(d.ms, d);
      case "poll":
        return void this.poll(d.fd, d.events, d as OperationOptions<number>);
      default:
        d satisfies never;
        throw invalidArgValue(`${name}.op`, (d as { op: unknown }).op, "is no operation");
    }
  }

  #transfer(
    kind: OperationKind,
    fd: Descriptor,
    buffer: BufferView,
    options: TransferOptions | undefined,
    plain: boolean,
  ): Operation<number> | Promise<number> {
    const { memory, direct, scheduler } = this.current ?? this.session();
    // Of a transfer's own request only these fields ever change.
    const request = this.#transferRequest;
    request.kind = kind;
    request.offset = -1;
    request.flags = 0;
    request.fixedFile = false;
    request.drain = false;
    request.direct = false;
    request.deadlineMs = 0;
    this.#handles = NO_HANDLES;
    // The checks are written out so that good arguments cost no call; the calls throw.
    if (typeof fd !== "number" || (fd | 0) !== fd || fd < 0) request.fd = this.#numberOf(fd, "fd");
    else request.fd = fd;
    if (!ArrayBuffer.isView(buffer)) validateBuffer(buffer);
    request.buffer = buffer;
    const lent = memory.leases.lend(buffer);
    const most = byteLengthOf(buffer, lent);
    request.length = most;
    if (options !== undefined) {
      const told = operationOptions(options);
      const { offset, flags, length } = told;
      if (typeof offset === "number" && Number.isSafeInteger(offset) && offset >= -1) {
        request.offset = offset;
      } else {
        request.offset = validatePosition(offset, "options.offset");
      }
      if (length !== undefined) {
        if (typeof length !== "number" || (length | 0) !== length || length < 0 || length > most) {
          validateInteger(length, "options.length", 0, most);
        }
        request.length = length;
      }
      if (flags !== undefined) {
        validateUint32(flags, "options.flags");
        request.flags = flags;
      }
      if (told.fixedFile === true) request.fixedFile = true;
    }
    // What Linux would do, were there room for more than 32 bits on the way.
    if (request.length > MAX_RW_COUNT) request.length = MAX_RW_COUNT;
    let extras: Extras | undefined;
    if (lent.held === false) {
      extras = extrasWith(undefined);
      memory.bounce(request, buffer, kind === WRITE, extras);
    } else {
      request.addressLow = lent.addressLow;
      request.addressHigh = lent.addressHigh;
      request.bufferIndex = lent.bufferIndex;
    }
    direct?.check(request);
    if (extras !== undefined || this.#collected !== undefined || typeof fd !== "number") {
      return this.#start(request, options, undefined, extras);
    }
    const asked = options === undefined ? undefined : askedFor(request, options);
    if (plain === true && asked === undefined) {
      return scheduler.startPlain(request) as Promise<number>;
    }
    return scheduler.start(request, asked) as Operation<number>;
  }

  #vectors(
    kind: OperationKind,
    fd: Descriptor,
    buffers: readonly BufferView[],
    options: VectorOptions | undefined,
  ): Operation<number> {
    const request = this.#fdRequest(kind, fd);
    validateBuffers(buffers);
    if (buffers.length > IOV_MAX) {
      validateInteger(buffers.length, "buffers.length", 0, IOV_MAX);
    }
    request.length = buffers.length;
    const told = operationOptions(options);
    request.offset = validatePosition(told?.offset, "options.offset");
    request.flags = uint32Of(told?.flags, "options.flags");
    request.fixedFile = told?.fixedFile === true;
    const extras = extrasWith(undefined);
    const { memory, direct } = this.session();
    memory.lendAll(request, buffers, kind === OperationKind.Writev, extras);
    direct?.check(request);
    return this.#start(request, options, undefined, extras);
  }

  #fdRequest(kind: OperationKind, fd: Descriptor): Request {
    const request = this.#request.reset(kind);
    request.fd = this.#numberOf(fd, "fd");
    return request;
  }

  #pathRequest(kind: OperationKind, path: PathLike, name?: string): Request {
    const valid = copiedPath(path, name);
    this.#handles = NO_HANDLES;
    const request = this.#request.reset(kind);
    request.fd = AT_FDCWD;
    request.path = valid;
    return request;
  }

  #rangeRequest(kind: OperationKind, fd: Descriptor, options: RangeOptions | undefined): Request {
    const request = this.#fdRequest(kind, fd);
    const told = operationOptions(options);
    request.offset = told?.offset ?? 0;
    request.length = told?.length ?? 0;
    validateInteger(request.offset, "options.offset", 0);
    validateInteger(request.length, "options.length", 0);
    return request;
  }

  #pipeRequest(kind: OperationKind, options: TeeOptions): Request {
    validateObject(options, "options");
    const { to, from, length, flags } = operationOptions(options);
    const request = this.#request.reset(kind);
    request.fd = this.#numberOf(to, "options.to");
    request.extra = this.#numberOf(from, "options.from", this.#handles);
    validateUint32(length, "options.length");
    request.length = length;
    request.flags = uint32Of(flags, "options.flags");
    return request;
  }

  #start<T>(
    request: Request,
    options: OperationOptions<T> | undefined,
    convert?: (result: number) => unknown,
    known?: Extras,
  ): Operation<T> {
    const extras = extrasFor(request, options as OperationOptions<never>, convert, known);
    const handles = this.#handles;
    this.#handles = NO_HANDLES;
    if (this.#collected !== undefined) {
      this.#collected.push({ request: Object.assign(new Request(), request), extras, handles });
      // Nobody sees it: `prepare` is what called us.
      return undefined as unknown as Operation<T>;
    }
    const { scheduler } = this.current ?? this.session();
    return scheduler.start(request, holding(handles, extras)) as Operation<T>;
  }

  /**
   * The number of a descriptor. A FileHandle is noted, with those `beside` it, and held as soon as
   * the operation starts.
   */
  #numberOf(
    descriptor: Descriptor,
    name: string,
    beside: readonly FileHandleLike[] = NO_HANDLES,
  ): number {
    if (!isHandle(descriptor)) {
      this.#handles = beside;
      return validateFd(descriptor, name);
    }
    this.#handles = [...beside, descriptor];
    return openFd(descriptor, name);
  }
}

const NO_HANDLES: readonly FileHandleLike[] = [];

/** Holds handles until the operation has completed. */
function holding(
  handles: readonly FileHandleLike[],
  extras: Extras | undefined,
): Extras | undefined {
  if (handles.length === 0) return extras;
  const releases = handles.map((handle) => hold(handle).release);
  return extrasWith(extras, { last: [...(extras?.last ?? []), ...releases] });
}

/** Reads bits for a system call; `preset` where there are none. */
function uint32Of(value: unknown, name: string, preset = 0): number {
  if (value === undefined) return preset;
  validateUint32(value, name);
  return value;
}

/** Checks a path. Bytes are copied: the request may have to wait, and the caller go on with them. */
function copiedPath(path: unknown, name?: string): string | Uint8Array {
  const valid = validatePath(path, name);
  return typeof valid === "string" ? valid : Uint8Array.from(valid);
}
