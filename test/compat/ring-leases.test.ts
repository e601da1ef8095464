import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InFlight } from "../../src/compat/ring/in-flight.ts";
import {
  IORING_CQE_F_MORE,
  IORING_OP_POLL_REMOVE,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_LINK,
  POLLIN,
  type Ring,
} from "../../src/compat/ring/index.ts";
import type { CompletionQueue } from "../../src/ring/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { collectGarbageUntil } from "../support/garbage.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  complete,
  fifo,
  holdsMemory,
  lendable,
  NOT_HELD,
  page,
  prepare,
  smallRing,
  sockets,
  submit,
  uringIt,
} from "./ring-support.ts";

/** Starts a read into a view that only the ring knows afterwards. */
function readIntoNowhere(ring: Ring, fd: number, data = 1): WeakRef<Buffer> {
  const buffer = lendable(4096);
  prepare(ring, (sqe) => ring.prepRead(sqe, fd, buffer, 4096, -1), { data });
  submit(ring, 1);
  return new WeakRef(buffer);
}

describe("what a request is lent", () => {
  uringIt("is no longer than the view, nor of a negative length", ["IORING_OP_READ"], () => {
    using ring = smallRing();
    const sqe = ring.getSqe();
    for (const length of [-1, 9, Number.NaN]) {
      const prepare = () => ring.prepRead(sqe, 0, new Uint8Array(8), length, 0);
      assert.throws(prepare, { code: "ERR_OUT_OF_RANGE" });
    }
    ring.prepNop(sqe);
  });

  uringIt("is kept until its completion was seen", ["IORING_OP_READ"], () =>
    withTempDir(async (dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const ref = readIntoNowhere(ring, pipe.a);
      assert.equal(await collectGarbageUntil(() => ref.deref() === undefined, 5), false);
      writeSync(pipe.b, "late");
      const cqe = ring.waitCqe();
      assert.equal(ring.cqeRes(cqe), 4);
      assert.equal(ref.deref()?.toString("latin1", 0, 4), "late");
      ring.cqeSeen(cqe);
      assert.equal(await collectGarbageUntil(() => ref.deref() === undefined), true);
    }, "ring"),
  );

  uringIt("is kept while others with the same user data are in flight", ["IORING_OP_READ"], () =>
    withTempDir(async (dir) => {
      using ring = smallRing();
      using first = fifo(dir, "first");
      using second = fifo(dir, "second");
      const refs = [readIntoNowhere(ring, first.a), readIntoNowhere(ring, second.a)];
      writeSync(second.b, "x");
      complete(ring, 1);
      // Which of the two is done the user data does not tell.
      assert.equal(await collectGarbageUntil(() => refs[0]?.deref() === undefined, 5), false);
      writeSync(first.b, "x");
      complete(ring, 1);
      const gone = () => refs.every((ref) => ref.deref() === undefined);
      assert.equal(await collectGarbageUntil(gone), true);
    }, "ring"),
  );

  uringIt("is kept until the notification of a zero-copy send", ["IORING_OP_SEND_ZC"], async () => {
    using pair = await sockets();
    using ring = smallRing();
    const start = () => {
      const buffer = page("zero copy");
      prepare(ring, (sqe) => ring.prepSendZc(sqe, pair.a, buffer, 4096, 0, 0), { data: 1 });
      submit(ring, 1);
      return new WeakRef(buffer);
    };
    const ref = start();
    complete(ring, 1);
    assert.equal(ring.requestsInFlight, 1);
    assert.equal(await collectGarbageUntil(() => ref.deref() === undefined, 5), false);
    prepare(ring, (sqe) => ring.prepRecv(sqe, pair.b, page(), 4096, 0x100), { data: 2 });
    submit(ring, 1);
    complete(ring, 2);
    assert.equal(await collectGarbageUntil(() => ref.deref() === undefined), true);
  });

  // HAZARDS B1: memory that is taken away while the kernel writes to it.
  uringIt("stays in place when its memory is transferred", ["IORING_OP_READ"], (t) =>
    withTempDir((dir) => {
      if (!holdsMemory()) return t.skip(NOT_HELD);
      using ring = smallRing();
      using pipe = fifo(dir);
      const memory = new ArrayBuffer(4096);
      const view = new Uint8Array(memory);
      prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, view, 4096, -1));
      submit(ring, 1);
      const moved = structuredClone(memory, { transfer: [memory] });
      assert.equal(view.length, 0);
      writeSync(pipe.b, "after");
      complete(ring, 1);
      // Where a transfer keeps the memory, the bytes are with the new owner.
      const text = Buffer.from(moved).toString("latin1", 0, 5);
      assert.ok(["after", "\0\0\0\0\0"].includes(text));
    }, "ring"),
  );

  uringIt("may be a small view on V8's own heap", ["IORING_OP_READ"], (t) =>
    withTempDir(async (dir) => {
      if (!holdsMemory()) return t.skip(NOT_HELD);
      using ring = smallRing();
      using pipe = fifo(dir);
      const views = Array.from({ length: 8 }, () => new Uint8Array(8));
      views.forEach((view, data) => {
        prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, view, 8, -1), { data });
      });
      submit(ring, 8);
      await collectGarbageUntil(() => false, 3);
      for (let i = 0; i < 8; i++) writeSync(pipe.b, `chunk ${i} `);
      for (const { data, res } of complete(ring, 8)) {
        assert.equal(res, 8);
        assert.match(Buffer.from(views[data] ?? []).toString(), /^chunk \d $/);
      }
    }, "ring"),
  );

  uringIt("goes over to the next request when it is silent", ["IOSQE_CQE_SKIP_SUCCESS"], () =>
    withTempDir(async (dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const start = () => {
        const buffer = lendable(4096);
        prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, buffer, 4, -1), {
          data: 1,
          flags: IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK,
        });
        prepare(ring, (sqe) => ring.prepNop(sqe), { data: 2 });
        submit(ring, 2);
        return new WeakRef(buffer);
      };
      const ref = start();
      assert.equal(ring.requestsInFlight, 1);
      assert.equal(await collectGarbageUntil(() => ref.deref() === undefined, 5), false);
      writeSync(pipe.b, "full");
      assert.equal(complete(ring, 1)[0]?.data, 2);
      assert.equal(await collectGarbageUntil(() => ref.deref() === undefined), true);
    }, "ring"),
  );

  uringIt("is never given back when nobody will tell", ["IOSQE_CQE_SKIP_SUCCESS"], () =>
    withTempDir(async (dir) => {
      const ring = smallRing();
      using pipe = fifo(dir);
      const start = () => {
        const buffer = lendable(4096);
        prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, buffer, 4, -1), {
          flags: IOSQE_CQE_SKIP_SUCCESS,
        });
        submit(ring, 1);
        return new WeakRef(buffer);
      };
      const ref = start();
      ring.queueExit();
      assert.equal(await collectGarbageUntil(() => ref.deref() === undefined, 5), false);
    }, "ring"),
  );

  uringIt("is an object's memory as well", ["IORING_OP_POLL_ADD"], () =>
    withTempDir(async (dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const start = () => {
        const owner = { name: "owner" };
        const sqe = ring.getSqe();
        ring.prepPollMultishot(sqe, pipe.a, POLLIN);
        ring.sqeSetData(sqe, owner);
        submit(ring, 1);
        return new WeakRef(owner);
      };
      const ref = start();
      for (let round = 0; round < 2; round++) {
        writeSync(pipe.b, "x");
        const cqe = ring.waitCqe();
        assert.equal(ring.cqeGetData(cqe), ref.deref());
        ring.cqeSeen(cqe);
        readSync(pipe.a, Buffer.alloc(1));
        assert.equal(await collectGarbageUntil(() => ref.deref() === undefined, 3), false);
      }
      const owner = ref.deref();
      assert.ok(owner !== undefined);
      prepare(ring, (sqe) => ring.prepCancel(sqe, owner, 0));
      submit(ring, 1);
      complete(ring, 2);
    }, "ring"),
  );

  uringIt("is kept as long as it is registered", ["IORING_REGISTER_BUFFERS"], async () => {
    using ring = smallRing();
    const register = () => {
      const buffer = page();
      assert.equal(ring.registerBuffers([buffer]), 0);
      return new WeakRef(buffer);
    };
    const ref = register();
    assert.equal(await collectGarbageUntil(() => ref.deref() === undefined, 5), false);
    assert.equal(ring.unregisterBuffers(), 0);
    assert.equal(await collectGarbageUntil(() => ref.deref() === undefined), true);
  });
});

describe("InFlight", () => {
  it("counts and keeps as a map of lists would", () => {
    // Small numbers with nothing in the high word have places of their own.
    const high = fc.oneof(fc.constant(0), fc.integer({ max: 2 }));
    const key = fc.record({ low: fc.integer({ min: -1, max: 40 }), high });
    const step = fc.record({ isEnd: fc.boolean(), key, object: fc.boolean() });
    const program = fc.array(step, { maxLength: 3000 });
    fc.assert(
      fc.property(program, (steps) => {
        const table = new InFlight();
        const model = new Map<string, { count: number; held: object[] }>();
        for (const [i, { isEnd, key: data, object }] of steps.entries()) {
          // Many keys that are used once, so that the table is rebuilt now and then.
          const low = Math.imul(data.low, i % 7 === 0 ? i : 1);
          const name = `${low} ${data.high}`;
          const known = model.get(name) ?? { count: 0, held: [] };
          model.set(name, known);
          if (isEnd) {
            assert.equal(table.finish(low, data.high), known.count > 0);
            known.count = Math.max(0, known.count - 1);
            if (known.count === 0) known.held = [];
          } else {
            const entry = table.add(low, data.high);
            known.count++;
            const held = { name };
            if (object) {
              table.hold(entry, held);
              known.held.push(held);
            }
          }
        }
        const all = [...model.values()];
        assert.equal(
          table.total,
          all.reduce((sum, { count }) => sum + count, 0),
        );
        assert.deepEqual(new Set(table.heldObjects()), new Set(all.flatMap(({ held }) => held)));
      }),
      { numRuns: 50 },
    );
  });

  /** SQEs of 16 words in a queue of 8, the first at position 6. */
  function queueOf(...sqes: readonly { head?: number; low: number; high?: number }[]): Uint32Array {
    const words = new Uint32Array(8 * 16);
    for (const [i, { head = 0, low, high = 0 }] of sqes.entries()) {
      const at = ((6 + i) & 7) * 16;
      words[at] = head;
      words[at + 8] = low;
      words[at + 9] = high;
    }
    return words;
  }

  /** A completion queue of 8 CQEs of 4 words. */
  const cq = { first: 0, mask: 7, shift: 2 } as CompletionQueue;

  it("counts a run of plain requests, up to the first that is not", () => {
    const linked = IOSQE_IO_LINK << 8;
    for (const [last, stopped] of [
      [{ low: 4 }, 9],
      [{ low: 4, head: linked }, 8],
      [{ low: 4, high: 1 }, 8],
      [{ low: 1024 }, 8],
      [{ low: 0xffff_ffff }, 8],
      [{ low: 4, head: IORING_OP_POLL_REMOVE }, 8],
    ] as const) {
      const table = new InFlight();
      const words = queueOf({ low: 3 }, { low: 3 }, last);
      assert.equal(table.addPlain(words, 7, 4, 6, 9), stopped);
      assert.equal(table.total, stopped - 6);
      assert.deepEqual(
        [table.finish(3, 0), table.finish(3, 0), table.finish(3, 0)],
        [true, true, false],
      );
      assert.equal(table.finish(4, 0), stopped === 9);
    }
  });

  it("finishes a run of plain completions, up to the first that is not", () => {
    for (const [words, done] of [
      [[1, 0, 0, 0, 2, 0, 0, 0], 2],
      [[1, 0, 0, 0, 1, 0, 0, 0], 1],
      [[1, 0, 0, 0, 2, 0, 0, IORING_CQE_F_MORE], 1],
      [[1, 0, 0, 0, 2, 1, 0, 0], 1],
      [[1, 0, 0, 0, -1, 0, 0, 0], 1],
      [[1, 0, 0, 0, 3, 0, 0, 0], 1],
    ] as const) {
      const table = new InFlight();
      table.add(1, 0);
      table.add(2, 0);
      table.hold(table.add(3, 0), "lent");
      const before = table.total;
      assert.equal(table.finishPlain(Int32Array.from(words), cq, 0, 2), done);
      assert.equal(before - table.total, done);
      assert.deepEqual([...table.heldObjects()], ["lent"]);
    }
  });

  for (const [of, by] of [
    [1, 2],
    [1, 2000],
    [1023, 1024],
    [2000, 1],
    [2000, 3000],
  ] as const) {
    it(`lets a completion of ${by} stand for the request ${of}, over a rebuild`, () => {
      const table = new InFlight();
      const entry = table.add(of, 0);
      table.hold(entry, "lent");
      table.standIn(by, 0, of, 0);
      for (let low = 100; low < 5000; low++) {
        table.add(low, low);
        table.finish(low, low);
      }
      assert.equal(table.finish(3, 0), false);
      assert.deepEqual([...table.heldObjects()], ["lent"]);
      assert.equal(table.finish(by, 0), true);
      assert.equal(table.finish(by, 0), false);
      assert.deepEqual([table.total, ...table.heldObjects()], [0]);
    });
  }
});

describe("the end of an environment", () => {
  // HAZARDS L1, L2, B9, with the counting words as these verbs keep them.
  const child = (end: string) => `
    import { readdirSync, readlinkSync, openSync, readSync, writeSync } from "node:fs";
    import { isMainThread, Worker, workerData, parentPort } from "node:worker_threads";
    import * as R from ${JSON.stringify(moduleUrl("src/compat/ring/index.ts"))};
    const fifo = isMainThread ? process.argv[2] : workerData;
    globalThis.kept = [];
    function start() {
      const ring = R.queueInit(64);
      kept.push(ring);
      const fd = openSync(fifo, "r+");
      const nop = (data, flags, result) => {
        const sqe = ring.getSqe();
        ring.prepNop(sqe);
        ring.sqes[sqe + 6] = result;
        ring.sqes[sqe + 7] = R.IORING_NOP_INJECT_RESULT;
        ring.sqeSetData64(sqe, data);
        ring.sqeSetFlags(sqe, flags);
      };
      for (let i = 0; i < 20; i++) {
        const sqe = ring.getSqe();
        ring.prepRead(sqe, fd, R.allocate(4096), 4096, -1);
        ring.sqeSetData64(sqe, i);
        if (i % 4 === 0) ring.sqeSetFlags(sqe, R.IOSQE_ASYNC);
      }
      // Silent ones that succeed and that fail, and messages: none of them may be miscounted.
      for (let i = 0; i < 10; i++) nop(100 + i, R.IOSQE_CQE_SKIP_SUCCESS, i % 2 ? -11 : 0);
      nop(200, R.IOSQE_CQE_SKIP_SUCCESS | R.IOSQE_IO_LINK, -11);
      nop(201, 0, 0);
      ring.submit();
      for (let i = 0; i < 5; i++) R.registerSyncMsg(ring.ringFd, 1, { low: i, high: 0xffffffff });
      while (ring.peekCqe() >= 0) ring.cqAdvance(ring.cqReady());
      if (ring.requestsInFlight !== 20) throw new Error("in flight: " + ring.requestsInFlight);
    }
    function rings() {
      return readdirSync("/proc/self/fd").filter((name) => {
        try { return readlinkSync("/proc/self/fd/" + name).includes("io_uring"); }
        catch { return false; }
      }).length;
    }
    function check(before) {
      const fd = openSync(fifo, "r+");
      writeSync(fd, "x");
      // Blocks for ever when a forgotten read took the byte; the time limit tells.
      readSync(fd, Buffer.alloc(1));
      process.stdout.write("clean " + (rings() - before));
    }
    if (!isMainThread) {
      start();
      ${end === "terminate" ? "setInterval(() => {}, 1000); parentPort.postMessage(1);" : ""}
    } else if (${JSON.stringify(end)} === "main") {
      start();
      process.stdout.write("clean 0");
    } else {
      // libuv has rings of its own from Node 22 on, once its loop has turned.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const before = rings();
      const worker = new Worker(new URL(import.meta.url), { workerData: fifo });
      const exited = new Promise((resolve) => worker.once("exit", resolve));
      if (${JSON.stringify(end)} === "terminate") {
        await new Promise((resolve) => worker.once("message", resolve));
        await worker.terminate();
      }
      await exited;
      check(before);
    }
  `;

  for (const end of ["main", "worker", "terminate"]) {
    uringIt(`waits for what the verbs submitted: ${end}`, ["IOSQE_CQE_SKIP_SUCCESS"], () =>
      withTempDir(async (dir) => {
        const path = join(dir, "fifo");
        const program = join(dir, "program.mjs");
        execFileSync("mkfifo", [path]);
        writeFileSync(program, child(end));
        const { stdout, stderr, code } = await runNode(new URL(`file://${program}`), {
          args: [path],
        });
        assert.deepEqual([stdout, code], ["clean 0", 0], stderr);
      }, "ring"),
    );
  }
});

describe("a loop over registered buffers", () => {
  uringIt("allocates nothing per request", ["IORING_OP_READ_FIXED"], () =>
    withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, Buffer.alloc(64 * 4096));
      const program = `
        import { openSync, writeSync } from "node:fs";
        import * as R from ${JSON.stringify(moduleUrl("src/compat/ring/index.ts"))};
        const ring = R.queueInit(64);
        const memory = R.allocate(64 * 4096);
        const base = R.addressOf(memory);
        const fd = openSync(${JSON.stringify(path)}, "r");
        ring.registerBuffers([memory]);
        ring.registerFiles([fd]);
        const FIXED = R.IOSQE_FIXED_FILE;
        let seed = 1;
        const prepare = (slot) => {
          const sqe = ring.getSqe();
          seed = (seed * 1103515245 + 12345) & 0x7fffffff;
          ring.prepReadFixed(sqe, 0, base + slot * 4096, 4096, (seed & 63) * 4096, 0);
          ring.sqeSetFlags(sqe, FIXED);
          ring.sqeSetData64(sqe, slot);
        };
        const onCqe = (cqe) => {
          if (ring.cqeRes(cqe) !== 4096) throw new Error(String(ring.cqeRes(cqe)));
          prepare(ring.cqeGetDataLow(cqe));
        };
        const turn = (rounds) => {
          for (let i = 0; i < rounds; i++) {
            ring.submitAndWait(1);
            ring.cqAdvance(ring.forEachCqe(onCqe));
          }
        };
        for (let slot = 0; slot < 64; slot++) prepare(slot);
        turn(3000);
        writeSync(1, "begin\\n");
        turn(10000);
        writeSync(1, "end\\n");
        process.exit(0);
      `;
      // 640 000 requests at 16 bytes each would be 10 MB: many times this young generation.
      const execArgv = ["--trace-gc", "--max-semi-space-size=1", "--min-semi-space-size=1"];
      const { stdout, stderr } = await runNode(program, { execArgv });
      const loop = /begin\n([\s\S]*)end\n/.exec(stdout)?.[1];
      assert.ok(loop !== undefined, stderr);
      assert.ok(loop.split("Scavenge").length <= 2, loop);
    }, "ring"),
  );
});
