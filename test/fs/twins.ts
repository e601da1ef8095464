import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import nodePromises from "node:fs/promises";
import { join } from "node:path";
import { promises } from "../../src/fs/promises.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** fs.promises, Node's or ours. */
export type Promises = typeof nodePromises;

/** What became of a call, in a form that can be compared. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: {
    readonly kind: string;
    readonly message: string;
    /** Own keys in order, with their values. */
    readonly keys: readonly (readonly [string, unknown])[];
  };
}

/** Awaits a call, and tells how it ended; a call that throws at once says so. */
export async function outcomeOf(call: () => unknown): Promise<Outcome> {
  let promise: unknown;
  try {
    promise = call();
  } catch (error) {
    return { value: "thrown at once", ...failure(error) };
  }
  try {
    return { value: await promise };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Outcome {
  const { name, message } = error as Error;
  const kind = `${(error as Error).constructor.name} ${name}`;
  return { error: { kind, message, keys: Object.entries(error as Error) } };
}

/**
 * Runs the same calls on node:fs/promises and on ours, each in a folder of its own with equal
 * names below it, and compares everything that `body` returns.
 */
export async function compareWithNode(
  body: (fs: Promises, dir: string) => Promise<unknown>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const results: unknown[] = [];
    for (const [name, fs] of [
      ["node", nodePromises],
      ["ours", promises],
    ] as const) {
      const folder = join(dir, name);
      mkdirSync(folder);
      const result = await body(fs, folder);
      results.push(withoutFolder(result, folder));
    }
    assert.deepStrictEqual(results[1], results[0]);
  }, "fs");
}

/** The two folders differ in their names, and messages have them. */
function withoutFolder(value: unknown, folder: string): unknown {
  if (typeof value === "string") return value.replaceAll(folder, "<folder>");
  if (Array.isArray(value)) return value.map((each) => withoutFolder(each, folder));
  if (value === null || typeof value !== "object") return value;
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, withoutFolder(each, folder)]),
  );
}
