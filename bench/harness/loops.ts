/**
 * The loops that are measured: each keeps one read in flight until the window closes, and as many
 * of them run as the job is deep. They differ only in the call, and none allocates more than that
 * call asks of any program.
 */

import { read, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { type RandomBlocks, READ_BYTES } from "./random.ts";
import { hasStamp } from "./test-file.ts";
import type { Window } from "./window.ts";

/** What the loops of one run share. */
export interface Run {
  readonly window: Window;
  readonly random: RandomBlocks;
  /** One per read in flight. */
  readonly buffers: readonly Buffer[];
}

/** What a loop needs of proactor. */
export interface Reader {
  read(fd: number, buffer: Buffer, options: { offset: number }): Promise<number>;
}

/** `readSync`: a "depth" of 32 is 32 reads one after the other, timed from the first's start. */
export function blockingLoop(fd: number, { window, random, buffers }: Run): void {
  while (window.running) {
    const startedAt = window.begin();
    for (const buffer of buffers) {
      const block = random.next();
      check(readSync(fd, buffer, 0, READ_BYTES, block * READ_BYTES), buffer, block, startedAt);
      window.end(startedAt);
    }
    window.look();
  }
}

/** `fs.read` with a callback that starts the next one. */
export function callbackLoop(fd: number, run: Run, buffer: Buffer): Promise<void> {
  const { window, random } = run;
  return new Promise((resolve, reject) => {
    let startedAt = 0;
    let block = 0;
    const start = () => {
      if (!window.running) return resolve();
      startedAt = window.begin();
      block = random.next();
      read(fd, buffer, 0, READ_BYTES, block * READ_BYTES, completed);
    };
    const completed = (error: Error | null, bytes: number) => {
      if (error !== null) return reject(error);
      try {
        check(bytes, buffer, block, startedAt);
        window.end(startedAt);
        start();
      } catch (wrong) {
        reject(wrong);
      }
    };
    start();
  });
}

/** `await handle.read(…)` of `node:fs/promises`, in its fastest form. */
export async function promisesLoop(handle: FileHandle, run: Run, buffer: Buffer): Promise<void> {
  const { window, random } = run;
  while (window.running) {
    const startedAt = window.begin();
    const block = random.next();
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, block * READ_BYTES);
    check(bytesRead, buffer, block, startedAt);
    window.end(startedAt);
  }
}

/** `await proactor.read(…)`, on any engine. */
export async function proactorLoop(
  reader: Reader,
  fd: number,
  run: Run,
  buffer: Buffer,
): Promise<void> {
  const { window, random } = run;
  while (window.running) {
    const startedAt = window.begin();
    const block = random.next();
    const bytes = await reader.read(fd, buffer, { offset: block * READ_BYTES });
    check(bytes, buffer, block, startedAt);
    window.end(startedAt);
  }
}

/** A short read is an error always; the content is looked at in the reads that are timed. */
function check(bytes: number, buffer: Buffer, block: number, startedAt: number): void {
  if (bytes !== READ_BYTES) throw new Error(`A read of block ${block} gave ${bytes} bytes`);
  if (startedAt !== 0 && !hasStamp(buffer, block)) {
    throw new Error(`A read of block ${block} gave the content of ${buffer.readUInt32LE(0)}`);
  }
}
