import {
  IORING_ENTER_GETEVENTS,
  IORING_OP_POLL_ADD,
  IORING_REGISTER_EVENTFD,
} from "../../abi/io-uring.ts";
import { POLLIN } from "../../abi/linux.ts";
import type { NativeAddon } from "../../native/addon.ts";
import { writeSqeHead } from "./requests.ts";
import { openRing, SMALLEST } from "./setup.ts";

/** The word of an SQE in which POLL_ADD has its events. */
const POLL_EVENTS = 7;

/**
 * Whether this kernel signals the eventfd of a ring with IORING_SETUP_DEFER_TASKRUN in the moment
 * in which something that the ring polls becomes ready. It is asked with a pipe whose end to write
 * is closed; undefined where there is nothing to ask with, because no descriptor is left.
 *
 * Kernels of 2026 put that signal off for an RCU grace period, because to signal from inside a
 * wake-up can come back to a lock that is held: 15 to 24 ms on 7.3.4. And 6.12.117 loses each such
 * signal after the first of a ring: the mark that one is outstanding is never taken back. A ring
 * without DEFER_TASKRUN signals from its own task, which nothing puts off.
 */
export function wakesAtOnce(addon: NativeAddon): boolean | undefined {
  const ends = new Int32Array([-1, -1]);
  if (addon.pipe(ends) < 0) return undefined;
  const eventFd = addon.eventfd();
  try {
    return signalsOnClose(addon, eventFd, ends);
  } catch {
    return undefined;
  } finally {
    for (const fd of [...ends, eventFd]) if (fd >= 0) addon.closeFd(fd);
  }
}

let known: boolean | undefined;

/**
 * Whether a ring may have IORING_SETUP_DEFER_TASKRUN and be watched: `wakesAtOnce`, asked until
 * there is an answer. No until then: a ring without it is never wrong.
 */
export function mayDefer(addon: NativeAddon): boolean {
  known ??= wakesAtOnce(addon);
  return known ?? false;
}

/** Polls the end to read, closes the other, and looks whether the eventfd was signaled by then. */
function signalsOnClose(
  addon: NativeAddon,
  eventFd: number,
  ends: Int32Array,
): boolean | undefined {
  const [reading, writing] = ends as unknown as [number, number];
  const ring = openRing(addon, SMALLEST);
  try {
    const address = addon.addressOf(new Int32Array([eventFd]));
    if (addon.uringRegister(ring.fd, IORING_REGISTER_EVENTFD, address, 1) < 0) return undefined;
    const at = ring.sq.reserve();
    writeSqeHead(ring.sq.sqes, at, IORING_OP_POLL_ADD, 0, reading, 0, 0);
    ring.sq.sqes[at + POLL_EVENTS] = POLLIN;
    addon.uringEnter(ring.fd, ring.sq.publish(), 0, 0);
    // What was refused has completed, and has signaled, already.
    addon.eventfdTake(eventFd);
    addon.closeFd(writing);
    ends[1] = -1;
    const atOnce = addon.eventfdTake(eventFd) > 0;
    addon.uringEnter(ring.fd, 0, 0, IORING_ENTER_GETEVENTS);
    return atOnce;
  } finally {
    ring.close();
  }
}
