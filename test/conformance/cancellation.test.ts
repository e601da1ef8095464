import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import nodeFs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as later } from "node:timers/promises";
import type { Operation, Proactor } from "../../src/index.ts";
import {
  BLOCKS,
  describeConformance,
  itWhere,
  type Limits,
  withProactor,
} from "../support/conformance.ts";
import type { Pipe } from "../support/pipes.ts";
import { countDescriptors, fs, withPipes, withTempDir } from "../support/place.ts";

/** Whether a promise has settled yet. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  const nothing = () => undefined;
  return (await Promise.race([promise.then(nothing, nothing), later(0, pending)])) !== pending;
}

/** A proactor with one read of an empty pipe in flight. */
function reading(
  engine: Proactor["engine"],
  body: (p: Proactor, pipe: Pipe, start: ReadOnPipe) => Promise<void>,
): Promise<void> {
  return withPipes(1, (pipe) =>
    withProactor({ engine }, (p) =>
      body(p, pipe, (options, buffer = Buffer.alloc(4)) => p.read(pipe.read, buffer, options)),
    ),
  );
}

type ReadOnPipe = (
  options?: Parameters<Proactor["read"]>[2],
  buffer?: Buffer,
) => ReturnType<Proactor["read"]>;

const canStop = ({ cancel }: Limits) => cancel === "running";

describeConformance("Operation.cancel", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  waiting("stops what is in flight, or says that it is too late and what came of it", () =>
    reading(engine, async (p, pipe, start) => {
      const operation = start();
      await p.nop();
      const canceling = operation.cancel();
      if (!canStop(limits)) {
        assert.equal(await hasSettled(canceling), false, "Only once the buffer is ours again");
        fs.writeSync(pipe.write, "abc");
        assert.deepEqual(await canceling, { outcome: "too late", result: 3 });
        assert.equal(await operation, 3);
        return;
      }
      assert.deepEqual(await canceling, { outcome: "canceled" });
      assert.equal(operation.status, "canceled");
      const error = { message: "ECANCELED: operation canceled, read", code: "ECANCELED" };
      await assert.rejects(operation, error);
      // Nothing of the next writer is lost to it.
      fs.writeSync(pipe.write, "abc");
      assert.equal(await start(), 3);
    }),
  );

  it("says too late of what has completed, and gives its result", () =>
    withProactor({ engine }, async (p) => {
      const operation = p.nop();
      await operation;
      assert.deepEqual(await operation.cancel(), { outcome: "too late", result: 0 });
      const failed = p.close(1_000_000);
      await assert.rejects(failed, { code: "EBADF" });
      const outcome = await failed.cancel();
      assert.equal(outcome.outcome, "too late");
      assert.equal((outcome.error as NodeJS.ErrnoException).code, "EBADF");
    }));

  it("agrees with what the operation itself says, when both race", () =>
    withProactor({ engine }, async (p) => {
      const operations = Array.from({ length: 200 }, () => p.nop());
      const outcomes = operations.map((operation) => operation.cancel());
      const settled = await Promise.allSettled(operations);
      for (const [i, { outcome, result }] of (await Promise.all(outcomes)).entries()) {
        const end = settled[i] as PromiseSettledResult<number>;
        assert.equal(outcome === "canceled", end.status === "rejected");
        if (end.status === "fulfilled") assert.equal(result, end.value);
      }
    }));

  // HAZARDS C8: twice, and from within a callback.
  waiting("may be called twice, and from within a callback", () =>
    reading(engine, async (p, pipe, start) => {
      const operation = start();
      const outcomes = [operation.cancel(), operation.cancel()];
      const fromCallback = new Promise((resolve) => {
        void p.nop({ callback: () => resolve(operation.cancel()) });
      });
      await p.nop();
      if (!canStop(limits)) fs.writeSync(pipe.write, "x");
      const all = await Promise.all([...outcomes, fromCallback]);
      assert.equal(new Set(all.map((one) => JSON.stringify(one))).size, 1, JSON.stringify(all));
    }),
  );

  waiting("stops what still waits for room, at once", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, depth: 1 }, async (p) => {
        const first = p.read(pipe.read, Buffer.alloc(1));
        const second = p.read(pipe.read, Buffer.alloc(1));
        assert.equal(second.status, "queued");
        assert.deepEqual(await second.cancel(), { outcome: "canceled" });
        await assert.rejects(second, { code: "ECANCELED", syscall: "read" });
        fs.writeSync(pipe.write, "x");
        assert.equal(await first, 1);
      }),
    ),
  );

  // HAZARDS C3: more cancellations than the queue has entries.
  waiting("stops hundreds at once through a small queue", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, entries: 4 }, async (p) => {
        const count = 300;
        const operations = Array.from({ length: count }, () => p.read(pipe.read, Buffer.alloc(1)));
        p.run();
        const outcomes = operations.map((operation) => operation.cancel());
        if (!canStop(limits)) fs.writeSync(pipe.write, "x".repeat(count));
        const settled = await Promise.allSettled(operations);
        const canceled = settled.filter(({ status }) => status === "rejected").length;
        const told = (await Promise.all(outcomes)).filter(({ outcome }) => outcome === "canceled");
        assert.equal(told.length, canceled);
        if (canStop(limits)) assert.equal(canceled, count);
        // What nobody took is still there for the next.
        if (!canStop(limits) && canceled > 0) {
          assert.equal(await p.read(pipe.read, Buffer.alloc(count)), canceled);
        }
      }),
    ),
  );
});

describeConformance("AbortSignal", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);
  const aborted = (reason: unknown) => ({
    name: "AbortError",
    code: "ABORT_ERR",
    message: "The operation was aborted",
    cause: reason,
  });

  it("rejects, and starts nothing, when it has aborted before", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const path = join(dir, "new");
        const signal = AbortSignal.abort("because");
        const operation = p.mkdir(path, 0o777, { signal });
        assert.equal(operation.status, "canceled");
        await assert.rejects(operation, aborted("because"));
        await p.nop();
        assert.equal(fs.existsSync(path), false);
        assert.deepEqual(p.status(), { inFlight: 0, queued: 0 });
      }),
    ));

  it("does nothing when it aborts after the end", () =>
    withProactor({ engine }, async (p) => {
      const controller = new AbortController();
      const operation = p.nop({ signal: controller.signal });
      assert.equal(await operation, 0);
      controller.abort();
      assert.equal(operation.status, "completed");
    }));

  waiting("rejects once the kernel has let go, or resolves with what it did", () =>
    reading(engine, async (p, pipe, start) => {
      const controller = new AbortController();
      const { signal } = controller;
      const buffer = Buffer.alloc(4);
      const operation = start({ signal }, buffer);
      await p.nop();
      controller.abort(new Error("enough"));
      if (canStop(limits)) {
        await assert.rejects(operation, aborted(signal.reason));
        fs.writeSync(pipe.write, "abcd");
        await later(5);
        assert.deepEqual([...buffer], [0, 0, 0, 0], "The buffer is ours");
      } else {
        assert.equal(await hasSettled(operation), false, "The kernel still has the buffer");
        fs.writeSync(pipe.write, "abcd");
        assert.equal(await operation, 4, "It happened, so it says so");
        assert.equal(String(buffer), "abcd");
      }
    }),
  );

  waiting("stops many at once, without a warning of a leak", () =>
    reading(engine, async (p, pipe, start) => {
      const warnings: Error[] = [];
      const warned = (warning: Error) => warnings.push(warning);
      process.on("warning", warned);
      const controller = new AbortController();
      const operations = Array.from({ length: 50 }, () => start({ signal: controller.signal }));
      p.run();
      controller.abort();
      if (!canStop(limits)) fs.writeSync(pipe.write, "abcd".repeat(50));
      const settled = await Promise.allSettled(operations);
      const rejected = settled.filter(({ status }) => status === "rejected").length;
      if (canStop(limits)) assert.equal(rejected, 50);
      await later(1);
      process.off("warning", warned);
      assert.deepEqual(warnings, []);
    }),
  );

  it("is let go of when the operation is over", () =>
    withProactor({ engine }, async (p) => {
      const { signal } = new AbortController();
      let added = 0;
      let removed = 0;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = ((...args: Parameters<typeof addEventListener>) => {
        added++;
        addEventListener.apply(signal, args);
      }) as typeof addEventListener;
      signal.removeEventListener = ((...args: Parameters<typeof removeEventListener>) => {
        removed++;
        removeEventListener.apply(signal, args);
      }) as typeof removeEventListener;
      for (let i = 0; i < 3; i++) await Promise.all([p.nop({ signal }), p.nop({ signal })]);
      assert.deepEqual([added, removed], [3, 3]);
    }));

  waiting("rejects what waits for room without touching what is in flight", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, depth: 1 }, async (p) => {
        const controller = new AbortController();
        const first = p.read(pipe.read, Buffer.alloc(1));
        const second = p.read(pipe.read, Buffer.alloc(1), { signal: controller.signal });
        p.run();
        controller.abort("go");
        await assert.rejects(second, aborted("go"));
        fs.writeSync(pipe.write, "x");
        assert.equal(await first, 1);
      }),
    ),
  );
});

describeConformance("deadlineMs", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);
  const late = (ms: number) => ({
    message: `ETIMEDOUT: connection timed out, read: deadline of ${ms} ms`,
    code: "ETIMEDOUT",
    syscall: "read",
  });

  waiting("gives up in time, or as soon as the kernel lets go", () =>
    reading(engine, async (p, pipe, start) => {
      for (const ms of [0, 0.5, 10]) {
        const operation = start({ deadlineMs: ms });
        if (canStop(limits)) {
          await assert.rejects(operation, late(ms));
          assert.equal(operation.status, "canceled");
        } else {
          await later(ms + 20);
          assert.equal(await hasSettled(operation), false);
          fs.writeSync(pipe.write, "abc");
          assert.equal(await operation, 3, "It happened, so it says so");
        }
      }
      assert.equal(await p.nop(), 0);
    }),
  );

  it("does nothing to what is done in time", () =>
    withProactor({ engine }, async (p) => {
      const all = Array.from({ length: 100 }, () => p.nop({ deadlineMs: 10_000 }));
      assert.ok((await Promise.all(all)).every((result) => result === 0));
    }));

  waiting("counts the time spent waiting for room", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, depth: 1 }, async (p) => {
        const first = p.read(pipe.read, Buffer.alloc(1));
        const second = p.read(pipe.read, Buffer.alloc(1), { deadlineMs: 5 });
        const third = p.read(pipe.read, Buffer.alloc(1), { deadlineMs: 5 });
        await assert.rejects(second, late(5));
        await assert.rejects(third, late(5));
        fs.writeSync(pipe.write, "x");
        assert.equal(await first, 1);
      }),
    ),
  );

  waiting("works with the smallest queues", async () => {
    for (const entries of [1, 2, 4]) {
      await withPipes(1, (pipe) =>
        withProactor({ engine, entries }, async (p) => {
          const read = () => p.read(pipe.read, Buffer.alloc(1), { deadlineMs: 5 });
          const all = Promise.allSettled(Array.from({ length: 10 }, read));
          await later(30);
          if (!canStop(limits)) fs.writeSync(pipe.write, "x".repeat(10));
          const settled = await all;
          const rejected = settled.filter(({ status }) => status === "rejected").length;
          if (canStop(limits)) assert.equal(rejected, 10, `${entries} entries`);
        }),
      );
    }
  });

  // HAZARDS C7, E3: a request that waits in a thread of the kernel, not in a poll.
  const inThread = itWhere(
    canStop(limits) && limits.specialFiles,
    "Only io_uring can cancel what waits in a thread, and only the system has named pipes",
  );
  inThread("reaches what waits in a thread of the kernel", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const fifo = join(dir, "fifo");
        execFileSync("mkfifo", [fifo]);
        // To make the file if need be is what sends an open to a thread at once.
        const open = (options: object) => p.open(fifo, nodeFs.constants.O_CREAT, 0o600, options);
        const syscall = "open";
        const path = fifo;
        await assert.rejects(open({ deadlineMs: 5 }), { code: "ETIMEDOUT", syscall, path });
        const signal = AbortSignal.timeout(5);
        await assert.rejects(open({ signal }), { name: "AbortError" });
        const operation = open({});
        await later(5);
        assert.deepEqual(await operation.cancel(), { outcome: "canceled" });
        await assert.rejects(operation, { code: "ECANCELED", syscall, path });
      }),
    ),
  );
});

// HAZARDS C4: a descriptor that comes although its open was canceled is told of, and never leaks.
describeConformance("open, canceled", (engine) => {
  it("leaks no descriptor in a thousand races", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const file = join(dir, "file");
        fs.writeFileSync(file, "");
        await p.nop();
        const before = countDescriptors();
        let opened = 0;
        for (let round = 0; round < 50; round++) {
          const controllers = Array.from({ length: 20 }, () => new AbortController());
          const opens = controllers.map(({ signal }, i) =>
            p.open(file, i % 2 === 0 ? "r" : "a", 0o600, { signal }),
          );
          controllers.forEach((controller, i) => {
            if (i % 3 === 0) controller.abort();
            if (i % 3 === 1) queueMicrotask(() => controller.abort());
            if (i % 3 === 2) setImmediate(() => controller.abort());
          });
          for (const end of await Promise.allSettled(opens)) {
            if (end.status === "rejected") assert.equal(end.reason.name, "AbortError");
            else {
              opened++;
              fs.closeSync(end.value);
            }
          }
        }
        assert.equal(countDescriptors(), before);
        assert.ok(opened > 0, "Some were opened");
      }),
    ));
});

// HAZARDS C5: bytes that a canceled read has taken are never lost.
describeConformance("read, canceled", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  waiting("loses no byte of a stream, whenever it is aborted", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        const total = 2000;
        let sent = 0;
        let seed = 42;
        const random = (below: number) => {
          seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
          return (seed >>> 16) % below;
        };
        const received: number[] = [];
        while (received.length < total) {
          const controller = new AbortController();
          const buffer = Buffer.alloc(16);
          const operation: Operation<number> = p.read(pipe.read, buffer, {
            signal: controller.signal,
          });
          const steps = [
            () => {
              const count = Math.min(1 + random(8), total - sent);
              const bytes = Array.from({ length: count }, () => sent++ & 0xff);
              if (count > 0) fs.writeSync(pipe.write, Buffer.from(bytes));
            },
            () => controller.abort(),
          ];
          if (random(2) === 0) steps.reverse();
          if (random(2) === 0) p.run();
          for (const step of steps) step();
          const count = await operation.catch((error: Error) => {
            assert.equal(error.name, "AbortError");
            return 0;
          });
          received.push(...buffer.subarray(0, count));
        }
        assert.deepEqual(
          received,
          Array.from({ length: total }, (_, i) => i & 0xff),
        );
      }),
    ),
  );
});
