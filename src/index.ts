/**
 * True asynchronous I/O: submit, go on, be told.
 *
 * @packageDocumentation
 */
import { Proactor } from "./runtime/proactor.ts";

export * as constants from "./abi/linux-flags.ts";
export {
  AbortError,
  ProactorError,
  type ProactorErrorCode,
  type SystemError,
} from "./base/errors.ts";
export type { PathLike } from "./base/validate.ts";
export type { BufferView, EngineName } from "./core/index.ts";
export type { PoolStats } from "./memory/pool.ts";
export type { BufferPool } from "./runtime/buffer-pool.ts";
export type { CompletionQueue } from "./runtime/completion-queue.ts";
export type * from "./runtime/descriptors.ts";
export type { Explanation } from "./runtime/explain.ts";
export type { OperationOptions } from "./runtime/extras.ts";
export type { Descriptor, FileHandleLike } from "./runtime/file-handle.ts";
export {
  type CancelOutcome,
  type Completion,
  Operation,
  type OperationStatus,
} from "./runtime/operation.ts";
export { type Capabilities, Proactor, type ProactorOptions } from "./runtime/proactor.ts";
export type { Statx } from "./runtime/statx.ts";

/** The shared instance of this thread. It starts nothing before its first operation. */
export const proactor: Proactor = new Proactor();
