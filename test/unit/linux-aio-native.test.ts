import assert from "node:assert/strict";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { EAGAIN, EBADF, EINVAL } from "../../src/abi/linux.ts";
import * as abi from "../../src/abi/linux-aio.ts";
import { probeEngine } from "../../src/engines/index.ts";
import { addonOrThrow, nativeIt } from "../native/native-addon.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { memory, RawContext } from "./linux-aio-context.ts";

const child = new URL("./linux-aio-children.js", import.meta.url);

/** A test that needs the kernel's AIO, and says so where it is missing. */
function aioIt(name: string, body: (t: TestContext) => void | Promise<void>): void {
  const probed = probeEngine("linux_aio");
  it(name, probed.available ? {} : { skip: probed.reason }, body);
}

describe("src/abi/linux-aio", () => {
  nativeIt("has every name and number of the C side, and no other", () => {
    assert.deepEqual({ ...abi }, addonOrThrow().aioAbi());
  });
});

describe("aioReap()", () => {
  aioIt("takes events in their order, through many turns of the ring", () => {
    const context = new RawContext(addonOrThrow(), 8);
    const fd = openSync("/dev/zero", "r");
    const buf = memory(1);
    let next = 0;
    let seen = 0;
    // The ring has 127 places on a machine of few processors, more on larger ones.
    for (let round = 0; round < 200; round++) {
      const count = 1 + (round % 8);
      const iocbs = Array.from({ length: count }, () => context.iocb({ fd, buf, data: next++ }));
      assert.equal(context.submit(iocbs), count);
      assert.equal(context.addon.aioReady(context.id), count);
      const first = context.reap(3);
      for (const { data, obj, res, res2 } of [...first, ...context.reap(100)]) {
        assert.equal(data, seen);
        assert.equal(obj, iocbs[seen - (next - count)]);
        assert.deepEqual([res, res2], [1, 0]);
        seen++;
      }
      assert.equal(context.addon.aioReady(context.id), 0);
    }
    assert.equal(seen, next);
    assert.deepEqual(context.reap(10), []);
    closeSync(fd);
    assert.equal(context.destroy(), 0);
  });

  aioIt("shares the ring with io_getevents", () => {
    const context = new RawContext(addonOrThrow(), 64);
    const fd = openSync("/dev/zero", "r");
    const iocbs = Array.from({ length: 64 }, (_, data) =>
      context.iocb({ fd, buf: memory(1), data }),
    );
    for (let round = 0; round < 20; round++) {
      assert.equal(context.submit(iocbs), 64);
      const seen: number[] = [];
      while (seen.length < 64) {
        seen.push(...context.events(1, 5).map(({ data }) => data));
        seen.push(...context.reap(7).map(({ data }) => data));
      }
      assert.deepEqual(seen, [...iocbs.keys()]);
    }
    closeSync(fd);
    context.destroy();
  });

  aioIt("knows only contexts that are there", () => {
    const context = new RawContext(addonOrThrow(), 1);
    const { addon } = context;
    assert.equal(context.destroy(), 0);
    assert.equal(addon.aioReap(context.id, 1, 0), -EINVAL);
    assert.equal(addon.aioReady(context.id), -EINVAL);
    assert.equal(addon.aioCloseWith(context.id, 0), -EINVAL);
    assert.equal(context.destroy(), -EINVAL);
  });
});

describe("eventfdTake()", () => {
  nativeIt("reads the counter, once", () => {
    const addon = addonOrThrow();
    const fd = addon.eventfd();
    assert.equal(addon.eventfdTake(fd), -EAGAIN);
    writeSync(fd, BigUint64Array.of(7n));
    assert.equal(addon.eventfdTake(fd), 7);
    assert.equal(addon.eventfdTake(fd), -EAGAIN);
    addon.closeFd(fd);
    assert.equal(addon.eventfdTake(fd), -EBADF);
  });
});

// HAZARDS L1, L2, B9: whatever ends an environment, the kernel lets go of its memory first.
describe("aioSetup()", () => {
  for (const mode of [
    "end",
    "exit",
    "engine",
    "engine exit",
    "worker",
    "worker exit",
    "worker throw",
    "worker terminate",
    "worker terminate churn",
    "worker engine",
    "worker engine terminate",
  ]) {
    aioIt(`waits for the kernel when the environment ends: ${mode}`, async () => {
      await withTempDir(async (dir) => {
        const path = join(dir, "file");
        writeFileSync(path, Buffer.alloc(256 * 1024, 1));
        const result = await runNode(child, { args: [mode, path] });
        assert.deepEqual(
          { code: result.code, signal: result.signal, stdout: result.stdout },
          { code: 0, signal: null, stdout: "clean\n" },
          result.stderr,
        );
      }, "linux-aio");
    });
  }
});
