import { randomFillSync } from "node:crypto";
import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { freemem, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { READ_BYTES } from "./random.ts";

const CHUNK_BYTES = 4 * 1024 * 1024;

/** The clone: this file runs as dist/bench/harness/test-file.js. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** A file to read from, and where it is. */
export interface TestFile {
  readonly path: string;
  readonly bytes: number;
  /** undefined when O_DIRECT works on it, else why not. */
  readonly noDirect: string | undefined;
  /** Deletes it with its folder. May be called twice. */
  remove(): void;
}

/** As many bytes as asked for, unless memory is short: what is read "cached" must stay cached. */
export function affordableBytes(wanted: number, free: number = freemem()): number {
  const affordable = Math.floor(free / 4 / CHUNK_BYTES) * CHUNK_BYTES;
  return Math.max(CHUNK_BYTES, Math.min(wanted, affordable));
}

/**
 * Makes a file of random bytes in which every block begins with its own number (see
 * `hasStamp`), so that a read that fetched nothing, or the wrong block, cannot pass for a fast one.
 *
 * It lies in the first of `folders` that can be written to, by preference one with O_DIRECT. The
 * caller removes it; it is also removed when the process exits.
 */
export function makeTestFile(
  bytes: number,
  folders: readonly string[] = defaultFolders(),
): TestFile {
  let spare: TestFile | undefined;
  let failure: unknown;
  for (const folder of folders) {
    try {
      const file = makeIn(folder, bytes);
      if (file.noDirect === undefined) {
        spare?.remove();
        return file;
      }
      if (spare === undefined) spare = file;
      else file.remove();
    } catch (error) {
      failure = error;
    }
  }
  if (spare === undefined) throw failure;
  return spare;
}

/** Whether a block read into `buffer` is block number `block`. */
export function hasStamp(buffer: Buffer, block: number): boolean {
  return buffer.readUInt32LE(0) === block;
}

function defaultFolders(): string[] {
  return [join(ROOT, "build"), tmpdir()];
}

function makeIn(parent: string, bytes: number): TestFile {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, `proactor-bench-${process.pid}-`));
  const remove = () => {
    process.off("exit", remove);
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", remove);
  try {
    const path = join(folder, "data");
    fill(path, bytes);
    return { path, bytes, noDirect: whyNoDirect(path), remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function fill(path: string, bytes: number): void {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  randomFillSync(chunk);
  const fd = openSync(path, "wx");
  try {
    for (let start = 0; start < bytes; start += CHUNK_BYTES) {
      const end = Math.min(CHUNK_BYTES, bytes - start);
      for (let at = 0; at < end; at += READ_BYTES) {
        chunk.writeUInt32LE((start + at) / READ_BYTES, at);
      }
      writeSync(fd, chunk, 0, end, start);
    }
    // O_DIRECT reads would wait for the pages that are still to be written.
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Reads the whole file once, so that what follows finds it in the page cache. */
export function warmCache(file: Pick<TestFile, "path" | "bytes">): void {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const fd = openSync(file.path, "r");
  try {
    for (let at = 0; at < file.bytes; at += CHUNK_BYTES) readSync(fd, chunk, 0, CHUNK_BYTES, at);
  } finally {
    closeSync(fd);
  }
}

function whyNoDirect(path: string): string | undefined {
  if (constants.O_DIRECT === undefined) return `${process.platform} has no O_DIRECT`;
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_DIRECT));
    return undefined;
  } catch (error) {
    return `this file system refuses O_DIRECT (${(error as NodeJS.ErrnoException).code})`;
  }
}
