import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import * as linux from "../abi/errno.ts";
import { IS_LINUX } from "../abi/open-flags.ts";
import { descriptorOf } from "./descriptor.ts";

/**
 * The operating system refused an operation. Shaped as node:fs shapes it: a plain `Error` whose
 * own enumerable keys are `errno`, `code`, `syscall` and, where there is one, `path` and `dest`.
 */
export interface SystemError extends Error {
  /** Negative, as Node and the kernel report it: `-2`. */
  errno: number;
  /** Symbolic name, `"ENOENT"`. */
  code: string;
  /** The call that failed, `"open"`. */
  syscall: string;
  path?: string;
  dest?: string;
}

/**
 * Errors that libuv has no name for, although a kernel answers with them. Node prints
 * "Unknown system error -62" there; we know better.
 */
const UNNAMED: Readonly<Record<string, string>> = {
  EBADMSG: "bad message",
  ECHILD: "no child processes",
  EDEADLK: "resource deadlock avoided",
  EDOM: "numerical argument out of domain",
  EDQUOT: "disk quota exceeded",
  EIDRM: "identifier removed",
  EINPROGRESS: "operation in progress",
  EMULTIHOP: "multihop attempted",
  ENETRESET: "network dropped connection on reset",
  ENOEXEC: "exec format error",
  ENOLCK: "no locks available",
  ENOLINK: "link has been severed",
  ENOMSG: "no message of desired type",
  ENOSR: "out of streams resources",
  ENOSTR: "device is not a stream",
  ESTALE: "stale file handle",
  ETIME: "timer expired",
};

/** Linux numbers that even `os.constants.errno` leaves out. */
const UNNAMED_ON_LINUX: readonly (readonly [number, string, string])[] = [
  [15, "ENOTBLK", "block device required"],
  [82, "ELIBMAX", "attempting to link in too many shared libraries"],
  [85, "ERESTART", "interrupted system call should be restarted"],
  [117, "EUCLEAN", "structure needs cleaning"],
  [123, "ENOMEDIUM", "no medium found"],
  [124, "EMEDIUMTYPE", "wrong medium type"],
  [126, "ENOKEY", "required key not available"],
  [130, "EOWNERDEAD", "owner died"],
  [131, "ENOTRECOVERABLE", "state not recoverable"],
];

/** `[name, text]` by negative number; made on the first error. */
let textByErrno: ReadonlyMap<number, readonly [string, string]> | undefined;
/** Positive number by name; made with the other. */
let errnoByName: ReadonlyMap<string, number> | undefined;

function texts(): ReadonlyMap<number, readonly [string, string]> {
  if (textByErrno !== undefined) return textByErrno;
  const map = new Map<number, readonly [string, string]>(getSystemErrorMap());
  for (const [name, errno] of Object.entries(constants.errno)) {
    const text = UNNAMED[name];
    if (text !== undefined && !map.has(-errno)) map.set(-errno, [name, text]);
  }
  // No other system gives ESTALE this number.
  if (constants.errno.ESTALE === 116) {
    for (const [errno, name, text] of UNNAMED_ON_LINUX) {
      if (!map.has(-errno)) map.set(-errno, [name, text]);
    }
  }
  textByErrno = map;
  return map;
}

/**
 * The number of an error on this platform, positive as in errno(3): a result is the negative of
 * it. `errnoOf("ENOENT")` is 2 on Linux; on Windows these are libuv's numbers. Throws for a name
 * that the platform lacks.
 *
 * @param instead What stands for it on a platform without such an error.
 */
export function errnoOf(name: string, instead?: string): number {
  errnoByName ??= new Map([...texts()].map(([errno, [code]]) => [code, -errno]));
  const errno = errnoByName.get(name) ?? rareErrno(name);
  if (errno === undefined && instead !== undefined) return errnoOf(instead);
  invariant(errno !== undefined, `This platform has no error named ${name}`);
  return errno;
}

/** What has a number here and no text, and what a runtime on Linux knows no number of (Deno). */
function rareErrno(name: string): number | undefined {
  const own = (constants.errno as Readonly<Record<string, number | undefined>>)[name];
  if (own !== undefined || !IS_LINUX) return own;
  return (linux as Readonly<Record<string, number | undefined>>)[name];
}

/** The symbolic name of a negative result: `"ENOENT"` for -2; `"UNKNOWN"` where it has none. */
export function systemErrorCode(result: number): string {
  return texts().get(result)?.[0] ?? "UNKNOWN";
}

/** Below every errno: the first number that stands for a reason of our own. */
const FIRST_REASON = -0x1_0000;
const reasons: ProactorError[] = [];

/**
 * A number that stands for a reason of our own where a negative errno is looked for, so that
 * {@link systemError} makes the error of it, with the call and the path.
 */
export function numberFor(reason: ProactorError): number {
  let at = reasons.indexOf(reason);
  if (at === -1) at = reasons.push(reason) - 1;
  return FIRST_REASON - at;
}

/** The same reason as the error of one call. */
function reasonOf(
  reason: ProactorError,
  syscall: string,
  path: string | undefined,
  dest: string | undefined,
): SystemError {
  const { code, remedy, cause } = reason;
  const message = `${reason.message}, ${syscall}`;
  const error = new ProactorError(code, message, remedy, { cause }) as ProactorError & SystemError;
  error.errno = (cause as SystemError | undefined)?.errno ?? 0;
  error.syscall = syscall;
  return addPaths(error, path, dest);
}

/** Adds what the failed call was given, where that is known later than the error itself. */
export function addPaths<T extends Error>(
  error: T,
  path: string | Uint8Array | undefined,
  dest?: string | Uint8Array,
): T {
  const told = error as T & Partial<SystemError>;
  const [shownPath, shownDest] = [shown(path), shown(dest)];
  if (shownPath !== undefined) {
    told.path = shownPath;
    told.message += ` '${shownPath}'`;
  }
  if (shownDest !== undefined) {
    told.dest = shownDest;
    told.message += ` -> '${shownDest}'`;
  }
  return error;
}

/**
 * Makes the error for a negative result, exactly as node:fs does.
 *
 * @param result A negative errno: `-2`; or what {@link numberFor} answered.
 * @param syscall The call that failed: `"open"`.
 * @param path What it was given; bytes are shown as UTF-8.
 * @param dest The second path of rename, link and symlink.
 * @param detail What node:fs could not know: appended to the message after a colon.
 */
export function systemError(
  result: number,
  syscall: string,
  path?: string | Uint8Array,
  dest?: string | Uint8Array,
  detail?: string,
): SystemError {
  const unknown = `Unknown system error ${result}`;
  const [code, text] = texts().get(result) ?? [unknown, unknown];
  const shownPath = shown(path);
  const shownDest = shown(dest);
  const reason = reasons[FIRST_REASON - result];
  if (reason !== undefined) return reasonOf(reason, syscall, shownPath, shownDest);
  let message = `${code}: ${text}, ${syscall}`;
  if (shownPath !== undefined) message += ` '${shownPath}'`;
  if (shownDest !== undefined) message += ` -> '${shownDest}'`;
  if (detail !== undefined) message += `: ${detail}`;
  // The order of these assignments is the order of the keys, which is Node's.
  const error = new Error(message) as SystemError;
  error.errno = result;
  error.code = code;
  error.syscall = syscall;
  if (shownPath !== undefined) error.path = shownPath;
  if (shownDest !== undefined) error.dest = shownDest;
  return error;
}

/** The same without a stack: Node hands such to callbacks, and a stack costs more than the call. */
export function errorWithoutStack(...args: Parameters<typeof systemError>): SystemError {
  const { stackTraceLimit } = Error;
  // Where it cannot be written (--frozen-intrinsics) the error has a stack.
  const written = Reflect.set(Error, "stackTraceLimit", 0);
  const error = systemError(...args);
  if (written) Error.stackTraceLimit = stackTraceLimit;
  return error;
}

function shown(path: string | Uint8Array | undefined): string | undefined {
  if (path === undefined || typeof path === "string") return path;
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString();
}

/** What goes wrong here and in no other library. */
export type ProactorErrorCode =
  /** The engine that was asked for cannot run here. */
  | "ERR_PROACTOR_ENGINE_UNAVAILABLE"
  /** The object was closed before. */
  | "ERR_PROACTOR_CLOSED"
  /** Buffer, offset or length do not fit what O_DIRECT requires. */
  | "ERR_PROACTOR_UNALIGNED"
  /** The engine cannot do this operation, and nothing emulates it. */
  | "ERR_PROACTOR_UNSUPPORTED"
  /** The memory was transferred or detached before the operation began. */
  | "ERR_PROACTOR_BUFFER_DETACHED"
  /** The memory may move or shrink, so that the kernel must not be given its address. */
  | "ERR_PROACTOR_BUFFER_UNSTABLE"
  /** The memory is lent to the kernel. */
  | "ERR_PROACTOR_BUFFER_LENT"
  /** The buffer did not come out of this pool, or was given back before. */
  | "ERR_PROACTOR_BUFFER_FOREIGN"
  /** A limit was reached. */
  | "ERR_PROACTOR_EXHAUSTED"
  /** The log failed before: nobody knows any more what of it is on the device. */
  | "ERR_PROACTOR_LOG_FAILED"
  /** The addon could not be loaded. */
  | "ERR_PROACTOR_NATIVE"
  /** We are wrong; see {@link invariant}. */
  | "ERR_PROACTOR_INVARIANT";

/** A refusal of our own, with what to do about it. */
export class ProactorError extends Error {
  /** Which refusal it is; stable across versions. */
  readonly code: ProactorErrorCode;
  /** What the reader of the message can do, or undefined where nothing can be done. */
  readonly remedy: string | undefined;

  /**
   * @param message Sentence case, no final period: what failed, then a colon and the state.
   */
  constructor(code: ProactorErrorCode, message: string, remedy?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.remedy = remedy;
  }

  static {
    // On the prototype, as with every built-in error, so that it is no own key.
    const name = { value: "ProactorError", writable: true, configurable: true };
    Object.defineProperty(ProactorError.prototype, "name", descriptorOf(name));
  }
}

/** Stops us where our own bookkeeping is wrong. Never caught, never used for the world's faults. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) {
    throw new ProactorError(
      "ERR_PROACTOR_INVARIANT",
      message,
      "This is a bug in proactor: please report it with the stack",
    );
  }
}

/** The error of an aborted operation, in Node's shape: `code` and `name` are its own keys. */
export class AbortError extends Error {
  /** Always `"ABORT_ERR"`. */
  readonly code = "ABORT_ERR";
  override name = "AbortError";
}

/** Makes the error for an aborted signal; the signal's reason becomes its cause. */
export function abortError(signal?: AbortSignal): AbortError {
  const options = signal === undefined ? undefined : { cause: signal.reason };
  return new AbortError("The operation was aborted", options);
}
