/** fs.read, fs.write, fs.readv and fs.writev: each true when it has started what it was asked. */
import { INLINE_BYTES, IOV_MAX, MAX_RW_COUNT } from "../../base/limits.ts";
import { type BufferView, OperationKind } from "../../core/index.ts";
import { hasOnly, isCallback, isDescriptor, isLength, isView, plainPosition } from "./arguments.ts";
import { type Callback, TransferCall } from "./call.ts";
import { type CallbackRoad, startTransfer, startVectors } from "./road.ts";

const DEFAULT_READ_BYTES = 16384;
const READ = { syscall: "read" } as const;
const WRITE = { syscall: "write" } as const;
const OPTIONS = ["offset", "length", "position"] as const;
const OPTIONS_WITH_BUFFER = ["buffer", ...OPTIONS] as const;

/** What fs.read and fs.write take in place of single arguments. */
interface TransferOptions {
  readonly buffer?: unknown;
  readonly offset?: unknown;
  readonly length?: unknown;
  readonly position?: unknown;
}

/** fs.read(fd, [buffer, [offset, length, position | options] | options,] callback) */
export function read(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [fd, second, third, length, position, callback] = args;
  switch (args.length) {
    case 6:
      return readInto(on, fd, second, third ?? 0, length, position, callback);
    case 4:
      if (!isView(second)) return false;
      return readWith(on, fd, second, third === null ? {} : third, length);
    case 3:
      if (isView(second)) return readWith(on, fd, second, {}, third);
      return readWith(on, fd, undefined, second ?? {}, third);
    case 2:
      return readWith(on, fd, undefined, {}, second);
    default:
      return false;
  }
}

function readWith(
  on: CallbackRoad,
  fd: unknown,
  given: BufferView | undefined,
  options: unknown,
  callback: unknown,
): boolean {
  if (!isCallback(callback) || !isDescriptor(fd)) return false;
  if (!hasOnly(options, given === undefined ? OPTIONS_WITH_BUFFER : OPTIONS)) return false;
  const { buffer, offset, length, position }: TransferOptions = options;
  const view = given ?? (buffer === undefined ? Buffer.alloc(DEFAULT_READ_BYTES) : buffer);
  if (!isView(view)) return false;
  const from = offset ?? 0;
  if (!isLength(from)) return false;
  const bytes = length === undefined ? view.byteLength - from : length;
  return readInto(on, fd, view, from, bytes, position, callback);
}

function readInto(
  on: CallbackRoad,
  fd: unknown,
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
  callback: unknown,
): boolean {
  if (!isView(buffer) || !isDescriptor(fd) || !isCallback(callback)) return false;
  if (!isLength(offset) || !isLength(length) || length === 0) return false;
  const at = plainPosition(position);
  if (at === undefined) return false;
  return transfer(on, false, { fd, buffer, offset, length, position: at }, buffer, callback);
}

/** fs.write(fd, buffer, [offset, [length, [position,]]] callback), or with options or a string */
export function write(on: CallbackRoad, args: readonly unknown[]): boolean {
  const [fd, data] = args;
  if (!isDescriptor(fd)) return false;
  if (isView(data)) return writeView(on, fd, data, args);
  return typeof data === "string" && writeString(on, fd, data, args);
}

function writeView(
  on: CallbackRoad,
  fd: number,
  buffer: BufferView,
  args: readonly unknown[],
): boolean {
  let [, , offset, length, position] = args;
  const callback = args[5] || position || length || offset;
  if (!isCallback(callback)) return false;
  if (typeof offset === "object") {
    const options = offset ?? {};
    if (!hasOnly(options, OPTIONS)) return false;
    ({ offset, length, position } = options as TransferOptions);
  }
  const from = offset === undefined || offset === null || isCallback(offset) ? 0 : offset;
  if (!isLength(from)) return false;
  const bytes = typeof length === "number" ? length : buffer.byteLength - from;
  if (!isLength(bytes) || bytes === 0) return false;
  const at = typeof position === "number" ? plainPosition(position) : -1;
  if (at === undefined) return false;
  return transfer(
    on,
    true,
    { fd, buffer, offset: from, length: bytes, position: at },
    buffer,
    callback,
  );
}

function writeString(
  on: CallbackRoad,
  fd: number,
  text: string,
  args: readonly unknown[],
): boolean {
  let [, , position, encoding, callback] = args;
  if (!isCallback(callback)) {
    if (isCallback(position)) {
      callback = position;
      position = null;
    } else {
      callback = encoding;
    }
    encoding = "utf8";
  }
  if (!isCallback(callback)) return false;
  const at = typeof position === "bigint" ? undefined : plainPosition(position);
  if (at === undefined) return false;
  const name = encoding ?? "utf8";
  if (typeof name !== "string" || !Buffer.isEncoding(name)) return false;
  if (name.toLowerCase() === "hex" && text.length % 2 !== 0) return false;
  const buffer = Buffer.from(text, name);
  const { length } = buffer;
  if (length === 0) return false;
  return transfer(on, true, { fd, buffer, offset: 0, length, position: at }, text, callback);
}

/** Arguments that were looked at. */
interface Transfer {
  readonly fd: number;
  readonly buffer: BufferView;
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}

function transfer(
  on: CallbackRoad,
  writes: boolean,
  { fd, buffer, offset, length, position }: Transfer,
  told: BufferView | string,
  callback: Callback,
): boolean {
  const { byteLength } = buffer;
  if (offset + length > byteLength || length > MAX_RW_COUNT) return false;
  const request = on.request.reset(writes ? OperationKind.Write : OperationKind.Read);
  request.fd = fd;
  request.length = length;
  request.offset = position;
  const view =
    offset === 0 ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length);
  const call = new TransferCall(on.deliveries, callback, writes ? WRITE : READ, told);
  startTransfer(on, view, writes, call);
  return true;
}

/** fs.readv(fd, buffers, [position,] callback) */
export function readv(on: CallbackRoad, args: readonly unknown[]): boolean {
  return vectors(on, args, false);
}

/** fs.writev(fd, buffers, [position,] callback) */
export function writev(on: CallbackRoad, args: readonly unknown[]): boolean {
  return vectors(on, args, true);
}

function vectors(on: CallbackRoad, args: readonly unknown[], writes: boolean): boolean {
  const [fd, buffers, position] = args;
  const callback = args[3] || position;
  if (!isDescriptor(fd) || !isCallback(callback) || !Array.isArray(buffers)) return false;
  if (buffers.length > IOV_MAX || !buffers.every(isView)) return false;
  const views = buffers as readonly BufferView[];
  const bytes = views.reduce((sum, view) => sum + view.byteLength, 0);
  const at = typeof position === "number" ? plainPosition(position) : -1;
  if (bytes === 0 || bytes > MAX_RW_COUNT || at === undefined) return false;
  const request = on.request.reset(writes ? OperationKind.Writev : OperationKind.Readv);
  request.fd = fd;
  request.offset = at;
  request.offLoop = bytes > INLINE_BYTES;
  const call = new TransferCall(on.deliveries, callback, writes ? WRITE : READ, views);
  startVectors(on, views, writes, call);
  return true;
}
