import {
  IORING_FSYNC_DATASYNC,
  IORING_OP_CLOSE,
  IORING_OP_FADVISE,
  IORING_OP_FALLOCATE,
  IORING_OP_FSYNC,
  IORING_OP_FTRUNCATE,
  IORING_OP_LINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_NOP,
  IORING_OP_OPENAT,
  IORING_OP_OPENAT2,
  IORING_OP_POLL_ADD,
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_READV,
  IORING_OP_RENAMEAT,
  IORING_OP_SPLICE,
  IORING_OP_STATX,
  IORING_OP_SYMLINKAT,
  IORING_OP_SYNC_FILE_RANGE,
  IORING_OP_TEE,
  IORING_OP_TIMEOUT,
  IORING_OP_UNLINKAT,
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
  IORING_OP_WRITEV,
  IORING_TIMEOUT_ETIME_SUCCESS,
} from "../../abi/io-uring.ts";
import { OperationKind } from "../../core/operation-kind.ts";
import { Link, type Request } from "../../core/request.ts";
import type { Scratch } from "./scratch.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const READ_KIND = OperationKind.Read;
const WRITE_KIND = OperationKind.Write;
const READ = IORING_OP_READ;
const WRITE = IORING_OP_WRITE;
const READ_FIXED = IORING_OP_READ_FIXED;
const WRITE_FIXED = IORING_OP_WRITE_FIXED;

const TWO_32 = 0x1_0000_0000;
const ALL_ONES = 0xffff_ffff;
/** The most that 32 bits hold without ending inside a page. */
const WHOLE_PAGES = 0xffff_f000;

/** The opcode of each operation, indexed by {@link OperationKind}. */
export const OPCODES: readonly number[] = [
  IORING_OP_NOP,
  IORING_OP_OPENAT,
  IORING_OP_CLOSE,
  IORING_OP_READ,
  IORING_OP_WRITE,
  IORING_OP_READV,
  IORING_OP_WRITEV,
  IORING_OP_FSYNC,
  IORING_OP_FSYNC,
  IORING_OP_SYNC_FILE_RANGE,
  IORING_OP_STATX,
  IORING_OP_FTRUNCATE,
  IORING_OP_FALLOCATE,
  IORING_OP_FADVISE,
  IORING_OP_UNLINKAT,
  IORING_OP_RENAMEAT,
  IORING_OP_MKDIRAT,
  IORING_OP_SYMLINKAT,
  IORING_OP_LINKAT,
  IORING_OP_SPLICE,
  IORING_OP_TEE,
  IORING_OP_TIMEOUT,
  IORING_OP_POLL_ADD,
];

/**
 * Writes one SQE in full: sixteen words, so that nothing of the entry's last use is left.
 *
 * @param w All entries, as u32 words.
 * @param at The first word of this one.
 * @param request What is asked.
 * @param sqeFlags IOSQE_* of this entry.
 * @param low The low half of `user_data`: the slot.
 * @param high The high half: its generation.
 * @param scratch Memory of this slot for paths, vectors and times.
 */
export function writeSqe(
  w: Uint32Array,
  at: number,
  request: Request,
  sqeFlags: number,
  low: number,
  high: number,
  scratch: Scratch,
): void {
  const { kind } = request;
  if (kind !== READ_KIND && kind !== WRITE_KIND) {
    writeSqeHead(w, at, OPCODES[kind] as number, sqeFlags, request.fd, low, high);
    writeOther(w, at, request, low, scratch);
    return;
  }
  const { bufferIndex, offset } = request;
  let opcode: number;
  if (bufferIndex === -1) opcode = kind === READ_KIND ? READ : WRITE;
  else opcode = kind === READ_KIND ? READ_FIXED : WRITE_FIXED;
  w[at] = opcode | (sqeFlags << 8);
  w[at + 1] = request.fd;
  // A quotient is truncated towards zero, so that -1 must be written out.
  w[at + 2] = offset;
  w[at + 3] = offset < 0 ? ALL_ONES : offset / TWO_32;
  w[at + 4] = request.addressLow;
  w[at + 5] = request.addressHigh;
  w[at + 6] = request.length;
  w[at + 7] = request.flags;
  w[at + 8] = low;
  w[at + 9] = high;
  w[at + 10] = bufferIndex === -1 ? 0 : bufferIndex;
  w[at + 11] = 0;
  w[at + 12] = 0;
  w[at + 13] = 0;
  w[at + 14] = 0;
  w[at + 15] = 0;
}

/** Writes opcode, flags, descriptor and user_data, and zeroes the rest of an SQE. */
export function writeSqeHead(
  w: Uint32Array,
  at: number,
  opcode: number,
  sqeFlags: number,
  fd: number,
  low: number,
  high: number,
): void {
  w[at] = opcode | (sqeFlags << 8);
  w[at + 1] = fd;
  // Sixteen stores cost 5 ns, `fill` 30.
  for (let i = at + 2; i < at + 8; i++) w[i] = 0;
  w[at + 8] = low;
  w[at + 9] = high;
  for (let i = at + 10; i < at + 16; i++) w[i] = 0;
}

/** Writes a 64-bit field as two words; -1 is all ones. Exact up to 2^53 - 1. */
export function write64(w: Uint32Array, at: number, value: number): void {
  w[at] = value;
  // A quotient is truncated towards zero, so that -1 needs its own line.
  w[at + 1] = value < 0 ? ALL_ONES : value / TWO_32;
}

const OFF = 2;
const ADDR = 4;
const LEN = 6;
const OP_FLAGS = 7;
const SPLICE_FD_IN = 11;
const FILE_INDEX = 11;

/** The fields of everything that is not a plain read or write. */
function writeOther(w: Uint32Array, at: number, request: Request, slot: number, scratch: Scratch) {
  const { kind } = request;
  switch (kind) {
    case OperationKind.Readv:
    case OperationKind.Writev:
      write64(w, at + ADDR, scratch.vectors(slot, request));
      w[at + LEN] = request.length;
      write64(w, at + OFF, request.offset);
      w[at + OP_FLAGS] = request.flags;
      return;
    case OperationKind.Fdatasync:
      w[at + OP_FLAGS] = IORING_FSYNC_DATASYNC;
      return;
    case OperationKind.SyncFileRange:
      write64(w, at + OFF, request.offset);
      // 32 bits is all there is; 0 means to the end, which is more than asked, never less.
      w[at + LEN] = request.length > ALL_ONES ? 0 : request.length;
      w[at + OP_FLAGS] = request.flags;
      return;
    case OperationKind.Truncate:
      write64(w, at + OFF, request.offset);
      return;
    case OperationKind.Fallocate:
      write64(w, at + OFF, request.offset);
      write64(w, at + ADDR, request.length);
      w[at + LEN] = request.flags;
      return;
    case OperationKind.Fadvise:
      write64(w, at + OFF, request.offset);
      if (request.length <= ALL_ONES) w[at + LEN] = request.length;
      else if (scratch.wideAdvice) write64(w, at + ADDR, request.length);
      // EINVAL would help nobody. Advice on less than was asked is still advice, and on more than
      // was asked (to the end of the file) it could read or drop all of that.
      else w[at + LEN] = WHOLE_PAGES;
      w[at + OP_FLAGS] = request.extra;
      return;
    case OperationKind.Timeout:
      write64(w, at + ADDR, scratch.time(slot, request.offset));
      w[at + LEN] = 1;
      // The end of its time must not break the chain it is in (Linux 5.16).
      if (request.link !== Link.None) w[at + OP_FLAGS] = IORING_TIMEOUT_ETIME_SUCCESS;
      return;
    case OperationKind.Splice:
      write64(w, at + ADDR, request.offset2);
      write64(w, at + OFF, request.offset);
      w[at + SPLICE_FD_IN] = request.extra;
      w[at + LEN] = request.length;
      w[at + OP_FLAGS] = request.flags;
      return;
    case OperationKind.Tee:
      w[at + SPLICE_FD_IN] = request.extra;
      w[at + LEN] = request.length;
      w[at + OP_FLAGS] = request.flags;
      return;
    case OperationKind.Poll:
      w[at + OP_FLAGS] = request.flags;
      return;
    default:
      writePath(w, at, request, slot, scratch);
  }
}

/** The fields of operations that name files by path; nop, close and fsync have none. */
function writePath(w: Uint32Array, at: number, request: Request, slot: number, scratch: Scratch) {
  const { kind, path } = request;
  // A place in the table of registered files; 0 means none, so that they count from 1.
  if (request.directSlot !== -1) w[at + FILE_INDEX] = request.directSlot + 1;
  if (path === undefined) return;
  write64(w, at + ADDR, scratch.path(slot, path));
  switch (kind) {
    case OperationKind.Open:
      if (request.extra === 0) {
        w[at + LEN] = request.mode;
        w[at + OP_FLAGS] = request.flags;
      } else {
        w[at] = ((w[at] as number) & ~0xff) | IORING_OP_OPENAT2;
        write64(w, at + OFF, scratch.openHow(slot, request));
        w[at + LEN] = 24;
      }
      return;
    case OperationKind.Statx:
      w[at + LEN] = request.extra;
      w[at + OFF] = request.addressLow;
      w[at + OFF + 1] = request.addressHigh;
      w[at + OP_FLAGS] = request.flags;
      return;
    case OperationKind.Unlink:
      w[at + OP_FLAGS] = request.flags;
      return;
    case OperationKind.Mkdir:
      w[at + LEN] = request.mode;
      return;
    case OperationKind.Symlink:
      write64(w, at + OFF, scratch.secondPath(slot, request.path2 ?? ""));
      return;
    case OperationKind.Rename:
    case OperationKind.Link:
      write64(w, at + OFF, scratch.secondPath(slot, request.path2 ?? ""));
      w[at + LEN] = request.extra;
      w[at + OP_FLAGS] = request.flags;
      return;
    default:
      return;
  }
}

/** Writes a time as struct __kernel_timespec: four words. */
export function writeTimespec(words: Uint32Array, at: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  write64(words, at, seconds);
  write64(words, at + 2, Math.floor((ms - seconds * 1000) * 1e6));
}
