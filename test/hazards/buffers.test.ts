import assert from "node:assert/strict";
import fs from "node:fs";
import { it } from "node:test";
import { MessageChannel } from "node:worker_threads";
import type { Proactor } from "../../src/index.ts";
import {
  describeOnSystem,
  describeWaiting,
  itWhere,
  withProactor,
} from "../support/conformance.ts";
import { collectGarbage, collectGarbageUntil } from "../support/garbage.ts";
import { type Pipe, withPipes } from "../support/pipes.ts";

const DETACHED = { code: "ERR_PROACTOR_BUFFER_DETACHED" };

/** The ways in which a program can take the memory of an ArrayBuffer away. */
const TAKES: readonly [string, (buffer: ArrayBuffer) => ArrayBuffer | undefined][] = [
  ["structuredClone", (buffer) => structuredClone(buffer, { transfer: [buffer] })],
  [
    "postMessage",
    (buffer) => {
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(buffer, [buffer]);
      port1.close();
      port2.close();
      return undefined;
    },
  ],
  ...(["transfer", "transferToFixedLength"] as const).map(
    (name): [string, (buffer: ArrayBuffer) => ArrayBuffer | undefined] => [
      name,
      // Since Node 22.
      (buffer) => (buffer as ArrayBuffer & Record<string, () => ArrayBuffer>)[name]?.(),
    ],
  ),
];

const HAS_TRANSFER = "transfer" in ArrayBuffer.prototype;

/** Buffers of a size, full of a pattern: whoever writes to freed memory of that size hits one. */
function decoys(size: number): { intact(): boolean } {
  const pattern = Buffer.alloc(size, 0x5a);
  const count = Math.min(500, Math.ceil(4_000_000 / size));
  const all = Array.from({ length: count }, () => new Uint8Array(size).fill(0x5a));
  return { intact: () => all.every((one) => pattern.equals(one)) };
}

/** Newer than the types that we compile with. */
type Resizable = ArrayBuffer & { resize(length: number): void };
const makeResizable = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => Resizable;
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (limits: { initial: number; maximum: number }) => WasmMemory };
  }
).WebAssembly;

describeWaiting("a buffer taken away while a read is in flight", (engine) => {
  const onPipe = (body: (p: Proactor, pipe: Pipe) => Promise<void>) =>
    withPipes(1, (pipe) => withProactor({ engine }, (p) => body(p, pipe)));

  // HAZARDS B1: the kernel holds memory that the program has given away.
  for (const [name, take] of TAKES) {
    const has = name.startsWith("transfer") ? HAS_TRANSFER : true;
    const test = itWhere(has, "ArrayBuffer.prototype.transfer came with Node 22");
    for (const size of [100, 8192, 200_000]) {
      test(`by ${name}: ${size} bytes are never written to when they are freed`, () =>
        onPipe(async (p, pipe) => {
          let buffer: Uint8Array<ArrayBuffer> | undefined = new Uint8Array(size);
          const reading = p.read(pipe.read, buffer);
          await p.nop();
          take(buffer.buffer);
          assert.equal(buffer.byteLength, 0);
          // The new owner is dropped, too.
          buffer = undefined;
          for (let i = 0; i < 3; i++) collectGarbage();
          const others = decoys(size);
          fs.writeSync(pipe.write, Buffer.alloc(100, 0xee));
          await assert.rejects(reading, DETACHED);
          assert.ok(others.intact());
          assert.equal(await p.nop(), 0);
        }));
    }
  }

  it("by structuredClone: the new owner stays whole", () =>
    onPipe(async (p, pipe) => {
      const buffer = new Uint8Array(4096).fill(1);
      const reading = p.read(pipe.read, buffer);
      await p.nop();
      const owner = new Uint8Array(structuredClone(buffer.buffer, { transfer: [buffer.buffer] }));
      fs.writeSync(pipe.write, Buffer.alloc(10, 0xee));
      await assert.rejects(reading, DETACHED);
      assert.equal(owner.length, 4096);
      assert.ok(owner.subarray(10).every((byte) => byte === 1));
    }));

  it("by structuredClone: a write takes the bytes that it was given", () =>
    onPipe(async (p, pipe) => {
      // The pipe is full, so that the write has to wait.
      const filling = Buffer.alloc(65_536, "f");
      fs.writeSync(pipe.write, filling);
      const buffer = new Uint8Array(4096).fill(0x77);
      const writing = p.write(pipe.write, buffer);
      await p.nop();
      structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
      collectGarbage();
      const others = decoys(4096);
      let rest = filling.length;
      while (rest > 0) rest -= fs.readSync(pipe.read, filling, 0, rest, null);
      const written = await writing;
      const found = Buffer.alloc(written);
      fs.readSync(pipe.read, found);
      assert.ok(found.every((byte) => byte === 0x77));
      assert.ok(others.intact());
    }));

  // HAZARDS B2: a resizable buffer shrinks under the kernel.
  it("by resize: an error or the bytes, and nobody else's memory", () =>
    onPipe(async (p, pipe) => {
      for (const [length, shrunk] of [
        [65_536, 0],
        [65_536, 4096],
        [100, 0],
      ] as const) {
        const buffer = new makeResizable(length, { maxByteLength: 2 * length });
        const reading = p.read(pipe.read, new Uint8Array(buffer));
        await p.nop();
        buffer.resize(shrunk);
        const others = decoys(4096);
        fs.writeSync(pipe.write, Buffer.alloc(50, 0xee));
        const outcome = await reading.catch((error: NodeJS.ErrnoException) => error.code);
        const possible = shrunk === 0 ? ["EFAULT", DETACHED.code] : [50];
        assert.ok(possible.includes(outcome as never), `${outcome}`);
        assert.ok(others.intact());
        if (outcome === "EFAULT") fs.readSync(pipe.read, Buffer.alloc(50));
        buffer.resize(2 * length);
        assert.equal(buffer.byteLength, 2 * length, "It is still usable");
      }
    }));

  // HAZARDS B3: growing a wasm memory detaches its buffer, and may move the memory.
  it("by growth of a wasm memory", () =>
    onPipe(async (p, pipe) => {
      const memory = new Memory({ initial: 1, maximum: 100 });
      const view = new Uint8Array(memory.buffer, 100, 1000);
      const reading = p.read(pipe.read, view);
      await p.nop();
      memory.grow(50);
      assert.equal(view.byteLength, 0);
      fs.writeSync(pipe.write, Buffer.alloc(50, 0xee));
      await assert.rejects(reading, DETACHED);
      const after = new Uint8Array(memory.buffer);
      assert.ok(after.subarray(0, 100).every((byte) => byte === 0));
      assert.ok(after.subarray(150).every((byte) => byte === 0));
      // And the grown memory can be read into.
      const again = p.read(pipe.read, after.subarray(10, 20));
      fs.writeSync(pipe.write, "0123456789");
      assert.equal(await again, 10);
      assert.equal(Buffer.from(memory.buffer, 10, 10).toString(), "0123456789");
    }));

  // HAZARDS B3: small typed arrays live on the heap that the collector moves.
  it("by nobody: small views stay where the kernel writes, however much is collected", () =>
    onPipe(async (p, pipe) => {
      for (let round = 0; round < 20; round++) {
        const views = Array.from({ length: 20 }, (_, i) => new Uint8Array(1 + i * 3));
        const reads = views.map((view) => p.read(pipe.read, view));
        await p.nop();
        // Both collectors: what is young moves, and then is old.
        const garbage = Array.from({ length: 1000 }, () => new Uint8Array(16));
        collectGarbage();
        assert.equal(garbage.length, 1000);
        fs.writeSync(pipe.write, Buffer.alloc(1000, round + 1));
        const lengths = await Promise.all(reads);
        for (const [i, view] of views.entries()) {
          assert.equal(lengths[i], view.length);
          assert.ok(view.every((byte) => byte === round + 1));
        }
        const left = 1000 - views.reduce((sum, { length }) => sum + length, 0);
        fs.readSync(pipe.read, Buffer.alloc(left));
      }
    }));

  it("by the collector: nobody but the kernel remembers the buffer", () =>
    onPipe(async (p, pipe) => {
      const done = new Promise<number>((resolve) => {
        const callback = (_: unknown, result?: number) => resolve(result as number);
        void p.read(pipe.read, new Uint8Array(4096), { callback });
      });
      await p.nop();
      for (let i = 0; i < 3; i++) collectGarbage();
      const others = decoys(4096);
      fs.writeSync(pipe.write, Buffer.alloc(4096, 0xee));
      assert.equal(await done, 4096);
      assert.ok(others.intact());
    }));
});

describeWaiting(
  "a hundred thousand cancellations",
  (engine) => {
    // HAZARDS B10: what was canceled gives everything back.
    it("cost no memory", () =>
      withPipes(1, (pipe) =>
        withProactor({ engine }, async (p) => {
          const round = async () => {
            const buffers = Array.from({ length: 100 }, () => new Uint8Array(4096));
            const reads = buffers.map((buffer) => p.read(pipe.read, buffer));
            p.run();
            const outcomes = await Promise.all(reads.map((read) => read.cancel()));
            assert.ok(outcomes.every(({ outcome }) => outcome === "canceled"));
            assert.deepEqual(p.status(), { inFlight: 0, queued: 0 });
          };
          for (let i = 0; i < 100; i++) await round();
          collectGarbage();
          const before = process.memoryUsage().rss;
          for (let i = 0; i < 900; i++) await round();
          const grown = () => (process.memoryUsage().rss - before) / 2 ** 20;
          // 90 000 buffers of 4 KiB are 370 MB. A thread gives back what was collected.
          const small = await collectGarbageUntil(() => grown() < 64);
          assert.ok(small, `${Math.round(grown())} MiB`);
        }),
      ));
  },
  ({ cancel }) => cancel === "running",
  "What a thread of libuv's pool has begun cannot be canceled",
);

describeOnSystem("times and paths of many requests", (engine) => {
  // HAZARDS B4, B5: times and paths of thousands of requests, with memory under pressure.
  it("times of timeouts and deadlines stay theirs", () =>
    withProactor({ engine, depth: 256 }, async (p) => {
      const timers = Array.from({ length: 1000 }, (_, i) =>
        i % 2 === 0 ? p.timeout(1 + (i % 5)) : p.nop({ deadlineMs: 60_000 }),
      );
      p.run();
      collectGarbage();
      const results = await Promise.all(timers as Promise<unknown>[]);
      assert.ok(results.every((result, i) => result === (i % 2 === 0 ? undefined : 0)));
    }));
});
