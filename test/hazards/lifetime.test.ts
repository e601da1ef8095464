import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as later } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Proactor } from "../../src/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { describeOnSystem, describeWaiting, withProactor } from "../support/conformance.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { collectGarbage } from "../support/garbage.ts";
import { withPipes } from "../support/pipes.ts";
import { script } from "../support/scripts.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Starts a Worker on a text that has `p`, `workerData` and `parentPort`. */
function work(engine: string, data: object, body: string): Worker {
  const source = `
    import { parentPort, workerData } from "node:worker_threads";
    import fs from "node:fs";
    import { Proactor } from "${moduleUrl("src/index.ts")}";
    const p = new Proactor({ engine: "${engine}" });
    ${body}
  `;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: data,
  });
}

function exit(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", resolve);
  });
}

describeOnSystem("many proactors", (engine) => {
  // HAZARDS B7: V8 aborts over two ArrayBuffers for one address.
  it("open and close what they need, and nothing is left", async () => {
    await withProactor({ engine }, (p) => p.nop());
    const before = openDescriptors().length;
    for (let i = 0; i < 60; i++) {
      const p = new Proactor({ engine, depth: 64 });
      await p.nop();
      await p.shutdown();
    }
    assert.equal(openDescriptors().length, before);
  });

  it("work side by side, and each sees only its own", async () => {
    const all = Array.from({ length: 20 }, () => new Proactor({ engine, entries: 4, depth: 64 }));
    const sums = all.map(async (p, i) => {
      let sum = 0;
      for (let round = 0; round < 20; round++) {
        const queue = p.completionQueue();
        for (let n = 0; n < i; n++) void p.nop({ queue });
        while (p.status().inFlight > 0) await later(0);
        sum += queue.drain().length;
      }
      return sum;
    });
    assert.deepEqual(
      await Promise.all(sums),
      all.map((_, i) => i * 20),
    );
    await Promise.all(all.map((p) => p.shutdown()));
  });

  // HAZARDS L6: whoever forgets to shut down leaks, and does not crash.
  it("that were forgotten are collected without harm", async () => {
    const result = await withTempDir((dir) =>
      runNode(
        script(
          engine,
          `for (let i = 0; i < 30; i++) {
            const forgotten = new Proactor({ engine: p.engine, depth: 64 });
            await forgotten.statx("/");
            if (i % 10 === 0) gc();
          }
          for (let i = 0; i < 5; i++) { gc(); await later(1); }
          console.log(await p.nop());`,
        ),
        { args: [dir], execArgv: ["--expose-gc"] },
      ),
    );
    assert.deepEqual([result.code, result.stdout.trim()], [0, "0"]);
    // Each is named in a warning, and nothing else is said.
    const said = result.stderr.split("\n").filter((line) => line !== "");
    assert.ok(said.some((line) => line.includes(`A Proactor on ${engine} was collected open`)));
    assert.deepEqual(
      said.filter((line) => !/PROACTOR_FORGOTTEN|^Call shutdown\(\)$|--trace-warnings/.test(line)),
      [],
    );
  });
});

describeOnSystem("Workers", (engine) => {
  // HAZARDS L5: a ring belongs to the thread that made it.
  it("have proactors of their own", async () => {
    const workers = Array.from({ length: 3 }, (_, i) =>
      work(
        engine,
        { i },
        `const results = await Promise.all(Array.from({ length: 200 }, () => p.statx("/")));
        parentPort.postMessage(results.every(({ nlink }) => nlink > 0));`,
      ),
    );
    const messages = workers.map(
      (worker) => new Promise((resolve) => worker.once("message", resolve)),
    );
    const codes = workers.map(exit);
    assert.deepEqual(await Promise.all(messages), [true, true, true]);
    assert.deepEqual(await Promise.all(codes), [0, 0, 0]);
  });
});

// HAZARDS B9, L1, L2: a thread ends with requests in flight; the memory must outlive them.
describeWaiting(
  "Workers that end with reads in flight",
  (engine) => {
    const endings = [
      ["terminated", "parentPort.postMessage('ready');", 1],
      ["by process.exit", "parentPort.postMessage('ready'); process.exit(5);", 5],
      ["by themselves", "p.unref(); parentPort.postMessage('ready');", 0],
    ] as const;
    for (const [how, end, code] of endings) {
      it(`${how} leave nothing behind`, () =>
        withPipes(1, async (pipe) => {
          const before = openDescriptors().length;
          for (let round = 0; round < 2; round++) {
            const worker = work(
              engine,
              { fd: pipe.read },
              `const buffers = Array.from({ length: 1000 }, () => new Uint8Array(4096));
              for (const buffer of buffers) p.read(workerData.fd, buffer).catch(() => {});
              setTimeout(() => { ${end} }, 5);`,
            );
            const ended = exit(worker);
            await new Promise((resolve) => worker.once("message", resolve));
            if (how === "terminated") await worker.terminate();
            assert.equal(await ended, code);
            // Whoever is still reading would take this, and write it somewhere.
            const decoys = Array.from({ length: 200 }, () => new Uint8Array(4096).fill(0x5a));
            fs.writeSync(pipe.write, Buffer.alloc(4096, 0xee));
            assert.equal(fs.readSync(pipe.read, Buffer.alloc(4096)), 4096);
            assert.ok(decoys.every((one) => one.every((byte) => byte === 0x5a)));
          }
          collectGarbage();
          assert.equal(openDescriptors().length, before);
        }));
    }
  },
  ({ cancel }) => cancel === "running",
  "A thread of libuv's pool holds the Worker until its read ends",
);

// HAZARDS L3, D6: children share nothing with us.
describeOnSystem("children", (engine) => {
  it("inherit no descriptor of ours", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const fd = await p.open(join(dir, "file"), "w");
        const { stdout } = spawnSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" });
        assert.ok(stdout.includes("/proc/"), "It has listed its own");
        assert.doesNotMatch(stdout, /io_uring|eventfd|proactor-/);
        await p.close(fd);
      }),
    ));

  it("started under load disturb nobody", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const file = join(dir, "file");
        fs.writeFileSync(file, Buffer.alloc(4096, "x"));
        const fd = fs.openSync(file, "r");
        let stop = false;
        let wrong = 0;
        const loops = Array.from({ length: 100 }, async () => {
          const buffer = Buffer.alloc(64);
          while (!stop) {
            buffer.fill("~");
            const count = await p.read(fd, buffer, { offset: 100 });
            if (count !== 64 || !buffer.every((byte) => byte === 0x78)) wrong++;
          }
        });
        for (let i = 0; i < 10; i++) {
          assert.equal(spawnSync("true").status, 0);
          await later(1);
        }
        stop = true;
        await Promise.all(loops);
        fs.closeSync(fd);
        assert.equal(wrong, 0);
      }),
    ));
});

// HAZARDS D3: what was closed is closed.
describeOnSystem("a closed descriptor", (engine) => {
  it("is no reason for ETXTBSY: a program can be run right after it was written", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        for (let i = 0; i < 10; i++) {
          const program = join(dir, `program-${i}`);
          const fd = await p.open(program, "w", 0o755);
          await p.write(fd, Buffer.from(`#!/bin/sh\nexit ${i}\n`));
          await p.close(fd);
          const { status, error } = spawnSync(program);
          assert.deepEqual([status, error], [i, undefined]);
        }
      }),
    ));

  // HAZARDS D1: the number of a closed descriptor is soon somebody else's.
  it("does not make operations on its number hit the next file", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        fs.writeFileSync(join(dir, "a"), "aaaa");
        fs.writeFileSync(join(dir, "b"), "bbbb");
        for (let i = 0; i < 100; i++) {
          const fd = await p.open(join(dir, "a"));
          const buffer = Buffer.alloc(4);
          // Both at once: what comes first is nobody's promise, whose bytes they are is.
          const reading = p.read(fd, buffer, { offset: 0 });
          const [read] = await Promise.allSettled([reading, p.close(fd)]);
          if (read.status === "rejected") assert.equal(read.reason.code, "EBADF");
          else assert.equal(String(buffer), "aaaa");
          const next = await p.open(join(dir, "b"));
          assert.equal(next, fd, "The number came back");
          await p.read(next, buffer, { offset: 0 });
          assert.equal(String(buffer), "bbbb");
          await p.close(next);
        }
      }),
    ));
});

describeWaiting("a descriptor closed under a read", (engine) => {
  it("does not take the bytes of the file that gets its number", () =>
    withTempDir((dir) =>
      withPipes(1, (pipe) =>
        withProactor({ engine }, async (p) => {
          fs.writeFileSync(join(dir, "b"), "bbbb");
          // Another descriptor of the same pipe, to be closed.
          const fd = fs.openSync(`/proc/self/fd/${pipe.read}`, "r");
          const buffer = Buffer.alloc(4);
          const reading = p.read(fd, buffer);
          await p.nop();
          await later(5);
          fs.closeSync(fd);
          const next = fs.openSync(join(dir, "b"), "r");
          assert.equal(next, fd, "The number came back");
          const other = Buffer.alloc(4);
          assert.equal(await p.read(next, other), 4);
          fs.writeSync(pipe.write, "pipe");
          assert.equal(await reading, 4);
          assert.deepEqual([String(buffer), String(other)], ["pipe", "bbbb"]);
          fs.closeSync(next);
        }),
      ),
    ));
});

// HAZARDS Q6: no wake-up is lost between the last look and going to sleep.
describeWaiting("waking up", (engine) => {
  it("never fails in thousands of rounds with another thread", () =>
    withPipes(2, async (there, back) => {
      const rounds = 5000;
      const worker = new Worker(
        `const { workerData: { read, write, rounds } } = require("node:worker_threads");
        const fs = require("node:fs");
        const byte = Buffer.alloc(1);
        for (let i = 0; i < rounds; i++) {
          fs.readSync(read, byte);
          // At once, a little later, and later still: the other side is then at all stages.
          for (let spin = (i % 7) * 300; spin > 0; spin--) byte[0] = spin;
          byte[0] = i;
          fs.writeSync(write, byte);
        }`,
        { eval: true, workerData: { read: there.read, write: back.write, rounds } },
      );
      const ended = exit(worker);
      await withProactor({ engine }, async (p) => {
        const buffer = Buffer.alloc(1);
        for (let i = 0; i < rounds; i++) {
          fs.writeSync(there.write, "x");
          assert.equal(await p.read(back.read, buffer), 1);
          assert.equal(buffer[0], i & 0xff);
        }
      });
      assert.equal(await ended, 0);
    }));
});

// HAZARDS L4, S8: signals interrupt system calls, and nobody may notice.
describe("a storm of signals", () => {
  it("interrupts no operation, whether the loop turns or we block", async (t) => {
    const engine = new Proactor().engine;
    const result = await withTempDir((dir) =>
      runNode(
        script(
          engine,
          `import { spawn } from "node:child_process";
          let signals = 0;
          process.on("SIGUSR2", () => { signals++; });
          const storm = spawn("sh", ["-c",
            "i=0; while [ $i -lt 400 ]; do kill -USR2 " + process.pid + "; i=$((i+1)); done"]);
          const ended = new Promise((resolve) => storm.once("close", resolve));
          let over = false;
          ended.then(() => { over = true; });
          const { read, write } = pipe();
          const blocks = p.capabilities.wait;
          let rounds = 0;
          while (!over || rounds < 100) {
            const all = [p.statx("/"), p.read(read, Buffer.alloc(1)), p.timeout(1)];
            if (blocks && rounds % 2 === 0) p.wait({ minimum: 1, timeoutMs: 2 });
            fs.writeSync(write, "x");
            await Promise.all(all);
            rounds++;
          }
          console.log(signals > 0, rounds >= 100);`,
        ),
        { args: [dir] },
      ),
    );
    t.diagnostic(`engine: ${engine}`);
    assert.deepEqual([result.stdout.trim(), result.stderr, result.code], ["true true", "", 0]);
  });
});

// HAZARDS L8: completions that start operations that complete at once, without end.
describeOnSystem("recursion", (engine) => {
  it("runs out of nothing in twenty thousand callbacks that start the next", () =>
    withProactor({ engine }, async (p) => {
      const total = 20_000;
      let done = 0;
      await new Promise<void>((resolve, reject) => {
        const next = (error: Error | null): void => {
          if (error) reject(error);
          else if (++done === total) resolve();
          else void p.nop({ callback: next });
        };
        void p.nop({ callback: next });
      });
      assert.equal(done, total);
    }));
});
