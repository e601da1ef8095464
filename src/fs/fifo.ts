/**
 * Opening a FIFO waits until its other side is opened too. The ring tries every open without
 * waiting first, so what it opened for reading may have no writer yet, and what it could not open
 * for writing has no reader.
 */
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLHUP, POLLIN } from "../abi/linux.ts";
import { errnoOf } from "../base/errors.ts";
import { OperationKind, Request } from "../core/index.ts";
import type { Scheduler } from "../runtime/scheduler.ts";
import { nodeFs } from "./node.ts";

/** A FIFO that the ring opened for reading. */
export interface EarlyFifo {
  readonly path: string | Uint8Array;
  readonly flags: number;
  readonly mode: number;
  /** The descriptor that did not wait. */
  readonly fd: number;
}

const POLL = new Request().reset(OperationKind.Poll);
POLL.flags = POLLIN | POLLHUP;

const ENXIO = -errnoOf("ENXIO");

/** Whether the ring failed to open a FIFO for writing that nobody reads: node:fs waits then. */
export function lacksReader(result: number | undefined, flags: number): boolean {
  return result === ENXIO && (flags & O_NONBLOCK) === 0;
}

/** Whether the ring opened a FIFO for reading without waiting for its writer. */
export function isEarly(fd: number, flags: number, seekable: boolean): boolean {
  const waits = !seekable && (flags & (O_ACCMODE | O_NONBLOCK)) === O_RDONLY;
  return waits && nodeFs.fstatSync(fd).isFIFO();
}

/** Opens by a thread of libuv's pool, which waits as long as it takes. Resolves with a descriptor. */
export function openByThread(
  path: string | Uint8Array,
  flags: number,
  mode: number,
): Promise<number> {
  const name = typeof path === "string" ? path : Buffer.from(path);
  return new Promise((resolve, reject) => {
    nodeFs.open(name, flags, mode, (error, fd) => {
      if (!error) resolve(fd);
      else reject(error);
    });
  });
}

/**
 * Resolves with a descriptor once somebody writes to the FIFO, or has it open for that.
 *
 * A thread opens it once more and waits. A writer that came and went before it began to wait is
 * seen by a poll of the first descriptor, which kept what was written; opening the writing side for
 * a moment then ends the wait.
 */
export async function openFifo(scheduler: Scheduler, fifo: EarlyFifo): Promise<number> {
  const { path, flags, mode, fd } = fifo;
  let waiting = true;
  POLL.fd = fd;
  const poll = scheduler.startFor(POLL, {
    settled: (result) => {
      if (waiting && result >= 0) void wakeReader(path);
    },
    failed: () => undefined,
  });
  try {
    return await openByThread(path, flags, mode);
  } finally {
    waiting = false;
    scheduler.requestCancel(poll);
    nodeFs.closeSync(fd);
  }
}

async function wakeReader(path: string | Uint8Array): Promise<void> {
  try {
    nodeFs.closeSync(await openByThread(path, O_WRONLY | O_NONBLOCK, 0));
  } catch {
    // It has another name by now, or none.
  }
}
