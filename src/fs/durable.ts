import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { invalidArgType } from "../base/argument-errors.ts";
import { LOG_STAGING_BYTES } from "../base/limits.ts";
import { optionsOf } from "../base/options.ts";
import { type PathLike, parseFileMode, validateInteger, validatePath } from "../base/validate.ts";
import { hold } from "../runtime/file-handle.ts";
import {
  bufferOf,
  type CheckedPath,
  closeFd,
  fsyncFd,
  fsyncFolderOf,
  nameStart,
  openFd,
  renamePath,
  statFd,
  statPath,
  unlinkPath,
  viaNode,
} from "./calls.ts";
import { logFileOf, writePacked } from "./log-file.ts";
import { nodeFs, nodePromises } from "./node.ts";
import { Packer } from "./packer.ts";
import { checkStop, Stop, type StopOptions } from "./stop.ts";

const PERMISSIONS = 0o7777;

/** How a durable write is done. */
export interface WriteDurableOptions extends StopOptions {
  /** Of text; UTF-8 unless told. */
  readonly encoding?: BufferEncoding | undefined;
  /**
   * Permission bits of the file. Unless told, those of the file that is replaced, or 0o666 less the
   * umask for a new one. Of no meaning for a handle.
   */
  readonly mode?: number | string | undefined;
  /** Where to write, of a handle or descriptor: 0 unless told. */
  readonly position?: number | undefined;
}

/** What can be written: text, or memory. */
export type DurableData = string | NodeJS.ArrayBufferView;

/**
 * Writes a file so that a crash leaves either all of the old content or all of the new, and
 * resolves when the new is on the device.
 *
 * With a path: the data go to a new file beside it (`.name.<random>.tmp`, open(2) with O_EXCL),
 * fsync(2) brings that to the device, rename(2) puts it in the place of the old one, which nobody
 * ever sees half, and fsync(2) of the folder brings the new name to the device. Where the path is a
 * symbolic link, the file that it leads to is replaced. If anything fails before the rename, the
 * new file is removed and the old is untouched. If the fsync of the folder fails, the new content
 * is in place, and may not survive a crash. The new file has the permissions of the old, and the
 * owner of this process; other names (hard links) keep the old content. Windows has no fsync of a
 * folder: NTFS logs the rename by itself, so that it is whole, and may come to the device later.
 *
 * With a FileHandle or a descriptor: the data are written at `position`, and the last write and an
 * fdatasync(2) go to the kernel together, linked. That is durable and not atomic: a crash before it
 * resolves can leave a part of the data. Closing the handle meanwhile waits.
 *
 * Signal and deadline are looked at between the steps: before the rename they leave the old
 * content. Do not change the memory of `data` before it settles.
 */
export async function writeDurable(
  file: PathLike | FileHandle | number,
  data: DurableData,
  options: WriteDurableOptions = {},
): Promise<void> {
  const told = optionsOf(options);
  checkStop(told);
  const bytes = bytesOf(data, told.encoding);
  if (typeof file === "number" || (typeof file === "object" && "fd" in file)) {
    const { position = 0 } = told;
    validateInteger(position, "options.position", 0);
    const held = hold(file, "write");
    try {
      await stoppable(told, (stop) => writeAll(held.fd, bytes, position, true, stop));
    } finally {
      held.release();
    }
    return;
  }
  const path = validatePath(file);
  const mode = told.mode === undefined ? undefined : parseFileMode(told.mode, "mode");
  await stoppable(told, (stop) => replace(path, bytes, mode, stop));
}

async function stoppable(options: StopOptions, work: (stop: Stop) => Promise<void>): Promise<void> {
  const stop = new Stop(options, "write", () => undefined);
  try {
    if (stop.error !== undefined) throw stop.error;
    await work(stop);
  } finally {
    stop.release();
  }
}

async function replace(
  given: CheckedPath,
  bytes: Uint8Array,
  mode: number | undefined,
  stop: Stop,
): Promise<void> {
  const { target: path, mode: old } = await targetOf(given);
  const before = mode ?? (old === undefined ? undefined : old & PERMISSIONS);
  const temporary = besides(path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const fd = await openFd(temporary, flags, before ?? 0o666);
  try {
    try {
      if (before !== undefined) await keepMode(fd, before);
      await writeAll(fd, bytes, 0, false, stop);
      await fsyncFd(fd);
    } finally {
      await closeFd(fd);
    }
    if (stop.error !== undefined) throw stop.error;
    await renamePath(temporary, path);
  } catch (error) {
    // What went wrong first is what matters.
    await unlinkPath(temporary).catch(() => undefined);
    throw error;
  }
  await fsyncFolderOf(path);
}

/** Writes everything, through memory of our own, and then an fdatasync if asked. */
async function writeAll(
  fd: number,
  data: Uint8Array,
  position: number,
  sync: boolean,
  stop: Stop,
): Promise<void> {
  const bytes = data.length;
  const packer = new Packer(Math.min(bytes, LOG_STAGING_BYTES));
  packer.begin([{ data, bytes }]);
  const stopped = () => stop.error;
  const { error, unsynced } = await writePacked(logFileOf(fd), packer, position, sync, stopped);
  if (error !== undefined) throw error;
  if (unsynced !== undefined) throw unsynced;
}

/** The umask, or an access control list, may have taken away some of the bits. */
async function keepMode(fd: number, mode: number): Promise<void> {
  const { mode: has } = await statFd(fd);
  const wanted = mode & PERMISSIONS;
  if ((has & PERMISSIONS) !== wanted) await viaNode((done) => nodeFs.fchmod(fd, wanted, done));
}

/** Where a path leads, because a rename would replace the link; and the permissions there. */
async function targetOf(path: CheckedPath): Promise<{ target: CheckedPath; mode?: number }> {
  try {
    const { mode } = await statPath(path);
    if ((mode & constants.S_IFMT) !== constants.S_IFLNK) return { target: path, mode };
    const target = await nodePromises.realpath(bufferOf(path), "buffer");
    return { target, mode: (await statPath(target)).mode };
  } catch (error) {
    // A new file, or a link that leads nowhere, which is replaced.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { target: path };
    throw error;
  }
}

/** A name in the same folder, so that the rename stays on one file system. */
function besides(path: CheckedPath): CheckedPath {
  const bytes = Buffer.from(path as string);
  const start = nameStart(bytes);
  const random = randomBytes(6).toString("hex");
  const head = bytes.subarray(0, start);
  // A name may have 255 bytes.
  const name = bytes.subarray(start).subarray(0, 200);
  return Buffer.concat([head, Buffer.from("."), name, Buffer.from(`.${random}.tmp`)]);
}

function bytesOf(data: unknown, encoding: BufferEncoding | undefined): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, encoding);
  if (!ArrayBuffer.isView(data)) {
    throw invalidArgType("data", ["string", "Buffer", "TypedArray", "DataView"], data);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
