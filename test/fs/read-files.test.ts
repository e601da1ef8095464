import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readFiles } from "../../src/fs/read-files.ts";
import { moduleUrl, runProgram } from "../support/child.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { withTempDir } from "../support/temp-dir.ts";

const SIZES = [0, 1, 4096, 65_535, 65_536, 65_537, 300_000, 2_500_000];

/** Everything that an iteration yields. */
async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const result of results) list.push(result);
  return list;
}

describe("readFiles", () => {
  it("reads files of every size, in any number at once", async () => {
    await withTempDir(async (dir) => {
      const contents = SIZES.map((size, i) => Buffer.alloc(size, `${i}é`));
      const paths = contents.map((content, i) => {
        fs.writeFileSync(join(dir, `${i}`), content);
        return join(dir, `${i}`);
      });
      for (const concurrency of [1, 3, 1024]) {
        const results = await all(readFiles(paths, { concurrency }));
        assert.equal(results.length, paths.length);
        for (const { path, index, data, error } of results) {
          assert.equal(error, undefined);
          assert.equal(path, paths[index]);
          assert.ok(data?.equals(contents[index] ?? Buffer.alloc(0)), `size ${SIZES[index]}`);
        }
      }
      const asUrls = (async function* () {
        for (const path of paths) yield new URL(`file://${path}`);
      })();
      for (const { index, data } of await all(readFiles(asUrls, { encoding: "utf8" }))) {
        assert.equal(data, String(contents[index]));
      }
      assert.deepEqual(await all(readFiles([])), []);
    }, "files");
  });

  it("tells of each file that cannot be read, as node:fs does", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "good"), "good");
      const paths = [join(dir, "none"), join(dir, "good"), join(dir, "good", "in")];
      const results = await all(readFiles(paths, { encoding: "utf8" }));
      assert.equal(results.length, 3);
      for (const { path, data, error } of results) {
        const expected = await fs.promises.readFile(String(path), "utf8").catch((reason) => reason);
        assert.deepEqual(error ?? data, expected);
      }
      const [invalid] = await all(readFiles(["\0"]));
      const code = (invalid?.error as NodeJS.ErrnoException | undefined)?.code;
      assert.equal(code, "ERR_INVALID_ARG_VALUE");
      const [folder] = await all(readFiles([dir]));
      assert.equal((folder?.error as NodeJS.ErrnoException | undefined)?.code, "EISDIR");
    }, "files");
  });

  it("reads no further ahead than it may, and leaves when the loop does", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), "x");
      let asked = 0;
      let returned = false;
      const paths = (function* () {
        try {
          for (;;) {
            asked++;
            yield join(dir, "file");
          }
        } finally {
          returned = true;
        }
      })();
      const reader = readFiles(paths, { concurrency: 4 });
      assert.equal(asked, 0);
      let taken = 0;
      for await (const { data } of reader) {
        assert.equal(String(data), "x");
        taken++;
        await new Promise((resolve) => setTimeout(resolve, 2));
        assert.ok(asked <= taken + 4, `${asked} asked for, ${taken} taken`);
        if (taken === 10) break;
      }
      assert.ok(returned);
      assert.deepEqual(await reader.next(), { done: true, value: undefined });
    }, "files");
  });

  it("ends with the signal, and with a list that fails", async () => {
    await withTempDir(async (dir) => {
      fs.writeFileSync(join(dir, "file"), "x");
      const before = openDescriptors();
      const paths = new Array<string>(500).fill(join(dir, "file"));
      const controller = new AbortController();
      let taken = 0;
      const loop = async () => {
        for await (const _ of readFiles(paths, { signal: controller.signal })) {
          if (++taken === 100) controller.abort();
        }
      };
      await assert.rejects(loop(), { code: "ABORT_ERR" });
      assert.ok(taken < 500);
      const aborted = all(readFiles(paths, { signal: AbortSignal.abort() }));
      await assert.rejects(aborted, { code: "ABORT_ERR" });
      const late = async () => {
        for await (const _ of readFiles(paths, { deadlineMs: 1 })) {
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      };
      await assert.rejects(late(), { code: "ETIMEDOUT", syscall: "read" });
      const broken = (function* () {
        yield join(dir, "file");
        throw new Error("no more");
      })();
      await assert.rejects(all(readFiles(broken)), /no more/);
      assert.deepEqual(openDescriptors(), before);
    }, "files");
  });

  it("refuses what makes no sense", () => {
    const wrong = { code: "ERR_INVALID_ARG_TYPE" };
    assert.throws(() => readFiles(undefined as unknown as string[]), wrong);
    assert.throws(() => readFiles([], { concurrency: 0 }), { code: "ERR_OUT_OF_RANGE" });
    const encoding = "none" as BufferEncoding;
    assert.throws(() => readFiles([], { encoding }), { code: "ERR_INVALID_ARG_VALUE" });
  });

  it("reads 10 000 files at once with 64 descriptors", async () => {
    await withTempDir(async (dir) => {
      for (let i = 0; i < 100; i++) fs.writeFileSync(join(dir, `${i}`), `${i}`);
      const text = `
        import { readFiles } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
        const paths = Array.from({ length: 10_000 }, (_, i) => process.argv[2] + "/" + (i % 100));
        const lists = [paths.slice(0, 5000), paths.slice(5000)];
        let good = 0;
        await Promise.all(lists.map(async (list) => {
          const options = { concurrency: 1024, encoding: "utf8" };
          for await (const { index, data, error } of readFiles(list, options)) {
            if (error !== undefined) throw error;
            if (data === String(index % 100)) good++;
          }
        }));
        console.log(good);`;
      const node = `ulimit -n 64; exec "$0" --input-type=module --eval "$1" -- eval "$2"`;
      const args = ["-c", node, process.execPath, text, dir];
      const { stdout, stderr } = await runProgram("bash", { args });
      assert.deepEqual({ stdout, stderr }, { stdout: "10000\n", stderr: "" });
    }, "files");
  });
});
