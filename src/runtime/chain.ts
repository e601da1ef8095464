import { errnoOf } from "../base/errors.ts";
import { OperationKind, type Request } from "../core/index.ts";
import { extrasWith } from "./extras.ts";
import type { Prepared } from "./file-operations.ts";
import type { Held } from "./held.ts";
import type { Operation } from "./operation.ts";
import type { Scheduler } from "./scheduler.ts";

const ETIME = errnoOf("ETIME", "ETIMEDOUT");

/** The kinds whose result counts bytes: one that is short of what was asked breaks a soft chain. */
const TRANSFERS: ReadonlySet<OperationKind> = new Set<OperationKind>([
  OperationKind.Read,
  OperationKind.Write,
  OperationKind.Readv,
  OperationKind.Writev,
  OperationKind.Splice,
  OperationKind.Tee,
]);

/**
 * Runs a chain one operation after the other, for engines that do not order chains themselves. The
 * rules are those of io_uring: after an error or a short transfer the rest is canceled, unless the
 * chain is hard.
 */
export function startEmulatedChain(
  scheduler: Scheduler,
  prepared: readonly Prepared[],
  hard: boolean,
): Operation<unknown>[] {
  const held: Held[] = [];
  /** The results of members that are done; those canceled before their turn have one early. */
  const results: (number | undefined)[] = prepared.map(() => undefined);
  /** Whose turn it is; -1 before the start, and while the chain is being moved on. */
  let turn = -1;
  // A loop and no recursion: a chain of any length can break at its first member.
  const move = (from: number): void => {
    turn = -1;
    let broken = false;
    for (let i = from; i < held.length; i++) {
      if (broken) held[i]?.drop();
      else if (results[i] === undefined) {
        held[i]?.release();
        // A member may be refused at once, and then has its result by now.
        if (results[i] === undefined) {
          turn = i;
          return;
        }
      }
      broken ||= !hard && isBroken(prepared[i]?.request, results[i]);
    }
  };
  prepared.forEach(({ request, extras }, i) => {
    const finish = (result: number) => {
      results[i] = result;
      if (turn === i) move(i);
    };
    held.push(
      scheduler.hold(request, extrasWith(extras, { finish: [...(extras?.finish ?? []), finish] })),
    );
  });
  move(0);
  return held.map(({ operation }) => operation);
}

/** Whether what comes after this result is to be canceled. */
function isBroken(request: Request | undefined, result: number | undefined): boolean {
  if (request === undefined || result === undefined) return true;
  // The end of its time is what a timeout was asked for.
  if (result < 0) return request.kind !== OperationKind.Timeout || result !== -ETIME;
  const wanted = bytesWanted(request);
  return wanted !== undefined && result < wanted;
}

/** How many bytes a transfer was asked for; undefined for anything else. */
function bytesWanted(request: Request): number | undefined {
  if (!TRANSFERS.has(request.kind)) return undefined;
  if (request.buffers === undefined) return request.length;
  return request.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
