import {
  IO_URING_OP_SUPPORTED,
  IORING_FEAT_EXT_ARG,
  IORING_OP_LINKAT,
  IORING_OP_LISTEN,
  IORING_REGISTER_PROBE,
  IORING_SETUP_SUBMIT_ALL,
  PROBE_OP_FLAGS,
  PROBE_OP_SIZE,
  PROBE_OPS,
  PROBE_SIZE,
} from "../../abi/io-uring.ts";
import { type EngineCapabilities, OperationKind } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { permitted } from "../permission.ts";
import { OPCODES } from "./requests.ts";
import type { Ring } from "./setup.ts";

/**
 * The operations that the kernel tries without blocking before it resorts to a worker thread. A
 * request that goes to a worker at once never has its linked timeout armed (seen on 6.18 with
 * splice, and with open of a FIFO), so the others' time is kept by the runtime.
 */
const NONBLOCKING_FIRST: ReadonlySet<number> = new Set([
  OperationKind.Nop,
  OperationKind.Read,
  OperationKind.Write,
  OperationKind.Readv,
  OperationKind.Writev,
  OperationKind.Timeout,
  OperationKind.Poll,
]);

/**
 * Operations that break a chain when they fail. Linux forgets to mark the others as failed, so that
 * what is linked behind them runs all the same (seen on 6.18), and a timeout that simply ended
 * counts as failed.
 */
const BREAKS_LINK: ReadonlySet<number> = new Set<number>([
  OperationKind.Nop,
  OperationKind.Open,
  OperationKind.Close,
  OperationKind.Read,
  OperationKind.Write,
  OperationKind.Readv,
  OperationKind.Writev,
  OperationKind.Fadvise,
  OperationKind.Splice,
  OperationKind.Tee,
  OperationKind.Poll,
]);

/** The opcodes this kernel answers, asked of it with IORING_REGISTER_PROBE (Linux 5.6). */
export function probeOpcodes(addon: NativeAddon, fd: number): ReadonlySet<number> {
  const opcodes = 256;
  const probe = new Uint8Array(PROBE_SIZE + opcodes * PROBE_OP_SIZE);
  const supported = new Set<number>();
  if (addon.uringRegister(fd, IORING_REGISTER_PROBE, addon.addressOf(probe), opcodes) < 0) {
    return supported;
  }
  for (let opcode = 0; opcode < opcodes; opcode++) {
    const flags = probe[PROBE_OPS + opcode * PROBE_OP_SIZE + PROBE_OP_FLAGS] as number;
    if ((flags & IO_URING_OP_SUPPORTED) !== 0) supported.add(opcode);
  }
  return supported;
}

/**
 * Whether fadvise has a place for 64 bits of length. No feature bit tells of it: LISTEN came with
 * the same release (Linux 6.11).
 */
export function hasWideAdvice(supported: ReadonlySet<number>): boolean {
  return supported.has(IORING_OP_LISTEN);
}

/** What this ring on this kernel can do, which answers these opcodes. */
export function capabilitiesOf(ring: Ring, supported: ReadonlySet<number>): EngineCapabilities {
  return {
    operations: permitted(OPCODES.map((opcode) => supported.has(opcode))),
    asynchronous: true,
    addresses: true,
    heedsDescriptor: false,
    // Without it a chain ends at an SQE that is refused, and what follows runs as if it were new.
    // A transfer that ends short leaves it where it was, and two at once both begin there.
    positionByOffset: true,
    links: (ring.flags & IORING_SETUP_SUBMIT_ALL) !== 0,
    breaksLink: OPCODES.map((_, kind) => BREAKS_LINK.has(kind)),
    // The kernel keeps whatever comes after a drain behind it, cancellations included: what the
    // drain waits for could not be canceled any more (seen on 6.18).
    drain: false,
    // A linked timeout is an entry of its own.
    deadline: ring.sq.entries > 1,
    withoutDeadline: OPCODES.map((_, kind) => !NONBLOCKING_FIRST.has(kind)),
    cancel: "running",
    registeredBuffers: true,
    registeredFiles: true,
    // No feature bit tells of it: linkat came with the same release (Linux 5.15).
    directDescriptors: supported.has(IORING_OP_LINKAT),
    writeFlags: true,
    wait: (ring.features & IORING_FEAT_EXT_ARG) !== 0,
    direct: true,
  };
}
