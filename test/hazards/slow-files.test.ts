import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import { describe, it } from "node:test";
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
} from "../../src/abi/io-uring.ts";
import { allocate, queueInit, type Ring, watchCompletions } from "../../src/compat/ring/index.ts";
import type { EngineOptions } from "../../src/core/index.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { ioUring } from "../../src/engines/io-uring/index.ts";
import ours from "../../src/fs/index.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { loadNative } from "../../src/native/load.ts";
import { complete, prepare, submit, uringIt } from "../compat/ring-support.ts";
import { EngineProactor } from "../support/memory-engine.ts";
import { patienceMs } from "../support/patience.ts";

/** A long file that the kernel writes as it is read; it can be neither polled nor read at once. */
const FILE = "/proc/kallsyms";
/** Far enough into it that threads of the kernel do the work. */
const OFFSET = 300_000;
const LENGTH = 100;
/** One look at deferred work does twenty pieces of it: this is more. */
const COUNT = 40;

/** Why this file cannot be read here, or false. */
function whyNot(): string | false {
  try {
    return expected().length === LENGTH ? false : `${FILE} is shorter than ${OFFSET} bytes`;
  } catch (error) {
    return `${FILE} cannot be read: ${String(error)}`;
  }
}

/** What node:fs reads there. */
function expected(): string {
  const fd = fs.openSync(FILE, "r");
  try {
    const bytes = Buffer.alloc(LENGTH);
    return bytes.toString("latin1", 0, fs.readSync(fd, bytes, 0, LENGTH, OFFSET));
  } finally {
    fs.closeSync(fd);
  }
}

async function withFiles(body: (fds: readonly number[]) => Promise<void>): Promise<void> {
  const fds: number[] = [];
  try {
    for (let i = 0; i < COUNT; i++) fds.push(fs.openSync(FILE, "r"));
    await body(fds);
  } finally {
    for (const fd of fds) fs.closeSync(fd);
  }
}

const skip = whyNot();
const availability = ioUring.probe();
const noRing = skip || (availability.available ? false : availability.reason);
const native = loadNative();

describe("io_uring with slow reads at once", { timeout: patienceMs(60_000) }, () => {
  type Make = (addon: NativeAddon, options: EngineOptions) => IoUringEngine;
  const modes: [name: string, sqPoll: boolean, make: Make][] = [
    ["that defers work to us", false, (addon, options) => new IoUringEngine(addon, options)],
    [
      "whose task does its work",
      false,
      (addon, options) => new IoUringEngine(addon, options, false),
    ],
    ["with a thread that submits", true, (addon, options) => new IoUringEngine(addon, options)],
    [
      "whose eventfd a thread waits for",
      false,
      (addon, options) => {
        const wakeupOpen: NativeAddon["wakeupOpen"] = (fd, wake) =>
          addon.wakeupOpen(fd, wake, true);
        return new IoUringEngine(
          Object.create(addon, { wakeupOpen: { value: wakeupOpen } }),
          options,
        );
      },
    ],
  ];
  for (const [name, sqPoll, make] of modes) {
    it(`reads all of them on a ring ${name}`, { skip: noRing }, () =>
      withFiles(async (fds) => {
        assert.ok(native.available);
        const { addon } = native;
        const proactor = new EngineProactor((options) => make(addon, options), { sqPoll });
        const wanted = expected();
        const read = async (fd: number) => {
          const bytes = Buffer.alloc(LENGTH);
          assert.equal(await proactor.read(fd, bytes, { offset: OFFSET }), LENGTH);
          assert.equal(bytes.toString("latin1"), wanted);
        };
        await Promise.all(fds.map(read));
        await proactor.shutdown();
      }),
    );
  }

  it("reads all of them while the program waits for them", { skip: noRing }, () =>
    withFiles(async (fds) => {
      assert.ok(native.available);
      const { addon } = native;
      const proactor = new EngineProactor((options) => new IoUringEngine(addon, options));
      const reads = fds.map((fd) => proactor.read(fd, Buffer.alloc(LENGTH), { offset: OFFSET }));
      assert.equal(proactor.wait({ minimum: COUNT }), COUNT);
      await Promise.all(reads);
      await proactor.shutdown();
    }),
  );
});

describe("proactor/fs with slow reads at once", { timeout: patienceMs(60_000) }, () => {
  it("reads what node:fs reads, by handle and by path", { skip }, async () => {
    const wanted = expected();
    const read = async () => {
      const handle = await ours.open(FILE);
      const { buffer } = await handle.read(Buffer.alloc(LENGTH), 0, LENGTH, OFFSET);
      await handle.close();
      assert.equal(buffer.toString("latin1"), wanted);
    };
    await Promise.all(Array.from({ length: COUNT }, read));
    const file = "/proc/self/cgroup";
    const texts = Array.from({ length: COUNT }, () => ours.readFile(file, "utf8"));
    assert.deepEqual(new Set(await Promise.all(texts)), new Set([fs.readFileSync(file, "utf8")]));
  });
});

describe("proactor/ring with slow reads at once", { timeout: patienceMs(60_000) }, () => {
  const DEFERS = ["IORING_SETUP_SINGLE_ISSUER", "IORING_SETUP_DEFER_TASKRUN"];
  const defers = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const modes: [name: string, covers: readonly string[], flags: number][] = [
    ["a plain ring", [], 0],
    ["COOP_TASKRUN", ["IORING_SETUP_COOP_TASKRUN"], IORING_SETUP_COOP_TASKRUN],
    [
      "COOP_TASKRUN and TASKRUN_FLAG",
      ["IORING_SETUP_COOP_TASKRUN", "IORING_SETUP_TASKRUN_FLAG"],
      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
    ],
    ["DEFER_TASKRUN", DEFERS, defers],
    [
      "DEFER_TASKRUN and TASKRUN_FLAG",
      [...DEFERS, "IORING_SETUP_TASKRUN_FLAG"],
      defers | IORING_SETUP_TASKRUN_FLAG,
    ],
    ["SQPOLL", ["IORING_SETUP_SQPOLL"], IORING_SETUP_SQPOLL],
  ];

  const readAll = (ring: Ring, fds: readonly number[], memory: Buffer) => {
    fds.forEach((fd, i) => {
      const at = memory.subarray(i * LENGTH, (i + 1) * LENGTH);
      prepare(ring, (sqe) => ring.prepRead(sqe, fd, at, LENGTH, OFFSET));
    });
    submit(ring, fds.length);
  };
  const check = (memory: Buffer) =>
    assert.equal(memory.toString("latin1"), expected().repeat(COUNT));

  for (const [name, covers, flags] of modes) {
    if (skip !== false) {
      it(`reads all of them with ${name}`, { skip }, () => {});
      continue;
    }
    uringIt(`calls back until all have come, with ${name}`, covers, () =>
      withFiles(async (fds) => {
        using ring = queueInit(64, flags);
        const memory = allocate(COUNT * LENGTH);
        const events = new EventTarget();
        let results = 0;
        using watch = watchCompletions(ring, () => {
          const count = ring.forEachCqe((cqe) => assert.equal(ring.cqeRes(cqe), LENGTH));
          ring.cqAdvance(count);
          results += count;
          if (results === COUNT) events.dispatchEvent(new Event("done"));
        });
        watch.ref();
        const done = once(events, "done");
        readAll(ring, fds, memory);
        await done;
        check(memory);
      }),
    );
    uringIt(`has all of them for who waits, with ${name}`, covers, () =>
      withFiles(async (fds) => {
        using ring = queueInit(64, flags);
        const memory = allocate(COUNT * LENGTH);
        readAll(ring, fds, memory);
        for (const { res } of complete(ring, COUNT)) assert.equal(res, LENGTH);
        check(memory);
      }),
    );
  }
});
