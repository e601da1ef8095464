import assert from "node:assert/strict";
import { type ChildResult, runNode } from "../support/child.ts";
import { BLOCKS, describeOnSystem, itWhere } from "../support/conformance.ts";
import { script } from "../support/scripts.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Runs a program with a proactor of one engine, and a folder of its own. */
function run(engine: string, body: string, options?: string): Promise<ChildResult> {
  return withTempDir((dir) => runNode(script(engine, body, options), { args: [dir] }));
}

/** Fails unless a program ended well and said this. */
async function says(expected: string, result: Promise<ChildResult>): Promise<void> {
  const { code, signal, stdout, stderr, timedOut } = await result;
  const ended = { code, signal, timedOut, stdout: stdout.trim(), stderr };
  const well = { code: 0, signal: null, timedOut: false, stdout: expected, stderr: "" };
  assert.deepEqual(ended, well);
}

// HAZARDS L7: what is in flight keeps the process alive, and nothing else does.
describeOnSystem("the end of the process", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);
  const stoppable = itWhere(
    limits.waitsElsewhere && limits.cancel === "running",
    "What this engine has begun cannot be left behind",
  );

  waiting("waits for an operation in flight", () =>
    says(
      "read 3",
      run(
        engine,
        `const { read, write } = pipe();
        p.read(read, Buffer.alloc(3)).then((n) => console.log("read", n));
        setTimeout(() => fs.writeSync(write, "abc"), 30).unref();
        // The timer alone would not do.
        setTimeout(() => {}, 10);`,
      ),
    ),
  );

  itWhere(true, "")("waits for nothing once all is done", () =>
    says(
      "done",
      run(
        engine,
        `await Promise.all([p.nop(), p.statx("/"), p.nop({ deadlineMs: 1e8 })]);
        console.log("done");`,
      ),
    ),
  );

  itWhere(true, "")("waits for nothing when nothing was asked", () =>
    says("idle", run(engine, `p.capabilities; p.ref(); console.log("idle");`)),
  );

  stoppable("does not wait for what was unreferenced, before or after it began", () =>
    says(
      "leaving",
      run(
        engine,
        `const { read } = pipe();
        p.unref();
        p.read(read, Buffer.alloc(1)).then(() => console.log("never"));
        const q = new Proactor({ engine: p.engine });
        // Neither is collected meanwhile, which a warning would say.
        globalThis.kept = [p, q];
        q.read(read, Buffer.alloc(1)).then(() => console.log("never"));
        q.timeout(1e7).then(() => console.log("never"));
        setTimeout(() => q.unref(), 20);
        console.log("leaving");`,
      ),
    ),
  );

  stoppable("waits again when it is referenced again", () =>
    says(
      "read 1",
      run(
        engine,
        `const { read, write } = pipe();
        p.unref();
        p.read(read, Buffer.alloc(1)).then((n) => console.log("read", n));
        setTimeout(() => p.ref(), 5);
        setTimeout(() => fs.writeSync(write, "x"), 30).unref();`,
      ),
    ),
  );

  stoppable("is not put off by the deadline of what was unreferenced", () =>
    says(
      "leaving",
      run(
        engine,
        `const { read } = pipe();
        p.unref();
        p.read(read, Buffer.alloc(1), { deadlineMs: 1e8 });
        p.splice({ from: read, to: 1, length: 1, deadlineMs: 1e8 });
        setTimeout(() => console.log("leaving"), 10);`,
      ),
    ),
  );

  // HAZARDS L1
  for (const [how, code, body] of [
    ["process.exit", 7, "setTimeout(() => process.exit(7), 20);"],
    ["an uncaught exception", 1, `setTimeout(() => { throw new Error("on purpose"); }, 20);`],
    ["process.exit in a callback", 7, "p.nop({ callback: () => process.exit(7) });"],
    ["process.exit before anything was handed over", 7, "process.exit(7);"],
  ] as const) {
    stoppable(`comes at once by ${how}, with a thousand reads in flight`, async () => {
      const { stdout, ...ended } = await run(
        engine,
        `const { read } = pipe();
        const files = Array.from({ length: 10 }, () => fs.openSync("/proc/self/limits"));
        for (let i = 0; i < 1000; i++) p.read(read, Buffer.alloc(64));
        for (const fd of files) p.read(fd, Buffer.alloc(64));
        console.log("started");
        ${body}`,
      );
      assert.deepEqual([ended.code, ended.signal, ended.timedOut], [code, null, false]);
      assert.equal(stdout.trim(), "started");
    });
  }

  stoppable("comes by a signal, with reads in flight", async () => {
    const result = await run(
      engine,
      `const { read } = pipe();
      for (let i = 0; i < 100; i++) p.read(read, Buffer.alloc(64));
      setTimeout(() => process.kill(process.pid, "SIGTERM"), 20);`,
    );
    assert.deepEqual([result.signal, result.timedOut], ["SIGTERM", false]);
  });
});

describeOnSystem("failures that nobody handles", (engine) => {
  const handled = itWhere(true, "");
  const bad = "p.close(1_000_000";

  handled("end the process as those of any promise do", async () => {
    for (const body of [
      `${bad});`,
      `p.chain([{ op: "close", fd: 1e6 }, { op: "nop" }])[0].catch(() => {});`,
      `${bad}).then(() => {});`,
      `p.nop({ signal: AbortSignal.abort() });`,
    ]) {
      const { code, stderr } = await run(engine, `${body} await later(20); console.log("on");`);
      assert.equal(code, 1, body);
      assert.match(stderr, /EBADF|ECANCELED|AbortError/);
    }
  });

  handled("are handled by a callback, a queue, a listener, a question, a cancellation", () =>
    says(
      "on",
      run(
        engine,
        `${bad}, { callback: () => {} });
        ${bad}, { queue: p.completionQueue() });
        ${bad}, { notify: "none" });
        ${bad}).on("complete", () => {});
        ${bad}).status;
        ${bad}).cancel();
        ${bad}).catch(() => {});
        p.suspend([${bad})]);
        const [first, second] = p.chain([{ op: "close", fd: 1e6 }, { op: "nop" }]);
        first.status; second.status;
        await later(20);
        console.log("on");`,
      ),
    ),
  );

  // HAZARDS C11: an exception in the middle of a batch takes nothing from the others.
  handled("in callbacks, listeners and queues reach the process, and nobody else", () =>
    says(
      "64 delivered, 3 thrown: callback listener queue",
      run(
        engine,
        `const thrown = [];
        process.on("uncaughtException", (error) => thrown.push(error.message));
        let delivered = 0;
        const all = [];
        for (let i = 0; i < 64; i++) {
          const callback = () => {
            delivered++;
            if (i === 10) throw new Error("callback");
          };
          const queue = { push() { if (i === 30) throw new Error("queue"); } };
          const operation = p.nop({ callback, queue });
          operation.on("complete", () => { if (i === 20) throw new Error("listener"); });
          all.push(operation);
        }
        await Promise.all(all);
        await later(5);
        console.log(delivered, "delivered,", thrown.length, "thrown:", ...thrown);`,
      ),
    ),
  );
});
