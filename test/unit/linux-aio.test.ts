import assert from "node:assert/strict";
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  EAGAIN,
  EBADF,
  ECANCELED,
  EINVAL,
  ENOMEM,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  O_DIRECT,
  POLLIN,
  POLLOUT,
} from "../../src/abi/linux.ts";
import {
  type CompletionSink,
  canDo,
  type EngineOptions,
  OperationKind,
  QueueStatus,
  Request,
} from "../../src/core/index.ts";
import { probeEngine } from "../../src/engines/index.ts";
import { refusal } from "../../src/engines/linux-aio/availability.ts";
import { LinuxAioEngine } from "../../src/engines/linux-aio/engine.ts";
import { Proactor } from "../../src/index.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { addonOrThrow } from "../native/native-addon.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { EngineHarness, type RequestFields } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { memory } from "./linux-aio-context.ts";

const { Read, Write, Readv, Writev, Fsync, Fdatasync, Poll } = OperationKind;

function aioIt(name: string, body: (t: TestContext) => void | Promise<void>): void {
  const probed = probeEngine("linux_aio");
  it(name, probed.available ? {} : { skip: probed.reason }, body);
}

/** A request that transfers a buffer, with the address that the runtime would fill in. */
function transfer(kind: OperationKind, fd: number, buffer: Uint8Array, offset: number) {
  const request = new Request().reset(kind);
  request.setAddress(addonOrThrow().addressOf(buffer));
  return Object.assign(request, { fd, buffer, length: buffer.length, offset });
}

function vectored(kind: OperationKind, fd: number, buffers: readonly Uint8Array[], offset: number) {
  const addresses = buffers.map((buffer) => addonOrThrow().addressOf(buffer));
  const fields = { fd, buffers, addresses, length: buffers.length, offset };
  return Object.assign(new Request().reset(kind), fields);
}

/** An engine over an addon of which some functions are replaced, and what it tells. */
class Rig implements CompletionSink {
  readonly engine: LinuxAioEngine;
  readonly told: (readonly [index: number, result: number])[] = [];

  constructor(replaced: Partial<NativeAddon>, options: Partial<EngineOptions> = {}) {
    this.engine = new LinuxAioEngine(
      { ...addonOrThrow(), ...replaced },
      {
        entries: 16,
        completionEntries: 32,
        depth: 16,
        sqPoll: false,
        sqPollIdleMs: 0,
        wake() {},
        ...options,
      },
    );
  }

  complete(index: number, _generation: number, result: number): void {
    this.told.push([index, result]);
  }

  queue(index: number, request: RequestFields, generation = 1): QueueStatus {
    return this.engine.queue(Object.assign(new Request(), request), index, generation);
  }

  reap(): void {
    this.engine.reap(this, 100);
  }
}

async function withHarness(
  body: (harness: EngineHarness, dir: string) => Promise<void>,
  options: Partial<EngineOptions> = {},
): Promise<void> {
  const harness = new EngineHarness("linux_aio", options);
  try {
    await withTempDir((dir) => body(harness, dir), "linux-aio");
  } finally {
    harness.close();
  }
}

describe("linux_aio: LinuxAioEngine", () => {
  aioIt("does what native AIO does, at offsets beyond 4 GiB too", async () => {
    await withHarness(async (harness, dir) => {
      const fd = openSync(join(dir, "file"), "w+");
      const far = 5 * 2 ** 32 + 123;
      ftruncateSync(fd, far + 64);
      const text = new TextEncoder().encode("hello");
      assert.equal(await harness.result(transfer(Write, fd, text, far)), 5);
      const got = memory(64);
      assert.equal(await harness.result(transfer(Read, fd, got, far - 1)), 64);
      assert.deepEqual(got.subarray(0, 6), Uint8Array.of(0, ...text));
      const parts = [memory(2), memory(0), memory(10)];
      assert.equal(await harness.result(vectored(Readv, fd, parts, far)), 12);
      assert.deepEqual(parts[0], text.subarray(0, 2));
      assert.deepEqual(parts[2]?.subarray(0, 3), text.subarray(2));
      assert.equal(await harness.result(vectored(Writev, fd, [text, text], 0)), 10);
      assert.equal(await harness.result(transfer(Read, fd, got, far + 60)), 4);
      assert.equal(await harness.result(transfer(Read, fd, got, far + 64)), 0);
      for (const kind of [Fsync, Fdatasync]) {
        assert.equal(await harness.result(Object.assign(new Request().reset(kind), { fd })), 0);
      }
      closeSync(fd);
    });
  });

  aioIt("takes more vectors in a batch than it keeps room for", async () => {
    await withHarness(async (harness, dir) => {
      const fd = openSync(join(dir, "file"), "w+");
      const many = Array.from({ length: 1024 }, (_, i) => Uint8Array.of(i));
      for (let i = 0; i < 8; i++) harness.queue(vectored(Writev, fd, many, i * 1024));
      const told = await harness.settle(8);
      assert.deepEqual(
        told.map(({ result }) => result),
        Array(8).fill(1024),
      );
      const expected = Buffer.concat(Array(8).fill(Buffer.concat(many)));
      assert.deepEqual(readFileSync(join(dir, "file")), expected);
      closeSync(fd);
    });
  });

  aioIt("gives a refusal to the request that was refused", async () => {
    await withHarness(async (harness) => {
      const zero = openSync("/dev/zero", "r");
      const bad = [-1, zero, 99_999, zero, zero, -1];
      for (const [index, fd] of bad.entries()) {
        harness.queue(transfer(Read, fd, memory(8), 0), index);
      }
      harness.queue({ ...transfer(Read, zero, memory(8), 0), fixedFile: true }, 6);
      harness.queue({ kind: OperationKind.Splice }, 7);
      // Without an offset: the runtime gives such a read to another engine.
      harness.queue(transfer(Read, zero, memory(8), -1), 8);
      const told = await harness.settle(9);
      const results = told.toSorted((a, b) => a.index - b.index).map(({ result }) => result);
      const wanted = [-EBADF, 8, -EBADF, 8, 8, -EBADF, -EOPNOTSUPP, -EOPNOTSUPP, -EINVAL];
      assert.deepEqual(results, wanted);
      closeSync(zero);
    });
  });

  aioIt("goes on where the kernel took a part of the batch", () => {
    const { aioSubmit } = addonOrThrow();
    const taken: number[] = [];
    const rig = new Rig({
      aioSubmit: (context, nr, address) => {
        const result = aioSubmit(context, Math.min(nr, 3), address);
        taken.push(result);
        return result;
      },
    });
    taken.length = 0;
    const fd = openSync("/dev/zero", "r");
    for (let i = 0; i < 7; i++) rig.queue(i, transfer(Read, fd, memory(i + 1), 0));
    assert.equal(rig.engine.commit(), 7);
    assert.deepEqual(taken, [3, 3, 1]);
    rig.reap();
    assert.deepEqual(
      rig.told,
      Array.from({ length: 7 }, (_, i) => [i, i + 1]),
    );
    closeSync(fd);
    rig.engine.close();
  });

  // HAZARDS Q5: a kernel without room pushes back, nothing is lost and nothing is refused.
  aioIt("keeps what the kernel has no room for, and is busy when that is too much", () => {
    const { aioSubmit } = addonOrThrow();
    let room = 2;
    const rig = new Rig(
      {
        aioSubmit: (context, nr, address) => {
          if (room === 0) return -EAGAIN;
          const result = aioSubmit(context, Math.min(nr, room), address);
          room -= result;
          return result;
        },
      },
      { entries: 4 },
    );
    room = 2;
    const fd = openSync("/dev/zero", "r");
    const queue = (index: number) => rig.queue(index, transfer(Read, fd, memory(8), 0));
    for (let i = 0; i < 4; i++) assert.equal(queue(i), QueueStatus.Queued);
    assert.equal(queue(4), QueueStatus.Busy);
    assert.equal(rig.engine.commit(), -EAGAIN);
    rig.reap();
    assert.deepEqual(
      rig.told.map(([index]) => index),
      [0, 1],
    );
    assert.equal(queue(4), QueueStatus.Busy, "There are two left, at the end of four places");
    room = 100;
    assert.equal(rig.engine.commit(), 2);
    assert.equal(queue(4), QueueStatus.Queued);
    assert.equal(rig.engine.commit(), 1);
    rig.reap();
    assert.deepEqual(
      rig.told.map(([index]) => index),
      [0, 1, 2, 3, 4],
    );
    closeSync(fd);
    rig.engine.close();
  });

  aioIt("is busy at its depth, until completions are reaped", () => {
    const rig = new Rig({}, { entries: 4, depth: 4 });
    const fd = openSync("/dev/zero", "r");
    const queue = () => rig.queue(1, transfer(Read, fd, memory(8), 0));
    for (let i = 0; i < 4; i++) assert.equal(queue(), QueueStatus.Queued);
    assert.equal(rig.engine.commit(), 4);
    assert.equal(queue(), QueueStatus.Busy);
    assert.equal(rig.engine.reap(rig, 1), 1);
    assert.equal(queue(), QueueStatus.Queued);
    rig.engine.commit();
    rig.reap();
    assert.equal(rig.told.length, 5);
    closeSync(fd);
    rig.engine.close();
  });

  aioIt("makes do with what fs.aio-max-nr leaves, and refuses where that is nothing", () => {
    const { aioSetup } = addonOrThrow();
    const asked: number[] = [];
    const rig = new Rig(
      {
        aioSetup: (nr, address) => {
          asked.push(nr);
          return nr > 20 ? -EAGAIN : aioSetup(nr, address);
        },
      },
      { entries: 64, depth: 100 },
    );
    assert.deepEqual(asked, [100, 50, 25, 12]);
    assert.equal(rig.engine.depth, 12);
    assert.equal(rig.engine.details.contextRequests, 12);
    assert.equal(rig.engine.details.entries, 12);
    rig.engine.close();
    assert.throws(() => new Rig({ aioSetup: () => -EAGAIN }), {
      code: "EAGAIN",
      syscall: "io_setup",
    });
    assert.throws(() => new Rig({ aioSetup: () => -ENOMEM }), { code: "ENOMEM" });
  });

  aioIt("gives everything back when its making fails in the middle", () => {
    const addon = addonOrThrow();
    const before = openDescriptors();
    assert.throws(() => new Rig({ eventfd: () => -ENOMEM }), { syscall: "eventfd" });
    assert.throws(() => new Rig({ wakeupOpen: () => -ENOMEM }), { syscall: "uv_poll_init" });
    let calls = 0;
    const allocate: NativeAddon["allocate"] = (...args) =>
      ++calls > 2 ? -ENOMEM : addon.allocate(...args);
    assert.throws(() => new Rig({ allocate }), { syscall: "mmap" });
    assert.deepEqual(openDescriptors(), before);
    assert.equal(readFileSync("/proc/self/maps", "latin1").includes("[aio]"), false);
  });

  aioIt("reaps with io_getevents where the ring is not as it knows it", async () => {
    const rig = new Rig({ aioReady: () => -EOPNOTSUPP, aioReap: () => -EOPNOTSUPP });
    assert.equal(rig.engine.details.completions, "io_getevents");
    const fd = openSync("/dev/zero", "r");
    for (let i = 0; i < 3; i++) rig.queue(i, transfer(Read, fd, memory(8), 0));
    rig.engine.commit();
    assert.equal(rig.engine.reap(rig, 2), 2);
    assert.equal(rig.engine.idle(), true);
    assert.equal(rig.engine.reap(rig, 2), 1);
    assert.equal(rig.engine.idle(), false);
    assert.deepEqual(rig.told, [
      [0, 8],
      [1, 8],
      [2, 8],
    ]);
    closeSync(fd);
    rig.engine.close();
  });

  aioIt("says which operations block, and what it leaves to others", () => {
    const { engine } = new Rig({});
    const { capabilities } = engine;
    assert.equal(capabilities.asynchronous, false);
    assert.equal(capabilities.direct, true);
    assert.equal(capabilities.filePosition, false);
    assert.match(String(engine.details.blocks), /O_DIRECT/);
    const able = Object.values(OperationKind).filter((kind) => canDo(capabilities, kind));
    assert.deepEqual(able, [Read, Write, Readv, Writev, Fsync, Fdatasync, Poll]);
    engine.close();
  });

  aioIt("leaves nothing behind", () => {
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) new Rig({}).engine.close();
    assert.deepEqual(openDescriptors(), before);
    assert.equal(readFileSync("/proc/self/maps", "latin1").includes("[aio]"), false);
  });
});

describe("linux_aio: cancel()", () => {
  const poll = (fd: number, flags = POLLIN) => ({ kind: Poll, fd, flags });

  aioIt("takes back what the kernel has not seen, and no other", () => {
    const { engine, told, queue, reap } = rigOf(new Rig({}));
    const fd = openSync("/dev/zero", "r");
    for (let i = 0; i < 4; i++) queue(i, transfer(Read, fd, memory(8), 0));
    queue(4, poll(fd));
    assert.equal(engine.cancel(1, 1), true);
    assert.equal(engine.cancel(1, 1), false, "A second time it is too late");
    assert.equal(engine.cancel(4, 1), true);
    assert.equal(engine.cancel(2, 7), false, "Another generation");
    assert.equal(engine.cancel(9, 1), false);
    assert.equal(engine.idle(), true);
    reap();
    assert.deepEqual(told.splice(0), [
      [1, -ECANCELED],
      [4, -ECANCELED],
    ]);
    // The slots have new tenants before the kernel has seen the old iocbs.
    queue(1, transfer(Read, fd, memory(3), 0), 2);
    queue(4, poll(fd), 2);
    assert.equal(engine.commit(), 5);
    reap();
    assert.deepEqual(told.toSorted(), [
      [0, 8],
      [1, 3],
      [2, 8],
      [3, 8],
      [4, POLLIN],
    ]);
    closeSync(fd);
    engine.close();
  });

  aioIt("stops a poll that runs, and nothing else that runs", async () => {
    await withHarness(async (harness) => {
      const { engine } = harness;
      const addon = addonOrThrow();
      const fds = Array.from({ length: 4 }, () => addon.eventfd());
      for (const [index, fd] of fds.entries()) harness.queue(poll(fd), index);
      assert.equal(engine.commit(), 4);
      assert.equal(engine.cancel(1, 2), false, "Another generation");
      assert.equal(engine.cancel(1, 1), true);
      assert.equal(engine.cancel(3, 1), true);
      await harness.settle(2);
      assert.equal(engine.cancel(1, 1), false, "It is over");
      writeSync(fds[0] as number, BigUint64Array.of(1n));
      writeSync(fds[2] as number, BigUint64Array.of(1n));
      await harness.settle(4);
      const results = harness.completions.toSorted((a, b) => a.index - b.index);
      assert.deepEqual(
        results.map(({ result }) => result),
        [POLLIN, -ECANCELED, POLLIN, -ECANCELED],
      );
      const zero = openSync("/dev/zero", "r");
      harness.queue(transfer(Read, zero, memory(8), 0), 5);
      assert.equal(engine.commit(), 1);
      assert.equal(engine.cancel(5, 1), false);
      await harness.settle(5);
      assert.equal(harness.completions[4]?.result, 8);
      closeSync(zero);
      for (const fd of fds) addon.closeFd(fd);
    });
  });

  // HAZARDS C2, B10: each poll has an iocb of its own, and gets another one only when it is over.
  aioIt("hits the poll it was meant for, a thousand polls over", async () => {
    await withHarness(async (harness) => {
      const { engine } = harness;
      const addon = addonOrThrow();
      const quiet = addon.eventfd();
      const ready = addon.eventfd();
      let wanted = 0;
      for (let round = 0; round < 250; round++) {
        const before = harness.completions.length;
        harness.queue(poll(quiet), 0, round);
        harness.queue(poll(ready, POLLOUT), 1, round);
        harness.queue(poll(quiet), 2, round);
        harness.queue(poll(quiet), 3, round);
        engine.commit();
        const victim = [0, 2, 3][round % 3] as number;
        assert.equal(engine.cancel(victim, round), true);
        await harness.settle(wanted + 2);
        for (const index of [0, 2, 3]) if (index !== victim) engine.cancel(index, round);
        wanted += 4;
        await harness.settle(wanted);
        const seen = harness.completions.slice(before);
        assert.ok(seen.every(({ generation }) => generation === round));
        const first = seen.slice(0, 2).map(({ index }) => index);
        assert.deepEqual(first.toSorted(), [1, victim].toSorted());
      }
      addon.closeFd(quiet);
      addon.closeFd(ready);
    });
  });
});

/** Methods that can be taken out of their object. */
function rigOf(rig: Rig) {
  const { engine, told } = rig;
  return { engine, told, queue: rig.queue.bind(rig), reap: rig.reap.bind(rig) };
}

describe("linux_aio: idle() and wait()", () => {
  // HAZARDS Q6: reads of a device complete at any moment of going to sleep.
  aioIt("loses no wake-up in two thousand sleeps", async () => {
    await withHarness(async (harness, dir) => {
      const path = join(dir, "file");
      writeFileSync(path, Buffer.alloc(64 * 4096, 1));
      const fd = openSync(path, O_DIRECT);
      const pages = addonOrThrow().allocate(64 * 4096, 4096, false);
      assert.ok(typeof pages !== "number");
      let next = 0;
      for (let round = 0; round < 2000; round++) {
        const count = 1 + (round % 4);
        for (let i = 0; i < count; i++) {
          const page = new Uint8Array(pages, i * 4096, 4096);
          harness.queue(transfer(Read, fd, page, (next++ % 64) * 4096), next % 64);
        }
        await harness.settle(next);
      }
      assert.ok(harness.completions.every(({ result }) => result === 4096));
      closeSync(fd);
    });
  });

  aioIt("does not wake a program that has reaped everything", async () => {
    await withHarness(async (harness) => {
      const fd = openSync("/dev/zero", "r");
      const quiet = addonOrThrow().eventfd();
      harness.queue({ kind: Poll, fd: quiet, flags: POLLIN });
      for (let i = 0; i < 50; i++) {
        harness.queue(transfer(Read, fd, memory(8), 0));
        await harness.settle(i + 1);
      }
      // Every read has raised the counter of the eventfd; going to sleep reads it.
      assert.equal(harness.engine.idle(), false);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(harness.wakes, 0);
      writeSync(quiet, BigUint64Array.of(1n));
      await harness.settle(51);
      assert.ok(harness.wakes <= 1, "The last event may have been there before we slept");
      closeSync(fd);
      addonOrThrow().closeFd(quiet);
    });
  });

  aioIt("waits for as many as are wanted, or until the time is up", () => {
    const { engine, told, queue, reap } = rigOf(new Rig({}));
    const addon = addonOrThrow();
    const fds = [addon.eventfd(), addon.eventfd()];
    for (const [index, fd] of fds.entries()) queue(index, { kind: Poll, fd, flags: POLLIN });
    engine.wait(1, Number.POSITIVE_INFINITY); // Nothing is in flight: nothing to wait for.
    engine.commit();
    engine.wait(1, 5);
    reap();
    assert.deepEqual(told, []);
    writeSync(fds[1] as number, BigUint64Array.of(1n));
    engine.wait(1, Number.POSITIVE_INFINITY);
    engine.wait(1, Number.POSITIVE_INFINITY);
    reap();
    assert.deepEqual(told, [[1, POLLIN]]);
    engine.cancel(0, 1);
    engine.wait(5, Number.POSITIVE_INFINITY);
    reap();
    assert.deepEqual(told[1], [0, -ECANCELED]);
    for (const fd of fds) addon.closeFd(fd);
    engine.close();
  });
});

describe("linux_aio: Proactor", () => {
  aioIt("reads at the file position, and pipes, without blocking the loop", async () => {
    await withTempDir(async (dir) => {
      await using proactor = new Proactor({ engine: "linux_aio" });
      assert.ok(proactor.capabilities.emulated.includes("filePosition"));
      const path = join(dir, "file");
      writeFileSync(path, "abcdef");
      const fd = await proactor.open(path, "r+");
      const buffer = Buffer.alloc(3);
      for (const wanted of ["abc", "def"]) {
        assert.equal(await proactor.read(fd, buffer), 3);
        assert.equal(buffer.toString(), wanted);
      }
      assert.equal(await proactor.read(fd, buffer), 0);
      assert.equal(await proactor.read(fd, buffer, { offset: 1 }), 3);
      assert.equal(buffer.toString(), "bcd");
      assert.equal(await proactor.write(fd, buffer, { offset: 6 }), 3);
      await proactor.fsync(fd);
      await proactor.close(fd);
      assert.equal(readFileSync(path, "latin1"), "abcdefbcd");
    });
  });

  aioIt("tells how many transfers it was made to wait for", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, Buffer.alloc(8192, 7));
      await using proactor = new Proactor({ engine: "linux_aio" });
      const page = proactor.allocate(4096);
      const buffered = openSync(path, "r");
      const direct = openSync(path, O_DIRECT);
      for (const fd of [buffered, direct, direct, buffered, buffered]) {
        assert.equal(await proactor.read(fd, page, { offset: 0 }), 4096);
      }
      assert.equal(await proactor.readv(direct, [page], { offset: 0 }), 4096);
      await proactor.fsync(direct);
      const explanation = proactor.explain();
      assert.equal(explanation.details.blockedTransfers, 3);
      assert.match(String(explanation), /blocks: io_submit itself transfers/);
      closeSync(buffered);
      closeSync(direct);
    });
  });

  aioIt("queues more than its context holds", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, Buffer.alloc(64 * 4096, 7));
      await using proactor = new Proactor({ engine: "linux_aio", depth: 8, entries: 4 });
      const fd = openSync(path, O_DIRECT);
      const reads = Array.from({ length: 500 }, (_, i) =>
        proactor.read(fd, proactor.allocate(4096), { offset: (i % 64) * 4096 }),
      );
      const bytes = await Promise.all(reads);
      assert.ok(bytes.every((count) => count === 4096));
      closeSync(fd);
    });
  });
});

describe("linuxAio.probe()", () => {
  it("says why there is none, and what to do", () => {
    const limits = (name: string) => (name === "aio-nr" ? "65500" : "65536");
    const full = refusal(-EAGAIN, limits);
    assert.ok(!full.available);
    assert.match(full.reason, /fs\.aio-nr is 65500 of fs\.aio-max-nr 65536/);
    assert.match(full.remedy, /sysctl fs\.aio-max-nr/);
    for (const [result, reason] of [
      [-ENOSYS, /CONFIG_AIO/],
      [-EPERM, /seccomp/],
      [-ENOMEM, /memory/],
      [-EINVAL, /EINVAL/],
    ] as const) {
      const answer = refusal(result, () => undefined);
      assert.ok(!answer.available);
      assert.match(answer.reason, reason);
    }
  });
});
