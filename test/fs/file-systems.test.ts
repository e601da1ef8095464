import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { moduleUrl, runProgram } from "../support/child.ts";
import { patienceMs } from "../support/patience.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** The tests that are about data; each runs with its files on the file system that is mounted. */
const FILES = ["read-file", "write-file", "handle", "append-log", "copy-file", "streams-write"];

/**
 * All of it is in namespaces of its own: when the first process ends, the kernel ends the rest and
 * unmounts everything, whatever happened.
 */
const ALONE = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation"];

/** Mounts on `$1/over`, then runs the program that follows. */
const MOUNTS = {
  FUSE: 'bindfs -o hard_remove "$1/under" "$1/over"',
  overlayfs:
    'mount -t overlay overlay "$1/over" -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work"',
};

function command(mount: string, dir: string, program: readonly string[]): string[] {
  const run = '"$@"; code=$?; umount -l "$dir/over"; exit $code';
  const script = `dir="$1"; ${mount} || exit 99; shift; ${run}`;
  return [...ALONE, "private", "sh", "-c", script, "sh", dir, ...program];
}

function prepare(dir: string): void {
  // A test becomes another user, who has to get there.
  chmodSync(dir, 0o755);
  for (const name of ["under", "lower", "upper", "work", "over"]) mkdirSync(join(dir, name));
}

/** Why such a file system cannot be mounted here, or false. */
function whyNot(mount: string): Promise<string | false> {
  if (process.platform !== "linux") return Promise.resolve("only Linux has it");
  if (process.getuid?.() !== 0) return Promise.resolve("only root can mount");
  return withTempDir((dir) => {
    prepare(dir);
    const result = spawnSync("unshare", command(mount, dir, ["true"]), { encoding: "utf8" });
    if (result.status === 0) return false;
    const [reason = ""] = `${result.error?.message ?? result.stderr}`.trim().split("\n");
    return `it cannot be mounted here: ${reason}`;
  }, "mount");
}

for (const [name, mount] of Object.entries(MOUNTS)) {
  const skip = await whyNot(mount);
  describe(`proactor/fs on ${name}`, { timeout: patienceMs(120_000) }, () => {
    const run = (dir: string, program: readonly string[]) =>
      runProgram("unshare", {
        args: command(mount, dir, [process.execPath, ...program]),
        env: { PROACTOR_TEST_DIR: join(dir, "over") },
        timeoutMs: 100_000,
      });

    it("passes the tests that are about data", { skip }, () =>
      withTempDir(async (dir) => {
        prepare(dir);
        const files = FILES.map((file) => fileURLToPath(moduleUrl(`test/fs/${file}.test.ts`)));
        const args = ["--test", "--test-concurrency=2", "--test-reporter=tap", ...files];
        const { code, stdout, stderr } = await run(dir, args);
        const failed = stdout.split("\n").filter((line) => /^ *not ok/.test(line));
        assert.deepEqual({ failed, stderr, code }, { failed: [], stderr: "", code: 0 });
        assert.ok(Number(/^# pass (\d+)$/m.exec(stdout)?.[1]) > 50, stdout);
      }, "mount"),
    );

    it("writes, appends and reads 64 files at once", { skip }, () =>
      withTempDir(async (dir) => {
        prepare(dir);
        const module = JSON.stringify(moduleUrl("src/fs/index.ts"));
        const text = `
          import { appendFile, readFile, writeFile } from ${module};
          const at = (i) => process.env.PROACTOR_TEST_DIR + "/" + i;
          const each = (body) => Promise.all(Array.from({ length: 64 }, (_, i) => body(i)));
          await each((i) => writeFile(at(i), "file " + i));
          await each((i) => appendFile(at(i), ", and more"));
          const texts = await each((i) => readFile(at(i), "utf8"));
          console.log(texts.every((text, i) => text === "file " + i + ", and more"));`;
        const program = ["--input-type=module", "--eval", text];
        const { stdout, stderr } = await run(dir, program);
        assert.deepEqual({ stdout, stderr }, { stdout: "true\n", stderr: "" });
      }, "mount"),
    );
  });
}
