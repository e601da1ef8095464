import assert from "node:assert/strict";
import { closeSync, constants, openSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  EAGAIN,
  EBADFD,
  EINVAL,
  EOPNOTSUPP,
  IORING_CQE_F_32,
  IORING_CQE_F_SKIP,
  IORING_NOP_CQE32,
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_HYBRID_IOPOLL,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_NEED_WAKEUP,
  IOSQE_ASYNC,
  memorySize,
  queueInit,
  queueInitMem,
  queueInitParams,
  type Ring,
  SOCKET_URING_OP_SIOCINQ,
} from "../../src/compat/ring/index.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  complete,
  expectRes,
  kernelIs,
  lendableInt32s,
  page,
  prepare,
  run,
  smallRing,
  sockets,
  submit,
  uringIt,
} from "./ring-support.ts";

/** Whether a ring does the ordinary things. */
function works(ring: Ring): void {
  expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
  expectRes(ring, 0, (sqe) => ring.prepNop(sqe), IOSQE_ASYNC);
  for (let data = 1; data <= ring.sqEntries * 3; data++) {
    prepare(ring, (sqe) => ring.prepNop(sqe), { data });
    if (ring.sqSpaceLeft() > 0) continue;
    assert.equal(ring.submitAndWait(1), ring.sqEntries);
    complete(ring, ring.sqEntries);
  }
  assert.equal(ring.requestsInFlight, 0);
}

describe("queueInit", () => {
  uringIt("rounds sizes up, and closes what it opened", [], () => {
    const before = openDescriptors();
    const ring = queueInit(5);
    assert.deepEqual([ring.sqEntries, ring.cqEntries], [8, 16]);
    assert.ok(ring.isGuarded);
    works(ring);
    ring.queueExit();
    ring.queueExit();
    assert.deepEqual(openDescriptors(), before);
  });

  uringIt("throws what the kernel answers", [], () => {
    assert.throws(() => queueInit(0), { code: "EINVAL", syscall: "io_uring_setup" });
    assert.throws(() => queueInit(65_537), { code: "EINVAL" });
    assert.throws(() => queueInit(8, 0x4000_0000), { code: "EINVAL" });
    assert.throws(() => queueInit(-1), { code: "ERR_OUT_OF_RANGE" });
  });
});

describe("setup flags", () => {
  uringIt(
    "CQSIZE and CLAMP say how large the completion queue is",
    ["IORING_SETUP_CQSIZE", "IORING_SETUP_CLAMP"],
    () => {
      using ring = queueInitParams(4, { cqEntries: 64 });
      assert.deepEqual([ring.sqEntries, ring.cqEntries], [4, 64]);
      works(ring);
      using clamped = queueInitParams(1 << 20, { flags: IORING_SETUP_CLAMP });
      assert.equal(clamped.sqEntries, 32_768);
    },
  );

  uringIt("SUBMIT_ALL goes on after a bad SQE", ["IORING_SETUP_SUBMIT_ALL"], () => {
    const taken = (flags: number) => {
      using ring = queueInit(8, flags);
      prepare(ring, (sqe) => ring.prepRw(200, sqe, -1, 0, 0, 0), { data: 1 });
      prepare(ring, (sqe) => ring.prepNop(sqe), { data: 2 });
      const count = ring.submit();
      assert.equal(complete(ring, 1)[0]?.res, -EINVAL);
      // What was left behind is taken the next time.
      if (count === 1) assert.equal(ring.submit(), 1);
      assert.deepEqual(complete(ring, 1)[0]?.data, 2);
      return count;
    };
    assert.equal(taken(0), 1);
    assert.equal(taken(IORING_SETUP_SUBMIT_ALL), 2);
  });

  uringIt(
    "COOP_TASKRUN and TASKRUN_FLAG leave completions to be fetched",
    ["IORING_SETUP_COOP_TASKRUN", "IORING_SETUP_TASKRUN_FLAG"],
    () => {
      using ring = queueInit(8, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
      works(ring);
      assert.throws(() => queueInit(8, IORING_SETUP_TASKRUN_FLAG), { code: "EINVAL" });
    },
  );

  uringIt(
    "SINGLE_ISSUER and DEFER_TASKRUN complete inside of enter",
    ["IORING_SETUP_SINGLE_ISSUER", "IORING_SETUP_DEFER_TASKRUN"],
    async () => {
      assert.throws(() => queueInit(8, IORING_SETUP_DEFER_TASKRUN), { code: "EINVAL" });
      const flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
      using ring = queueInit(8, flags | IORING_SETUP_TASKRUN_FLAG);
      works(ring);
      using pair = await sockets();
      prepare(ring, (sqe) => ring.prepRecv(sqe, pair.b, page(), 1, 0), { data: 1 });
      prepare(ring, (sqe) => ring.prepSend(sqe, pair.a, page(), 1, 0), { data: 2 });
      submit(ring, 2);
      // peekCqe enters for what is deferred.
      while (ring.peekCqe() === -EAGAIN);
      assert.equal(complete(ring, 2).length, 2);
    },
  );

  uringIt("NO_SQARRAY does without the indirection", ["IORING_SETUP_NO_SQARRAY"], () => {
    using ring = queueInit(8, IORING_SETUP_NO_SQARRAY);
    works(ring);
  });

  uringIt("R_DISABLED waits to be enabled", ["IORING_SETUP_R_DISABLED"], () => {
    using ring = queueInit(8, IORING_SETUP_R_DISABLED);
    prepare(ring, (sqe) => ring.prepNop(sqe), { data: 1 });
    assert.equal(ring.submit(), -EBADFD);
    assert.equal(ring.requestsInFlight, 0, "The kernel has not taken it");
    assert.equal(ring.enableRings(), 0);
    assert.equal(ring.submit(), 1);
    assert.equal(complete(ring, 1)[0]?.data, 1);
  });

  uringIt("ATTACH_WQ shares the workers of another ring", ["IORING_SETUP_ATTACH_WQ"], () => {
    using first = smallRing();
    using second = queueInitParams(8, { flags: IORING_SETUP_ATTACH_WQ, wqFd: first.ringFd });
    works(second);
    const attach = () => queueInitParams(8, { flags: IORING_SETUP_ATTACH_WQ, wqFd: 0 });
    assert.throws(attach, { code: "EINVAL" });
  });
});

describe("SQPOLL", () => {
  uringIt(
    "submits without a call, sleeps, and is woken",
    ["IORING_SETUP_SQPOLL", "IORING_ENTER_SQ_WAKEUP"],
    () => {
      using ring = queueInitParams(4, { flags: IORING_SETUP_SQPOLL, sqThreadIdle: 1 });
      for (let round = 0; round < 20; round++) {
        prepare(ring, (sqe) => ring.prepNop(sqe), { data: round });
        // The one before may count again: it completes before the kernel says that it was taken.
        assert.ok([1, 2].includes(ring.submit()));
        assert.equal(complete(ring, 1)[0]?.data, round);
      }
      // Long enough for the thread to sleep: the next submit has to wake it.
      const end = Date.now() + 2000;
      while ((ring.sqFlags() & IORING_SQ_NEED_WAKEUP) === 0 && Date.now() < end);
      assert.ok((ring.sqFlags() & IORING_SQ_NEED_WAKEUP) !== 0, "The kernel's thread sleeps");
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
    },
  );

  uringIt(
    "waits for room, on a processor of its choice",
    ["IORING_SETUP_SQPOLL", "IORING_SETUP_SQ_AFF", "IORING_ENTER_SQ_WAIT"],
    () => {
      const flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF;
      using ring = queueInitParams(2, { flags, sqThreadIdle: 50, sqThreadCpu: 0 });
      let count = 0;
      while (count < 200) {
        if (ring.sqSpaceLeft() === 0) assert.ok(ring.sqringWait() >= 0);
        const sqe = ring.getSqe();
        if (sqe === -1) continue;
        ring.prepNop(sqe);
        count++;
        assert.ok(ring.submit() >= 0);
        const cqe = ring.peekCqe();
        if (cqe >= 0) ring.cqAdvance(ring.cqReady());
      }
      while (ring.requestsInFlight > 0) {
        assert.ok(ring.waitCqe() >= 0);
        ring.cqAdvance(ring.cqReady());
      }
      using ordinary = smallRing();
      assert.equal(ordinary.sqringWait(), 0);
      const badCpu = { flags, sqThreadCpu: 100_000 };
      assert.throws(() => queueInitParams(2, badCpu), { code: "EINVAL" });
    },
  );
});

describe("entries of other sizes", () => {
  uringIt("SQE128 has room for a command", ["IORING_SETUP_SQE128"], async () => {
    using pair = await sockets();
    using ring = queueInit(4, IORING_SETUP_SQE128);
    works(ring);
    assert.equal(ring.sqes.length, 4 * 32);
    const sqe = ring.getSqe128();
    ring.sqes.fill(0xffff_ffff, sqe + 16, sqe + 32);
    ring.prepUringCmd(sqe, SOCKET_URING_OP_SIOCINQ, pair.b);
    assert.deepEqual([...ring.sqes.subarray(sqe + 16, sqe + 32)], new Array(16).fill(0));
    submit(ring, 1);
    assert.ok([0, -EOPNOTSUPP].includes(complete(ring, 1)[0]?.res ?? 1));
  });

  uringIt("CQE32 has room for a longer answer", ["IORING_SETUP_CQE32"], (t) => {
    using ring = queueInit(4, IORING_SETUP_CQE32);
    works(ring);
    bigNop(ring, 77, 88);
    const cqe = ring.waitCqe();
    if (ring.cqeRes(cqe) === -EINVAL) {
      ring.cqeSeen(cqe);
      t.skip("IORING_NOP_CQE32 is newer than this kernel (6.18)");
      return;
    }
    assert.deepEqual([ring.cqeBig(cqe, 0), ring.cqeBig(cqe, 1)], [77, 88]);
    assert.equal(ring.cqeNr(cqe), 1);
    ring.cqeSeen(cqe);
  });

  uringIt("CQE_MIXED has both", ["IORING_SETUP_CQE_MIXED"], () => {
    using ring = queueInitParams(4, { flags: IORING_SETUP_CQE_MIXED, cqEntries: 8 });
    works(ring);
    let fillers = 0;
    // Three places each: the large one comes to lie before the end of the queue, and leaves one.
    for (let round = 0; round < 30; round++) {
      prepare(ring, (sqe) => ring.prepNop(sqe), { data: 1 });
      bigNop(ring, round, 2 ** 40 + round);
      assert.ok(ring.waitCqeNr(3) >= 0);
      const seen: (number | undefined)[] = [];
      const places = ring.forEachCqe((cqe) => {
        const isBig = (ring.cqeFlags(cqe) & IORING_CQE_F_32) !== 0;
        assert.equal(ring.cqeNr(cqe), isBig ? 2 : 1);
        assert.equal(ring.cqeFlags(cqe) & IORING_CQE_F_SKIP, 0);
        seen.push(isBig ? ring.cqeBig(cqe, 1) : undefined);
      });
      assert.deepEqual(seen, [undefined, 2 ** 40 + round]);
      fillers += places - 3;
      const batch = lendableInt32s(4);
      assert.equal(ring.peekBatchCqe(batch, 4), 2);
      ring.cqAdvance(places);
    }
    assert.ok(fillers > 0, "Some large completions would have crossed the end");
    assert.equal(ring.requestsInFlight, 0);
    assert.throws(() => queueInit(4, IORING_SETUP_CQE_MIXED | IORING_SETUP_CQE32));
  });

  uringIt("SQE_MIXED has both", ["IORING_SETUP_SQE_MIXED"], () => {
    using ring = queueInit(8, IORING_SETUP_SQE_MIXED);
    works(ring);
    assert.equal(smallRing().getSqe128(), -1, "No ring of another kind has large entries");
  });

  uringIt("SQ_REWIND starts at the first entry every time", ["IORING_SETUP_SQ_REWIND"], () => {
    using ring = queueInit(8, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY);
    assert.ok(!ring.isGuarded);
    for (let round = 0; round < 5; round++) {
      assert.equal(
        prepare(ring, (sqe) => ring.prepNop(sqe), { data: round }),
        0,
      );
      submit(ring, 1);
      assert.equal(complete(ring, 1)[0]?.data, round);
    }
    works(ring);
  });
});

/** A NOP whose completion has 32 bytes. */
function bigNop(ring: Ring, first: number, second: number): void {
  prepare(
    ring,
    (sqe) => {
      ring.prepRw(0, sqe, -1, second, 0, first);
      ring.sqes[sqe + 7] = IORING_NOP_CQE32;
    },
    { data: 2 },
  );
  assert.ok(ring.submit() > 0);
}

describe("memory of the program's own", () => {
  uringIt("NO_MMAP takes it", ["IORING_SETUP_NO_MMAP"], () => {
    for (const [flags, entries] of [
      [0, 8],
      [IORING_SETUP_SQE128 | IORING_SETUP_CQE32, 8],
      [IORING_SETUP_NO_SQARRAY, 4],
    ] as const) {
      using ring = queueInit(entries, flags | IORING_SETUP_NO_MMAP);
      assert.ok(!ring.isGuarded);
      works(ring);
    }
    const memory = page("", memorySize(8));
    using ring = queueInitMem(8, {}, memory);
    works(ring);
    assert.throws(() => queueInitMem(64, {}, page("", 4096)), { code: "ERR_OUT_OF_RANGE" });
  });

  uringIt(
    "REGISTERED_FD_ONLY leaves no descriptor",
    ["IORING_SETUP_REGISTERED_FD_ONLY", "IORING_ENTER_REGISTERED_RING"],
    () => {
      const before = openDescriptors();
      const ring = queueInit(8, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY);
      assert.equal(ring.ringFd, -1);
      assert.deepEqual(openDescriptors(), before);
      works(ring);
      assert.equal(ring.registerFilesSparse(4), 0);
      assert.equal(ring.unregisterFiles(), 0);
      ring.queueExit();
      // Its place in the table is free again.
      using again = queueInit(8, IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY);
      works(again);
      assert.throws(() => queueInit(8, IORING_SETUP_REGISTERED_FD_ONLY), { code: "EINVAL" });
    },
  );
});

describe("IOPOLL", () => {
  /** Reads with O_DIRECT on a ring that polls; -EOPNOTSUPP where the device has no queue for it. */
  const readDirect = (flags: number): Promise<number | string> =>
    withTempDir((dir) => {
      using ring = queueInit(8, IORING_SETUP_IOPOLL | flags);
      // Where a NOP leaves nothing to poll for, older kernels refuse it.
      const nop = run(ring, (sqe) => ring.prepNop(sqe));
      assert.ok(nop === 0 || (nop === -EINVAL && !kernelIs("6.0")), String(nop));
      const path = join(dir, "file");
      writeFileSync(path, Buffer.alloc(8192, "x"));
      let fd: number;
      try {
        fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
      } catch {
        return `the file system ${statfsSync(dir).type.toString(16)} has no O_DIRECT`;
      }
      const buffer = page();
      const buffered = openSync(path, "r");
      assert.ok(run(ring, (sqe) => ring.prepRead(sqe, buffered, buffer, 4096, 0)) < 0);
      closeSync(buffered);
      const res = run(ring, (sqe) => ring.prepRead(sqe, fd, buffer, 4096, 4096));
      closeSync(fd);
      if (res === 4096) assert.equal(buffer.toString("latin1", 0, 3), "xxx");
      return res;
    }, "ring");

  uringIt("polls for completions of direct reads", ["IORING_SETUP_IOPOLL"], async (t) => {
    const res = await readDirect(0);
    t.diagnostic(`a polled read answers ${res}`);
    if (typeof res === "string") t.skip(res);
    else assert.ok(res === 4096 || res === -EOPNOTSUPP, String(res));
  });

  uringIt("sleeps a while before it polls", ["IORING_SETUP_HYBRID_IOPOLL"], async (t) => {
    assert.throws(() => queueInit(8, IORING_SETUP_HYBRID_IOPOLL), { code: "EINVAL" });
    const res = await readDirect(IORING_SETUP_HYBRID_IOPOLL);
    t.diagnostic(`a polled read answers ${res}`);
    if (typeof res === "string") t.skip(res);
    else assert.ok(res === 4096 || res === -EOPNOTSUPP, String(res));
  });
});
