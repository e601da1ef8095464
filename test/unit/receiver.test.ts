import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Finisher } from "../../src/runtime/gate.ts";
import type { Receiver } from "../../src/runtime/receiver.ts";
import { Scheduler } from "../../src/runtime/scheduler.ts";
import { makeRequest } from "../support/engines.ts";
import { FakeEngine } from "../support/fake-engine.ts";

function rig(depth = 64) {
  const engine = new FakeEngine(depth);
  const scheduler = new Scheduler(engine, undefined);
  engine.onWake = scheduler.wake;
  engine.onCommit = (taken) => {
    for (const given of taken) engine.finish(given, 7);
  };
  return { engine, scheduler };
}

const broken = new Error("broken");

/** A receiver that throws when it is told, and notes what it was told after that. */
class Throwing implements Receiver {
  readonly seen: unknown[] = [];

  settled(result: number): void {
    this.seen.push(result);
    throw broken;
  }

  failed(error: unknown): void {
    this.seen.push(error);
  }
}

describe("Receiver.failed", () => {
  it("is called with what settled throws, and the others of the batch are told", async () => {
    const { scheduler } = rig();
    const before = scheduler.start(makeRequest({}), undefined);
    const receiver = new Throwing();
    void scheduler.startFor(makeRequest({}), receiver);
    const after = scheduler.start(makeRequest({}), undefined);
    const plain = scheduler.startPlain(makeRequest({}));
    assert.deepEqual(await Promise.all([before, after, plain]), [7, 7, 7]);
    assert.deepEqual(receiver.seen, [7, broken]);
    assert.ok(scheduler.isQuiet);
  });

  it("is called where the request had to wait for room", async () => {
    const { scheduler } = rig(1);
    const first = scheduler.start(makeRequest({}), undefined);
    const receiver = new Throwing();
    void scheduler.startFor(makeRequest({}), receiver);
    const last = scheduler.start(makeRequest({}), undefined);
    assert.deepEqual(await Promise.all([first, last]), [7, 7]);
    assert.deepEqual(receiver.seen, [7, broken]);
    assert.ok(scheduler.isQuiet);
  });

  it("leaves a scheduler that goes on, even if it throws as well", async (t) => {
    const { scheduler } = rig();
    const uncaught: unknown[] = [];
    t.mock.method(process, "nextTick", (call: (...args: unknown[]) => void, ...args: unknown[]) => {
      queueMicrotask(() => {
        try {
          call(...args);
        } catch (error) {
          uncaught.push(error);
        }
      });
    });
    const throws = () => {
      throw broken;
    };
    void scheduler.startFor(makeRequest({}), { settled: throws, failed: throws });
    assert.equal(await scheduler.start(makeRequest({}), undefined), 7);
    await Promise.resolve();
    assert.deepEqual(uncaught, [broken], "It is the program's uncaught exception");
    assert.equal(await scheduler.start(makeRequest({}), undefined), 7);
  });
});

describe("Scheduler.startPlain", () => {
  it("rejects with what its finisher throws, and with nothing else", async () => {
    const { scheduler } = rig();
    const finisher: Finisher = {
      finish() {
        throw broken;
      },
    };
    const bad = scheduler.startPlain(makeRequest({}), finisher);
    const good = scheduler.startPlain(makeRequest({}));
    await assert.rejects(bad, broken);
    assert.equal(await good, 7);
  });
});

describe("Scheduler.start", () => {
  it("rejects with what a part of its end throws, and runs the other parts", async () => {
    const { scheduler } = rig();
    const seen: string[] = [];
    const throws = () => {
      throw broken;
    };
    const note = (what: string) => () => void seen.push(what);
    const ends = { finish: [throws, note("finish")], last: [throws, note("last")] };
    const bad = scheduler.start(makeRequest({}), ends);
    const worse = scheduler.start(makeRequest({}), { convert: throws });
    const good = scheduler.start(makeRequest({}), undefined);
    await assert.rejects(bad, broken);
    await assert.rejects(worse, broken);
    assert.equal(await good, 7);
    assert.deepEqual(seen, ["finish", "last"]);
  });
});
