import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { errnoOf } from "../../src/base/index.ts";
import { canDo, OperationKind, QueueStatus } from "../../src/core/index.ts";
import { PREFERENCE } from "../../src/engines/index.ts";
import { sync } from "../../src/engines/sync/index.ts";
import { EngineHarness, makeRequest } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";

const noFd = 0x7fff_fffe;

describe("sync", () => {
  it("is available everywhere, labelled, and never chosen by itself", () => {
    assert.deepEqual(sync.probe(), { available: true });
    const { engine } = new EngineHarness("sync");
    assert.deepEqual(engine.details, { blocking: true, purpose: "comparison only" });
    assert.equal(engine.capabilities.asynchronous, false);
    assert.equal(PREFERENCE.includes("sync"), false);
    engine.close();
  });
});

describe("SyncEngine", () => {
  it("has done the work when queue returns, and tells in reap", async () => {
    await withTempDir((dir) => {
      const harness = new EngineHarness("sync");
      const path = join(dir, "made");
      harness.queue({ kind: OperationKind.Mkdir, path, mode: 0o700 }, 3, 0x7fff_ffff);
      assert.ok(existsSync(path));
      assert.deepEqual(harness.completions, []);
      harness.queue({ kind: OperationKind.Fsync, fd: noFd }, 3, 0);
      harness.queue({ kind: OperationKind.Nop }, 4, 1);
      assert.equal(harness.engine.commit(), 0);
      assert.equal(harness.engine.idle(), true);
      assert.equal(harness.engine.reap(harness, 2), 2);
      assert.equal(harness.engine.reap(harness, 2), 1);
      assert.equal(harness.engine.idle(), false);
      assert.deepEqual(harness.completions, [
        { index: 3, generation: 0x7fff_ffff, result: 0, more: false },
        { index: 3, generation: 0, result: -errnoOf("EBADF"), more: false },
        { index: 4, generation: 1, result: 0, more: false },
      ]);
      harness.close();
    });
  });

  it("is busy at its depth, cancels nothing, and wakes who is idle", async () => {
    const harness = new EngineHarness("sync", { depth: 1 });
    const { engine } = harness;
    const nop = makeRequest({ kind: OperationKind.Nop });
    assert.equal(engine.queue(nop, 0, 1, harness), QueueStatus.Queued);
    assert.equal(engine.queue(nop, 1, 1, harness), QueueStatus.Busy);
    assert.equal(engine.cancel(0, 1), false);
    engine.setReferenced(true);
    engine.wait?.(1, Number.POSITIVE_INFINITY);
    assert.equal(harness.wakes, 0);
    await harness.settle(1);
    engine.idle();
    assert.equal(engine.queue(nop, 1, 1, harness), QueueStatus.Queued);
    await nextTurn();
    assert.equal(harness.wakes, 1);
    harness.close();
  });

  it("says which operations it cannot do, and refuses them by completing", async () => {
    const harness = new EngineHarness("sync");
    const cannot = ["SyncFileRange", "Fallocate", "Fadvise", "Splice", "Tee", "Timeout", "Poll"];
    for (const [name, kind] of Object.entries(OperationKind)) {
      const expected = !cannot.includes(name);
      assert.equal(canDo(harness.engine.capabilities, kind), expected, name);
      if (!expected) assert.equal(await harness.result({ kind }), -errnoOf("ENOTSUP"), name);
    }
    harness.close();
  });

  it("completes with -EINVAL where node:fs throws at an argument", async () => {
    const harness = new EngineHarness("sync");
    const path = "nul\u0000inside";
    assert.equal(await harness.result({ kind: OperationKind.Unlink, path }), -errnoOf("EINVAL"));
    harness.close();
  });

  it("is our bug after close, and to close it too early", () => {
    const early = new EngineHarness("sync");
    early.queue({});
    assert.throws(() => early.engine.close(), { code: "ERR_PROACTOR_INVARIANT" });
    const harness = new EngineHarness("sync");
    harness.close();
    assert.throws(() => harness.queue({}), { code: "ERR_PROACTOR_INVARIANT" });
  });
});
