import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { REGISTER } from "../register/support.ts";
import { runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const PROGRAM = fileURLToPath(new URL("./out-of-room-program.js", import.meta.url));
const OURS = import.meta.resolve("proactor/fs");
const KiB = 1024;
const SOURCE_BYTES = 3 * KiB * KiB;

/** Whether a program is there. */
function isThere(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** What the program prints, one line per form. */
async function linesOf(
  dir: string,
  source: string,
  way: { readonly limit?: number; readonly from?: string; readonly preload?: boolean },
): Promise<string[]> {
  const preload = way.preload === true ? ["--import", REGISTER] : [];
  const node = [process.execPath, ...preload, PROGRAM, dir, ...(way.from ? [way.from] : [])];
  const limited = way.limit === undefined ? [] : ["prlimit", `--fsize=${way.limit}`];
  // The signal would end the program before it sees the error.
  const args = ["-c", "trap '' XFSZ; exec \"$@\"", "sh", ...limited, ...node];
  const result = await runProgram("sh", { args, env: { SOURCE: source }, timeoutMs: 120_000 });
  assert.equal(result.code, 0, result.stderr);
  return result.stdout.trimEnd().split("\n");
}

/** Fails unless node:fs, ours, and node:fs under the preload end alike, and nothing is lost. */
async function compare(dir: string, source: string, limit?: number): Promise<void> {
  const room = limit === undefined ? {} : { limit };
  const expected = await linesOf(dir, source, room);
  assert.ok(expected.length > 15);
  for (const line of expected) assert.match(line, /EFBIG|ENOSPC|true|\d+;/);
  assert.deepEqual(await linesOf(dir, source, { ...room, from: OURS }), expected);
  assert.deepEqual(await linesOf(dir, source, { ...room, preload: true }), expected);
}

describe("a file that may not grow any more", () => {
  const why = isThere("prlimit") ? false : "prlimit of util-linux is not installed";
  for (const limit of [700 * KiB, KiB * KiB - 1, 1000 + 65_536 + 350_001]) {
    it(`fails with EFBIG behind the ${limit} bytes it may have`, { skip: why }, () =>
      withTempDir(async (dir) => {
        const source = join(dir, "source");
        writeFileSync(source, Buffer.alloc(SOURCE_BYTES, "s"));
        await compare(join(dir, "in"), source, limit);
      }, "fsize"),
    );
  }
});

describe("a file system that is full", () => {
  let why: string | false = false;
  let at = "";
  let unmount = () => {};
  before(() => {
    at = join("/tmp", `proactor-full-${process.pid}`);
    mkdirSync(at);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=700k", "proactor", at], {
        stdio: "ignore",
      });
      unmount = () => void execFileSync("umount", [at]);
    } catch {
      why = "Nothing can be mounted here";
    }
  });
  after(() => {
    unmount();
    execFileSync("rmdir", [at]);
  });
  it("fails with ENOSPC behind what it has room for", (t) => {
    if (why !== false) return t.skip(why);
    return withTempDir(async (dir) => {
      const source = join(dir, "source");
      writeFileSync(source, Buffer.alloc(SOURCE_BYTES, "s"));
      await compare(join(at, "in"), source);
    }, "full");
  });
});
