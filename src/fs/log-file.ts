/** Writes with an fdatasync after them, on the ring and on node:fs. */
import { constants } from "node:fs";
import { RWF_DSYNC } from "../abi/linux-flags.ts";
import { errnoOf, systemError } from "../base/errors.ts";
import { Link, OperationKind, Request } from "../core/index.ts";
import { errorFrom } from "../runtime/failing.ts";
import type { Session } from "../runtime/session.ts";
import { closeFd, fdatasyncFd } from "./calls.ts";
import { nodeFs, nodePromises } from "./node.ts";
import type { Packer } from "./packer.ts";
import { road } from "./road.ts";

const ECANCELED = -errnoOf("ECANCELED");
const EINTR = -errnoOf("EINTR");
const EIO = -errnoOf("EIO");

/**
 * File systems, by the `type` of statfs(2), whose writes keep RWF_DSYNC by the function that is
 * behind fdatasync(2), for the bytes written: Btrfs, ext2 to ext4, F2FS, XFS.
 */
const SYNCS_WRITES: ReadonlySet<number> = new Set([0x9123683e, 0xef53, 0xf2f52010, 0x58465342]);

/** What became of one write and the fdatasync after it. */
export interface Committed {
  /** Bytes written, or a negative errno. */
  readonly written: number;
  /**
   * 0, a negative errno, or undefined where it was not called: the write did not write it all. When
   * negative, nobody knows what of the bytes the file and the device have.
   */
  readonly synced: number | undefined;
  /** What node:fs said of the one that failed, where that is more than a number. */
  readonly error?: Error | undefined;
}

/** The file of an append log. */
export interface LogFile {
  readonly fd: number;
  /**
   * Writes `bytes` at `position` once, and if all were written, and `sync` is set, waits for
   * fdatasync(2). Never rejects. `bytes` stay untouched until it settles.
   */
  commit(bytes: Uint8Array, position: number, sync: boolean): Promise<Committed>;
  /** fdatasync(2). */
  sync(): Promise<void>;
  /**
   * Writes all that a packer has, brings what was written to the device, and returns when that is
   * done. Never throws. A `commit` may be on its way; see {@link writeNow}.
   */
  writeNow(packer: Packer, position: number): Packed;
  /** ftruncate(2), at once: nothing that is written meanwhile is cut off by it. */
  truncate(size: number): void;
  /** Its size, at once. */
  size(): number;
  close(): Promise<void>;
}

/** How a write of packed pieces ended. */
export interface Packed {
  /** Bytes written. */
  readonly written: number;
  /** Why no more were. */
  readonly error: Error | undefined;
  /** Why the fdatasync failed. */
  readonly unsynced: Error | undefined;
}

/**
 * Writes all that a packer has, however the kernel divides it, with an fdatasync after the last
 * write if `sync` is set. Never rejects.
 *
 * @param stopped Asked between writes: the error with which to stop.
 */
export async function writePacked(
  file: LogFile,
  packer: Packer,
  position: number,
  sync: boolean,
  stopped?: () => Error | undefined,
): Promise<Packed> {
  let written = 0;
  do {
    let bytes: Uint8Array;
    try {
      bytes = packer.fill();
    } catch (error) {
      return { written, error: errorFrom(error), unsynced: undefined };
    }
    const last = sync && packer.done;
    do {
      const error = stopped?.();
      if (error !== undefined) return { written, error, unsynced: undefined };
      const done = await file.commit(bytes, position + written, last);
      if (done.written > 0) {
        written += done.written;
        bytes = bytes.subarray(done.written);
      }
      if (done.synced !== undefined && done.synced < 0) {
        return {
          written,
          error: undefined,
          unsynced: done.error ?? systemError(done.synced, "fdatasync"),
        };
      }
      if (done.written <= 0 && bytes.length > 0 && done.written !== EINTR) {
        const failed = done.written === 0 ? EIO : done.written;
        return { written, error: done.error ?? systemError(failed, "write"), unsynced: undefined };
      }
    } while (bytes.length > 0);
  } while (!packer.done);
  return { written, error: undefined, unsynced: undefined };
}

/** The file of an append log by its descriptor, which is closed with it. */
export async function openedLogFile(fd: number): Promise<LogFile> {
  const session = road();
  if (session?.engine.capabilities.writeFlags !== true || !(await syncsWrites(fd))) {
    return logFileOf(fd);
  }
  return { ...logFileOf(fd), commit: inOneCall(fd, session) };
}

/** Any file by its descriptor, which is closed with it. */
export function logFileOf(fd: number): LogFile {
  const session = road();
  const commit = session === undefined ? viaNode(fd) : viaRing(fd, session);
  return {
    fd,
    commit,
    sync: () => fdatasyncFd(fd),
    writeNow: (packer, position) => writeNow(fd, packer, position),
    truncate: (size) => nodeFs.ftruncateSync(fd, size),
    size: () => nodeFs.fstatSync(fd).size,
    close: () => closeFd(fd),
  };
}

/**
 * Writes by calls that block. What is on its way meanwhile need not be waited for: it writes the
 * same bytes to the same place, before or after.
 *
 * The file is opened once more, because Linux tells of lost pages once for every opening: an
 * fdatasync on its way would take the answer away, and the one here would say that all is well.
 */
function writeNow(fd: number, packer: Packer, position: number): Packed {
  const own = openedAgain(fd);
  let written = 0;
  let error: Error | undefined;
  try {
    try {
      do {
        let bytes = packer.fill();
        while (bytes.length > 0) {
          const count = nodeFs.writeSync(own, bytes, 0, bytes.length, position + written);
          if (count === 0) throw systemError(EIO, "write");
          written += count;
          bytes = bytes.subarray(count);
        }
      } while (!packer.done);
    } catch (thrown) {
      error = errorFrom(thrown);
    }
    if (written > 0) nodeFs.fdatasyncSync(own);
    return { written, error, unsynced: undefined };
  } catch (unsynced) {
    return { written, error, unsynced: errorFrom(unsynced) };
  } finally {
    if (own !== fd) nodeFs.closeSync(own);
  }
}

/** The same file by another descriptor; where there is none to be had, by the same. */
function openedAgain(fd: number): number {
  try {
    return nodeFs.openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY);
  } catch {
    return fd;
  }
}

async function syncsWrites(fd: number): Promise<boolean> {
  try {
    return SYNCS_WRITES.has((await nodePromises.statfs(`/proc/self/fd/${fd}`)).type);
  } catch {
    return false;
  }
}

/**
 * The write does what the fdatasync would do (RWF_DSYNC of pwritev2(2)), so that a thread of the
 * kernel has to be woken once and not twice.
 *
 * It has one result for both. EIO is taken for the device's: nobody knows what it has. After any
 * other error everything is written again, and the fdatasync follows: that tells which of the two
 * fails, and is no false comfort, because all bytes are on their way to the device once more.
 */
export function inOneCall(fd: number, session: Session): LogFile["commit"] {
  const request = new Request();
  const chained = viaRing(fd, session);
  const write = (bytes: Uint8Array, position: number) =>
    new Promise<number>((settled, failed) => {
      fillWrite(request, session, fd, bytes, position);
      request.flags = RWF_DSYNC;
      void session.scheduler.startFor(request, { settled, failed });
    });
  // There may be bytes that only an fdatasync brings to the device, because RWF_DSYNC cares for its
  // own: what is in a file when it is opened, and what was written since without the flag.
  let owes = true;
  return async (bytes, position, sync) => {
    if (sync && !owes && bytes.length > 0) {
      const result = await write(bytes, position);
      if (result === EIO) return { written: 0, synced: EIO };
      if (result >= 0) return { written: result, synced: result === bytes.length ? 0 : undefined };
    }
    const done = await chained(bytes, position, sync);
    if (done.synced === 0) owes = false;
    else if (done.written > 0) owes = true;
    return done;
  };
}

function fillWrite(
  request: Request,
  { memory }: Session,
  fd: number,
  bytes: Uint8Array,
  position: number,
): void {
  request.reset(OperationKind.Write);
  request.fd = fd;
  request.buffer = bytes;
  request.length = bytes.length;
  request.offset = position;
  memory.useOwn(request, bytes);
}

/** Write and fdatasync go to the kernel together, which does the second when the first is done. */
function viaRing(fd: number, session: Session): LogFile["commit"] {
  const { scheduler, engine } = session;
  const request = new Request();
  const { links } = engine.capabilities;
  return (bytes, position, sync) =>
    new Promise((resolve, failed) => {
      let written = 0;
      const linked = sync && links;
      const startSync = () => {
        request.reset(OperationKind.Fdatasync);
        request.fd = fd;
        if (linked) request.chain = 0;
        void scheduler.startFor(request, {
          settled: (result) => {
            // A short write breaks the chain.
            const canceled = result === ECANCELED && written !== bytes.length;
            resolve({ written, synced: canceled ? undefined : result });
          },
          failed,
        });
      };
      fillWrite(request, session, fd, bytes, position);
      if (linked) {
        request.link = Link.Link;
        request.chain = 2;
      }
      void scheduler.startFor(request, {
        settled: (result) => {
          written = result;
          if (linked) return;
          if (sync && result === bytes.length) startSync();
          else resolve({ written, synced: undefined });
        },
        failed,
      });
      if (linked) startSync();
    });
}

function viaNode(fd: number): LogFile["commit"] {
  return (bytes, position, sync) =>
    new Promise((resolve) => {
      nodeFs.write(fd, bytes, 0, bytes.length, position, (error, count) => {
        const written = error ? numberOf(error) : count;
        if (!sync || written !== bytes.length) {
          resolve({ written, synced: undefined, error: unnumbered(error) });
          return;
        }
        nodeFs.fdatasync(fd, (failed) => {
          resolve({ written, synced: failed ? numberOf(failed) : 0, error: unnumbered(failed) });
        });
      });
    });
}

function numberOf(error: NodeJS.ErrnoException): number {
  return error.errno ?? EIO;
}

/** An error that has no number, as what the permission model refuses. */
function unnumbered(error: NodeJS.ErrnoException | null): Error | undefined {
  return error && error.errno === undefined ? error : undefined;
}
