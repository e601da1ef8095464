/** Keeping a FileHandle open while something is in flight on it. */
import { validateFd } from "../base/validate.ts";

/** A FileHandle, of node:fs/promises or of proactor/fs: what has a descriptor and keeps it. */
export interface FileHandleLike {
  /** The descriptor; -1 once it is closed. */
  readonly fd: number;
}

/**
 * What operations work on: a descriptor, or a FileHandle, which is held open until the operation
 * has completed: a `close()` meanwhile waits.
 */
export type Descriptor = number | FileHandleLike;

type Call = (this: FileHandleLike) => void;

/** What a call of ours works on: a descriptor that stays open until it is released. */
export interface HeldFile {
  readonly fd: number;
  release(): void;
}

/** Node's own functions, by the prototype that has them; they are not public. */
const known = new WeakMap<object, { readonly ref: Call; readonly unref: Call } | null>();

/** What Node says of a FileHandle that was closed: a code, and no number. */
export function fileClosed(syscall: string): Error {
  return Object.assign(new Error("file closed"), { code: "EBADF", syscall });
}

/** Whether it is an object that has a descriptor. */
export function isHandle(file: unknown): file is FileHandleLike {
  return typeof file === "object" && file !== null && "fd" in file;
}

/**
 * The descriptor of a FileHandle.
 *
 * @throws `EBADF` for one that was closed, `ERR_INVALID_ARG_TYPE` for what is not a FileHandle.
 */
export function openFd({ fd }: FileHandleLike, name: string, syscall = "read"): number {
  if (fd === -1) throw fileClosed(syscall);
  return validateFd(fd, name);
}

/**
 * Holds a FileHandle, so that a `close()` meanwhile waits, as it does for calls of Node itself. A
 * descriptor is its owner's to keep open.
 *
 * @throws What Node throws for something that is neither; `EBADF` for a handle that was closed.
 */
export function hold(file: Descriptor, syscall = "read", name = "fd"): HeldFile {
  if (!isHandle(file)) {
    return { fd: validateFd(file, name), release: () => undefined };
  }
  const fd = openFd(file, name, syscall);
  const calls = callsOf(file);
  if (calls === null) return { fd, release: () => undefined };
  calls.ref.call(file);
  return { fd, release: () => calls.unref.call(file) };
}

function callsOf(file: FileHandleLike): { readonly ref: Call; readonly unref: Call } | null {
  const prototype = Object.getPrototypeOf(file) as object;
  let calls = known.get(prototype);
  if (calls !== undefined) return calls;
  const ref = methodOf(prototype, "kRef");
  const unref = methodOf(prototype, "kUnref");
  calls = ref === undefined || unref === undefined ? null : { ref, unref };
  known.set(prototype, calls);
  return calls;
}

/** A method under a symbol of which only the description is known. */
function methodOf(prototype: object, description: string): Call | undefined {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const symbols = Object.getOwnPropertySymbols(at);
    const found = symbols.find((symbol) => symbol.description === description);
    if (found !== undefined) return (at as Record<symbol, Call | undefined>)[found];
  }
  return undefined;
}
