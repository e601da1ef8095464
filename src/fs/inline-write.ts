/**
 * Short files on tmpfs are opened, written and closed by the calling thread, in one turn of the
 * loop. Nothing there waits for a device, and io_uring gives each open that may create a file to a
 * thread of the kernel, which has to get a core first, as has the loop to hear of it. Why, and why
 * nowhere else: docs/decisions/0021-short-files-on-tmpfs.md.
 */
import { O_EXCL, O_NOFOLLOW, O_NONBLOCK } from "../abi/linux.ts";
import { errnoOf } from "../base/errors.ts";
import { INLINE_FOLDERS_KEPT, INLINE_WRITES_BEFORE } from "../base/limits.ts";
import { SYNC_IO_TRACED } from "../base/traced.ts";
import { nodeFs, nodePromises } from "./node.ts";
import { folderNameOf } from "./whole-file.ts";

const EIO = -errnoOf("EIO");

/** What statfs(2) calls tmpfs. */
const TMPFS = 0x0102_1994;

/** In place of a device: asked for, or not on tmpfs. */
const ELSEWHERE = -1;

/** What came in the file's place since it was looked at is not waited for, and not followed. */
const CAREFULLY = O_NONBLOCK | O_NOFOLLOW;

const OR_UNDEFINED = { throwIfNoEntry: false } as const;

/** Folders that were written to often, by their names: the device of those on tmpfs. */
const devices = new Map<string, number>();

/** The last folder that is not among them, and how many writes it has seen in a row. */
let candidate = "";
let writes = 0;

/**
 * Opens a file that is to be written inline.
 *
 * @param flags As for open(2).
 * @param mode Permission bits of a file that is made.
 * @returns A descriptor of a regular file on tmpfs, or -1: the file is to be opened by the ring.
 */
export function openInline(path: string | Uint8Array, flags: number, mode: number): number {
  if (typeof path !== "string" || !path.startsWith("/") || SYNC_IO_TRACED) return -1;
  const folder = folderNameOf(path);
  const device = devices.get(folder);
  if (device === undefined) notice(folder);
  if (device === undefined || device === ELSEWHERE) return -1;
  const fd = openOn(device, path, flags, mode);
  // Whatever it was: the folder is asked about again, once it has seen as many writes again.
  if (fd === -1) devices.delete(folder);
  return fd;
}

/** Writes from a file's position on. Returns how many bytes were written, or -errno. */
export function writeInline(fd: number, bytes: Uint8Array, length: number): number {
  try {
    return nodeFs.writeSync(fd, bytes, 0, length);
  } catch (error) {
    return resultOf(error);
  }
}

/** Closes a descriptor. Returns 0 or -errno. */
export function closeInline(fd: number): number {
  try {
    nodeFs.closeSync(fd);
    return 0;
  } catch (error) {
    return resultOf(error);
  }
}

/** What the kernel would have answered. */
function resultOf(error: unknown): number {
  return (error as NodeJS.ErrnoException).errno ?? EIO;
}

/**
 * Opens a file if it is a regular one of this device, or a new one; else -1. It is looked at first,
 * because opening and closing alone does something to a FIFO, whose reader would see the end.
 */
function openOn(device: number, path: string, flags: number, mode: number): number {
  try {
    const stats = nodeFs.lstatSync(path, OR_UNDEFINED);
    if (stats === undefined) return createOn(device, path, flags, mode);
    if (!stats.isFile() || stats.dev !== device) return -1;
    return nodeFs.openSync(path, flags | CAREFULLY, mode);
  } catch {
    // The ordinary way says why.
    return -1;
  }
}

/** Makes a file. The folder's name may be that of another folder by now: then it is made anew. */
function createOn(device: number, path: string, flags: number, mode: number): number {
  const fd = nodeFs.openSync(path, flags | O_EXCL, mode);
  if (nodeFs.fstatSync(fd).dev === device) return fd;
  closeInline(fd);
  return -1;
}

/** Asks about a folder that has seen some writes in a row: a program may have many folders. */
function notice(folder: string): void {
  if (folder !== candidate) {
    candidate = folder;
    writes = 0;
  }
  if (++writes < INLINE_WRITES_BEFORE) return;
  candidate = "";
  if (devices.size === INLINE_FOLDERS_KEPT) devices.clear();
  devices.set(folder, ELSEWHERE);
  void ask(folder);
}

async function ask(folder: string): Promise<void> {
  try {
    const [{ type }, { dev }] = await Promise.all([
      nodePromises.statfs(folder),
      nodePromises.stat(folder),
    ]);
    if (type === TMPFS && devices.has(folder)) devices.set(folder, dev);
  } catch {
    // It is gone, or could not be asked now. The ordinary way says what is wrong.
    devices.delete(folder);
  }
}
