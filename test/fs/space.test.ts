import assert from "node:assert/strict";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { road } from "../../src/fs/road.ts";
import { type Advice, advise, allocate, punchHole } from "../../src/fs/space.ts";
import { withTempDir } from "../support/temp-dir.ts";

const NO_RING = road() === undefined;
const NEEDS_RING = NO_RING ? "node:fs has no fallocate" : false;

describe("allocate and punchHole", () => {
  it("give a part of a file space, and take it away", { skip: NEEDS_RING }, async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const handle = await open(path, "w+");
      await allocate(handle, { length: 1024 * 1024 });
      const { size, blocks } = fs.statSync(path);
      assert.equal(size, 1024 * 1024);
      assert.ok(blocks * 512 >= size);
      await allocate(handle.fd, { offset: size, length: 65_536, keepSize: true });
      assert.equal(fs.statSync(path).size, size);
      fs.writeFileSync(path, Buffer.alloc(size, "x"), { flag: "r+" });
      const before = fs.statSync(path).blocks;
      await punchHole(handle, { offset: 65_536, length: 131_072 });
      assert.ok(fs.statSync(path).blocks < before);
      const bytes = fs.readFileSync(path);
      const hole = bytes.subarray(65_536, 65_536 + 131_072);
      assert.ok(hole.every((byte) => byte === 0));
      assert.equal(bytes.filter((byte) => byte === 120).length, size - 131_072);
      await handle.close();
      const closed = allocate(handle, { length: 1 });
      await assert.rejects(closed, { code: "EBADF", message: "file closed" });
    }, "space");
  });

  it("fail as the system does", { skip: NEEDS_RING }, async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), "x");
      const handle = await open(join(dir, "file"), "r");
      await assert.rejects(allocate(handle, { length: 10 }), {
        code: "EBADF",
        syscall: "fallocate",
        message: "EBADF: bad file descriptor, fallocate",
      });
      await handle.close();
    }, "space");
  });

  it("are refused without io_uring", { skip: NO_RING ? false : "here it is there" }, async () => {
    const code = "ERR_PROACTOR_UNSUPPORTED";
    await assert.rejects(allocate(1, { length: 1 }), { code });
    await assert.rejects(punchHole(1, { length: 1 }), { code });
  });

  it("refuse what makes no sense", async () => {
    const range = { code: "ERR_OUT_OF_RANGE" };
    await assert.rejects(allocate(1, { length: 0 }), range);
    await assert.rejects(allocate(-1, { length: 1 }), range);
    await assert.rejects(punchHole(1, { length: 1, offset: -1 }), range);
    await assert.rejects(allocate(1, { length: 1, deadlineMs: -1 }), range);
    const type = { code: "ERR_INVALID_ARG_TYPE" };
    await assert.rejects(allocate("1" as unknown as number, { length: 1 }), type);
    const signal = AbortSignal.abort();
    const aborted = advise(1, "normal", { signal });
    if (!NO_RING) await assert.rejects(aborted, { code: "ABORT_ERR" });
    else await aborted;
  });
});

describe("advise", () => {
  it("takes every advice, for all of a file or a part", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), Buffer.alloc(100_000));
      const handle = await open(join(dir, "file"));
      const advice = ["normal", "sequential", "random", "willneed", "dontneed", "noreuse"];
      for (const each of advice as Advice[]) {
        await advise(handle, each);
        await advise(handle.fd, each, { offset: 4096, length: 8192 });
      }
      await assert.rejects(advise(handle, "often" as Advice), { code: "ERR_INVALID_ARG_VALUE" });
      await handle.close();
      await assert.rejects(advise(handle, "normal"), { code: "EBADF" });
    }, "space");
  });
});
