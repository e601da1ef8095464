import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type CopyTreeProgress, type CopyTreeResult, copyTree } from "../../src/fs/copy-tree.ts";
import { moduleUrl, runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const NONE = { failures: [], waiting: 0 };

/** Everything about a tree that a copy has to keep, by path. */
function describeTree(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const names = ["", ...(fs.readdirSync(root, { recursive: true }) as string[]).sort()];
  for (const name of names) {
    const path = join(root, name);
    const stat = fs.lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) found[name] = `link to ${fs.readlinkSync(path)}`;
    else if (stat.isDirectory()) found[name] = `folder ${mode}`;
    else found[name] = `file ${mode} ${fs.readFileSync(path).toString("base64")}`;
  }
  return found;
}

/** A tree with what trees have: modes, links, empty and large files, strange names. */
function makeTree(root: string): { files: number; directories: number; bytes: number } {
  const deep = join(root, "a", "b", "c");
  fs.mkdirSync(deep, { recursive: true });
  fs.mkdirSync(join(root, "empty"), { mode: 0o700 });
  const sizes = [0, 1, 4096, 100_000, 256 * 1024, 256 * 1024 + 1, 3_000_000];
  let bytes = 0;
  for (const [i, size] of sizes.entries()) {
    const data = Buffer.alloc(size, `${i}-tree`);
    fs.writeFileSync(join(deep, `file ${i} é\n`), data, { mode: i % 2 === 0 ? 0o600 : 0o755 });
    bytes += size;
  }
  fs.chmodSync(join(deep, "file 3 é\n"), 0o666);
  fs.chmodSync(join(deep, "file 2 é\n"), 0o444);
  fs.symlinkSync("../nowhere", join(root, "a", "dangling"));
  fs.symlinkSync("b/c", join(root, "a", "link"));
  fs.chmodSync(join(root, "a", "b"), 0o555);
  return { files: sizes.length, directories: 5, bytes };
}

describe("copyTree", () => {
  it("copies files, folders, links and modes", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      const counts = makeTree(source);
      const seen: CopyTreeProgress[] = [];
      const onProgress = (progress: CopyTreeProgress) => void seen.push(progress);
      const result = await copyTree(source, target, { onProgress });
      assert.deepEqual(result, { ...counts, links: 2, skipped: 0, ...NONE });
      assert.deepEqual(describeTree(target), describeTree(source));
      assert.ok(seen.length >= counts.files + counts.directories + 2);
      assert.equal(seen.at(-1)?.bytes, counts.bytes);
      const bytes = seen.map((each) => each.bytes);
      assert.deepEqual(
        bytes,
        [...bytes].sort((a, b) => a - b),
      );
      fs.chmodSync(join(source, "a", "b"), 0o755);
      fs.chmodSync(join(target, "a", "b"), 0o755);
    }, "copy");
  });

  it("keeps times when asked", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      fs.mkdirSync(join(source, "in"), { recursive: true });
      fs.writeFileSync(join(source, "in", "file"), "x");
      for (const name of ["in/file", "in", ""]) fs.utimesSync(join(source, name), 1e9, 1.1e9);
      await copyTree(source, target, { preserveTimestamps: true });
      for (const name of ["in/file", "in", ""]) {
        assert.equal(fs.statSync(join(target, name)).mtimeMs, 1.1e12, name);
      }
    }, "copy");
  });

  it("copies one file, one link, and what says that it is empty", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      fs.writeFileSync(file, "text");
      fs.symlinkSync("file", join(dir, "link"));
      assert.equal((await copyTree(file, join(dir, "copy"))).files, 1);
      assert.equal(fs.readFileSync(join(dir, "copy"), "utf8"), "text");
      assert.equal((await copyTree(join(dir, "link"), join(dir, "link 2"))).links, 1);
      assert.equal(fs.readlinkSync(join(dir, "link 2")), "file");
    }, "copy");
  });

  it("replaces what is there, unless told not to", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      for (const [root, text] of [
        [source, "new"],
        [target, "old and longer"],
      ] as const) {
        fs.mkdirSync(root);
        fs.writeFileSync(join(root, "file"), text);
        fs.symlinkSync(text, join(root, "link"));
      }
      fs.linkSync(join(target, "file"), join(dir, "other name"));
      const careful = copyTree(source, target, {
        force: false,
        errorOnExist: true,
        keepGoing: true,
      });
      const { failures } = await careful;
      const codes = failures.map(({ error }) => (error as NodeJS.ErrnoException).code);
      assert.deepEqual(codes, ["EEXIST", "EEXIST"]);
      assert.equal(fs.readFileSync(join(target, "file"), "utf8"), "old and longer");
      await copyTree(source, target);
      assert.deepEqual(describeTree(target), describeTree(source));
      assert.equal(fs.readFileSync(join(dir, "other name"), "utf8"), "old and longer");
    }, "copy");
  });

  it("keeps what the target has with force: false, as fs.cp does", async () => {
    await withTempDir(async (dir) => {
      const [source, target, theirs] = ["source", "target", "theirs"].map((n) => join(dir, n));
      for (const root of [source, target, theirs] as string[]) {
        fs.mkdirSync(root);
        fs.writeFileSync(join(root, "file"), root);
      }
      fs.writeFileSync(join(source as string, "new"), "new");
      const result = await copyTree(source as string, target as string, { force: false });
      fs.cpSync(source as string, theirs as string, { force: false, recursive: true });
      assert.deepEqual([result.files, result.skipped, result.failures.length], [1, 1, 0]);
      assert.equal(fs.readFileSync(join(target as string, "file"), "utf8"), target);
      assert.equal(fs.readFileSync(join(theirs as string, "file"), "utf8"), theirs);
      assert.deepEqual(fs.readdirSync(target as string), fs.readdirSync(theirs as string));
    }, "copy");
  });

  it("skips what is the same, and replaces what is not", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      fs.mkdirSync(source);
      for (const name of ["equal", "longer", "newer"]) fs.writeFileSync(join(source, name), name);
      fs.symlinkSync("equal", join(source, "link"));
      fs.symlinkSync("longer", join(source, "moved"));
      const options = { skip: "same", preserveTimestamps: true } as const;
      assert.equal((await copyTree(source, target, options)).skipped, 0);
      const { ino } = fs.statSync(join(target, "equal"));
      fs.appendFileSync(join(target, "longer"), "!");
      fs.utimesSync(join(target, "newer"), 1, 1);
      fs.unlinkSync(join(target, "moved"));
      fs.symlinkSync("equal", join(target, "moved"));
      const { files, links, skipped } = await copyTree(source, target, options);
      assert.deepEqual({ files, links, skipped }, { files: 2, links: 1, skipped: 2 });
      assert.equal(fs.statSync(join(target, "equal")).ino, ino);
      assert.deepEqual(describeTree(target), describeTree(source));
    }, "copy");
  });

  it("skips what is there with skip: existing, but for a folder in a file's place", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      for (const root of [source, target]) fs.mkdirSync(root);
      fs.writeFileSync(join(source, "file"), "new");
      fs.writeFileSync(join(target, "file"), "old");
      fs.writeFileSync(join(source, "other"), "new");
      fs.mkdirSync(join(target, "other"));
      const result = await copyTree(source, target, { skip: "existing", keepGoing: true });
      assert.deepEqual([result.skipped, result.failures.length], [1, 1]);
      assert.equal(fs.readFileSync(join(target, "file"), "utf8"), "old");
      const bad = { skip: "all" } as never;
      await assert.rejects(copyTree(source, target, bad), { code: "ERR_INVALID_ARG_VALUE" });
    }, "copy");
  });

  it("leaves out what the filter does, with all in it", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      for (const name of ["keep", "drop"]) {
        fs.mkdirSync(join(source, name), { recursive: true });
        fs.writeFileSync(join(source, name, "file"), name);
      }
      const asked: string[] = [];
      const filter = async (from: string, to: string) => {
        asked.push(from);
        assert.equal(to, from.replace(source, target));
        return !from.endsWith("drop");
      };
      const result = await copyTree(source, target, { filter });
      assert.equal(result.files, 1);
      assert.deepEqual(fs.readdirSync(target), ["keep"]);
      assert.equal(asked.length, 3);
    }, "copy");
  });

  it("stops at a failure, or lists all of them", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      fs.mkdirSync(source);
      fs.mkdirSync(join(target, "file 1"), { recursive: true });
      for (let i = 0; i < 3; i++) fs.writeFileSync(join(source, `file ${i}`), "x");
      const made = await runProgram("mkfifo", { args: [join(source, "fifo")] });
      assert.equal(made.code, 0);
      await assert.rejects(
        copyTree(source, target),
        (error: Error & { result?: CopyTreeResult }) => {
          assert.ok((error.result?.failures.length ?? 0) > 0);
          return true;
        },
      );
      const result = await copyTree(source, target, { keepGoing: true });
      assert.equal(result.files, 2);
      const codes = result.failures.map(({ error }) => (error as NodeJS.ErrnoException).code);
      assert.equal(codes.length, 2);
      assert.ok(codes.includes("ERR_PROACTOR_UNSUPPORTED"));
      assert.ok(codes.includes("EISDIR") || codes.includes("EPERM"));
    }, "copy");
  });

  it("leaves no half file when it is aborted, or late", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      fs.mkdirSync(source);
      for (let i = 0; i < 40; i++) fs.writeFileSync(join(source, `${i}`), Buffer.alloc(2e6, i + 1));
      const controller = new AbortController();
      const onProgress = ({ bytes }: CopyTreeProgress) => {
        if (bytes > 10e6) controller.abort(new Error("enough"));
      };
      const { signal } = controller;
      const work = copyTree(source, target, { signal, onProgress, concurrency: 4 });
      const error = await work.then(
        () => assert.fail("it was not aborted"),
        (reason: Error & { code?: string; result?: CopyTreeResult }) => reason,
      );
      assert.equal(error.code, "ABORT_ERR");
      assert.deepEqual(Object.keys(error), ["code", "name"]);
      assert.deepEqual(error.result?.failures, []);
      const there = fs.readdirSync(target);
      assert.equal(there.length, error.result?.files);
      assert.ok(there.length < 40);
      for (const name of there) {
        assert.ok(fs.readFileSync(join(target, name)).equals(fs.readFileSync(join(source, name))));
      }
      await assert.rejects(copyTree(source, target, { signal }), { code: "ABORT_ERR" });
      const late = copyTree(source, target, { deadlineMs: 0 });
      await assert.rejects(late, { code: "ETIMEDOUT" });
    }, "copy");
  });

  it("refuses to copy onto or into itself, and options that make no sense", async () => {
    await withTempDir(async (dir) => {
      const source = join(dir, "source");
      fs.mkdirSync(source);
      fs.symlinkSync("source", join(dir, "link"));
      const wrong = { code: "ERR_INVALID_ARG_VALUE" };
      await assert.rejects(copyTree(source, source), wrong);
      await assert.rejects(copyTree(source, join(source, "in", "it")), wrong);
      await assert.rejects(copyTree(source, join(dir, "link", "in")), wrong);
      await copyTree(source, `${source} 2`);
      await assert.rejects(copyTree(join(dir, "none"), dir), { code: "ENOENT", syscall: "lstat" });
      const range = { code: "ERR_OUT_OF_RANGE" };
      await assert.rejects(copyTree(source, dir, { concurrency: 0 }), range);
      await assert.rejects(copyTree(source, dir, { deadlineMs: -1 }), range);
      const onProgress = 1 as unknown as () => void;
      await assert.rejects(copyTree(source, dir, { onProgress }), { code: "ERR_INVALID_ARG_TYPE" });
      const broken = new Error("thrown by the program");
      const throws = () => {
        throw broken;
      };
      await assert.rejects(copyTree(source, `${source} 3`, { onProgress: throws }), broken);
    }, "copy");
  });

  it("does with a few descriptors", async () => {
    await withTempDir(async (dir) => {
      const [source, target] = [join(dir, "source"), join(dir, "target")];
      fs.mkdirSync(source);
      for (let i = 0; i < 500; i++) fs.writeFileSync(join(source, `${i}`), `${i}`);
      const text = `
        import { copyTree } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
        const { files } = await copyTree(...process.argv.slice(2, 4), { concurrency: 8 });
        console.log(files);`;
      const node = `ulimit -n 64; exec "$0" --input-type=module --eval "$1" -- eval "$2" "$3"`;
      const args = ["-c", node, process.execPath, text, source, target];
      const { stdout, stderr } = await runProgram("bash", { args });
      assert.deepEqual({ stdout, stderr }, { stdout: "500\n", stderr: "" });
    }, "copy");
  });
});
