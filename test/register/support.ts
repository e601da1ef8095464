import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ChildResult, runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** The preload as it is published, as `--import` takes it. */
export const REGISTER = import.meta.resolve("proactor/register");

/**
 * A preload that does nothing. With any --import, Node runs a CommonJS program from a microtask;
 * and whoever imports node:fs reads its lazy properties.
 */
const NOTHING = 'data:text/javascript,import "node:fs"; import "node:fs/promises"';

/** Settings of {@link runPreloaded} and {@link twins}. */
export interface ProgramOptions {
  /** CommonJS unless told. */
  readonly kind?: "cjs" | "mjs";
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
  /** Whether our preload comes first, which it does unless told; else one that does nothing. */
  readonly preload?: boolean;
}

/** Runs a program out of a file of its own, in its own folder, whose name becomes DIR. */
export async function runPreloaded(
  dir: string,
  source: string,
  options: ProgramOptions = {},
): Promise<ChildResult> {
  const { kind = "cjs", execArgv = [], preload = true, ...rest } = options;
  await mkdir(dir, { recursive: true });
  const file = join(dir, `program.${kind}`);
  await writeFile(file, source);
  const args = [...execArgv, "--import", preload ? REGISTER : NOTHING, file];
  const result = await runProgram(process.execPath, { ...rest, args, cwd: dir });
  const hide = (text: string) => text.replaceAll(dir, "DIR");
  return { ...result, stdout: hide(result.stdout), stderr: hide(result.stderr) };
}

/** A program's ends with and without the preload: the same output and the same exit. */
export async function twins(
  source: string,
  options: ProgramOptions = {},
): Promise<{ readonly bare: ChildResult; readonly preloaded: ChildResult }> {
  return withTempDir(async (dir) => {
    const [bare, preloaded] = await Promise.all([
      runPreloaded(join(dir, "a"), source, { ...options, preload: false }),
      runPreloaded(join(dir, "b"), source, options),
    ]);
    assert.equal(bare.timedOut, false, "Without the preload it ends");
    assert.equal(preloaded.timedOut, false, `With the preload it ends; so far ${preloaded.stdout}`);
    assert.equal(preloaded.stdout, bare.stdout, preloaded.stderr);
    assert.equal(preloaded.code, bare.code, preloaded.stderr);
    return { bare, preloaded };
  }, "register");
}

/**
 * The head of a CommonJS program: `fs`, a folder to work in, and `call(name, f)`, which notes what
 * a callback was given under a name; all of it is printed by name when there is nothing left to do.
 */
export const NOTES = `
  const fs = require("node:fs");
  const { inspect } = require("node:util");
  const notes = {};
  function shown(value) {
    if (value instanceof Error) {
      const { name, message } = value;
      return { name, message, keys: Object.entries(value), stack: value.stack.includes("\\n") };
    }
    if (ArrayBuffer.isView(value)) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      return value.constructor.name + " " + bytes.toString("latin1").replace(/\\0+$/, "");
    }
    return value;
  }
  // Which numbers descriptors have depends on what else is open.
  const isNew = (name, value) => name.startsWith("open") && Number.isInteger(value);
  function note(name, value) {
    (notes[name] ??= []).push(value);
  }
  function call(name, f) {
    return new Promise((resolve) => {
      let returned = false;
      const callback = function (...args) {
        note(name, { returned, this: this === undefined, args: args.map((arg) => (isNew(name,
          arg) ? "fd" : shown(arg))) });
        resolve(args[1]);
      };
      try {
        note(name, { value: f(callback) });
      } catch (error) {
        note(name, { thrown: shown(error), type: error.constructor.name, code: error.code });
        resolve();
      }
      returned = true;
    });
  }
  const run = (name, f, ...args) => call(name, (callback) => fs[f](...args, callback));
  // Not at the exit, where what a pipe has no room for is lost.
  process.once("beforeExit", () => {
    for (const name of Object.keys(notes).sort()) {
      console.log(name, inspect(notes[name], { depth: 9, breakLength: 100 }));
    }
  });
`;
