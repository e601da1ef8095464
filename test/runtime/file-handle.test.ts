import assert from "node:assert/strict";
import fs from "node:fs";
import * as nodes from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import * as ours from "../../src/fs/index.ts";
import { describeOnSystem, withProactor } from "../support/conformance.ts";
import { withTempDir } from "../support/temp-dir.ts";

describeOnSystem("a FileHandle in the place of a descriptor", (engine) => {
  for (const [whose, open] of [
    ["of node:fs", nodes.open],
    ["of proactor/fs", ours.open],
  ] as const) {
    it(`is read, written, asked and synced: ${whose}`, () =>
      withTempDir(async (dir) => {
        await withProactor({ engine }, async (p) => {
          const handle = await open(join(dir, "file"), "w+");
          const memory = Buffer.alloc(4);
          assert.equal(await p.write(handle, Buffer.from("0123456789"), { offset: 0 }), 10);
          assert.equal(await p.read(handle, memory, { offset: 2 }), 4);
          assert.equal(await p.promises.read(handle, memory, { offset: 3 }), 4);
          assert.equal(String(memory), "3456");
          assert.equal(await p.readv(handle, [memory], { offset: 6 }), 4);
          assert.equal((await p.statx(handle)).size, 10);
          await p.fsync(handle);
          const batch = [{ op: "read", fd: handle, buffer: memory, offset: 1 }] as const;
          assert.deepEqual(await Promise.all(p.batch(batch)), [4]);
          assert.deepEqual(await Promise.all(p.chain(batch)), [4]);
          await handle.close();
          assert.throws(() => p.read(handle, memory), { code: "EBADF" });
        });
      }, "file-handle"));

    it(`stays open until the operation has completed: ${whose}`, () =>
      withTempDir(async (dir) => {
        const path = join(dir, "file");
        fs.writeFileSync(path, Buffer.alloc(1 << 20, "x"));
        await withProactor({ engine }, async (p) => {
          const handle = await open(path, "r");
          const { fd } = handle;
          let closed = false;
          const reads = Array.from({ length: 8 }, (_, i) =>
            p.read(handle, Buffer.alloc(4096), { offset: i * 4096 }).then((n) => [n, closed]),
          );
          const closing = handle.close().then(() => {
            closed = true;
          });
          assert.deepEqual(
            await Promise.all(reads),
            reads.map(() => [4096, false]),
          );
          await closing;
          assert.throws(() => fs.fstatSync(fd), { code: "EBADF" });
        });
      }, "file-handle"));
  }

  it("is not held by a batch of which another entry is wrong", () =>
    withTempDir(async (dir) => {
      await withProactor({ engine }, async (p) => {
        const handle = await nodes.open(join(dir, "file"), "w+");
        const good = { op: "fsync", fd: handle } as const;
        assert.throws(() => p.batch([good, { op: "fsync", fd: "x" } as never]), {
          code: "ERR_INVALID_ARG_TYPE",
        });
        await handle.close();
      });
    }, "file-handle"));

  it("is refused by close, which is the handle's own", () =>
    withTempDir(async (dir) => {
      await withProactor({ engine }, async (p) => {
        const handle = await nodes.open(join(dir, "file"), "w+");
        assert.throws(() => p.close(handle as never), { code: "ERR_INVALID_ARG_TYPE" });
        await handle.close();
      });
    }, "file-handle"));
});
