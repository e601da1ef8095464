import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import nodePromises from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { promises } from "../../src/fs/promises.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { compareWithNode, outcomeOf, type Promises } from "./twins.ts";

type Loose = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Calls functions of fs.promises by name, and tells how each ended. */
async function callAll(fs: Promises, calls: readonly (readonly [string, ...unknown[]])[]) {
  const found: unknown[] = [];
  for (const [name, ...args] of calls) {
    found.push([name, await outcomeOf(() => (fs as unknown as Loose)[name]?.(...args))]);
  }
  return found;
}

/** Everything below a folder: names, kinds, permission bits, contents. */
function treeOf(dir: string): unknown[] {
  return readdirSync(dir)
    .sort()
    .map((name) => {
      const path = join(dir, name);
      const stats = lstatSync(path);
      if (stats.isDirectory()) return [name, stats.mode, treeOf(path)];
      return [name, stats.mode, stats.nlink, stats.isFile() ? readFileSync(path, "latin1") : ""];
    });
}

/** What is no path, or not one that exists. */
function badPaths(dir: string): readonly unknown[] {
  const missing = join(dir, "missing", "below");
  return [
    missing,
    Buffer.from(missing),
    pathToFileURL(missing),
    new URL("http://example.org/"),
    `${dir}\0`,
    Buffer.from("a\0b"),
    "",
    undefined,
    null,
    7,
    {},
    "x".repeat(5000),
    join(dir, "y".repeat(256)),
  ];
}

describe("stat and lstat", () => {
  it("tell what node:fs tells, in objects of its classes", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      writeFileSync(file, "x".repeat(70_000));
      symlinkSync(file, join(dir, "link"));
      symlinkSync(join(dir, "missing"), join(dir, "dangling"));
      execFileSync("mkfifo", [join(dir, "fifo")]);
      const handle = await promises.open(file);
      const paths = ["/dev/null", "/proc/self/status", "/dev/shm", "/", dir, file];
      for (const name of ["link", "fifo", "dangling"]) paths.push(join(dir, name));
      for (const path of paths) {
        for (const options of [undefined, {}, { bigint: false }, { bigint: true }]) {
          if (!path.endsWith("dangling")) {
            const told = (await promises.stat(path, options)) as object;
            assert.deepStrictEqual(told, await nodePromises.stat(path, options));
            assert.deepStrictEqual(
              Reflect.ownKeys(told),
              Reflect.ownKeys((await nodePromises.stat(path, options)) as object),
            );
          }
          assert.deepStrictEqual(
            await promises.lstat(path, options),
            await nodePromises.lstat(path, options),
          );
        }
      }
      const stats = await promises.stat(file);
      assert.deepStrictEqual([stats.isFile(), stats.isDirectory()], [true, false]);
      assert.deepStrictEqual(stats.mtime, (await nodePromises.stat(file)).mtime);
      for (const options of [undefined, { bigint: true }]) {
        const told = await handle.stat(options);
        assert.deepStrictEqual(told, await nodePromises.stat(file, options));
      }
      await handle.close();
    });
  });

  it("fail as node:fs does, whatever the arguments", async () => {
    await compareWithNode((fs, dir) =>
      callAll(
        fs,
        badPaths(dir).flatMap((path) => [
          ["stat", path] as const,
          ["lstat", path] as const,
          ["stat", path, { bigint: true }] as const,
        ]),
      ),
    );
    await compareWithNode((fs) => callAll(fs, [["stat", "/nowhere", { throwIfNoEntry: false }]]));
    await compareWithNode((fs, dir) => {
      const aborted = AbortSignal.abort(new Error("enough"));
      return callAll(fs, [
        ["stat", join(dir, "missing"), null],
        ["stat", join(dir, "missing"), 7],
        ["lstat", join(dir, "missing"), "text"],
        ["stat", join(dir, "missing"), { bigint: "yes" }],
        ["stat", join(dir, "missing"), { signal: aborted }],
      ]);
    });
  });

  it("do not warn of a constructor that is deprecated", async () => {
    const { stdout, stderr } = await runNode(`
      import { stat } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
      await stat("/");
      await stat("/", { bigint: true });
      console.log("done");
    `);
    assert.equal(stdout.trim(), "done");
    assert.equal(stderr, "");
  });
});

describe("calls that change what a folder holds", () => {
  it("do what node:fs does", async () => {
    await compareWithNode(async (fs, dir) => {
      const at = (name: string) => join(dir, name);
      writeFileSync(at("file"), "text");
      writeFileSync(at("other"), "other");
      mkdirSync(at("full"));
      writeFileSync(at("full/file"), "");
      const found = await callAll(fs, [
        ["mkdir", at("a")],
        ["mkdir", at("a")],
        ["mkdir", at("b"), 0o700],
        ["mkdir", at("c"), "750"],
        ["mkdir", at("d"), { mode: 0o711 }],
        ["mkdir", at("e"), { recursive: false }],
        ["mkdir", at("f/g/h"), { recursive: true }],
        ["mkdir", at("f/g/h/i/j"), { recursive: true, mode: 0o700 }],
        ["mkdir", at("k"), null],
        ["mkdir", Buffer.from(at("l"))],
        ["mkdir", pathToFileURL(at("m"))],
        ["link", at("file"), at("hard")],
        ["link", at("file"), at("hard")],
        ["symlink", "file", at("soft")],
        ["symlink", at("a"), at("soft-dir"), "dir"],
        ["symlink", "nowhere", at("dangling"), null],
        ["symlink", "nowhere", at("dangling"), "nonsense"],
        ["symlink", "nowhere", at("dangling")],
        ["symlink", "", at("empty")],
        ["rename", at("other"), at("moved")],
        ["rename", at("missing"), at("moved")],
        ["rename", at("file"), at("full")],
        ["rename", at("b"), at("renamed")],
        ["truncate", at("moved"), 2],
        ["truncate", at("hard")],
        ["truncate", at("a")],
        ["truncate", at("missing"), 3],
        ["truncate", at("moved"), "3"],
        ["truncate", at("moved"), -3],
        ["unlink", at("soft")],
        ["unlink", at("soft-dir")],
        ["unlink", at("a")],
        ["unlink", at("missing")],
        ["rmdir", at("a")],
        ["rmdir", at("full")],
        ["rmdir", at("hard")],
        ["rmdir", at("missing")],
        ["rmdir", at("c"), {}],
        ["rmdir", at("d"), null],
        ["rmdir", at("d"), 7],
      ]);
      return [found, treeOf(dir)];
    });
  });

  it("fail as node:fs does, whatever the arguments", async () => {
    await compareWithNode(async (fs, dir) => {
      const good = join(dir, "good");
      writeFileSync(good, "");
      const calls = badPaths(dir).flatMap((path) => [
        ["unlink", path] as const,
        ["rmdir", path] as const,
        ["mkdir", path, { recursive: false }] as const,
        ["truncate", path] as const,
        ["rename", path, good] as const,
        ["rename", good, path] as const,
        ["rename", path, undefined] as const,
        ["link", path, good] as const,
        ["link", good, path] as const,
        ["symlink", path, good] as const,
        ["symlink", good, path] as const,
      ]);
      const modes = [{ mode: "9" }, { mode: -1 }, { recursive: "yes" }, { mode: 1.5 }, "x", true];
      const found = await callAll(fs, [
        ...calls,
        ...modes.map((mode) => ["mkdir", join(dir, "new"), mode] as const),
      ]);
      return [found, treeOf(dir)];
    });
  });

  it("obey the umask", async () => {
    await compareWithNode(async (fs, dir) => {
      const before = process.umask(0o077);
      try {
        await fs.mkdir(join(dir, "made"));
        return treeOf(dir);
      } finally {
        process.umask(before);
      }
    });
  });

  it("do as much at once as they are asked to", async () => {
    await withTempDir(async (dir) => {
      const names = Array.from({ length: 4500 }, (_, i) => join(dir, `folder-${i}`));
      await Promise.all(names.map((name) => promises.mkdir(name)));
      assert.equal(readdirSync(dir).length, 4500);
      const stats = await Promise.all(names.map((name) => promises.stat(name)));
      assert.ok(stats.every((each) => each.isDirectory()));
      assert.equal(new Set(stats.map((each) => each.ino)).size, 4500);
      await Promise.all(names.map((name) => promises.rmdir(name)));
      assert.ok(names.every((name) => !existsSync(name)));
    });
  });
});

describe("functions of proactor/fs", () => {
  it("have Node's names and numbers of parameters", () => {
    for (const [name, ours] of Object.entries(promises)) {
      const node = (nodePromises as unknown as Record<string, unknown>)[name];
      if (typeof ours !== "function" || typeof node !== "function") continue;
      assert.deepEqual([name, ours.name, ours.length], [name, node.name, node.length]);
    }
  });

  it("leave everything to node:fs under its permission model", async () => {
    const flag = Number(process.versions.node.split(".")[0]) >= 24 ? "" : "experimental-";
    const program = `
      import { open, stat } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
      for (const call of [() => open("/etc/hosts"), () => stat("/etc/hosts")]) {
        console.log(await call().then(() => "allowed", (error) => error.code));
      }
    `;
    const dist = new URL("../../..", import.meta.url).pathname;
    const { stdout } = await runNode(program, {
      execArgv: [`--${flag}permission`, `--allow-fs-read=${dist}*`, "--allow-addons"],
    });
    assert.deepEqual(stdout.trim().split("\n"), ["ERR_ACCESS_DENIED", "ERR_ACCESS_DENIED"]);
  });
});

describe("a second path without a name", () => {
  it("fails as Node says, which looks at the first one before", () =>
    compareWithNode(async (fs, dir) => {
      const file = join(dir, "file");
      writeFileSync(file, "");
      const calls = ["link", "rename", "symlink"].map(
        (name) => [name, join(file, "x"), ""] as const,
      );
      return callAll(fs, calls);
    }));
});
