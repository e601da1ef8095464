import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { probeEngine } from "../../src/engines/index.ts";
import { Proactor } from "../../src/index.ts";
import { withPipes } from "../support/pipes.ts";

const probed = probeEngine("io_uring");
const skip = probed.available ? false : probed.reason;

// C3, C7: in the kernel a cancellation waits behind a drain, which waits for what it would cancel.
describe("Proactor with a drain that waits", { timeout: 20_000 }, () => {
  it("cancels what the drain waits for", { skip }, async () => {
    await withPipes(1, async (pipe) => {
      await using proactor = new Proactor({ engine: "io_uring" });
      const reading = proactor.read(pipe.read, Buffer.alloc(4));
      const drained = proactor.nop({ drain: true });
      const after = proactor.nop();
      await sleep(5);
      assert.equal((await reading.cancel()).outcome, "canceled");
      assert.equal(await drained, 0);
      assert.equal(await after, 0);
    });
  });

  it("cancels the drain itself, and what waits behind it", { skip }, async () => {
    await withPipes(1, async (pipe) => {
      await using proactor = new Proactor({ engine: "io_uring" });
      const reading = proactor.read(pipe.read, Buffer.alloc(4));
      const drained = proactor.nop({ drain: true });
      const after = proactor.nop();
      assert.equal((await after.cancel()).outcome, "canceled");
      assert.equal((await drained.cancel()).outcome, "canceled");
      assert.equal(reading.status, "in flight");
      await reading.cancel();
    });
  });

  it("keeps a chain together that has a drain in it", { skip }, async () => {
    await withPipes(1, async (pipe) => {
      await using proactor = new Proactor({ engine: "io_uring" });
      const reading = proactor.read(pipe.read, Buffer.alloc(1));
      const order: string[] = [];
      const noted = (name: string) => ({ callback: () => order.push(name) });
      const chain = proactor.chain([
        { op: "nop", ...noted("first") },
        { op: "nop", drain: true, ...noted("drained") },
        { op: "nop", ...noted("last") },
      ]);
      await proactor.write(pipe.write, Buffer.from("x"));
      assert.equal(await reading, 1);
      assert.deepEqual(await Promise.all(chain), [0, 0, 0]);
      assert.deepEqual(order, ["first", "drained", "last"]);
    });
  });
});
