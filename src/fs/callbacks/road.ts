import { INLINE_BYTES } from "../../base/limits.ts";
import { type BufferView, Request } from "../../core/index.ts";
import { type Deliveries, deliveriesOf } from "../../runtime/deliveries.ts";
import { type Extras, extrasWith } from "../../runtime/extras.ts";
import { markHandled } from "../../runtime/operation.ts";
import { type Receiver, tell } from "../../runtime/receiver.ts";
import type { Session } from "../../runtime/session.ts";
import { road } from "../road.ts";

/** What callbacks run on. */
export interface CallbackRoad {
  readonly session: Session;
  readonly deliveries: Deliveries;
  /** Filled anew for every call. */
  readonly request: Request;
}

let found: CallbackRoad | undefined;

/** What callbacks run on, or undefined where they are left to node:fs. */
export function callbackRoad(): CallbackRoad | undefined {
  if (found !== undefined) return found;
  const session = road();
  if (session === undefined) return undefined;
  found = { session, deliveries: deliveriesOf(session), request: new Request() };
  return found;
}

/** Starts the road's request with one piece of the caller's memory. */
export function startTransfer(
  { session, request }: CallbackRoad,
  view: BufferView,
  writes: boolean,
  receiver: Receiver,
): void {
  const { memory, scheduler } = session;
  request.buffer = view;
  request.offLoop = request.length > INLINE_BYTES;
  const lent = memory.leases.lend(view);
  if (lent.held) {
    request.addressLow = lent.addressLow;
    request.addressHigh = lent.addressHigh;
    request.bufferIndex = lent.bufferIndex;
    void scheduler.startFor(request, receiver);
    return;
  }
  const extras = extrasWith(undefined);
  memory.bounce(request, view, writes, extras);
  startWith(session, request, extras, receiver);
}

/** The same with several pieces. */
export function startVectors(
  { session, request }: CallbackRoad,
  views: readonly BufferView[],
  writes: boolean,
  receiver: Receiver,
): void {
  const extras = extrasWith(undefined);
  request.length = views.length;
  session.memory.lendAll(request, views, writes, extras);
  if (extras.last === undefined) void session.scheduler.startFor(request, receiver);
  else startWith(session, request, extras, receiver);
}

/** Starts a request of which more is to be done before its receiver is told. */
function startWith(session: Session, request: Request, extras: Extras, receiver: Receiver): void {
  extras.finish ??= [];
  extras.finish.push((result) => tell(receiver, result));
  markHandled(session.scheduler.start(request, extras));
}
