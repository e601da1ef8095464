import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { withTempDir } from "./temp-dir.ts";

/** Both ends of a pipe, blocking. Closed by `withPipes`, unless the test has done it. */
export interface Pipe {
  readonly read: number;
  readonly write: number;
  /** Closes one end now. */
  close(end: "read" | "write"): void;
}

/**
 * Runs `body` with pipes, which Node cannot make: they are FIFOs that are opened at both ends.
 * Whatever is still open is closed afterwards.
 */
export async function withPipes<T>(
  count: number,
  body: (...pipes: Pipe[]) => T | Promise<T>,
): Promise<T> {
  return withTempDir(async (dir) => {
    const paths = Array.from({ length: count }, (_, i) => join(dir, `pipe-${i}`));
    execFileSync("mkfifo", paths);
    const pipes = paths.map(openPipe);
    try {
      return await body(...pipes);
    } finally {
      for (const pipe of pipes) {
        pipe.close("read");
        pipe.close("write");
      }
    }
  }, "pipes");
}

function openPipe(path: string): Pipe {
  // Open at both ends, so that neither of the two that follow has to wait for the other.
  const both = openSync(path, constants.O_RDWR);
  const ends = {
    read: openSync(path, constants.O_RDONLY),
    write: openSync(path, constants.O_WRONLY),
  };
  closeSync(both);
  const open = new Set<string>(["read", "write"]);
  return {
    ...ends,
    close(end) {
      if (open.delete(end)) closeSync(ends[end]);
    },
  };
}
