/** Writes with an fdatasync after them, on the ring and on node:fs. */
import { errnoOf, type SystemError, systemError } from "../base/errors.ts";
import { Link, OperationKind, Request } from "../core/index.ts";
import type { Session } from "../runtime/session.ts";
import { closeFd, fdatasyncFd, truncateFd } from "./calls.ts";
import { nodeFs } from "./node.ts";
import type { Packer } from "./packer.ts";
import { road } from "./road.ts";

const ECANCELED = -errnoOf("ECANCELED");
const EINTR = -errnoOf("EINTR");
const EIO = -errnoOf("EIO");

/** What became of one write and the fdatasync after it. */
export interface Committed {
  /** Bytes written, or a negative errno. */
  readonly written: number;
  /** 0, a negative errno, or undefined where it was not called: the write did not write it all. */
  readonly synced: number | undefined;
}

/** The file of an append log. */
export interface LogFile {
  /**
   * Writes `bytes` at `position` once, and if all were written, and `sync` is set, waits for
   * fdatasync(2). Never rejects. `bytes` stay untouched until it settles.
   */
  commit(bytes: Uint8Array, position: number, sync: boolean): Promise<Committed>;
  /** fdatasync(2). */
  sync(): Promise<void>;
  /** ftruncate(2). */
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** How a write of packed pieces ended. */
export interface Packed {
  /** Bytes written. */
  readonly written: number;
  /** Why no more were. */
  readonly error?: Error;
  /** Why the fdatasync failed. */
  readonly unsynced?: Error;
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
    let bytes = packer.fill();
    const last = sync && packer.done;
    do {
      const error = stopped?.();
      if (error !== undefined) return { written, error };
      const done = await file.commit(bytes, position + written, last);
      if (done.written > 0) {
        written += done.written;
        bytes = bytes.subarray(done.written);
      } else if (bytes.length > 0 && done.written !== EINTR) {
        return { written, error: systemError(done.written === 0 ? EIO : done.written, "write") };
      }
      if (done.synced !== undefined && done.synced < 0) {
        return { written, unsynced: systemError(done.synced, "fdatasync") };
      }
    } while (bytes.length > 0);
  } while (!packer.done);
  return { written };
}

/** The file of an append log by its descriptor, which is closed with it. */
export function logFileOf(fd: number): LogFile {
  const session = road();
  const commit = session === undefined ? viaNode(fd) : viaRing(fd, session);
  return {
    commit,
    sync: () => fdatasyncFd(fd),
    truncate: (size) => truncateFd(fd, size),
    close: () => closeFd(fd),
  };
}

/** Write and fdatasync go to the kernel together, which does the second when the first is done. */
function viaRing(fd: number, session: Session): LogFile["commit"] {
  const { scheduler, memory, engine } = session;
  const request = new Request();
  const { links } = engine.capabilities;
  return (bytes, position, sync) =>
    new Promise((resolve) => {
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
        });
      };
      request.reset(OperationKind.Write);
      request.fd = fd;
      request.buffer = bytes;
      request.length = bytes.length;
      request.offset = position;
      memory.useOwn(request, bytes);
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
      });
      if (linked) startSync();
    });
}

function viaNode(fd: number): LogFile["commit"] {
  return (bytes, position, sync) =>
    new Promise((resolve) => {
      nodeFs.write(fd, bytes, 0, bytes.length, position, (error, count) => {
        const written = error === null ? count : numberOf(error);
        if (!sync || written !== bytes.length) {
          resolve({ written, synced: undefined });
          return;
        }
        nodeFs.fdatasync(fd, (failed) => {
          resolve({ written, synced: failed ? numberOf(failed) : 0 });
        });
      });
    });
}

function numberOf(error: NodeJS.ErrnoException): number {
  return (error as SystemError).errno;
}
