import {
  IORING_ENTER_REGISTERED_RING,
  IORING_UNREGISTER_RING_FDS,
  RSRC_UPDATE_OFFSET,
  RSRC_UPDATE_SIZE,
} from "../../abi/io-uring.ts";
import { FORGOTTEN_RETRY_MS, MAX_FORGOTTEN_RETRY_MS } from "../../base/limits.ts";
import { warnForgotten } from "../../base/warnings.ts";
import type { Ring as MappedRing } from "../../engines/io-uring/setup.ts";
import type { NativeAddon } from "../../native/addon.ts";
import type { InFlight } from "./in-flight.ts";
import { Struct } from "./memory.ts";

/** How the kernel is called for a ring; it changes when the descriptor is registered or closed. */
export interface RingAddress {
  /** The descriptor of the ring, or -1 when it exists only as a registration. */
  readonly ringFd: number;
  /** What io_uring_enter is called with. */
  enterFd: number;
  enterFlags: number;
  /** What io_uring_register is called with. */
  registerFd: number;
  registerFlags: number;
}

/**
 * What of a ring has to outlive the object that the program holds: its memory, its descriptors,
 * and what was lent to requests in flight. Nothing in here leads back to that object.
 */
export interface Remains {
  readonly addon: NativeAddon;
  mapped: MappedRing;
  address: RingAddress;
  isGuarded: boolean;
  /** What requests in flight were lent. */
  readonly lent: InFlight["lent"];
  /** What the kernel has beyond single requests. */
  readonly registered: ReadonlyMap<string, unknown>;
  readonly retired: readonly unknown[];
  /** The memory of the guard's words. */
  readonly control: Uint32Array;
}

/** Rings that were collected and are not quiet yet. */
const forgotten = new Set<Remains>();

// Until the ring is collected, the registry itself keeps what remains of it.
const collected = new FinalizationRegistry<Remains>(begin);

/** Has a ring closed in order should the program forget it. */
export function keepRemains(ring: object, remains: Remains): void {
  collected.register(ring, remains, remains);
}

/** The ring is closed by its own verb. */
export function dropRemains(remains: Remains): void {
  collected.unregister(remains);
}

/** Closes the descriptor of a ring, or ends its registration where that is all there is left. */
export function closeAddress({ addon, mapped, address }: Remains): void {
  const isRegistration = (address.enterFlags & IORING_ENTER_REGISTERED_RING) !== 0;
  const isFdClosed = address.registerFlags !== 0 && address.ringFd !== -1;
  if (isRegistration && address.ringFd !== -1) {
    // Otherwise the index would stay taken until the thread ends.
    const update = new Struct(RSRC_UPDATE_SIZE).setU32(RSRC_UPDATE_OFFSET, address.enterFd);
    const opcode = IORING_UNREGISTER_RING_FDS | address.registerFlags;
    addon.uringRegister(address.registerFd, opcode, update.address, 1);
  }
  if (!isFdClosed) mapped.close();
}

/** The program forgot a ring. */
function begin(remains: Remains): void {
  forgotten.add(remains);
  const inFlight = remains.isGuarded ? remains.addon.ringForsake(remains.mapped.fd) : undefined;
  const { ringFd } = remains.address;
  const name = ringFd === -1 ? "A Ring" : `A Ring of descriptor ${ringFd}`;
  warnForgotten(name, inFlight, "Call queueExit()");
  goOn(remains, inFlight ?? -1, FORGOTTEN_RETRY_MS);
}

/**
 * Closes a ring once it is quiet. Its requests were canceled; until the last has completed, what
 * they were lent stays.
 */
function goOn(remains: Remains, inFlight: number, delayMs: number): void {
  if (inFlight > 0) {
    const again = () => {
      const left = remains.addon.ringForsake(remains.mapped.fd);
      goOn(remains, left, Math.min(delayMs * 2, MAX_FORGOTTEN_RETRY_MS));
    };
    // The end of the environment waits for the ring by itself.
    setTimeout(again, delayMs).unref();
    return;
  }
  if (remains.isGuarded) remains.addon.ringUnguard(remains.mapped.fd);
  closeAddress(remains);
  // Where the kernel cannot say when it has let go, the memory stays for good.
  if (inFlight === 0) forgotten.delete(remains);
}
