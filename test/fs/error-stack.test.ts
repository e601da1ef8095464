import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promises } from "../../src/fs/promises.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** The stack of what `call` rejects with, as a function sees it that awaits it. */
async function stackSeenBy(call: () => Promise<unknown>): Promise<string> {
  async function theCaller(): Promise<void> {
    await call();
  }
  try {
    await theCaller();
  } catch (error) {
    return String((error as Error).stack);
  }
  return assert.fail("It did not fail");
}

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
        const [head, ...frames] = (await stackSeenBy(call)).split("\n");
        assert.match(head as string, /^(Error: E[A-Z]+: .+|AbortError: .+)$/, name);
        const ours = frames.filter((frame) => /dist.src.(fs|runtime|base)/.test(frame));
        assert.deepEqual(ours, [], name);
        assert.ok(
          frames.some((frame) => frame.includes("at async theCaller")),
          `${name}: ${frames.join("\n")}`,
        );
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
});
