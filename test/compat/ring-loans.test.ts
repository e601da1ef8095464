import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_LINK,
  iovec,
  type Ring,
} from "../../src/compat/ring/index.ts";
import { Leases } from "../../src/memory/leases.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { complete, fifo, prepare, smallRing, submit, uringIt } from "./ring-support.ts";

// As on Node 22 and Bun, whatever runs this: memory of the program's own cannot be held.
const { lend } = Leases.prototype;
Leases.prototype.lend = function (view) {
  return { ...lend.call(this, view), held: false, address: -1 };
};

const UNSTABLE = { code: "ERR_PROACTOR_BUFFER_UNSTABLE" };

function textOf(view: Uint8Array): string {
  return Buffer.from(view).toString();
}

/** Has "hello" read into a view, and waits until the completion is there. */
function readHello(ring: Ring, dir: string): Uint8Array {
  const view = new Uint8Array(8).fill(0x2e);
  using pipe = fifo(dir);
  prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, view, 5, -1));
  submit(ring, 1);
  writeSync(pipe.b, "hello");
  ring.getEvents();
  assert.equal(textOf(view), "........");
  return view;
}

describe("a request with memory that cannot be held", () => {
  const finding: Record<string, (ring: Ring) => void> = {
    peekCqe: (ring) => assert.ok(ring.peekCqe() >= 0),
    peekBatchCqe: (ring) => assert.equal(ring.peekBatchCqe([], 4), 1),
    forEachCqe: (ring) =>
      assert.equal(
        ring.forEachCqe(() => {}),
        1,
      ),
    cqReady: (ring) => assert.equal(ring.cqReady(), 1),
    "waitCqe and cqeSeen": (ring) => ring.cqeSeen(ring.waitCqe()),
    "cqAdvance alone": (ring) => ring.cqAdvance(1),
  };
  for (const [name, find] of Object.entries(finding)) {
    uringIt(`gives what was read when it is found: ${name}`, ["IORING_OP_READ"], () =>
      withTempDir((dir) => {
        using ring = smallRing();
        const view = readHello(ring, dir);
        find(ring);
        assert.equal(textOf(view), "hello...");
      }, "ring"),
    );
  }

  uringIt(
    "leaves what the program writes after it has found the completion",
    ["IORING_OP_READ"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        const view = readHello(ring, dir);
        const cqe = ring.peekCqe();
        view.fill(0x21);
        assert.equal(ring.peekCqe(), cqe);
        ring.cqeSeen(cqe);
        assert.equal(textOf(view), "!!!!!!!!");
      }, "ring"),
  );

  uringIt("writes the bytes of the submission, and may be used again", ["IORING_OP_WRITE"], () =>
    withTempDir((dir) => {
      const path = join(dir, "file");
      const fd = openSync(path, "w+");
      using ring = smallRing();
      const view = new Uint8Array(4);
      for (const text of ["late", "more"]) {
        prepare(ring, (sqe) => ring.prepWrite(sqe, fd, view, 4, 0));
        view.set(Buffer.from(text));
        submit(ring, 1);
        complete(ring, 1);
        assert.equal(readFileSync(path, "latin1"), text);
      }
      view.fill(0);
      prepare(ring, (sqe) => ring.prepRead(sqe, fd, view, 4, 0));
      submit(ring, 1);
      complete(ring, 1);
      assert.equal(textOf(view), "more");
      closeSync(fd);
    }, "ring"),
  );

  uringIt("drops what was read when the view is gone", ["IORING_OP_READ"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const view = new Uint8Array(64);
      prepare(ring, (sqe) => ring.prepRead(sqe, pipe.a, view, 64, -1));
      submit(ring, 1);
      const moved = structuredClone(view.buffer, { transfer: [view.buffer] });
      writeSync(pipe.b, "lost");
      assert.equal(complete(ring, 1)[0]?.res, 4);
      assert.equal(new Uint8Array(moved)[0], 0);
    }, "ring"),
  );

  uringIt("is refused bytes that another request reads into", ["IOSQE_IO_LINK"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const view = new Uint8Array(64);
      const read = (from: number, to: number) => (sqe: number) =>
        ring.prepRead(sqe, pipe.a, view.subarray(from, to), to - from, -1);
      const write = (sqe: number) => ring.prepWrite(sqe, pipe.b, view, 64, -1);
      prepare(ring, read(0, 32), { flags: IOSQE_IO_LINK, data: 1 });
      assert.throws(() => prepare(ring, write), UNSTABLE);
      assert.throws(() => prepare(ring, read(31, 40)), UNSTABLE);
      prepare(ring, read(32, 64), { data: 2 });
      // What was refused is an empty request.
      submit(ring, 4);
      writeSync(pipe.b, "x".repeat(64));
      assert.equal(complete(ring, 4).length, 4);
      assert.equal(textOf(view), "x".repeat(64));
      prepare(ring, write);
      prepare(ring, write);
      submit(ring, 2);
      assert.deepEqual(
        complete(ring, 2).map(({ res }) => res),
        [64, 64],
      );
    }, "ring"),
  );

  uringIt("is refused where no completion tells of its end", ["IOSQE_CQE_SKIP_SUCCESS"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const sqe = prepare(ring, (at) => ring.prepRead(at, pipe.a, new Uint8Array(8), 8, -1));
      ring.sqeSetFlags(sqe, IOSQE_CQE_SKIP_SUCCESS);
      assert.throws(() => ring.submit(), UNSTABLE);
      ring.sqeSetFlags(sqe, 0);
      writeSync(pipe.b, "x");
      submit(ring, 1);
      complete(ring, 1);
    }, "ring"),
  );

  uringIt("is refused where a copy would not do", ["IORING_OP_READV"], () => {
    using ring = smallRing();
    const view = new Uint8Array(64);
    assert.throws(() => iovec([view]), UNSTABLE);
    assert.throws(() => ring.registerBuffers([view]), UNSTABLE);
    assert.throws(
      () => prepare(ring, (sqe) => ring.prepReadFixed(sqe, 0, view, 8, 0, 0)),
      UNSTABLE,
    );
    assert.throws(
      () => prepare(ring, (sqe) => ring.prepProvideBuffers(sqe, view, 8, 8, 0, 0)),
      UNSTABLE,
    );
  });
});
