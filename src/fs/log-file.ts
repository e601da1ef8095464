/** What an append log does to its file, on the ring and on node:fs. */
import { errnoOf, type SystemError } from "../base/errors.ts";
import { Link, OperationKind, Request } from "../core/index.ts";
import type { Session } from "../runtime/session.ts";
import { closeFd, fdatasyncFd, truncateFd } from "./calls.ts";
import { nodeFs } from "./node.ts";
import { road } from "./road.ts";

const ECANCELED = -errnoOf("ECANCELED");

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
