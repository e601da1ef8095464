import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import nodePromises from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { MessageChannel } from "node:worker_threads";
import { promises } from "../../src/fs/promises.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Everything that can be seen of a prototype without calling any of it. */
function seen(prototype: object): unknown[][] {
  return Reflect.ownKeys(prototype).map((key) => {
    const { value, get, ...attributes } = Object.getOwnPropertyDescriptor(
      prototype,
      key,
    ) as PropertyDescriptor;
    const method = value as { name?: string; length?: number } | undefined;
    return [String(key), method?.name, method?.length, get?.name, attributes];
  });
}

async function withHandles(
  body: (ours: FileHandle, nodes: FileHandle) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "file");
    writeFileSync(path, "0123456789");
    // Before ours: what is seen then is Node's alone.
    const nodes = await nodePromises.open(path, "r+");
    const ours = await promises.open(path, "r+");
    try {
      await body(ours, nodes);
    } finally {
      await ours.close();
      await nodes.close();
    }
  }, "handle-identity");
}

describe("the class of a FileHandle", () => {
  it("shows what Node's shows, and how it is printed", async () => {
    await withTempDir(async (dir) => {
      const nodes = await nodePromises.open(dir);
      const before = seen(Object.getPrototypeOf(nodes) as object);
      const keys = Reflect.ownKeys(nodes).map(String);
      await nodes.close();
      const ours = await promises.open(dir);
      // What util.inspect calls is ours: it prints a handle on one line.
      const prints = String(inspect.custom);
      const now = seen(Object.getPrototypeOf(ours) as object);
      assert.deepEqual(
        now.filter(([key]) => key !== prints),
        before.filter(([key]) => key !== prints),
      );
      assert.deepEqual(Reflect.ownKeys(ours).map(String), keys);
      await ours.close();
    }, "handle-identity");
  });

  it("is one, whoever opened the file", async () => {
    await withHandles(async (ours, nodes) => {
      assert.equal(Object.getPrototypeOf(ours), Object.getPrototypeOf(nodes));
      assert.equal(ours.constructor, nodes.constructor);
      assert.equal(ours.read, nodes.read);
    });
  });

  it("reads and writes with Node's methods where Node opened the file", async () => {
    await withHandles(async (_, nodes) => {
      assert.deepEqual({ ...(await nodes.write("abc", 2)) }, { bytesWritten: 3, buffer: "abc" });
      const { bytesRead, buffer } = await nodes.read(Buffer.alloc(16), 0, 16, 0);
      assert.equal(buffer.toString("latin1", 0, bytesRead), "01abc56789");
      await nodes.truncate(4);
      assert.equal(await nodes.readFile("latin1"), "01ab");
      await nodes.sync();
      await nodes.datasync();
    });
  });

  it("is what a transferred handle has", async () => {
    await withHandles(async (ours) => {
      const { port1, port2 } = new MessageChannel();
      try {
        port1.postMessage(ours, [ours as never]);
        assert.equal(ours.fd, -1);
        const [received] = (await once(port2, "message")) as [FileHandle];
        assert.equal(Object.getPrototypeOf(received), Object.getPrototypeOf(ours));
        assert.equal(await received.readFile("latin1"), "0123456789");
        await received.close();
        await assert.rejects(ours.read(), { code: "EBADF", syscall: "read" });
      } finally {
        port1.close();
      }
    });
  });
});
