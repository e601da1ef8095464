/** Our FileHandle: Node's own class, with the ring under what gains by it. */
import type { ReadStream, WriteStream } from "node:fs";
import { descriptorOf } from "../base/descriptor.ts";
import { INSPECT, type InspectArguments, shownAs } from "../base/inspect.ts";
import { INLINE_BYTES } from "../base/limits.ts";
import { type BufferView, OperationKind, Request } from "../core/index.ts";
import { byteLengthOf, type Leases } from "../memory/leases.ts";
import { NO_PREAD, NO_PWRITE, NO_SEEK } from "../runtime/descriptor-facts.ts";
import type { Scheduler } from "../runtime/scheduler.ts";
import type { Session } from "../runtime/session.ts";
import { Flight, readValue, readvValue, writeValue, writevValue } from "./handle-flight.ts";
import { startTransfer, startVectors, startVoid } from "./handle-requests.ts";
import type { HandleShape, NativeHandle } from "./native-class.ts";
import { makerFor, statOf } from "./paths.ts";
import { readHeld } from "./read-file.ts";
import { adoptMethods, route } from "./streams/route.ts";
import { isPosition, isViews, readArguments, type Transfer, writeArguments } from "./transfers.ts";
import { adoptHandleCalls, type HeldDescriptor } from "./whole-file.ts";
import { isPlain, writeHeld } from "./write-file.ts";

/** Node's FileHandle as we override it: whatever is passed that is not plainly good goes there. */
interface NodeHandle {
  readonly fd: number;
  read(buffer?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<unknown>;
  write(buffer?: unknown, offset?: unknown, length?: unknown, position?: unknown): Promise<unknown>;
  readv(buffers?: unknown, position?: unknown): Promise<unknown>;
  writev(buffers?: unknown, position?: unknown): Promise<unknown>;
  truncate(length?: unknown): Promise<unknown>;
  sync(): Promise<unknown>;
  stat(options?: unknown): Promise<unknown>;
  datasync(): Promise<unknown>;
  createReadStream(...options: unknown[]): ReadStream;
  createWriteStream(...options: unknown[]): WriteStream;
  readFile(options?: unknown): Promise<unknown>;
  writeFile(data?: unknown, options?: unknown): Promise<unknown>;
  appendFile(data?: unknown, options?: unknown): Promise<unknown>;
}

/** Whether it is a handle of ours, and not a Proxy or an heir of one, and has a descriptor. */
let isOpen: (handle: FileHandle) => boolean;

/** In the place of Node's class, which is known only once there was a handle. */
const Parent = class {} as unknown as new (native: NativeHandle) => NodeHandle;

/** Of a plain transfer's own request only these fields ever change. */
const TRANSFER = new Request();
TRANSFER.trusted = true;
const READ = OperationKind.Read;
const WRITE = OperationKind.Write;
// What is larger would hold the loop while it is copied.
const MOST = INLINE_BYTES;
const { isSafeInteger } = Number;
const isView = ArrayBuffer.isView as (value: unknown) => value is BufferView;

let refs: { readonly ref: symbol; readonly unref: symbol };
let session: Session;
// Once more, because a hot path that looks them up in an object pays for it.
let scheduler: Scheduler;
let leases: Leases;

/**
 * A file that is open. Closing it, its `close` event, its transfer to a Worker and what becomes of
 * one that is forgotten are Node's; transfers are the ring's, and keep it open while they run.
 */
export class FileHandle extends Parent {
  /** Has offsets, and no rules for memory: every transfer within its buffer is a good one. */
  readonly #plain: boolean;
  readonly #seekable: boolean;
  readonly #direct: boolean;
  /** Takes a position to read, to write: a file of /proc may take one and not the other. */
  readonly #readsAt: boolean;
  readonly #writesAt: boolean;
  #flight: Flight | undefined = undefined;

  /**
   * @param facts What is so of the descriptor: any of NO_SEEK, NO_PREAD and NO_PWRITE.
   * @param direct Whether it was opened with O_DIRECT.
   */
  constructor(native: NativeHandle, facts: number, direct: boolean) {
    super(native);
    this.#seekable = (facts & NO_SEEK) === 0;
    this.#readsAt = (facts & NO_PREAD) === 0;
    this.#writesAt = (facts & NO_PWRITE) === 0;
    this.#direct = direct;
    this.#plain = this.#seekable && this.#readsAt && !direct;
  }

  override read(
    buffer?: unknown,
    offset?: unknown,
    length?: unknown,
    position?: unknown,
  ): Promise<unknown> {
    // The common case: into a buffer, from a place in the file.
    if (#plain in this && this.#plain && isView(buffer) && typeof position === "number") {
      const lent = leases.lend(buffer);
      const most = byteLengthOf(buffer, lent);
      const from = offset ?? 0;
      const count = length ?? (typeof from === "number" ? most - from : -1);
      const { fd } = this;
      if (
        lent.held &&
        fd !== -1 &&
        typeof from === "number" &&
        typeof count === "number" &&
        (from | 0) === from &&
        (count | 0) === count &&
        from >= 0 &&
        count > 0 &&
        count <= MOST &&
        from + count <= most &&
        position >= 0 &&
        isSafeInteger(position)
      ) {
        const request = TRANSFER;
        request.kind = READ;
        request.fd = fd;
        request.length = count;
        request.offset = position;
        request.buffer = buffer;
        if (from === 0) {
          request.addressLow = lent.addressLow;
          request.addressHigh = lent.addressHigh;
        } else request.setAddress(lent.address + from);
        request.bufferIndex = lent.bufferIndex;
        const flight = this.#flight ?? this.#fly();
        flight.begin();
        return scheduler.startPlain(request, flight.reads);
      }
    }
    const wanted = isOpen(this) ? readArguments(buffer, offset, length, position) : undefined;
    if (wanted === undefined || (wanted.position !== -1 && !this.#readsAt)) {
      return super.read(buffer, offset, length, position);
    }
    return this.#transfer(READ, wanted);
  }

  override write(
    buffer?: unknown,
    offset?: unknown,
    length?: unknown,
    position?: unknown,
  ): Promise<unknown> {
    const wanted = isOpen(this) ? writeArguments(buffer, offset, length, position) : undefined;
    if (wanted === undefined || (wanted.position !== -1 && !this.#writesAt)) {
      return super.write(buffer, offset, length, position);
    }
    return this.#transfer(WRITE, wanted);
  }

  override readv(buffers?: unknown, position?: unknown): Promise<unknown> {
    if (!isOpen(this) || !this.#takesVectors(buffers, position, this.#readsAt))
      return super.readv(buffers, position);
    return this.#vectors(OperationKind.Readv, buffers, position);
  }

  override writev(buffers?: unknown, position?: unknown): Promise<unknown> {
    if (!isOpen(this) || !this.#takesVectors(buffers, position, this.#writesAt))
      return super.writev(buffers, position);
    return this.#vectors(OperationKind.Writev, buffers, position);
  }

  override truncate(length: unknown = 0): Promise<unknown> {
    const good = typeof length === "number" && isSafeInteger(length) && length >= 0;
    if (!isOpen(this) || !good) return super.truncate(length);
    return startVoid(session, OperationKind.Truncate, this.fd, length, this.#fly());
  }

  override sync(): Promise<unknown> {
    if (!isOpen(this)) return super.sync();
    return startVoid(session, OperationKind.Fsync, this.fd, -1, this.#fly());
  }

  override datasync(): Promise<unknown> {
    if (!isOpen(this)) return super.datasync();
    return startVoid(session, OperationKind.Fdatasync, this.fd, -1, this.#fly());
  }

  override stat(options?: unknown): Promise<unknown> {
    const make = isOpen(this) ? makerFor(options) : undefined;
    if (make === undefined) return super.stat(options);
    const flight = this.#fly();
    flight.begin();
    return statOf(session, this.fd, make, flight);
  }

  override createReadStream(...options: unknown[]): ReadStream {
    return route(super.createReadStream(...options));
  }

  override createWriteStream(...options: unknown[]): WriteStream {
    return route(super.createWriteStream(...options));
  }

  override readFile(options?: unknown): Promise<unknown> {
    if (!isOpen(this) || this.#isDirect) return super.readFile(options);
    return this.#whole(
      this.#seekable,
      (held) => readHeld(held, options),
      () => super.readFile(options),
    );
  }

  override writeFile(data?: unknown, options?: unknown): Promise<unknown> {
    if (!isOpen(this) || this.#isDirect) return super.writeFile(data, options);
    return this.#whole(
      this.#seekable && isPlain(data),
      (held) => writeHeld(held, data, options),
      () => super.writeFile(data, options),
    );
  }

  override appendFile(data?: unknown, options?: unknown): Promise<unknown> {
    if (!isOpen(this) || this.#isDirect) return super.appendFile(data, options);
    return this.#whole(
      this.#seekable && isPlain(data),
      (held) => writeHeld(held, data, options),
      () => super.appendFile(data, options),
    );
  }

  get #isDirect(): boolean {
    return this.#seekable && this.#direct;
  }

  /**
   * Runs a call that takes several requests, and moves the file position.
   *
   * @param alone Whether others that move it have to wait. Not while a program makes the pieces
   *   that are written: it may well use the handle for that.
   * @param ours Undefined where its arguments are not plainly good, and it has done nothing.
   */
  #whole(
    alone: boolean,
    ours: (held: HeldDescriptor) => Promise<unknown> | undefined,
    nodes: () => Promise<unknown>,
  ): Promise<unknown> {
    const flight = this.#fly();
    const start = () => {
      const held = {
        fd: this.fd,
        ref: () => flight.begin(),
        unref: () => {
          if (alone) flight.moved();
          flight.end();
        },
      };
      const promise = ours(held);
      if (promise !== undefined) return promise;
      if (alone) flight.moved();
      return nodes();
    };
    return alone ? flight.move(start) : start();
  }

  #transfer(kind: OperationKind, wanted: Transfer): Promise<unknown> {
    const flight = this.#fly();
    const make = kind === READ ? readValue : writeValue;
    const start = (moves: boolean) =>
      startTransfer({ session, kind, fd: this.fd, flight, make, moves }, wanted);
    // What has no offsets has no position to move, and may wait for ever.
    if (wanted.position !== -1 || !this.#seekable) return start(false);
    return flight.move(() => start(true));
  }

  #takesVectors(
    buffers: unknown,
    position: unknown,
    takes: boolean,
  ): buffers is readonly BufferView[] {
    if (!isViews(buffers)) return false;
    // Whatever is no number is the file position.
    return typeof position !== "number" || (isPosition(position) && takes);
  }

  #vectors(
    kind: OperationKind,
    buffers: readonly BufferView[],
    position: unknown,
  ): Promise<unknown> {
    const flight = this.#fly();
    const make = kind === OperationKind.Readv ? readvValue : writevValue;
    const at = typeof position === "number" ? position : -1;
    const start = (moves: boolean) =>
      startVectors({ session, kind, fd: this.fd, flight, make, moves }, buffers, at);
    if (at !== -1 || !this.#seekable) return start(false);
    return flight.move(() => start(true));
  }

  static {
    isOpen = (handle) => #seekable in handle && handle.fd !== -1;
  }

  #fly(): Flight {
    if (this.#flight !== undefined) return this.#flight;
    const inside = this as unknown as Record<symbol, () => void>;
    const { ref, unref } = refs;
    this.#flight = new Flight(
      () => inside[ref]?.(),
      () => inside[unref]?.(),
    );
    return this.#flight;
  }
}

/**
 * Says what Node's class is, before the first handle is made. From then on that class has our
 * methods, and handles of ours are its instances: a prototype of our own would be seen by whoever
 * asks for it, and would lack what a Worker needs to be given a handle. Handles that are not ours
 * keep Node's methods.
 */
export function adoptHandle(shape: HandleShape, road: Session): void {
  session = road;
  scheduler = road.scheduler;
  leases = road.memory.leases;
  refs = shape;
  adoptHandleCalls({
    read: (handle, options) =>
      isOurs(handle) ? FileHandle.prototype.readFile.call(handle, options) : undefined,
    write: (handle, data, options) =>
      isOurs(handle) ? FileHandle.prototype.writeFile.call(handle, data, options) : undefined,
  });
  const { Base } = shape;
  // What `super(native)` makes, and what gets our private fields, is an instance of Node's class.
  Object.setPrototypeOf(FileHandle, function make(native: NativeHandle) {
    return new Base(native);
  });
  const theirs: Record<string, PropertyDescriptor> = {};
  const { constructor: _, ...ours } = Object.getOwnPropertyDescriptors(FileHandle.prototype);
  for (const [name, { value }] of Object.entries(ours)) {
    const their = Object.getOwnPropertyDescriptor(Base.prototype, name);
    if (their === undefined) continue;
    theirs[name] = descriptorOf(their);
    Object.defineProperty(Base.prototype, name, descriptorOf({ ...their, value }));
  }
  const shown = { configurable: true, writable: true, value: showHandle };
  Object.defineProperty(Base.prototype, INSPECT, descriptorOf(shown));
  adoptMethods(Base.prototype);
  // Where `super.read` is looked for.
  Object.setPrototypeOf(FileHandle.prototype, Object.create(Base.prototype, theirs));
}

/** Shows a handle of ours on one line; Node's own as Node does. */
function showHandle(this: NodeHandle, ...how: InspectArguments): string {
  const [depth, options, show] = how;
  if (!isOurs(this) && this.fd !== -1) {
    return show(this, { ...options, depth, customInspect: false });
  }
  return shownAs("FileHandle", this.fd === -1 ? { state: "closed" } : { fd: this.fd }, how);
}

/** Whether it is an open handle of ours. */
function isOurs(handle: unknown): handle is FileHandle {
  return typeof handle === "object" && handle !== null && isOpen(handle as FileHandle);
}
