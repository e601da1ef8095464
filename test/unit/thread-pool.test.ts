import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AT_FDCWD, ETIME } from "../../src/abi/linux.ts";
import { errnoOf, MAX_TIMER_MS } from "../../src/base/index.ts";
import { canDo, OperationKind, QueueStatus } from "../../src/core/index.ts";
import { ThreadPoolEngine } from "../../src/engines/thread-pool/engine.ts";
import { threadPool } from "../../src/engines/thread-pool/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { EngineHarness, makeRequest } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";

const ECANCELED = -errnoOf("ECANCELED");
const { O_CREAT, O_RDWR } = fs.constants;
const noFd = 0x7fff_fffe;

/** Runs a test with an engine that is closed afterwards. */
async function withEngine(
  body: (harness: EngineHarness) => void | Promise<void>,
  depth = 64,
): Promise<void> {
  const harness = new EngineHarness("thread_pool", { depth });
  await body(harness);
  harness.close();
}

describe("threadPool", () => {
  it("is available everywhere, and says that it is not asynchronous", () => {
    assert.deepEqual(threadPool.probe(), { available: true });
    const harness = new EngineHarness("thread_pool");
    assert.ok(harness.engine instanceof ThreadPoolEngine);
    assert.equal(harness.engine.capabilities.asynchronous, false);
    assert.equal(harness.engine.details.threads, Number(process.env.UV_THREADPOOL_SIZE ?? 4));
    harness.close();
  });
});

describe("ThreadPoolEngine.queue", () => {
  it("does nothing before commit", () =>
    withEngine(async (harness) => {
      harness.queue({ kind: OperationKind.Fsync, fd: noFd });
      harness.queue({ kind: OperationKind.Nop });
      await nextTurn();
      assert.equal(harness.engine.reap(harness, 10), 0);
      assert.equal(harness.engine.commit(), 2);
      await harness.settle(2);
    }));

  it("answers busy at its depth, until something is reaped", () =>
    withEngine(async (harness) => {
      const { engine } = harness;
      const request = makeRequest({ kind: OperationKind.Nop });
      assert.equal(engine.queue(request, 0, 1, harness), QueueStatus.Queued);
      assert.equal(engine.queue(request, 1, 1, harness), QueueStatus.Queued);
      assert.equal(engine.queue(request, 2, 1, harness), QueueStatus.Busy);
      engine.commit();
      assert.equal(engine.queue(request, 2, 1, harness), QueueStatus.Busy);
      assert.equal(engine.reap(harness, 1), 1);
      assert.equal(engine.queue(request, 2, 1, harness), QueueStatus.Queued);
      await harness.settle(3);
      assert.deepEqual(
        harness.completions.map(({ index }) => index),
        [0, 1, 2],
      );
    }, 2));

  it("copies the request: its owner fills it anew at once", () =>
    withTempDir((dir) =>
      withEngine(async (harness) => {
        const path = join(dir, "file");
        fs.writeFileSync(path, "contents");
        const fd = fs.openSync(path, "r");
        const buffer = Buffer.alloc(8);
        const buffers = [buffer];
        const request = makeRequest({
          kind: OperationKind.Readv,
          fd,
          offset: 0,
          buffers,
          length: 1,
        });
        harness.engine.queue(request, 0, 1, harness);
        buffers.length = 0;
        Object.assign(request, makeRequest({ kind: OperationKind.Close, fd: noFd }));
        assert.deepEqual(await harness.settle(1), [
          { index: 0, generation: 1, result: 8, more: false },
        ]);
        assert.equal(buffer.toString(), "contents");
        fs.closeSync(fd);
      }),
    ));

  it("passes the generation through, whatever else happened to the slot", () =>
    withEngine(async (harness) => {
      const last = 0x7fff_ffff;
      harness.queue({ kind: OperationKind.Fsync, fd: noFd }, 5, last);
      harness.engine.commit();
      // The same slot again, while the first request is still running.
      harness.queue({ kind: OperationKind.Nop }, 5, 0);
      await harness.settle(2);
      const byGeneration = new Map(harness.completions.map((one) => [one.generation, one]));
      assert.deepEqual(byGeneration.get(0), { index: 5, generation: 0, result: 0, more: false });
      assert.equal(byGeneration.get(last)?.result, -errnoOf("EBADF"));
    }));

  it("is our bug after close", () => {
    const harness = new EngineHarness("thread_pool");
    harness.close();
    assert.throws(() => harness.queue({}), { code: "ERR_PROACTOR_INVARIANT" });
  });
});

describe("ThreadPoolEngine.close", () => {
  it("is our bug while something has not been reaped", async () => {
    const harness = new EngineHarness("thread_pool");
    harness.queue({ kind: OperationKind.Nop });
    assert.throws(() => harness.engine.close(), {
      code: "ERR_PROACTOR_INVARIANT",
      message: /1 requests have not been reaped/,
    });
    await harness.settle(1);
    harness.close();
  });
});

describe("ThreadPoolEngine.reap", () => {
  it("gives at most as many as it is asked for, first come first served", () =>
    withEngine(async (harness) => {
      for (let i = 0; i < 10; i++) harness.queue({ kind: OperationKind.Nop });
      harness.engine.commit();
      assert.equal(harness.engine.reap(harness, 3), 3);
      assert.equal(harness.engine.reap(harness, 0), 0);
      assert.equal(harness.engine.reap(harness, 100), 7);
      assert.deepEqual(
        harness.completions.map(({ index }) => index),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      );
    }));
});

describe("ThreadPoolEngine.cancel", () => {
  it("takes back what was not committed, and only that", () =>
    withEngine(async (harness) => {
      for (let i = 0; i < 4; i++) harness.queue({ kind: OperationKind.Fsync, fd: noFd });
      assert.equal(harness.engine.cancel(1, 1), true);
      assert.equal(harness.engine.cancel(1, 1), false, "the second time it is done already");
      await harness.settle(4);
      const results = harness.completions.map(({ index, result }) => `${index}:${result}`);
      const bad = -errnoOf("EBADF");
      assert.deepEqual(results.sort(), [`0:${bad}`, `1:${ECANCELED}`, `2:${bad}`, `3:${bad}`]);
    }));

  // HAZARDS C9: libuv cannot take a running job back; we must say so, and not hang.
  it("says that it is too late for what libuv has, which then completes", () =>
    withEngine(async (harness) => {
      const index = harness.queue({ kind: OperationKind.Fsync, fd: noFd });
      harness.engine.commit();
      assert.equal(harness.engine.cancel(index, 1), false);
      const [completion] = await harness.settle(1);
      assert.equal(completion?.result, -errnoOf("EBADF"));
    }));

  // HAZARDS C2: a late cancel must not hit the slot's next tenant.
  it("does not touch another generation of the slot", () =>
    withEngine(async (harness) => {
      harness.queue({ kind: OperationKind.Nop }, 3, 8);
      assert.equal(harness.engine.cancel(3, 7), false);
      assert.equal(harness.engine.cancel(4, 8), false);
      const [completion] = await harness.settle(1);
      assert.equal(completion?.result, 0);
      assert.equal(harness.engine.cancel(3, 8), false, "its slot is free");
    }));

  it("stops a timeout that has not fired", () =>
    withEngine(async (harness) => {
      const index = harness.queue({ kind: OperationKind.Timeout, offset: 60_000 });
      harness.engine.commit();
      assert.equal(harness.engine.cancel(index, 1), true);
      const [completion] = await harness.settle(1);
      assert.equal(completion?.result, ECANCELED);
    }));
});

describe("ThreadPoolEngine wake-up", () => {
  it("wakes once for the completions of one turn", () =>
    withEngine(async (harness) => {
      harness.engine.idle();
      for (let i = 0; i < 8; i++) harness.queue({ kind: OperationKind.Nop });
      harness.engine.commit();
      await nextTurn();
      assert.equal(harness.wakes, 1);
      assert.equal(harness.engine.reap(harness, 100), 8);
    }));

  it("does not wake who is awake, and tells at idle what came meanwhile", () =>
    withEngine(async (harness) => {
      harness.engine.idle();
      harness.engine.awake();
      harness.queue({ kind: OperationKind.Fsync, fd: noFd });
      harness.engine.commit();
      while (!harness.engine.idle()) {
        harness.engine.awake();
        await nextTurn();
      }
      assert.equal(harness.wakes, 0);
      assert.equal(harness.engine.reap(harness, 100), 1);
    }));

  it("does not wake for what was reaped before the wake-up ran", () =>
    withEngine(async (harness) => {
      harness.engine.idle();
      harness.queue({ kind: OperationKind.Nop });
      harness.engine.commit();
      assert.equal(harness.engine.reap(harness, 100), 1);
      await nextTurn();
      assert.equal(harness.wakes, 0);
    }));

  it("keeps the process alive while it works, and no longer", async () => {
    const source = `
      import { threadPool } from "${moduleUrl("src/engines/thread-pool/index.ts")}";
      import { OperationKind, Request } from "${moduleUrl("src/core/index.ts")}";
      const sink = { complete: (index, generation, result) => console.log("completed", result) };
      const wake = () => { engine.reap(sink, 10); engine.close(); };
      const engine = threadPool.create({ depth: 4, wake });
      const request = Object.assign(new Request(), { kind: OperationKind[process.argv[2]], fd: 1 });
      request.offset = 50;
      engine.queue(request, 0, 1, sink);
      engine.commit();
      engine.setReferenced(process.argv[3] === "ref");
      engine.idle();
      process.on("exit", () => console.log("exit"));
    `;
    const run = async (...args: string[]) => (await runNode(source, { args })).stdout;
    assert.equal(await run("Fsync", "unref"), `completed ${-errnoOf("EINVAL")}\nexit\n`);
    assert.equal(await run("Timeout", "ref"), `completed ${-ETIME}\nexit\n`);
    assert.equal(await run("Timeout", "unref"), "exit\n");
  });
});

describe("ThreadPoolEngine under load", () => {
  it("gives every request its own result, among cancellations and reused slots", () =>
    withTempDir((dir) =>
      withEngine(async (harness) => {
        const path = join(dir, "file");
        // The byte at offset i is i modulo 251, so that a read knows whether it got its own bytes.
        fs.writeFileSync(
          path,
          Uint8Array.from({ length: 4096 }, (_, i) => i % 251),
        );
        const fd = fs.openSync(path, "r");
        let canceled = 0;
        for (let round = 1; round <= 50; round++) {
          const reads = Array.from({ length: 32 }, (_, slot) => {
            const offset = (slot * 97 + round * 13) % 4000;
            const buffer = Buffer.alloc(1 + (slot % 7));
            const fields = { kind: OperationKind.Read, fd, buffer, length: buffer.length, offset };
            harness.queue(fields, slot, round);
            const taken = slot % 5 === 0 && harness.engine.cancel(slot, round);
            if (taken) canceled++;
            return { buffer, offset, expected: taken ? ECANCELED : buffer.length };
          });
          await harness.settle(round * 32);
          for (const { index, generation, result } of harness.completions.slice(-32)) {
            const read = reads[index] as (typeof reads)[number];
            assert.equal(generation, round);
            assert.equal(result, read.expected);
            if (result > 0) assert.equal(read.buffer[0], read.offset % 251);
          }
        }
        assert.equal(canceled, 50 * 7);
        fs.closeSync(fd);
      }),
    ));
});

describe("ThreadPoolEngine timeout", () => {
  it("completes with -ETIME, as the kernel's does", () =>
    withEngine(async (harness) => {
      assert.equal(await harness.result({ kind: OperationKind.Timeout, offset: 1 }), -ETIME);
      assert.equal(await harness.result({ kind: OperationKind.Timeout, offset: 0 }), -ETIME);
    }));

  it("waits longer than a timer of Node can", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const harness = new EngineHarness("thread_pool");
    // The mocked timers cannot be unreferenced.
    harness.engine.setReferenced(true);
    harness.queue({ kind: OperationKind.Timeout, offset: MAX_TIMER_MS * 2 + 10 });
    harness.engine.commit();
    for (const ms of [MAX_TIMER_MS, MAX_TIMER_MS, 9]) {
      t.mock.timers.tick(ms);
      assert.equal(harness.engine.reap(harness, 1), 0);
    }
    t.mock.timers.tick(1);
    assert.equal(harness.engine.reap(harness, 1), 1);
    assert.equal(harness.completions[0]?.result, -ETIME);
    harness.close();
  });
});

describe("ThreadPoolEngine and the functions of node:fs", () => {
  it("keeps those it was loaded with, so that a preload cannot lead back to us", () =>
    withTempDir((dir) =>
      withEngine(async (harness) => {
        const { open } = fs;
        fs.open = (() => assert.fail("the patched function was called")) as unknown as typeof open;
        try {
          const fd = await harness.result({
            kind: OperationKind.Open,
            fd: AT_FDCWD,
            path: join(dir, "file"),
            flags: O_CREAT | O_RDWR,
            mode: 0o600,
          });
          assert.ok(fd > 2);
          fs.closeSync(fd);
        } finally {
          fs.open = open;
        }
      }),
    ));

  it("completes with -EINVAL where node:fs throws at an argument", () =>
    withEngine(async (harness) => {
      const EINVAL = -errnoOf("EINVAL");
      assert.equal(
        await harness.result({ kind: OperationKind.Unlink, path: "nul\u0000inside" }),
        EINVAL,
      );
      assert.equal(await harness.result({ kind: OperationKind.Fsync, fd: -5 }), EINVAL);
    }));

  it("says which operations it cannot do, and refuses them by completing", () =>
    withEngine(async (harness) => {
      const cannot = ["SyncFileRange", "Fallocate", "Fadvise", "Splice", "Tee", "Poll"] as const;
      for (const [name, kind] of Object.entries(OperationKind)) {
        const expected = !(cannot as readonly string[]).includes(name);
        assert.equal(canDo(harness.engine.capabilities, kind), expected, name);
        if (!expected) assert.equal(await harness.result({ kind }), -errnoOf("ENOTSUP"), name);
      }
    }));
});
