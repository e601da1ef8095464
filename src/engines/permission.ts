/** What a runtime that decides by path leaves to an engine of ours. */
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

/**
 * Deno keeps a table of its own: a descriptor that node:fs did not open is EBADF to node:fs there,
 * so that streams, and whatever an engine leaves to node:fs, would fail. And what it allows by path
 * (`--allow-read`) it asks in its functions, as Node does.
 */
const DENOS_OWN: ReadonlySet<number> = new Set([
  OperationKind.Open,
  OperationKind.Close,
  OperationKind.Statx,
  OperationKind.Unlink,
  OperationKind.Rename,
  OperationKind.Mkdir,
  OperationKind.Symlink,
  OperationKind.Link,
]);

function notOurs(): ReadonlySet<number> | undefined {
  if (process.versions.deno !== undefined) return DENOS_OWN;
  return PERMISSION === undefined ? undefined : NODES_OWN;
}

/** The operations of an engine, by kind, less those that node:fs has to do here. */
export function permitted(operations: readonly boolean[]): readonly boolean[] {
  const theirs = notOurs();
  if (theirs === undefined) return operations;
  return operations.map((can, kind) => can && !theirs.has(kind));
}
