import assert from "node:assert/strict";
import fs from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import ours from "../../src/fs/index.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { outcomeOf } from "../support/outcome.ts";
import { withTempDir } from "../support/temp-dir.ts";

const nodes = { ...fs.promises };
type Api = typeof nodes;
/** What is done with a handle; its value is compared. */
type Program = (handle: FileHandle, api: Api) => unknown;

const CONTENT = "0123456789".repeat(30_000);

async function traceOf(api: Api, path: string, flags: string, program: Program): Promise<unknown> {
  fs.writeFileSync(path, CONTENT);
  const handle = await api.open(path, flags);
  try {
    const outcome = await outcomeOf(() => program(handle, api));
    return { outcome, bytes: fs.readFileSync(path, "latin1") };
  } finally {
    await handle.close();
  }
}

/** Fails unless a program comes to the same with a handle of ours and one of Node's. */
async function same(flags: string, ...programs: Program[]): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "file");
    for (const program of programs) {
      const expected = await traceOf(nodes, path, flags, program);
      assert.deepEqual(await traceOf(ours, path, flags, program), expected, `${program}`);
    }
  });
}

async function* pieces() {
  yield "one";
  await turn();
  yield Buffer.from("two");
}

describe("readFile of a FileHandle", () => {
  it("reads from the position on, and leaves it at the end", () =>
    same(
      "r",
      (handle) => handle.readFile(),
      (handle) => handle.readFile("utf8"),
      (handle) => handle.readFile({ encoding: "hex" }),
      async (handle) => {
        await handle.read(Buffer.alloc(7), 0, 7, null);
        return [await handle.readFile("latin1"), await handle.readFile("latin1")];
      },
      async (handle) => {
        await handle.read(Buffer.alloc(100_000), 0, 100_000, null);
        return (await handle.readFile()).length;
      },
      (handle, api) => api.readFile(handle),
      (handle, api) => api.readFile(handle, "base64"),
    ));

  it("fails as Node does", () =>
    same(
      "r",
      (handle) => handle.readFile("unknown" as never),
      (handle) => handle.readFile(7 as never),
      (handle) => handle.readFile({ signal: AbortSignal.abort("why") } as never),
      (handle) => handle.writeFile("x"),
      (handle) => handle.writeFile(["x"] as never),
      (handle) => handle.appendFile("x"),
      async (handle) => {
        await handle.close();
        return handle.readFile();
      },
      async (handle) => {
        await handle.close();
        return handle.writeFile("x");
      },
      async (handle, api) => {
        await handle.close();
        return api.readFile(handle);
      },
      async (handle, api) => {
        await handle.close();
        return api.writeFile(handle, "x");
      },
    ));

  it("lets a close wait, and reads all of it", () =>
    same("r", async (handle) => {
      const reading = handle.readFile("latin1");
      const closing = handle.close();
      const text = await reading;
      await closing;
      return [text, handle.fd];
    }));

  it("is alone with the file position", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, CONTENT);
      await using handle = await ours.open(path, "r");
      const texts = await Promise.all([handle.readFile("latin1"), handle.readFile("latin1")]);
      assert.deepEqual(
        texts.map((text) => text.length),
        [CONTENT.length, 0],
      );
    });
  });

  it("can be aborted, and read again", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, CONTENT);
      const before = openDescriptors();
      for (let i = 0; i < 50; i++) {
        await using handle = await ours.open(path, "r");
        const controller = new AbortController();
        const { signal } = controller;
        const reading = outcomeOf(() => handle.readFile({ signal }));
        for (let turns = i % 4; turns > 0; turns--) await turn();
        controller.abort();
        await reading;
        assert.ok((await handle.readFile()).length <= CONTENT.length);
      }
      assert.deepEqual(openDescriptors(), before);
    });
  });
});

describe("writeFile and appendFile of a FileHandle", () => {
  it("write at the position", () =>
    same(
      "r+",
      (handle) => handle.writeFile("text"),
      (handle) => handle.writeFile("ff00", "hex"),
      (handle) => handle.writeFile(Buffer.alloc(200_000, "large")),
      (handle) => handle.writeFile(pieces() as never),
      (handle) => handle.appendFile("text"),
      (handle) => handle.writeFile(7 as never),
      (handle) => handle.writeFile("x", { encoding: "unknown" } as never),
      async (handle) => {
        await handle.read(Buffer.alloc(7), 0, 7, null);
        await handle.writeFile("one");
        await handle.writeFile("two");
        return handle.readFile("latin1");
      },
      (handle, api) => api.writeFile(handle, "text"),
      (handle, api) => api.writeFile(handle, pieces()),
      (handle, api) => api.appendFile(handle, "text"),
      async (handle, api) => {
        // In which order they come is not said, so all three are the same.
        await Promise.all([1, 2, 3].map(() => api.writeFile(handle, "a".repeat(10))));
      },
      async (handle) => {
        const writing = handle.writeFile("before the end");
        await handle.close();
        return writing;
      },
    ));

  it("append where the file was opened for that", () =>
    same(
      "a+",
      (handle) => handle.appendFile("text"),
      (handle) => handle.appendFile(pieces() as never),
      (handle, api) => api.appendFile(handle, Buffer.from("text")),
      async (handle) => {
        await handle.writeFile("one");
        await handle.appendFile("two");
      },
    ));

  it("let the program that makes the pieces use the handle", () =>
    same("r+", async (handle) => {
      await handle.writeFile(
        (async function* () {
          yield "one";
          await handle.write("between", null);
          yield (await handle.read(Buffer.alloc(3), 0, 3, null)).buffer;
        })() as never,
      );
    }));
});
