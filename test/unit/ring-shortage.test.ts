import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PARAMS_CQ_ENTRIES } from "../../src/abi/io-uring.ts";
import { EAGAIN, EMFILE, ENFILE, ENOMEM, EPERM } from "../../src/abi/linux.ts";
import { missedBy } from "../../src/engines/index.ts";
import { availabilityOf } from "../../src/engines/io-uring/availability.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

const OPTIONS = {
  entries: 256,
  completionEntries: 4096,
  depth: 4096,
  sqPoll: false,
  sqPollIdleMs: 0,
  wake: () => {},
};

/** A kernel that has memory for so many completions, and what it was asked for. */
function shortKernel(most: number): { kernel: FakeKernel; asked: [number, number][] } {
  const kernel = new FakeKernel();
  const asked: [number, number][] = [];
  const { uringSetup } = FakeKernel.prototype;
  kernel.uringSetup = (entries, params) => {
    const view = new DataView(params.buffer, params.byteOffset, params.byteLength);
    const completions = view.getUint32(PARAMS_CQ_ENTRIES, true);
    asked.push([entries, completions]);
    return completions > most ? -ENOMEM : uringSetup.call(kernel, entries, params);
  };
  return { kernel, asked };
}

describe("IoUringEngine, where the kernel has no memory for a ring", () => {
  it("takes a smaller one, and says so", () => {
    const { kernel, asked } = shortKernel(256);
    const { details } = new IoUringEngine(kernel.addon, OPTIONS);
    assert.deepEqual(asked, [
      [256, 4096],
      [128, 1024],
      [64, 256],
    ]);
    assert.deepEqual([details.entries, details.completionEntries], [64, 256]);
    assert.match(String(details.smaller), /^256 and 4096 entries were too many \(ENOMEM\)/);
  });

  it("takes a smaller one where it can be made and not mapped", () => {
    const kernel = new FakeKernel();
    const { map } = FakeKernel.prototype;
    let refusals = 2;
    kernel.map = (fd, length, offset) =>
      refusals-- > 0 ? -ENOMEM : map.call(kernel, fd, length, offset);
    const { details } = new IoUringEngine(kernel.addon, OPTIONS);
    assert.equal(details.entries, 64);
  });

  it("says nothing of it where there was room", () => {
    const { details } = new IoUringEngine(new FakeKernel().addon, OPTIONS);
    assert.equal("smaller" in details, false);
  });

  it("gives up at the smallest, with the kernel's own error, and leaves nothing open", () => {
    const { kernel, asked } = shortKernel(0);
    assert.throws(() => new IoUringEngine(kernel.addon, OPTIONS), {
      code: "ENOMEM",
      syscall: "io_uring_setup",
    });
    assert.deepEqual(asked.at(-1), [8, 16]);
    assert.equal(kernel.open.size, 0);
  });
});

describe("what an engine that could not be had says", () => {
  const passingOf = (errno: number) => {
    const kernel = Object.assign(new FakeKernel(), { setupResult: -errno });
    const answer = availabilityOf({ available: true, addon: kernel.addon }, () => "");
    return !answer.available && answer.passing === true;
  };

  it("may be over in a moment where the system was short of something", () => {
    for (const errno of [EMFILE, ENFILE, ENOMEM, EAGAIN]) assert.equal(passingOf(errno), true);
    assert.equal(passingOf(EPERM), false);
  });

  it("is the error that it failed with", () => {
    const error = Object.assign(new Error("EMFILE: too many open files, eventfd"), {
      code: "EMFILE",
    });
    assert.deepEqual(missedBy("io_uring", error), {
      name: "io_uring",
      reason: "It could not be started: EMFILE: too many open files, eventfd",
      passing: true,
    });
  });

  it("names the call that is forbidden, though a ring can be made", () => {
    for (const [call, forbid] of [
      ["io_uring_enter", (kernel: FakeKernel) => kernel.enterResults.push(-EPERM)],
      ["io_uring_register", (kernel: FakeKernel) => kernel.refuse.set("register 8", -EPERM)],
    ] as const) {
      const kernel = new FakeKernel();
      forbid(kernel);
      const answer = availabilityOf({ available: true, addon: kernel.addon }, () => "");
      assert.ok(!answer.available);
      assert.equal(answer.reason, `The kernel forbids ${call} (EPERM)`);
      assert.equal(kernel.open.size, 0);
    }
  });
});
