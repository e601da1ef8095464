import assert from "node:assert/strict";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { writeDurable } from "../../src/fs/durable.ts";
import { moduleUrl, runNode, runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

describe("writeDurable", () => {
  it("makes and replaces files as a whole, and leaves nothing else", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      await writeDurable(path, "first");
      const { ino, mode } = fs.statSync(path);
      assert.equal(mode & 0o777, 0o666 & ~process.umask());
      fs.linkSync(path, join(dir, "other"));
      await writeDurable(Buffer.from(path), new Uint16Array([0x6261]));
      assert.notEqual(fs.statSync(path).ino, ino);
      assert.equal(fs.readFileSync(path, "utf8"), "ab");
      assert.equal(fs.readFileSync(join(dir, "other"), "utf8"), "first");
      await writeDurable(new URL(`file://${path}`), "ff00", { encoding: "hex" });
      assert.deepEqual([...fs.readFileSync(path)], [255, 0]);
      const large = Buffer.alloc(5_000_001, "large");
      await writeDurable(path, large);
      assert.ok(fs.readFileSync(path).equals(large));
      await writeDurable(path, "");
      assert.equal(fs.statSync(path).size, 0);
      assert.deepEqual(fs.readdirSync(dir).sort(), ["file", "other"]);
    }, "durable");
  });

  it("keeps permissions, or sets those it is told", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const mode = () => (fs.statSync(path).mode & 0o7777).toString(8);
      fs.writeFileSync(path, "");
      for (const bits of [0o666, 0o4755, 0o600]) {
        fs.chmodSync(path, bits);
        await writeDurable(path, "x");
        assert.equal(mode(), bits.toString(8));
      }
      await writeDurable(path, "x", { mode: "640" });
      assert.equal(mode(), "640");
    }, "durable");
  });

  it("replaces what a link leads to", async () => {
    await withTempDir(async (dir) => {
      fs.mkdirSync(join(dir, "in"));
      const path = join(dir, "in", "file");
      fs.writeFileSync(path, "old");
      fs.symlinkSync("in/file", join(dir, "link"));
      await writeDurable(join(dir, "link"), "new");
      assert.equal(fs.readFileSync(path, "utf8"), "new");
      assert.equal(fs.readlinkSync(join(dir, "link")), "in/file");
    }, "durable");
  });

  it("writes into a handle or a descriptor", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, "0123456789");
      const handle = await open(path, "r+");
      await writeDurable(handle, "ab");
      await writeDurable(handle.fd, "yz", { position: 9 });
      await handle.close();
      assert.equal(fs.readFileSync(path, "utf8"), "ab2345678yz");
      const reading = await open(path, "r");
      await assert.rejects(writeDurable(reading, "x"), { code: "EBADF", syscall: "write" });
      await reading.close();
      await assert.rejects(writeDurable(reading, "x"), { code: "EBADF", message: "file closed" });
    }, "durable");
  });

  it("leaves the old content when it fails or is aborted", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, "old");
      const signal = AbortSignal.abort();
      await assert.rejects(writeDurable(path, "new", { signal }), { code: "ABORT_ERR" });
      const late = writeDurable(path, Buffer.alloc(20e6), { deadlineMs: 1 });
      await assert.rejects(late, { code: "ETIMEDOUT", syscall: "write" });
      const controller = new AbortController();
      const large = writeDurable(path, Buffer.alloc(20e6), { signal: controller.signal });
      setImmediate(() => controller.abort());
      await assert.rejects(large, { code: "ABORT_ERR" });
      assert.equal(fs.readFileSync(path, "utf8"), "old");
      const text = `
        import { writeDurable } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
        const error = await writeDurable(process.argv[2], Buffer.alloc(20_000)).catch((e) => e);
        console.log(error.code);`;
      const node = `ulimit -f 8; exec "$0" --input-type=module --eval "$1" -- eval "$2"`;
      const args = ["-c", node, process.execPath, text, path];
      const { stdout, stderr } = await runProgram("bash", { args });
      assert.deepEqual({ stdout, stderr }, { stdout: "EFBIG\n", stderr: "" });
      assert.equal(fs.readFileSync(path, "utf8"), "old");
      assert.deepEqual(fs.readdirSync(dir), ["file"]);
      const missing = join(dir, "no", "file");
      await assert.rejects(writeDurable(missing, ""), { code: "ENOENT", syscall: "open" });
      await assert.rejects(writeDurable(dir, ""), { code: "EISDIR", syscall: "rename" });
      const wrong = 1 as unknown as string;
      await assert.rejects(writeDurable(path, wrong), { code: "ERR_INVALID_ARG_TYPE" });
    }, "durable");
  });

  it("shows all of the old or all of the new to whoever looks, and to a crash", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const text = `
        import { writeDurable } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
        for (let i = 0; ; i++) {
          await writeDurable(process.argv[2], String(i % 10).repeat(300_000));
          if (i === 0) console.log("begun");
        }`;
      fs.writeFileSync(path, "x".repeat(300_000));
      const child = runNode(text, { args: [path], timeoutMs: 2000 });
      const looks = setInterval(() => {
        const now = fs.readFileSync(path, "utf8");
        assert.equal(now, (now[0] ?? "").repeat(300_000));
      }, 5);
      const { timedOut } = await child;
      clearInterval(looks);
      assert.ok(timedOut);
      const left = fs.readFileSync(path, "utf8");
      assert.equal(left, (left[0] ?? "").repeat(300_000));
    }, "durable");
  });
});
