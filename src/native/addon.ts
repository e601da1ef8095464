/**
 * What the native addon exports: one function per system call, no policy.
 *
 * Every number that a function returns is what the kernel returned: a result >= 0 or a negative
 * errno. Arguments of a wrong type throw a TypeError, which is a bug of ours. Addresses are
 * numbers: user space ends at 2^47 (2^56 with five page table levels, only on request), so that a
 * double holds them exactly.
 */

import type { PosixAioAddon } from "./posix-aio.ts";

declare const wakeupBrand: unique symbol;

/** An open wake-up: opaque, made by `wakeupOpen`. */
export interface Wakeup {
  readonly [wakeupBrand]: never;
}

/** What wakes: libuv's poll handle, its async handle, or a thread of its own. */
export type WakeupKind = "uv_poll" | "uv_async" | "thread";

/**
 * The u32 words at the start of the control memory of a guarded ring.
 *
 * When an environment ends, maybe between any two statements, C has to know how many requests the
 * kernel still works on. What the kernel took, it reads in the SQ ring; what we have seen come
 * back, it reads here. So before the CQ head is released, two plain stores, one right after the
 * other, say how many final completions had been seen up to which head.
 */
export const GUARD_CQ_HEAD = 0;
/**
 * Word: final CQEs seen so far, wrapping at 2^32. Final is a CQE without `IORING_CQE_F_MORE` and
 * `IORING_CQE_F_SKIP` whose user data does not say `GUARD_FOREIGN`.
 */
export const GUARD_FINALS = 1;
/**
 * Word: SQ entries handed over so far that never get a final CQE, wrapping at 2^32: those with
 * `IOSQE_CQE_SKIP_SUCCESS`, and the second half of a 128-byte SQE in a mixed ring. To be raised
 * before the enter that hands them over.
 */
export const GUARD_SILENT = 2;
/**
 * High word of the user data of CQEs that answer no SQE of this ring: messages from other rings,
 * and tags of registered resources. Neither side counts them.
 */
export const GUARD_FOREIGN = 0xffff_ffff;
/** Bytes of control memory that a guard reads. */
export const GUARD_CONTROL_SIZE = 64;

/** Fact of a descriptor: pread(2) of it is ESPIPE. */
export const NO_PREAD = 1;
/** Fact: pwrite(2) of it is ESPIPE. A pipe takes no positions, and some files only to read. */
export const NO_PWRITE = 2;
/** Fact: O_NONBLOCK is set, on what heeds it: no regular file, directory or block device. */
export const NONBLOCKING = 4;
/** Fact: lseek(2) fails, because it has no offsets. */
export const NO_SEEK = 8;
/** Fact: it is a pipe, with or without a name. */
export const IS_FIFO = 16;

/** The exported functions. Each may be called in every environment that loaded the addon. */
export interface NativeAddon extends PosixAioAddon {
  /**
   * io_uring_setup(2). Returns a close-on-exec descriptor.
   *
   * @param params `struct io_uring_params`, 120 bytes, read and written.
   */
  uringSetup(entries: number, params: Uint8Array): number;
  /** io_uring_enter(2) without an argument. Returns how many SQEs were taken. */
  uringEnter(fd: number, toSubmit: number, minComplete: number, flags: number): number;
  /** io_uring_enter(2) with an argument: see IORING_ENTER_EXT_ARG. */
  uringEnterArg(
    fd: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    argAddress: number,
    argSize: number,
  ): number;
  /** io_uring_register(2). `argAddress` 0 is NULL; `fd` -1 where the opcode needs no ring. */
  uringRegister(fd: number, opcode: number, argAddress: number, nrArgs: number): number;

  /**
   * Makes the end of this environment wait for the kernel.
   *
   * When the environment ends (end of the program, end or termination of a Worker) with the ring
   * still guarded, every request is cancelled, C waits until none is in flight, and closes `fd`;
   * only then does V8 free memory that the kernel may have been writing to. The wait has no limit,
   * because freeing the memory under a request is worse: a request that cannot be cancelled, such
   * as a read from a server that went away, holds the Worker until it is done. Kernels before 6.0
   * cannot cancel everything: there the wait is a second, and closing does the rest.
   *
   * The thread that guards a ring must be the one that submits to it. The memory stays referenced
   * until `ringUnguard`. Not for rings with NO_MMAP, REGISTERED_FD_ONLY or SQ_REWIND (-EINVAL).
   *
   * @param params What `uringSetup` answered.
   * @param rings The mapping of both rings (IORING_FEAT_SINGLE_MMAP), from `map`.
   * @param control At least `GUARD_CONTROL_SIZE` bytes from `allocate`: the `GUARD_*` words.
   */
  ringGuard(fd: number, params: Uint8Array, rings: ArrayBuffer, control: ArrayBuffer): number;
  /** When the environment ends with the ring guarded, another descriptor is closed with it. */
  ringCloseWith(fd: number, other: number): number;
  /** Ends `ringGuard`, before the rings are unmapped and `fd` closed. -ENOENT without a guard. */
  ringUnguard(fd: number): number;
  /**
   * Looks at a guarded ring that JavaScript uses no more: consumes its completions, and cancels
   * what is left. Never waits. Returns how many requests were in flight before that; call it again
   * until that is 0, then `ringUnguard`. -ENOENT without a guard, -EINVAL where something is in
   * flight that the kernel cannot cancel as a whole (before 6.0).
   */
  ringForsake(fd: number): number;

  /**
   * mmap(2) of a descriptor: shared, populated, readable and writable, not inherited by a fork.
   * Returns memory that is unmapped when it is collected; -ENOTSUP where this JavaScript engine
   * refuses memory from outside.
   */
  map(fd: number, length: number, offset: number): ArrayBuffer | number;
  /** Unmaps memory from `map` or `allocate` now and detaches it. -EINVAL for any other memory. */
  unmap(memory: ArrayBuffer): number;
  /**
   * Zeroed anonymous memory, not inherited by a fork.
   *
   * @param alignment A power of two; at least a page is given.
   * @param hugePages Asks for transparent huge pages; aligned to them when it is long enough.
   */
  allocate(length: number, alignment: number, hugePages: boolean): ArrayBuffer | number;
  /**
   * Has the C library keep up to twice `length` bytes of freed memory instead of giving its pages
   * back, for memory that comes and goes quickly. Less than 32 MiB; only glibc, and there only
   * where the user has not set it otherwise (mallopt(3), M_TRIM_THRESHOLD). Returns 0.
   */
  keepFreed(length: number): number;
  /** Address of the first byte; 0 when it is empty or detached. */
  addressOf(memory: ArrayBufferView | ArrayBufferLike): number;
  /**
   * A second ArrayBuffer over the same memory, which keeps the memory alive and in place whatever
   * happens to the first: transfer, detaching, growth of a wasm memory, garbage collection. Pages
   * that `resize` takes away fault (EFAULT) instead of becoming somebody else's.
   *
   * Undefined where the engine does not allow it: the caller must copy. That is everything on Bun
   * and Deno. On Node 22, whose `transfer(n)` reallocates memory in place, it is everything but
   * memory from `map` and `allocate`, unless `ArrayBuffer.prototype.transfer` and
   * `transferToFixedLength` were replaced by ones that copy before the first call of `hold`.
   *
   * Costs two microseconds, and V8 counts the memory twice: hold an ArrayBuffer once and keep the
   * answer. Never hand the second object to user code.
   */
  hold(memory: ArrayBuffer): ArrayBuffer | undefined;

  /** eventfd(2), close-on-exec and non-blocking. */
  eventfd(): number;
  /** pipe2(2), close-on-exec and non-blocking: the end to read in `ends[0]`, the other in `[1]`. */
  pipe(ends: Int32Array): number;
  /** close(2). */
  closeFd(fd: number): number;
  /** fcntl(2) with F_GETFL: the open flags of a descriptor. */
  fcntlGetFlags(fd: number): number;
  /**
   * What a descriptor is, by small system calls without side effects: those of the bits `asked`
   * that are so. Of one that is not open, nothing is.
   *
   * @param asked Any of NO_PREAD, NO_PWRITE, NONBLOCKING, NO_SEEK, IS_FIFO.
   */
  descriptorFacts(fd: number, asked: number): number;
  /** statx(2) for the type alone: the S_IF* bits of what a descriptor stands for. */
  fileType(fd: number): number;
  /**
   * lseek(2): the new file position.
   *
   * @param whence SEEK_SET, SEEK_CUR or SEEK_END.
   */
  lseek(fd: number, offset: number, whence: number): number;
  /**
   * What O_DIRECT needs on this file, by statx(2): `out[0]` alignment of memory, `out[1]` of
   * offsets and lengths, in bytes; both 0 when the file cannot do it. -EOPNOTSUPP when the kernel
   * (before 6.1) or the file system does not say.
   */
  directAlignment(fd: number, out: Uint32Array): number;
  /**
   * statx(2) without waiting for a device: what has to be looked up there is refused with -EAGAIN
   * (RESOLVE_CACHED), and attributes of a file on another machine are those known here.
   *
   * @param dirFd What a relative path starts from, or the file itself where the path is empty.
   * @param path Address of a C string.
   * @param flags AT_SYMLINK_NOFOLLOW or none.
   * @param buffer Address of struct statx; it names no mount.
   * @returns The unique number of the mount, as `mountMagic` takes it, or -errno: -ENOSYS before
   *   Linux 6.8.
   */
  statxCached(dirFd: number, path: number, flags: number, mask: number, buffer: number): number;
  /** What statfs(2) calls the file system of a mount, by statmount(2); does not ask its device. */
  mountMagic(mount: number): number;

  /**
   * Calls back, in a macrotask of its own with microtasks drained after it, whenever an eventfd
   * was signaled; the counter has been read by then. Starts unreferenced: it does not keep the
   * process alive. Goes on until it is closed or the environment ends, even when nothing refers to
   * it any more. An exception in the callback becomes an uncaughtException.
   *
   * @param fd The eventfd; -1 for a wake-up that only `wakeupSend` signals, in the poll phase of
   *   the loop (-ENOSYS with `useThread`).
   * @param callback Of a wake-up without a descriptor, it is called again, as a callback of its
   *   own with ticks and microtasks drained before, while it returns true or something throws.
   * @param useThread Watches from a thread, not with libuv's poll handle, which only Node has.
   */
  wakeupOpen(fd: number, callback: () => unknown, useThread: boolean): Wakeup | number;
  /** Keeps the process alive. */
  wakeupRef(wakeup: Wakeup): void;
  /** Does not keep the process alive. */
  wakeupUnref(wakeup: Wakeup): void;
  /** Signals a wake-up without a descriptor; again before its callback ran is once. */
  wakeupSend(wakeup: Wakeup): void;
  /** Stops watching; no callback comes after it. To be called before the descriptor is closed. */
  wakeupClose(wakeup: Wakeup): void;
  /** How it watches. */
  wakeupKind(wakeup: Wakeup): WakeupKind;

  /** Does with an error what Node does with an exception that nobody catches; may not return. */
  fatalException(error: unknown): void;

  /** Sizes, offsets and constants of the C side under the names of src/abi, to be compared. */
  uringAbi(): Record<string, number>;

  /**
   * io_setup(2): makes a context for `nrEvents` requests. The kernel writes its id, which is the
   * address of its ring, to the 8 bytes at `contextAddress`, which must hold 0. Returns 0.
   *
   * A context that is not destroyed by then is when its environment ends, which waits until the
   * kernel has let go of all memory.
   */
  aioSetup(nrEvents: number, contextAddress: number): number;
  /** io_destroy(2): cancels polls and waits for all else. -EINVAL for another thread's context. */
  aioDestroy(context: number): number;
  /** Has `fd` closed with the context if the environment ends before `aioDestroy`. */
  aioCloseWith(context: number, fd: number): number;
  /** io_submit(2) of `nr` pointers at `iocbsAddress`. Returns how many were taken. */
  aioSubmit(context: number, nr: number, iocbsAddress: number): number;
  /** io_cancel(2). -EINPROGRESS when it worked: the event still comes. */
  aioCancel(context: number, iocbAddress: number, eventAddress: number): number;
  /** io_getevents(2): blocks the thread until `minNr` events are there or the time is up. */
  aioGetevents(
    context: number,
    minNr: number,
    nr: number,
    eventsAddress: number,
    timeoutAddress: number,
  ): number;
  /** io_pgetevents(2), with a struct __aio_sigset. */
  aioPgetevents(
    context: number,
    minNr: number,
    nr: number,
    eventsAddress: number,
    timeoutAddress: number,
    sigsetAddress: number,
  ): number;
  /** How many events lie in the ring. -EINVAL, -ENOTSUP as `aioReap`. */
  aioReady(context: number): number;
  /**
   * Takes at most `max` events out of the ring, without a system call, and copies them to
   * `eventsAddress`. Returns how many. -EINVAL for a context that this environment does not have;
   * -ENOTSUP where the ring is not as we know it: call `aioGetevents`.
   */
  aioReap(context: number, max: number, eventsAddress: number): number;
  /** Reads the counter of an eventfd, which is 0 afterwards. -EAGAIN where it is 0. */
  eventfdTake(fd: number): number;
  /** As `uringAbi`, for src/abi/linux-aio.ts. */
  aioAbi(): Record<string, number>;
}
