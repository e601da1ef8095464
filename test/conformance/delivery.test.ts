import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as later, setImmediate as nextTurn } from "node:timers/promises";
import type { Completion, Operation, Proactor } from "../../src/index.ts";
import { BLOCKS, describeConformance, itWhere, withProactor } from "../support/conformance.ts";
import { fs, withPipes } from "../support/place.ts";

const CLOSED = 1_000_000;
const EBADF = { code: "EBADF", message: "EBADF: bad file descriptor, close" };

/** Why some completions cannot be had without a turn of the loop. */
const FROM_THE_LOOP =
  "Completions of this engine, or of its fallback, take turns of the event loop";

describeConformance("Operation", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  it("is a promise to those who look, and keeps the short road of await", () =>
    withProactor({ engine }, async (p) => {
      const operation = p.nop();
      assert.ok(operation instanceof Promise);
      assert.equal(operation.constructor, Promise);
      assert.equal(await operation.then((value) => value + 1), 1);
      assert.equal(Object.getPrototypeOf(operation.then()), Promise.prototype);
      assert.equal(await p.nop().finally(() => {}), 0);
      assert.equal(await p.close(CLOSED).catch(({ code }) => code), "EBADF");
    }));

  it("settles after the call has returned, never before", () =>
    withProactor({ engine }, async (p) => {
      let inside = true;
      const operation = p.nop({ callback: () => assert.equal(inside, false) });
      assert.equal(operation.status, "in flight");
      inside = false;
      await operation;
    }));

  it("tells its status, as aio_error does", () =>
    withProactor({ engine }, async (p) => {
      const good = p.nop();
      const bad = p.close(CLOSED);
      assert.deepEqual([good.status, bad.status], ["in flight", "in flight"]);
      await Promise.allSettled([good, bad]);
      assert.deepEqual([good.status, bad.status], ["completed", "failed"]);
    }));

  it("gives its result once, as aio_return does", () =>
    withProactor({ engine }, async (p) => {
      const operation = p.nop({ notify: "none" });
      assert.throws(() => operation.result(), { code: "EINPROGRESS", syscall: "result" });
      await nextTurn();
      while (operation.status === "in flight") await nextTurn();
      assert.equal(operation.result(), 0);
      assert.throws(() => operation.result(), { code: "EINVAL", syscall: "result" });
      assert.equal(operation.status, "completed");
      assert.equal(await operation, 0, "It may be awaited all the same");
      const failed = p.close(CLOSED, { notify: "none" });
      while (failed.status === "in flight") await nextTurn();
      assert.throws(() => failed.result(), EBADF);
      assert.throws(() => failed.result(), { code: "EINVAL" });
      assert.equal(failed.status, "failed");
    }));

  waiting("says that it was canceled even after its result was collected", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, depth: 1 }, async (p) => {
        const first = p.read(pipe.read, Buffer.alloc(1));
        const second = p.read(pipe.read, Buffer.alloc(1));
        await second.cancel();
        assert.throws(() => second.result(), { code: "ECANCELED" });
        assert.equal(second.status, "canceled");
        assert.deepEqual(await second.cancel(), { outcome: "canceled" });
        fs.writeSync(pipe.write, "x");
        await first;
      }),
    ),
  );

  it("may be asked for its status any number of times", () =>
    withProactor({ engine }, async (p) => {
      const operation = p.nop();
      // Each question once left a reaction behind, and these made the heap grow.
      for (let i = 0; i < 100_000; i++) assert.equal(operation.status, "in flight");
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 100_000; i++) operation.status;
      const grown = process.memoryUsage().heapUsed - before;
      assert.ok(grown < 4_000_000, `${grown} bytes`);
      await operation;
    }));
});

describeConformance("options.callback", (engine) => {
  it("is called with the error or the result, as node:fs calls back", () =>
    withProactor({ engine }, async (p) => {
      const called: unknown[][] = [];
      await p.nop({ callback: (...args: unknown[]) => called.push(args) });
      const failed = p.close(CLOSED, { callback: (...args: unknown[]) => called.push(args) });
      await assert.rejects(failed, EBADF);
      const [good, bad] = called as [unknown[], unknown[]];
      assert.deepEqual(good, [null, 0]);
      assert.equal(bad.length, 1);
      assert.equal((bad[0] as NodeJS.ErrnoException).code, "EBADF");
      assert.equal(called.length, 2, "Each once");
    }));

  it("may start more, cancel, and run the loop of the runtime", () =>
    withProactor({ engine }, async (p) => {
      const done = new Promise<number>((resolve) => {
        void p.nop({
          callback: () => {
            assert.equal(p.run(), 0, "Not from within");
            void p.nop().cancel();
            void p.nop({ callback: (_, result) => resolve((result as number) + 1) });
          },
        });
      });
      assert.equal(await done, 1);
    }));
});

describeConformance("Operation.on", (engine) => {
  it("calls with the completion once, before the end and after it", () =>
    withProactor({ engine }, async (p) => {
      const userData = { mine: true };
      const seen: Completion<unknown>[] = [];
      const listener = (completion: Completion<unknown>) => seen.push(completion);
      const good = p.nop({ userData });
      assert.equal(good.on("complete", listener), good);
      good.once("complete", listener);
      await good;
      good.on("complete", listener);
      await nextTurn();
      assert.equal(seen.length, 3);
      for (const completion of seen) {
        assert.equal(completion.operation, good);
        assert.deepEqual([completion.result, completion.error], [0, undefined]);
        assert.equal(completion.userData, userData);
      }
      const bad = p.close(CLOSED, { userData: 5 }).on("complete", listener);
      await nextTurn();
      while (bad.status === "in flight") await nextTurn();
      const last = seen.at(-1) as Completion<unknown>;
      assert.deepEqual([last.result, last.userData], [undefined, 5]);
      assert.equal((last.error as NodeJS.ErrnoException).code, "EBADF");
    }));

  it("hands the user data back to those who waited for room as well", () =>
    withProactor({ engine, depth: 1 }, async (p) => {
      const first = p.nop();
      const second = p.nop({ userData: "mine" });
      const seen = new Promise<unknown>((resolve) => {
        second.on("complete", ({ userData }) => resolve(userData));
      });
      await Promise.all([first, second]);
      assert.equal(await seen, "mine");
    }));

  it("knows no other event", () =>
    withProactor({ engine }, async (p) => {
      const operation = p.nop();
      const refused = { code: "ERR_INVALID_ARG_VALUE" };
      assert.throws(() => operation.on("end" as "complete", () => {}), refused);
      await operation;
    }));
});

describeConformance("CompletionQueue", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  const inline = itWhere(limits.inline, FROM_THE_LOOP);
  inline("collects what is finished when it is drained, without a turn of the loop", () =>
    withProactor({ engine }, (p) => {
      const queue = p.completionQueue();
      for (let i = 0; i < 100; i++) void p.nop({ queue, userData: i });
      void p.close(CLOSED, { queue, userData: "bad" });
      const drained = queue.drain();
      assert.equal(drained.length, 101);
      assert.deepEqual(
        drained.map(({ userData }) => userData).toSorted(),
        [...Array(100).keys(), "bad"].toSorted(),
      );
      assert.deepEqual([queue.size, queue.drain()], [0, []]);
    }),
  );

  it("gets each completion once, from drain and from iteration together", () =>
    withProactor({ engine }, async (p) => {
      const queue = p.completionQueue();
      const total = 1000;
      for (let i = 0; i < total; i++) void p.nop({ queue, userData: i });
      const seen: unknown[] = [];
      for await (const { userData } of queue) {
        seen.push(userData);
        if (seen.length % 7 === 0) seen.push(...queue.drain().map((one) => one.userData));
        if (seen.length === total) break;
      }
      assert.deepEqual(
        seen.toSorted((a, b) => Number(a) - Number(b)),
        [...Array(total).keys()],
      );
    }));

  it("keeps what an iteration that was left early has not seen", () =>
    withProactor({ engine }, async (p) => {
      const queue = p.completionQueue();
      await Promise.all(Array.from({ length: 10 }, () => p.nop({ queue })));
      for await (const _ of queue) break;
      assert.equal(queue.size, 9);
      for await (const _ of queue) break;
      assert.equal(queue.drain().length, 8);
    }));

  it("ends an iteration when it is closed and empty", () =>
    withProactor({ engine }, async (p) => {
      const queue = p.completionQueue();
      await Promise.all([p.nop({ queue }), p.nop({ queue })]);
      queue.close();
      let seen = 0;
      for await (const _ of queue) seen++;
      assert.equal(seen, 2);
      const empty = p.completionQueue();
      setImmediate(() => empty.close());
      for await (const _ of empty) assert.fail("There is nothing");
    }));

  waiting("waits for what comes later", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        const queue = p.completionQueue();
        void p.read(pipe.read, Buffer.alloc(4), { queue, userData: "late" });
        setTimeout(() => fs.writeSync(pipe.write, "abc"), 5);
        for await (const { result, userData } of queue) {
          assert.deepEqual([result, userData], [3, "late"]);
          break;
        }
      }),
    ),
  );
});

describeConformance("suspend", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  waiting("waits for any of several, with or without a limit", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        const reading = p.read(pipe.read, Buffer.alloc(1));
        const quick = p.nop();
        assert.equal(await p.suspend([reading, quick]), 1);
        assert.equal(await p.suspend([reading], { timeoutMs: 5 }), -1);
        assert.equal(await p.suspend([reading], { timeoutMs: 0 }), -1);
        assert.equal(reading.status, "in flight", "It goes on");
        setTimeout(() => fs.writeSync(pipe.write, "x"), 5);
        assert.equal(await p.suspend([reading], { timeoutMs: 2 ** 31 - 1 }), 0);
        assert.equal(await p.suspend([reading], { timeoutMs: 0 }), 0, "Done before");
      }),
    ),
  );

  it("resolves with one that failed as well", () =>
    withProactor({ engine }, async (p) => {
      const failed = p.close(CLOSED);
      assert.equal(await p.suspend([failed]), 0);
      assert.throws(() => failed.result(), EBADF);
    }));

  it("has nothing to wait for in an empty list, and says so at once", () =>
    withProactor({ engine }, async (p) => {
      assert.equal(await p.suspend([]), -1);
      assert.equal(await p.suspend([], { timeoutMs: 2 ** 31 - 1 }), -1);
    }));

  it("refuses a limit that is none", () =>
    withProactor({ engine }, async (p) => {
      for (const timeoutMs of [-1, Number.NaN, 2 ** 31]) {
        const refused = p.suspend([], { timeoutMs });
        await assert.rejects(refused, { code: "ERR_OUT_OF_RANGE" });
      }
    }));
});

describeConformance("wait", (engine, limits) => {
  if (!limits.wait) {
    it("is refused by name where the engine cannot block", () =>
      withProactor({ engine }, async (p) => {
        const operation = p.nop();
        assert.throws(() => p.wait(), { code: "ERR_PROACTOR_UNSUPPORTED" });
        assert.equal(await operation, 0);
      }));
    return;
  }

  it("blocks until so many are there, and delivers them before it returns", () =>
    withProactor({ engine }, (p) => {
      const queue = p.completionQueue();
      const operations = Array.from({ length: 20 }, () => p.nop({ queue }));
      assert.ok(p.wait({ minimum: 20 }) >= 20);
      assert.equal(queue.size, 20);
      assert.ok(operations.every(({ status }) => status === "completed"));
      assert.deepEqual(p.status(), { inFlight: 0, queued: 0 });
    }));

  it("returns at once when nothing is in flight", () =>
    withProactor({ engine }, (p) => {
      assert.equal(p.wait(), 0);
      assert.equal(p.wait({ minimum: 0, timeoutMs: 1e6 }), 0);
    }));

  it("waits for more than there is room for, through small queues", () =>
    withProactor({ engine, entries: 2, depth: 8 }, (p) => {
      const operations = Array.from({ length: 100 }, () => p.nop());
      assert.equal(p.wait({ minimum: 100 }), 100);
      assert.ok(operations.every(({ status }) => status === "completed"));
    }));

  const blocking = limits.fallsBack
    ? itWhere(false, FROM_THE_LOOP)
    : itWhere(limits.waitsElsewhere, BLOCKS);
  blocking("comes back when the time is up", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        const reading = p.read(pipe.read, Buffer.alloc(1));
        assert.equal(p.wait({ timeoutMs: 5 }), 0);
        assert.equal(p.wait({ timeoutMs: 0.01 }), 0);
        fs.writeSync(pipe.write, "x");
        assert.equal(p.wait({ timeoutMs: 10_000 }), 1);
        assert.equal(reading.status, "completed");
        assert.equal(await reading, 1);
      }),
    ),
  );
});

describeConformance("shutdown", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  it("waits for what is in flight, and accepts nothing more", () =>
    withProactor({ engine }, async (p) => {
      const operations = Array.from({ length: 50 }, () => p.nop());
      const ended = p.shutdown();
      assert.throws(() => p.nop(), { code: "ERR_PROACTOR_CLOSED" });
      assert.throws(() => p.chain([]), { code: "ERR_PROACTOR_CLOSED" });
      await ended;
      assert.ok(operations.every(({ status }) => status === "completed"));
      assert.deepEqual(p.status(), { inFlight: 0, queued: 0 });
    }));

  it("may be called twice, before anything, and by `await using`", async () => {
    const p: Proactor = await withProactor({ engine }, async (inner) => {
      await inner.nop();
      const first = inner.shutdown();
      await Promise.all([first, inner.shutdown()]);
      return inner;
    });
    await p.shutdown({ cancel: true });
    await withProactor({ engine }, () => {});
    {
      await using scoped = await withProactor({ engine }, (inner) => inner);
      assert.throws(() => scoped.nop(), { code: "ERR_PROACTOR_CLOSED" });
    }
  });

  // HAZARDS L1
  waiting("cancels a thousand reads of a pipe, or waits for them", () =>
    withPipes(1, async (pipe) => {
      const count = 1000;
      let settled: Promise<PromiseSettledResult<number>[]> | undefined;
      let ended: Promise<void> | undefined;
      await withProactor({ engine }, async (p) => {
        const read = () => p.read(pipe.read, Buffer.alloc(1));
        settled = Promise.allSettled(Array.from({ length: count }, read));
        await nextTurn();
        ended = p.shutdown({ cancel: true });
        if (limits.cancel !== "running") fs.writeSync(pipe.write, "x".repeat(count));
        await ended;
      });
      const rejected = (await settled)?.filter((one) => one.status === "rejected") ?? [];
      if (limits.cancel === "running") assert.equal(rejected.length, count);
      else assert.equal(rejected.length, 0);
    }),
  );

  waiting("is not misled by callbacks that want to start again", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, depth: 2 }, async (p) => {
        const refused: unknown[] = [];
        const again = (error: Error | null): void => {
          try {
            if (error !== null) void p.read(pipe.read, Buffer.alloc(1), { callback: again });
          } catch (reason) {
            refused.push((reason as NodeJS.ErrnoException).code);
          }
        };
        const start = () => p.read(pipe.read, Buffer.alloc(1), { callback: again });
        const operations: Operation<number>[] = Array.from({ length: 6 }, start);
        await nextTurn();
        const ended = p.shutdown({ cancel: true });
        fs.writeSync(pipe.write, "xx");
        await ended;
        const settled = await Promise.allSettled(operations);
        const canceled = settled.filter(({ status }) => status === "rejected").length;
        assert.ok(canceled >= 4, "At least those that had no room");
        assert.equal(refused.length, canceled);
        assert.ok(refused.every((code) => code === "ERR_PROACTOR_CLOSED"));
      }),
    ),
  );

  it("leaves nothing behind that acts later", async () => {
    await withProactor({ engine, entries: 1024 }, async (p) => {
      const all = Array.from({ length: 600 }, () => p.nop());
      await all[0];
      p.run();
      await Promise.all(all);
      await p.shutdown();
      await later(5);
    });
  });
});
