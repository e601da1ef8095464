import { type EngineCapabilities, OPERATIONS, OperationKind } from "../../core/index.ts";

/** What no function of node:fs does. */
const IMPOSSIBLE: ReadonlySet<number> = new Set([
  OperationKind.SyncFileRange,
  OperationKind.Fallocate,
  OperationKind.Fadvise,
  OperationKind.Splice,
  OperationKind.Tee,
  OperationKind.Poll,
]);

/** What the thread pool can do, on every system and in every release of Node. */
export const CAPABILITIES: EngineCapabilities = {
  operations: OPERATIONS.map((_, kind) => !IMPOSSIBLE.has(kind)),
  // A thread of libuv's pool is parked behind every request.
  asynchronous: false,
  addresses: false,
  links: false,
  drain: false,
  deadline: false,
  // Until it is committed, and a timeout until it fires: Node has no way to take anything back
  // from libuv, not even what no thread has begun.
  cancel: "waiting",
  registeredBuffers: false,
  registeredFiles: false,
  // Callbacks come from the event loop, which does not turn while we block.
  wait: false,
  direct: false,
};
