import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { withTempDir } from "../support/temp-dir.ts";
import { runPreloaded, twins } from "./support.ts";

/** Starts one of everything that leaves a trace. */
const STARTS = `
  const fs = require("node:fs");
  fs.writeFileSync("victim", "");
  fs.writeFileSync("moved", "");
  fs.write(fs.openSync("written", "w"), "x", () => {});
  fs.unlink("victim", () => {});
  fs.mkdir("folder", () => {});
  void fs.promises.rename("moved", "renamed");
  fs.open("opened", "w", () => {});
`;

function assertDone(dir: string): void {
  assert.equal(readFileSync(join(dir, "written"), "utf8"), "x");
  const there = ["victim", "folder", "moved", "renamed", "opened"].map((name) =>
    existsSync(join(dir, name)),
  );
  assert.deepEqual(there, [false, true, false, true, true]);
}

/** How a program can end, after everything was started. */
const ENDS: Readonly<Record<string, { readonly end: string; readonly code: number }>> = {
  "process.exit": { end: "process.exit(3);", code: 3 },
  "an uncaught exception": { end: 'throw new Error("on purpose");', code: 1 },
  "an exception in a microtask": { end: "queueMicrotask(() => { throw 1; });", code: 1 },
  "process.exit from a callback": {
    end: "fs.stat('.', () => { fs.mkdir('late', () => {}); process.exit(3); });",
    code: 3,
  },
  "process.exit with a read of a pipe in flight": {
    end: "fs.read(0, Buffer.alloc(1), () => {}); process.exit(3);",
    code: 3,
  },
};

describe("what was started before the end, under the preload", () => {
  for (const [name, { end, code }] of Object.entries(ENDS)) {
    it(`is done after ${name}`, () =>
      withTempDir(async (dir) => {
        const ended = await runPreloaded(dir, `${STARTS}\n${end}`);
        assert.equal(ended.code, code, ended.stderr);
        assertDone(dir);
        assert.equal(existsSync(join(dir, "late")), end.includes("late"));
      }, "ending"));
  }

  it("is done after an unhandled rejection", () =>
    withTempDir(async (dir) => {
      const ended = await runPreloaded(dir, `${STARTS}\nvoid Promise.reject(new Error("mine"));`);
      assert.equal(ended.code, 1, ended.stderr);
      assertDone(dir);
    }, "ending"));

  it("is done after process.exit of a Worker", () =>
    withTempDir(async (dir) => {
      const ended = await runPreloaded(
        dir,
        `const { Worker, isMainThread } = require("node:worker_threads");
         if (isMainThread) new Worker(__filename);
         else { ${STARTS} process.exit(0); }`,
      );
      assert.equal(ended.code, 0, ended.stderr);
      assertDone(dir);
    }, "ending"));

  it("is done where it was started by a listener of the end", () =>
    withTempDir(async (dir) => {
      const source = `process.on("exit", () => { ${STARTS} });
        require("node:fs").stat(".", () => process.exit(0));`;
      const ended = await runPreloaded(dir, source);
      assert.equal(ended.code, 0, ended.stderr);
      assertDone(dir);
    }, "ending"));

  it("is done where it found no room", () =>
    withTempDir(async (dir) => {
      const ended = await runPreloaded(
        dir,
        `const fs = require("node:fs");
         for (let i = 0; i < 5000; i++) fs.mkdir("f" + i, () => {});
         process.on("exit", () => fs.mkdir("late", () => {}));
         process.exit(0);`,
      );
      assert.equal(ended.code, 0, ended.stderr);
      for (const name of ["f0", "f4095", "f4096", "f4999", "late"]) {
        assert.ok(existsSync(join(dir, name)), name);
      }
    }, "ending"));

  it("prints the last words", async () => {
    const { preloaded } = await twins(
      `require("node:fs").write(1, "last words", () => {}); process.exit(0);`,
    );
    assert.equal(preloaded.stdout, "last words");
  });
});

describe("what was started before a long computation, under the preload", () => {
  it("is done when the computation ends", () =>
    withTempDir(async (dir) => {
      const ended = await runPreloaded(
        dir,
        `${STARTS}
         const until = Date.now() + 500;
         while (Date.now() < until);
         require("node:child_process").spawnSync("true");
         const names = ["victim", "folder", "moved", "renamed", "opened"];
         console.log(names.map((name) => fs.existsSync(name)).join(" "));
         console.log(fs.readFileSync("written", "utf8"));`,
      );
      assert.equal(ended.stdout, "false true false true true\nx\n", ended.stderr);
    }, "ending"));
});

/** Programs whose loop runs dry once or several times. */
const DRY: readonly string[] = [
  "",
  "fs.stat('.', () => {});",
  "fs.promises.stat('.');",
  "fs.readFile(__filename, () => {});",
  "fs.promises.writeFile('x', 'y');",
  "fs.createReadStream(__filename).resume();",
  "process.once('beforeExit', () => fs.stat('.', () => {}));",
  "process.once('beforeExit', () => fs.promises.readFile(__filename));",
  `let left = 3;
   process.on("beforeExit", () => { if (left-- > 0) fs.mkdir("d" + left, () => {}); });`,
  `let left = 3;
   const open = () => fs.promises.open("f", "w").then((handle) => handle.close());
   process.on("beforeExit", async () => { if (left-- > 0) await open(); });`,
];

describe("beforeExit, under the preload", () => {
  it("comes as often as with Node", async () => {
    for (const program of DRY) {
      await twins(`const fs = require("node:fs");
        let count = 0;
        process.on("beforeExit", () => count++);
        process.on("exit", () => console.log(count));
        ${program}`);
    }
  });
});
