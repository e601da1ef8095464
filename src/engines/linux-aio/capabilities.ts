import { POLLOUT } from "../../abi/linux.ts";
import { IOCB_CMD_POLL } from "../../abi/linux-aio.ts";
import { type EngineCapabilities, OPERATIONS, OperationKind } from "../../core/index.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { permitted } from "../permission.ts";
import { COMMANDS } from "./requests.ts";

/** What came later than reads and writes: fsync in Linux 4.18, poll in 4.19. */
const YOUNGER: ReadonlySet<number> = new Set([
  OperationKind.Fsync,
  OperationKind.Fdatasync,
  OperationKind.Poll,
]);

/** Memory that a probe may use. */
export interface ProbeMemory {
  /** The words of one iocb, which are zero. */
  readonly iocb: Uint32Array;
  /** The address of a pointer to it. */
  readonly pointerAddress: number;
  /** Where one event may be written to. */
  readonly eventAddress: number;
}

/**
 * Whether this kernel takes polls, asked with a poll that is over at once: an eventfd can always be
 * written to. A kernel that has it has fsync, too.
 */
export function probePoll(
  addon: NativeAddon,
  context: number,
  eventFd: number,
  memory: ProbeMemory,
): boolean {
  const { iocb, pointerAddress, eventAddress } = memory;
  iocb[4] = IOCB_CMD_POLL;
  iocb[5] = eventFd;
  iocb[6] = POLLOUT;
  const submitted = addon.aioSubmit(context, 1, pointerAddress) === 1;
  if (submitted) addon.aioGetevents(context, 1, 1, eventAddress, 0);
  iocb.fill(0);
  return submitted;
}

/** What native AIO on this kernel can do. */
export function capabilitiesOf(hasPoll: boolean): EngineCapabilities {
  return {
    operations: permitted(
      OPERATIONS.map((_, kind) => COMMANDS[kind] !== -1 && (hasPoll || !YOUNGER.has(kind))),
    ),
    // Transfers of files without O_DIRECT are done by our own thread, within io_submit.
    asynchronous: false,
    direct: true,
    addresses: true,
    filePosition: false,
    heedsDescriptor: false,
    links: false,
    drain: false,
    deadline: false,
    // Polls also while they run; io_cancel finds nothing else.
    cancel: "waiting",
    registeredBuffers: false,
    registeredFiles: false,
    wait: true,
  };
}
