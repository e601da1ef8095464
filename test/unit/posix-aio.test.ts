import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as abi from "../../src/abi/posix-aio.ts";
import { OperationKind } from "../../src/core/index.ts";
import { probeEngine } from "../../src/engines/index.ts";
import { Proactor } from "../../src/index.ts";
import { addonOrThrow } from "../native/native-addon.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { EngineHarness, type RequestFields } from "../support/engines.ts";
import { withPipes } from "../support/pipes.ts";
import { withTempDir } from "../support/temp-dir.ts";

const probed = probeEngine("posix_aio");
const { EBADF, ECANCELED, EINVAL, ENOTSUP } = constants.errno;

function aioIt(name: string, body: (t: TestContext) => void | Promise<void>): void {
  it(name, probed.available ? {} : { skip: probed.reason }, body);
}

/** Runs `body` with an engine, which must have nothing left in flight. */
async function withEngine(body: (harness: EngineHarness) => Promise<void>): Promise<void> {
  const harness = new EngineHarness("posix_aio");
  try {
    await body(harness);
  } finally {
    harness.close();
  }
}

/** Where a view is, as the runtime would say it. */
function at(buffer: Uint8Array): Pick<RequestFields, "buffer" | "addressLow" | "addressHigh"> {
  const address = addonOrThrow().addressOf(buffer);
  return { buffer, addressLow: address | 0, addressHigh: (address / 2 ** 32) | 0 };
}

function read(fd: number, buffer: Uint8Array, offset = 0): RequestFields {
  return { kind: OperationKind.Read, fd, length: buffer.length, offset, ...at(buffer) };
}

function write(fd: number, buffer: Uint8Array, offset = 0): RequestFields {
  return { ...read(fd, buffer, offset), kind: OperationKind.Write };
}

/** There is no runtime here that would keep memory for as long as an engine writes to it. */
const kept: Buffer[] = [];

/** Bytes that stay where they are until the end of the process. */
function bytes(text: string | number): Buffer {
  const buffer = typeof text === "string" ? Buffer.from(text) : Buffer.alloc(text);
  kept.push(buffer);
  return buffer;
}

describe("src/abi/posix-aio", () => {
  aioIt("has every name and number of the C side", () => {
    const theirs = addonOrThrow().posixAioAbi();
    const ours: Readonly<Record<string, unknown>> = { ...abi };
    for (const [name, value] of Object.entries(theirs)) assert.equal(ours[name], value, name);
    const { AIO_PRIO_DELTA_MAX: _, ...rest } = abi;
    assert.deepEqual(Object.keys(theirs).sort(), Object.keys(rest).sort());
  });
});

describe("posix_aio", () => {
  aioIt("says that it is threads", () =>
    withEngine(async ({ engine }) => {
      assert.equal(engine.capabilities.asynchronous, false);
      assert.equal(engine.capabilities.cancel, "waiting");
      assert.equal(engine.capabilities.filePosition, false);
      assert.equal(engine.details.notification, "a thread in aio_suspend");
    }),
  );

  aioIt("writes, syncs and reads at the offsets it is given, beyond 4 GiB too", () =>
    withTempDir((dir) =>
      withEngine(async (harness) => {
        const fd = openSync(join(dir, "file"), "w+");
        const far = 5 * 2 ** 30 + 3;
        assert.equal(await harness.result(write(fd, bytes("far away"), far)), 8);
        assert.equal(await harness.result(write(fd, bytes("near"))), 4);
        assert.equal(await harness.result({ kind: OperationKind.Fsync, fd }), 0);
        assert.equal(await harness.result({ kind: OperationKind.Fdatasync, fd }), 0);
        const buffer = bytes(16);
        assert.equal(await harness.result(read(fd, buffer, far)), 8);
        assert.equal(buffer.toString("utf8", 0, 8), "far away");
        assert.equal(await harness.result(read(fd, buffer, far + 100)), 0);
        closeSync(fd);
      }),
    ),
  );

  aioIt("does the requests of one descriptor in the order of the batch", () =>
    withTempDir((dir) =>
      withEngine(async (harness) => {
        const path = join(dir, "log");
        const fd = openSync(path, "a");
        const slots = Array.from({ length: 50 }, (_, i) =>
          harness.queue(write(fd, bytes(`${i} `.padStart(4)))),
        );
        const done = await harness.settle(slots.length);
        assert.deepEqual(
          done.map(({ index, result }) => [index, result]),
          slots.map((index) => [index, 4]),
        );
        const text = readFileSync(path, "utf8");
        assert.equal(text, slots.map((_, i) => `${i} `.padStart(4)).join(""));
        closeSync(fd);
      }),
    ),
  );

  aioIt("completes with the error that the system gives, one by one", () =>
    withTempDir((dir) =>
      withEngine(async (harness) => {
        const path = join(dir, "file");
        writeFileSync(path, "text");
        const fd = openSync(path, "r");
        assert.equal(await harness.result(read(4_000_000, bytes(4))), -EBADF);
        assert.equal(await harness.result(write(fd, bytes("no"))), -EBADF);
        assert.equal(await harness.result({ kind: OperationKind.Fsync, fd: 4_000_000 }), -EBADF);
        // POSIX AIO has no file position; the runtime gives such requests to another engine.
        assert.equal(await harness.result(read(fd, bytes(4), -1)), -EINVAL);
        // A bad one in the middle does not stop the rest of its batch.
        const buffer = bytes(4);
        const slots = [
          harness.queue(read(fd, buffer)),
          harness.queue({ kind: OperationKind.Fsync, fd: 4_000_000 }),
          harness.queue(read(fd, bytes(2), 2)),
        ];
        const before = harness.completions.length;
        await harness.settle(before + 3);
        const results = slots.map(
          (slot) => harness.completions.slice(before).find(({ index }) => index === slot)?.result,
        );
        assert.deepEqual(results, [4, -EBADF, 2]);
        closeSync(fd);
      }),
    ),
  );

  aioIt("refuses what glibc has no function for", () =>
    withEngine(async (harness) => {
      assert.equal(await harness.result({ kind: OperationKind.Nop }), -ENOTSUP);
      const fields = read(0, bytes(1));
      assert.equal(await harness.result({ ...fields, flags: 1 }), -ENOTSUP);
      assert.equal(await harness.result({ ...fields, fixedFile: true }), -ENOTSUP);
    }),
  );

  aioIt("is busy when all its control blocks are in flight", () =>
    withPipes(1, (pipe) =>
      withEngine(async (harness) => {
        const { engine } = harness;
        for (let i = 0; i < engine.depth; i++) harness.queue(read(pipe.read, bytes(1)));
        assert.throws(() => harness.queue(read(pipe.read, bytes(1)), 0), /busy/);
        assert.equal(engine.commit(), engine.depth);
        assert.throws(() => harness.queue(read(pipe.read, bytes(1)), 0), /busy/);
        writeSync(pipe.write, Buffer.alloc(engine.depth));
        await harness.settle(engine.depth);
      }),
    ),
  );

  aioIt("cancels what is staged or waits for its turn, and not what a thread has begun", () =>
    withPipes(1, (pipe) =>
      withEngine(async (harness) => {
        const [running, waiting, staged] = [0, 1, 2];
        harness.queue(read(pipe.read, bytes(1)), running);
        harness.engine.commit();
        // The thread needs a moment to begin; a request that it has not begun can be canceled.
        while (harness.engine.cancel(running, 1)) {
          await harness.settle(harness.completions.length + 1);
          harness.queue(read(pipe.read, bytes(1)), running);
          harness.engine.commit();
          await sleep(5);
        }
        harness.queue(read(pipe.read, bytes(1)), waiting);
        harness.engine.commit();
        harness.queue(read(pipe.read, bytes(1)), staged);
        assert.equal(harness.engine.cancel(waiting, 2), false, "a later generation");
        assert.equal(harness.engine.cancel(staged, 1), true);
        assert.equal(harness.engine.cancel(waiting, 1), true);
        assert.equal(harness.engine.cancel(waiting, 1), false);
        const before = harness.completions.length;
        await harness.settle(before + 2);
        assert.deepEqual(
          harness.completions.slice(before).map(({ index, result }) => [index, result]),
          [
            [staged, -ECANCELED],
            [waiting, -ECANCELED],
          ],
        );
        assert.equal(harness.engine.cancel(running, 1), false);
        writeSync(pipe.write, "x");
        await harness.settle(before + 3);
        assert.equal(harness.engine.cancel(running, 1), false);
      }),
    ),
  );

  // HAZARDS Q6: whoever waits in aio_suspend has a list that is out of date.
  aioIt("wakes for what was queued while an older request blocks", () =>
    withTempDir((dir) =>
      withPipes(2, (stuck, other) =>
        withEngine(async (harness) => {
          const path = join(dir, "file");
          writeFileSync(path, "text");
          const fd = openSync(path, "r");
          const first = harness.queue(read(stuck.read, bytes(1)));
          harness.engine.commit();
          assert.equal(harness.engine.idle(), false);
          for (let round = 0; round < 300; round++) {
            // The loop sleeps between the rounds, so that the thread is waiting by then.
            if (round % 3 === 0) await sleep(1);
            const slot = (round % 8) + 1;
            if (round % 2 === 0) {
              harness.queue(read(fd, bytes(4)), slot, round);
            } else {
              harness.queue(read(other.read, bytes(1)), slot, round);
              setTimeout(() => writeSync(other.write, "x"), round % 4);
            }
            await harness.settle(round + 1);
          }
          writeSync(stuck.write, "x");
          await harness.settle(301);
          assert.equal(harness.completions.at(-1)?.index, first);
          closeSync(fd);
        }),
      ),
    ),
  );

  aioIt("blocks in wait until something is there, or the time is up", () =>
    withPipes(2, (pipe, other) =>
      withEngine(async (harness) => {
        const { engine } = harness;
        harness.queue(read(pipe.read, bytes(1)), 0);
        harness.queue(read(other.read, bytes(1)), 1);
        engine.commit();
        engine.wait?.(1, 5);
        assert.equal(engine.reap(harness, 8), 0);
        writeSync(other.write, "x");
        engine.wait?.(1, 60_000);
        assert.equal(engine.reap(harness, 8), 1);
        assert.equal(harness.completions[0]?.index, 1);
        writeSync(pipe.write, "x");
        // More than are in flight: as many as there are.
        engine.wait?.(5, 60_000);
        assert.equal(engine.reap(harness, 8), 1);
      }),
    ),
  );

  aioIt("gives the file position, and what glibc cannot do, to another engine", () =>
    withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, "in two parts");
      const proactor = new Proactor({ engine: "posix_aio" });
      const fd = await proactor.open(path, "r+");
      const buffer = Buffer.alloc(4);
      assert.equal(await proactor.read(fd, buffer), 4);
      assert.equal(await proactor.read(fd, buffer), 4);
      assert.equal(buffer.toString(), "wo p");
      assert.equal(await proactor.read(fd, buffer, { offset: 0 }), 4);
      assert.equal(buffer.toString(), "in t");
      await proactor.fsync(fd);
      await proactor.close(fd);
      assert.equal(proactor.engine, "posix_aio");
      assert.ok(proactor.capabilities.emulated.includes("open"));
      await proactor.shutdown();
    }),
  );

  aioIt("leaves no descriptor and no thread behind", async () => {
    const threads = (): string[] => readdirSync("/proc/self/task");
    const before = { descriptors: openDescriptors(), threads: threads() };
    for (let i = 0; i < 20; i++) {
      const harness = new EngineHarness("posix_aio");
      assert.equal(await harness.result(read(4_000_000, bytes(1))), -EBADF);
      harness.close();
    }
    assert.deepEqual(openDescriptors(), before.descriptors);
    // Threads of glibc that have nothing to do end after a second.
    while (threads().some((id) => !before.threads.includes(id))) await sleep(50);
  });
});
