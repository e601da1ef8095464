import {
  RECVMSG_OUT_CONTROLLEN,
  RECVMSG_OUT_FLAGS,
  RECVMSG_OUT_NAMELEN,
  RECVMSG_OUT_PAYLOADLEN,
  RECVMSG_OUT_SIZE,
} from "../../abi/io-uring.ts";
import type { Struct } from "./memory.ts";
import { messageControlLength, messageNameLength } from "./structs.ts";

/** What a multishot recvmsg(2) put into a provided buffer: `struct io_uring_recvmsg_out`. */
export interface RecvmsgOut {
  /** The sender's address, as much of it as there was room for. */
  readonly name: Buffer;
  /** How long the sender's address is. */
  readonly nameLength: number;
  /** Control messages. */
  readonly control: Buffer;
  /** The data, as much of it as there was room for. */
  readonly payload: Buffer;
  /** How long the data was. */
  readonly payloadLength: number;
  /** MSG_*. */
  readonly flags: number;
}

/**
 * Takes a buffer apart that a multishot recvmsg(2) filled: io_uring_recvmsg_validate(3) and its
 * relatives. Undefined when the buffer is too short for what the message asked for.
 *
 * @param length `res` of the completion.
 * @param message The `msghdr` of the request: its lengths say where things lie.
 */
export function recvmsgValidate(
  buffer: Buffer,
  length: number,
  message: Struct,
): RecvmsgOut | undefined {
  const nameRoom = messageNameLength(message);
  const controlRoom = messageControlLength(message);
  const start = RECVMSG_OUT_SIZE + nameRoom + controlRoom;
  if (length < start || length > buffer.length) return undefined;
  const controlAt = RECVMSG_OUT_SIZE + nameRoom;
  const nameLength = buffer.readUInt32LE(RECVMSG_OUT_NAMELEN);
  const controlLength = buffer.readUInt32LE(RECVMSG_OUT_CONTROLLEN);
  const payloadLength = buffer.readUInt32LE(RECVMSG_OUT_PAYLOADLEN);
  const part = (at: number, size: number) => buffer.subarray(at, at + size);
  return {
    name: part(RECVMSG_OUT_SIZE, Math.min(nameLength, nameRoom)),
    nameLength,
    control: part(controlAt, Math.min(controlLength, controlRoom)),
    payload: part(start, Math.min(payloadLength, length - start)),
    payloadLength,
    flags: buffer.readUInt32LE(RECVMSG_OUT_FLAGS),
  };
}
