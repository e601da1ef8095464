/** What Node's permission model leaves to an engine of ours. */
import { PERMISSION } from "../base/index.ts";
import { OperationKind } from "../core/index.ts";

/**
 * What Node decides by path, and what it refuses to everybody. It is left to node:fs, so that the
 * rules are Node's own, in every release. Everything else takes a descriptor that is open.
 */
const NODES_OWN: ReadonlySet<number> = new Set([
  OperationKind.Open,
  OperationKind.Fsync,
  OperationKind.Fdatasync,
  OperationKind.Statx,
  OperationKind.Unlink,
  OperationKind.Rename,
  OperationKind.Mkdir,
  OperationKind.Symlink,
  OperationKind.Link,
]);

/** The operations of an engine, by kind, less those that node:fs has to do here. */
export function permitted(operations: readonly boolean[]): readonly boolean[] {
  if (PERMISSION === undefined) return operations;
  return operations.map((can, kind) => can && !NODES_OWN.has(kind));
}
