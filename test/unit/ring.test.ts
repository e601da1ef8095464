import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { IORING_SQ_CQ_OVERFLOW, IORING_SQ_NEED_WAKEUP } from "../../src/abi/io-uring.ts";
import { CompletionQueue, Cqe, SQE_WORDS, SubmissionQueue } from "../../src/ring/index.ts";

const HEAD = 0;
const TAIL = 1;
const FLAGS = 2;
const OVERFLOW = 3;
const CQES = 8;

/** A submission queue in ordinary memory; the test plays the kernel by moving `words[HEAD]`. */
function sqAt(start: number, entries: number) {
  const words = new Uint32Array(4);
  words[HEAD] = start;
  words[TAIL] = start;
  const sqes = new Uint32Array(entries * SQE_WORDS);
  const sq = new SubmissionQueue(words, sqes, { head: HEAD, tail: TAIL, flags: FLAGS, entries });
  return { sq, words };
}

/** A completion queue; the test plays the kernel with `post`. */
function cqAt(start: number, entries: number, stride = 4) {
  const words = new Uint32Array(CQES + entries * stride);
  words[HEAD] = start;
  words[TAIL] = start;
  const cq = new CompletionQueue(words, {
    head: HEAD,
    tail: TAIL,
    flags: FLAGS,
    overflow: OVERFLOW,
    cqes: CQES,
    entries,
    stride,
  });
  const post = (low: number, high: number, result: number, flags = 0) => {
    const tail = words[TAIL] as number;
    words.set([low, high, result, flags], CQES + (tail & (entries - 1)) * stride);
    words[TAIL] = tail + 1;
  };
  return { cq, words, post };
}

/** The fields of the `i`th completion. */
function read(cq: CompletionQueue, i: number): number[] {
  const at = cq.at(i);
  const { words, signedWords } = cq;
  return [
    words[at + Cqe.userDataLow] as number,
    words[at + Cqe.userDataHigh] as number,
    signedWords[at + Cqe.result] as number,
    words[at + Cqe.flags] as number,
  ];
}

describe("SubmissionQueue.reserve", () => {
  it("hands out every entry once, then says that the ring is full", () => {
    const { sq } = sqAt(0, 4);
    const places = [0, 1, 2, 3].map(() => sq.reserve());
    assert.deepEqual(places, [0, 16, 32, 48]);
    assert.equal(sq.reserve(), -1);
    assert.equal(sq.reserve(), -1, "A full ring must stay full");
  });

  it("sees what the kernel has consumed without a publish in between", () => {
    const { sq, words } = sqAt(0, 2);
    sq.reserve();
    sq.reserve();
    sq.publish();
    assert.equal(sq.reserve(), -1);
    words[HEAD] = 1;
    assert.equal(sq.reserve(), 0);
    assert.equal(sq.reserve(), -1);
  });

  it("starts at the place where the counters stand", () => {
    const { sq } = sqAt(7, 4);
    assert.equal(sq.reserve(), 3 * SQE_WORDS);
    assert.equal(sq.reserve(), 0);
  });

  it("works with a single entry", () => {
    const { sq, words } = sqAt(0xffff_ffff, 1);
    for (let i = 0; i < 5; i++) {
      assert.equal(sq.reserve(), 0);
      assert.equal(sq.reserve(), -1);
      assert.equal(sq.publish(), 1);
      words[HEAD] = words[TAIL] as number;
    }
    assert.equal(words[TAIL], 4);
  });
});

describe("SubmissionQueue.publish", () => {
  it("shows the kernel nothing before, and everything at once", () => {
    const { sq, words } = sqAt(10, 8);
    sq.reserve();
    sq.reserve();
    assert.equal(words[TAIL], 10);
    assert.equal(sq.publish(), 2);
    assert.equal(words[TAIL], 12);
  });

  it("counts what the kernel has yet to consume, after a partial submit too", () => {
    const { sq, words } = sqAt(0, 8);
    for (let i = 0; i < 5; i++) sq.reserve();
    assert.equal(sq.publish(), 5);
    words[HEAD] = 3;
    assert.equal(sq.publish(), 2);
    sq.reserve();
    assert.equal(sq.publish(), 3);
  });

  it("keeps counting when head and tail wrap past 2^32", () => {
    const { sq, words } = sqAt(0xffff_fffe, 4);
    for (let i = 0; i < 4; i++) assert.notEqual(sq.reserve(), -1);
    assert.equal(sq.reserve(), -1);
    assert.equal(sq.publish(), 4);
    assert.equal(words[TAIL], 2);
    words[HEAD] = 1;
    assert.equal(sq.space(4), 3);
    assert.equal(sq.publish(), 1);
  });

  it("keeps counting when the counters pass 2^31, the sign of a 32-bit number", () => {
    const { sq, words } = sqAt(0x7fff_ffff, 4);
    assert.equal(sq.space(4), 4);
    assert.equal(sq.reserve(), 3 * SQE_WORDS);
    assert.equal(sq.reserve(), 0);
    assert.equal(sq.publish(), 2);
    assert.equal(words[TAIL], 0x8000_0001);
    words[HEAD] = 0x8000_0001;
    assert.equal(sq.space(4), 4);
  });
});

describe("SubmissionQueue.space", () => {
  it("looks at the kernel's head only when it must", () => {
    const { sq, words } = sqAt(0, 4);
    sq.reserve();
    sq.reserve();
    sq.publish();
    words[HEAD] = 2;
    assert.equal(sq.space(2), 2, "Two are known to be free");
    assert.equal(sq.space(3), 4, "For three it has to look");
  });
});

describe("SubmissionQueue.isEmpty", () => {
  it("tells whether something is reserved that was not consumed", () => {
    const { sq, words } = sqAt(0, 4);
    assert.equal(sq.isEmpty, true);
    sq.reserve();
    assert.equal(sq.isEmpty, false);
    sq.publish();
    words[HEAD] = 1;
    sq.publish();
    assert.equal(sq.isEmpty, true);
  });
});

describe("SubmissionQueue.flags", () => {
  it("reads what the kernel says now", () => {
    const { sq, words } = sqAt(0, 4);
    assert.equal(sq.flags(), 0);
    words[FLAGS] = IORING_SQ_NEED_WAKEUP | IORING_SQ_CQ_OVERFLOW;
    assert.equal(sq.flags(), IORING_SQ_NEED_WAKEUP | IORING_SQ_CQ_OVERFLOW);
  });
});

describe("SubmissionQueue, against a model", () => {
  it("never loses, repeats or overtakes an entry, wherever the counters stand", () => {
    const moves = fc.array(fc.constantFrom("reserve", "publish", "consume"), { maxLength: 200 });
    const start = fc.oneof(fc.nat(), fc.constantFrom(0xffff_fff0, 0x7fff_fff8, 0));
    fc.assert(
      fc.property(start, fc.constantFrom(1, 2, 8), moves, (from, entries, steps) => {
        const { sq, words } = sqAt(from, entries);
        const model = { reserved: 0, published: 0, consumed: 0 };
        for (const step of steps) {
          if (step === "reserve") {
            const at = sq.reserve();
            const full = model.reserved - model.consumed === entries;
            const expected = ((from + model.reserved) & (entries - 1)) * SQE_WORDS;
            assert.equal(at, full ? -1 : expected);
            if (!full) model.reserved++;
          } else if (step === "publish") {
            model.published = model.reserved;
            assert.equal(sq.publish(), model.published - model.consumed);
            assert.equal(words[TAIL], (from + model.published) >>> 0);
          } else if (model.consumed < model.published) {
            model.consumed++;
            words[HEAD] = from + model.consumed;
          }
        }
      }),
    );
  });
});

describe("CompletionQueue.available", () => {
  it("counts what was posted and not given back", () => {
    const { cq, post } = cqAt(0, 4);
    assert.equal(cq.available(), 0);
    post(1, 2, 3);
    post(4, 5, 6);
    assert.equal(cq.available(), 2);
    cq.advance(1);
    assert.equal(cq.available(), 1);
    cq.advance(1);
    assert.equal(cq.available(), 0);
  });

  it("counts a full queue, at 2^32 and at 2^31 too", () => {
    for (const start of [0, 0xffff_fffe, 0x7fff_fffe]) {
      const { cq, post } = cqAt(start, 4);
      for (let i = 0; i < 4; i++) post(i, 0, i);
      assert.equal(cq.available(), 4, `from ${start}`);
    }
  });
});

describe("CompletionQueue.at", () => {
  it("finds the fields of each, signed where they are signed", () => {
    const { cq, post } = cqAt(0, 4);
    post(0xffff_fffe, 0x7fff_ffff, -125, 2);
    post(7, 0x8000_0000, 0x7fff_f000, 0x8000_0001);
    assert.deepEqual(read(cq, 0), [0xffff_fffe, 0x7fff_ffff, -125, 2]);
    assert.deepEqual(read(cq, 1), [7, 0x8000_0000, 0x7fff_f000, 0x8000_0001]);
  });

  it("wraps around the end of the array and past 2^32", () => {
    const { cq, post } = cqAt(0xffff_fffd, 4);
    for (let i = 0; i < 4; i++) post(i, 0, 100 + i);
    assert.deepEqual(
      [0, 1, 2, 3].map((i) => read(cq, i)[2]),
      [100, 101, 102, 103],
    );
    assert.deepEqual(
      [0, 1, 2, 3].map((i) => cq.at(i)),
      [12, 16, 20, 8],
      "Entry 0 stands in the second place",
    );
  });

  it("steps over entries of 32 bytes", () => {
    const { cq, post } = cqAt(3, 4, 8);
    post(1, 0, 11);
    post(2, 0, 22);
    assert.deepEqual([cq.at(0), cq.at(1)], [CQES + 24, CQES]);
    assert.deepEqual([read(cq, 0)[2], read(cq, 1)[2]], [11, 22]);
  });
});

describe("CompletionQueue.advance", () => {
  it("shows the kernel how far we are, after partial consumption and through the wrap", () => {
    const { cq, words, post } = cqAt(0xffff_ffff, 4);
    post(1, 0, 1);
    post(2, 0, 2);
    post(3, 0, 3);
    cq.advance(2);
    assert.equal(words[HEAD], 1);
    assert.equal(cq.head >>> 0, 1);
    assert.equal(read(cq, 0)[2], 3, "What is left is first now");
  });
});

describe("CompletionQueue.overflow", () => {
  it("tells how many were dropped for good", () => {
    const { cq, words } = cqAt(0, 4);
    assert.equal(cq.overflow(), 0);
    words[OVERFLOW] = 0xffff_ffff;
    assert.equal(cq.overflow(), 0xffff_ffff);
  });
});

describe("CompletionQueue.setFlagsThenLook", () => {
  it("sets the flags, and tells whether something is there to be read", () => {
    for (const start of [0, 0x8000_0000, 0xffff_ffff]) {
      const { cq, words, post } = cqAt(start, 4);
      cq.setFlags(1);
      assert.equal(words[FLAGS], 1);
      assert.equal(cq.setFlagsThenLook(0), false);
      assert.equal(words[FLAGS], 0);
      post(1, 1, 1);
      assert.equal(cq.setFlagsThenLook(1), true);
      assert.equal(words[FLAGS], 1);
      cq.advance(1);
      assert.equal(cq.setFlagsThenLook(0), false, `from ${start}`);
    }
  });
});
