/** Which road an operation takes: the ring, or node:fs. */
import { PERMISSION } from "../base/permission.ts";
import { OperationKind } from "../core/index.ts";
import { Proactor, sessionOf } from "../runtime/proactor.ts";
import type { Session } from "../runtime/session.ts";

/** What an engine must do by itself, or node:fs does as well and is nearer to Node's behavior. */
const NEEDED: readonly OperationKind[] = [
  OperationKind.Open,
  OperationKind.Close,
  OperationKind.Read,
  OperationKind.Write,
  OperationKind.Fsync,
  OperationKind.Statx,
];

/**
 * The file system's own proactor: nobody else can shut it down or unreference it. Its ring is made
 * when the first operation asks for it.
 */
const own = new Proactor();

/** Undefined until it was asked for; null where node:fs does everything. */
let found: Session | null | undefined;

/** What operations run on, or undefined where they are left to node:fs. */
export function road(): Session | undefined {
  if (found !== undefined && found?.retired !== true) return found ?? undefined;
  const session = find();
  // An engine that only stands in for a better one is no answer for ever.
  if (session !== undefined) found = session;
  return session ?? undefined;
}

/** How many operations the ring has, or will have when there is room; it is not made for this. */
export function operationsInFlight(): number {
  return found ? found.scheduler.inFlight + found.scheduler.waiting : 0;
}

/** Says which engine proactor/fs runs on, why, and what would help where it is node:fs. */
export function explain(): string {
  return String(own.explain());
}

/** Undefined where the ring is asked for again by the next call. */
function find(): Session | null | undefined {
  // What a program may not do is known to node:fs alone.
  if (PERMISSION !== undefined) return null;
  const session = sessionOf(own);
  const { asynchronous, addresses, operations } = session.engine.capabilities;
  const able = asynchronous && addresses && NEEDED.every((kind) => operations[kind] === true);
  if (able) return session;
  return session.standIn === true ? undefined : null;
}
