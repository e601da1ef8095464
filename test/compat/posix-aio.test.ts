import assert from "node:assert/strict";
import { readFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import * as api from "../../src/compat/posix-aio/index.ts";
import { runNode, runProgram } from "../support/child.ts";
import { collectGarbage } from "../support/garbage.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { type Fixture, type Implementation, withFixture } from "./posix-aio/fixture.ts";
import { IMPLEMENTATIONS, whyNot } from "./posix-aio/verdict.ts";

const {
  AIO_CANCELED,
  aiocb,
  createAio,
  EAGAIN,
  ECANCELED,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  ENOSYS,
  LIO_NOWAIT,
  LIO_READ,
  LIO_WAIT,
  LIO_WRITE,
  O_DSYNC,
  onSignalValue,
  SIGEV_SIGNAL,
  sigevent,
} = api;

const CHILD = new URL("./posix-aio/child-program.js", import.meta.url);
const ENDS = new URL("./posix-aio/ends.js", import.meta.url);

/** A test on one implementation, with a fixture. */
function on(
  implementation: Implementation,
  name: string,
  body: (fixture: Fixture, t: TestContext) => void | Promise<void>,
): void {
  const skip = whyNot(implementation);
  it(name, skip === undefined ? {} : { skip }, (t) =>
    withFixture(implementation, (fixture) => body(fixture, t)),
  );
}

for (const implementation of IMPLEMENTATIONS) {
  const test = on.bind(undefined, implementation);

  describe(`proactor/posix-aio on ${implementation}`, () => {
    test("says what does the work, and its limits", ({ aio }) => {
      assert.equal(aio.implementation, implementation);
      assert.equal(aio.limits.aioPrioDeltaMax, 20);
      assert.ok(aio.limits.aioMax >= 4096);
      aio.aio_init({ aio_threads: 20 });
    });

    test("is polled without the event loop, as in C", (fixture) => {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("0123456789"), 10);
      aio.aio_read(block);
      while (aio.aio_error(block) === EINPROGRESS);
      assert.equal(aio.aio_error(block), 0);
      assert.equal(aio.aio_return(block), 10);
      assert.equal(block.aio_buf.toString(), "0123456789");
    });

    test("serves more control blocks in one tick than can be in flight at once", (fixture) => {
      const { aio } = fixture;
      const fd = fixture.file("text");
      for (let i = 0; i < 20_000; i++) {
        const block = fixture.read(fd, 4);
        assert.equal(aio.aio_read(block), 0);
        assert.equal(aio.aio_suspend([block], 1, null), 0);
        assert.equal(aio.aio_return(block), 4);
      }
    });

    test("reads bytes of a pipe in the order of the calls", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const blocks = Array.from({ length: 26 }, () => fixture.read(pipe.read, 1));
      for (const block of blocks) assert.equal(aio.aio_read(block), 0);
      for (let i = 0; i < 26; i += 2) {
        writeSync(pipe.write, Buffer.from([97 + i, 98 + i]));
        if (i % 4 === 0) await fixture.pause(1);
      }
      await fixture.done(...blocks);
      const text = blocks.map(({ aio_buf }) => aio_buf.toString()).join("");
      assert.equal(text, "abcdefghijklmnopqrstuvwxyz");
    });

    test("refuses a control block on its way, and a length beyond its buffer", (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const block = fixture.read(pipe.read, 1);
      assert.equal(aio.aio_read(block), 0);
      for (const again of [
        () => aio.aio_read(block),
        () => aio.aio_fsync(O_DSYNC, block),
        () => aio.lio_listio(LIO_NOWAIT, [block], 1, null),
      ]) {
        assert.equal(again(), -1);
        assert.ok([EINVAL, api.EIO].includes(aio.errno));
      }
      assert.equal(aio.aio_error(block), EINPROGRESS);
      assert.equal(aio.aio_return(block), -1);
      assert.equal(aio.errno, EINPROGRESS);
      writeSync(pipe.write, "x");
      assert.equal(aio.aio_suspend([block], 1, null), 0);
      assert.equal(aio.aio_return(block), 1);
      const fd = fixture.file("0123456789");
      for (const aio_nbytes of [5, -1, 0.5, Number.NaN, 2 ** 53]) {
        assert.equal(aio.aio_read(fixture.read(fd, 4, { aio_nbytes })), -1, `${aio_nbytes}`);
        assert.equal(aio.errno, EINVAL);
      }
    });

    test("leaves alone what another implementation has in flight", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const other = createAio({ engine: "thread_pool" });
      const block = fixture.read(pipe.read, 1);
      assert.equal(aio.aio_read(block), 0);
      for (const call of [
        () => other.aio_error(block),
        () => other.aio_return(block),
        () => other.aio_read(block),
      ]) {
        assert.equal(call(), -1);
        assert.equal(other.errno, EINVAL);
      }
      const theirs = fixture.read(pipe.read, 1);
      other.aio_read(theirs);
      for (const call of [
        () => aio.aio_error(theirs),
        () => aio.aio_return(theirs),
        () => aio.aio_read(theirs),
      ]) {
        assert.equal(call(), -1);
        assert.ok([EINVAL, EAGAIN].includes(aio.errno));
      }
      writeSync(pipe.write, "xy");
      await fixture.doneOn(aio, block);
      await fixture.doneOn(other, theirs);
      // Each of them can have the other's from now on.
      for (const [by, used] of [
        [other, block],
        [aio, theirs],
      ] as const) {
        by.aio_read(used);
        writeSync(pipe.write, "z");
        await fixture.doneOn(by, used);
        assert.equal(by.aio_return(used), 1);
      }
      await other.close();
    });

    test("throws for what C would not compile", ({ aio }) => {
      const wrong = { code: "ERR_INVALID_ARG_TYPE" };
      const nothing = {} as InstanceType<typeof aiocb>;
      assert.throws(() => aio.aio_read(nothing), wrong);
      assert.throws(() => aio.aio_error(nothing), wrong);
      assert.throws(() => aio.aio_return(nothing), wrong);
      assert.throws(() => aio.aio_cancel(0, nothing), wrong);
      assert.throws(() => aio.aio_suspend([nothing], 1, null), wrong);
      assert.throws(() => aio.lio_listio(LIO_WAIT, [nothing], 1, null), wrong);
    });

    test("has no memory to read into: EFAULT; nothing to read: 0", async (fixture) => {
      const { aio } = fixture;
      const fd = fixture.file("text");
      const none = new aiocb({ aio_fildes: fd, aio_nbytes: 4 });
      assert.equal(await fixture.errorOf(aio, aio.aio_read(none), none), EFAULT);
      const empty = new aiocb({ aio_fildes: fd });
      assert.equal(await fixture.errorOf(aio, aio.aio_read(empty), empty), 0);
      assert.equal(aio.aio_return(empty), 0);
    });

    test("takes offsets as bigint", async (fixture) => {
      const { aio } = fixture;
      const fd = fixture.file();
      const write = fixture.write(fd, "far", { aio_offset: 5n * 2n ** 30n });
      aio.aio_write(write);
      await fixture.done(write);
      const read = fixture.read(fd, 3, { aio_offset: 5n * 2n ** 30n });
      aio.aio_read(read);
      await fixture.done(read);
      assert.equal(read.aio_buf.toString(), "far");
    });

    test("holds a buffer whose ArrayBuffer is transferred meanwhile", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const memory = new Uint8Array(64);
      const block = new aiocb({ aio_fildes: pipe.read, aio_buf: memory, aio_nbytes: 64 });
      aio.aio_read(block);
      const moved = structuredClone(memory.buffer, { transfer: [memory.buffer] });
      writeSync(pipe.write, "bytes");
      await fixture.done(block);
      // The bytes are with the new owner, or nowhere; what the control block shows has none.
      const text = Buffer.from(moved).toString("latin1", 0, 5);
      assert.ok(["bytes", "\0\0\0\0\0"].includes(text), text);
      assert.equal(memory.length, 0);
    });

    test("keeps what is in flight, and nothing that is done", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      let told = 0;
      const blocks: WeakRef<object>[] = [];
      (() => {
        for (let i = 0; i < 50; i++) {
          const aio_sigevent = fixture.told(() => told++);
          const block = fixture.read(pipe.read, 1, { aio_sigevent });
          aio.aio_read(block);
          blocks.push(new WeakRef(block.aio_buf));
        }
      })();
      await fixture.pause(1);
      collectGarbage();
      assert.ok(blocks.every((ref) => ref.deref() !== undefined));
      await fixture.pause(1);
      writeSync(pipe.write, Buffer.alloc(50, "x"));
      await fixture.until(() => told === 50);
      await fixture.pause(1);
      collectGarbage();
      assert.equal(blocks.filter((ref) => ref.deref() !== undefined).length, 0);
    });
  });

  describe(`notification on ${implementation}`, () => {
    test("SIGEV_SIGNAL: a real signal, and its value to those who listen", async (fixture) => {
      const { aio } = fixture;
      const fd = fixture.file("0123456789");
      const signals: string[] = [];
      const values: unknown[] = [];
      const onSignal = (signal: string): void => void signals.push(signal);
      process.on("SIGWINCH", onSignal);
      const off = onSignalValue("SIGWINCH", (told) => values.push(told));
      const sigev_signo = constants.signals.SIGWINCH;
      const event = (sigev_value: unknown) =>
        new sigevent({ sigev_notify: SIGEV_SIGNAL, sigev_signo, sigev_value });
      const read = fixture.read(fd, 4, { aio_sigevent: event(7) });
      const sync = fixture.sync(fd, { aio_sigevent: event("any value") });
      aio.aio_read(read);
      aio.aio_fsync(O_DSYNC, sync);
      await fixture.done(read, sync);
      aio.lio_listio(LIO_NOWAIT, [fixture.read(fd, 2)], 1, event({ list: 1 }));
      await fixture.until(() => values.length === 3 && signals.length > 0);
      process.off("SIGWINCH", onSignal);
      off();
      assert.deepEqual(values, [
        { signal: sigev_signo, value: 7 },
        { signal: sigev_signo, value: "any value" },
        { signal: sigev_signo, value: { list: 1 } },
      ]);
      assert.ok(signals.every((signal) => signal === "SIGWINCH"));
    });

    test("SIGEV_SIGNAL: meets the default action where nobody listens", async (fixture) => {
      const args = ["signal", implementation, fixture.path()];
      const { signal } = await runNode(CHILD, { args });
      assert.equal(signal, "SIGUSR2");
    });

    test("SIGEV_SIGNAL: carries what the end of an operation carries", async (fixture, t) => {
      const log = fixture.path();
      const program = [fileURLToPath(CHILD), "signal", implementation, fixture.path()];
      const args = ["-f", "-o", log, "-e", "trace=none", process.execPath, ...program];
      const strace = await runProgram("strace", { args }).catch(() => undefined);
      if (strace === undefined) t.skip("strace is not installed");
      else assert.match(readFileSync(log, "utf8"), /SIGUSR2 .*si_code=SI_ASYNCIO.*int=42/);
    });

    test("SIGEV_THREAD: an exception does not keep others from being told", async (fixture) => {
      const args = ["throw", implementation, fixture.path()];
      const { stdout, stderr } = await runNode(CHILD, { args });
      assert.equal(stdout, '{"uncaught":["on purpose"],"told":10}', stderr);
    });

    // HAZARDS Q8: callbacks that submit for ever leave timers their turns.
    test("SIGEV_THREAD: callbacks that go on submitting leave timers turns", async (fixture) => {
      const { aio } = fixture;
      const fd = fixture.file(Buffer.alloc(4096, "x"));
      let running = true;
      let reads = 0;
      const blocks = Array.from({ length: 8 }, () => {
        const block = fixture.read(fd, 512);
        block.aio_sigevent = fixture.told(() => {
          reads++;
          assert.equal(aio.aio_return(block), 512);
          if (running) aio.aio_read(block);
        });
        return block;
      });
      for (const block of blocks) aio.aio_read(block);
      for (let timers = 0; timers < 20; timers++) await fixture.pause(1);
      running = false;
      assert.ok(reads > 20);
      await fixture.until(() => blocks.every((block) => aio.aio_error(block) !== EINPROGRESS));
    });

    test("refuses a way to be told that there is not", (fixture) => {
      const { aio } = fixture;
      if (implementation === "glibc") return;
      const fd = fixture.file("text");
      for (const event of [
        { sigev_notify: 9 },
        { sigev_notify: SIGEV_SIGNAL, sigev_signo: 0 },
        { sigev_notify: SIGEV_SIGNAL, sigev_signo: 65 },
        { sigev_notify: api.SIGEV_THREAD },
      ]) {
        const aio_sigevent = new sigevent(event);
        assert.equal(aio.aio_read(fixture.read(fd, 4, { aio_sigevent })), -1);
        assert.equal(aio.errno, EINVAL);
        const block = fixture.read(fd, 4);
        assert.equal(aio.lio_listio(LIO_NOWAIT, [block], 1, aio_sigevent), -1);
        assert.equal(aio.errno, EINVAL);
        assert.equal(aio.aio_error(block), -1, "nothing was started");
      }
    });
  });

  describe(`waiting on ${implementation}`, () => {
    test("aio_suspend_async resolves with the first, or when the time is up", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const first = fixture.read(pipe.read, 1);
      const second = fixture.read(fixture.pipe().read, 1);
      aio.aio_read(first);
      aio.aio_read(second);
      const limit = { tv_sec: 0, tv_nsec: 1_000_000 };
      assert.equal(await aio.aio_suspend_async([first, null, second], 3, limit), EAGAIN);
      const both = aio.aio_suspend_async([first, second], 2, null);
      const one = aio.aio_suspend_async([second], 1, { tv_sec: 0, tv_nsec: 50_000_000 });
      writeSync(pipe.write, "x");
      assert.equal(await both, 0);
      assert.equal(await one, EAGAIN);
      assert.equal(await aio.aio_suspend_async([first], 1, null), 0);
      assert.equal(aio.aio_return(first), 1);
    });

    // HAZARDS Q6: who waits for the first of a descriptor must know that another may overtake it.
    test("aio_suspend_async is told of what overtakes others by its priority", async (fixture) => {
      const { aio } = fixture;
      for (let round = 0; round < 5; round++) {
        const pipe = fixture.pipe();
        const busy = fixture.read(pipe.read, 1);
        aio.aio_read(busy);
        await fixture.pause(5);
        const low = fixture.read(pipe.read, 1, { aio_reqprio: 3 });
        const high = fixture.read(pipe.read, 1);
        aio.aio_read(low);
        aio.aio_read(high);
        writeSync(pipe.write, "1");
        await fixture.done(busy);
        const told = fixture.done(high);
        // Nothing is awake by then that could find it by looking.
        await fixture.pause(5);
        writeSync(pipe.write, "2");
        await told;
        assert.equal(aio.aio_error(low), EINPROGRESS);
        writeSync(pipe.write, "3");
        await fixture.done(low);
      }
    });

    test("waiting for nothing ends with its time, or is refused", async ({ aio }) => {
      const soon = { tv_sec: 0, tv_nsec: 1_000_000 };
      assert.equal(await aio.aio_suspend_async([], 0, soon), EAGAIN);
      assert.equal(await aio.aio_suspend_async([null], 1, null), EINVAL);
      assert.equal(await aio.aio_suspend_async([], 1, soon), EINVAL);
      assert.equal(await aio.aio_suspend_async([], 0, { tv_sec: -1, tv_nsec: 0 }), EINVAL);
      assert.equal(await aio.aio_suspend_async([], 0, { tv_sec: 0, tv_nsec: 1e9 }), EINVAL);
      // glibc sees nothing to wait for.
      assert.equal(aio.aio_suspend([], 0, soon), implementation === "glibc" ? 0 : -1);
      if (implementation !== "glibc") assert.equal(aio.errno, EAGAIN);
    });

    test("lio_listio_async resolves when all are done", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const fd = fixture.file("0123456789");
      const list = [fixture.read(pipe.read, 1), null, fixture.read(fd, 4)];
      let resolved = false;
      const all = aio.lio_listio_async(list, 3).then((error) => {
        resolved = true;
        return error;
      });
      await fixture.pause();
      assert.equal(resolved, false);
      writeSync(pipe.write, "x");
      assert.equal(await all, 0);
      assert.equal(aio.aio_return(list[2] as InstanceType<typeof aiocb>), 4);
      assert.equal(await aio.lio_listio_async([], 0), 0);
      const bad = fixture.read(fixture.directory(), 1);
      assert.equal(await aio.lio_listio_async([bad, fixture.read(fd, 1)], 2), api.EIO);
      assert.equal(await aio.lio_listio_async([bad], 2), EINVAL);
    });

    test("blocks for a long list of reads and writes", (fixture) => {
      const { aio } = fixture;
      const fd = fixture.file();
      const blocks = Array.from({ length: 500 }, (_, i) =>
        fixture.write(fd, `${i}`.padStart(4), { aio_offset: i * 4, aio_lio_opcode: LIO_WRITE }),
      );
      assert.equal(aio.lio_listio(LIO_WAIT, blocks, 500, null), 0);
      const text = Array.from({ length: 500 }, (_, i) => `${i}`.padStart(4)).join("");
      assert.equal(readFileSync(fd, "latin1"), text);
      const reads = blocks.map(({ aio_offset }) =>
        fixture.read(fd, 4, { aio_offset, aio_lio_opcode: LIO_READ }),
      );
      assert.equal(aio.lio_listio(LIO_WAIT, reads, 500, null), 0);
      assert.equal(reads.map(({ aio_buf }) => aio_buf.toString()).join(""), text);
    });
  });

  describe(`the end on ${implementation}`, () => {
    test("close waits for what is in flight, and refuses what comes later", async (fixture) => {
      const aio = fixture.limited({});
      const pipe = fixture.pipe();
      const block = fixture.read(pipe.read, 1);
      aio.aio_read(block);
      let closed = false;
      const closing = aio.close().then(() => {
        closed = true;
      });
      await fixture.pause();
      assert.equal(closed, false);
      assert.throws(() => aio.aio_read(fixture.read(pipe.read, 1)), {
        code: "ERR_PROACTOR_CLOSED",
      });
      writeSync(pipe.write, "x");
      await closing;
      await aio.close();
      assert.equal(block.aio_buf.toString(), "x");
    });

    for (const mode of ["natural", "exit", "worker", "terminate"]) {
      test(`an environment ends with operations and notifications on their way: ${mode}`, async ({
        dir,
      }) => {
        const result = await runNode(ENDS, { args: [mode, implementation, dir] });
        assert.deepEqual(
          { code: result.code, signal: result.signal, stdout: result.stdout },
          { code: 0, signal: null, stdout: mode === "natural" ? "told 64\n" : "over\n" },
          result.stderr,
        );
      });
    }
  });
}

describe("proactor/posix-aio", () => {
  it("has every function and constant of <aio.h>", () => {
    const names = [
      "aio_cancel aio_error aio_fsync aio_init aio_read aio_return aio_suspend aio_write",
      "lio_listio",
      "AIO_ALLDONE AIO_CANCELED AIO_NOTCANCELED LIO_NOP LIO_NOWAIT LIO_READ LIO_WAIT LIO_WRITE",
      "SIGEV_NONE SIGEV_SIGNAL SIGEV_THREAD AIO_PRIO_DELTA_MAX O_SYNC O_DSYNC aiocb sigevent",
    ];
    for (const name of names.join(" ").split(" ")) assert.ok(name in api, name);
    const fields = "fildes offset buf nbytes reqprio sigevent lio_opcode";
    const block = new aiocb();
    for (const field of fields.split(" ")) assert.ok(`aio_${field}` in block, field);
    assert.deepEqual(
      Object.keys(block).sort(),
      fields
        .split(" ")
        .map((f) => `aio_${f}`)
        .sort(),
    );
  });

  it("has functions that need no object", { skip: whyNot("glibc") ?? false }, () =>
    withFixture("glibc", async (fixture) => {
      const fd = fixture.file("0123456789");
      const block = fixture.read(fd, 4);
      assert.equal(api.aio_read(block), 0);
      assert.equal(api.aio_suspend([block], 1, null), 0);
      assert.equal(api.aio_error(block), 0);
      assert.equal(api.aio_return(block), 4);
      const write = fixture.write(fd, "ab");
      assert.equal(api.aio_write(write), 0);
      assert.equal(await api.aio_suspend_async([write], 1, null), 0);
      const sync = fixture.sync(fd);
      assert.equal(api.aio_fsync(O_DSYNC, sync), 0);
      assert.equal(await api.lio_listio_async([fixture.read(fd, 1)], 1), 0);
      assert.equal(api.lio_listio(LIO_WAIT, [fixture.read(fd, 1)], 1, null), 0);
      assert.equal(api.aio_cancel(-1, null), -1);
      assert.equal(api.errno(), constants.errno.EBADF);
      api.aio_init({});
    }),
  );

  it("runs on any engine", () =>
    withTempDir(async () => {
      for (const engine of ["io_uring", "thread_pool", "sync", "linux_aio"] as const) {
        if (whyNot(engine) !== undefined) continue;
        await withFixture(engine, async (fixture) => {
          const { aio } = fixture;
          const fd = fixture.file();
          const write = fixture.write(fd, "written");
          assert.equal(aio.aio_write(write), 0, engine);
          const sync = fixture.sync(fd);
          assert.equal(aio.aio_fsync(O_DSYNC, sync), 0, engine);
          await fixture.done(write, sync);
          assert.deepEqual([aio.aio_error(write), aio.aio_error(sync)], [0, 0], engine);
          const read = fixture.read(fd, 64);
          aio.aio_read(read);
          await fixture.done(read);
          assert.equal(aio.aio_return(read), 7, engine);
        });
      }
    }));

  it("cannot block on an engine that needs the event loop: ENOSYS", () =>
    withFixture("thread_pool", async (fixture) => {
      const { aio } = fixture;
      const block = fixture.read(fixture.file("text"), 4);
      aio.aio_read(block);
      assert.equal(aio.aio_suspend([block], 1, null), -1);
      assert.equal(aio.errno, ENOSYS);
      assert.equal(aio.lio_listio(LIO_WAIT, [], 0, null), -1);
      assert.equal(aio.errno, ENOSYS);
      await fixture.done(block);
      assert.equal(aio.aio_return(block), 4);
    }));

  it("cancels what waits for its turn on an engine that cannot cancel", () =>
    withFixture("thread_pool", async (fixture) => {
      const { aio } = fixture;
      const pipe = fixture.pipe();
      const [first, second] = [fixture.read(pipe.read, 1), fixture.read(pipe.read, 1)];
      aio.aio_read(first);
      aio.aio_read(second);
      await fixture.pause();
      assert.equal(aio.aio_cancel(pipe.read, second), AIO_CANCELED);
      assert.equal(aio.aio_error(second), ECANCELED);
      assert.equal(aio.aio_cancel(pipe.read, null), api.AIO_NOTCANCELED);
      writeSync(pipe.write, "x");
      await fixture.done(first);
    }));

  it("refuses options that make no sense", () => {
    assert.throws(() => createAio({ engine: "none" as "sync" }), { code: "ERR_INVALID_ARG_VALUE" });
    assert.throws(() => createAio({ engine: "sync", aioMax: 0 }), { code: "ERR_OUT_OF_RANGE" });
    assert.throws(() => createAio({ engine: "sync", offsetMaximum: 0 }), {
      code: "ERR_OUT_OF_RANGE",
    });
    if (whyNot("glibc") === undefined) {
      assert.throws(() => createAio({ aioMax: 5 }), { code: "ERR_INVALID_ARG_VALUE" });
    }
    assert.throws(() => onSignalValue("SIGNOT" as "SIGINT", () => {}), {
      code: "ERR_INVALID_ARG_VALUE",
    });
    assert.throws(() => onSignalValue(0, () => {}), { code: "ERR_OUT_OF_RANGE" });
  });
});
