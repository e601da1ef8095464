/** Functions of a descriptor or a path that are one request: each true when it has started. */
import { isMainThread } from "node:worker_threads";
import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC } from "../../abi/linux.ts";
import { OperationKind, type Request } from "../../core/index.ts";
import { isCallback, isDescriptor, plainFlags, plainMode, plainPath } from "./arguments.ts";
import { type Callback, type CallFacts, PlainCall, ValueCall } from "./call.ts";
import type { CallbackRoad } from "./road.ts";

const CLOSE = { syscall: "close" } as const;
const FSYNC = { syscall: "fsync" } as const;
const FDATASYNC = { syscall: "fdatasync" } as const;
const FTRUNCATE = { syscall: "ftruncate" } as const;

/** fs.open(path, [flags, [mode,]] callback) */
export function open(on: CallbackRoad, args: readonly unknown[]): boolean {
  // Node keeps a list of what a Worker opened, and closes it with the Worker.
  if (!isMainThread || args.length < 2) return false;
  const short = args.length < 3;
  const callback = short ? args[1] : isCallback(args[2]) ? args[2] : args[3];
  const path = plainPath(args[0]);
  const flags = plainFlags(short ? "r" : args[1]);
  const mode = plainMode(isCallback(args[2]) ? undefined : args[2], 0o666);
  if (path === undefined || flags === undefined || mode === undefined) return false;
  if (!isCallback(callback)) return false;
  const request = onPath(on, OperationKind.Open, path);
  request.flags = flags | O_CLOEXEC;
  request.mode = mode;
  // One that is tried inline does not wait for the writer of a FIFO.
  request.offLoop = true;
  const { direct } = on.session;
  const facts = { syscall: "open", path };
  const noted = (fd: number) => {
    direct?.opened(fd, flags);
    return fd;
  };
  void on.session.scheduler.startFor(request, new ValueCall(on.deliveries, callback, facts, noted));
  return true;
}

/** fs.close(fd, callback) */
export function close(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [fd, callback] = args;
  if (!isMainThread || !isDescriptor(fd) || !isCallback(callback)) return false;
  on.session.direct?.closed(fd);
  return startPlain(on, onDescriptor(on, OperationKind.Close, fd), callback, CLOSE);
}

/** fs.fsync(fd, callback) */
export function fsync(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [fd, callback] = args;
  if (!isDescriptor(fd) || !isCallback(callback)) return false;
  return startPlain(on, onDescriptor(on, OperationKind.Fsync, fd), callback, FSYNC);
}

/** fs.fdatasync(fd, callback) */
export function fdatasync(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [fd, callback] = args;
  if (!isDescriptor(fd) || !isCallback(callback)) return false;
  return startPlain(on, onDescriptor(on, OperationKind.Fdatasync, fd), callback, FDATASYNC);
}

/** fs.ftruncate(fd, [length,] callback) */
export function ftruncate(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [fd, length = 0] = args;
  const callback = isCallback(length) ? length : args[2];
  const size = isCallback(length) ? 0 : length;
  if (!isDescriptor(fd) || !isCallback(callback) || !Number.isSafeInteger(size)) return false;
  const request = onDescriptor(on, OperationKind.Truncate, fd);
  request.offset = Math.max(0, size as number);
  return startPlain(on, request, callback, FTRUNCATE);
}

/** fs.unlink(path, callback) */
export function unlink(on: CallbackRoad, args: readonly unknown[]): boolean {
  const path = plainPath(args[0]);
  const callback = args[1];
  if (path === undefined || !isCallback(callback)) return false;
  const request = onPath(on, OperationKind.Unlink, path);
  return startPlain(on, request, callback, { syscall: "unlink", path });
}

/** fs.rmdir(path, [undefined,] callback) */
export function rmdir(on: CallbackRoad, args: readonly unknown[]): boolean {
  const path = plainPath(args[0]);
  const callback = isCallback(args[1]) ? args[1] : args[2];
  if (path === undefined || !isCallback(callback)) return false;
  if (!isCallback(args[1]) && args[1] !== undefined) return false;
  const request = onPath(on, OperationKind.Unlink, path);
  request.flags = AT_REMOVEDIR;
  return startPlain(on, request, callback, { syscall: "rmdir", path });
}

/** fs.mkdir(path, [mode | { mode },] callback); making parents is left to Node */
export function mkdir(on: CallbackRoad, args: readonly unknown[]): boolean {
  const path = plainPath(args[0]);
  const callback = isCallback(args[1]) ? args[1] : args[2];
  const mode = isCallback(args[1]) ? undefined : args[1];
  if (path === undefined || !isCallback(callback)) return false;
  if (mode !== undefined && typeof mode !== "number" && typeof mode !== "string") return false;
  const bits = plainMode(mode, 0o777);
  if (bits === undefined) return false;
  const request = onPath(on, OperationKind.Mkdir, path);
  request.mode = bits;
  return startPlain(on, request, callback, { syscall: "mkdir", path });
}

/** fs.rename(oldPath, newPath, callback) */
export function rename(on: CallbackRoad, args: readonly unknown[]): boolean {
  return twoPaths(on, OperationKind.Rename, "rename", args);
}

/** fs.link(existingPath, newPath, callback) */
export function link(on: CallbackRoad, args: readonly unknown[]): boolean {
  return twoPaths(on, OperationKind.Link, "link", args);
}

/** fs.symlink(target, path, [type,] callback); types mean something on Windows only */
export function symlink(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [target, path, type] = args;
  if (args.length === 3) return twoPaths(on, OperationKind.Symlink, "symlink", args);
  const known = type === undefined || type === null || type === "file" || type === "dir";
  if (args.length !== 4 || !known) return false;
  return twoPaths(on, OperationKind.Symlink, "symlink", [target, path, args[3]]);
}

function twoPaths(
  on: CallbackRoad,
  kind: OperationKind,
  syscall: string,
  args: readonly unknown[],
): boolean {
  const path = plainPath(args[0]);
  const dest = plainPath(args[1]);
  const callback = args[2];
  if (path === undefined || dest === undefined || !isCallback(callback)) return false;
  // The ring looks at it first, and link(2) at the other path.
  if (dest.length === 0) return false;
  const request = onPath(on, kind, path);
  request.path2 = dest;
  if (kind !== OperationKind.Symlink) request.extra = AT_FDCWD;
  return startPlain(on, request, callback, { syscall, path, dest });
}

function onDescriptor(on: CallbackRoad, kind: OperationKind, fd: number): Request {
  const request = on.request.reset(kind);
  request.fd = fd;
  return request;
}

function onPath(on: CallbackRoad, kind: OperationKind, path: string | Uint8Array): Request {
  const request = on.request.reset(kind);
  request.fd = AT_FDCWD;
  request.path = path;
  return request;
}

function startPlain(
  on: CallbackRoad,
  request: Request,
  callback: Callback,
  facts: CallFacts,
): boolean {
  // What the engine has no opcode for is no faster here than with Node.
  if (on.session.engine.capabilities.operations[request.kind] !== true) return false;
  void on.session.scheduler.startFor(request, new PlainCall(on.deliveries, callback, facts));
  return true;
}
