/**
 * Calls on paths for which the ring has an opcode. Each goes to a thread of the kernel: what keeps
 * libuv's pool busy does not hold it up, and with 64 at once it takes a half to a third of the CPU
 * time, because one wake-up serves many.
 *
 * Whatever is passed that is not plainly good goes to node:fs, and so do the options that are more
 * than one system call.
 */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  STATX_BASIC_STATS,
  STATX_BTIME,
} from "../abi/linux.ts";
import { systemError } from "../base/errors.ts";
import { parseFileMode } from "../base/validate.ts";
import { OperationKind, Request } from "../core/index.ts";
import type { Session } from "../runtime/session.ts";
import { Call } from "./call.ts";
import { nodePromises } from "./node.ts";
import { road } from "./road.ts";
import { type StatsMakers, statsMakers } from "./stats.ts";
import { type StatxCell, StatxCells } from "./statx-cells.ts";
import { pathOf } from "./whole-file.ts";

type CheckedPath = string | Uint8Array;
type MakeStats = (statx: DataView) => object;
type Anything = Promise<unknown>;

const request = new Request();

/** One call that takes one request and names its paths in its error. */
class PathCall extends Call {
  readonly #syscall: string;
  readonly #path: CheckedPath | undefined;
  readonly #dest: CheckedPath | undefined;

  constructor(syscall: string, path: CheckedPath | undefined, dest?: CheckedPath) {
    super();
    this.#syscall = syscall;
    this.#path = path;
    this.#dest = dest;
  }

  start(session: Session): Anything {
    const promise = this.begin(session.scheduler, undefined);
    this.goOn(() => {
      this.inFlight = session.scheduler.startFor(request, this);
    });
    return promise;
  }

  settled(result: number): void {
    if (result >= 0) this.end(this.value(), undefined);
    else this.end(undefined, systemError(result, this.#syscall, this.#path, this.#dest));
  }

  failed(error: unknown): void {
    this.end(undefined, error);
  }

  protected value(): unknown {
    return undefined;
  }
}

class StatCall extends PathCall {
  readonly #cells: StatxCells;
  readonly #cell: StatxCell;
  readonly #make: MakeStats;
  readonly #flight: { end(): void } | undefined;

  constructor(
    syscall: string,
    path: CheckedPath | undefined,
    cells: StatxCells,
    make: MakeStats,
    flight?: { end(): void },
  ) {
    super(syscall, path);
    this.#cells = cells;
    this.#cell = cells.take();
    this.#make = make;
    this.#flight = flight;
    request.setAddress(this.#cell.address);
    request.buffer = this.#cell.view;
  }

  override settled(result: number): void {
    try {
      this.#flight?.end();
      super.settled(result);
    } finally {
      this.#cells.give(this.#cell);
    }
  }

  protected override value(): unknown {
    return this.#make(this.#cell.view);
  }
}

/** The session, where it has an opcode for this. */
function roadFor(kind: OperationKind): Session | undefined {
  const session = road();
  return session?.engine.capabilities.operations[kind] === true ? session : undefined;
}

let cells: StatxCells | undefined;

/** There is one session at most. */
function cellsOf(session: Session): StatxCells {
  cells ??= new StatxCells(session.memory);
  return cells;
}

function prepare(kind: OperationKind, path: CheckedPath): void {
  request.reset(kind);
  request.fd = AT_FDCWD;
  request.path = path;
}

/** Options of stat that ask for nothing but the kind of numbers; else undefined. */
export function makerFor(options: unknown): MakeStats | undefined {
  const makers: StatsMakers | null = statsMakers();
  if (makers === null) return undefined;
  if (options === undefined) return makers.plain;
  if (options === null || typeof options !== "object") return undefined;
  const { bigint, signal, throwIfNoEntry } = options as Record<string, unknown>;
  if (signal !== undefined || throwIfNoEntry !== undefined) return undefined;
  if (bigint !== undefined && typeof bigint !== "boolean") return undefined;
  return bigint === true ? makers.big : makers.plain;
}

/** Starts statx of a descriptor; `flight.end` is called when it is over. */
export function statOf(
  session: Session,
  fd: number,
  make: MakeStats,
  flight: { end(): void },
): Anything {
  request.reset(OperationKind.Statx);
  request.fd = fd;
  request.path = "";
  request.flags = AT_EMPTY_PATH;
  request.extra = STATX_BASIC_STATS | STATX_BTIME;
  return new StatCall("fstat", undefined, cellsOf(session), make, flight).start(session);
}

function statPath(name: "stat" | "lstat", path: unknown, options: unknown): Anything | undefined {
  const session = roadFor(OperationKind.Statx);
  const valid = session === undefined ? undefined : pathOf(path);
  const make = valid === undefined ? undefined : makerFor(options);
  if (session === undefined || valid === undefined || make === undefined) return undefined;
  prepare(OperationKind.Statx, valid);
  request.flags = name === "lstat" ? AT_SYMLINK_NOFOLLOW : 0;
  request.extra = STATX_BASIC_STATS | STATX_BTIME;
  return new StatCall(name, valid, cellsOf(session), make).start(session);
}

/** fs.promises.stat. */
export function stat(path: unknown, options: unknown = undefined): Anything {
  return statPath("stat", path, options) ?? nodePromises.stat(path as string, options as object);
}

/** fs.promises.lstat. */
export function lstat(path: unknown, options: unknown = undefined): Anything {
  return statPath("lstat", path, options) ?? nodePromises.lstat(path as string, options as object);
}

/** fs.promises.unlink. */
export function unlink(path: unknown): Anything {
  const session = roadFor(OperationKind.Unlink);
  const valid = session === undefined ? undefined : pathOf(path);
  if (session === undefined || valid === undefined) return nodePromises.unlink(path as string);
  prepare(OperationKind.Unlink, valid);
  return new PathCall("unlink", valid).start(session);
}

/** fs.promises.rmdir. */
export function rmdir(path: unknown, options?: unknown): Anything {
  const session = options === undefined ? roadFor(OperationKind.Unlink) : undefined;
  const valid = session === undefined ? undefined : pathOf(path);
  if (session === undefined || valid === undefined) {
    return nodePromises.rmdir(path as string, options as object);
  }
  prepare(OperationKind.Unlink, valid);
  request.flags = AT_REMOVEDIR;
  return new PathCall("rmdir", valid).start(session);
}

/** fs.promises.mkdir; a recursive one is many calls, and node:fs's. */
export function mkdir(path: unknown, options?: unknown): Anything {
  const session = roadFor(OperationKind.Mkdir);
  const valid = session === undefined ? undefined : pathOf(path);
  const mode = valid === undefined ? -1 : modeOf(options);
  if (session === undefined || valid === undefined || mode === -1) {
    return nodePromises.mkdir(path as string, options as object);
  }
  prepare(OperationKind.Mkdir, valid);
  request.mode = mode;
  return new PathCall("mkdir", valid).start(session);
}

function modeOf(options: unknown): number {
  let mode = options;
  if (typeof options === "object" && options !== null) {
    const { recursive } = options as { readonly recursive?: unknown };
    if (recursive !== undefined && recursive !== false) return -1;
    mode = (options as { readonly mode?: unknown }).mode;
  }
  try {
    return parseFileMode(mode, "mode", 0o777);
  } catch {
    return -1;
  }
}

/** Calls with two paths: both are checked, in Node's order. */
function startPair(kind: OperationKind, name: string, first: unknown, second: unknown) {
  const session = roadFor(kind);
  const from = session === undefined ? undefined : pathOf(first);
  const to = from === undefined ? undefined : pathOf(second);
  if (session === undefined || from === undefined || to === undefined) return undefined;
  // The ring looks at it first, and link(2) at the other path.
  if (to.length === 0) return undefined;
  prepare(kind, from);
  request.path2 = to;
  if (kind !== OperationKind.Symlink) request.extra = AT_FDCWD;
  return new PathCall(name, from, to).start(session);
}

/** fs.promises.rename. */
export function rename(oldPath: unknown, newPath: unknown): Anything {
  return (
    startPair(OperationKind.Rename, "rename", oldPath, newPath) ??
    nodePromises.rename(oldPath as string, newPath as string)
  );
}

/** fs.promises.link. */
export function link(existingPath: unknown, newPath: unknown): Anything {
  return (
    startPair(OperationKind.Link, "link", existingPath, newPath) ??
    nodePromises.link(existingPath as string, newPath as string)
  );
}

/** fs.promises.symlink; the type is for Windows, and checked by node:fs. */
export function symlink(target: unknown, path: unknown, type?: unknown): Anything {
  const plain = type === undefined || type === null;
  return (
    (plain ? startPair(OperationKind.Symlink, "symlink", target, path) : undefined) ??
    nodePromises.symlink(target as string, path as string, type as string)
  );
}
