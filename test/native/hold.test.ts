import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { IORING_OP_READ, PARAMS_SIZE } from "../../src/abi/io-uring.ts";
import { EFAULT, EINVAL } from "../../src/abi/linux.ts";
import { collectGarbage, collectGarbageUntil } from "../support/garbage.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { MiniRing, ok } from "./mini-ring.ts";
import { addonOrThrow, nativeIt } from "./native-addon.ts";

/** The parts of ES2024 that our TypeScript library does not know, and old engines do not have. */
interface NewerArrayBuffer extends ArrayBuffer {
  resize(length: number): void;
  transfer?(length?: number): ArrayBuffer;
}

function resizable(length: number, maxByteLength: number): NewerArrayBuffer {
  return Reflect.construct(ArrayBuffer, [length, { maxByteLength }]);
}

/** `WebAssembly.Memory`, which comes with the library of browsers only. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

function wasmMemory(pages: number): WasmMemory {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (descriptor: { initial: number }) => WasmMemory };
  };
  return new WebAssembly.Memory({ initial: pages });
}

/** A test that needs `hold` to do what it says for memory of the engine's own. */
function holdIt(name: string, body: (t: TestContext) => void | Promise<void>): void {
  nativeIt(name, (t) => {
    if (addonOrThrow().hold(new ArrayBuffer(8)) !== undefined) return body(t);
    t.skip("This engine does not let us hold its memory: callers copy");
    return undefined;
  });
}

/** Takes memory from the allocator that freed memory would be given to. */
function churn(): void {
  const blocks: ArrayBuffer[] = [];
  for (let index = 0; index < 2000; index++) {
    const block = new ArrayBuffer(1024 * (1 + (index % 64)));
    new Uint8Array(block).fill(0xee);
    blocks.push(block);
  }
}

/** Holds memory, lets `act` take it away, and checks that the address still is that memory. */
function survives(memory: ArrayBuffer, act: (memory: ArrayBuffer) => void): void {
  const addon = addonOrThrow();
  new Uint8Array(memory).fill(0xab);
  const address = addon.addressOf(memory);
  const twin = addon.hold(memory);
  assert.ok(twin !== undefined);
  assert.notEqual(twin, memory);
  act(memory);
  collectGarbage();
  churn();
  collectGarbage();
  assert.equal(addon.addressOf(twin), address);
  assert.ok(new Uint8Array(twin).every((byte) => byte === 0xab));
}

// HAZARDS B1, B2, B3: what takes memory away from JavaScript does not take it from the kernel.
describe("hold()", () => {
  holdIt("is a second object over the same memory", () => {
    const memory = new ArrayBuffer(64);
    const twin = addonOrThrow().hold(memory);
    assert.ok(twin !== undefined);
    new Uint8Array(memory)[5] = 7;
    assert.equal(new Uint8Array(twin)[5], 7);
  });

  holdIt("survives structuredClone with a transfer", () => {
    survives(new ArrayBuffer(100_000), (memory) => {
      structuredClone(memory, { transfer: [memory] });
      assert.equal(memory.byteLength, 0);
    });
  });

  holdIt("survives postMessage with a transfer, and the end of both ports", () => {
    survives(new ArrayBuffer(100_000), (memory) => {
      const { port1 } = new MessageChannel();
      port1.postMessage(memory, [memory]);
      port1.close();
      assert.equal(memory.byteLength, 0);
    });
  });

  holdIt("survives a Worker that got the memory and ended", async () => {
    const addon = addonOrThrow();
    const memory = new ArrayBuffer(100_000);
    new Uint8Array(memory).fill(0xab);
    const twin = addon.hold(memory);
    assert.ok(twin !== undefined);
    const source = "require('node:worker_threads').parentPort.once('message', () => {})";
    const worker = new Worker(source, { eval: true });
    worker.postMessage(memory, [memory]);
    await new Promise((resolve) => worker.once("exit", resolve));
    churn();
    assert.ok(new Uint8Array(twin).every((byte) => byte === 0xab));
  });

  nativeIt("survives transfer() to any length, or is refused", (t) => {
    const { transfer } = ArrayBuffer.prototype as NewerArrayBuffer;
    if (transfer === undefined) {
      t.skip("There is no transfer() here");
      return;
    }
    if (addonOrThrow().hold(new ArrayBuffer(8)) === undefined) {
      t.skip("Refused here: transfer() moves memory in this engine");
      return;
    }
    for (const size of [4096, 100_000, 2 ** 24]) {
      for (const length of [size, size / 2, size * 2, 0]) {
        survives(new ArrayBuffer(size), (memory) => transfer.call(memory, length));
      }
    }
  });

  holdIt("keeps a slab that a small Buffer lies in", () => {
    const slab = Buffer.allocUnsafe(10).buffer as ArrayBuffer;
    assert.equal(addonOrThrow().hold(slab)?.byteLength, slab.byteLength);
  });

  holdIt("keeps the address of a resizable buffer while it shrinks and grows", () => {
    const addon = addonOrThrow();
    const memory = resizable(65536, 2 ** 20);
    const address = addon.addressOf(memory);
    const twin = addon.hold(memory);
    assert.ok(twin !== undefined);
    memory.resize(0);
    churn();
    memory.resize(2 ** 20);
    assert.equal(addon.addressOf(memory), address);
  });

  holdIt("lets the kernel fault where a resizable buffer shrank", async (t) => {
    const addon = addonOrThrow();
    if (addon.uringSetup(0, new Uint8Array(PARAMS_SIZE)) !== -EINVAL) {
      t.skip("There is no io_uring here");
      return;
    }
    await withTempDir((dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      const fd = openSync(path, "r+");
      const ring = new MiniRing(addon);
      const memory = resizable(65536, 2 ** 20);
      const twin = addon.hold(memory);
      ring.queue({ opcode: IORING_OP_READ, fd, addr: addon.addressOf(memory), len: 65536 });
      ring.submit();
      memory.resize(0);
      writeSync(fd, "hello");
      ring.submit(1);
      assert.deepEqual(
        ring.reap().map(({ res }) => res),
        [-EFAULT],
      );
      assert.ok(twin !== undefined);
      ring.close();
      addon.closeFd(fd);
    });
  });

  holdIt("keeps wasm memory that grew away", () => {
    const addon = addonOrThrow();
    const memory = wasmMemory(1);
    const { buffer } = memory;
    new Uint8Array(buffer).fill(0xab);
    const twin = addon.hold(buffer);
    assert.ok(twin !== undefined);
    memory.grow(10);
    assert.equal(buffer.byteLength, 0);
    churn();
    assert.ok(new Uint8Array(twin).every((byte) => byte === 0xab));
  });

  nativeIt("holds our own memory wherever it holds anything", () => {
    const addon = addonOrThrow();
    const memory = ok(addon.allocate(8192, 4096, false));
    const twin = addon.hold(memory);
    if (twin === undefined) assert.equal(addon.hold(new ArrayBuffer(8)), undefined);
    else assert.equal(addon.addressOf(twin), addon.addressOf(memory));
  });

  nativeIt("has nothing to hold where there is no memory", () => {
    const addon = addonOrThrow();
    const detached = new ArrayBuffer(8);
    structuredClone(detached, { transfer: [detached] });
    assert.equal(addon.hold(detached), undefined);
    assert.equal(addon.hold(new ArrayBuffer(0)), undefined);
    assert.throws(() => addon.hold(new SharedArrayBuffer(8) as unknown as ArrayBuffer), TypeError);
  });

  holdIt("frees memory when both objects are gone, and only then", async () => {
    const addon = addonOrThrow();
    const megabytes = () => process.memoryUsage.rss() / 2 ** 20;
    const before = megabytes();
    // 6.4 GB if it leaked.
    for (let round = 0; round < 100_000; round++) {
      const memory = new ArrayBuffer(65536);
      new Uint8Array(memory)[0] = 1;
      addon.hold(memory);
      if (round % 500 === 0) await new Promise(setImmediate);
    }
    assert.ok(await collectGarbageUntil(() => megabytes() - before < 256));
  });
});
