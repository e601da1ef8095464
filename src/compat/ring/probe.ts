import {
  IO_URING_OP_SUPPORTED,
  IO_URING_QUERY_OPCODES,
  IORING_OP_MSG_RING,
  IORING_REGISTER_QUERY,
  IORING_REGISTER_SEND_MSG_RING,
  PROBE_LAST_OP,
  PROBE_OP_FLAGS,
  PROBE_OP_SIZE,
  PROBE_OPS,
  PROBE_OPS_LEN,
  PROBE_SIZE,
  QUERY_HDR_BYTES,
  QUERY_HDR_QUERY_DATA,
  QUERY_HDR_QUERY_OP,
  QUERY_HDR_RESULT,
  QUERY_HDR_SIZE,
  QUERY_OPCODE_ENTER_FLAGS,
  QUERY_OPCODE_FEATURE_FLAGS,
  QUERY_OPCODE_NR_REGISTER_OPCODES,
  QUERY_OPCODE_NR_REQUEST_OPCODES,
  QUERY_OPCODE_RING_SETUP_FLAGS,
  QUERY_OPCODE_SIZE,
  QUERY_OPCODE_SQE_FLAGS,
  SQE_FD,
  SQE_LEN,
  SQE_MSG_RING_FLAGS,
  SQE_OFF,
  SQE_SIZE,
} from "../../abi/io-uring.ts";
import { addonOfRing, Struct } from "./memory.ts";

/** Room for every opcode that fits into a byte. */
const ROOM = 256;

/** Which opcodes a kernel has: `struct io_uring_probe`. */
export class Probe {
  /** The structure, for `registerProbe`. */
  readonly struct = new Struct(PROBE_SIZE + ROOM * PROBE_OP_SIZE);
  /** How many opcodes it has room for. */
  readonly room = ROOM;

  /** The largest opcode that the kernel knows. */
  get lastOp(): number {
    return this.struct.bytes[PROBE_LAST_OP] as number;
  }

  /** How many opcodes were answered. */
  get opsLength(): number {
    return this.struct.bytes[PROBE_OPS_LEN] as number;
  }

  /** Whether the kernel has an opcode: io_uring_opcode_supported(3). */
  opcodeSupported(opcode: number): boolean {
    if (opcode > this.lastOp) return false;
    const at = PROBE_OPS + opcode * PROBE_OP_SIZE + PROBE_OP_FLAGS;
    return (this.struct.view.getUint16(at, true) & IO_URING_OP_SUPPORTED) !== 0;
  }
}

/** What IO_URING_QUERY_OPCODES answers. Masks are of the bits that the kernel takes. */
export interface QueriedOpcodes {
  readonly requestOpcodes: number;
  readonly registerOpcodes: number;
  readonly features: number;
  readonly setupFlags: number;
  readonly enterFlags: number;
  readonly sqeFlags: number;
}

/** Asks the kernel what it has, without a ring. Undefined before Linux 6.18. */
export function queryOpcodes(): QueriedOpcodes | undefined {
  const answer = new Struct(QUERY_OPCODE_SIZE);
  const header = new Struct(QUERY_HDR_SIZE)
    .setPointer(QUERY_HDR_QUERY_DATA, answer)
    .setU32(QUERY_HDR_QUERY_OP, IO_URING_QUERY_OPCODES)
    .setU32(QUERY_HDR_BYTES, QUERY_OPCODE_SIZE);
  const result = addonOfRing().uringRegister(-1, IORING_REGISTER_QUERY, header.address, 0);
  if (result < 0 || header.s32(QUERY_HDR_RESULT) < 0) return undefined;
  return {
    requestOpcodes: answer.u32(QUERY_OPCODE_NR_REQUEST_OPCODES),
    registerOpcodes: answer.u32(QUERY_OPCODE_NR_REGISTER_OPCODES),
    features: answer.u32(QUERY_OPCODE_FEATURE_FLAGS),
    setupFlags: answer.u32(QUERY_OPCODE_RING_SETUP_FLAGS),
    enterFlags: answer.u32(QUERY_OPCODE_ENTER_FLAGS),
    sqeFlags: answer.u32(QUERY_OPCODE_SQE_FLAGS),
  };
}

/**
 * Posts a completion to a ring without having one: io_uring_register_sync_msg(3). Otherwise as
 * `prepMsgRing`. Returns 0, or -errno. Linux 6.13.
 */
export function registerSyncMsg(
  fd: number,
  len: number,
  data: { low: number; high?: number },
  flags = 0,
): number {
  const sqe = new Struct(SQE_SIZE)
    .setU32(SQE_FD, fd)
    .setU32(SQE_LEN, len)
    .setU32(SQE_OFF, data.low)
    .setU32(SQE_OFF + 4, data.high ?? 0)
    .setU32(SQE_MSG_RING_FLAGS, flags);
  sqe.bytes[0] = IORING_OP_MSG_RING;
  return addonOfRing().uringRegister(-1, IORING_REGISTER_SEND_MSG_RING, sqe.address, 1);
}
