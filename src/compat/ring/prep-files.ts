import {
  IORING_FSYNC_DATASYNC,
  IORING_OP_FADVISE,
  IORING_OP_FALLOCATE,
  IORING_OP_FSYNC,
  IORING_OP_FTRUNCATE,
  IORING_OP_MADVISE,
  IORING_OP_PIPE,
  IORING_OP_PROVIDE_BUFFERS,
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_READ_MULTISHOT,
  IORING_OP_READV,
  IORING_OP_READV_FIXED,
  IORING_OP_REMOVE_BUFFERS,
  IORING_OP_SPLICE,
  IORING_OP_SYNC_FILE_RANGE,
  IORING_OP_TEE,
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
  IORING_OP_WRITEV,
  IORING_OP_WRITEV_FIXED,
  IOSQE_BUFFER_SELECT,
} from "../../abi/io-uring.ts";
import { IOVEC_SIZE } from "../../abi/linux.ts";
import type { Pointer } from "./memory.ts";
import { RegisterRingVerbs } from "./register-ring.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const READ = IORING_OP_READ;
const WRITE = IORING_OP_WRITE;
const READ_FIXED = IORING_OP_READ_FIXED;
const WRITE_FIXED = IORING_OP_WRITE_FIXED;
const TWO_32 = 0x1_0000_0000;
const ALL_ONES = 0xffff_ffff;

/*
 * Every `prep…` verb writes the whole SQE but its user data, so that flags are set afterwards. The
 * arguments are liburing's, in its order. Offsets and lengths are numbers, exact up to 2^53; an
 * offset of -1 is the file position.
 */

/** The verbs that prepare reads, writes, and what else is done to an open file. */
export abstract class FileVerbs extends RegisterRingVerbs {
  /** Prepares any opcode from its basic fields: io_uring_prep_rw(3). Sizes are not checked. */
  prepRw(
    opcode: number,
    sqe: number,
    fd: number,
    addr: Pointer,
    len: number,
    offset: number,
  ): void {
    this.fill(opcode, sqe, fd, addr, 0, len, offset);
  }

  // The next four are written out, and not in terms of one another: see `begin`.

  /** Prepares pread(2): io_uring_prep_read(3). */
  prepRead(sqe: number, fd: number, buf: Pointer, nbytes: number, offset: number): void {
    this.begin(sqe, READ, fd, nbytes, 0);
    const w = this.sqes;
    w[sqe + 2] = offset;
    w[sqe + 3] = offset < 0 ? ALL_ONES : offset / TWO_32;
    if (typeof buf === "number") {
      w[sqe + 4] = buf;
      w[sqe + 5] = buf / TWO_32;
    } else {
      this.lendObject(sqe, 4, buf, nbytes);
    }
  }

  /** Prepares pwrite(2): io_uring_prep_write(3). */
  prepWrite(sqe: number, fd: number, buf: Pointer, nbytes: number, offset: number): void {
    this.begin(sqe, WRITE, fd, nbytes, 0);
    const w = this.sqes;
    w[sqe + 2] = offset;
    w[sqe + 3] = offset < 0 ? ALL_ONES : offset / TWO_32;
    if (typeof buf === "number") {
      w[sqe + 4] = buf;
      w[sqe + 5] = buf / TWO_32;
    } else {
      this.lendObject(sqe, 4, buf, nbytes);
    }
  }

  /** Prepares a read into a registered buffer: io_uring_prep_read_fixed(3). */
  prepReadFixed(
    sqe: number,
    fd: number,
    buf: Pointer,
    nbytes: number,
    offset: number,
    bufIndex: number,
  ): void {
    this.begin(sqe, READ_FIXED, fd, nbytes, bufIndex);
    const w = this.sqes;
    w[sqe + 2] = offset;
    w[sqe + 3] = offset < 0 ? ALL_ONES : offset / TWO_32;
    if (typeof buf === "number") {
      w[sqe + 4] = buf;
      w[sqe + 5] = buf / TWO_32;
    } else {
      this.lendObject(sqe, 4, buf, nbytes);
    }
  }

  /** Prepares a write from a registered buffer: io_uring_prep_write_fixed(3). */
  prepWriteFixed(
    sqe: number,
    fd: number,
    buf: Pointer,
    nbytes: number,
    offset: number,
    bufIndex: number,
  ): void {
    this.begin(sqe, WRITE_FIXED, fd, nbytes, bufIndex);
    const w = this.sqes;
    w[sqe + 2] = offset;
    w[sqe + 3] = offset < 0 ? ALL_ONES : offset / TWO_32;
    if (typeof buf === "number") {
      w[sqe + 4] = buf;
      w[sqe + 5] = buf / TWO_32;
    } else {
      this.lendObject(sqe, 4, buf, nbytes);
    }
  }

  /** Prepares preadv(2): io_uring_prep_readv(3). `iovecs` comes from `iovec`. */
  prepReadv(sqe: number, fd: number, iovecs: Pointer, nrVecs: number, offset: number): void {
    this.prepReadv2(sqe, fd, iovecs, nrVecs, offset, 0);
  }

  /** Prepares preadv2(2) with RWF_*: io_uring_prep_readv2(3). */
  prepReadv2(
    sqe: number,
    fd: number,
    iovecs: Pointer,
    nrVecs: number,
    offset: number,
    flags: number,
  ): void {
    this.fill(IORING_OP_READV, sqe, fd, iovecs, nrVecs * IOVEC_SIZE, nrVecs, offset);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares a vectored read into one registered buffer: io_uring_prep_readv_fixed(3). */
  prepReadvFixed(
    sqe: number,
    fd: number,
    iovecs: Pointer,
    nrVecs: number,
    offset: number,
    flags: number,
    bufIndex: number,
  ): void {
    this.fill(IORING_OP_READV_FIXED, sqe, fd, iovecs, nrVecs * IOVEC_SIZE, nrVecs, offset);
    this.sqes[sqe + 7] = flags;
    this.sqes[sqe + 10] = bufIndex;
  }

  /** Prepares pwritev(2): io_uring_prep_writev(3). */
  prepWritev(sqe: number, fd: number, iovecs: Pointer, nrVecs: number, offset: number): void {
    this.prepWritev2(sqe, fd, iovecs, nrVecs, offset, 0);
  }

  /** Prepares pwritev2(2) with RWF_*: io_uring_prep_writev2(3). */
  prepWritev2(
    sqe: number,
    fd: number,
    iovecs: Pointer,
    nrVecs: number,
    offset: number,
    flags: number,
  ): void {
    this.fill(IORING_OP_WRITEV, sqe, fd, iovecs, nrVecs * IOVEC_SIZE, nrVecs, offset);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares a vectored write from one registered buffer: io_uring_prep_writev_fixed(3). */
  prepWritevFixed(
    sqe: number,
    fd: number,
    iovecs: Pointer,
    nrVecs: number,
    offset: number,
    flags: number,
    bufIndex: number,
  ): void {
    this.fill(IORING_OP_WRITEV_FIXED, sqe, fd, iovecs, nrVecs * IOVEC_SIZE, nrVecs, offset);
    this.sqes[sqe + 7] = flags;
    this.sqes[sqe + 10] = bufIndex;
  }

  /** Prepares reads without end into provided buffers: io_uring_prep_read_multishot(3). */
  prepReadMultishot(
    sqe: number,
    fd: number,
    nbytes: number,
    offset: number,
    bufGroup: number,
  ): void {
    this.fill(IORING_OP_READ_MULTISHOT, sqe, fd, 0, 0, nbytes, offset);
    this.sqeSetFlags(sqe, IOSQE_BUFFER_SELECT);
    this.sqes[sqe + 10] = bufGroup;
  }

  /** Prepares fsync(2), or fdatasync(2) with IORING_FSYNC_DATASYNC: io_uring_prep_fsync(3). */
  prepFsync(sqe: number, fd: number, fsyncFlags: number): void {
    this.fill(IORING_OP_FSYNC, sqe, fd, 0, 0, 0, 0);
    this.sqes[sqe + 7] = fsyncFlags;
  }

  /** Prepares fdatasync(2): `prepFsync` with its flag. */
  prepFdatasync(sqe: number, fd: number): void {
    this.prepFsync(sqe, fd, IORING_FSYNC_DATASYNC);
  }

  /** Prepares sync_file_range(2): io_uring_prep_sync_file_range(3). Lengths have 32 bits. */
  prepSyncFileRange(sqe: number, fd: number, len: number, offset: number, flags: number): void {
    this.fill(IORING_OP_SYNC_FILE_RANGE, sqe, fd, 0, 0, len, offset);
    this.sqes[sqe + 7] = flags;
  }

  /** Prepares fallocate(2): io_uring_prep_fallocate(3). */
  prepFallocate(sqe: number, fd: number, mode: number, offset: number, len: number): void {
    this.fill(IORING_OP_FALLOCATE, sqe, fd, len, 0, mode, offset);
  }

  /** Prepares ftruncate(2): io_uring_prep_ftruncate(3). */
  prepFtruncate(sqe: number, fd: number, len: number): void {
    this.fill(IORING_OP_FTRUNCATE, sqe, fd, 0, 0, 0, len);
  }

  /** Prepares posix_fadvise(2) of up to 4 GiB: io_uring_prep_fadvise(3). */
  prepFadvise(sqe: number, fd: number, offset: number, len: number, advice: number): void {
    this.fill(IORING_OP_FADVISE, sqe, fd, 0, 0, len, offset);
    this.sqes[sqe + 7] = advice;
  }

  /** Prepares posix_fadvise(2) of any length: io_uring_prep_fadvise64(3). Linux 6.8. */
  prepFadvise64(sqe: number, fd: number, offset: number, len: number, advice: number): void {
    this.fill(IORING_OP_FADVISE, sqe, fd, len, 0, 0, offset);
    this.sqes[sqe + 7] = advice;
  }

  /** Prepares madvise(2) of up to 4 GiB: io_uring_prep_madvise(3). */
  prepMadvise(sqe: number, addr: Pointer, length: number, advice: number): void {
    this.fill(IORING_OP_MADVISE, sqe, -1, addr, length, length, 0);
    this.sqes[sqe + 7] = advice;
  }

  /** Prepares madvise(2) of any length: io_uring_prep_madvise64(3). Linux 6.8. */
  prepMadvise64(sqe: number, addr: Pointer, length: number, advice: number): void {
    this.fill(IORING_OP_MADVISE, sqe, -1, addr, length, 0, length);
    this.sqes[sqe + 7] = advice;
  }

  /**
   * Prepares splice(2): io_uring_prep_splice(3). An offset of -1 belongs to a pipe, or is the file
   * position. SPLICE_F_FD_IN_FIXED makes `fdIn` a registered file.
   */
  prepSplice(
    sqe: number,
    fdIn: number,
    offIn: number,
    fdOut: number,
    offOut: number,
    nbytes: number,
    spliceFlags: number,
  ): void {
    this.fill(IORING_OP_SPLICE, sqe, fdOut, 0, 0, nbytes, offOut);
    this.set64(sqe, 4, offIn);
    this.sqes[sqe + 7] = spliceFlags;
    this.sqes[sqe + 11] = fdIn;
  }

  /** Prepares tee(2), between two pipes: io_uring_prep_tee(3). */
  prepTee(sqe: number, fdIn: number, fdOut: number, nbytes: number, spliceFlags: number): void {
    this.fill(IORING_OP_TEE, sqe, fdOut, 0, 0, nbytes, 0);
    this.sqes[sqe + 7] = spliceFlags;
    this.sqes[sqe + 11] = fdIn;
  }

  /** Prepares pipe2(2): io_uring_prep_pipe(3). `fds` has room for two 32-bit descriptors. */
  prepPipe(sqe: number, fds: Pointer, pipeFlags: number): void {
    this.fill(IORING_OP_PIPE, sqe, 0, fds, 8, 0, 0);
    this.sqes[sqe + 7] = pipeFlags;
  }

  /** Prepares a pipe of two direct descriptors: io_uring_prep_pipe_direct(3). */
  prepPipeDirect(sqe: number, fds: Pointer, pipeFlags: number, fileIndex: number): void {
    this.prepPipe(sqe, fds, pipeFlags);
    this.sqeSetFileIndex(sqe, fileIndex);
  }

  /**
   * Prepares giving `nr` buffers of `len` bytes each, side by side from `addr` on, to a group:
   * io_uring_prep_provide_buffers(3). A view is kept until `queueExit`: nobody tells which buffers
   * the kernel still has.
   */
  prepProvideBuffers(
    sqe: number,
    addr: Pointer,
    len: number,
    nr: number,
    bgid: number,
    bid: number,
  ): void {
    this.fill(IORING_OP_PROVIDE_BUFFERS, sqe, nr, addr, len * nr, len, bid);
    this.sqes[sqe + 10] = bgid;
    if (addr !== null && typeof addr !== "number")
      this.keepRegistered(`group ${bgid}/${bid}`, addr);
  }

  /** Prepares taking `nr` buffers back from a group: io_uring_prep_remove_buffers(3). */
  prepRemoveBuffers(sqe: number, nr: number, bgid: number): void {
    this.fill(IORING_OP_REMOVE_BUFFERS, sqe, nr, 0, 0, 0, 0);
    this.sqes[sqe + 10] = bgid;
  }
}
