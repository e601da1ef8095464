/** Keeping a FileHandle open while something is in flight on it. */
import type { FileHandle } from "node:fs/promises";
import { validateFd } from "../base/validate.ts";
import { fileClosed } from "./calls.ts";

type Call = (this: FileHandle) => void;

/** What a call of ours works on: a descriptor that stays open until it is released. */
export interface HeldFile {
  readonly fd: number;
  release(): void;
}

/** Node's own functions, by the prototype that has them; they are not public. */
const known = new WeakMap<object, { readonly ref: Call; readonly unref: Call } | null>();

/**
 * Holds a FileHandle, so that a `close()` meanwhile waits, as it does for calls of Node itself. A
 * descriptor is its owner's to keep open.
 *
 * @throws What Node throws for something that is neither; `EBADF` for a handle that was closed.
 */
export function hold(file: FileHandle | number, syscall: string, name = "fd"): HeldFile {
  if (typeof file !== "object" || file === null || !("fd" in file)) {
    return { fd: validateFd(file, name), release: () => undefined };
  }
  const { fd } = file;
  if (fd === -1) throw fileClosed(syscall);
  validateFd(fd, name);
  const calls = callsOf(file);
  if (calls === null) return { fd, release: () => undefined };
  calls.ref.call(file);
  return { fd, release: () => calls.unref.call(file) };
}

function callsOf(file: FileHandle): { readonly ref: Call; readonly unref: Call } | null {
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
