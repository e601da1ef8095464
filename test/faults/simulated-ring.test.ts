import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import {
  IORING_ENTER_SQ_WAKEUP,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SUBMIT_ALL,
} from "../../src/abi/io-uring.ts";
import type { ProactorOptions } from "../../src/runtime/proactor.ts";
import { type KernelTraits, SimulatedProactor } from "../support/simulated-kernel.ts";

/** Without these flags every kernel falls back to a plain ring. */
const OLD_FLAGS = IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** Runs `body` on a simulated kernel; whatever is in flight at its end is canceled. */
async function withRing(
  traits: KernelTraits,
  options: ProactorOptions,
  body: (proactor: SimulatedProactor) => Promise<void>,
): Promise<void> {
  const proactor = new SimulatedProactor(traits, options);
  await body(proactor);
  await proactor.shutdown({ cancel: true });
  assert.equal(proactor.kernel.openCount, 0);
}

/** An empty pipe of the simulated kernel; its descriptors stay open. */
function emptyPipe(proactor: SimulatedProactor): [reader: number, writer: number] {
  return proactor.kernel.files.pipe();
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: NodeJS.ErrnoException) => error.code,
  );

describe("Operation.cancel on a simulated ring", { timeout: 30_000 }, () => {
  // HAZARDS C1: the completion of the target and that of the cancellation come in either order.
  for (const cancelLast of [0, 1]) {
    it(`is told when the ${cancelLast === 1 ? "target" : "cancellation"} comes first`, async () => {
      for (const seed of SEEDS) {
        await withRing({ seed, rates: { cancelLast } }, { entries: 4 }, async (proactor) => {
          const [reader] = emptyPipe(proactor);
          const reading = proactor.read(reader, Buffer.alloc(4));
          await nextTurn();
          assert.deepEqual(await reading.cancel(), { outcome: "canceled" });
          assert.equal(await codeOf(reading), "ECANCELED");
        });
      }
    });
  }

  // HAZARDS C1: -EALREADY and -ENOENT are no failures: the target tells how it ended.
  it("tells the truth when a worker is at it", async () => {
    const outcomes = new Set<string>();
    for (const seed of SEEDS) {
      await withRing({ seed, rates: { already: 1, deferred: 1 } }, {}, async (proactor) => {
        const fd = await proactor.open("file", "w+");
        const writing = proactor.write(fd, Buffer.from("bytes"));
        proactor.run();
        const { outcome, result } = await writing.cancel();
        outcomes.add(outcome);
        const { size } = await proactor.statx(fd);
        assert.deepEqual([result, size], outcome === "completed" ? [5, 5] : [undefined, 0]);
      });
    }
    assert.deepEqual([...outcomes].sort(), ["canceled", "completed"]);
  });

  // HAZARDS C3: a cancellation that finds the queue full is not lost.
  it("stops everything though the queue is full and the kernel takes nothing", async () => {
    const rates = { again: 0 };
    await withRing({ rates }, { entries: 2, depth: 64 }, async (proactor) => {
      const [reader] = emptyPipe(proactor);
      const readings = Array.from({ length: 50 }, () => proactor.read(reader, Buffer.alloc(4)));
      await nextTurn();
      rates.again = 1;
      const canceled = readings.map((reading) => reading.cancel());
      await sleep(5);
      assert.equal(proactor.status().inFlight > 0, true);
      rates.again = 0;
      const outcomes = (await Promise.all(canceled)).map(({ outcome }) => outcome);
      assert.deepEqual(new Set(outcomes), new Set(["canceled"]));
    });
  });

  // HAZARDS C7: a member that has not started cannot be found by the kernel; the first can.
  it("ends a chain at each of its positions", async () => {
    for (const [position, seed] of [0, 1, 2].flatMap((at) => SEEDS.map((one) => [at, one]))) {
      await withRing({ seed: seed ?? 0 }, {}, async (proactor) => {
        const [reader, writer] = emptyPipe(proactor);
        const members = proactor.chain([
          { op: "read", fd: reader, buffer: Buffer.alloc(1) },
          { op: "nop" },
          { op: "nop" },
        ]);
        await nextTurn();
        const canceling = members[position ?? 0]?.cancel();
        await proactor.write(writer, Buffer.from("x"));
        await canceling;
        const codes = await Promise.all(members.map(codeOf));
        const expected = position === 0 ? "ECANCELED" : "none";
        assert.deepEqual(codes, [expected, expected, expected]);
      });
    }
  });
});

describe("Scheduler on a simulated ring", { timeout: 60_000 }, () => {
  // HAZARDS C2, C6: a cancellation and a completion of the slot's last tenant come late.
  it("ignores what is meant for the slot's last tenant", async () => {
    await withRing({ rates: { deferred: 1 } }, { depth: 1 }, async (proactor) => {
      await proactor.nop();
      const [reader, writer] = emptyPipe(proactor);
      const reading = proactor.read(reader, Buffer.alloc(4));
      await nextTurn();
      proactor.made.cancel(0, 0);
      proactor.made.commit();
      proactor.kernel.ring.postExtra(0, 0, 77);
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      assert.equal(reading.status, "in flight");
      proactor.kernel.files.write(writer, [Buffer.from("abc")], -1);
      assert.equal(await reading, 3);
    });
  });

  // HAZARDS C6, Q9: completions with F_MORE before the last one settle nothing.
  it("settles with the last completion of several", async () => {
    await withRing({ rates: { more: 1, deferred: 0.5 } }, { entries: 4 }, async (proactor) => {
      const fd = await proactor.open("file", "w+");
      for (let i = 1; i < 50; i++) assert.equal(await proactor.write(fd, Buffer.alloc(i)), i);
    });
  });

  // HAZARDS Q1: a completion queue of 2, and 4096 completions for it; counters wrap on the way.
  it("loses nothing and keeps the order when completions overflow", async () => {
    for (const startAt of [0, 0xffff_fff0, 0x7fff_fff0]) {
      const options = { entries: 2, completionEntries: 2, depth: 4096 };
      await withRing({ startAt }, options, async (proactor) => {
        const order: number[] = [];
        const note = (i: number) => ({ callback: () => order.push(i) });
        await Promise.all(Array.from({ length: 4096 }, (_, i) => proactor.nop(note(i))));
        assert.deepEqual(
          order,
          Array.from({ length: 4096 }, (_, i) => i),
        );
      });
    }
  });

  // HAZARDS Q2: an old kernel answers -EBUSY until somebody reaps.
  it("reaps, and does not spin, when the kernel is busy with held back completions", async () => {
    const traits = { busyWhileOverflowed: true, unknownFlags: OLD_FLAGS, rates: { deferred: 0.5 } };
    await withRing(traits, { entries: 4, completionEntries: 4, depth: 256 }, async (proactor) => {
      await Promise.all(Array.from({ length: 500 }, () => proactor.nop()));
      assert.ok(proactor.kernel.enters.length < 2000, `${proactor.kernel.enters.length} enters`);
    });
  });

  // HAZARDS Q4: without SUBMIT_ALL the kernel stops at an entry that it refuses.
  it("gives every operation its own result when some are refused at once", async () => {
    for (const unknownFlags of [0, OLD_FLAGS]) {
      await withRing({ unknownFlags }, { entries: 16 }, async (proactor) => {
        const fd = await proactor.open("file", "w+");
        assert.equal(proactor.registerFiles([fd]), true);
        const write = (index: number) =>
          codeOf(proactor.write(index, Buffer.from("x"), { fixedFile: true, offset: 0 }));
        const codes = await Promise.all([0, 7, 0, 8, 9, 0].map(write));
        assert.deepEqual(codes, ["none", "EBADF", "none", "EBADF", "EBADF", "none"]);
      });
    }
  });

  // HAZARDS Q5: the kernel is short of memory for some time.
  it("tries again from time to time when the kernel takes nothing", async () => {
    const rates = { again: 1 };
    await withRing({ rates }, {}, async (proactor) => {
      const nops = Array.from({ length: 8 }, () => proactor.nop());
      await sleep(20);
      const tried = proactor.kernel.enters.length;
      assert.ok(tried > 0 && tried < 200, `${tried} enters`);
      rates.again = 0;
      assert.deepEqual(await Promise.all(nops), new Array(8).fill(0));
    });
  });

  // HAZARDS Q6: whatever wakes nobody is found by the next turn.
  it("makes up for a wake-up that got lost as soon as anything else happens", async () => {
    await withRing({ rates: { deferred: 1 } }, {}, async (proactor) => {
      await proactor.nop();
      proactor.kernel.signalsToLose = 1;
      let settled = false;
      const lost = proactor.nop().then(() => {
        settled = true;
      });
      for (let turn = 0; turn < 50; turn++) await nextTurn();
      assert.equal(settled, false, "Nobody was told");
      await proactor.nop();
      await lost;
    });
  });

  // HAZARDS Q6: one look does twenty pieces of work, and what it leaves signals nothing.
  it("looks on while the kernel has work left, and lets others have their turns", async () => {
    for (const unknownFlags of [0, IORING_SETUP_DEFER_TASKRUN, OLD_FLAGS]) {
      for (const count of [1, 20, 21, 64, 200]) {
        const traits = { unknownFlags, rates: { retries: 128 } };
        await withRing(traits, { entries: 256 }, async (proactor) => {
          let turns = 0;
          const others = setInterval(() => turns++, 1);
          await Promise.all(Array.from({ length: count }, () => proactor.nop()));
          clearInterval(others);
          if (unknownFlags === 0 && count === 200) assert.ok(turns > 0, "Timers had their turn");
        });
      }
    }
  });

  // Seen on Linux 7.3: the flag stays set with nothing behind it.
  it("looks seldom when a flag says that there is work and there is none", async () => {
    for (const unknownFlags of [0, IORING_SETUP_DEFER_TASKRUN]) {
      const traits = { unknownFlags, rates: { stale: 1, deferred: 1 } };
      await withRing(traits, {}, async (proactor) => {
        const [reader, writer] = emptyPipe(proactor);
        const reading = proactor.read(reader, Buffer.alloc(4));
        await proactor.nop();
        const before = proactor.kernel.enters.length;
        await sleep(300);
        const looks = proactor.kernel.enters.length - before;
        assert.ok(looks < 400, `${looks} looks`);
        proactor.kernel.files.write(writer, [Buffer.from("abc")], -1);
        assert.equal(await reading, 3);
      });
    }
  });

  // HAZARDS Q7: what completes while it is submitted is delivered before the loop turns.
  it("delivers inline completions in the same turn", async () => {
    await withRing({}, {}, async (proactor) => {
      const order: string[] = [];
      const turn = nextTurn().then(() => order.push("turn"));
      for (let i = 0; i < 3; i++) {
        await proactor.nop();
        order.push("nop");
      }
      await turn;
      assert.deepEqual(order, ["nop", "nop", "nop", "turn"]);
    });
  });

  // HAZARDS Q8: a thousand loops that never pause leave timers and immediates their turns.
  it("lets timers run under loops that resubmit for ever", async () => {
    await withRing({}, { depth: 64 }, async (proactor) => {
      let stopped = false;
      let rounds = 0;
      const loops = Array.from({ length: 100 }, async () => {
        while (!stopped && rounds++ < 1e6) await proactor.nop();
      });
      for (let i = 0; i < 5; i++) {
        await nextTurn();
        await sleep(1);
      }
      stopped = true;
      await Promise.all(loops);
      assert.ok(rounds < 1e6, "Timers had their turn before the loops ended");
    });
  });

  // HAZARDS S8: an enter that waits is interrupted by signals.
  it("waits on when the kernel was interrupted", async () => {
    await withRing({ rates: { interrupted: 0.5, deferred: 1 } }, {}, async (proactor) => {
      const results: unknown[] = [];
      const callback = (_: Error | null, result?: number) => results.push(result);
      for (let i = 0; i < 10; i++) void proactor.nop({ callback });
      assert.equal(proactor.wait({ minimum: 10 }), 10);
      assert.deepEqual(results, new Array(10).fill(0));
    });
  });
});

describe("Proactor.chain on a simulated ring", { timeout: 30_000 }, () => {
  const bytes = Buffer.from("0123456789");

  // HAZARDS S2: a short transfer breaks a soft link, and no hard one.
  it("is broken by a short write, unless it is hard", async () => {
    for (const hard of [false, true]) {
      await withRing({ rates: { short: 1 } }, {}, async (proactor) => {
        const fd = await proactor.open("file", "w+");
        const members = proactor.chain(
          [
            { op: "write", fd, buffer: bytes },
            { op: "fsync", fd },
          ],
          { hard },
        );
        const [written, synced] = await Promise.allSettled(members);
        assert.ok(written?.status === "fulfilled" && (written.value as number) < bytes.length);
        assert.equal(synced?.status, hard ? "fulfilled" : "rejected");
      });
    }
  });

  // HAZARDS Q3, S3: a chain ends where its batch ends, so it must be handed over as a whole.
  it("is never cut by a queue that is nearly full", async () => {
    for (const seed of SEEDS) {
      const rates = { partial: 0.5, again: 0.3, deferred: 0.5 };
      await withRing({ seed, rates }, { entries: 16, depth: 64 }, async (proactor) => {
        const all: Promise<unknown>[] = [];
        for (let length = 1; length < 12; length++) {
          all.push(...Array.from({ length: 5 }, () => proactor.nop()));
          const descriptors = Array.from(
            { length },
            () => ({ op: "nop", deadlineMs: 1e6 }) as const,
          );
          all.push(...proactor.chain(descriptors));
        }
        assert.deepEqual(new Set(await Promise.all(all)), new Set([0]));
        assert.equal(proactor.kernel.ring.cutChains, 0);
      });
    }
  });

  // HAZARDS S3, Q4: a chain ends where the kernel ran out of memory; the rest would be a new one.
  it("cancels the rest, and runs none of it too early, when the kernel takes a part", async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed < 150; seed++) {
      const rates = { cut: 0.4, deferred: 0.8 };
      await withRing({ seed, rates }, { entries: 32 }, async (proactor) => {
        const fd = await proactor.open("file", "w+");
        const steps = ["a", "b", "c", "d"].map((letter) => Buffer.from(letter));
        const members = proactor.chain(
          steps.map((buffer) => ({ op: "write", fd, buffer, offset: 0 }) as const),
          { hard: seed % 2 === 0 },
        );
        const done = (await Promise.all(members.map(codeOf))).map((code) => code === "none");
        const count = done.lastIndexOf(true) + 1;
        assert.equal(done.indexOf(false) === -1 ? 4 : done.indexOf(false), count, "No gap");
        assert.ok(count > 0, "What was taken has run");
        const read = Buffer.alloc(1);
        await proactor.read(fd, read, { offset: 0 });
        assert.equal(read.toString(), "abcd"[count - 1], `seed ${seed}: the last was the last`);
        seen.add(done.join());
      });
    }
    assert.equal(seen.size, 4, "Chains were cut everywhere");
  });

  it("cancels a request whose deadline the kernel did not take", async () => {
    const outcomes = new Set<string | undefined>();
    for (let seed = 1; seed < 60; seed++) {
      const rates = { cut: 0.5 };
      await withRing({ seed, rates }, { entries: 8 }, async (proactor) => {
        const [reader] = emptyPipe(proactor);
        outcomes.add(await codeOf(proactor.read(reader, Buffer.alloc(1), { deadlineMs: 3 })));
      });
    }
    outcomes.delete("ETIMEDOUT");
    assert.deepEqual([...outcomes], ["ECANCELED"]);
  });

  it("is ordered by the runtime where the kernel stops at refused entries", async () => {
    await withRing({ unknownFlags: OLD_FLAGS }, {}, async (proactor) => {
      assert.equal(proactor.capabilities.links, false);
      const fd = await proactor.open("file", "w+");
      const read = Buffer.alloc(10);
      const members = proactor.chain([
        { op: "write", fd, buffer: bytes, offset: 0 },
        { op: "fsync", fd },
        { op: "read", fd, buffer: read, offset: 0 },
      ]);
      assert.deepEqual(await Promise.all(members), [10, undefined, 10]);
      assert.deepEqual(read, bytes);
    });
  });
});

describe("IoUringEngine with SQPOLL on a simulated ring", { timeout: 30_000 }, () => {
  it("wakes the thread that sleeps, and makes no system call while it is awake", async () => {
    for (const seed of SEEDS) {
      await withRing({ seed, rates: { deferred: 0.3 } }, { sqPoll: true }, async (proactor) => {
        const { kernel } = proactor;
        await proactor.nop();
        while (!kernel.pollSleeps) await nextTurn();
        const before = kernel.enters.length;
        await Promise.all([proactor.nop(), proactor.nop()]);
        const { flags } = kernel.enters[before] as { flags: number };
        assert.notEqual(flags & IORING_ENTER_SQ_WAKEUP, 0);
        assert.equal(kernel.enters.length, before + 1);
      });
    }
  });

  // HAZARDS B4, B5: the thread reads paths and times when it likes.
  it("keeps paths and times until the thread has read them", async () => {
    await withRing({ rates: { partial: 0.5 } }, { sqPoll: true, depth: 64 }, async (proactor) => {
      const names = Array.from({ length: 40 }, (_, i) => `d${i}`.padEnd(5 + i * 6, "x"));
      await Promise.all(names.map((name) => proactor.mkdir(name)));
      await Promise.all(names.map((name) => proactor.unlink(name, { directory: true })));
      const times = [1, 2, 3, 4, 5].map((ms) => proactor.timeout(ms).then(() => ms));
      assert.deepEqual(await Promise.all(times), [1, 2, 3, 4, 5]);
    });
  });
});
