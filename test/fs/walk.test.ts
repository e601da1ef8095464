import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type WalkEntry, type WalkOptions, walk } from "../../src/fs/walk.ts";
import { withTempDir } from "../support/temp-dir.ts";

async function all(path: string, options?: WalkOptions): Promise<WalkEntry[]> {
  const entries: WalkEntry[] = [];
  for await (const entry of walk(path, options)) entries.push(entry);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function makeTree(root: string): void {
  fs.mkdirSync(join(root, "a", "b", "c"), { recursive: true });
  fs.mkdirSync(join(root, "empty"));
  for (let i = 0; i < 30; i++) fs.writeFileSync(join(root, "a", "b", `é ${i}`), "x".repeat(i));
  fs.symlinkSync("b", join(root, "a", "link"));
  fs.symlinkSync("nowhere", join(root, "dangling"));
}

describe("walk", () => {
  it("yields everything once, folders before what is in them", async () => {
    await withTempDir(async (dir) => {
      makeTree(dir);
      const listed = fs.readdirSync(dir, { recursive: true }) as string[];
      // Some releases of Node follow links here.
      const expected = listed.filter((path) => !path.startsWith("a/link/")).sort();
      for (const concurrency of [1, 16]) {
        const order: string[] = [];
        for await (const { path, name, depth } of walk(dir, { concurrency })) {
          const relative = path.slice(dir.length + 1);
          order.push(relative);
          const parts = relative.split("/");
          assert.equal(name, parts.at(-1));
          assert.equal(depth, parts.length);
          const parent = parts.slice(0, -1).join("/");
          assert.ok(parent === "" || order.includes(parent), `${relative} before its folder`);
        }
        assert.deepEqual(order.sort(), expected);
      }
      const kinds = (await all(`${dir}/`)).map(({ name, kind }) => `${name} ${kind}`);
      assert.deepEqual(kinds.filter((each) => !each.startsWith("é")).sort(), [
        "a folder",
        "b folder",
        "c folder",
        "dangling link",
        "empty folder",
        "link link",
      ]);
    }, "walk");
  });

  it("says what everything is, as lstat does", async () => {
    await withTempDir(async (dir) => {
      makeTree(dir);
      fs.utimesSync(join(dir, "empty"), -1.5, 1e9 + 0.25);
      const entries = await all(dir, { stat: true });
      assert.equal(entries.length, 36);
      for (const { path, kind, stat } of entries) {
        const { mode, size, blocks, nlink, uid, gid, ino, ...times } = fs.lstatSync(path);
        const { atimeMs, mtimeMs, ctimeMs, birthtimeMs } = times;
        const { mtimeMs: modified, ...rest } = stat ?? assert.fail();
        assert.ok(Math.abs(modified - mtimeMs) < 0.001);
        assert.deepEqual(Object.keys(rest).length, 10);
        assert.deepEqual(
          [rest.mode, rest.size, rest.blocks, rest.nlink, rest.uid, rest.gid, rest.ino],
          [mode, size, blocks, nlink, uid, gid, ino],
        );
        for (const [ours, theirs] of [
          // Walking a folder is an access.
          [rest.atimeMs, kind === "folder" ? rest.atimeMs : atimeMs],
          [rest.ctimeMs, ctimeMs],
          [rest.birthtimeMs, birthtimeMs],
        ] as const) {
          assert.ok(Math.abs(ours - theirs) < 0.001, path);
        }
      }
    }, "walk");
  });

  it("asks about more than one submission holds", async () => {
    await withTempDir(async (dir) => {
      for (let i = 0; i < 1500; i++) fs.writeFileSync(join(dir, `${i}`), `${i}`);
      const entries = await all(dir, { stat: true });
      assert.equal(entries.length, 1500);
      for (const { name, stat } of entries) assert.equal(stat?.size, name.length);
    }, "walk");
  });

  it("does not enter what it is told not to", async () => {
    await withTempDir(async (dir) => {
      makeTree(dir);
      const entries = await all(dir, { enter: ({ name }) => name !== "b" });
      const names = entries.map(({ name }) => name);
      assert.deepEqual(names, ["a", "b", "link", "dangling", "empty"]);
    }, "walk");
  });

  it("fails with what cannot be read, or tells of it", async () => {
    await withTempDir(async (dir) => {
      const missing = join(dir, "none");
      const error = await fs.promises.readdir(missing).catch((reason) => reason);
      await assert.rejects(all(missing), error);
      await assert.rejects(all(missing, { keepGoing: true }), error);
      makeTree(dir);
      const entries: WalkEntry[] = [];
      for await (const entry of walk(dir, { keepGoing: true, stat: true })) {
        entries.push(entry);
        if (entry.name === "empty" && entry.error === undefined) fs.rmdirSync(entry.path);
      }
      const [first, second] = entries.filter(({ name }) => name === "empty");
      assert.ok(first !== undefined && first.error === undefined);
      assert.equal((second?.error as NodeJS.ErrnoException | undefined)?.code, "ENOENT");
      assert.equal(entries.length, 37);
    }, "walk");
  });

  it("ends with its signal, its deadline, and the loop", async () => {
    await withTempDir(async (dir) => {
      makeTree(dir);
      const controller = new AbortController();
      const loop = async () => {
        for await (const { name } of walk(dir, { signal: controller.signal })) {
          if (name === "a") controller.abort();
        }
      };
      await assert.rejects(loop(), { code: "ABORT_ERR" });
      await assert.rejects(all(dir, { signal: AbortSignal.abort() }), { code: "ABORT_ERR" });
      const slow = async () => {
        for await (const _ of walk(dir, { deadlineMs: 1 })) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      };
      await assert.rejects(slow(), { code: "ETIMEDOUT", syscall: "scandir" });
      for await (const _ of walk(dir)) break;
    }, "walk");
  });

  it("refuses what makes no sense", async () => {
    await assert.rejects(all("x", { concurrency: 0 }), { code: "ERR_OUT_OF_RANGE" });
    await assert.rejects(all(1 as unknown as string), { code: "ERR_INVALID_ARG_TYPE" });
    await assert.rejects(all("x", { deadlineMs: Number.NaN }), { code: "ERR_OUT_OF_RANGE" });
  });
});
