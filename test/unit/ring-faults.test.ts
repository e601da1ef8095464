import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_LINK_TIMEOUT,
  IOSQE_ASYNC,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from "../../src/abi/io-uring.ts";
import { EAGAIN, EBUSY, EINTR } from "../../src/abi/linux.ts";
import { type EngineOptions, Link, OperationKind, QueueStatus } from "../../src/core/index.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { GUARD_CQ_HEAD, GUARD_FINALS } from "../../src/native/addon.ts";
import { makeRequest, type RecordedCompletion, type RequestFields } from "../support/engines.ts";
import { FakeKernel, type TakenSqe } from "../support/fake-kernel.ts";

const ECANCELED = -125;
const INTERNAL = 0x8000_0000;

/** An engine on a simulated kernel, and what its sink was told. */
class Rig {
  readonly kernel = new FakeKernel();
  readonly completions: RecordedCompletion[] = [];
  readonly engine: IoUringEngine;
  readonly misses: { index: number; generation: number }[] = [];
  wakes = 0;
  #control: Uint32Array | undefined;

  constructor(options: Partial<EngineOptions> = {}, start = 0) {
    this.kernel.startCountingAt(start);
    const { allocate } = FakeKernel.prototype;
    // The first memory that an engine allocates is its control page.
    this.kernel.allocate = (length) => {
      const memory = allocate.call(this.kernel, length);
      this.#control ??= new Uint32Array(memory as ArrayBuffer);
      return memory;
    };
    this.engine = new IoUringEngine(this.kernel.addon, {
      entries: 8,
      completionEntries: 16,
      depth: 64,
      sqPoll: false,
      sqPollIdleMs: 0,
      wake: () => {
        this.wakes++;
      },
      ...options,
    });
  }

  /** Queues a no-op, or what is asked for, in a slot. */
  queue(index: number, fields: RequestFields = {}, generation = 1): QueueStatus {
    return this.engine.queue(makeRequest(fields), index, generation);
  }

  reap(max = 1000): number {
    return this.engine.reap(this, max);
  }

  complete(index: number, generation: number, result: number, more: boolean): void {
    this.completions.push({ index, generation, result, more });
  }

  missed(index: number, generation: number): void {
    this.misses.push({ index, generation });
  }

  /** The slots of the SQEs that the kernel took, in order. */
  get taken(): number[] {
    return this.kernel.taken.map(({ low }) => low);
  }

  get finals(): number {
    return this.#control?.[GUARD_FINALS] as number;
  }

  get guardedHead(): number {
    return this.#control?.[GUARD_CQ_HEAD] as number;
  }
}

/** Completes everything as it is taken, with the slot as its result. */
function answering(rig: Rig): Rig {
  rig.kernel.onSqe = (sqe) => rig.kernel.answer(sqe, sqe.low);
  return rig;
}

// HAZARDS Q4: the kernel takes fewer than it was offered.
describe("IoUringEngine.commit, when the kernel takes only some", () => {
  it("offers the rest again at once, in order", () => {
    const rig = answering(new Rig());
    for (let i = 0; i < 6; i++) rig.queue(i);
    rig.kernel.enterResults.push(1, 2);
    assert.equal(rig.engine.commit(), 6);
    assert.deepEqual(rig.taken, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(
      rig.kernel.enters.map(({ toSubmit }) => toSubmit),
      [6, 5, 3],
    );
    assert.equal(rig.reap(), 6);
    assert.deepEqual(
      rig.completions.map(({ result }) => result),
      [0, 1, 2, 3, 4, 5],
    );
  });

  for (const [name, errno] of [
    ["EAGAIN", EAGAIN],
    ["EBUSY", EBUSY],
    ["EINTR", EINTR],
  ] as const) {
    it(`says ${name} and keeps what was staged, for the next commit`, () => {
      const rig = answering(new Rig());
      for (let i = 0; i < 3; i++) rig.queue(i);
      rig.kernel.enterResults.push(1, -errno);
      assert.equal(rig.engine.commit(), -errno);
      assert.deepEqual(rig.taken, [0]);
      rig.queue(3);
      assert.equal(rig.engine.commit(), 3);
      assert.deepEqual(rig.taken, [0, 1, 2, 3], "None lost, none twice, none overtaken");
    });
  }

  it("does not spin when the kernel takes nothing and says nothing", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.kernel.enterResults.push(0);
    assert.equal(rig.engine.commit(), -EAGAIN);
    assert.equal(rig.kernel.enters.length, 1);
  });

  it("makes no system call when there is nothing to hand over", () => {
    const rig = new Rig();
    assert.equal(rig.engine.commit(), 0);
    assert.equal(rig.reap(), 0);
    assert.equal(rig.kernel.enters.length, 0);
  });
});

describe("IoUringEngine.queue", () => {
  it("answers busy before the entries kept for cancellations are touched", () => {
    const rig = new Rig({ entries: 16 });
    let queued = 0;
    while (rig.queue(queued) === QueueStatus.Queued) queued++;
    assert.equal(queued, 12, "A quarter is kept");
    for (let i = 0; i < 4; i++) rig.engine.cancel(i, 1);
    assert.equal(rig.kernel.enters.length, 0, "Nothing had to be committed for them");
    assert.equal(rig.engine.commit(), 16);
  });

  it("writes over the wrap of both counters", () => {
    for (const start of [0xffff_fffc, 0x7fff_fffc]) {
      const rig = answering(new Rig({}, start));
      for (let round = 0; round < 8; round++) {
        for (let i = 0; i < 3; i++) assert.equal(rig.queue(i), QueueStatus.Queued);
        assert.equal(rig.engine.commit(), 3);
        assert.equal(rig.reap(), 3);
      }
      assert.equal(rig.completions.length, 24);
      assert.equal(rig.guardedHead, (start + 24) >>> 0, `from ${start}`);
    }
  });

  it("takes a chain whole or not at all, and never refuses a member", () => {
    const rig = new Rig({ entries: 32 });
    const { longestChain } = rig.engine;
    assert.equal(longestChain, 12);
    rig.queue(0);
    const first = { chain: longestChain, link: Link.Link };
    assert.equal(rig.queue(1, first), QueueStatus.Busy, "Every member may have a deadline");
    rig.engine.commit();
    assert.equal(rig.queue(1, first), QueueStatus.Queued);
    for (let i = 2; i <= longestChain; i++) {
      const link: Link = i === longestChain ? Link.None : Link.Link;
      assert.equal(rig.queue(i, { chain: 0, link, deadlineMs: 5 }), QueueStatus.Queued);
    }
  });

  it("ties chains with the flag of the link, deadlines within them too", () => {
    for (const [link, flag] of [
      [Link.Link, IOSQE_IO_LINK],
      [Link.HardLink, IOSQE_IO_HARDLINK],
    ] as const) {
      const rig = new Rig({ entries: 32 });
      rig.queue(1, { chain: 3, link });
      rig.queue(2, { chain: 0, link, deadlineMs: 1500 });
      rig.queue(3, { chain: 0 });
      rig.engine.commit();
      const flags = rig.kernel.taken.map((sqe) => sqe.flags);
      assert.deepEqual(flags, [flag, flag | IOSQE_IO_LINK | IOSQE_ASYNC, flag, 0]);
      const timeout = rig.kernel.taken[2] as TakenSqe;
      assert.equal(timeout.opcode, IORING_OP_LINK_TIMEOUT);
      const time = rig.kernel.bytesAt(
        (timeout.words[4] ?? 0) + (timeout.words[5] ?? 0) * 2 ** 32,
        16,
      );
      assert.deepEqual([...new BigUint64Array(time.slice().buffer)], [1n, 500_000_000n]);
    }
  });

  it("asks for a drain with the flag", () => {
    const rig = new Rig();
    rig.queue(0, { drain: true });
    rig.engine.commit();
    assert.equal(rig.kernel.taken[0]?.flags, IOSQE_IO_DRAIN);
  });
});

describe("IoUringEngine.reap", () => {
  it("hands over at most what was asked for, and no more often than once", () => {
    const rig = answering(new Rig());
    for (let i = 0; i < 5; i++) rig.queue(i);
    rig.engine.commit();
    assert.deepEqual([rig.reap(2), rig.reap(2), rig.reap(2), rig.reap(2)], [2, 2, 1, 0]);
    assert.deepEqual(
      rig.completions.map(({ index }) => index),
      [0, 1, 2, 3, 4],
    );
  });

  // HAZARDS Q7: what completes while it is submitted is seen in the same turn.
  it("sees what completed inline without another system call", () => {
    const rig = answering(new Rig());
    rig.queue(0);
    rig.engine.commit();
    const before = rig.kernel.enters.length;
    assert.equal(rig.reap(), 1);
    assert.equal(rig.kernel.enters.length, before);
  });

  // HAZARDS Q1, Q2: completions held back by the kernel are fetched; nothing lost, order kept.
  it("fetches what did not fit into the queue, in order", () => {
    const rig = answering(new Rig({ completionEntries: 8 }));
    const total = 64;
    for (let i = 0; i < total; i++) {
      if (rig.queue(i % 64, {}, 1) === QueueStatus.Busy) {
        rig.engine.commit();
        rig.queue(i % 64);
      }
    }
    rig.engine.commit();
    let rounds = 0;
    while (rig.completions.length < total && rounds++ < 100) rig.reap();
    assert.deepEqual(
      rig.completions.map(({ result }) => result),
      Array.from({ length: total }, (_, i) => i),
    );
    assert.equal(rig.engine.idle(), false, "The overflow flag was cleared");
  });

  it("runs completion work that waits for it, and only then", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    const calls = rig.kernel.enters.length;
    assert.equal(rig.reap(), 0);
    assert.equal(rig.kernel.enters.length, calls, "Nothing says that there is work");
    rig.kernel.defer(() => rig.kernel.post(0, 1, 42));
    assert.equal(rig.reap(), 1);
    assert.equal(rig.completions[0]?.result, 42);
    assert.notEqual((rig.kernel.enters.at(-1)?.flags ?? 0) & IORING_ENTER_GETEVENTS, 0);
  });

  // Seen on Linux 7.3: the program went round for ever, and nothing else had a turn.
  it("goes to sleep although the flag of completion work stays, and is woken", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    rig.kernel.deferTooLate();
    assert.equal(rig.reap(), 0);
    assert.equal(rig.engine.idle(), false);
    assert.ok(rig.kernel.eventfdEnabled, "What comes now is told of");
    rig.kernel.defer(() => rig.kernel.post(0, 1, 42));
    assert.equal(rig.reap(), 1);
    assert.equal(rig.engine.idle(), false);
  });

  it("passes on that more will follow, and counts only the last", () => {
    const rig = new Rig();
    rig.queue(5, {}, 9);
    rig.engine.commit();
    const [sqe] = rig.kernel.taken as [TakenSqe];
    rig.kernel.answer(sqe, 1, true);
    rig.kernel.answer(sqe, 2, true);
    rig.reap();
    assert.equal(rig.finals, 0);
    rig.kernel.answer(sqe, 3);
    rig.reap();
    assert.equal(rig.finals, 1);
    assert.deepEqual(
      rig.completions.map(({ result, more }) => [result, more]),
      [
        [1, true],
        [2, true],
        [3, false],
      ],
    );
    assert.ok(rig.completions.every(({ index, generation }) => index === 5 && generation === 9));
  });

  it("tells the guard what was seen, before the kernel may overwrite it", () => {
    const rig = answering(new Rig({}, 0xffff_fffe));
    for (let i = 0; i < 3; i++) rig.queue(i);
    rig.engine.commit();
    rig.reap(2);
    assert.deepEqual([rig.finals, rig.guardedHead], [2, 0]);
    rig.reap();
    assert.deepEqual([rig.finals, rig.guardedHead], [3, 1]);
  });

  it("keeps a large path until the last completion", () => {
    const rig = new Rig();
    const path = "p".repeat(5000);
    rig.queue(0, { kind: OperationKind.Unlink, path });
    rig.engine.commit();
    const [sqe] = rig.kernel.taken as [TakenSqe];
    const address = (sqe.words[4] as number) + (sqe.words[5] as number) * 2 ** 32;
    assert.equal(rig.kernel.stringAt(address), path);
    rig.kernel.answer(sqe, -2);
    rig.reap();
    assert.equal(rig.completions[0]?.result, -2);
  });
});

// HAZARDS C1: the completion of the target and that of its cancellation come in either order.
describe("IoUringEngine.cancel", () => {
  /** Queues and hands over one read and its cancellation. Returns both SQEs. */
  const started = (rig: Rig): [TakenSqe, TakenSqe] => {
    rig.queue(3, { kind: OperationKind.Read, fd: 1, length: 8 }, 77);
    rig.engine.commit();
    assert.equal(rig.engine.cancel(3, 77), true);
    rig.engine.commit();
    return rig.kernel.taken as [TakenSqe, TakenSqe];
  };

  it("names slot and generation, and nothing that could be somebody else's", () => {
    const [, cancel] = started(new Rig());
    assert.equal(cancel.opcode, IORING_OP_ASYNC_CANCEL);
    assert.deepEqual([...cancel.words.slice(2, 8)], [0, 0, 3, 77, 0, 0]);
    assert.equal(cancel.high >= INTERNAL, true, "Its own completion belongs to no slot");
  });

  const outcomes = [
    ["stopped it", ECANCELED, 0],
    ["came too late for it", 8, -2],
    ["found it running, and it ended all the same", 8, -114],
    ["found it running, and it stopped", ECANCELED, -114],
  ] as const;
  for (const [title, result, answer] of outcomes) {
    for (const targetFirst of [true, false]) {
      const first = targetFirst ? "target" : "cancel";
      it(`tells only of the target when it ${title}, ${first} first`, () => {
        const rig = new Rig();
        const [target, cancel] = started(rig);
        if (targetFirst) rig.kernel.answer(target, result);
        rig.kernel.answer(cancel, answer);
        if (!targetFirst) rig.kernel.answer(target, result);
        assert.equal(rig.reap(), 2);
        assert.deepEqual(rig.completions, [{ index: 3, generation: 77, result, more: false }]);
        assert.equal(rig.finals, 2);
      });
    }
  }

  // HAZARDS C1: Linux 6.1 can miss a request that one of its threads is just taking.
  for (const [answer, title] of [
    [-2, "found nothing"],
    [-114, "could only send a signal"],
  ] as const) {
    it(`says that it ${title}, because the request may still be there`, () => {
      const rig = new Rig();
      const [, cancel] = started(rig);
      rig.kernel.answer(cancel, answer);
      rig.reap();
      assert.deepEqual(rig.misses, [{ index: 3, generation: 77 }]);
      assert.deepEqual(rig.completions, []);
    });
  }

  // HAZARDS C3: a cancellation that is dropped because the queue is full is a hang.
  it("waits for room when the queue is full and the kernel takes nothing", () => {
    const rig = new Rig({ entries: 2 });
    rig.queue(0);
    rig.queue(1);
    rig.kernel.enterResults.push(-EBUSY, -EBUSY, -EBUSY, -EBUSY);
    for (let i = 0; i < 3; i++) assert.equal(rig.engine.cancel(i, 1), true);
    assert.ok(rig.engine.commit() < 0, "Somebody must come again");
    assert.equal(rig.kernel.taken.length, 0);
    rig.kernel.enterResults.length = 0;
    assert.ok(rig.engine.commit() >= 0);
    const canceled = rig.kernel.taken.slice(2).map(({ words }) => words[4]);
    assert.deepEqual(canceled, [0, 1, 2]);
  });
});

describe("IoUringEngine.idle", () => {
  it("lets the kernel wake us, and awake forbids it", () => {
    const rig = new Rig();
    assert.equal(rig.kernel.eventfdEnabled, false, "Awake from the beginning");
    assert.equal(rig.engine.idle(), false);
    assert.equal(rig.kernel.eventfdEnabled, true);
    rig.engine.awake();
    assert.equal(rig.kernel.eventfdEnabled, false);
  });

  // HAZARDS Q6: a completion that slips in before the flag is cleared wakes nobody.
  it("says that something is there which no wake-up will tell of", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    rig.kernel.post(0, 1, 0);
    assert.equal(rig.engine.idle(), true);
    rig.engine.awake();
    rig.reap();
    assert.equal(rig.engine.idle(), false);
  });

  it("says so of completion work and of held back completions, too", () => {
    const rig = new Rig();
    rig.queue(0);
    rig.engine.commit();
    rig.kernel.defer(() => rig.kernel.post(0, 1, 0));
    assert.equal(rig.engine.idle(), true);
  });
});

describe("IoUringEngine.wait", () => {
  it("does not enter the kernel for what is there", () => {
    const rig = answering(new Rig());
    rig.queue(0);
    rig.engine.commit();
    const before = rig.kernel.enters.length;
    rig.engine.wait(1, 1000);
    assert.equal(rig.kernel.enters.length, before);
  });

  it("waits with a time limit where there is one", () => {
    const rig = new Rig();
    rig.engine.wait(2, 1000);
    rig.engine.wait(3, Number.POSITIVE_INFINITY);
    const [limited, endless] = rig.kernel.enters;
    assert.deepEqual([limited?.minimum, endless?.minimum], [2, 3]);
    assert.notEqual((limited?.flags ?? 0) & IORING_ENTER_EXT_ARG, 0);
    assert.equal((endless?.flags ?? 0) & IORING_ENTER_EXT_ARG, 0);
    assert.ok(rig.kernel.enters.every(({ flags }) => (flags & IORING_ENTER_GETEVENTS) !== 0));
  });
});

describe("IoUringEngine with SQPOLL", () => {
  it("enters the kernel only to wake its thread", () => {
    const rig = new Rig({ sqPoll: true });
    rig.queue(0);
    assert.equal(rig.engine.commit(), 1);
    assert.equal(rig.kernel.enters.length, 0, "The thread is awake and has seen it");
    rig.kernel.sleepSqPoll();
    rig.queue(1);
    assert.equal(rig.engine.commit(), 1);
    assert.deepEqual(
      rig.kernel.enters.map(({ toSubmit, flags }) => [toSubmit, flags]),
      [[0, IORING_ENTER_SQ_WAKEUP]],
    );
  });
});
