import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type EngineName, Proactor } from "../../src/index.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Opens a new FIFO for reading and writing, so that a read waits until somebody writes. */
function openPipe(dir: string): number {
  const path = join(dir, "pipe");
  execFileSync("mkfifo", [path]);
  return openSync(path, constants.O_RDWR);
}

/** The engine without a kernel has files of its own. */
function pathFor(engine: EngineName, dir: string): string {
  return engine === "memory" ? "/file" : join(dir, "file");
}

describeEveryEngine("promises", (engine) => {
  it("read and write yield what the operations yield", async () => {
    await withTempDir(async (dir) => {
      await using proactor = new Proactor({ engine });
      const fd = await proactor.open(pathFor(engine, dir), "w+");
      const { promises } = proactor;
      assert.equal(await promises.write(fd, Buffer.from("hello"), { offset: 0 }), 5);
      const buffer = Buffer.alloc(8);
      assert.equal(await promises.read(fd, buffer, { offset: 1 }), 4);
      assert.equal(buffer.toString("latin1", 0, 4), "ello");
      await proactor.close(fd);
    });
  });

  it("settle each with its own result, in a batch of good and bad ones", async () => {
    await withTempDir(async (dir) => {
      await using proactor = new Proactor({ engine });
      const fd = await proactor.open(pathFor(engine, dir), "w+");
      await proactor.write(fd, Buffer.alloc(100), { offset: 0 });
      const wrong = 1_000_000;
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, (_, i) =>
          i % 3 === 2
            ? proactor.promises.read(wrong, Buffer.alloc(1), { offset: 0 })
            : proactor.promises.read(fd, Buffer.alloc(200), { offset: i }),
        ),
      );
      results.forEach((result, i) => {
        if (i % 3 !== 2) assert.deepEqual(result, { status: "fulfilled", value: 100 - i });
        else assert.equal(result.status === "rejected" && result.reason.code, "EBADF");
      });
      await proactor.close(fd);
    });
  });
});

describe("io_uring: promises", () => {
  const skip = new Proactor().engine === "io_uring" ? false : "io_uring is not the engine here";

  it("settle an operation that was not done when its batch was", { skip }, async () => {
    await withTempDir(async (dir) => {
      await using proactor = new Proactor({ engine: "io_uring" });
      const fd = openPipe(dir);
      const buffer = Buffer.alloc(16);
      const late = proactor.promises.read(fd, buffer);
      const soon = proactor.nop();
      assert.equal(await soon, 0);
      assert.equal(proactor.status().inFlight, 1);
      writeSync(fd, "abc");
      assert.equal(await late, 3);
      assert.equal(buffer.toString("latin1", 0, 3), "abc");
      closeSync(fd);
    });
  });

  it("take a signal, and reject when shutdown cancels them", { skip }, async () => {
    await withTempDir(async (dir) => {
      const proactor = new Proactor({ engine: "io_uring" });
      const fd = openPipe(dir);
      const controller = new AbortController();
      const aborted = proactor.promises.read(fd, Buffer.alloc(1), { signal: controller.signal });
      const canceled = proactor.promises.read(fd, Buffer.alloc(1));
      await proactor.nop();
      controller.abort();
      await assert.rejects(aborted, { name: "AbortError", code: "ABORT_ERR" });
      const rejected = assert.rejects(canceled, { code: "ECANCELED", syscall: "read" });
      await proactor.shutdown({ cancel: true });
      await rejected;
      closeSync(fd);
    });
  });
});
