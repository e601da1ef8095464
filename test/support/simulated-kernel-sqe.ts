import {
  IORING_FSYNC_DATASYNC,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_OPENAT2,
  IORING_OP_READ_FIXED,
  IORING_OP_TIMEOUT,
  IORING_OP_WRITE_FIXED,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from "../../src/abi/io-uring.ts";
import { EBADF, EFAULT, EINVAL } from "../../src/abi/linux.ts";
import { OperationKind, Request } from "../../src/core/index.ts";
import { OPCODES } from "../../src/engines/io-uring/requests.ts";
import type { AddressSpace } from "./simulated-kernel-memory.ts";

/** The kinds whose failure breaks a chain on Linux 6.18; the others are forgotten. */
export const FORGETS: ReadonlySet<OperationKind> = new Set<OperationKind>([
  OperationKind.Fsync,
  OperationKind.Fdatasync,
  OperationKind.SyncFileRange,
  OperationKind.Statx,
  OperationKind.Truncate,
  OperationKind.Fallocate,
  OperationKind.Unlink,
  OperationKind.Rename,
  OperationKind.Mkdir,
  OperationKind.Symlink,
  OperationKind.Link,
]);

/** What the ring knows besides the entry itself. */
export interface Registered {
  readonly files: readonly number[] | undefined;
  /** Start and length of each registered buffer. */
  readonly buffers: readonly { readonly address: number; readonly length: number }[] | undefined;
}

const TWO_32 = 0x1_0000_0000;

/** One SQE as the kernel understood it. What it points to was copied, but for the buffers. */
export class Sqe {
  readonly opcode: number;
  readonly low: number;
  readonly high: number;
  /** The next entry waits for this one. */
  readonly linked: boolean;
  /** It does so whatever the result. */
  readonly hard: boolean;
  readonly drain: boolean;
  /** What is to be done, but for timeouts and cancellations. */
  readonly request = new Request();
  /** How long a timeout takes, in ms. */
  ms = 0;
  /** `user_data` of what is to be canceled. */
  readonly targetLow: number;
  readonly targetHigh: number;
  /** 0, or why the entry was refused before it began. */
  readonly refused: number;
  readonly #memory: AddressSpace;
  readonly #words: Uint32Array;
  #vectors: [address: number, length: number][] = [];

  /** @param words A copy of the entry. */
  constructor(words: Uint32Array, memory: AddressSpace, registered: Registered) {
    this.#memory = memory;
    this.#words = words;
    const flags = (this.#word(0) >>> 8) & 0xff;
    this.opcode = this.#word(0) & 0xff;
    this.low = this.#word(8);
    this.high = this.#word(9);
    this.hard = (flags & IOSQE_IO_HARDLINK) !== 0;
    this.linked = this.hard || (flags & IOSQE_IO_LINK) !== 0;
    this.drain = (flags & IOSQE_IO_DRAIN) !== 0;
    this.targetLow = this.#word(4);
    this.targetHigh = this.#word(5);
    this.refused = this.#prepare((flags & IOSQE_FIXED_FILE) !== 0, registered);
  }

  /** Finds the memory of a transfer, now that it begins. Returns 0 or -EFAULT. */
  touchMemory(): number {
    const { request } = this;
    const { kind, length } = request;
    if (kind === OperationKind.Readv || kind === OperationKind.Writev) {
      const views = this.#vectors.map(([address, size]) => this.#memory.bytesAt(address, size));
      if (views.includes(undefined)) return -EFAULT;
      request.buffers = views as Uint8Array[];
      return 0;
    }
    const address = kind === OperationKind.Statx ? this.#address(2) : this.#address(4);
    const size = kind === OperationKind.Statx ? 256 : length;
    const bytes = size === 0 ? new Uint8Array(0) : this.#memory.bytesAt(address, size);
    request.buffer = bytes;
    request.length = kind === OperationKind.Statx ? 256 : length;
    return bytes === undefined ? -EFAULT : 0;
  }

  #prepare(fixedFile: boolean, registered: Registered): number {
    const { opcode, request } = this;
    if (opcode === IORING_OP_ASYNC_CANCEL) return 0;
    if (opcode === IORING_OP_TIMEOUT || opcode === IORING_OP_LINK_TIMEOUT) return this.#timespec();
    const kind = kindOf(opcode, this.#word(7));
    if (kind === undefined) return -EINVAL;
    request.kind = kind;
    request.fd = this.#word(1) | 0;
    request.flags = this.#word(7);
    request.length = this.#word(6);
    request.offset = this.#signed(2);
    if (fixedFile) {
      const fd = registered.files?.[request.fd];
      if (fd === undefined) return -EBADF;
      request.fd = fd;
    }
    if (opcode === IORING_OP_READ_FIXED || opcode === IORING_OP_WRITE_FIXED) {
      const region = registered.buffers?.[this.#word(10) & 0xffff];
      const start = this.#address(4) - (region?.address ?? 0);
      if (region === undefined || start < 0 || start + request.length > region.length) {
        return -EFAULT;
      }
    }
    return this.#prepareOther(kind);
  }

  #prepareOther(kind: OperationKind): number {
    const { request } = this;
    switch (kind) {
      case OperationKind.Readv:
      case OperationKind.Writev:
        return this.#readVectors();
      case OperationKind.Fallocate:
        request.flags = this.#word(6);
        request.length = this.#signed(4);
        return 0;
      case OperationKind.Fadvise:
        request.extra = this.#word(7);
        request.length = this.#signed(4) || this.#word(6);
        return 0;
      case OperationKind.Splice:
      case OperationKind.Tee:
        request.extra = this.#word(11) | 0;
        request.offset2 = this.#signed(4);
        return 0;
      case OperationKind.Open:
      case OperationKind.Statx:
      case OperationKind.Unlink:
      case OperationKind.Rename:
      case OperationKind.Mkdir:
      case OperationKind.Symlink:
      case OperationKind.Link:
        return this.#readPaths(kind);
      default:
        return 0;
    }
  }

  #readPaths(kind: OperationKind): number {
    const { request } = this;
    const path = this.#memory.stringAt(this.#address(4));
    if (path === undefined) return -EFAULT;
    request.path = path;
    request.mode = this.#word(6);
    request.extra = this.#word(6);
    if (kind === OperationKind.Open) {
      request.extra = 0;
      if (this.opcode !== IORING_OP_OPENAT2) return 0;
      // struct open_how: flags, mode, resolve.
      const how = this.#memory.wordsAt(this.#address(2), 6);
      if (how === undefined) return -EFAULT;
      [request.flags, request.mode, request.extra] = [how[0] ?? 0, how[2] ?? 0, how[4] ?? 0];
    } else if (kind >= OperationKind.Rename && kind !== OperationKind.Mkdir) {
      const second = this.#memory.stringAt(this.#address(2));
      if (second === undefined) return -EFAULT;
      request.path2 = second;
      request.extra |= 0;
    }
    return 0;
  }

  #readVectors(): number {
    const count = this.request.length;
    const words = this.#memory.wordsAt(this.#address(4), count * 4);
    if (words === undefined && count > 0) return -EFAULT;
    for (let i = 0; i < count; i++) {
      const [low = 0, high = 0, size = 0] = (words as Uint32Array).subarray(i * 4);
      this.#vectors.push([high * TWO_32 + low, size]);
    }
    return 0;
  }

  #timespec(): number {
    const words = this.#memory.wordsAt(this.#address(4), 4);
    if (words === undefined || this.#word(6) !== 1) return words === undefined ? -EFAULT : -EINVAL;
    const [low = 0, high = 0, nanoseconds = 0] = words;
    this.ms = (high * TWO_32 + low) * 1000 + nanoseconds / 1e6;
    return 0;
  }

  #word(index: number): number {
    return this.#words[index] as number;
  }

  #address(index: number): number {
    return this.#word(index + 1) * TWO_32 + this.#word(index);
  }

  /** A 64-bit field that may be -1. */
  #signed(index: number): number {
    return (this.#word(index + 1) | 0) * TWO_32 + this.#word(index);
  }
}

/** The operation behind an opcode, by the engine's own table. */
function kindOf(opcode: number, flags: number): OperationKind | undefined {
  if (opcode === IORING_OP_OPENAT2) return OperationKind.Open;
  if (opcode === IORING_OP_READ_FIXED) return OperationKind.Read;
  if (opcode === IORING_OP_WRITE_FIXED) return OperationKind.Write;
  const kind = OPCODES.indexOf(opcode);
  if (kind === -1) return undefined;
  const datasync = kind === OperationKind.Fsync && (flags & IORING_FSYNC_DATASYNC) !== 0;
  return datasync ? OperationKind.Fdatasync : (kind as OperationKind);
}
