import { OperationKind, type Request } from "../core/index.ts";
import type { Prepared } from "./file-operations.ts";
import type { Operation } from "./operation.ts";
import type { Held, Scheduler } from "./scheduler.ts";

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
  prepared.forEach(({ request, extras }, i) => {
    const wanted = bytesWanted(request);
    const finish = (result: number) => {
      const next = held[i + 1];
      if (next === undefined) return;
      const broken = result < 0 || (wanted !== undefined && result < wanted);
      if (broken && !hard) next.drop();
      else next.release();
    };
    held.push(scheduler.hold(request, { ...extras, finish: [...(extras?.finish ?? []), finish] }));
  });
  held[0]?.release();
  return held.map(({ operation }) => operation);
}

/** How many bytes a transfer was asked for; undefined for anything else. */
function bytesWanted(request: Request): number | undefined {
  if (!TRANSFERS.has(request.kind)) return undefined;
  if (request.buffers === undefined) return request.length;
  return request.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
