import { abortError, errnoOf, errorWithoutStack, ProactorError } from "../base/errors.ts";
import { type BufferView, OPERATIONS, OperationKind, type Request } from "../core/index.ts";
import { type Extras, extrasWith } from "./extras.ts";
import { errorFrom } from "./failing.ts";
import { type Completion, fail, type Operation, succeed } from "./operation.ts";

const ECANCELED = -errnoOf("ECANCELED");
const EINTR = -errnoOf("EINTR");
const ETIME = errnoOf("ETIME", "ETIMEDOUT");
const ENOTSUP = -errnoOf("ENOTSUP");
const ETIMEDOUT = -errnoOf("ETIMEDOUT");
/** ERESTARTSYS to ERESTART_RESTARTBLOCK: what a system call would be restarted for. */
const RESTARTS = { first: -516, last: -512 } as const;

/** Which operations yield nothing: their promise resolves with undefined. */
export const YIELDS_NOTHING: readonly boolean[] = OPERATIONS.map(
  (_, kind) =>
    kind === OperationKind.Close ||
    (kind >= OperationKind.Fsync && kind <= OperationKind.Link && kind !== OperationKind.Statx) ||
    kind === OperationKind.Timeout,
);

/**
 * Settles an operation the long way: a failure, or an operation of which more is known. Its promise
 * settles first, then callback, queue and listeners have their turn.
 */
export function settle(
  operation: Operation<unknown>,
  kind: OperationKind,
  result: number,
  extras: Extras | undefined,
): void {
  const end = result < 0 ? endOf(result, extras) : result;
  let spoiled: Error | undefined;
  for (const finish of extras?.finish ?? []) {
    const said = attempt(finish, end);
    if (said instanceof Error) spoiled ??= said;
  }
  if (extras?.last !== undefined) for (const last of extras.last) attempt(last, end);
  let value: unknown = end;
  let error: Error | undefined;
  const good = end >= 0 || (kind === OperationKind.Timeout && end === -ETIME);
  if (good && spoiled === undefined && extras?.convert !== undefined) {
    value = attempt(extras.convert, end);
    if (value instanceof Error) spoiled = value;
  }
  if (good && spoiled === undefined) {
    if (YIELDS_NOTHING[kind]) value = undefined;
    succeed(operation, value);
  } else {
    value = undefined;
    error = spoiled ?? errorOf(kind, end, extras);
    value = undefined;
    fail(operation, error, end === ECANCELED);
  }
  if (extras !== undefined) notify(operation, value, error, extras);
}

/** Settles what no engine here can do: it fails like anything else, and says what would help. */
export function refuse(
  engine: string,
  request: Request,
  operation: Operation<unknown>,
  extras: Extras | undefined,
): void {
  const { name } = OPERATIONS[request.kind] as { name: string };
  const error = new ProactorError(
    "ERR_PROACTOR_UNSUPPORTED",
    `The engine ${engine} cannot do ${name}, and nothing emulates it`,
    "Ask proactor.capabilities.operations first, and proactor.explain() for the other engines",
  );
  settle(operation, request.kind, ENOTSUP, extrasWith(extras, { explain: () => error }));
}

/**
 * The error of an operation that failed. It has no stack, as Node gives callbacks; a promise that
 * rejects with it gives it the stack of whoever awaits.
 */
export function errorOf(kind: OperationKind, result: number, extras: Extras | undefined): Error {
  const { syscall } = OPERATIONS[kind] as { syscall: string };
  if (extras?.reason !== undefined) {
    return errorWithoutStack(extras.reason, syscall, extras.path, extras.dest);
  }
  if (result === ECANCELED) {
    if (extras?.canceled === "aborted") return abortError(extras.options?.signal);
    const deadlineAt = extras?.deadlineAt;
    if (deadlineAt !== undefined && performance.now() >= deadlineAt) {
      const detail = `deadline of ${extras?.options?.deadlineMs} ms`;
      return errorWithoutStack(ETIMEDOUT, syscall, extras?.path, extras?.dest, detail);
    }
  }
  const known = extras?.explain?.(result);
  return known ?? errorWithoutStack(result, syscall, extras?.path, extras?.dest);
}

function notify(
  operation: Operation<unknown>,
  result: unknown,
  error: Error | undefined,
  extras: Extras,
): void {
  const { options, listeners } = extras;
  const callback = options?.callback as ((error: Error | null, result?: unknown) => void) | null;
  if (callback) guarded(() => (error ? callback(error) : callback(null, result)));
  if (listeners === undefined && options?.queue === undefined) return;
  const completion = { operation, result, error, userData: options?.userData };
  if (options?.queue) guarded(() => options.queue?.push(completion as Completion<never>));
  for (const listener of listeners ?? []) guarded(() => listener(completion as Completion<never>));
}

/** Whether the memory under a view was taken away from it. Asked after every read, so cheaply. */
export function isDetached(memory: BufferView): boolean {
  if ((memory as Uint8Array).length !== 0) {
    // Of a DataView, `length` is undefined and `byteLength` throws once it is detached.
    return memory instanceof DataView && memory.buffer.byteLength === 0;
  }
  return memory.buffer.byteLength === 0;
}

/**
 * A request that the kernel gave up on in the middle says so with EINTR, or with a number that was
 * never meant for us (splice does). It is a cancellation if anybody asked for one.
 */
export function endOf(result: number, extras: Extras | undefined): number {
  if (extras?.reason !== undefined) return extras.reason;
  const restart = result >= RESTARTS.first && result <= RESTARTS.last;
  if (!restart && result !== EINTR) return result;
  const late = extras?.deadlineAt !== undefined && performance.now() >= extras.deadlineAt;
  return late || extras?.canceled !== undefined ? ECANCELED : EINTR;
}

/** What a part of an operation's end returns; or what it throws, as an error for its promise. */
function attempt(part: (result: number) => unknown, result: number): unknown {
  try {
    return part(result);
  } catch (error) {
    return errorFrom(error);
  }
}

/** An exception in user code must not keep others from their completions (HAZARDS C11). */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    throwLater(error);
  }
}

/** Makes what was thrown the program's uncaught exception, as it is in a callback of node:fs. */
export function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
