import type nodeFs from "node:fs";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "../../src/abi/linux.ts";
import { systemError } from "../../src/base/errors.ts";
import { stringToFlags } from "../../src/base/validate.ts";
import { OperationKind } from "../../src/core/index.ts";
import { bytesOf, type MemoryFiles } from "../../src/engines/memory/files.ts";
import type { FileNode } from "../../src/engines/memory/inodes.ts";
import { perform } from "../../src/engines/memory/requests.ts";
import { decodeStatx, STATX_BUFFER_BYTES, type Statx } from "../../src/runtime/statx.ts";
import { makeRequest, type RequestFields } from "./engines.ts";

type Path = string | Buffer;

/** What the conformance tests call of node:fs. */
export type FileCalls = Pick<
  typeof nodeFs,
  | "closeSync"
  | "existsSync"
  | "fstatSync"
  | "ftruncateSync"
  | "lstatSync"
  | "mkdirSync"
  | "openSync"
  | "readFileSync"
  | "readdirSync"
  | "readlinkSync"
  | "statSync"
  | "symlinkSync"
  | "truncateSync"
  | "utimesSync"
  | "writeFileSync"
  | "writeSync"
>;

const SYMLINK_BITS = 0o120000;
const FOLDER_BITS = 0o040000;
const KIND_MASK = 0o170000;
/** How a test names the file behind a descriptor. */
const OF_DESCRIPTOR = /^\/proc\/self\/fd\/(\d+)$/;

/**
 * The blocking calls of node:fs on the files of a memory engine, as far as the conformance tests
 * make them: to lay out files before an operation, and to look at them after it. Not the oracle.
 */
export class MemoryFs {
  readonly #files: MemoryFiles;

  constructor(files: MemoryFiles) {
    this.#files = files;
  }

  /** This, as what it stands for. */
  get calls(): FileCalls {
    return this as unknown as FileCalls;
  }

  openSync(path: Path, flags: string | number = "r", mode = 0o666): number {
    return this.#do("open", path, { path, flags: stringToFlags(flags), mode }, OperationKind.Open);
  }

  closeSync(fd: number): void {
    checked(this.#files.close(fd), "close");
  }

  writeSync(fd: number, data: string | Uint8Array, ...rest: (number | null)[]): number {
    const isText = typeof data === "string";
    const [start, length, position] = isText ? [0, Infinity, rest[0]] : rest;
    const bytes = isText ? Buffer.from(data) : data;
    const from = bytes.subarray(start ?? 0, (start ?? 0) + (length ?? Infinity));
    return checked(this.#files.write(fd, [from], position ?? -1), "write");
  }

  readFileSync(path: Path, encoding?: BufferEncoding): string | Buffer {
    const node = this.#nodeAt(path);
    if (node.kind !== "file") throw new Error(`Not a file in memory: ${path}`);
    const content = Buffer.alloc(node.size);
    node.read(0, content);
    return encoding === undefined ? content : content.toString(encoding);
  }

  writeFileSync(path: Path, data: string | Uint8Array, options: { mode?: number } = {}): void {
    const fd = this.openSync(path, "w", options.mode);
    if (data.length > 0) this.writeSync(fd, data, 0);
    this.closeSync(fd);
  }

  fstatSync(fd: number, options?: { bigint?: boolean }): unknown {
    return this.#stat("fstat", fd, "", options);
  }

  statSync(path: Path, options?: { bigint?: boolean }): unknown {
    return this.#stat("stat", AT_FDCWD, path, options);
  }

  lstatSync(path: Path, options?: { bigint?: boolean }): unknown {
    return this.#stat("lstat", AT_FDCWD, path, options);
  }

  existsSync(path: Path): boolean {
    return this.#find(path) !== undefined;
  }

  ftruncateSync(fd: number, size = 0): void {
    const request = makeRequest({ kind: OperationKind.Truncate, fd, offset: size });
    checked(perform(this.#files, request), "ftruncate");
  }

  truncateSync(path: Path, size = 0): void {
    const fd = this.openSync(path, "r+");
    this.ftruncateSync(fd, size);
    this.closeSync(fd);
  }

  mkdirSync(path: string, options?: { recursive?: boolean }): void {
    if (options?.recursive === true) this.#files.makeFolder(path);
    else this.#do("mkdir", path, { path, mode: 0o777 }, OperationKind.Mkdir);
  }

  symlinkSync(target: string, path: string): void {
    const request = { fd: AT_FDCWD, path: target, path2: path };
    this.#do("symlink", path, request, OperationKind.Symlink);
  }

  readdirSync(path: Path): string[] {
    const node = this.#nodeAt(path);
    if (node.kind !== "directory") throw new Error(`Not a folder in memory: ${path}`);
    return [...node.entries.keys()].map((name) => Buffer.from(name, "latin1").toString());
  }

  readlinkSync(path: Path): string {
    const node = this.#nodeAt(path);
    if (node.kind !== "symlink") throw new Error(`Not a symbolic link in memory: ${path}`);
    return Buffer.from(node.target, "latin1").toString();
  }

  utimesSync(path: Path, accessed: number, modified: number): void {
    const node = this.#nodeAt(path);
    node.accessed = BigInt(accessed * 1e9);
    node.modified = BigInt(modified * 1e9);
  }

  #do(syscall: string, path: Path, fields: RequestFields, kind: OperationKind): number {
    const request = makeRequest({ fd: AT_FDCWD, ...fields, kind });
    return checked(perform(this.#files, request), syscall, path);
  }

  #find(path: Path): FileNode | undefined {
    const descriptor = OF_DESCRIPTOR.exec(String(path))?.[1];
    if (descriptor !== undefined) return this.#files.file(Number(descriptor))?.node;
    const found = this.#files.names.walk(this.#files.names.root, bytesOf(path), "keep");
    return typeof found === "number" ? undefined : found.node;
  }

  #nodeAt(path: Path): FileNode {
    const node = this.#find(path);
    if (node === undefined) throw new Error(`There is no such file in memory: ${path}`);
    return node;
  }

  #stat(name: string, fd: number, path: Path, options?: { bigint?: boolean }): unknown {
    const AT_EMPTY_PATH = 0x1000;
    const flags = name === "fstat" ? AT_EMPTY_PATH : name === "lstat" ? AT_SYMLINK_NOFOLLOW : 0;
    const buffer = Buffer.alloc(STATX_BUFFER_BYTES);
    const request = { kind: OperationKind.Statx, fd, path, flags, buffer, length: buffer.length };
    const shown = name === "fstat" ? undefined : path;
    checked(perform(this.#files, makeRequest(request)), name, shown);
    return statsOf(decodeStatx(buffer), options?.bigint === true);
  }
}

/** `Stats` or `BigIntStats`, as far as they are looked at. */
function statsOf(statx: Statx, big: boolean): unknown {
  const { mode, nlink, uid, gid, size, blksize, blocks } = statx;
  const whole = (value: number) => (big ? BigInt(value) : value);
  const ns = (ms: number) => BigInt(Math.round(ms * 1e6));
  const kind = mode & KIND_MASK;
  return {
    ...{ mode: whole(mode), nlink: whole(nlink), uid: whole(uid), gid: whole(gid) },
    ...{ size: whole(Number(size)), blksize: whole(blksize), blocks: whole(Number(blocks)) },
    ...{ dev: whole(0), rdev: whole(0), ino: big ? statx.ino : Number(statx.ino) },
    ...{ atimeNs: ns(statx.atimeMs), mtimeNs: ns(statx.mtimeMs), ctimeNs: ns(statx.ctimeMs) },
    isSymbolicLink: () => kind === SYMLINK_BITS,
    isDirectory: () => kind === FOLDER_BITS,
  };
}

function checked(result: number, syscall: string, path?: Path): number {
  if (result < 0) throw systemError(result, syscall, path);
  return result;
}
