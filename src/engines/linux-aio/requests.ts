import {
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
} from "../../abi/linux-aio.ts";
import { OPERATIONS, OperationKind } from "../../core/operation-kind.ts";
import type { Request } from "../../core/request.ts";
import type { Vectors } from "./vectors.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const READ_KIND = OperationKind.Read;
const WRITE_KIND = OperationKind.Write;
const PREAD = IOCB_CMD_PREAD;
const PWRITE = IOCB_CMD_PWRITE;

const TWO_32 = 0x1_0000_0000;
const ALL_ONES = 0xffff_ffff;

/** The command of each operation, indexed by {@link OperationKind}; -1 for what it cannot do. */
export const COMMANDS: readonly number[] = OPERATIONS.map((_, kind) => commandOf(kind));

function commandOf(kind: number): number {
  switch (kind) {
    case OperationKind.Read:
      return IOCB_CMD_PREAD;
    case OperationKind.Write:
      return IOCB_CMD_PWRITE;
    case OperationKind.Readv:
      return IOCB_CMD_PREADV;
    case OperationKind.Writev:
      return IOCB_CMD_PWRITEV;
    case OperationKind.Fsync:
      return IOCB_CMD_FSYNC;
    case OperationKind.Fdatasync:
      return IOCB_CMD_FDSYNC;
    case OperationKind.Poll:
      return IOCB_CMD_POLL;
    default:
      return -1;
  }
}

/**
 * Writes one iocb: every word of it but those that stay as `prepareIocb` left them.
 *
 * @param w All iocbs, as u32 words.
 * @param at The first word of this one.
 * @param low The low half of `aio_data`: the slot.
 * @param high The high half: its generation.
 * @param vectors Memory for arrays of struct iovec, until the batch is handed over.
 */
export function writeIocb(
  w: Uint32Array,
  at: number,
  request: Request,
  low: number,
  high: number,
  vectors: Vectors,
): void {
  const { kind } = request;
  w[at] = low;
  w[at + 1] = high;
  w[at + 5] = request.fd;
  if (kind !== READ_KIND && kind !== WRITE_KIND) {
    writeOther(w, at, request, vectors);
    return;
  }
  const { offset, length } = request;
  w[at + 3] = request.flags;
  w[at + 4] = kind === READ_KIND ? PREAD : PWRITE;
  w[at + 6] = request.addressLow;
  w[at + 7] = request.addressHigh;
  w[at + 8] = length;
  w[at + 9] = length / TWO_32;
  w[at + 10] = offset;
  // A quotient is truncated towards zero, so that -1 must be written out.
  w[at + 11] = offset < 0 ? ALL_ONES : offset / TWO_32;
}

/** Writes the words that are the same in every iocb of ours: completions signal `eventFd`. */
export function prepareIocb(w: Uint32Array, at: number, flags: number, eventFd: number): void {
  w[at + 14] = flags;
  w[at + 15] = eventFd;
}

function writeOther(w: Uint32Array, at: number, request: Request, vectors: Vectors): void {
  const { kind } = request;
  w[at + 4] = COMMANDS[kind] as number;
  // The kernel refuses what an fsync or a poll has no use for.
  for (let i = at + 6; i < at + 12; i++) w[i] = 0;
  w[at + 3] = 0;
  if (kind === OperationKind.Poll) {
    w[at + 6] = request.flags;
  } else if (kind === OperationKind.Readv || kind === OperationKind.Writev) {
    const { offset } = request;
    const address = vectors.write(request);
    w[at + 3] = request.flags;
    w[at + 6] = address;
    w[at + 7] = address / TWO_32;
    w[at + 8] = request.length;
    w[at + 10] = offset;
    w[at + 11] = offset < 0 ? ALL_ONES : offset / TWO_32;
  }
}
