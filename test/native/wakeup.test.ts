import assert from "node:assert/strict";
import { writeSync } from "node:fs";
import { describe } from "node:test";
import { Worker } from "node:worker_threads";
import type { NativeAddon, Wakeup } from "../../src/native/addon.ts";
import { type ChildResult, runNode } from "../support/child.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { collectGarbageUntil } from "../support/garbage.ts";
import { ok } from "./mini-ring.ts";
import { addonOrThrow, nativeIt } from "./native-addon.ts";

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);

/** A wake-up with an eventfd of its own, for the length of `body`. */
async function withWakeup(
  useThread: boolean,
  callback: () => void,
  body: (addon: NativeAddon, fd: number, wakeup: Wakeup) => void | Promise<void>,
): Promise<void> {
  const addon = addonOrThrow();
  const fd = addon.eventfd();
  const wakeup = ok(addon.wakeupOpen(fd, callback, useThread));
  try {
    addon.wakeupRef(wakeup);
    await body(addon, fd, wakeup);
  } finally {
    addon.wakeupClose(wakeup);
    addon.closeFd(fd);
  }
}

function runChild(kind: string, mode: string): Promise<ChildResult> {
  return runNode(new URL("./children/wakeup.js", import.meta.url), { args: [kind, mode] });
}

async function expectOutput(kind: string, mode: string, code: number, out: string): Promise<void> {
  const { stderr, ...result } = await runChild(kind, mode);
  assert.deepEqual(result, { code, signal: null, stdout: out, timedOut: false }, stderr);
}

for (const [kind, useThread] of [
  ["uv_poll", false],
  ["thread", true],
] as const) {
  describe(`wakeupOpen(), ${kind}`, () => {
    nativeIt("says how it watches", () =>
      withWakeup(
        useThread,
        () => {},
        (addon, _, wakeup) => assert.equal(addon.wakeupKind(wakeup), kind),
      ),
    );

    nativeIt("calls back when another thread signals", async () => {
      let wake = () => {};
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await withWakeup(useThread, wake, async (_, fd) => {
        const source =
          "require('node:fs').writeSync(require('node:worker_threads').workerData, " +
          "new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]))";
        const worker = new Worker(source, { eval: true, workerData: fd });
        await woken;
        await worker.terminate();
      });
    });

    nativeIt("runs what the callback queued before the loop goes on", async () => {
      const order: string[] = [];
      let finish = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const callback = () => {
        order.push("callback");
        setImmediate(() => {
          order.push("immediate");
          finish();
        });
        process.nextTick(() => order.push("tick"));
        queueMicrotask(() => order.push("microtask"));
      };
      await withWakeup(useThread, callback, async (_, fd) => {
        writeSync(fd, ONE);
        await finished;
      });
      assert.deepEqual(order, ["callback", "tick", "microtask", "immediate"]);
    });

    // HAZARDS Q6: a signal that comes at any moment is followed by a callback.
    nativeIt("loses no signal in 20000 rounds", async () => {
      const rounds = 20_000;
      let seen = 0;
      let finish = () => {};
      let target = 0;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const callback = () => {
        seen++;
        if (seen < rounds) writeSync(target, ONE);
        else finish();
      };
      await withWakeup(useThread, callback, async (_, fd) => {
        target = fd;
        writeSync(fd, ONE);
        await finished;
      });
      assert.equal(seen, rounds);
    });

    nativeIt("is silent once closed, even when it was signaled before", async () => {
      let calls = 0;
      await withWakeup(
        useThread,
        () => calls++,
        async (addon, fd, wakeup) => {
          writeSync(fd, ONE);
          addon.wakeupClose(wakeup);
          addon.wakeupClose(wakeup);
          for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
        },
      );
      assert.equal(calls, 0);
    });

    nativeIt("can be closed by its own callback", async () => {
      const addon = addonOrThrow();
      const fd = addon.eventfd();
      await new Promise<void>((resolve) => {
        const wakeup: Wakeup = ok(
          addon.wakeupOpen(
            fd,
            () => {
              addon.wakeupClose(wakeup);
              resolve();
            },
            useThread,
          ),
        );
        addon.wakeupRef(wakeup);
        writeSync(fd, ONE);
      });
      addon.closeFd(fd);
    });

    nativeIt("goes on when nothing but the loop knows it any more", async () => {
      const addon = addonOrThrow();
      const fd = addon.eventfd();
      let calls = 0;
      addon.wakeupOpen(fd, () => calls++, useThread);
      const gone = new WeakRef({});
      await collectGarbageUntil(() => gone.deref() === undefined);
      writeSync(fd, ONE);
      assert.ok(await collectGarbageUntil(() => calls === 1));
    });

    nativeIt("lets go of everything when it is closed", async () => {
      const addon = addonOrThrow();
      const fd = addon.eventfd();
      const before = openDescriptors().length;
      // In a function of its own, so that nothing is left on the stack.
      const openAndClose = () => {
        const callback = () => {};
        addon.wakeupClose(ok(addon.wakeupOpen(fd, callback, useThread)));
        return new WeakRef(callback);
      };
      const callbacks = Array.from({ length: 10 }, openAndClose);
      const gone = () => callbacks.every((reference) => reference.deref() === undefined);
      assert.ok(await collectGarbageUntil(gone));
      assert.equal(openDescriptors().length, before);
      addon.closeFd(fd);
    });

    nativeIt("does not keep the process alive by itself", () =>
      expectOutput(kind, "unreferenced", 0, ""),
    );

    nativeIt("keeps the process alive while it is referenced, and wakes it", () =>
      expectOutput(kind, "referenced", 0, "woken\n"),
    );

    nativeIt("turns an exception in the callback into an uncaughtException", () =>
      expectOutput(kind, "throws", 0, "uncaught: on purpose\n"),
    );

    nativeIt("ends the process for an exception that nobody handles", async () => {
      const result = await runChild(kind, "dies");
      assert.equal(result.code, 1);
      assert.match(result.stderr, /Error: on purpose/);
    });

    nativeIt("lets the callback end the process", () => expectOutput(kind, "exits", 3, ""));

    for (const mode of ["worker unreferenced", "worker referenced", "worker storm"]) {
      nativeIt(`goes with the Worker that opened it: ${mode}`, () =>
        expectOutput(kind, mode, 0, "ended\n"),
      );
    }
  });
}

describe("wakeupOpen()", () => {
  nativeIt("answers what the kernel answers for a bad descriptor", () => {
    assert.ok((addonOrThrow().wakeupOpen(99_999, () => {}, false) as unknown as number) < 0);
    assert.ok((addonOrThrow().wakeupOpen(-1, () => {}, true) as unknown as number) < 0);
  });

  nativeIt("has none without a descriptor, and calls once however often it is sent", async () => {
    const addon = addonOrThrow();
    let calls = 0;
    let inTick = false;
    const called = new Promise<void>((resolve) => {
      const wakeup = ok(
        addon.wakeupOpen(
          -1,
          () => {
            calls++;
            process.nextTick(() => {
              inTick = true;
            });
            setImmediate(() => {
              assert.equal(inTick, true);
              addon.wakeupClose(wakeup);
              // Of a closed one nobody hears any more.
              addon.wakeupSend(wakeup);
              resolve();
            });
          },
          false,
        ),
      );
      assert.equal(addon.wakeupKind(wakeup), "uv_async");
      addon.wakeupRef(wakeup);
      addon.wakeupSend(wakeup);
      addon.wakeupSend(wakeup);
      assert.equal(calls, 0);
    });
    await called;
    assert.equal(calls, 1);
  });

  nativeIt("wants a function", () => {
    const addon = addonOrThrow() as unknown as { wakeupOpen(...args: unknown[]): unknown };
    assert.throws(() => addon.wakeupOpen(1, "x", false), TypeError);
    assert.throws(() => addon.wakeupOpen(1), TypeError);
  });
});
