/** Where an append log is: how its file is opened, opened anew, given another name, and mended. */
import { constants } from "node:fs";
import { resolve } from "node:path";
import { errnoOf, systemError } from "../base/errors.ts";
import {
  type CheckedPath,
  closeFd,
  fdatasyncFd,
  fsyncFolderOf,
  openFd,
  renamePath,
  statFd,
  statPath,
  truncateFd,
  viaNode,
} from "./calls.ts";
import { type LogFile, openedLogFile } from "./log-file.ts";
import { nodeFs } from "./node.ts";

/** How much is read at once while the last newline is looked for. */
const TAIL_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** What `recover` cut off the end of a log. */
export interface LogRecovery {
  /** Where it began: the size of the log from there on. */
  readonly position: number;
  /** How many bytes it was; 0 where the log ended with a whole line. */
  readonly bytes: number;
}

/** A path that a log writes to. */
export class LogPlace {
  readonly #path: CheckedPath;
  readonly #mode: number;

  /** The path stays the same file when the program changes its folder. */
  constructor(path: CheckedPath, mode: number) {
    this.#path = typeof path === "string" ? resolve(path) : path;
    this.#mode = mode;
  }

  /** Opens the file, or makes it, and brings its name to the device. */
  async open(path = this.#path): Promise<LogFile> {
    const fd = await openFd(path, constants.O_WRONLY | constants.O_CREAT, this.#mode);
    try {
      await fsyncFolderOf(path);
      return await openedLogFile(fd);
    } catch (error) {
      await closeFd(fd);
      throw error;
    }
  }

  /** Gives the file another name, and makes a new one; after a failure the old name is back. */
  async rotate(name: CheckedPath): Promise<LogFile> {
    const there = await statPath(name).catch((error) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (there !== undefined) throw systemError(-errnoOf("EEXIST"), "rename", this.#path, name);
    await renamePath(this.#path, name);
    try {
      await fsyncFolderOf(name);
      return await this.open();
    } catch (error) {
      // What went wrong first is what matters. The log goes on in its old file either way.
      await renamePath(name, this.#path).catch(() => undefined);
      throw error;
    }
  }
}

/** Cuts off what is behind the last newline of a file. */
export async function recoverLines(path: CheckedPath): Promise<LogRecovery> {
  const fd = await openFd(path, constants.O_RDWR);
  try {
    const { size } = await statFd(fd);
    const position = await endOfLines(fd, size);
    if (position < size) {
      await truncateFd(fd, position);
      await fdatasyncFd(fd);
    }
    return { position, bytes: size - position };
  } finally {
    await closeFd(fd);
  }
}

async function endOfLines(fd: number, size: number): Promise<number> {
  const memory = Buffer.allocUnsafe(TAIL_BYTES);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - TAIL_BYTES);
    let filled = 0;
    while (filled < end - start) {
      const [at, rest] = [start + filled, end - start - filled];
      const count = await viaNode<number>((done) =>
        nodeFs.read(fd, memory, filled, rest, at, done),
      );
      if (count === 0) throw systemError(-errnoOf("EIO"), "read");
      filled += count;
    }
    const newline = memory.subarray(0, filled).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}
