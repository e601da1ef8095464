import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EPERM } from "../../src/abi/linux.ts";
import { MIN_POOL_BUFFER_BYTES, ProactorError, systemError } from "../../src/base/index.ts";
import { type BufferView, Link, OperationKind, Request } from "../../src/core/index.ts";
import { Cells } from "../../src/fs/cells.ts";
import { Chunks } from "../../src/fs/copy-file-ring.ts";
import { StatxCells } from "../../src/fs/statx-cells.ts";
import { isLost, keepLost } from "../../src/memory/lost.ts";
import { AlignedPool } from "../../src/memory/pool.ts";
import { ordinaryMemory } from "../../src/memory/slab.ts";
import { extrasWith } from "../../src/runtime/extras.ts";
import { RequestMemory } from "../../src/runtime/memory.ts";
import { Scheduler } from "../../src/runtime/scheduler.ts";
import { makeRequest, type RequestFields } from "../support/engines.ts";
import { FakeEngine } from "../support/fake-engine.ts";

const cause = systemError(-EPERM, "io_uring_enter");
const error = new ProactorError("ERR_PROACTOR_ENGINE_UNAVAILABLE", "It failed", "Wait", { cause });

/** A scheduler, and one whose engine fails for good with another behind it. */
function rig() {
  const engine = new FakeEngine();
  const threads = new FakeEngine();
  const scheduler = new Scheduler(engine, undefined, { makeThreads: () => threads });
  engine.onWake = scheduler.wake;
  threads.onWake = scheduler.wake;
  return { engine, threads, scheduler };
}

const settled = (promise: PromiseLike<unknown>) =>
  promise.then(
    (value) => value,
    ({ code, message, errno, syscall, path, dest, remedy }) => ({
      ...{ code, message, errno, syscall, path, dest, remedy },
    }),
  );

describe("memory of a request that the kernel never gave back", () => {
  it("is lost as far as the request reaches, and no further", () => {
    const memory = Buffer.alloc(64);
    keepLost(memory.subarray(16, 32));
    keepLost([new Uint8Array(memory.buffer, memory.byteOffset + 40, 4)]);
    const states = [0, 16, 24, 32, 40, 44].map((at) => isLost(memory.subarray(at, at + 4)));
    assert.deepEqual(states, [false, true, true, false, true, false]);
  });

  const memory = new RequestMemory(undefined);
  const pools: Record<string, () => [take: () => BufferView, give: (view: BufferView) => void]> = {
    Cells: () => {
      const cells = new Cells(memory, { bytes: 4096, kept: 64 });
      const taken = new Map<BufferView, ReturnType<Cells["take"]>>();
      const take = () => {
        const cell = cells.take();
        taken.set(cell.bytes, cell);
        return cell.bytes;
      };
      return [take, (view) => cells.give(taken.get(view) as ReturnType<Cells["take"]>)];
    },
    StatxCells: () => {
      const cells = new StatxCells(memory);
      const take = () => cells.take().view;
      return [take, (view) => cells.give({ view: view as DataView, address: 0 })];
    },
    Chunks: () => {
      const chunks = new Chunks();
      return [() => chunks.take(), (view) => chunks.give(view as Buffer)];
    },
    AlignedPool: () => {
      const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: 1 << 22 });
      return [() => pool.take(4096) as Buffer, (view) => pool.release(view as Buffer)];
    },
    "a copy": () => {
      const last = new Map<BufferView, () => void>();
      const take = () => {
        const [request, extras] = [new Request(), extrasWith(undefined)];
        request.length = 4096;
        memory.bounce(request, Buffer.alloc(4096), false, extras);
        const view = request.buffer as BufferView;
        last.set(view, () => {
          for (const each of extras.last ?? []) each();
        });
        return view;
      };
      return [take, (view) => last.get(view)?.()];
    },
  };
  for (const [name, make] of Object.entries(pools)) {
    it(`is never again given out (${name})`, () => {
      const [take, give] = make();
      const [first, lost] = [take(), take()];
      const place = (view: BufferView) => [view.buffer, view.byteOffset] as const;
      const isSame = (a: BufferView, b: BufferView) =>
        place(a)[0] === place(b)[0] && place(a)[1] === place(b)[1];
      keepLost(lost);
      give(lost);
      give(first);
      const again = Array.from({ length: 40 }, take);
      assert.equal(again.filter((view) => isSame(view, first)).length, 1);
      assert.equal(again.filter((view) => isSame(view, lost)).length, 0);
    });
  }

  it("leaves its room in the pool to others, and its slab where it is", () => {
    const limitBytes = 4 * MIN_POOL_BUFFER_BYTES;
    const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes });
    const taken = Array.from({ length: 4 }, () => pool.take(1) as Buffer);
    assert.equal(pool.take(1), undefined);
    for (const buffer of taken) {
      keepLost(buffer);
      pool.release(buffer);
    }
    const { buffer } = taken[0] as Buffer;
    const others = Array.from({ length: 4 }, () => pool.take(1));
    for (const other of others) assert.notEqual(other?.buffer ?? buffer, buffer);
    assert.equal(pool.trim(), 0);
  });
});

describe("Scheduler.lost", () => {
  it("keeps the memory of all that is in flight, and says why", async () => {
    const { engine, scheduler } = rig();
    const one = Buffer.alloc(4);
    const several = [Buffer.alloc(4), Buffer.alloc(4)];
    const starts: [RequestFields, string | undefined][] = [
      [{ kind: OperationKind.Read, buffer: one }, undefined],
      [{ kind: OperationKind.Readv, buffers: several }, undefined],
      [{ kind: OperationKind.Open, path: "x" }, "x"],
    ];
    const all = starts.map(([fields, path]) => {
      const extras = path === undefined ? undefined : extrasWith(undefined, { path });
      return settled(scheduler.start(makeRequest(fields), extras));
    });
    const receiver = {
      result: 0,
      settled(result: number) {
        this.result = result;
      },
      failed() {},
    };
    const cell = Buffer.alloc(4);
    void scheduler.startFor(makeRequest({ kind: OperationKind.Read, buffer: cell }), receiver);
    const plain = settled(scheduler.startPlain(makeRequest({ kind: OperationKind.Fsync })));
    scheduler.run();
    engine.onCommit = () => undefined;
    scheduler.lost(-EPERM, error);
    scheduler.run();
    const code = "ERR_PROACTOR_ENGINE_UNAVAILABLE";
    const why = (syscall: string, path?: string) => {
      const message = `It failed, ${syscall}${path === undefined ? "" : ` '${path}'`}`;
      return { code, message, errno: -1, syscall, path, dest: undefined, remedy: "Wait" };
    };
    assert.deepEqual(await Promise.all(all), [why("read"), why("read"), why("open", "x")]);
    assert.deepEqual(await plain, why("fsync"));
    assert.equal(systemError(receiver.result, "stat", "y").message, "It failed, stat 'y'");
    for (const view of [one, ...several, cell]) assert.ok(isLost(view));
  });
});

describe("Scheduler.replaceEngine", () => {
  it("gives what comes to the threads, but for what is bound to the engine", async () => {
    const { engine, threads, scheduler } = rig();
    scheduler.replaceEngine();
    threads.onCommit = (taken) => {
      for (const given of taken) threads.finish(given, 7);
    };
    const read = { kind: OperationKind.Read, buffer: Buffer.alloc(4) };
    assert.equal(await scheduler.start(makeRequest(read), undefined), 7);
    assert.equal(engine.given.length, 0);
    const bound: RequestFields[] = [
      { ...read, fixedFile: true },
      { ...read, directSlot: 1 },
      { ...read, drain: true },
      { ...read, deadlineMs: 1 },
      { ...read, chain: 2, link: Link.Link },
    ];
    for (const fields of bound) {
      void scheduler.start(makeRequest(fields), extrasWith(undefined)).then(undefined, () => {});
      scheduler.run();
      assert.equal(threads.given.length, 1, JSON.stringify(Object.keys(fields)));
      for (const given of engine.given.splice(0)) engine.finish(given, -EPERM);
      scheduler.run();
    }
  });
});
