import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, it } from "node:test";
import { openFlags } from "../../src/abi/open-flags.ts";
import { errnoOf } from "../../src/base/errors.ts";
import { fsyncFolderOf, nameStart } from "../../src/fs/calls.ts";
import { constants } from "../../src/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";

/** What node:fs says on other systems (fcntl.h of the Windows CRT and of macOS). */
const WINDOWS = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0x100,
  O_EXCL: 0x400,
  O_TRUNC: 0x200,
  O_APPEND: 0x8,
};
const MACOS = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0x200,
  O_EXCL: 0x800,
  O_NOCTTY: 0x20000,
  O_TRUNC: 0x400,
  O_APPEND: 0x8,
  O_DIRECTORY: 0x100000,
  O_NOFOLLOW: 0x100,
  O_SYNC: 0x80,
  O_DSYNC: 0x400000,
  O_NONBLOCK: 0x4,
};

describe("flags of open", () => {
  it("are the running system's own, and 0 where it has none", () => {
    for (const system of [WINDOWS, MACOS]) {
      const flags = openFlags(system);
      const { O_ACCMODE, ...rest } = flags;
      assert.equal(O_ACCMODE, 3);
      const known = Object.fromEntries(Object.entries(rest).filter(([, bits]) => bits !== 0));
      const { O_RDONLY: _, ...expected } = system;
      assert.deepEqual(known, expected);
    }
  });

  it("are node:fs' wherever it has them, in what is exported", () => {
    const own = constants as Readonly<Record<string, unknown>>;
    const theirs = Object.entries(fs.constants).filter(([name]) => /^O_(?!SYMLINK)/.test(name));
    for (const [name, bits] of theirs.filter(([name]) => name in own)) {
      assert.equal(own[name], bits, name);
    }
    assert.ok(theirs.length > 5);
  });
});

describe("errnoOf", () => {
  it("falls back to another name where the system lacks the first", () => {
    assert.equal(errnoOf("ENOSUCHERROR", "ETIMEDOUT"), errnoOf("ETIMEDOUT"));
    assert.throws(() => errnoOf("ENOSUCHERROR"), { code: "ERR_PROACTOR_INVARIANT" });
  });
});

describe("a durable write", () => {
  it("finds the name in a path with drive letters and backslashes", () => {
    const nameOf = (path: string, separator: string) =>
      path.slice(nameStart(Buffer.from(path), separator));
    const names = [
      "C:\\data\\file",
      "C:/data/file",
      "C:\\data/some\\file",
      "C:file",
      "\\\\host\\share\\file",
      "file",
    ].map((path) => nameOf(path, "\\"));
    assert.deepEqual(names, new Array(6).fill("file"));
    assert.equal(nameOf("/tmp/a\\b:c", "/"), "a\\b:c");
  });

  it("leaves the folder alone where folders cannot be opened", async () => {
    await fsyncFolderOf("/no/such/folder/file", 0);
    if (constants.O_DIRECTORY === 0) return;
    await assert.rejects(fsyncFolderOf("/no/such/folder/file"), { code: "ENOENT" });
  });
});

describe("a runtime that keeps a table of descriptors, and has no null for no error", () => {
  it("opens and closes by node:fs, copies a tree, and reads on the engine", async () => {
    const text = `
      import fs from "node:fs";
      import { tmpdir } from "node:os";
      import { join } from "node:path";
      const versions = { ...process.versions, deno: "2.9.6" };
      Object.defineProperty(process, "versions", { value: versions });
      for (const name of ["open", "lstat", "stat", "fchmod", "copyFile", "statfs", "unlink"]) {
        const original = fs[name];
        fs[name] = (...args) => {
          const done = args.pop();
          original(...args, (error, ...results) => done(error ?? undefined, ...results));
        };
      }
      const { Proactor } = await import(${JSON.stringify(moduleUrl("src/index.ts"))});
      const { copyTree } = await import(${JSON.stringify(moduleUrl("src/fs/index.ts"))});
      const p = new Proactor();
      const dir = fs.mkdtempSync(join(tmpdir(), "proactor-table-"));
      fs.mkdirSync(join(dir, "from"));
      fs.writeFileSync(join(dir, "from", "file"), "hello");
      await copyTree(join(dir, "from"), join(dir, "to"));
      const fd = await p.open(join(dir, "to", "file"));
      const bytes = Buffer.alloc(5);
      await p.read(fd, bytes, { offset: 0 });
      await p.close(fd);
      const { emulated, operations } = p.capabilities;
      const theirs = ["open", "close"].every((name) => emulated.includes(name));
      const ours = p.engine === "thread_pool" || theirs;
      console.log(String(bytes), ours, operations.includes("open"));
      await p.shutdown();
      fs.rmSync(dir, { recursive: true });`;
    const { code, stdout, stderr } = await runNode(text);
    assert.deepEqual(
      { code, stdout, stderr },
      { code: 0, stdout: "hello true true\n", stderr: "" },
    );
  });
});
