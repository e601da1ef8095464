import { constants } from "node:fs";
import { FLAGS, SLOTS, type Step } from "./program.ts";

/** What an operation came to, in a form that two machines can be compared by. */
export type Outcome =
  | { readonly value: unknown }
  | {
      readonly code: unknown;
      readonly errno: unknown;
      readonly syscall: unknown;
      readonly path: unknown;
      readonly dest: unknown;
      readonly message: string;
    };

/** What stat tells, as far as it is the same on every file system. */
export interface Stated {
  readonly mode: number;
  readonly size: number | undefined;
  readonly nlink: number | undefined;
}

/** Something that can run the steps of a program in a folder of its own. */
export interface Machine {
  readonly folder: string;
  open(path: string, flags: number): Promise<number>;
  close(fd: number): Promise<void>;
  fsync(fd: number): Promise<void>;
  fdatasync(fd: number): Promise<void>;
  fstat(fd: number): Promise<Stated>;
  stat(path: string): Promise<Stated>;
  lstat(path: string): Promise<Stated>;
  read(fd: number, buffer: Uint8Array, offset: number): Promise<number>;
  write(fd: number, buffer: Uint8Array, offset: number): Promise<number>;
  readv(fd: number, buffers: Uint8Array[], offset: number): Promise<number>;
  writev(fd: number, buffers: Uint8Array[], offset: number): Promise<number>;
  truncate(fd: number, size: number): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  mkdir(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  link(existing: string, path: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  /** Writes, makes durable and reads back, in this order, each whatever the one before it said. */
  chain(fd: number, out: Uint8Array, into: Uint8Array): Promise<PromiseSettledResult<unknown>[]>;
  /** Closes what is open and ends. */
  end(): Promise<void>;
}

/** A descriptor that is never open. */
const NO_FD = 0x7fff_fffe;
const DIRECTORY = 0o040000;
const KIND_BITS = 0o170000;

/** Runs the steps of programs on one machine and keeps its open files. */
export class Runner {
  readonly #machine: Machine;
  readonly #files: number[] = new Array(SLOTS).fill(NO_FD);
  /** Which of them append: there the order of writes is their place. */
  readonly #appends = new Set<number>();
  #written = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Runs one step. */
  async run(step: Step): Promise<Outcome> {
    try {
      return { value: await this.#step(step) };
    } catch (error) {
      return this.#failure(error);
    }
  }

  /** Closes everything. */
  async end(): Promise<void> {
    for (const fd of this.#files) if (fd !== NO_FD) await this.#machine.close(fd);
    await this.#machine.end();
  }

  #failure(error: unknown): Outcome {
    const { code, errno, syscall, path, dest, message } = error as NodeJS.ErrnoException & {
      dest?: string;
    };
    // What is no answer of the system is a mistake of the test, or an invariant.
    if (errno === undefined) throw error;
    const plain = (text: string | undefined) => text?.replaceAll(this.#machine.folder, "@");
    return {
      code,
      errno,
      syscall,
      path: plain(path),
      dest: plain(dest),
      message: plain(message) ?? "",
    };
  }

  #path(path: string): string {
    if (path === "") return "";
    return `${this.#machine.folder}/${path}`;
  }

  async #step(step: Step): Promise<unknown> {
    const machine = this.#machine;
    switch (step.op) {
      case "stat":
      case "lstat":
      case "unlink":
      case "rmdir":
      case "mkdir":
        return comparable(await machine[step.op](this.#path(step.path)));
      case "rename":
      case "link":
        return machine[step.op](this.#path(step.path), this.#path(step.path2));
      case "symlink":
        return machine.symlink(step.path.replace("@", machine.folder), this.#path(step.path2));
      default:
        return this.#stepOnFile(step, this.#files[step.slot] as number);
    }
  }

  async #stepOnFile(step: Extract<Step, { slot: number }>, fd: number): Promise<unknown> {
    const machine = this.#machine;
    switch (step.op) {
      case "open": {
        const opened = await machine.open(this.#path(step.path), FLAGS[step.flags]);
        if (fd !== NO_FD) await machine.close(fd);
        this.#files[step.slot] = opened;
        if ((FLAGS[step.flags] & constants.O_APPEND) !== 0) this.#appends.add(step.slot);
        else this.#appends.delete(step.slot);
        return "open";
      }
      case "close":
        await machine.close(fd);
        this.#files[step.slot] = NO_FD;
        return "closed";
      case "fsync":
      case "fdatasync":
      case "fstat":
        return comparable(await machine[step.op](fd));
      case "truncate":
        return machine.truncate(fd, step.size);
      case "read":
        return this.#read([step.length], ([one]) =>
          machine.read(fd, one as Uint8Array, step.offset),
        );
      case "readv":
        return this.#read(step.lengths, (all) => machine.readv(fd, all, step.offset));
      case "write":
        return machine.write(fd, this.#bytes(step.length), step.offset);
      case "writev": {
        const pieces = step.lengths.map((length) => this.#bytes(length));
        return machine.writev(fd, pieces, step.offset);
      }
      case "reads":
      case "writes":
        return this.#together(step, fd);
      case "chain": {
        const out = this.#bytes(step.length);
        const into = new Uint8Array(step.length + 1);
        const results = await machine.chain(fd, out, into);
        return [results.map((result) => this.#settled(result)), hex(into)];
      }
      default:
        return step satisfies never;
    }
  }

  async #together(step: { op: string; slot: number; lengths: readonly number[] }, fd: number) {
    const machine = this.#machine;
    let at = 0;
    const pieces: Uint8Array[] = [];
    const running: Promise<number>[] = [];
    for (const length of step.lengths) {
      if (step.op === "reads") {
        const piece = new Uint8Array(length + 1);
        pieces.push(piece);
        running.push(machine.read(fd, piece, at));
      } else {
        running.push(machine.write(fd, this.#bytes(length + 1), at));
        if (this.#appends.has(step.slot)) await Promise.allSettled(running);
      }
      at += length + 1;
    }
    const results = (await Promise.allSettled(running)).map((result) => this.#settled(result));
    return [results, pieces.map(hex)];
  }

  #settled(result: PromiseSettledResult<unknown>): unknown {
    return result.status === "fulfilled" ? result.value : this.#failure(result.reason);
  }

  async #read(
    lengths: readonly number[],
    read: (buffers: Uint8Array[]) => Promise<number>,
  ): Promise<unknown> {
    // What was there before shows what was overwritten.
    const buffers = lengths.map((length) => new Uint8Array(length).fill(0xee));
    const count = await read(buffers);
    return [count, buffers.map(hex)];
  }

  /** Bytes that tell by which operation they were written. */
  #bytes(length: number): Uint8Array {
    this.#written++;
    return Uint8Array.from({ length }, (_, i) => (this.#written * 17 + i) & 0xff);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Leaves out what file systems tell differently of directories. */
function comparable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { mode, size, nlink } = value as Stated;
  const directory = (mode & KIND_BITS) === DIRECTORY;
  return directory ? { mode } : { mode, size, nlink };
}
