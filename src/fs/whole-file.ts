/** What calls that handle a whole file have in common: arguments, scratch memory, the way out. */
import { types } from "node:util";
import { AT_FDCWD, O_CLOEXEC, O_DIRECT, O_RDONLY, O_TMPFILE } from "../abi/linux.ts";
import {
  FS_CELL_BYTES,
  FS_CELLS_KEPT,
  FS_COPY_CELL_BYTES,
  FS_COPY_CELLS_KEPT,
} from "../base/limits.ts";
import { stringToFlags, validatePath } from "../base/validate.ts";
import { OperationKind, Request } from "../core/index.ts";
import type { Session } from "../runtime/session.ts";
import { Cells } from "./cells.ts";

/** A descriptor that somebody else has open, and who keeps it open while it is in use. */
export interface HeldDescriptor {
  readonly fd: number;
  /** Called before anything is asked of the descriptor. */
  ref(): void;
  /** Called when nothing is in flight any more. */
  unref(): void;
}

/** The road with what whole-file calls need besides. */
export interface WholeFiles {
  readonly session: Session;
  readonly cells: Cells;
  /** Larger ones, to copy through. */
  readonly copyCells: Cells;
}

let made: WholeFiles | undefined;

/** The scratch memory that belongs to a session. */
export function wholeFiles(session: Session): WholeFiles {
  if (made?.session !== session) {
    const { memory } = session;
    made = {
      session,
      cells: new Cells(memory, { bytes: FS_CELL_BYTES, kept: FS_CELLS_KEPT }),
      copyCells: new Cells(memory, { bytes: FS_COPY_CELL_BYTES, kept: FS_COPY_CELLS_KEPT }),
    };
  }
  return made;
}

// Requests that are filled anew every time. The engine reads nothing of them that is not set here.
const OPEN = new Request().reset(OperationKind.Open);
OPEN.fd = AT_FDCWD;
const CLOSE = new Request().reset(OperationKind.Close);

/** The request that opens a file. */
export function openRequest(path: string | Uint8Array, flags: number, mode: number): Request {
  OPEN.path = path;
  OPEN.flags = flags;
  OPEN.mode = mode;
  return OPEN;
}

/** The request that closes a descriptor. */
export function closeRequest(fd: number): Request {
  CLOSE.fd = fd;
  return CLOSE;
}

/** The folder of a file as its path names it, with the slash; nothing where the path is bytes. */
export function folderNameOf(path: string | Uint8Array): string {
  return typeof path === "string" ? path.slice(0, path.lastIndexOf("/") + 1) : "";
}

/**
 * Checks a path, and copies it if it is bytes. Undefined where it makes no sense: node:fs says then
 * what is wrong with it.
 */
export function pathOf(path: unknown): string | Uint8Array | undefined {
  if (typeof path === "string") return path.includes("\u0000") ? undefined : path;
  try {
    const valid = validatePath(path);
    return typeof valid === "string" ? valid : Uint8Array.from(valid);
  } catch {
    return undefined;
  }
}

/**
 * The bits of open(2), or -1 where node:fs is to have the call: letters that nobody knows, memory
 * that has to be aligned, a file without a name.
 */
export function flagsOf(flag: unknown, preset: number): number {
  if (flag === undefined || flag === null || flag === "" || flag === 0) return preset;
  let bits: number;
  try {
    bits = stringToFlags(flag);
  } catch {
    return -1;
  }
  if (bits < 0 || (bits & O_DIRECT) !== 0) return -1;
  if (O_TMPFILE !== 0 && (bits & O_TMPFILE) === O_TMPFILE) return -1;
  return bits | O_CLOEXEC;
}

/** How a file is opened to be read, unless told. */
export const READ_FLAGS: number = O_RDONLY | O_CLOEXEC;

/** Whether a signal is one that can be listened to; node:fs never does, and takes any that looks so. */
export function isAbortSignal(signal: unknown): signal is AbortSignal {
  return (
    typeof signal === "object" &&
    signal !== null &&
    !types.isProxy(signal) &&
    "aborted" in signal &&
    typeof (signal as AbortSignal).addEventListener === "function"
  );
}

/** Calls with one of our handles in place of a path; undefined for anything else. */
export interface HandleCalls {
  read(handle: unknown, options: unknown): Promise<unknown> | undefined;
  write(handle: unknown, data: unknown, options: unknown): Promise<unknown> | undefined;
}

let handleCalls: HandleCalls | undefined;

/** Says what to do with a handle, once there is one. */
export function adoptHandleCalls(calls: HandleCalls): void {
  handleCalls = calls;
}

/** Reads what is left of the file of one of our handles. */
export function readByHandle(handle: unknown, options: unknown): Promise<unknown> | undefined {
  return typeof handle === "object" ? handleCalls?.read(handle, options) : undefined;
}

/** Writes to the file of one of our handles. */
export function writeByHandle(
  handle: unknown,
  data: unknown,
  options: unknown,
): Promise<unknown> | undefined {
  return typeof handle === "object" ? handleCalls?.write(handle, data, options) : undefined;
}

/** Whether it is an encoding of text that Node knows; the usual one is not looked up. */
export function isEncoding(encoding: unknown): encoding is BufferEncoding {
  return encoding === "utf8" || (typeof encoding === "string" && Buffer.isEncoding(encoding));
}
