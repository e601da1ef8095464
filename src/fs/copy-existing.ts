/** What becomes of files and links that the target of a copy has already. */
import type { Stats } from "node:fs";
import type { CopyTreeOptions } from "./copy-tree.ts";
import { nodePromises } from "./node.ts";

/** The most that equal times differ by, in ms: futimes(3) takes them as floating-point seconds. */
const TIME_TOLERANCE_MS = 0.01;

/** What `force`, `errorOnExist` and `skip` say together. */
export interface ExistingPolicy {
  /** Whether the target has to be looked at before a copy. */
  readonly asks: boolean;
  /** Whether what is the same stays. */
  readonly same: boolean;
  /** What becomes of the rest. */
  readonly other: "replace" | "skip" | "fail";
}

/** Reads the options. */
export function existingPolicy(options: CopyTreeOptions): ExistingPolicy {
  const { force = true, errorOnExist = false, skip } = options;
  let other: ExistingPolicy["other"] = "replace";
  if (skip === "existing") other = "skip";
  else if (!force) other = errorOnExist ? "fail" : "skip";
  const same = skip === "same";
  return { asks: same || other === "skip", same, other };
}

/**
 * Whether a file or a link of the target stays as it is. A folder in its place does not: that is a
 * failure of the copy.
 */
export async function staysAsItIs(
  source: string,
  target: string,
  { same, other }: ExistingPolicy,
): Promise<boolean> {
  const there = await statusOf(target);
  if (there === undefined || there.isDirectory()) return false;
  if (other === "skip") return true;
  if (!same) return false;
  const wanted = await nodePromises.lstat(source);
  if (wanted.isSymbolicLink() && there.isSymbolicLink()) {
    const [says, said] = await Promise.all([
      nodePromises.readlink(source),
      nodePromises.readlink(target),
    ]);
    return says === said;
  }
  return wanted.isFile() && there.isFile() && sameContent(wanted, there);
}

function sameContent(a: Stats, b: Stats): boolean {
  return a.size === b.size && Math.abs(a.mtimeMs - b.mtimeMs) < TIME_TOLERANCE_MS;
}

async function statusOf(path: string): Promise<Stats | undefined> {
  try {
    return await nodePromises.lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
