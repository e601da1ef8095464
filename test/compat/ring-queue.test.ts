import assert from "node:assert/strict";
import { once } from "node:events";
import { writeSync } from "node:fs";
import { describe } from "node:test";
import {
  EAGAIN,
  ECANCELED,
  EINVAL,
  ETIME,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_FEAT_NO_IOWAIT,
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_LINK,
  queueInit,
  queueInitParams,
  type Ring,
  sigset,
  timespecMs,
  watchCompletions,
} from "../../src/compat/ring/index.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  complete,
  fifo,
  kernelIs,
  lendable,
  lendableInt32s,
  lendableUint32s,
  limit,
  page,
  prepare,
  smallRing,
  submit,
  uringIt,
} from "./ring-support.ts";

function nops(ring: Ring, count: number): void {
  for (let data = 0; data < count; data++) prepare(ring, (sqe) => ring.prepNop(sqe), { data });
}

describe("getSqe", () => {
  uringIt("answers -1 when the queue is full, and nothing is prepared there", [], () => {
    using ring = smallRing(2);
    nops(ring, 2);
    assert.equal(ring.getSqe(), -1);
    assert.deepEqual([ring.sqReady(), ring.sqSpaceLeft()], [2, 0]);
    assert.throws(() => ring.prepNop(-1), { code: "ERR_PROACTOR_EXHAUSTED" });
    assert.equal(ring.submit(), 2);
    assert.deepEqual([ring.sqReady(), ring.sqSpaceLeft()], [0, 2]);
    assert.equal(ring.submit(), 0);
    complete(ring, 2);
  });

  uringIt("hands out entries that remember nothing", [], () => {
    using ring = smallRing(2);
    for (let round = 0; round < 3; round++) {
      const sqe = ring.getSqe();
      // What nobody prepared is a NOP.
      submit(ring, 1);
      assert.deepEqual(complete(ring, 1), [{ data: 0, res: 0, flags: 0 }]);
      ring.sqes.fill(0xffff_ffff, sqe, sqe + 16);
    }
  });

  uringIt("writes every word of an entry but the user data", [], () => {
    using ring = smallRing(2);
    const sqe = ring.getSqe();
    ring.sqes.fill(0xffff_ffff, sqe, sqe + 16);
    ring.prepRead(sqe, 3, 0x7fff_1234_5678, 99, 2 ** 33 + 5);
    assert.deepEqual(
      [...ring.sqes.subarray(sqe, sqe + 16)],
      [22, 3, 5, 2, 0x1234_5678, 0x7fff, 99, 0, 0xffff_ffff, 0xffff_ffff, 0, 0, 0, 0, 0, 0],
    );
    ring.sqeSetFlags(sqe, 0x11);
    ring.sqeSetIoprio(sqe, 0x2233);
    ring.sqeSetBufGroup(sqe, 0x44);
    ring.sqeSetPersonality(sqe, 0x55);
    ring.sqeSetData64(sqe, 6, 7);
    ring.sqeSetFileIndex(sqe, 8);
    const words = ring.sqes;
    assert.deepEqual([words[sqe], words[sqe + 10], words[sqe + 11]], [0x2233_1116, 0x55_0044, 9]);
    assert.deepEqual([words[sqe + 8], words[sqe + 9]], [6, 7]);
    ring.prepNop(sqe);
    submit(ring, 1);
    const cqe = ring.waitCqe();
    assert.equal(ring.cqeGetData64(cqe), (7n << 32n) | 6n);
    ring.cqeSeen(cqe);
  });
});

describe("user data", () => {
  uringIt("brings objects back", [], () => {
    using ring = smallRing();
    const owners = [{ name: "a" }, { name: "b" }] as const;
    for (const owner of [owners[0], owners[1], owners[0]]) {
      const sqe = ring.getSqe();
      ring.prepNop(sqe);
      ring.sqeSetData(sqe, owner);
    }
    submit(ring, 3);
    const seen: unknown[] = [];
    ring.cqAdvance(ring.forEachCqe((cqe) => seen.push(ring.cqeGetData(cqe))));
    assert.deepEqual(seen, [owners[0], owners[1], owners[0]]);
    prepare(ring, (sqe) => ring.prepNop(sqe), { data: 0 });
    submit(ring, 1);
    const cqe = ring.waitCqe();
    assert.equal(ring.cqeGetData(cqe), undefined, "Numbers are no objects");
    ring.cqeSeen(cqe);
  });
});

describe("peekCqe, waitCqe, forEachCqe", () => {
  uringIt("find completions", ["IORING_ENTER_GETEVENTS"], () => {
    using ring = smallRing(8);
    assert.equal(ring.peekCqe(), -EAGAIN);
    nops(ring, 5);
    assert.equal(ring.submitAndWait(5), 5);
    assert.equal(ring.cqReady(), 5);
    assert.equal(ring.waitCqeNr(5), ring.cqeAt(0));
    const batch = lendableUint32s(8);
    assert.equal(ring.peekBatchCqe(batch, 3), 3);
    assert.deepEqual(
      [...batch.subarray(0, 3)],
      [0, 1, 2].map((i) => ring.cqeAt(i)),
    );
    const visited: number[] = [];
    assert.equal(
      ring.forEachCqe((cqe) => visited.push(ring.cqeGetDataLow(cqe))),
      5,
    );
    assert.deepEqual(visited, [0, 1, 2, 3, 4]);
    assert.equal(ring.cqReady(), 5, "Nothing was given back");
    ring.cqAdvance(4);
    assert.equal(ring.cqeGetDataLow(ring.waitCqe()), 4);
    ring.cqeSeen(ring.peekCqe());
    assert.equal(ring.cqReady(), 0);
    nops(ring, 1);
    assert.equal(ring.submitAndGetEvents(), 1);
    ring.cqeSeen(ring.waitCqe());
  });

  uringIt("gives nothing back when a callback throws", [], () => {
    using ring = smallRing(8);
    nops(ring, 3);
    submit(ring, 3);
    const visit = (cqe: number) => {
      if (ring.cqeGetDataLow(cqe) === 1) throw new Error("on purpose");
    };
    assert.throws(() => ring.forEachCqe(visit), /on purpose/);
    assert.deepEqual([ring.cqReady(), ring.requestsInFlight], [3, 3]);
    complete(ring, 3);
  });

  uringIt("give up after a while", ["IORING_ENTER_EXT_ARG"], () => {
    using ring = smallRing(8);
    assert.equal(ring.waitCqeTimeout(timespecMs(1)), -ETIME);
    assert.equal(ring.submitAndWaitTimeout(1, timespecMs(1)), -ETIME);
    nops(ring, 2);
    // What was handed over counts more than the time.
    assert.equal(ring.submitAndWaitTimeout(3, timespecMs(1)), 2);
    assert.equal(ring.waitCqes(3, timespecMs(1)), ring.cqeAt(0));
    assert.equal(ring.cqReady(), 2);
    assert.ok(ring.waitCqes(2, limit(), sigset([10])) >= 0);
    complete(ring, 2);
    assert.equal(ring.waitCqes(1, timespecMs(1), sigset([1, 64])), -ETIME);
  });

  uringIt("are content with less after a lower limit", ["IORING_ENTER_EXT_ARG"], (t) => {
    using ring = smallRing(8);
    if ((ring.features & IORING_FEAT_MIN_TIMEOUT) === 0) {
      assert.equal(ring.submitAndWaitMinTimeout(1, null, 10), -EINVAL);
      t.skip("IORING_FEAT_MIN_TIMEOUT is newer than this kernel (6.12)");
      return;
    }
    nops(ring, 1);
    assert.equal(ring.submitAndWaitMinTimeout(4, limit(), 1000), 1);
    assert.equal(ring.cqReady(), 1);
    assert.ok(ring.waitCqesMinTimeout(4, limit(), 1000) >= 0);
    complete(ring, 1);
    assert.equal(ring.waitCqesMinTimeout(1, timespecMs(2), 1000), -ETIME);
  });

  uringIt("do not count as I/O wait when told so", ["IORING_ENTER_NO_IOWAIT"], () => {
    using ring = smallRing(8);
    assert.notEqual(ring.features & IORING_FEAT_NO_IOWAIT, 0);
    for (const isCounted of [false, true]) {
      assert.equal(ring.setIowait(isCounted), 0);
      nops(ring, 1);
      assert.equal(ring.submitAndWait(1), 1);
      complete(ring, 1);
      assert.equal(ring.waitCqeTimeout(timespecMs(1)), -ETIME);
    }
  });
});

describe("overflow", () => {
  uringIt("keeps what does not fit, in order", [], () => {
    using ring = queueInitParams(4, { cqEntries: 4 });
    for (let batch = 0; batch < 5; batch++) {
      for (let i = 0; i < 4; i++) {
        prepare(ring, (sqe) => ring.prepNop(sqe), { data: batch * 4 + i });
      }
      submit(ring, 4);
    }
    assert.ok(ring.cqHasOverflow());
    assert.deepEqual([ring.cqReady(), ring.cqOverflow()], [4, 0]);
    assert.equal(ring.requestsInFlight, 20);
    const seen: number[] = [];
    while (seen.length < 20) {
      const cqe = ring.peekCqe();
      assert.ok(cqe >= 0, String(cqe));
      seen.push(ring.cqeGetDataLow(cqe));
      ring.cqeSeen(cqe);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 20 }, (_, i) => i),
    );
    assert.ok(!ring.cqHasOverflow());
    assert.ok(ring.getEvents() >= 0);
  });
});

describe("IOSQE_CQE_SKIP_SUCCESS", () => {
  const silent = IOSQE_CQE_SKIP_SUCCESS;

  uringIt("completes in silence", ["IOSQE_CQE_SKIP_SUCCESS"], () => {
    using ring = smallRing(8);
    prepare(ring, (sqe) => ring.prepNop(sqe), { data: 1, flags: silent });
    prepare(ring, (sqe) => ring.prepNop(sqe), { data: 2 });
    submit(ring, 2);
    assert.equal(complete(ring, 1)[0]?.data, 2);
    assert.equal(ring.peekCqe(), -EAGAIN);
    assert.equal(ring.requestsInFlight, 0);
  });

  /** Submits a chain of [silent, result] and returns what completes: [data, result]. */
  function chain(ring: Ring, ...members: readonly [isSilent: boolean, result: number][]) {
    members.forEach(([isSilent, result], i) => {
      const inject = (sqe: number) => {
        ring.prepNop(sqe);
        ring.sqes[sqe + 6] = result;
        ring.sqes[sqe + 7] = IORING_NOP_INJECT_RESULT;
      };
      const link = i < members.length - 1 ? IOSQE_IO_LINK : 0;
      prepare(ring, inject, { data: i + 1, flags: link | (isSilent ? silent : 0) });
    });
    submit(ring, members.length);
    const seen: [data: number, result: number][] = [];
    ring.cqAdvance(
      ring.forEachCqe((cqe) => {
        seen.push([ring.cqeGetDataLow(cqe), ring.cqeRes(cqe)]);
      }),
    );
    return seen;
  }

  // IORING_NOP_INJECT_RESULT came with 6.10, FTRUNCATE with 6.9: close enough to ask for.
  uringIt("is counted right in every chain", ["IORING_OP_BIND", "IOSQE_CQE_SKIP_SUCCESS"], () => {
    using ring = smallRing(8);
    const fails = -EAGAIN;
    const gone = -ECANCELED;
    const counted = (members: [boolean, number][], expected: [number, number][]) => {
      assert.deepEqual(chain(ring, ...members), expected);
      assert.equal(ring.requestsInFlight, 0, JSON.stringify(members));
    };
    const one = (data: number, result: number): [number, number][] => [[data, result]];
    // Silent members, and those that are not; then what completes.
    const S = (result = 0): [boolean, number] => [true, result];
    const N = (result = 0): [boolean, number] => [false, result];
    counted([S()], []);
    counted([S(fails)], [[1, fails]]);
    counted([S(), S()], []);
    counted([S(), N()], [[2, 0]]);
    counted([S(fails), N()], [[1, fails]]);
    counted([S(), S(fails), N()], [[2, fails]]);
    counted([S(), S(), N(fails)], [[3, fails]]);
    counted([N(), S()], [[1, 0]]);
    counted([N(fails), S()], one(1, fails).concat(one(2, gone)));
    counted([N(), S(fails), N()], one(1, 0).concat(one(2, fails)));
    counted([S(fails), N(), N()], [[1, fails]]);
    counted([S(), N(), N()], one(2, 0).concat(one(3, 0)));
    counted([N(), N(fails), N()], one(1, 0).concat(one(2, fails), one(3, gone)));
  });
});

describe("watchCompletions", () => {
  uringIt("is called back by the loop", [], () =>
    withTempDir(async (dir) => {
      using ring = smallRing(8);
      using pipe = fifo(dir);
      const results: number[] = [];
      const events = new EventTarget();
      using watch = watchCompletions(ring, () => {
        ring.cqAdvance(ring.forEachCqe((cqe) => results.push(ring.cqeRes(cqe))));
        events.dispatchEvent(new Event("done"));
      });
      watch.ref();
      const done = once(events, "done");
      prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, page(), 4, -1));
      submit(ring, 1);
      assert.deepEqual(results, []);
      writeSync(pipe.b, "call");
      await done;
      assert.deepEqual(results, [4]);
      assert.throws(() => watchCompletions(ring, () => {}), { code: "EBUSY" });
      watch.unref().close();
      watch.close();
    }, "ring"),
  );

  // HAZARDS Q1: what found no place has signaled before there was one.
  uringIt("is called back for completions that the kernel held back", [], async () => {
    using ring = queueInitParams(4, { cqEntries: 4 });
    const events = new EventTarget();
    let results = 0;
    using watch = watchCompletions(ring, () => {
      const count = ring.forEachCqe(() => results++);
      ring.cqAdvance(count);
      if (results === 16) events.dispatchEvent(new Event("done"));
    });
    watch.ref();
    const done = once(events, "done");
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) prepare(ring, (sqe) => ring.prepNop(sqe));
      submit(ring, 4);
    }
    await done;
  });

  // HAZARDS Q6: of the signals of such a ring, Linux 6.12.117 delivers the first.
  uringIt("is called back each time, where completions wait for us", [], () =>
    withTempDir(async (dir) => {
      const deferring = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
      using ring = queueInit(8, kernelIs("6.1") ? deferring : 0);
      using pipe = fifo(dir);
      const events = new EventTarget();
      const results: number[] = [];
      using watch = watchCompletions(ring, () => {
        const count = ring.forEachCqe((cqe) => results.push(ring.cqeRes(cqe)));
        ring.cqAdvance(count);
        if (count > 0) events.dispatchEvent(new Event("done"));
      });
      watch.ref();
      for (let length = 1; length <= 5; length++) {
        const done = once(events, "done");
        prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, page(), 5, -1));
        submit(ring, 1);
        setTimeout(() => writeSync(pipe.b, "hello".slice(0, length)), 1);
        await done;
      }
      assert.deepEqual(results, [1, 2, 3, 4, 5]);
    }, "ring"),
  );

  uringIt("says nothing once the ring is closed, and closes all the same", [], async () => {
    const ring = smallRing(8);
    let calls = 0;
    const watch = watchCompletions(ring, () => calls++);
    watch.ref();
    prepare(ring, (sqe) => ring.prepNop(sqe));
    submit(ring, 1);
    // The signal is on its way.
    ring.queueExit();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(calls, 0);
    watch.close();
  });
});

describe("queueExit", () => {
  uringIt("cancels what is in flight", [], () =>
    withTempDir((dir) => {
      using pipe = fifo(dir);
      const ring = smallRing(8);
      for (let data = 0; data < 5; data++) {
        prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, page(), 4, -1), { data });
      }
      submit(ring, 4 + 1);
      // Prepared and not submitted: dropped.
      prepare(ring, (sqe) => ring.prepNop(sqe));
      ring.queueExit();
      // Before Linux 6.0 nothing cancels them all: the kernel does when the ring is closed, and
      // what they were lent is kept.
      assert.equal(ring.requestsInFlight, kernelIs("6.0") ? 0 : 5);
      assert.throws(() => ring.register(0, null, 0), { code: "ERR_PROACTOR_CLOSED" });
      assert.throws(() => ring.submit(), { code: "ERR_PROACTOR_CLOSED" });
      assert.throws(() => ring.waitCqe(), { code: "ERR_PROACTOR_CLOSED" });
      assert.throws(() => ring.getEvents(), { code: "ERR_PROACTOR_CLOSED" });
      assert.equal(ring.isClosed, true);
      assert.equal(ring.peekCqe(), -EAGAIN);
    }, "ring"),
  );
});

describe("a length beyond the end", () => {
  uringIt("of a view is refused before the kernel sees it", [], () => {
    using ring = smallRing(8);
    const sqe = ring.getSqe();
    const code = "ERR_OUT_OF_RANGE";
    assert.throws(() => ring.prepRead(sqe, 0, lendable(4), 5, 0), { code });
    assert.throws(() => ring.prepRecv(sqe, 0, new Float64Array(1), 9, 0), { code });
    assert.throws(() => ring.prepPipe(sqe, lendableInt32s(1), 0), { code });
    assert.throws(() => ring.prepTimeout(sqe, lendable(8), 0, 0), { code });
    assert.throws(() => ring.prepWritev(sqe, 0, timespecMs(1), 2, 0), { code });
    // What was refused is still the NOP that it was.
    submit(ring, 1);
    assert.deepEqual(complete(ring, 1), [{ data: 0, res: 0, flags: 0 }]);
  });
});
