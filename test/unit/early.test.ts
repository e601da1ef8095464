import assert from "node:assert/strict";
import { constants } from "node:fs";
import { describe, it } from "node:test";
import { EARLY_BATCH, EARLY_LATE_MS, EARLY_SMALL } from "../../src/base/limits.ts";
import { Link, OperationKind } from "../../src/core/index.ts";
import { EarlyStart } from "../../src/runtime/early.ts";
import { Scheduler } from "../../src/runtime/scheduler.ts";
import { makeRequest, type RequestFields } from "../support/engines.ts";
import { FakeEngine } from "../support/fake-engine.ts";

/** A scheduler on an engine that completes nothing by itself, and a clock that the test moves. */
function rig(depth = 256) {
  const clock = { ms: 1000 };
  const engine = new FakeEngine(depth);
  const looks = { count: 0 };
  const early = new EarlyStart(() => {
    looks.count++;
    return clock.ms;
  });
  const scheduler = new Scheduler(engine, undefined, { early });
  engine.onWake = scheduler.wake;
  const start = (fields: RequestFields = {}) => {
    void scheduler.start(makeRequest({ kind: OperationKind.Read, ...fields }), undefined);
  };
  const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
  return { clock, engine, looks, scheduler, start, tick };
}

/** A rig whose last tick started many. */
async function busyRig() {
  const made = rig();
  for (let i = 0; i < EARLY_SMALL + 1; i++) made.start();
  await made.tick();
  made.engine.batches.length = 0;
  return made;
}

describe("EarlyStart", () => {
  it("keeps reads for the end of the tick, the first of an idle ring too", async () => {
    const { engine, start, tick } = rig();
    start();
    assert.deepEqual(engine.batches, []);
    await tick();
    assert.deepEqual(engine.batches, [1]);
  });

  it("hands over what changes something at once, however many there are", async () => {
    const { engine, start } = await busyRig();
    start({ kind: OperationKind.Mkdir, path: "a" });
    start({ kind: OperationKind.Unlink, path: "a" });
    start({ kind: OperationKind.Fsync });
    start({ kind: OperationKind.Open, path: "a", flags: constants.O_CREAT });
    assert.deepEqual(engine.batches, [1, 1, 1, 1]);
    start({ kind: OperationKind.Open, path: "a", flags: constants.O_RDONLY });
    assert.deepEqual(engine.batches, [1, 1, 1, 1]);
  });

  it("hands over writes at once where few are started, else together", async () => {
    const few = rig();
    for (let i = 0; i < 3; i++) few.start({ kind: OperationKind.Write });
    assert.deepEqual(few.engine.batches, [1, 1, 1]);
    const many = await busyRig();
    for (let i = 0; i < 3; i++) many.start({ kind: OperationKind.Write });
    assert.deepEqual(many.engine.batches, []);
    await many.tick();
    assert.deepEqual(many.engine.batches, [3]);
  });

  it("hands over with the next request what has waited too long", () => {
    const { clock, engine, start } = rig();
    start();
    start();
    assert.deepEqual(engine.batches, [2], "the clock was never looked at before");
    start();
    start();
    assert.deepEqual(engine.batches, [2]);
    clock.ms += EARLY_LATE_MS * 2;
    start();
    start();
    assert.deepEqual(engine.batches, [2, 4]);
  });

  it("looks at the clock a few times for a long batch, and never for one request", async () => {
    const { looks, start, tick } = rig();
    for (let i = 0; i < 100; i++) {
      start();
      await tick();
    }
    assert.equal(looks.count, 0);
    for (let i = 0; i < EARLY_BATCH + 1; i++) start();
    assert.ok(looks.count <= Math.log2(EARLY_BATCH) + 2, `${looks.count} looks`);
  });

  it("hands over a batch that is long enough, and one batch otherwise", async () => {
    const { engine, start, tick } = await busyRig();
    for (let i = 0; i < EARLY_BATCH + 3; i++) start();
    assert.deepEqual(engine.batches, [EARLY_BATCH]);
    await tick();
    assert.deepEqual(engine.batches, [EARLY_BATCH, 3]);
  });

  it("keeps a chain together", async () => {
    const { clock, engine, start } = rig();
    const kind = OperationKind.Write;
    start({ kind, link: Link.Link, chain: 3 });
    clock.ms += 1000;
    start({ kind, link: Link.Link, chain: 0 });
    assert.deepEqual(engine.batches, []);
    start({ kind, chain: 0 });
    assert.deepEqual(engine.batches, [3]);
  });

  it("delivers nothing before the turn", async () => {
    const { engine, scheduler } = rig();
    engine.onCommit = (taken) => {
      for (const given of taken) engine.finish(given, 7);
    };
    let done = false;
    const options = { callback: () => (done = true) };
    void scheduler.start(makeRequest({ kind: OperationKind.Mkdir, path: "a" }), { options });
    scheduler.submit();
    assert.deepEqual([engine.batches, done], [[1], false]);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(done, true);
  });
});

describe("Scheduler.submit", () => {
  it("hands over what is staged", async () => {
    const { engine, scheduler, start } = await busyRig();
    start();
    start();
    assert.deepEqual(engine.batches, []);
    scheduler.submit();
    assert.deepEqual(engine.batches, [2]);
  });

  it("leaves an engine that sleeps asleep", async () => {
    const { engine, scheduler } = await busyRig();
    assert.equal(engine.idling, true);
    scheduler.submit();
    assert.equal(engine.idling, true);
  });
});

describe("Scheduler.end", () => {
  it("waits until what changes something is done, and for nothing else", () => {
    const { engine, scheduler, start } = rig();
    start({ kind: OperationKind.Read });
    start({ kind: OperationKind.Write });
    start({ kind: OperationKind.Mkdir, path: "a" });
    engine.onWait = () => {
      const next = engine.given.filter(({ request }) => request.kind !== OperationKind.Read);
      const given = next[engine.waits.length - 1];
      if (given !== undefined) engine.finish(given, 0);
    };
    scheduler.end();
    assert.equal(engine.waits.length, 2);
    assert.deepEqual([scheduler.inFlight, scheduler.run()], [3, 2], "kept for those who run it");
  });

  it("has what waits for room done as well, and what is started later", () => {
    const { engine, scheduler, start } = rig(2);
    engine.onCommit = (taken) => {
      for (const given of taken) engine.finish(given, 0);
    };
    for (let i = 0; i < 7; i++) start({ kind: OperationKind.Mkdir, path: `${i}` });
    scheduler.end();
    start({ kind: OperationKind.Mkdir, path: "late" });
    const taken = engine.batches.reduce((sum, size) => sum + size, 0);
    assert.deepEqual([taken, scheduler.waiting], [8, 0]);
  });
});
