import {
  IO_URING_OP_SUPPORTED,
  IORING_FEAT_EXT_ARG,
  IORING_REGISTER_PROBE,
  PROBE_OP_FLAGS,
  PROBE_OP_SIZE,
  PROBE_OPS,
  PROBE_SIZE,
} from "../../abi/io-uring.ts";
import type { EngineCapabilities } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { OPCODES } from "./requests.ts";
import type { Ring } from "./setup.ts";

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

/** What this ring on this kernel can do. */
export function capabilitiesOf(addon: NativeAddon, ring: Ring): EngineCapabilities {
  const supported = probeOpcodes(addon, ring.fd);
  return {
    operations: OPCODES.map((opcode) => supported.has(opcode)),
    asynchronous: true,
    addresses: true,
    links: true,
    drain: true,
    deadline: true,
    cancel: "running",
    registeredBuffers: true,
    registeredFiles: true,
    wait: (ring.features & IORING_FEAT_EXT_ARG) !== 0,
    direct: true,
  };
}
