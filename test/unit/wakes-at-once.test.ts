import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { IORING_OP_POLL_ADD, IORING_SETUP_DEFER_TASKRUN } from "../../src/abi/io-uring.ts";
import { EAGAIN } from "../../src/abi/linux.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { wakesAtOnce } from "../../src/engines/io-uring/wakes-at-once.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

const EMFILE = 24;

/** A kernel with pipes. */
class PipeKernel extends FakeKernel {
  /** Whether it signals from inside of a wake-up. */
  prompt = true;
  #ends: number[] = [];
  #count = 0;

  pipe(ends: Int32Array): number {
    const refused = this.refuse.get("pipe");
    if (refused !== undefined) return refused;
    this.#ends = [this.eventfd(), this.eventfd()];
    ends.set(this.#ends);
    return 0;
  }

  override closeFd(fd: number): number {
    const polled = this.taken.some((sqe) => {
      return sqe.opcode === IORING_OP_POLL_ADD && sqe.fd === this.#ends[0];
    });
    if (fd === this.#ends[1] && polled && this.prompt) this.#count++;
    return super.closeFd(fd);
  }

  eventfdTake(): number {
    const count = this.#count;
    this.#count = 0;
    return count === 0 ? -EAGAIN : count;
  }
}

describe("wakesAtOnce", () => {
  it("tells a kernel that signals in a wake-up from one that puts it off", () => {
    for (const prompt of [true, false]) {
      const kernel = new PipeKernel();
      kernel.prompt = prompt;
      assert.equal(wakesAtOnce(kernel.addon), prompt);
      assert.deepEqual([...kernel.open], [], "Nothing is left open");
    }
  });

  it("has no answer, and leaves nothing open, where it cannot ask", () => {
    for (const [step, errno] of [
      ["pipe", EMFILE],
      ["map", EMFILE],
      ["register 4", EMFILE],
    ] as const) {
      const kernel = new PipeKernel();
      kernel.refuse.set(step, -errno);
      assert.equal(wakesAtOnce(kernel.addon), undefined, step);
      assert.deepEqual([...kernel.open], [], step);
    }
  });
});

describe("an IoUringEngine where the kernel puts signals off", () => {
  it("has completions done by its task", () => {
    for (const defer of [true, false]) {
      const kernel = new FakeKernel();
      const options = { entries: 8, completionEntries: 16, sqPoll: false, sqPollIdleMs: 50 };
      new IoUringEngine(kernel.addon, { ...options, depth: 16, wake: () => {} }, defer).close();
      const deferring = (kernel.setupFlags[0] as number) & IORING_SETUP_DEFER_TASKRUN;
      assert.equal(deferring !== 0, defer);
    }
  });
});
