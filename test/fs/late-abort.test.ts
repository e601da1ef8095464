import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promises } from "../../src/fs/promises.ts";
import { withTempDir } from "../support/temp-dir.ts";

describe("an abort in the next turn of the loop", () => {
  it("comes in time, however fast the file was read", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      await promises.writeFile(path, "text".repeat(3000));
      const handle = await promises.open(path);
      const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
        (signal) => promises.readFile(path, { signal }),
        (signal) => handle.readFile({ signal, encoding: "utf8" }),
      ];
      for (const call of calls) {
        const before = new AbortController();
        setImmediate(() => before.abort());
        await assert.rejects(call(before.signal), { name: "AbortError" });
        const after = new AbortController();
        const reading = call(after.signal);
        setImmediate(() => after.abort());
        await assert.rejects(reading, { name: "AbortError" });
        await call(new AbortController().signal);
      }
      await handle.close();
    }, "late-abort");
  });

  it("is seen through a Proxy, which nobody can listen to", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      await promises.writeFile(path, "text");
      const handle = await promises.open(path, "r+");
      const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
        (signal) => promises.readFile(path, { signal }),
        (signal) => handle.readFile({ signal, encoding: "utf8" }),
      ];
      for (const call of calls) {
        const controller = new AbortController();
        const signal = new Proxy(controller.signal, {});
        process.nextTick(() => controller.abort());
        await assert.rejects(call(signal), { name: "AbortError" });
      }
      await handle.close();
    }, "late-abort");
  });
});
