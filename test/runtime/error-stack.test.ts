import assert from "node:assert/strict";
import { it } from "node:test";
import { type Completion, Proactor } from "../../src/index.ts";
import { runNode } from "../support/child.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { script } from "../support/scripts.ts";
import { assertNamesCaller, errorSeenBy } from "../support/stacks.ts";

const NOT_OPEN = 987_654;
const OURS = /dist.src.(fs|runtime|base|core|engines)/;

describeEveryEngine("the stack of a failed Operation", (engine) => {
  it("names the functions that await it, and none of ours", async () => {
    await using proactor = new Proactor({ engine });
    const bytes = Buffer.alloc(4096);
    const calls: Record<string, () => unknown> = {
      open: () => proactor.open("/absent/file"),
      statx: () => proactor.statx("/absent/file"),
      read: () => proactor.read(NOT_OPEN, bytes),
      writev: () => proactor.writev(NOT_OPEN, [bytes]),
      "promises.read": () => proactor.promises.read(NOT_OPEN, bytes),
      "one of a batch": () =>
        Promise.all(proactor.batch([{ op: "nop" }, { op: "fsync", fd: NOT_OPEN }])),
      "one of a chain": () =>
        Promise.all(proactor.chain([{ op: "read", fd: NOT_OPEN, buffer: bytes }, { op: "nop" }])),
      "an aborted one": () => proactor.nop({ signal: AbortSignal.abort() }),
      "one that was asked how far it has come": () => {
        const operation = proactor.fsync(NOT_OPEN);
        assert.match(operation.status, /^(in flight|queued)$/);
        return operation;
      },
      "one for a queue": () => proactor.fsync(NOT_OPEN, { queue: proactor.completionQueue() }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await errorSeenBy(call);
      assertNamesCaller(error, name);
      const ours = String(error.stack)
        .split("\n")
        .filter((frame) => OURS.test(frame));
      assert.deepEqual(ours, [], name);
    }
  });

  it("rejects before what succeeds after it is seen to", async () => {
    await using proactor = new Proactor({ engine });
    const seen: string[] = [];
    const note = (what: string) => () => void seen.push(what);
    const failed = proactor.open("/absent/file").then(assertFailed, note("failed"));
    await Promise.all([failed, proactor.nop({ drain: true }).then(note("done"))]);
    assert.deepEqual(seen, ["failed", "done"]);
  });

  it("names who asks for the result", async () => {
    await using proactor = new Proactor({ engine });
    const failed = proactor.open("/absent/file", "r", 0, { notify: "none" });
    await new Promise((resolve) => failed.on("complete", resolve));
    const error = await errorSeenBy(() => failed.result());
    assert.match(String(error.stack), /theCaller/);
    assert.doesNotMatch(String(error.stack), OURS);
  });

  it("is none where a callback, a listener or a queue gets it, which is first", async () => {
    await using proactor = new Proactor({ engine });
    const queue = proactor.completionQueue();
    const seen: string[] = [];
    const stacks: (string | undefined)[] = [];
    const callback = (error: Error | null) => {
      seen.push("callback");
      stacks.push(error?.stack);
    };
    const operation = proactor.open("/absent/file", "r", 0, { callback, queue });
    operation.on("complete", ({ error }: Completion) => {
      seen.push("listener");
      stacks.push(error?.stack);
    });
    const thrown = await operation.then(assertFailed, (error: Error) => {
      seen.push("promise");
      return error;
    });
    stacks.push(queue.drain()[0]?.error?.stack);
    assert.deepEqual(seen, ["callback", "listener", "promise"]);
    assert.match(String(stacks[0]), /^Error: ENOENT: [^\n]*$/);
    assert.equal(stacks[1], stacks[0]);
    assert.equal(operation.status, "failed");
    assert.equal((thrown as NodeJS.ErrnoException).code, "ENOENT");
  });
});

function assertFailed(): never {
  return assert.fail("It did not fail");
}

describeEveryEngine("a failed Operation that has no handler", (engine) => {
  it("is one unhandled rejection", async () => {
    const { code, stdout, stderr } = await runNode(
      script(
        engine,
        `process.on("unhandledRejection", (error) => console.log("unhandled", error.code));
         p.open("/absent/file");
         p.open("/absent/file", "r", 0, { callback() {} });
         p.open("/absent/file", "r", 0, { notify: "none" });
         const asked = p.open("/absent/file", "r", 0, { callback() { asked.status; } });
         const ended = p.open("/absent/file");
         ended.then(undefined, () => {});
         later(10).then(() => ended.status);
         const handled = p.open("/absent/file");
         handled.catch(() => console.log("handled"));
         await later(50);`,
      ),
    );
    assert.equal(stderr, "");
    assert.deepEqual(stdout.trim().split("\n").sort(), ["handled", "unhandled ENOENT"]);
    assert.equal(code, 0);
  });
});
