import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { LOOKS_PER_REQUEST, LOOKS_PER_TURN } from "../../src/base/limits.ts";
import { LeftWork } from "../../src/engines/io-uring/left-work.ts";
import { runNode } from "../support/child.ts";

/** A ring whose flag stays set for so many looks. */
class Flagged {
  looks = 0;
  calls = 0;
  readonly left: LeftWork;

  constructor(until: number, finds = false) {
    const look = () => ++this.looks >= until && finds;
    const again = () => {
      this.calls++;
      this.left.lookOn();
    };
    this.left = new LeftWork({ isLeft: () => this.looks < until, look, again });
  }
}

describe("LeftWork", () => {
  it("does nothing where no flag is set", () => {
    const ring = new Flagged(0);
    assert.equal(ring.left.lookOn(), false);
    assert.equal(ring.looks, 0);
  });

  it("looks until the flag is gone, or a completion is there", () => {
    for (const finds of [false, true]) {
      const ring = new Flagged(5, finds);
      assert.equal(ring.left.lookOn(), finds);
      assert.equal(ring.looks, 5);
    }
  });

  it("makes the looks that the requests can need in turns of the loop", async () => {
    const ring = new Flagged(50 * LOOKS_PER_REQUEST);
    ring.left.referenced = true;
    ring.left.renew(50);
    assert.equal(ring.left.lookOn(), false);
    assert.equal(ring.looks, LOOKS_PER_TURN, "No more in one turn");
    while (ring.looks < 50 * LOOKS_PER_REQUEST) await nextTurn();
    ring.left.stop();
  });

  it("looks seldom after them, and at once again when there was work", async () => {
    const ring = new Flagged(Number.POSITIVE_INFINITY);
    ring.left.lookOn();
    await sleep(200);
    assert.ok(ring.calls > 1 && ring.calls < 12, `${ring.calls} calls`);
    const before = ring.looks;
    ring.left.lookOn();
    assert.equal(ring.looks, before, "A timer is running");
    ring.left.renew(1);
    ring.left.lookOn();
    assert.equal(ring.looks, before + LOOKS_PER_TURN);
    ring.left.stop();
    const { calls } = ring;
    await sleep(20);
    assert.equal(ring.calls, calls, "Nothing comes after stop");
  });

  it("does not keep a process alive", async () => {
    const module = new URL("../../src/engines/io-uring/left-work.js", import.meta.url);
    const child = await runNode(`
      const { LeftWork } = await import(${JSON.stringify(module.href)});
      const again = () => left.lookOn();
      const left = new LeftWork({ isLeft: () => true, look: () => false, again });
      left.renew(1000);
      left.lookOn();
      console.log("asleep");
    `);
    assert.equal(child.stdout.trim(), "asleep");
    assert.equal(child.code, 0);
  });
});
