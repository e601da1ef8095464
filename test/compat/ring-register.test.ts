import assert from "node:assert/strict";
import { closeSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  AF_INET,
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  EACCES,
  EBADF,
  EBADFD,
  EBUSY,
  EINVAL,
  ENFILE,
  ENOENT,
  ENXIO,
  EOVERFLOW,
  eventfd,
  getProbe,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_FEAT_REG_REG_RING,
  IORING_FILE_INDEX_ALLOC,
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_OP_NOP,
  IORING_OP_PIPE,
  IORING_OP_READ,
  IORING_REGISTER_FILES_SKIP,
  IORING_REGISTER_PROBE,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_OP,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  POLLIN,
  Probe,
  QUERY_HDR_RESULT,
  QUERY_HDR_SIZE,
  queryOpcodes,
  queueInit,
  registerSyncMsg,
  SOCK_STREAM,
  Struct,
  setRegWait,
  timespec,
  timespecMs,
} from "../../src/compat/ring/index.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  complete,
  expectRes,
  fifo,
  lendable,
  lendableInt32s,
  lendableUint32s,
  limit,
  ok,
  page,
  prepare,
  run,
  smallRing,
  submit,
  uringIt,
} from "./ring-support.ts";

/** User data that answers no request of the ring it comes to. */
const FOREIGN = 0xffff_ffff;

/** The counter of an eventfd, which is 0 when there was no signal. */
function signals(fd: number): number {
  const counter = lendable(8);
  try {
    readSync(fd, counter, 0, 8, null);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  }
  return Number(counter.readBigUInt64LE());
}

describe("getProbe", () => {
  uringIt("tells which opcodes there are", ["IORING_REGISTER_PROBE"], () => {
    const probe = getProbe();
    assert.ok(probe.opcodeSupported(IORING_OP_READ));
    assert.ok(!probe.opcodeSupported(255));
    assert.equal(probe.opsLength, probe.lastOp + 1);
    using ring = smallRing();
    const again = new Probe();
    assert.equal(ring.registerProbe(again), 0);
    assert.deepEqual(again.struct.bytes, ring.getProbeRing().struct.bytes);
    const hasPipe = queryOpcodes();
    if (hasPipe !== undefined) assert.ok(probe.opcodeSupported(IORING_OP_PIPE));
  });

  uringIt("can be asked without a ring", ["IORING_REGISTER_QUERY"], () => {
    const answer = queryOpcodes();
    assert.ok(answer !== undefined);
    assert.equal(answer.requestOpcodes, getProbe().lastOp + 1);
    using ring = smallRing();
    assert.equal(ring.features, answer.features);
    const unknown = new Struct(QUERY_HDR_SIZE).setU32(16, 999);
    assert.equal(ring.registerQuery(unknown), 0);
    assert.ok(unknown.s32(QUERY_HDR_RESULT) < 0, "There is no such question");
  });
});

describe("registerEventfd", () => {
  uringIt(
    "is signaled by completions",
    ["IORING_REGISTER_EVENTFD", "IORING_UNREGISTER_EVENTFD"],
    () => {
      using ring = smallRing();
      const fd = eventfd();
      assert.equal(ring.registerEventfd(fd), 0);
      assert.equal(ring.registerEventfd(fd), -EBUSY);
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
      assert.ok(signals(fd) >= 1);
      assert.ok(ring.cqEventfdEnabled());
      assert.equal(ring.cqEventfdToggle(false), 0);
      assert.ok(!ring.cqEventfdEnabled());
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
      assert.equal(signals(fd), 0);
      ring.cqEventfdToggle(true);
      assert.equal(ring.unregisterEventfd(), 0);
      assert.equal(ring.unregisterEventfd(), -ENXIO);
      closeSync(fd);
    },
  );

  uringIt("can leave inline completions out", ["IORING_REGISTER_EVENTFD_ASYNC"], () => {
    using ring = smallRing();
    const fd = eventfd();
    assert.equal(ring.registerEventfdAsync(fd), 0);
    expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
    assert.equal(signals(fd), 0);
    expectRes(ring, 0, (sqe) => ring.prepNop(sqe), IOSQE_ASYNC);
    assert.ok(signals(fd) >= 1);
    closeSync(fd);
  });
});

describe("registerFiles", () => {
  uringIt(
    "takes files in and replaces them",
    ["IORING_REGISTER_FILES", "IORING_REGISTER_FILES_UPDATE", "IORING_UNREGISTER_FILES"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        const fds = ["a", "b"].map((name) => {
          writeFileSync(join(dir, name), name);
          return openSync(join(dir, name), "r");
        });
        const read = (index: number) => {
          const buffer = lendable(1);
          const res = run(ring, (sqe) => ring.prepRead(sqe, index, buffer, 1, 0), IOSQE_FIXED_FILE);
          return res === 1 ? buffer.toString() : res;
        };
        const [a = -1, b = -1] = fds;
        assert.equal(ring.registerFiles([a, -1, b]), 0);
        assert.equal(ring.registerFiles([a]), -EBUSY);
        assert.deepEqual([read(0), read(1), read(2)], ["a", -EBADF, "b"]);
        assert.equal(ring.registerFilesUpdate(0, [b, a, IORING_REGISTER_FILES_SKIP]), 3);
        assert.deepEqual([read(0), read(1), read(2)], ["b", "a", "b"]);
        assert.ok(ring.registerFilesUpdate(2, [a, b]) < 0, "Beyond the end");
        assert.equal(ring.registerFilesUpdate(0, [-1]), 1);
        const chosen = lendableInt32s([a]);
        const result = ring.registerFilesUpdate(IORING_FILE_INDEX_ALLOC, chosen);
        if (result === 1) assert.equal(chosen[0], 0);
        assert.equal(ring.unregisterFiles(), 0);
        for (const fd of fds) closeSync(fd);
      }, "ring"),
  );

  uringIt(
    "tells when a file is not used any more",
    ["IORING_REGISTER_FILES2", "IORING_REGISTER_FILES_UPDATE2"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        using pipe = fifo(dir);
        const tag = (low: number) => (BigInt(FOREIGN) << 32n) | BigInt(low);
        assert.equal(ring.registerFilesTags([pipe.a, -1], new BigUint64Array([tag(11), 0n])), 0);
        prepare(ring, (sqe) => ring.prepRead(sqe, 0, page(), 1, -1), {
          data: 1,
          flags: IOSQE_FIXED_FILE,
        });
        submit(ring, 1);
        const tags = new BigUint64Array([tag(12)]);
        assert.equal(ring.registerFilesUpdateTag(0, [pipe.b], tags), 1);
        writeSync(pipe.b, "x");
        // The request that used the file comes first, then the word that the file is free.
        assert.deepEqual(
          complete(ring, 2).map(({ data }) => data),
          [1, 11],
        );
        assert.equal(ring.requestsInFlight, 0);
      }, "ring"),
  );

  uringIt(
    "lets the kernel choose from a part of the table",
    ["IORING_REGISTER_FILE_ALLOC_RANGE", "IORING_OP_SOCKET"],
    () => {
      using ring = smallRing();
      assert.equal(ring.registerFilesSparse(8), 0);
      assert.equal(ring.registerFileAllocRange(4, 2), 0);
      const make = () =>
        run(ring, (sqe) => ring.prepSocketDirectAlloc(sqe, AF_INET, SOCK_STREAM, 0, 0));
      assert.deepEqual([make(), make(), make()], [4, 5, -ENFILE]);
      assert.equal(ring.registerFileAllocRange(4, 100), -EINVAL);
      assert.equal(ring.registerFileAllocRange(0xffff_ffff, 2), -EOVERFLOW);
    },
  );
});

describe("registerPersonality", () => {
  uringIt(
    "runs requests with credentials of before",
    ["IORING_REGISTER_PERSONALITY", "IORING_UNREGISTER_PERSONALITY"],
    (t) =>
      withTempDir((dir) => {
        using ring = smallRing();
        const path = join(dir, "secret");
        writeFileSync(path, "mine", { mode: 0o600 });
        const id = ring.registerPersonality();
        assert.ok(id > 0);
        const open = (personality: number) =>
          run(ring, (sqe) => {
            ring.prepOpen(sqe, path, 0, 0);
            ring.sqeSetPersonality(sqe, personality);
          });
        closeSync(open(id));
        if (process.geteuid?.() === 0 && process.seteuid !== undefined) {
          process.seteuid(65_534);
          try {
            assert.equal(open(0), -EACCES);
            closeSync(open(id));
          } finally {
            process.seteuid(0);
          }
        } else t.diagnostic("not root: other credentials were not tried");
        assert.equal(ring.unregisterPersonality(id), 0);
        assert.equal(ring.unregisterPersonality(id), -EINVAL);
        assert.equal(open(id), -EINVAL);
      }, "ring"),
  );
});

describe("registerRestrictions", () => {
  uringIt(
    "forbids all that is not allowed",
    ["IORING_REGISTER_RESTRICTIONS", "IORING_REGISTER_ENABLE_RINGS", "IORING_SETUP_R_DISABLED"],
    () => {
      using ring = queueInit(8, IORING_SETUP_R_DISABLED);
      const restrictions = [
        { opcode: IORING_RESTRICTION_SQE_OP, value: IORING_OP_NOP },
        { opcode: IORING_RESTRICTION_SQE_FLAGS_ALLOWED, value: 0 },
        { opcode: IORING_RESTRICTION_REGISTER_OP, value: IORING_REGISTER_PROBE },
      ];
      assert.equal(ring.registerRestrictions(restrictions), 0);
      assert.equal(ring.registerRestrictions(restrictions), -EBUSY);
      assert.equal(ring.enableRings(), 0);
      assert.equal(ring.enableRings(), -EACCES);
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
      expectRes(ring, -EACCES, (sqe) => ring.prepRead(sqe, 0, page(), 1, 0));
      expectRes(ring, -EACCES, (sqe) => ring.prepNop(sqe), IOSQE_ASYNC);
      assert.equal(ring.registerProbe(new Probe()), 0);
      assert.equal(ring.registerFiles([0]), -EACCES);
      using ordinary = smallRing();
      assert.equal(ordinary.enableRings(), -EBADFD);
    },
  );
});

describe("the kernel's workers", () => {
  uringIt(
    "are bound to processors",
    ["IORING_REGISTER_IOWQ_AFF", "IORING_UNREGISTER_IOWQ_AFF"],
    () => {
      using ring = smallRing();
      assert.equal(ring.registerIowqAff([0]), 0);
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe), IOSQE_ASYNC);
      assert.equal(ring.unregisterIowqAff(), 0);
    },
  );

  uringIt("are limited", ["IORING_REGISTER_IOWQ_MAX_WORKERS"], () => {
    using ring = smallRing();
    assert.equal(ring.registerIowqMaxWorkers(lendableUint32s([3, 5])), 0);
    const values = lendableUint32s(2);
    assert.equal(ring.registerIowqMaxWorkers(values), 0);
    assert.deepEqual([...values], [3, 5]);
    expectRes(ring, 0, (sqe) => ring.prepNop(sqe), IOSQE_ASYNC);
  });
});

describe("registerRingFd", () => {
  uringIt(
    "enters by index, and goes on without a descriptor",
    ["IORING_REGISTER_RING_FDS", "IORING_UNREGISTER_RING_FDS", "IORING_ENTER_REGISTERED_RING"],
    (t) => {
      using ring = smallRing();
      assert.equal(ring.registerRingFd(), 1);
      assert.equal(ring.registerRingFd(), -EINVAL);
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
      assert.equal(ring.unregisterRingFd(), 1);
      assert.equal(ring.unregisterRingFd(), -EINVAL);
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
      assert.equal(ring.closeRingFd(), -EINVAL);
      assert.equal(ring.registerRingFd(), 1);
      if ((ring.features & IORING_FEAT_REG_REG_RING) === 0) {
        t.diagnostic("IORING_FEAT_REG_REG_RING is newer than this kernel (6.3)");
        return;
      }
      assert.equal(ring.closeRingFd(), 1);
      assert.ok(!ring.isGuarded);
      expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
      assert.equal(ring.registerFilesSparse(1), 0);
      assert.equal(ring.closeRingFd(), -EINVAL);
    },
  );
});

describe("registerSyncCancel", () => {
  uringIt("cancels and waits", ["IORING_REGISTER_SYNC_CANCEL"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      for (const data of [1, 2, 3]) {
        prepare(ring, (sqe) => ring.prepPollAdd(sqe, pipe.a, POLLIN), { data });
      }
      submit(ring, 3);
      assert.equal(ring.registerSyncCancel({ low: 9 }), -ENOENT);
      assert.equal(ring.registerSyncCancel({ low: 2, timeout: limit() }), 0);
      assert.equal(complete(ring, 1)[0]?.data, 2);
      const flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
      assert.ok(ring.registerSyncCancel({ flags }) >= 0);
      assert.equal(complete(ring, 2).length, 2);
      assert.ok([0, -ENOENT].includes(ring.registerSyncCancel({ flags })));
    }, "ring"),
  );
});

describe("registerNapi, registerClock", () => {
  uringIt(
    "turn busy polling on and off",
    ["IORING_REGISTER_NAPI", "IORING_UNREGISTER_NAPI"],
    (t) => {
      using ring = smallRing();
      const before = ring.registerNapi({ busyPollTo: 50, preferBusyPoll: true });
      if (before === -EINVAL) {
        t.skip("this kernel is built without busy polling (CONFIG_NET_RX_BUSY_POLL)");
        return;
      }
      assert.equal(typeof before === "object" && before.busyPollTo, 0);
      const during = ring.unregisterNapi();
      assert.ok(typeof during === "object");
      assert.deepEqual([during.busyPollTo, during.preferBusyPoll], [50, true]);
    },
  );

  uringIt(
    "choose the clock for waiting",
    ["IORING_REGISTER_CLOCK", "IORING_ENTER_ABS_TIMER"],
    () => {
      using ring = smallRing();
      assert.equal(ring.registerClock(CLOCK_BOOTTIME), 0);
      assert.equal(ring.registerClock(CLOCK_REALTIME), -EINVAL);
      assert.equal(ring.registerClock(CLOCK_MONOTONIC), 0);
      ring.absTimer = true;
      // The first second after the machine started is over.
      assert.equal(ring.waitCqeTimeout(timespec(1)), -62);
      ring.absTimer = false;
    },
  );
});

describe("resizeRings", () => {
  uringIt("changes both queues and loses nothing", ["IORING_REGISTER_RESIZE_RINGS"], () => {
    const flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    using ring = queueInit(4, flags);
    for (const data of [1, 2, 3]) prepare(ring, (sqe) => ring.prepNop(sqe), { data });
    assert.equal(ring.resizeRings({ sqEntries: 8 }), -EBUSY);
    submit(ring, 3);
    assert.equal(ring.resizeRings({ sqEntries: 32, cqEntries: 128 }), 0);
    assert.deepEqual([ring.sqEntries, ring.cqEntries], [32, 128]);
    assert.ok(ring.isGuarded);
    assert.deepEqual(
      complete(ring, 3).map(({ data }) => data),
      [1, 2, 3],
    );
    for (let data = 0; data < 32; data++) {
      prepare(ring, (sqe) => ring.prepNop(sqe), { data });
    }
    assert.equal(ring.getSqe(), -1);
    submit(ring, 32);
    assert.equal(complete(ring, 32).length, 32);
    assert.equal(ring.resizeRings({ sqEntries: 2 }), 0);
    expectRes(ring, 0, (sqe) => ring.prepNop(sqe));
    using ordinary = smallRing();
    assert.equal(ordinary.resizeRings({ sqEntries: 16 }), -EINVAL);
  });
});

describe("registerRegion", () => {
  uringIt(
    "holds arguments for waiting",
    ["IORING_REGISTER_MEM_REGION", "IORING_ENTER_EXT_ARG_REG", "IORING_ENTER_EXT_ARG"],
    () => {
      using ring = queueInit(8, IORING_SETUP_R_DISABLED);
      const region = page();
      assert.equal(ring.registerRegion(region, IORING_MEM_REGION_REG_WAIT_ARG), 0);
      assert.ok(ring.registerRegion(page(), 0) < 0, "There is one already");
      assert.equal(ring.enableRings(), 0);
      setRegWait(region, 0, { ts: timespecMs(1) });
      setRegWait(region, 3, { ts: limit(), minWaitUsec: 10 });
      assert.equal(ring.submitAndWaitReg(1, 0), -62);
      prepare(ring, (sqe) => ring.prepNop(sqe), { data: 1 });
      assert.equal(ring.submitAndWaitReg(1, 3), 1);
      assert.equal(complete(ring, 1)[0]?.data, 1);
      assert.ok(ring.submitAndWaitReg(1, 64) < 0, "Beyond the end of the page");
    },
  );

  uringIt("can be memory of the kernel's", ["IORING_REGISTER_MEM_REGION"], () => {
    using ring = queueInit(8, IORING_SETUP_R_DISABLED);
    const region = ring.registerKernelRegion(4096, IORING_MEM_REGION_REG_WAIT_ARG);
    assert.equal(ring.enableRings(), 0);
    setRegWait(region, 1, { ts: timespecMs(1) });
    assert.equal(ring.submitAndWaitReg(1, 1), -62);
    assert.throws(() => ring.registerKernelRegion(4096, 0), { syscall: "io_uring_register" });
  });
});

describe("prepMsgRing", () => {
  uringIt("posts completions to another ring", ["IORING_OP_MSG_RING"], (t) => {
    using ring = smallRing();
    using other = smallRing();
    const message = { low: 5, high: FOREIGN };
    expectRes(ring, 0, (sqe) => ring.prepMsgRing(sqe, other.ringFd, 123, message, 0));
    const cqe = other.waitCqe();
    assert.deepEqual(
      [other.cqeRes(cqe), other.cqeGetDataLow(cqe), other.cqeGetDataHigh(cqe)],
      [123, 5, FOREIGN],
    );
    assert.equal(other.cqeGetData64(cqe), (BigInt(FOREIGN) << 32n) | 5n);
    other.cqeSeen(cqe);
    assert.equal(other.requestsInFlight, 0);
    const res = run(ring, (sqe) => {
      ring.prepMsgRingCqeFlags(sqe, other.ringFd, 1, message, 0, 0x40);
    });
    if (res === -EINVAL) {
      t.skip("IORING_MSG_RING_FLAGS_PASS is newer than this kernel (6.3)");
      return;
    }
    assert.equal(complete(other, 1)[0]?.flags, 0x40);
    const no = run(ring, (sqe) => ring.prepMsgRing(sqe, 0, 1, message, 0));
    assert.ok(no < 0, "Only a ring can be told");
  });

  uringIt("gives files to another ring", ["IORING_OP_MSG_RING", "IORING_OP_FTRUNCATE"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using other = smallRing();
      writeFileSync(join(dir, "file"), "given");
      const fd = openSync(join(dir, "file"), "r");
      assert.equal(ring.registerFiles([-1, fd]), 0);
      closeSync(fd);
      assert.equal(other.registerFilesSparse(4), 0);
      const message = { low: 1, high: FOREIGN };
      expectRes(ring, 0, (sqe) => ring.prepMsgRingFd(sqe, other.ringFd, 1, 2, message, 0));
      const place = ok(ring, (sqe) => {
        ring.prepMsgRingFdAlloc(sqe, other.ringFd, 1, message, 0);
      });
      assert.ok(place !== 2);
      assert.equal(complete(other, 2).length, 2);
      for (const index of [2, place]) {
        const buffer = lendable(5);
        expectRes(other, 5, (sqe) => other.prepRead(sqe, index, buffer, 5, 0), IOSQE_FIXED_FILE);
        assert.equal(buffer.toString(), "given");
      }
    }, "ring"),
  );

  uringIt("needs no ring of one's own", ["IORING_REGISTER_SEND_MSG_RING"], () => {
    using ring = smallRing();
    assert.equal(registerSyncMsg(ring.ringFd, 77, { low: 8, high: FOREIGN }), 0);
    assert.deepEqual(complete(ring, 1), [{ data: 8, res: 77, flags: 0 }]);
    assert.ok(registerSyncMsg(0, 1, { low: 1 }) < 0);
  });
});
