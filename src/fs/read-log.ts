import { constants } from "node:fs";
import { type PathLike, validatePath } from "../base/validate.ts";
import { closeFd, openFd, viaNode } from "./calls.ts";
import { nodeFs } from "./node.ts";

/** How much is read at once. */
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** One line of a log. */
export interface LogEntry {
  /** Where it begins, in bytes from the start of the file: what `append` resolved with. */
  readonly position: number;
  /** Its text, without the newline. */
  readonly text: string;
}

/**
 * Reads a log of lines, one entry after another, to its end. What is behind the last newline is no
 * entry yet, and is left out. Nothing is read ahead of the entries of one chunk of 64 KiB.
 *
 * @throws What open(2) and read(2) refuse, in Node's shape.
 */
export function readLog(path: PathLike): AsyncGenerator<LogEntry, void, void> {
  return entriesOf(validatePath(path));
}

async function* entriesOf(path: string | Uint8Array): AsyncGenerator<LogEntry, void, void> {
  const fd = await openFd(path, constants.O_RDONLY);
  try {
    const memory = Buffer.allocUnsafe(CHUNK_BYTES);
    /** The parts of the line that goes on in the next chunk. */
    let parts: Buffer[] = [];
    let position = 0;
    for (let offset = 0; ; ) {
      const count = await viaNode<number>((done) =>
        nodeFs.read(fd, memory, 0, CHUNK_BYTES, offset, done),
      );
      if (count === 0) return;
      let start = 0;
      for (;;) {
        const newline = memory.indexOf(NEWLINE, start);
        if (newline < 0 || newline >= count) break;
        const last = memory.subarray(start, newline);
        const bytes = parts.length === 0 ? last : Buffer.concat([...parts, last]);
        parts = [];
        start = newline + 1;
        yield { position, text: bytes.toString() };
        position = offset + start;
      }
      if (start < count) parts.push(Buffer.from(memory.subarray(start, count)));
      offset += count;
    }
  } finally {
    await closeFd(fd);
  }
}
