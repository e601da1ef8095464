import fs from "node:fs";
import { AT_SYMLINK_NOFOLLOW } from "../../src/abi/linux.ts";
import type { Operation } from "../../src/runtime/operation.ts";
import type { Proactor } from "../../src/runtime/proactor.ts";
import type { Statx } from "../../src/runtime/statx.ts";
import type { Machine, Stated } from "./machine.ts";

const position = (offset: number): number | null => (offset < 0 ? null : offset);

/** The oracle: node:fs, one call after the other. */
export class NodeMachine implements Machine {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async open(path: string, flags: number) {
    return fs.openSync(path, flags, 0o644);
  }

  async close(fd: number) {
    fs.closeSync(fd);
  }

  async fsync(fd: number) {
    fs.fsyncSync(fd);
  }

  async fdatasync(fd: number) {
    fs.fdatasyncSync(fd);
  }

  async fstat(fd: number): Promise<Stated> {
    return fs.fstatSync(fd);
  }

  async stat(path: string): Promise<Stated> {
    return fs.statSync(path);
  }

  async lstat(path: string): Promise<Stated> {
    return fs.lstatSync(path);
  }

  async read(fd: number, buffer: Uint8Array, offset: number) {
    return fs.readSync(fd, buffer, 0, buffer.length, position(offset));
  }

  async write(fd: number, buffer: Uint8Array, offset: number) {
    return fs.writeSync(fd, buffer, 0, buffer.length, position(offset));
  }

  async readv(fd: number, buffers: Uint8Array[], offset: number) {
    return fs.readvSync(fd, buffers, position(offset) as number);
  }

  async writev(fd: number, buffers: Uint8Array[], offset: number) {
    return fs.writevSync(fd, buffers, position(offset) as number);
  }

  async truncate(fd: number, size: number) {
    fs.ftruncateSync(fd, size);
  }

  async unlink(path: string) {
    fs.unlinkSync(path);
  }

  async rmdir(path: string) {
    fs.rmdirSync(path);
  }

  async mkdir(path: string) {
    fs.mkdirSync(path, 0o755);
  }

  async rename(from: string, to: string) {
    fs.renameSync(from, to);
  }

  async link(existing: string, path: string) {
    fs.linkSync(existing, path);
  }

  async symlink(target: string, path: string) {
    fs.symlinkSync(target, path);
  }

  async chain(fd: number, out: Uint8Array, into: Uint8Array) {
    // One after the other, as the chain does it: nobody else touches the file meanwhile.
    const write = await settled(this.write(fd, out, 8));
    const sync = await settled(this.fdatasync(fd));
    return [write, sync, await settled(this.read(fd, into, 8))];
  }

  async end() {}
}

/** What is tested: a Proactor on any engine. */
export class ProactorMachine implements Machine {
  readonly folder: string;
  readonly #proactor: Proactor;

  constructor(proactor: Proactor, folder: string) {
    this.#proactor = proactor;
    this.folder = folder;
  }

  async open(path: string, flags: number) {
    return this.#proactor.open(path, flags, 0o644);
  }

  async close(fd: number) {
    await this.#proactor.close(fd);
  }

  async fsync(fd: number) {
    await this.#proactor.fsync(fd);
  }

  async fdatasync(fd: number) {
    await this.#proactor.fdatasync(fd);
  }

  async fstat(fd: number) {
    return stated(this.#proactor.statx(fd));
  }

  async stat(path: string) {
    return stated(this.#proactor.statx(path));
  }

  async lstat(path: string) {
    return stated(this.#proactor.statx(path, { flags: AT_SYMLINK_NOFOLLOW }));
  }

  async read(fd: number, buffer: Uint8Array, offset: number) {
    return this.#proactor.read(fd, buffer, { offset });
  }

  async write(fd: number, buffer: Uint8Array, offset: number) {
    return this.#proactor.write(fd, buffer, { offset });
  }

  async readv(fd: number, buffers: Uint8Array[], offset: number) {
    return this.#proactor.readv(fd, buffers, { offset });
  }

  async writev(fd: number, buffers: Uint8Array[], offset: number) {
    return this.#proactor.writev(fd, buffers, { offset });
  }

  async truncate(fd: number, size: number) {
    await this.#proactor.truncate(fd, size);
  }

  async unlink(path: string) {
    await this.#proactor.unlink(path);
  }

  async rmdir(path: string) {
    await this.#proactor.unlink(path, { directory: true });
  }

  async mkdir(path: string) {
    await this.#proactor.mkdir(path, 0o755);
  }

  async rename(from: string, to: string) {
    await this.#proactor.rename(from, to);
  }

  async link(existing: string, path: string) {
    await this.#proactor.link(existing, path);
  }

  async symlink(target: string, path: string) {
    await this.#proactor.symlink(target, path);
  }

  chain(fd: number, out: Uint8Array, into: Uint8Array) {
    const operations = this.#proactor.chain(
      [
        { op: "write", fd, buffer: out, offset: 8 },
        { op: "fdatasync", fd },
        { op: "read", fd, buffer: into, offset: 8 },
      ],
      { hard: true },
    );
    return Promise.allSettled(operations);
  }

  async end() {
    await this.#proactor.shutdown();
  }
}

async function settled(value: Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  const [result] = await Promise.allSettled([value]);
  return result as PromiseSettledResult<unknown>;
}

async function stated(operation: Operation<Statx>): Promise<Stated> {
  const { mode, size, nlink } = await operation;
  return { mode, size, nlink };
}
