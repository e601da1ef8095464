import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { moduleUrl, runNode } from "../support/child.ts";
import { engineNames } from "../support/engines.ts";

/** Runs a specification of one test in a process of its own. */
function specification(env: Record<string, string>) {
  const source = `
    import { describeEveryEngine } from "${moduleUrl("test/support/engines.ts")}";
    import { it } from "node:test";
    describeEveryEngine("title", (engine) => it("ran on " + engine, () => {}));
  `;
  return runNode(source, { env });
}

describe("engineNames", () => {
  it("has all engines that are built, or those that ENGINES names", () => {
    const before = process.env.ENGINES;
    try {
      delete process.env.ENGINES;
      assert.ok(engineNames().includes("thread_pool"));
      assert.ok(engineNames().includes("io_uring"));
      process.env.ENGINES = "sync, thread_pool";
      assert.deepEqual([...engineNames()].sort(), ["sync", "thread_pool"]);
      process.env.ENGINES = "threads";
      assert.throws(() => engineNames(), { code: "ERR_INVALID_ARG_VALUE" });
    } finally {
      if (before === undefined) delete process.env.ENGINES;
      else process.env.ENGINES = before;
    }
  });
});

describe("describeEveryEngine", () => {
  it("runs the specification on each engine that ENGINES names", async () => {
    const { stdout, code } = await specification({ ENGINES: "sync,thread_pool" });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /thread_pool: title/);
    assert.match(stdout, /ran on sync/);
    assert.doesNotMatch(stdout, /io_uring/);
  });

  it("counts an engine that cannot run as a skipped test that says why", async () => {
    const { stdout, code } = await specification({ ENGINES: "io_uring", PROACTOR_NO_NATIVE: "1" });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /io_uring: title.*PROACTOR_NO_NATIVE is set to 1/);
    assert.match(stdout, /skipped 1/);
    assert.doesNotMatch(stdout, /ran on/);
  });
});
