import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Window } from "../../bench/harness/window.ts";

describe("Window", () => {
  it("counts operations after the warm-up only", () => {
    const window = new Window({ rampOps: 3, ops: 5 });
    window.open();
    let total = 0;
    while (window.running) {
      window.end(window.begin());
      total++;
    }
    assert.equal(total, 8);
    assert.equal(window.measurement().ops, 5);
    assert.equal(window.measurement().latency, undefined);
  });

  it("tells when the part that counts begins and ends", () => {
    const events: string[] = [];
    const window = new Window({ rampOps: 0, ops: 2 }, 0, {
      onBegin: () => events.push("begin"),
      onEnd: () => events.push("end"),
    });
    window.open();
    while (window.running) {
      events.push("operation");
      window.end(window.begin());
    }
    assert.deepEqual(events, ["begin", "operation", "operation", "end"]);
  });

  it("times every nth operation", () => {
    const window = new Window({ rampOps: 4, ops: 8 }, 4);
    window.open();
    const timed: boolean[] = [];
    while (window.running) {
      const startedAt = window.begin();
      timed.push(startedAt !== 0);
      window.end(startedAt);
    }
    assert.equal(timed.filter(Boolean).length, 3);
    assert.equal(window.measurement().latency?.samples, 2);
  });

  it("ends by the clock for loops that return to the event loop", async () => {
    const window = new Window({ rampSeconds: 0.001, seconds: 0.01 });
    window.open();
    while (window.running) {
      window.end(window.begin());
      await nextTurn();
    }
    assert.ok(window.measurement().ops > 0);
  });

  it("ends by the clock for loops that only look", () => {
    const window = new Window({ rampSeconds: 0.001, seconds: 0.01 });
    window.open();
    while (window.running) {
      window.end(window.begin());
      window.look();
    }
    assert.ok(window.measurement().seconds >= 0.01);
  });

  it("has no result before its end, nor when it was abandoned", () => {
    const window = new Window({ rampSeconds: 10, seconds: 10 });
    window.open();
    assert.throws(() => window.measurement(), /has not ended/);
    window.abandon();
    assert.equal(window.running, false);
    assert.throws(() => window.measurement(), /has not ended/);
  });
});
