import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import * as fs from "../../src/fs/index.ts";
import { promises } from "../../src/fs/promises.ts";
import { assertNamesCaller, errorSeenBy } from "../support/stacks.ts";
import { withTempDir } from "../support/temp-dir.ts";

describe("the stack of an error", () => {
  it("names the functions that await the call, and none of ours", async () => {
    await withTempDir(async (dir) => {
      const missing = join(dir, "missing", "file");
      const path = join(dir, "file");
      await promises.writeFile(path, "text");
      const handle = await promises.open(path, "r");
      const calls: Record<string, () => Promise<unknown>> = {
        open: () => promises.open(missing),
        readFile: () => promises.readFile(missing),
        writeFile: () => promises.writeFile(missing, "text"),
        "a write": () => handle.write(Buffer.from("text"), 0, 4, 0),
        "a write at the file position": () => handle.write("text"),
        "a truncate": () => handle.truncate(1),
        "an abort on the way": () => {
          const controller = new AbortController();
          const reading = promises.readFile(path, { signal: controller.signal });
          controller.abort();
          return reading;
        },
      };
      for (const [name, call] of Object.entries(calls)) {
        const error = await errorSeenBy(call);
        const [head, ...frames] = String(error.stack).split("\n");
        assert.match(head as string, /^(Error: E[A-Z]+: .+|AbortError: .+)$/, name);
        const ours = frames.filter((frame) => /dist.src.(fs|runtime|base)/.test(frame));
        assert.deepEqual(ours, [], name);
        assertNamesCaller(error, name);
      }
      await handle.close();
    }, "error-stack");
  });

  it("is that of what a program throws into writeFile", async () => {
    await withTempDir(async (dir) => {
      const thrown = new Error("theirs");
      const before = thrown.stack;
      const source = (async function* () {
        yield "a";
        throw thrown;
      })();
      await assert.rejects(promises.writeFile(join(dir, "file"), source), thrown);
      assert.equal(thrown.stack, before);
    }, "error-stack");
  });

  it("names who awaits what node:fs has no function for", async () => {
    await withTempDir(async (dir) => {
      const missing = join(dir, "missing", "file");
      const path = join(dir, "file");
      await promises.writeFile(path, "text");
      const handle = await promises.open(path, "r");
      const read = { fd: handle, offset: 0, length: 1 };
      const log = await fs.openLog(path, { maxPendingBytes: 1 });
      const calls: Record<string, () => Promise<unknown>> = {
        "readBatch, aborted": () => aborting((signal) => fs.readBatch([read], { signal })),
        "a result of readBatch": async () => {
          throw (await fs.readBatch([{ ...read, fd: 987_654 }]))[0]?.error;
        },
        walk: () => allOf(fs.walk(missing)),
        "walk, aborted": () => aborting((signal) => allOf(fs.walk(dir, { signal }))),
        readFiles: async () => {
          for await (const { error } of fs.readFiles([missing])) throw error;
        },
        "readFiles, aborted": () => aborting((signal) => allOf(fs.readFiles([path], { signal }))),
        copyTree: () => fs.copyTree(missing, join(dir, "copy")),
        "copyTree, its target": () => fs.copyTree(dir, "/proc/absent/copy"),
        openLog: () => fs.openLog(missing),
        "an append, taken back": () => aborting((signal) => log.append("ab", { signal })),
        writeDurable: () => fs.writeDurable(missing, "text"),
        "writeDurable of a handle": () => fs.writeDurable(handle, "text"),
      };
      for (const [name, call] of Object.entries(calls)) {
        assertNamesCaller(await errorSeenBy(call), name);
      }
      await log.close();
      await handle.close();
    }, "error-stack");
  });

  it("is that of what a program throws into walk, copyTree and readFiles", async () => {
    await withTempDir(async (dir) => {
      await promises.mkdir(join(dir, "a", "b"), { recursive: true });
      const calls: ((fail: () => never) => Promise<unknown>)[] = [
        (fail) => allOf(fs.walk(dir, { enter: fail })),
        (fail) => fs.copyTree(join(dir, "a"), join(dir, "c"), { filter: fail }),
        (fail) => fs.copyTree(join(dir, "a"), join(dir, "d"), { onProgress: fail }),
        (fail) => allOf(fs.readFiles({ [Symbol.iterator]: () => ({ next: fail }) })),
      ];
      for (const call of calls) {
        const thrown = new Error("theirs");
        const before = thrown.stack;
        await assert.rejects(
          call(() => {
            throw thrown;
          }),
          thrown,
        );
        assert.equal(thrown.stack, before);
      }
    }, "error-stack");
  });
});

function aborting(call: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const controller = new AbortController();
  const promise = call(controller.signal);
  controller.abort();
  return promise;
}

async function allOf(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}
