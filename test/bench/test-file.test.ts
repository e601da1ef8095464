import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import {
  affordableBytes,
  hasStamp,
  makeTestFile,
  warmCache,
} from "../../bench/harness/test-file.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const MIB = 2 ** 20;

describe("makeTestFile", () => {
  it("stamps every block with its number, and removes what it made", () =>
    withTempDir((dir) => {
      const file = makeTestFile(5 * MIB, [dir]);
      const content = readFileSync(file.path);
      assert.equal(content.length, 5 * MIB);
      for (const block of [0, 1, 1023, 1024, 1279]) {
        assert.ok(hasStamp(content.subarray(block * 4096), block), `block ${block}`);
      }
      assert.ok(!hasStamp(content, 1));
      warmCache(file);
      file.remove();
      file.remove();
      assert.equal(existsSync(dirname(file.path)), false);
    }));

  it("goes on to the next folder when one cannot be used", () =>
    withTempDir((dir) => {
      const good = join(dir, "good");
      mkdirSync(good);
      const file = makeTestFile(MIB, ["/dev/null/nowhere", good]);
      assert.equal(dirname(dirname(file.path)), good);
      assert.equal(statSync(file.path).size, MIB);
      file.remove();
    }));

  it("throws the reason when no folder can be used", () => {
    assert.throws(() => makeTestFile(MIB, ["/dev/null/nowhere"]), { code: "ENOTDIR" });
  });

  it("is gone after the process, even when that forgot it", () =>
    withTempDir(async (dir) => {
      const result = await runNode(
        `import { makeTestFile } from "${moduleUrl("bench/harness/test-file.ts")}";
        console.log(makeTestFile(1 << 20, [${JSON.stringify(dir)}]).path);
        throw new Error("forgotten");`,
      );
      assert.match(result.stderr, /forgotten/);
      assert.equal(existsSync(dirname(result.stdout.trim())), false);
    }));
});

describe("affordableBytes", () => {
  it("is a quarter of the free memory at most", () => {
    assert.equal(affordableBytes(256 * MIB, 8192 * MIB), 256 * MIB);
    assert.equal(affordableBytes(256 * MIB, 512 * MIB), 128 * MIB);
    assert.equal(affordableBytes(256 * MIB, 1 * MIB), 4 * MIB);
  });
});
