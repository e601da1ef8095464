import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { moduleUrl, runNode, runProgram } from "../support/child.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { collectGarbageUntil } from "../support/garbage.ts";
import { withTempDir } from "../support/temp-dir.ts";

describe("withTempDir", () => {
  it("removes the folder after the body", async () => {
    const seen = await withTempDir((dir) => {
      writeFileSync(join(dir, "file"), "x");
      assert.match(dir, /proactor-support-/);
      return dir;
    }, "support");
    assert.equal(existsSync(seen), false);
  });

  it("removes the folder when the body fails, and passes the failure on", async () => {
    let seen = "";
    const failing = withTempDir((dir) => {
      seen = dir;
      throw new Error("from the body");
    });
    await assert.rejects(failing, /from the body/);
    assert.equal(existsSync(seen), false);
  });
});

describe("runNode", () => {
  it("reports exit code, output and arguments", async () => {
    const source = `
      console.log(process.argv[2], process.env.GREETING, process.env.NODE_TEST_CONTEXT);
      console.error("to stderr");
      process.exitCode = 3;
    `;
    const result = await runNode(source, { args: ["one"], env: { GREETING: "hello" } });
    assert.deepEqual(result, {
      code: 3,
      signal: null,
      stdout: "one hello undefined\n",
      stderr: "to stderr\n",
      timedOut: false,
    });
  });

  it("passes options to Node and text to stdin", async () => {
    const source = "process.stdin.on('data', (d) => console.log(typeof gc, String(d)))";
    const result = await runNode(source, { execArgv: ["--expose-gc"], input: "text" });
    assert.equal(result.stdout, "function text\n");
  });

  it("kills what takes too long, and says so", async () => {
    const result = await runNode("setInterval(() => {}, 1000)", { timeoutMs: 300 });
    assert.equal(result.signal, "SIGKILL");
    assert.equal(result.timedOut, true);
  });

  it("imports our modules by URL", async () => {
    const url = moduleUrl("test/support/descriptors.ts");
    const result = await runNode(`import { openDescriptors } from "${url}";
      console.log(typeof openDescriptors().length);`);
    assert.equal(result.stdout, "number\n", result.stderr);
  });
});

describe("runProgram", () => {
  it("rejects when the program does not exist", async () => {
    await assert.rejects(runProgram("no-such-program-anywhere"), { code: "ENOENT" });
  });
});

describe("openDescriptors", () => {
  const elsewhere = process.platform === "linux" ? false : "there is no /proc/self/fd here";

  it("names what was opened and not closed", { skip: elsewhere }, () => {
    const before = openDescriptors();
    const fd = openSync("/dev/null", "r");
    const during = openDescriptors();
    closeSync(fd);
    assert.deepEqual(
      during.filter((line) => !before.includes(line)),
      [`${fd} /dev/null`],
    );
    assert.deepEqual(openDescriptors(), before);
  });
});

describe("collectGarbageUntil", () => {
  // In a function of its own: a frame that awaits keeps its temporaries alive.
  const weaklyHeld = () => new WeakRef({ text: "dropped" });

  it("collects what nothing refers to", async () => {
    const reference = weaklyHeld();
    assert.equal(await collectGarbageUntil(() => reference.deref() === undefined), true);
  });

  it("gives up on what is still referred to", async () => {
    const kept = { text: "kept" };
    const reference = new WeakRef(kept);
    assert.equal(await collectGarbageUntil(() => reference.deref() === undefined, 3), false);
    assert.equal(kept.text, "kept");
  });
});
