import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errnoOf } from "../../src/base/index.ts";
import { canDo, OperationKind, QueueStatus } from "../../src/core/index.ts";
import { PREFERENCE } from "../../src/engines/index.ts";
import { sync } from "../../src/engines/sync/index.ts";
import { EngineHarness, makeRequest } from "../support/engines.ts";

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
  it("completes inside of queue, with index and generation as they were given", () => {
    const harness = new EngineHarness("sync");
    const { engine } = harness;
    const nop = makeRequest({ kind: OperationKind.Nop });
    assert.equal(engine.queue(nop, 3, 0x7fff_ffff, harness), QueueStatus.Completed);
    const bad = makeRequest({ kind: OperationKind.Fsync, fd: noFd });
    assert.equal(engine.queue(bad, 3, 0, harness), QueueStatus.Completed);
    assert.deepEqual(harness.completions, [
      { index: 3, generation: 0x7fff_ffff, result: 0, more: false },
      { index: 3, generation: 0, result: -errnoOf("EBADF"), more: false },
    ]);
    harness.close();
  });

  it("never is busy, has nothing to commit, reap, cancel or wait for, and wakes nobody", () => {
    const harness = new EngineHarness("sync", { depth: 1 });
    const { engine } = harness;
    harness.queue({ kind: OperationKind.Nop });
    harness.queue({ kind: OperationKind.Nop });
    assert.equal(engine.commit(), 0);
    assert.equal(engine.reap(harness, 100), 0);
    assert.equal(engine.cancel(0, 1), false);
    assert.equal(engine.idle(), false);
    engine.awake();
    engine.setReferenced(true);
    engine.wait?.(1, Number.POSITIVE_INFINITY);
    assert.equal(harness.wakes, 0);
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

  it("is our bug after close", () => {
    const harness = new EngineHarness("sync");
    harness.close();
    assert.throws(() => harness.queue({}), { code: "ERR_PROACTOR_INVARIANT" });
  });
});
