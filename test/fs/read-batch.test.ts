import assert from "node:assert/strict";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { DEFAULT_DEPTH } from "../../src/base/limits.ts";
import { promises } from "../../src/fs/promises.ts";
import { type BatchRead, readBatch } from "../../src/fs/read-batch.ts";
import { road } from "../../src/fs/road.ts";
import { runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 251));
/** Node has no way to take a read back from its thread pool. */
const NEVER_CANCELED = road() === undefined ? "node:fs cannot cancel a read in flight" : false;

describe("readBatch", () => {
  it("reads many ranges, with memory of its own or of the caller", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), BYTES);
      const handle = await open(join(dir, "file"));
      const given = new Uint16Array(50);
      const view = new DataView(new ArrayBuffer(64), 8, 32);
      const ranges: BatchRead[] = [
        { fd: handle, offset: 0, length: 10 },
        { fd: handle.fd, offset: 99_990, length: 20 },
        { fd: handle.fd, offset: 100n, buffer: given },
        { fd: handle, offset: 3, buffer: view, length: 5 },
        { fd: handle, offset: 200_000, length: 5 },
        { fd: handle, offset: 7, length: 0 },
      ];
      const results = await readBatch(ranges);
      assert.deepEqual(
        results.map(({ bytesRead, error }) => [bytesRead, error]),
        [10, 10, 100, 5, 0, 0].map((count) => [count, undefined]),
      );
      for (const [i, { offset }] of ranges.entries()) {
        const { buffer, bytesRead } = results[i] ?? assert.fail();
        const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, bytesRead);
        const at = Number(offset);
        assert.ok(bytes.equals(BYTES.subarray(at, at + bytesRead)), `range ${i}`);
      }
      assert.equal(results[2]?.buffer, given);
      assert.equal(results[3]?.buffer, view);
      assert.equal(results[1]?.buffer.byteLength, 10);
      await handle.close();
      assert.deepEqual(await readBatch([]), []);
    }, "batch");
  });

  it("reads more at once than one submission holds, and more than a slab", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), BYTES);
      const handle = await open(join(dir, "file"));
      for (const length of [100, 1000]) {
        const ranges = Array.from({ length: 6000 }, (_, i) => ({ fd: handle, offset: i, length }));
        const results = await readBatch(ranges);
        for (const [i, { buffer, error }] of results.entries()) {
          assert.equal(error, undefined);
          assert.ok(BYTES.subarray(i, i + length).equals(buffer as Buffer));
        }
      }
      await handle.close();
    }, "batch");
  });

  it("tells of each read that fails, and of the others what they brought", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, "text");
      const handle = await open(path);
      const writing = await open(path, "r+");
      const folder = await open(dir);
      const closed = await open(path);
      await closed.close();
      const onlyWritten = fs.openSync(path, "a");
      const ranges = [handle, folder, closed, onlyWritten, writing].map((fd) => {
        return { fd, offset: 1, length: 3 };
      });
      const results = await readBatch(ranges);
      const codes = results.map(({ error, buffer, bytesRead }) =>
        error === undefined ? `${bytesRead} ${buffer}` : (error as NodeJS.ErrnoException).code,
      );
      assert.deepEqual(codes, ["3 ext", "EISDIR", "EBADF", "EBADF", "3 ext"]);
      const expected = await folder.read(Buffer.alloc(3), 0, 3, 1).catch((error) => error);
      assert.deepEqual(results[1]?.error, expected);
      assert.equal(results[1]?.buffer.byteLength, 0);
      fs.closeSync(onlyWritten);
      for (const each of [handle, writing, folder]) await each.close();
    }, "batch");
  });

  it("has a handle that is closed meanwhile wait for it", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), BYTES);
      const handle = await open(join(dir, "file"));
      const order: string[] = [];
      const batch = readBatch([{ fd: handle, offset: 0, length: 50_000 }]);
      const closing = handle.close().then(() => order.push("closed"));
      const [result] = await batch;
      order.push("read");
      await closing;
      assert.equal(result?.bytesRead, 50_000);
      assert.deepEqual(order, ["read", "closed"]);
    }, "batch");
  });

  it("refuses what makes no sense before anything starts", () => {
    const good = { fd: 0, offset: 0, length: 1 };
    const throws = (entry: object, code: string) =>
      assert.throws(() => readBatch([good, { ...good, ...entry } as BatchRead]), { code });
    throws({ fd: "0" }, "ERR_INVALID_ARG_TYPE");
    throws({ fd: -1 }, "ERR_OUT_OF_RANGE");
    throws({ length: undefined }, "ERR_INVALID_ARG_TYPE");
    throws({ length: 2, buffer: Buffer.alloc(1) }, "ERR_OUT_OF_RANGE");
    throws({ offset: -1 }, "ERR_INVALID_ARG_TYPE");
    throws({ offset: null }, "ERR_INVALID_ARG_TYPE");
    throws({ buffer: "" }, "ERR_INVALID_ARG_TYPE");
    assert.throws(() => readBatch({} as BatchRead[]), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => readBatch([good], { deadlineMs: -1 }), { code: "ERR_OUT_OF_RANGE" });
  });

  it("rejects at once where the signal has aborted", async () => {
    const signal = AbortSignal.abort();
    const batch = readBatch([{ fd: 0, offset: 0, length: 1 }], { signal });
    await assert.rejects(batch, { code: "ABORT_ERR" });
  });

  it("gives up at its deadline or signal", { skip: NEVER_CANCELED }, async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), "text");
      const fifo = join(dir, "fifo");
      await runProgram("mkfifo", { args: [fifo] });
      const file = fs.openSync(join(dir, "file"), "r");
      const pipe = await promises.open(fifo, "r+");
      // What waits for a FIFO takes all the room, so that the batch waits for some.
      const waiting = Array.from({ length: DEFAULT_DEPTH }, () => pipe.read(Buffer.alloc(1)));
      const reads = [0, 1].map((offset) => ({ fd: file, offset, length: 2 }));
      const late = await readBatch(reads, { deadlineMs: 20 });
      for (const { error } of late) {
        assert.equal((error as NodeJS.ErrnoException | undefined)?.code, "ETIMEDOUT");
      }
      const controller = new AbortController();
      const batch = readBatch(reads, { signal: controller.signal });
      setImmediate(() => controller.abort());
      await assert.rejects(batch, { code: "ABORT_ERR" });
      fs.writeSync(pipe.fd, Buffer.alloc(DEFAULT_DEPTH));
      await Promise.all(waiting);
      const [first, second] = await readBatch(reads, { deadlineMs: 60_000 });
      assert.equal(String(first?.buffer) + String(second?.buffer), "teex");
      await pipe.close();
      fs.closeSync(file);
    }, "batch");
  });
});
