import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  IORING_OP_NOP,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_SINGLE_ISSUER,
  PARAMS_FLAGS,
  PARAMS_SIZE,
} from "../../src/abi/io-uring.ts";
import { EINVAL, ENOENT } from "../../src/abi/linux.ts";
import { GUARD_CQ_HEAD, GUARD_FINALS } from "../../src/native/addon.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { MiniRing } from "./mini-ring.ts";
import { addonOrThrow, ringIt } from "./native-addon.ts";

const child = new URL("./children/in-flight.js", import.meta.url);

/** Runs the child in one of its modes, and expects it to find everything let go of. */
async function expectClean(mode: string): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "file");
    if (mode.includes("churn")) writeFileSync(path, Buffer.alloc(64 * 4096, 1));
    else execFileSync("mkfifo", [path]);
    const result = await runNode(child, { args: [mode, path] });
    assert.deepEqual(
      { code: result.code, signal: result.signal, stdout: result.stdout },
      { code: 0, signal: null, stdout: "clean\n" },
      result.stderr,
    );
  }, "guard");
}

// HAZARDS L1, L2, L5, B9: whatever ends an environment, the kernel lets go of its memory first.
describe("ringGuard()", () => {
  for (const mode of [
    "end",
    "end defer",
    "exit",
    "worker",
    "worker defer",
    "worker sqpoll",
    "worker exit",
    "worker throw",
    "worker terminate",
    "worker terminate defer",
    "worker terminate churn",
  ]) {
    const flags = mode.includes("defer")
      ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN
      : 0;
    const name = `waits for the kernel when the environment ends: ${mode}`;
    ringIt(name, () => expectClean(mode), flags);
  }

  ringIt("lets the program close its ring, and forgets it", () => {
    const addon = addonOrThrow();
    const ring = new MiniRing(addon);
    ring.queue({ opcode: IORING_OP_NOP });
    assert.equal(ring.submit(1), 1);
    assert.equal(ring.reap().length, 1);
    const control = new Uint32Array(ring.control);
    assert.equal(control[GUARD_FINALS], 1);
    assert.equal(control[GUARD_CQ_HEAD], 1);
    ring.close();
    assert.equal(addon.ringUnguard(ring.fd), -ENOENT);
  });

  ringIt("refuses a ring whose memory it cannot read", () => {
    const addon = addonOrThrow();
    const ring = new MiniRing(addon, { guard: false });
    const { fd, params, rings, control } = ring;
    assert.equal(addon.ringGuard(fd, params, new ArrayBuffer(64), control), -EINVAL);
    assert.equal(addon.ringGuard(fd, params, rings, new ArrayBuffer(32)), -EINVAL);
    assert.equal(addon.ringGuard(fd, new Uint8Array(10), rings, control), -EINVAL);
    const strange = params.slice(0, PARAMS_SIZE);
    new DataView(strange.buffer).setUint32(PARAMS_FLAGS, IORING_SETUP_NO_MMAP, true);
    assert.equal(addon.ringGuard(fd, strange, rings, control), -EINVAL);
    ring.close();
  });
});
