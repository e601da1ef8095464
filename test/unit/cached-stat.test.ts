import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_FORCE_SYNC,
  AT_SYMLINK_NOFOLLOW,
  EAGAIN,
  EPERM,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
} from "../../src/abi/linux.ts";
import { OperationKind } from "../../src/core/index.ts";
import { CachedStat } from "../../src/engines/io-uring/cached-stat.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { Scratch } from "../../src/engines/io-uring/scratch.ts";
import { decodeStatx, STATX_BUFFER_BYTES } from "../../src/runtime/statx.ts";
import { addonOrThrow, nativeIt } from "../native/native-addon.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { makeRequest, type RecordedCompletion, type RequestFields } from "../support/engines.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { withTempDir } from "../support/temp-dir.ts";

const MASK = STATX_BASIC_STATS | STATX_BTIME;
const MOUNT = 0x8000_0007;

function statRequest(fields: RequestFields) {
  return makeRequest({ kind: OperationKind.Statx, fd: AT_FDCWD, path: "", extra: MASK, ...fields });
}

/** A status as it is in the kernel's memory; undefined where the ring is to be asked. */
function statOf(fields: RequestFields) {
  const addon = addonOrThrow();
  const scratch = new Scratch(addon, addon.allocate(Scratch.size(4), 4096, false) as ArrayBuffer);
  const bytes = new Uint8Array(STATX_BUFFER_BYTES);
  const request = statRequest(fields);
  request.setAddress(addon.addressOf(bytes));
  return new CachedStat(addon, scratch).fill(request, 1) ? decodeStatx(bytes) : undefined;
}

/** Why the machine cannot do it: the kernel is too old, or its temporary folder is not local. */
function whyNot(path: string): string | undefined {
  return statOf({ path }) === undefined ? "The ring has to be asked for files here" : undefined;
}

/** An engine over a kernel that has statuses in its memory, if told so. */
function engineOver(mount: number) {
  const kernel = new FakeKernel();
  kernel.mount = mount;
  const wake = () => {};
  const options = { entries: 8, completionEntries: 16, depth: 64, sqPollIdleMs: 0, wake };
  const engine = new IoUringEngine(kernel.addon, { ...options, sqPoll: false });
  const completions: RecordedCompletion[] = [];
  const sink = {
    complete: (index: number, generation: number, result: number, more: boolean) =>
      void completions.push({ index, generation, result, more }),
  };
  kernel.onSqe = (sqe) => kernel.answer(sqe, 0);
  kernel.log.length = 0;
  return { kernel, engine, completions, sink };
}

describe("a status that the kernel has in memory", () => {
  nativeIt("is what node:fs says of it", (t) =>
    withTempDir((dir) => {
      const [file, link] = [join(dir, "file"), join(dir, "link")];
      fs.writeFileSync(file, "content");
      fs.symlinkSync("file", link);
      // Whoever follows a link writes down when that was, which may wait; not if it is later.
      const later = Date.now() / 1000 + 3600;
      fs.lutimesSync(link, later, later - 7200);
      const skip = whyNot(file);
      if (skip !== undefined) {
        t.skip(skip);
        return;
      }
      const before = openDescriptors();
      const same = (made: ReturnType<typeof statOf>, stats: fs.Stats) => {
        assert.ok(made !== undefined);
        const { mode, size, nlink, uid, gid, blocks, mtimeMs, mountId } = made;
        const { ino, ctimeMs } = stats;
        assert.deepEqual(
          { mode, size, nlink, uid, gid, blocks, mtimeMs },
          {
            mode: stats.mode,
            size: stats.size,
            nlink: stats.nlink,
            uid: stats.uid,
            gid: stats.gid,
            blocks: stats.blocks,
            mtimeMs: stats.mtimeMs,
          },
        );
        assert.deepEqual([made.ino, made.ctimeMs], [BigInt(ino), ctimeMs]);
        assert.equal(mountId, 0n, "A number that nobody asked for");
      };
      same(statOf({ path: file }), fs.statSync(file));
      same(statOf({ path: Buffer.from(file) }), fs.statSync(file));
      same(statOf({ path: dir }), fs.statSync(dir));
      same(statOf({ path: link }), fs.statSync(file));
      same(statOf({ path: link, flags: AT_SYMLINK_NOFOLLOW }), fs.lstatSync(link));
      const folder = fs.openSync(dir, "r");
      same(statOf({ path: "file", fd: folder }), fs.statSync(file));
      same(statOf({ fd: folder, flags: AT_EMPTY_PATH }), fs.fstatSync(folder));
      fs.closeSync(folder);
      assert.deepEqual(openDescriptors(), before);
    }),
  );

  nativeIt("is left to the ring where there is more to it", () =>
    withTempDir((dir) => {
      assert.equal(statOf({ path: join(dir, "missing") }), undefined);
      assert.equal(statOf({ path: join(dir, "") }) !== undefined, whyNot(dir) === undefined);
      assert.equal(statOf({ path: "" }), undefined);
      assert.equal(statOf({ path: "/proc/self/status" }), undefined, "Not a local file system");
      assert.equal(statOf({ path: dir, flags: AT_STATX_FORCE_SYNC }), undefined);
      assert.equal(statOf({ path: dir, extra: MASK | STATX_MNT_ID }), undefined);
      assert.equal(statOf({ path: dir, fixedFile: true }), undefined);
      assert.equal(statOf({ path: dir, offLoop: true }), undefined);
      assert.equal(statOf({ path: dir, fd: -1 }) !== undefined, whyNot(dir) === undefined);
    }),
  );
});

describe("IoUringEngine, asked for a status", () => {
  it("answers one alone without the kernel's ring, and gives it the rest", () => {
    const { kernel, engine, completions, sink } = engineOver(MOUNT);
    for (let i = 0; i < 3; i++) engine.queue(statRequest({ path: "/x" }), i, 9);
    assert.deepEqual(kernel.log, ["statx", `mount ${MOUNT}`]);
    assert.deepEqual(completions, [], "Nobody is told before the turn of the engine");
    engine.commit();
    assert.equal(engine.idle(), true);
    while (engine.reap(sink, 16) > 0);
    assert.deepEqual(
      kernel.taken.map(({ low }) => low),
      [1, 2],
    );
    assert.deepEqual(completions[0], { index: 0, generation: 9, result: 0, more: false });
    assert.equal(completions.length, 3);
    engine.queue(statRequest({ path: "/x" }), 0, 10);
    assert.equal(kernel.log.filter((line) => line.startsWith("mount")).length, 1);
    engine.close();
  });

  it("does not wait where something is done", () => {
    const { engine, kernel, completions, sink } = engineOver(MOUNT);
    engine.queue(statRequest({ path: "/x" }), 0, 1);
    const { length } = kernel.enters;
    engine.wait(1, Number.POSITIVE_INFINITY);
    assert.equal(kernel.enters.length, length);
    assert.equal(engine.reap(sink, 1), 1);
    assert.equal(completions.length, 1);
    engine.close();
  });

  it("goes behind what is staged, and leaves chains and deadlines alone", () => {
    const { kernel, engine } = engineOver(MOUNT);
    engine.queue(statRequest({ path: "/x", deadlineMs: 5 }), 0, 1);
    engine.commit();
    engine.queue(makeRequest({ kind: OperationKind.Nop }), 1, 1);
    engine.queue(statRequest({ path: "/x" }), 2, 1);
    engine.commit();
    assert.deepEqual(kernel.log, []);
    engine.close();
  });

  it("takes only what asks nobody else", () => {
    const { kernel, engine } = engineOver(MOUNT);
    kernel.magic = 0x6969;
    for (let i = 0; i < 2; i++) {
      engine.queue(statRequest({ path: "/nfs" }), i, 1);
      engine.commit();
    }
    assert.deepEqual(kernel.log, ["statx", `mount ${MOUNT}`, "statx"]);
    assert.equal(kernel.taken.length, 2);
    engine.close();
  });

  it("asks again after what only this path was refused for, and else never", () => {
    for (const [answer, times] of [
      [-EAGAIN, 2],
      [-EPERM, 1],
    ] as const) {
      const { kernel, engine } = engineOver(answer);
      for (let i = 0; i < 2; i++) {
        engine.queue(statRequest({ path: "/x" }), i, 1);
        engine.commit();
      }
      assert.deepEqual(kernel.log, Array(times).fill("statx"));
      assert.equal(kernel.taken.length, 2);
      engine.close();
    }
  });
});
