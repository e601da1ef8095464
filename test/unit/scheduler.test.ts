import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as later, setImmediate as nextTurn } from "node:timers/promises";
import { EAGAIN, ETIME } from "../../src/abi/linux.ts";
import { BYTES_PER_TURN, COMPLETIONS_PER_TURN, errnoOf } from "../../src/base/index.ts";
import { Link, OPERATIONS, OperationKind, type Request } from "../../src/core/index.ts";
import type { StartRule } from "../../src/runtime/early.ts";
import type { Extras } from "../../src/runtime/extras.ts";
import type { Operation } from "../../src/runtime/operation.ts";
import { Scheduler } from "../../src/runtime/scheduler.ts";
import { makeRequest, type RequestFields } from "../support/engines.ts";
import { FakeEngine, type Given } from "../support/fake-engine.ts";

const ECANCELED = -errnoOf("ECANCELED");
const EINTR = -errnoOf("EINTR");

/** Keeps everything for the end of the tick. */
const AT_THE_END: StartRule = { isDue: () => false, handedOver() {}, turned() {} };

function rig(depth = 64, engine = new FakeEngine(depth)) {
  const scheduler = new Scheduler(engine, undefined, { early: AT_THE_END });
  engine.onWake = scheduler.wake;
  const start = (fields: RequestFields = {}, extras?: Extras): Operation<unknown> =>
    scheduler.start(makeRequest(fields), extras);
  return { engine, scheduler, start };
}

/** Lets everything that was queued with process.nextTick run, and microtasks with it. */
const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** Answers every request as it is committed. */
function answering(engine: FakeEngine, result: (given: Given) => number = () => 0): void {
  engine.onCommit = (taken) => {
    for (const given of taken) engine.finish(given, result(given));
  };
}

describe("Scheduler.start", () => {
  it("hands over everything of one tick in one batch, microtasks included", async () => {
    const { engine, start } = rig();
    answering(engine);
    const first = [start(), start()];
    await Promise.resolve();
    first.push(start());
    queueMicrotask(() => first.push(start()));
    assert.deepEqual(engine.batches, [], "Not before the tick is over");
    await Promise.all(first);
    assert.deepEqual(engine.batches, [4]);
  });

  it("makes one batch of what the continuations of one delivery start", async () => {
    const { engine, start } = rig();
    answering(engine);
    const loops = Array.from({ length: 10 }, async () => {
      for (let i = 0; i < 5; i++) await start();
    });
    await Promise.all(loops);
    assert.deepEqual(engine.batches, [10, 10, 10, 10, 10]);
  });

  it("reads the request before it returns, even when it has to wait", async () => {
    const { engine, scheduler } = rig(1);
    answering(engine);
    const request = makeRequest({ kind: OperationKind.Read, length: 1 });
    const first = scheduler.start(request, undefined);
    request.length = 2;
    const second = scheduler.start(request, undefined);
    request.length = 3;
    await Promise.all([first, second]);
    assert.deepEqual(
      engine.given.map(({ request: { length } }) => length),
      [1, 2],
    );
  });

  it("resolves with the number, or with nothing where there is none", async () => {
    const { engine, start } = rig();
    answering(engine, () => 7);
    for (const kind of Object.values(OperationKind)) {
      const counts = ["nop", "open", "read", "write", "readv", "writev", "statx", "splice", "tee"];
      counts.push("poll");
      const { name } = OPERATIONS[kind] as { name: string };
      const buffer = new Uint8Array(1);
      assert.equal(await start({ kind, buffer }), counts.includes(name) ? 7 : undefined, name);
    }
  });
});

// HAZARDS C2, C6: completions that come late, twice, or for the tenant before.
describe("Scheduler.complete", () => {
  it("ignores a generation that is not the present tenant's", async () => {
    const { engine, scheduler, start } = rig(1);
    const first = start();
    await tick();
    const [old] = engine.given as [Given];
    engine.finish(old, 1);
    scheduler.run();
    assert.equal(await first, 1);
    const second = start();
    await tick();
    const now = engine.given[1] as Given;
    assert.equal(now.index, old.index, "The slot is the same");
    assert.notEqual(now.generation, old.generation);
    engine.finish(old, 99);
    scheduler.run();
    assert.equal(second.status, "in flight", "Somebody else's completion");
    engine.finish(now, 2);
    scheduler.run();
    assert.equal(await second, 2);
  });

  it("keeps the slot and the memory while more will follow", async () => {
    const { engine, scheduler, start } = rig(1);
    const buffer = new Uint8Array(8);
    const operation = start({ kind: OperationKind.Read, buffer, length: 8 });
    await tick();
    const [given] = engine.given as [Given];
    engine.finish(given, 1, true);
    assert.equal(scheduler.run(), 0);
    assert.equal(scheduler.inFlight, 1);
    assert.equal(scheduler.isLent(buffer), true);
    engine.finish(given, 5);
    assert.equal(scheduler.run(), 1);
    assert.equal(await operation, 5);
    assert.equal(scheduler.isLent(buffer), false);
  });

  it("delivers what an engine finishes inline, started within a delivery too", async () => {
    const { engine, start } = rig(8);
    engine.inline = 0;
    const results: string[] = [];
    const callback = (name: string) => () => {
      results.push(name);
      // More than were delivered so far: they must not overwrite those that are still to come.
      if (name.length < 3) for (const c of "abc") void start({}, extras(name + c));
    };
    const extras = (name: string): Extras => ({ options: { callback: callback(name) } });
    for (const name of ["1", "2", "3"]) void start({}, extras(name));
    await nextTurn();
    const expected = ["1", "2", "3"].flatMap((a) => [
      a,
      ...["a", "b", "c"].flatMap((b) => [a + b, ...["a", "b", "c"].map((c) => a + b + c)]),
    ]);
    assert.deepEqual(results.toSorted(), expected.toSorted());
  });

  it("lets those who wait for the slots of an inline engine have them", async () => {
    const { engine, start } = rig(2);
    engine.inline = 3;
    const all = await Promise.all(Array.from({ length: 100 }, () => start({})));
    assert.deepEqual(
      all,
      Array.from({ length: 100 }, () => 3),
    );
  });
});

describe("Scheduler, at its limits", () => {
  it("keeps to the depth, and to the order of the calls", async () => {
    const { engine, scheduler, start } = rig(4);
    const operations = Array.from({ length: 10 }, (_, i) => start({ fd: i }));
    assert.deepEqual([scheduler.inFlight, scheduler.waiting], [4, 6]);
    assert.deepEqual(
      operations.map(({ status }) => status),
      [...Array(4).fill("in flight"), ...Array(6).fill("queued")],
    );
    answering(engine);
    await Promise.all(operations);
    assert.deepEqual(
      engine.given.map(({ request: { fd } }) => fd),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    assert.ok(engine.batches.every((size) => size <= 4));
  });

  it("commits when the engine is full, and offers again", async () => {
    const { engine, start } = rig(100);
    engine.room = 3;
    answering(engine);
    await Promise.all(Array.from({ length: 10 }, () => start()));
    assert.deepEqual(engine.batches, [3, 3, 3, 1]);
  });

  it("starts a chain only with room for all of it, and lets nobody overtake it", async () => {
    const { engine, start } = rig(4);
    const blockers = [start({ fd: 1 }), start({ fd: 2 })];
    const chain = [
      start({ fd: 10, chain: 3, link: Link.Link }),
      start({ fd: 11, chain: 0, link: Link.Link }),
      start({ fd: 12, chain: 0 }),
    ];
    const after = start({ fd: 20 });
    await tick();
    assert.deepEqual(engine.batches, [2]);
    assert.equal(chain[0]?.status, "queued");
    answering(engine);
    for (const given of [...engine.given]) engine.finish(given);
    await Promise.all([...blockers, ...chain, after]);
    assert.deepEqual(
      engine.given.map(({ request: { fd } }) => fd),
      [1, 2, 10, 11, 12, 20],
    );
  });

  it("leaves the loop alone while a chain waits for room that nobody makes", async () => {
    const { engine, start } = rig(4);
    const blocker = start();
    const chain = [
      start({ chain: 4, link: Link.Link }),
      ...[2, 1].map(() => start({ chain: 0, link: Link.Link })),
      start({ chain: 0 }),
    ];
    // If turns followed each other without end, this would never come back.
    await nextTurn();
    assert.equal(engine.idling, true, "Waiting to be woken");
    assert.equal(chain[0]?.status, "queued");
    answering(engine);
    engine.finish(engine.given[0] as Given);
    await Promise.all([blocker, ...chain]);
  });

  it("cancels what waits at once, a chain as a whole", async () => {
    const { engine, scheduler, start } = rig(1);
    const blocker = start();
    const alone = start();
    const chain = [start({ chain: 2, link: Link.Link }), start({ chain: 0 })];
    const last = start();
    const outcomes = [await alone.cancel(), await (chain[1] as Operation<unknown>).cancel()];
    assert.deepEqual(outcomes, [{ outcome: "canceled" }, { outcome: "canceled" }]);
    await assert.rejects(chain[0] as Operation<unknown>, { code: "ECANCELED" });
    assert.equal(engine.canceled.length, 0, "The engine never heard of them");
    assert.equal(scheduler.waiting, 1);
    answering(engine);
    await Promise.all([blocker, last]);
  });
});

// HAZARDS Q2, Q5: the kernel has no memory for now.
describe("Scheduler, when the engine does not take what it was offered", () => {
  it("offers again after a while, without anything else happening", async () => {
    const { engine, start } = rig();
    engine.commitResults.push(-EAGAIN, -EAGAIN, -EAGAIN);
    answering(engine);
    assert.equal(await start(), 0);
    assert.equal(engine.commitResults.length, 0);
  });

  it("offers again at once when completions made room, not only when woken", async () => {
    const { engine, scheduler, start } = rig();
    const first = start();
    await tick();
    engine.idling = false;
    engine.finish(engine.given[0] as Given, 1);
    engine.commitResults.push(-EAGAIN);
    const second = start();
    scheduler.run();
    assert.equal(await first, 1);
    answering(engine, () => 2);
    assert.equal(await second, 2);
  });

  it("offers again when the engine stays full after a commit", async () => {
    const { engine, start } = rig();
    engine.room = 0;
    const operation = start();
    await later(5);
    assert.equal(operation.status, "queued");
    engine.room = 1;
    answering(engine);
    assert.equal(await operation, 0);
  });

  it("does not block for what was not taken", () => {
    const { engine, scheduler, start } = rig();
    engine.commitResults.push(-EAGAIN);
    answering(engine);
    void start();
    assert.equal(scheduler.wait(1, Number.POSITIVE_INFINITY), 1);
    assert.ok(engine.waits.every(({ timeoutMs }) => timeoutMs < 1000));
  });
});

// HAZARDS Q8: whoever resubmits for ever must let timers, sockets and others have their turn.
describe("Scheduler, under load that never ends", () => {
  it("gives the loop a turn after so many completions", async () => {
    const { engine, start } = rig(4096);
    answering(engine);
    let done = 0;
    let stop = false;
    const between: number[] = [];
    const loop = async () => {
      while (!stop) {
        await start();
        done++;
      }
    };
    const loops = Array.from({ length: 1000 }, loop);
    for (let turn = 0; turn < 5; turn++) {
      const before = done;
      await nextTurn();
      between.push(done - before);
    }
    stop = true;
    await Promise.all(loops);
    assert.ok(
      between.every((count) => count <= 2 * COMPLETIONS_PER_TURN),
      `Completions between turns of the loop: ${between}`,
    );
    assert.ok(done > COMPLETIONS_PER_TURN, "The loops have turned, too");
  });

  it("gives the loop a turn after so many bytes", async () => {
    const { engine, start } = rig(4096);
    answering(engine, () => BYTES_PER_TURN / 4);
    let done = 0;
    let stop = false;
    const loop = (async () => {
      while (!stop) {
        await start();
        done++;
      }
    })();
    await nextTurn();
    assert.ok(done <= 8, `${done} copies of a quarter of the limit`);
    stop = true;
    await loop;
  });

  it("lets one loop of single operations run many times in one turn", async () => {
    const { engine, start } = rig();
    answering(engine);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    let done = 0;
    while (!turned && done < COMPLETIONS_PER_TURN / 2) {
      await start();
      done++;
    }
    assert.equal(turned, false);
  });
});

describe("Scheduler, going to sleep and waking up", () => {
  it("keeps the process alive exactly while something is in flight", async () => {
    const { engine, scheduler, start } = rig();
    const operation = start();
    await tick();
    assert.deepEqual([engine.referenced, engine.idling], [true, true]);
    scheduler.setReferenced(false);
    assert.equal(engine.referenced, false);
    scheduler.setReferenced(true);
    assert.equal(engine.referenced, true);
    engine.finish(engine.given[0] as Given);
    scheduler.wake();
    await operation;
    assert.equal(engine.referenced, false);
  });

  it("acts by itself on a completion that slipped in before it slept", async () => {
    const { engine, start } = rig();
    const { idle } = engine;
    let slipped = false;
    engine.idle = () => {
      if (!slipped) engine.finish(engine.given[0] as Given, 5);
      slipped = true;
      return idle.call(engine);
    };
    assert.equal(await start(), 5);
  });

  it("is quiet when nothing is in flight, waits or is held", async () => {
    const { engine, scheduler, start } = rig(1);
    let quiet = 0;
    scheduler.whenQuiet(() => quiet++);
    assert.equal(quiet, 1, "At once");
    const operations = [start(), start()];
    scheduler.whenQuiet(() => quiet++);
    answering(engine);
    await Promise.all(operations);
    await nextTurn();
    assert.equal(quiet, 2);
  });

  it("does nothing any more once it was stopped", async () => {
    const { engine, scheduler, start } = rig();
    void start();
    scheduler.stop();
    await nextTurn();
    assert.deepEqual(engine.batches, []);
    assert.equal(scheduler.run(), 0);
  });
});

describe("Scheduler.run", () => {
  it("does nothing from within a delivery", async () => {
    const { engine, scheduler, start } = rig();
    answering(engine);
    const inside: number[] = [];
    const callback = () => inside.push(scheduler.run());
    void start({}, { options: { callback } });
    void start({}, { options: { callback } });
    assert.equal(scheduler.run(), 2);
    assert.deepEqual(inside, [0, 0]);
  });
});

describe("Scheduler.wait", () => {
  it("blocks for no more than is in flight", () => {
    const { engine, scheduler, start } = rig();
    for (let i = 0; i < 3; i++) void start();
    engine.onWait = () => {
      for (const given of engine.given.splice(0, 1)) engine.finish(given);
    };
    assert.equal(scheduler.wait(10, 1e6), 3);
    assert.deepEqual(
      engine.waits.map(({ minimum }) => minimum),
      [3, 2, 1],
    );
  });

  it("comes back when the time is up", () => {
    const { engine, scheduler, start } = rig();
    void start();
    assert.equal(scheduler.wait(1, 0), 0);
    assert.equal(engine.waits.length, 0);
  });
});

describe("Scheduler, for an operation with extras", () => {
  it("takes an interrupted request for canceled only if somebody asked", async () => {
    const { engine, scheduler, start } = rig();
    const operations = [start(), start({}, {}), start(), start()];
    await tick();
    const outcomes = [operations[2]?.cancel(), operations[3]?.cancel()];
    const [a, b, c, d] = engine.given as [Given, Given, Given, Given];
    engine.finish(a, EINTR);
    engine.finish(b, -512);
    engine.finish(c, EINTR);
    engine.finish(d, -512);
    scheduler.run();
    const codes = (await Promise.allSettled(operations)).map(
      (settled) => settled.status === "rejected" && settled.reason.code,
    );
    assert.deepEqual(codes, ["EINTR", "EINTR", "ECANCELED", "ECANCELED"]);
    assert.deepEqual(await Promise.all(outcomes), [
      { outcome: "canceled" },
      { outcome: "canceled" },
    ]);
  });

  it("resolves with what happened although it was to be canceled or aborted", async () => {
    const { engine, scheduler, start } = rig();
    const controller = new AbortController();
    const canceled = start();
    const aborted = start({}, { options: { signal: controller.signal } });
    const failed = start({}, { options: { signal: controller.signal } });
    await tick();
    const outcome = canceled.cancel();
    controller.abort();
    assert.equal(engine.canceled.length, 3, "The engine was asked");
    const [a, b, c] = engine.given as [Given, Given, Given];
    engine.finish(a, 7);
    engine.finish(b, 8);
    engine.finish(c, -9);
    scheduler.run();
    assert.deepEqual(await outcome, { outcome: "completed", result: 7 });
    assert.deepEqual([await canceled, await aborted], [7, 8]);
    await assert.rejects(failed, { code: "EBADF" });
    assert.equal(canceled.status, "completed");
  });

  it("says too late when the engine has nothing to ask any more", async () => {
    const { engine, scheduler, start } = rig();
    engine.cancelable = false;
    const operation = start();
    await tick();
    const outcome = operation.cancel();
    engine.finish(engine.given[0] as Given, 5);
    scheduler.run();
    assert.deepEqual(await outcome, { outcome: "too late", result: 5 });
  });

  // HAZARDS C1: a cancellation that finds nothing may have come too early, not too late.
  it("asks anew where a cancellation missed what is still in flight", async () => {
    const { engine, scheduler, start } = rig();
    const [there, gone] = [start(), start()];
    const canceling = there.cancel();
    await tick();
    const [first, second] = engine.given as [Given, Given];
    for (const { index, generation } of [first, second]) scheduler.missed(index, generation);
    scheduler.missed(first.index, first.generation + 1);
    engine.finish(second, 2);
    scheduler.run();
    assert.equal(await gone, 2);
    assert.deepEqual(engine.canceled, [first.index]);
    await later(40);
    assert.deepEqual(engine.canceled, [first.index, first.index], "Once more, and no other");
    engine.finish(first, ECANCELED);
    scheduler.run();
    assert.deepEqual(await canceling, { outcome: "canceled" });
    await assert.rejects(there, { code: "ECANCELED" });
  });

  it("resolves a timeout whose time is up", async () => {
    const { engine, start } = rig();
    answering(engine, () => -ETIME);
    assert.equal(await start({ kind: OperationKind.Timeout }), undefined);
    await assert.rejects(start({ kind: OperationKind.Nop }), { code: "ETIME" });
  });

  it("keeps the time itself for what the engine's deadline does not reach", async () => {
    const kinds = [OperationKind.Read, OperationKind.Splice] as const;
    const withoutDeadline = OPERATIONS.map((_, kind) => kind === OperationKind.Splice);
    const { engine, start } = rig(8, new FakeEngine(8, { withoutDeadline }));
    const options = { deadlineMs: 5 };
    const operations = kinds.map((kind) => start({ kind }, { options }));
    await later(20);
    assert.deepEqual(
      engine.given.map(({ request: { deadlineMs } }) => deadlineMs),
      [5, 0],
    );
    assert.deepEqual(engine.canceled, [engine.given[1]?.index]);
    for (const given of engine.given) engine.finish(given, ECANCELED);
    for (const operation of operations) await assert.rejects(operation, { code: "ETIMEDOUT" });
  });
});

describe("Scheduler, with an engine for what the first cannot do", () => {
  const other: OperationKind = OperationKind.Splice;

  function both() {
    const operations = OPERATIONS.map((_, kind) => kind !== other);
    const engine = new FakeEngine(8, { operations });
    const fallback = new FakeEngine(8);
    const scheduler = new Scheduler(engine, fallback);
    engine.onWake = scheduler.wake;
    fallback.onWake = scheduler.wake;
    const start = (fields: RequestFields, extras?: Extras) =>
      scheduler.start(makeRequest(fields), extras);
    return { engine, fallback, scheduler, start };
  }

  it("gives each what it can do, cancellations too", async () => {
    const { engine, fallback, start } = both();
    const operations = [start({ kind: other, fd: 1 }), start({ kind: OperationKind.Nop, fd: 2 })];
    await tick();
    const descriptors = ({ given }: FakeEngine) => given.map(({ request: { fd } }) => fd);
    assert.deepEqual([descriptors(engine), descriptors(fallback)], [[2], [1]]);
    assert.deepEqual([engine.referenced, fallback.referenced], [true, true]);
    void operations[0]?.cancel();
    assert.deepEqual([engine.canceled, fallback.canceled], [[], [fallback.given[0]?.index]]);
  });

  it("drains both before it goes on", async () => {
    const { engine, fallback, start } = both();
    answering(engine);
    const first = start({ kind: other });
    const drain = start({ kind: OperationKind.Nop, drain: true, fd: 5 });
    const after = start({ kind: OperationKind.Nop, fd: 6 });
    await nextTurn();
    assert.deepEqual(engine.given, [], "The fallback has not finished");
    const last = start({ kind: OperationKind.Nop, fd: 7 });
    fallback.finish(fallback.given[0] as Given);
    await Promise.all([first, drain, after, last]);
    const order = engine.given.map(({ request }) => (request as Request).fd);
    assert.deepEqual(order, [5, 6, 7]);
    assert.deepEqual(engine.batches, [1, 2], "The drain is alone");
  });
});
