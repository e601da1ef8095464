import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  IORING_REGISTER_RING_FDS,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_UNREGISTER_RING_FDS,
} from "../../src/abi/io-uring.ts";
import { EACCES, EAGAIN, EBADF, EBUSY, ENOMEM, ENOSYS, ENXIO, EPERM } from "../../src/abi/linux.ts";
import { QueueStatus } from "../../src/core/index.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { Patience } from "../../src/engines/io-uring/failure.ts";
import { makeRequest } from "../support/engines.ts";
import { FakeKernel, type TakenSqe } from "../support/fake-kernel.ts";

/** An engine on a kernel that a test can make fail, and what its sink and its owner hear. */
class Rig {
  readonly kernel: FakeKernel;
  readonly results: [number, number][] = [];
  readonly reasons = new Map<number, string>();
  readonly failures: string[] = [];
  lostWith: number | undefined;
  readonly engine: IoUringEngine;

  constructor(patienceMs = 0, sqPoll = false, kernel = new FakeKernel()) {
    this.kernel = kernel;
    const options = {
      entries: 8,
      completionEntries: 16,
      depth: 64,
      sqPoll,
      sqPollIdleMs: 0,
      wake: () => this.reap(),
      failed: (error: Error) => this.failures.push(error.message),
    };
    const patience = new Patience(patienceMs);
    this.engine = new IoUringEngine(this.kernel.addon, options, true, patience);
  }

  queue(index: number): QueueStatus {
    return this.engine.queue(makeRequest({}), index, 1);
  }

  reap(): number {
    return this.engine.reap(this, 100);
  }

  complete(index: number, _generation: number, result: number): void {
    this.results.push([index, result]);
  }

  failed(index: number, _generation: number, error: Error): void {
    this.reasons.set(index, error.message);
  }

  lost(result: number): void {
    this.lostWith = result;
  }
}

describe("IoUringEngine, when io_uring_enter fails for good", () => {
  for (const [name, errno] of Object.entries({ EPERM, ENOSYS, EBADF, ENXIO, EACCES })) {
    it(`completes what was staged with ${name} and the reason`, () => {
      const rig = new Rig();
      for (let i = 0; i < 3; i++) rig.queue(i);
      rig.kernel.enterResults.push(1, -errno);
      assert.equal(rig.engine.commit(), 0);
      assert.equal(rig.failures.length, 1);
      rig.reap();
      assert.deepEqual(rig.results, [
        [1, -errno],
        [2, -errno],
      ]);
      assert.match(String(rig.reasons.get(1)), new RegExp(`failed for good: ${name}: .*enter$`));
      rig.engine.close();
    });
  }

  it("completes what is queued later, without a call", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    const calls = rig.kernel.enters.length;
    for (let i = 1; i < 30; i++) {
      assert.equal(rig.queue(i), QueueStatus.Queued);
      rig.engine.commit();
      assert.equal(rig.engine.idle(), true, "There is something to reap");
      rig.reap();
    }
    assert.equal(rig.results.length, 30);
    assert.equal(rig.kernel.enters.length, calls);
    rig.engine.close();
  });

  it("keeps the results of what the kernel had taken, and asks it to give up the rest", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.queue(1);
    rig.queue(2);
    rig.engine.commit();
    rig.queue(3);
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    assert.ok(rig.kernel.log.includes(`register ${IORING_REGISTER_SYNC_CANCEL}`));
    assert.equal(rig.engine.cancel(0, 1), true);
    rig.reap();
    assert.deepEqual(rig.results, [[3, -EPERM]]);
    const [first, second] = rig.kernel.taken;
    assert.ok(first !== undefined && second !== undefined);
    rig.kernel.answer(first, 7);
    rig.kernel.answer(second, -125);
    rig.reap();
    assert.deepEqual(rig.results.slice(1), [
      [0, 7],
      [1, -EPERM],
    ]);
    assert.equal(rig.lostWith, undefined, "The third has time to come");
    rig.engine.close();
  });

  it("says so, after a time, when what the kernel had taken does not come", async () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    rig.queue(1);
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    // The engine looks by itself.
    while (rig.lostWith === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(rig.lostWith, -EPERM);
    rig.engine.close();
  });

  it("reads nothing more of what it gave up, and stays guarded", async () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    rig.queue(1);
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    while (rig.lostWith === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    rig.results.length = 0;
    rig.kernel.answer(rig.kernel.taken[0] as TakenSqe, 7);
    assert.equal(rig.reap(), 0);
    assert.equal(rig.engine.idle(), false);
    assert.deepEqual(rig.results, []);
    rig.engine.close();
    rig.engine.setReferenced(true);
    assert.ok(!rig.kernel.log.includes("ringUnguard"), rig.kernel.log.join());
  });

  it("settles what a sleeping kernel thread never takes, and what finds no room", async () => {
    const rig = new Rig(0, true);
    rig.kernel.sleepSqPoll();
    let queued = 0;
    while (rig.queue(queued) === QueueStatus.Queued) queued++;
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    assert.equal(rig.failures.length, 1);
    for (let i = 0; i < 20; i++) {
      assert.equal(rig.queue(queued + i), QueueStatus.Queued);
      rig.engine.commit();
      rig.reap();
    }
    assert.equal(rig.results.length, 20);
    assert.equal(rig.lostWith, undefined);
    while (rig.lostWith === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    rig.engine.close();
  });

  it("does not spin while it is waited for", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    rig.queue(1);
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    rig.reap();
    let turns = 0;
    for (; rig.lostWith === undefined; turns++) {
      rig.engine.wait(1, 100);
      rig.reap();
    }
    assert.ok(turns < 10_000, `It came back ${turns} times`);
    rig.engine.close();
  });

  it("registers nothing any more", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.kernel.enterResults.push(-EPERM);
    rig.engine.commit();
    assert.equal(rig.engine.registerFiles([0]), -EPERM);
    assert.equal(rig.engine.registerBuffers([]), -EPERM);
    rig.engine.close();
  });
});

describe("IoUringEngine.close", () => {
  it("ends the registration of its ring, which would keep the ring", () => {
    const kernel = new FakeKernel();
    kernel.refuse.set(`register ${IORING_REGISTER_RING_FDS}`, 1);
    const rig = new Rig(0, false, kernel);
    rig.engine.close();
    const { log } = rig.kernel;
    assert.ok(log.includes(`register ${IORING_UNREGISTER_RING_FDS}`), log.join());
  });
});

describe("IoUringEngine, when io_uring_enter is short of something", () => {
  for (const [name, errno] of Object.entries({ EAGAIN, EBUSY, ENOMEM })) {
    it(`tries again after ${name} until its patience is over, which details shows`, () => {
      const patient = new Rig(60_000);
      patient.queue(0);
      patient.kernel.enterResults.push(-errno, -errno);
      assert.equal(patient.engine.commit(), -errno);
      assert.equal(patient.engine.commit(), -errno);
      assert.equal(patient.engine.commit(), 1);
      assert.match(String(patient.engine.details.retries), /ENOMEM for at most 60000 ms/);
      const rig = new Rig(0);
      rig.queue(0);
      rig.kernel.enterResults.push(-errno);
      rig.engine.commit();
      rig.reap();
      assert.deepEqual(rig.results, [[0, -errno]]);
      patient.engine.close();
      rig.engine.close();
    });
  }
});
