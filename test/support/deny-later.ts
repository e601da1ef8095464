import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { probeEngine } from "../../src/engines/index.ts";
import { type ChildOptions, type ChildResult, runNode } from "./child.ts";

/** Programs that are denied system calls while they run. */
export interface DenyLater {
  /** Why they cannot be run here. */
  readonly whyNot: string | false;
  /** A folder for files, removed at the end. */
  readonly folder: string;
  /** The statement that begins the denial, of `DENY_LATER`. */
  readonly deny: string;
  /** Runs a program for which `denied` is an errno and the numbers of calls: "1 426". */
  run(denied: string, source: string, options?: ChildOptions): Promise<ChildResult>;
}

/** Builds what denies calls to a program that runs. */
export function denyLater(): DenyLater {
  const folder = fs.mkdtempSync(join(tmpdir(), "proactor-deny-"));
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, "deny-later.so");
  return {
    whyNot: whyNot(library),
    folder,
    deny: `try { process.dlopen({ exports: {} }, ${JSON.stringify(library)}); } catch {}`,
    run: (denied, source, options = {}) => {
      const ours = { PROACTOR_ENGINE: undefined, PROACTOR_NO_NATIVE: undefined };
      return runNode(source, { ...options, env: { DENY_LATER: denied, ...ours, ...options.env } });
    },
  };
}

function whyNot(library: string): string | false {
  if (!probeEngine("io_uring").available) return "io_uring cannot run here";
  const source = fileURLToPath(new URL("../../../test/support/deny-later.c", import.meta.url));
  const { status, error, stderr } = spawnSync("cc", ["-shared", "-fPIC", "-o", library, source]);
  if (error !== undefined) return "There is no C compiler (cc) to build a library with";
  assert.equal(status, 0, String(stderr));
  const env = { ...process.env, DENY_LATER: "1 426", LD_PRELOAD: library };
  return spawnSync("true", { env }).status === 125 && "seccomp filters are refused here";
}
