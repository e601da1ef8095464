/**
 * Whether somebody has put a file system of their own under node:fs, below its functions.
 *
 * mock-fs and its like replace the functions of `process.binding("fs")`, which all of node:fs goes
 * through. We do not, so while one of them is not Node's, everything is left to node:fs.
 */

/** The functions that a file system cannot be replaced without. */
const TOLD_BY = ["open", "read", "fstat", "stat", "writeBuffer"] as const;

type Binding = Record<string, unknown>;

/** Makes the question; asked before every call. */
export function watchBinding(): () => boolean {
  const binding = fsBinding();
  if (binding === undefined) return () => false;
  const { open, read, fstat, stat, writeBuffer } = binding;
  if (TOLD_BY.some((name) => typeof binding[name] !== "function")) return () => false;
  return () =>
    binding.open !== open ||
    binding.read !== read ||
    binding.fstat !== fstat ||
    binding.stat !== stat ||
    binding.writeBuffer !== writeBuffer;
}

function fsBinding(): Binding | undefined {
  const { binding } = process as { binding?: (name: string) => Binding };
  if (typeof binding !== "function") return undefined;
  const { noDeprecation } = process;
  // The program has not called it: no warning is due. (With --no-deprecation it is read-only.)
  Reflect.set(process, "noDeprecation", true);
  try {
    return binding.call(process, "fs");
  } catch {
    return undefined;
  } finally {
    Reflect.set(process, "noDeprecation", noDeprecation);
  }
}
