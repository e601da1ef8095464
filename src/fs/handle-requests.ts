/** The requests of a FileHandle, but for the hot one, which its class fills by itself. */
import { INLINE_BYTES } from "../base/limits.ts";
import { type BufferView, OperationKind, Request } from "../core/index.ts";
import { type Extras, extrasWith } from "../runtime/extras.ts";
import { located } from "../runtime/failing.ts";
import type { Finisher } from "../runtime/gate.ts";
import type { Session } from "../runtime/session.ts";
import { type Flight, type MakeValue, OwnEnd } from "./handle-flight.ts";
import type { Transfer } from "./transfers.ts";

/** What every transfer of a handle is started with. */
export interface Start {
  readonly session: Session;
  readonly kind: OperationKind;
  readonly fd: number;
  readonly flight: Flight;
  readonly make: MakeValue;
  /** Whether it moves the file position; `flight.moved` is called then. */
  readonly moves: boolean;
}

/** Filled anew every time. */
const request = new Request();

/** Starts one read or write. */
export function startTransfer(start: Start, wanted: Transfer): Promise<unknown> {
  const { session, kind, fd, flight, make, moves } = start;
  const { memory, direct } = session;
  const { view, from, count, position, passed } = wanted;
  const lent = memory.leases.lend(view);
  const extras = extrasWith(undefined);
  request.reset(kind);
  request.fd = fd;
  request.offset = position;
  // Of a position, the handle knows that the file takes it.
  request.trusted = position !== -1;
  request.length = count;
  request.buffer = view;
  if (lent.held) {
    request.setAddress(lent.address + from);
    request.bufferIndex = lent.bufferIndex;
  } else {
    const part = new Uint8Array(view.buffer, view.byteOffset + from, count);
    memory.bounce(request, part, kind === OperationKind.Write, extras);
  }
  direct?.mark(request);
  request.offLoop = count > INLINE_BYTES && !request.direct;
  return startOwn(start, new OwnEnd(flight, make, passed, moves), lent.held ? undefined : extras);
}

/** Starts one readv or writev; `position` is -1 for the file position. */
export function startVectors(
  start: Start,
  buffers: readonly BufferView[],
  position: number,
): Promise<unknown> {
  const { session, kind, fd, flight, make, moves } = start;
  const { memory, direct } = session;
  const extras = extrasWith(undefined);
  request.reset(kind);
  request.fd = fd;
  request.offset = position;
  request.trusted = position !== -1;
  request.length = buffers.length;
  memory.lendAll(request, buffers, kind === OperationKind.Writev, extras);
  direct?.mark(request);
  request.offLoop = bytesOf(buffers) > INLINE_BYTES && !request.direct;
  const copied = extras.last !== undefined;
  return startOwn(start, new OwnEnd(flight, make, buffers, moves), copied ? extras : undefined);
}

/** Starts what resolves with nothing: fsync, fdatasync, and ftruncate to `size`. */
export function startVoid(
  session: Session,
  kind: OperationKind,
  fd: number,
  size: number,
  flight: Flight,
): Promise<unknown> {
  request.reset(kind);
  request.fd = fd;
  request.offset = size;
  flight.begin();
  return session.scheduler.startPlain(request, new OwnEnd(flight, nothing, undefined, false));
}

function bytesOf(buffers: readonly BufferView[]): number {
  let bytes = 0;
  for (const { byteLength } of buffers) bytes += byteLength;
  return bytes;
}

function nothing(): undefined {
  return undefined;
}

function startOwn(start: Start, end: Finisher, extras: Extras | undefined): Promise<unknown> {
  const { scheduler } = start.session;
  start.flight.begin();
  if (extras === undefined) return scheduler.startPlain(request, end);
  const failed = (error: unknown): never => {
    throw located(end.finish(error as Error, undefined) as Error, failed);
  };
  return scheduler
    .start(request, extras)
    .then((result) => end.finish(result as number, undefined), failed);
}
