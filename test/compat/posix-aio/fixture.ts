import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleepFor } from "node:timers/promises";
import {
  type Aio,
  type AioOptions,
  aiocb,
  createAio,
  EINPROGRESS,
  type EngineName,
  O_SYNC,
  SIGEV_THREAD,
  sigevent,
} from "../../../src/compat/posix-aio/index.ts";
import { withTempDir } from "../../support/temp-dir.ts";

/** What is tested: glibc's implementation, or ours over an engine. */
export type Implementation = "glibc" | Exclude<EngineName, "posix_aio">;

/** How long an operation may take before a test gives up, in seconds; far longer than any does. */
const PATIENCE = 20;

/** Bytes whose fsync takes long enough to be seen. */
const DIRTY_BYTES = 8 * 1024 * 1024;

/** Fields that a cancellation could change. */
const STUCK_FIELDS = { aio_reqprio: 1, aio_lio_opcode: 1 };

/** Why an assertion cannot be looked at on this machine. */
export class NotHere extends Error {}

/** An operation that has begun and cannot be canceled. */
export interface Stuck {
  readonly fd: number;
  readonly block: aiocb;
  /** Lets it end. */
  release(): void;
}

/** What the assertions need: an implementation, files, pipes, control blocks. */
export class Fixture {
  readonly implementation: Implementation;
  readonly aio: Aio;
  readonly dir: string;
  readonly #aios: Aio[] = [];
  readonly #open = new Set<number>();
  #names = 0;

  constructor(implementation: Implementation, dir: string) {
    this.implementation = implementation;
    this.dir = dir;
    this.aio = this.limited({});
  }

  /** Another instance of the implementation, with limits of its own. */
  limited(options: Omit<AioOptions, "engine">): Aio {
    const engine = this.implementation === "glibc" ? "posix_aio" : this.implementation;
    const aio = createAio({ ...options, engine });
    this.#aios.push(aio);
    // It has its own descriptors from now on, and takes no number that a test closes.
    aio.aio_suspend([], 0, { tv_sec: 0, tv_nsec: 0 });
    return aio;
  }

  /** A path in the fixture's folder. */
  path(): string {
    return join(this.dir, `file-${this.#names++}`);
  }

  /** A file with some content, open for reading and writing unless told. */
  file(content: string | Buffer = "", flags = "r+"): number {
    const path = this.path();
    writeFileSync(path, content);
    return this.keep(openSync(path, flags));
  }

  /** Has a descriptor closed at the end. */
  keep(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  /** Closes a descriptor now. */
  close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }

  /** A folder, open for reading: whatever is read from it fails. */
  directory(): number {
    return this.keep(openSync(this.dir, "r"));
  }

  /** Has another process write to a pipe, in half a second. Resolves when it has. */
  writeLater(fd: number, text: string): Promise<void> {
    const child = spawn("sh", ["-c", `sleep 0.5; printf ${text} >&3`], {
      stdio: ["ignore", "ignore", "ignore", fd],
    });
    return new Promise((resolve) => child.once("close", () => resolve()));
  }

  /** Both ends of a pipe. A read of it stays in progress until something is written. */
  pipe(): { readonly read: number; readonly write: number } {
    const path = this.path();
    execFileSync("mkfifo", [path]);
    const both = openSync(path, "r+");
    const read = this.keep(openSync(path, "r"));
    const write = this.keep(openSync(path, "w"));
    closeSync(both);
    return { read, write };
  }

  /** A control block for a read, with a buffer of its own. */
  read(fd: number, length = 64, fields: Partial<aiocb> = {}): aiocb & { aio_buf: Buffer } {
    const buffer = Buffer.alloc(length);
    const block = { aio_fildes: fd, aio_buf: buffer, aio_nbytes: length, ...fields };
    return new aiocb(block) as aiocb & { aio_buf: Buffer };
  }

  /** A control block for a write. */
  write(fd: number, text: string | Buffer, fields: Partial<aiocb> = {}): aiocb {
    const buffer = Buffer.from(text);
    return new aiocb({ aio_fildes: fd, aio_buf: buffer, aio_nbytes: buffer.length, ...fields });
  }

  /** A control block for an fsync. */
  sync(fd: number, fields: Partial<aiocb> = {}): aiocb {
    return new aiocb({ aio_fildes: fd, ...fields });
  }

  /** How a function is to be told. */
  told(callback: (value: never) => void, value?: unknown): sigevent {
    return new sigevent({
      sigev_notify: SIGEV_THREAD,
      sigev_notify_function: callback,
      sigev_value: value,
    });
  }

  /** Waits until all of these are done. */
  async done(...blocks: readonly aiocb[]): Promise<void> {
    await this.doneOn(this.aio, ...blocks);
  }

  /** The same on another instance. */
  async doneOn(aio: Aio, ...blocks: readonly aiocb[]): Promise<void> {
    for (const block of blocks) {
      const limit = { tv_sec: PATIENCE, tv_nsec: 0 };
      const error = await aio.aio_suspend_async([block], 1, limit);
      if (error !== 0) throw new Error(`An operation did not end: ${error}`);
    }
  }

  /** The error of an operation, whether its call failed or its status tells. 0 where it worked. */
  async errorOf(aio: Aio, returned: number, block: aiocb): Promise<number> {
    if (returned === -1) return aio.errno;
    await this.doneOn(aio, block);
    return aio.aio_error(block);
  }

  /** Waits a little, for threads to begin. */
  pause(ms = 20): Promise<void> {
    return sleepFor(ms);
  }

  /** Turns the loop until a condition holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let round = 0; round < PATIENCE * 200 && !condition(); round++) await sleepFor(5);
    if (!condition()) throw new Error("It did not come to pass");
  }

  /**
   * An operation that has begun and cannot be canceled. With glibc that is any, such as a read of
   * an empty pipe; the kernel cancels those of io_uring, but no fsync.
   */
  async stuck(): Promise<Stuck> {
    if (this.implementation === "glibc") {
      const { read, write } = this.pipe();
      const block = this.read(read, 1, STUCK_FIELDS);
      this.aio.aio_read(block);
      await this.pause();
      return { fd: read, block, release: () => writeSync(write, "x") };
    }
    const fd = this.file();
    const data = Buffer.alloc(DIRTY_BYTES, "x");
    for (let round = 0; round < 50; round++) {
      const block = this.sync(fd, STUCK_FIELDS);
      writeSync(fd, data, 0, data.length, 0);
      this.aio.aio_fsync(O_SYNC, block);
      const until = performance.now() + 0.2;
      while (performance.now() < until) this.aio.aio_error(block);
      if (this.aio.aio_error(block) === EINPROGRESS) return { fd, block, release: () => {} };
      this.aio.aio_return(block);
    }
    throw new NotHere("an fsync of 8 MiB is done at once on this file system");
  }

  /** Ends everything. */
  async end(): Promise<void> {
    // What still reads from a pipe gets the end of its file.
    for (const fd of [...this.#open].reverse()) this.close(fd);
    for (const aio of this.#aios) await aio.close();
  }
}

/** Runs `body` with a fixture. */
export async function withFixture<T>(
  implementation: Implementation,
  body: (fixture: Fixture) => T | Promise<T>,
): Promise<T> {
  return withTempDir(async (dir) => {
    const fixture = new Fixture(implementation, dir);
    try {
      return await body(fixture);
    } finally {
      await fixture.end();
    }
  }, "posix-aio");
}
