import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { OperationKind } from "../../src/core/index.ts";
import { PREFERENCE } from "../../src/engines/index.ts";
import { MemoryFiles } from "../../src/engines/memory/files.ts";
import { memory } from "../../src/engines/memory/index.ts";
import { replayOf, settingsFrom } from "../../src/engines/memory/settings.ts";
import { Proactor } from "../../src/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { EngineHarness } from "../support/engines.ts";
import { MemoryProactor } from "../support/memory-engine.ts";

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: NodeJS.ErrnoException) => error.code,
  );

/** The order in which a number of operations are told to be done. */
async function orderOf(seed: number): Promise<string> {
  await using proactor = new MemoryProactor({ seed });
  const order: number[] = [];
  const done = Array.from({ length: 12 }, (_, i) => proactor.nop().then(() => order.push(i)));
  await Promise.all(done);
  return order.join();
}

describe("memory", () => {
  it("is available everywhere, and never chosen by itself", async () => {
    assert.deepEqual(memory.probe(), { available: true });
    assert.equal(PREFERENCE.includes("memory"), false);
    await using proactor = new Proactor({ engine: "memory" });
    const fd = await proactor.open("only in memory", "wx");
    assert.equal((await proactor.statx("only in memory")).size, 0);
    await proactor.close(fd);
    assert.equal(proactor.explain().details.purpose, "tests only");
  });

  it("takes seed and faults from the environment, and names the command that replays", async () => {
    const environment = { PROACTOR_MEMORY_SEED: "7", PROACTOR_MEMORY_FAULTS: "short=0.5, EIO=1" };
    const settings = settingsFrom(environment);
    assert.deepEqual(settings, { seed: 7, faults: { short: 0.5, EIO: 1 } });
    const replay = replayOf(settings);
    assert.equal(
      replay,
      "PROACTOR_ENGINE=memory PROACTOR_MEMORY_SEED=7 PROACTOR_MEMORY_FAULTS=short=0.5,EIO=1",
    );
    const source = `
      import { proactor } from "${moduleUrl("src/index.ts")}";
      const error = await proactor.nop().catch((caught) => caught);
      console.log(error.code, proactor.explain().details.replay);
    `;
    const { stdout } = await runNode(source, {
      env: { ...environment, PROACTOR_ENGINE: "memory" },
    });
    assert.equal(stdout.trim(), `EIO ${replay}`);
  });

  it("refuses an environment that makes no sense", () => {
    const code = "ERR_INVALID_ARG_VALUE";
    assert.throws(() => settingsFrom({ PROACTOR_MEMORY_SEED: "x" }), { code });
    assert.throws(() => settingsFrom({ PROACTOR_MEMORY_FAULTS: "shrt=1" }), { code });
    assert.throws(() => settingsFrom({ PROACTOR_MEMORY_FAULTS: "short=2" }), { code });
  });
});

describe("MemoryEngine", { timeout: 30_000 }, () => {
  it("repeats itself with the same seed, and does otherwise with others", async () => {
    const first = await orderOf(3);
    assert.equal(await orderOf(3), first);
    const orders = await Promise.all([1, 2, 3, 4, 5, 6].map(orderOf));
    assert.ok(new Set(orders).size > 3, `${new Set(orders).size} orders`);
  });

  it("fails where the script says so, and nowhere else", async () => {
    const script = [
      { fault: "EIO", kind: OperationKind.Write, at: 1 },
      { fault: "short", kind: OperationKind.Read, at: 0, times: 2 },
      { fault: "ENOSPC", kind: OperationKind.Mkdir, at: 0 },
      { fault: "EINTR", kind: OperationKind.Fsync, at: 0 },
      { fault: "EAGAIN", kind: OperationKind.Fsync, at: 1 },
    ] as const;
    await using proactor = new MemoryProactor({ script });
    const fd = await proactor.open("file", "w+");
    const bytes = Buffer.from("0123456789");
    const write = () => codeOf(proactor.write(fd, bytes, { offset: 0 }));
    assert.deepEqual([await write(), await write(), await write()], ["none", "EIO", "none"]);
    const read = () => proactor.read(fd, Buffer.alloc(10), { offset: 0 });
    assert.ok((await read()) < 10);
    assert.ok((await read()) < 10);
    assert.equal(await read(), 10);
    assert.equal(await codeOf(proactor.mkdir("made")), "ENOSPC");
    assert.equal(await codeOf(proactor.mkdir("made")), "none");
    assert.equal(await codeOf(proactor.fsync(fd)), "EINTR");
    assert.equal(await codeOf(proactor.fsync(fd)), "EAGAIN");
    assert.equal(await codeOf(proactor.fsync(fd)), "none");
  });

  // HAZARDS Q5: whatever finds no room waits, and comes in the order in which it was asked for.
  it("makes the program wait when it is busy or takes nothing", async () => {
    const faults = { busy: 0.5, refused: 0.5 };
    for (let seed = 1; seed < 10; seed++) {
      await using proactor = new MemoryProactor({ seed, faults }, { depth: 4 });
      const nops = Array.from({ length: 40 }, () => proactor.nop());
      assert.deepEqual(new Set(await Promise.all(nops)), new Set([0]));
      assert.deepEqual(proactor.status(), { inFlight: 0, queued: 0 });
    }
  });

  // HAZARDS Q7, Q8: an engine that finishes inline starves nobody.
  it("lets timers run when everything completes before queue returns", async () => {
    await using proactor = new MemoryProactor({ faults: { early: 1 } });
    let stopped = false;
    let rounds = 0;
    const loops = Array.from({ length: 4 }, async () => {
      while (!stopped && rounds++ < 1e6) await proactor.nop();
    });
    await nextTurn();
    await sleep(1);
    stopped = true;
    await Promise.all(loops);
    assert.ok(rounds < 1e6, "A timer had its turn before the loops ended");
  });

  it("delivers each of those that complete while others are delivered", async () => {
    await using proactor = new MemoryProactor({ faults: { early: 0.7 } });
    const results: (number | undefined)[] = [];
    await new Promise<void>((resolve) => {
      const more = (_: Error | null, result?: number) => {
        results.push(result);
        if (results.length === 200) resolve();
        if (results.length + proactor.status().inFlight < 200) start(2);
      };
      const start = (count: number) => {
        for (let i = 0; i < count; i++) void proactor.nop({ callback: more });
      };
      start(3);
    });
    assert.equal(
      results.every((result) => result === 0),
      true,
    );
  });

  // HAZARDS Q6: nobody was told, and the next turn finds it all the same.
  it("loses a wake-up, which the next operation makes up for", async () => {
    const script = [{ fault: "lostWakeUp", at: 0, times: 1 }] as const;
    await using proactor = new MemoryProactor({ script });
    let settled = false;
    const lost = proactor.nop().then(() => {
      settled = true;
    });
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.equal(settled, false);
    while (!settled) await proactor.nop();
    await lost;
  });

  it("hands completions over one at a time, and loses none", async () => {
    await using proactor = new MemoryProactor({ faults: { overflow: 1, late: 0.5 } });
    const results = await Promise.all(Array.from({ length: 100 }, () => proactor.nop()));
    assert.deepEqual(new Set(results), new Set([0]));
  });

  it("waits for pipes, and is woken when somebody writes", async () => {
    await using proactor = new MemoryProactor();
    const [reader, writer] = proactor.memoryEngine.files.pipe();
    const bytes = Buffer.alloc(10);
    const reading = proactor.read(reader, bytes);
    await nextTurn();
    assert.equal(reading.status, "in flight");
    assert.equal(await proactor.write(writer, Buffer.from("hello")), 5);
    assert.equal(await reading, 5);
    await proactor.close(writer);
    assert.equal(await proactor.read(reader, bytes), 0);
  });

  it("runs a timeout by the clock, or by one of its own that knows no waiting", async () => {
    await using real = new MemoryProactor();
    const before = performance.now();
    await real.timeout(20);
    assert.ok(performance.now() - before >= 19);
    await using own = new MemoryProactor({ virtualTime: true });
    const order: string[] = [];
    await Promise.all([
      own.timeout(3.6e9).then(() => order.push("months")),
      own.timeout(3.6e6).then(() => order.push("an hour")),
    ]);
    assert.deepEqual(order, ["an hour", "months"]);
  });

  it("blocks in wait, and says so when nothing can ever complete", async () => {
    await using proactor = new MemoryProactor({ faults: { late: 1 } });
    const results: unknown[] = [];
    const callback = (_: Error | null, result?: number) => results.push(result);
    for (let i = 0; i < 5; i++) void proactor.nop({ callback });
    assert.equal(proactor.wait({ minimum: 5 }), 5);
    assert.deepEqual(results, [0, 0, 0, 0, 0]);
    const [reader] = proactor.memoryEngine.files.pipe();
    const reading = proactor.read(reader, Buffer.alloc(1));
    assert.equal(proactor.wait({ timeoutMs: 2 }), 0);
    assert.throws(() => proactor.wait(), { code: "ERR_PROACTOR_INVARIANT" });
    await reading.cancel();
  });

  it("tells every truth about a cancellation", async () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed < 60; seed++) {
      await using proactor = new MemoryProactor({ seed, faults: { late: 1 } });
      const fd = await proactor.open("file", "w+");
      const writing = proactor.write(fd, Buffer.from("bytes"));
      proactor.run();
      const { outcome, result } = await writing.cancel();
      outcomes.add(outcome);
      const { size } = await proactor.statx(fd);
      const [wantedResult, wantedSize] = outcome === "canceled" ? [undefined, 0] : [5, 5];
      assert.deepEqual([result, size], [wantedResult, wantedSize], `seed ${seed}`);
    }
    assert.deepEqual([...outcomes].sort(), ["canceled", "completed", "too late"]);
  });

  it("runs out of room, and gives back what nobody can reach any more", async () => {
    await using proactor = new MemoryProactor({ capacityBytes: 3 * 4096 });
    const fd = await proactor.open("file", "w+");
    assert.equal(await proactor.write(fd, Buffer.alloc(5 * 4096)), 3 * 4096);
    assert.equal(await codeOf(proactor.write(fd, Buffer.alloc(1))), "ENOSPC");
    await proactor.unlink("file");
    assert.equal(proactor.memoryEngine.files.disk.freePages, 0, "It is still open");
    await proactor.close(fd);
    assert.equal(proactor.memoryEngine.files.disk.freePages, 3);
  });

  it("shares files between engines that are given the same", async () => {
    const files = new MemoryFiles();
    await using one = new MemoryProactor({ files, seed: 1 });
    await using two = new MemoryProactor({ files, seed: 2 });
    const [reader, writer] = files.pipe();
    const reading = one.read(reader, Buffer.alloc(3));
    await one.nop();
    assert.equal(await two.write(writer, Buffer.from("abc")), 3);
    assert.equal(await reading, 3);
  });

  it("keeps the process alive for what is in flight, and only while it is referenced", async () => {
    const source = (unref: string) => `
      import { MemoryProactor } from "${moduleUrl("test/support/memory-engine.ts")}";
      const proactor = new MemoryProactor();
      proactor.timeout(30).then(() => console.log("in time"));
      ${unref}
    `;
    assert.equal((await runNode(source(""))).stdout, "in time\n");
    assert.equal((await runNode(source("proactor.unref();"))).stdout, "");
  });

  it("is our bug to close too early, or to be asked after it was closed", () => {
    const harness = new EngineHarness("memory");
    harness.queue({});
    assert.throws(() => harness.engine.close(), { code: "ERR_PROACTOR_INVARIANT" });
    const closed = new EngineHarness("memory");
    closed.close();
    assert.throws(() => closed.queue({}), { code: "ERR_PROACTOR_INVARIANT" });
  });
});
