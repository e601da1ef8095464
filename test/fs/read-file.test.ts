import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { readFile } from "../../src/fs/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { outcomeOf, sameOutcome } from "../support/outcome.ts";
import { withTempDir } from "../support/temp-dir.ts";

const node = fs.promises;
type Arguments = Parameters<typeof fs.promises.readFile>;

/** Bytes that are not the same anywhere for long, and no text. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7) ^ (i >> 8) ^ (i >> 16);
  return bytes;
}

async function same(...args: unknown[]): Promise<void> {
  const [path, options] = args as Arguments;
  await sameOutcome(
    () => readFile(path, options),
    () => node.readFile(path, options),
  );
}

/** What a growing or a slow file says next. */
async function writeSlowly(path: string, parts: readonly string[]): Promise<void> {
  const handle = await open(path, "w");
  for (const part of parts) {
    await handle.writeFile(part);
    await sleep(5);
  }
  await handle.close();
}

const SIZES = [0, 1, 2048, 65_535, 65_536, 65_537, 131_072, 524_289, 3_000_000];
const ENCODINGS = ["utf8", "UTF-8", "latin1", "ascii", "hex", "base64", "base64url", "ucs2"];

describe("readFile", () => {
  it("yields the bytes of files of any size, in memory of their own", async () => {
    await withTempDir(async (dir) => {
      for (const size of SIZES) {
        const path = join(dir, `file-${size}`);
        const bytes = bytesOf(size);
        fs.writeFileSync(path, bytes);
        const read = await readFile(path);
        assert.ok(Buffer.isBuffer(read));
        assert.equal(Buffer.compare(read, bytes), 0, String(size));
        assert.equal(read.byteOffset, 0);
        if (size > 0) assert.equal(read.buffer.byteLength, size);
      }
    });
  });

  it("decodes as Node does", async () => {
    await withTempDir(async (dir) => {
      for (const size of [0, 3, 65_537, 600_001]) {
        const path = join(dir, `file-${size}`);
        fs.writeFileSync(path, bytesOf(size));
        for (const encoding of ENCODINGS) {
          await same(path, encoding);
          await same(path, { encoding });
        }
      }
      const path = join(dir, "text");
      fs.writeFileSync(path, "\ufeffgrüße, 世界 𝄞\n".repeat(30_000));
      await same(path, "utf8");
    });
  });

  it("takes a path as string, bytes or URL", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "größe %20");
      fs.writeFileSync(path, "here");
      for (const each of [path, Buffer.from(path), new Uint8Array(Buffer.from(path))]) {
        await same(each, "utf8");
      }
      await same(pathToFileURL(path), "utf8");
      await same(`${dir}/${"./".repeat(200)}größe %20`, "utf8");
      await same(`${dir}/${"x".repeat(300)}`);
      await same(`${dir}/${"x/".repeat(3000)}`);
      await same(Buffer.from(join(dir, "nothing")));
      await same(pathToFileURL(join(dir, "nothing")));
    });
  });

  it("fails as Node does", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      fs.writeFileSync(file, "content");
      fs.symlinkSync("loop", join(dir, "loop"));
      const reason = new Error("why");
      for (const args of [
        [join(dir, "nothing")],
        [join(dir, "nothing"), { encoding: "utf8" }],
        [join(file, "below")],
        [join(dir, "loop")],
        [dir],
        [dir, "utf8"],
        [""],
        ["\0"],
        [`${file}\0`],
        [undefined],
        [7],
        [{}],
        [new URL("http://example.com/")],
        [file, 7],
        [file, true],
        [file, "unknown"],
        [file, { encoding: "unknown" }],
        [file, { encoding: "buffer" }],
        [file, { encoding: 7 }],
        [file, { flag: "unknown" }],
        [file, { flag: 1.5 }],
        [file, { flag: "wx" }],
        [file, { signal: 7 }],
        [file, { signal: AbortSignal.abort(reason) }],
        [file, { signal: AbortSignal.abort() }],
        [join(dir, "nothing"), { signal: AbortSignal.abort(reason) }],
        ["/proc/self/mem"],
      ]) {
        await same(...args);
      }
    });
  });

  it("accepts what Node accepts as options", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      fs.writeFileSync(file, "content");
      const { signal } = new AbortController();
      for (const options of [
        null,
        "",
        {},
        () => {},
        { encoding: null },
        { encoding: "" },
        { flag: "" },
        { flag: null },
        { flag: "r+" },
        { flag: "a+" },
        { flag: fs.constants.O_RDONLY },
        { flag: "rs", encoding: "latin1" },
        { signal },
        { signal: undefined },
        { signal, encoding: "hex" },
        Object.create({ encoding: "hex" }),
      ]) {
        await same(file, options);
      }
    });
  });

  it("opens with the flags it is told", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const trace = async (read: typeof node.readFile, flag: string) => {
        fs.rmSync(path, { force: true });
        const outcome = await outcomeOf(() => read(path, { flag }));
        return { outcome, mode: fs.existsSync(path) ? fs.statSync(path).mode : undefined };
      };
      for (const flag of ["w", "wx", "a", "w+", "a+", "wx+", "r+"]) {
        assert.deepEqual(await trace(readFile, flag), await trace(node.readFile, flag), flag);
      }
    });
  });

  it("leaves no descriptor open", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      fs.writeFileSync(file, bytesOf(100_000));
      await readFile(file);
      const before = openDescriptors();
      const paths = [file, join(dir, "nothing"), dir, "/proc/self/mem"];
      const calls = Array.from({ length: 400 }, (_, i) => readFile(paths[i % 4] ?? ""));
      await Promise.allSettled(calls);
      assert.deepEqual(openDescriptors(), before);
    });
  });

  it("reads more files at once than there is room for", async () => {
    await withTempDir(async (dir) => {
      const paths = Array.from({ length: 50 }, (_, i) => join(dir, `file-${i}`));
      paths.forEach((path, i) => {
        fs.writeFileSync(path, `${i}`.repeat(10));
      });
      // As many descriptors as this would exceed the usual limit of a process.
      const calls = Array.from({ length: 900 }, (_, i) => readFile(paths[i % 50] ?? "", "utf8"));
      const texts = await Promise.all(calls);
      texts.forEach((text, i) => {
        assert.equal(text, `${i % 50}`.repeat(10));
      });
    });
  });
});

describe("readFile of what is no ordinary file", { skip: !fs.existsSync("/proc/self") }, () => {
  it("reads files of /proc, which have no size", async () => {
    for (const path of ["/proc/self/cmdline", "/proc/version", "/proc/self/environ"]) {
      await same(path);
      await same(path, "latin1");
    }
    // This is longer than what one read yields of it, and changes all the time.
    const map = await readFile("/proc/self/smaps", "latin1");
    assert.ok(map.length > 10_000, String(map.length));
    assert.match(map, /\nVmFlags:[^\n]+\n$/);
  });

  it("waits for the first writer of a FIFO, and reads until the last has closed it", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      const before = openDescriptors();
      for (const parts of [["hello, ", "world"], [""], ["x".repeat(70_000), "y".repeat(200_000)]]) {
        const reading = readFile(path, "utf8");
        await sleep(10);
        await writeSlowly(path, parts);
        assert.equal(await reading, parts.join(""));
      }
      assert.deepEqual(openDescriptors(), before);
    });
  });

  it("reads a device that has an end, and none of one that has not after an abort", async () => {
    await same("/dev/null");
    const controller = new AbortController();
    const reading = readFile("/dev/zero", { signal: controller.signal });
    await sleep(5);
    controller.abort();
    await assert.rejects(reading, { name: "AbortError" });
  });

  it("sees all of a file that grows meanwhile, or less", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "grows");
      const line = "one line of a log that grows\n";
      fs.writeFileSync(path, line);
      let stop = false;
      const grow = async () => {
        for (let i = 0; i < 3000 && !stop; i++) {
          await node.appendFile(path, line);
          if (i % 100 === 0) await turn();
        }
      };
      const growing = grow();
      for (let i = 0; i < 200; i++) {
        const text = await readFile(path, "utf8");
        assert.equal(text, line.repeat(text.length / line.length));
      }
      stop = true;
      await growing;
    });
  });

  it("refuses what is too large, as Node does", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "large");
      fs.writeFileSync(path, "");
      fs.truncateSync(path, 2 ** 31);
      await same(path);
      await same(path, "utf8");
      fs.truncateSync(path, 2 ** 40);
      await same(path);
    });
  });
});

describe("readFile and AbortSignal", () => {
  it("rejects with the reason, whenever the signal aborts, and closes the file", async () => {
    await withTempDir(async (dir) => {
      const small = join(dir, "small");
      const large = join(dir, "large");
      fs.writeFileSync(small, bytesOf(100));
      fs.writeFileSync(large, bytesOf(4_000_000));
      await readFile(small);
      const before = openDescriptors();
      let aborted = 0;
      for (let i = 0; i < 1000; i++) {
        const controller = new AbortController();
        const { signal } = controller;
        const path = i % 10 === 0 ? large : small;
        const reading = readFile(path, { signal }).then(
          (bytes) => assert.equal(bytes.length, path === small ? 100 : 4_000_000),
          (error) => {
            aborted++;
            assert.equal(error.name, "AbortError");
            assert.equal(error.cause, signal.reason);
          },
        );
        for (let turns = i % 4; turns > 0; turns--) await turn();
        for (let jobs = i % 7; jobs > 0; jobs--) await undefined;
        controller.abort(new Error(`reason ${i}`));
        await reading;
      }
      assert.ok(aborted > 0);
      assert.deepEqual(openDescriptors(), before);
    });
  });

  it("aborts a FIFO that nobody writes to", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      const before = openDescriptors();
      const controller = new AbortController();
      const reading = readFile(path, { signal: controller.signal });
      await sleep(20);
      controller.abort();
      // Where threads of a pool read it, somebody has to come.
      fs.closeSync(fs.openSync(path, "r+"));
      await assert.rejects(reading, { name: "AbortError", code: "ABORT_ERR" });
      assert.deepEqual(openDescriptors(), before);
    });
  });

  it("shares one signal between many calls without a warning", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(100));
      const controller = new AbortController();
      const { signal } = controller;
      const calls = Array.from({ length: 100 }, () => readFile(path, { signal }));
      controller.abort();
      for (const { status } of await Promise.allSettled(calls)) assert.equal(status, "rejected");
    });
  });
});

describe("readFile without rights", () => {
  const skip = process.getuid?.() === 0 ? false : "only root can become somebody else";
  it("fails with EACCES as Node does", { skip }, async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "secret");
      fs.writeFileSync(path, "secret", { mode: 0o600 });
      fs.chmodSync(dir, 0o755);
      const { stdout, stderr } = await runNode(`
        import { promises } from "node:fs";
        import { readFile } from "${moduleUrl("src/fs/index.ts")}";
        process.setgid(65534);
        process.setuid(65534);
        const say = (error) => [error.message, Object.entries(error)];
        const ours = await readFile(${JSON.stringify(path)}).catch(say);
        const nodes = await promises.readFile(${JSON.stringify(path)}).catch(say);
        console.log(JSON.stringify(ours) === JSON.stringify(nodes), nodes[1][1][1]);
      `);
      assert.equal(`${stdout.trim()}${stderr}`, "true EACCES");
    });
  });
});
