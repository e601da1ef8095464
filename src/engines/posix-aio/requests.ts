import {
  AIOCB_BUF,
  AIOCB_FILDES,
  AIOCB_LIO_OPCODE,
  AIOCB_NBYTES,
  AIOCB_OFFSET,
  AIOCB_SIGEV_NOTIFY,
  AIOCB_SIZE,
  LIO_NOP,
  LIO_READ,
  LIO_WRITE,
  SIGEV_NONE,
} from "../../abi/posix-aio.ts";
import { OPERATIONS, OperationKind } from "../../core/operation-kind.ts";
import type { Request } from "../../core/request.ts";

// Constants out of other modules are looked up at every use; these are part of the code.
const WORDS = AIOCB_SIZE / 4;
const FILDES = AIOCB_FILDES / 4;
const LIO_OPCODE = AIOCB_LIO_OPCODE / 4;
const BUF = AIOCB_BUF / 4;
const NBYTES = AIOCB_NBYTES / 4;
const NOTIFY = AIOCB_SIGEV_NOTIFY / 4;
const OFFSET = AIOCB_OFFSET / 4;
const NONE = SIGEV_NONE;
const TWO_32 = 0x1_0000_0000;

/** The mark that has `posixAioSubmit` call aio_fsync with O_SYNC; above the opcodes of <aio.h>. */
const SYNC = LIO_NOP + 1;
/** The same with O_DSYNC. */
const DSYNC = LIO_NOP + 2;

const opcodes: Readonly<Partial<Record<OperationKind, number>>> = {
  [OperationKind.Read]: LIO_READ,
  [OperationKind.Write]: LIO_WRITE,
  [OperationKind.Fsync]: SYNC,
  [OperationKind.Fdatasync]: DSYNC,
};

/** `aio_lio_opcode` of each operation, indexed by {@link OperationKind}; -1 where there is none. */
export const OPCODES: readonly number[] = OPERATIONS.map(
  (_, kind) => opcodes[kind as OperationKind] ?? -1,
);

/**
 * Fills in a control block. What is not written is 0: the priority, and the private fields, which
 * are glibc's.
 *
 * @param w All control blocks, as words.
 * @param index Which one.
 * @param opcode Out of {@link OPCODES}.
 */
export function writeBlock(w: Int32Array, index: number, request: Request, opcode: number): void {
  const at = index * WORDS;
  const { length, offset } = request;
  w[at + FILDES] = request.fd;
  w[at + LIO_OPCODE] = opcode;
  w[at + BUF] = request.addressLow;
  w[at + BUF + 1] = request.addressHigh;
  w[at + NBYTES] = length;
  w[at + NBYTES + 1] = length / TWO_32;
  w[at + NOTIFY] = NONE;
  w[at + OFFSET] = offset;
  // A quotient is truncated towards zero, so that -1 must be written out.
  w[at + OFFSET + 1] = offset < 0 ? -1 : offset / TWO_32;
}
