import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SUBMIT_ALL,
} from "../../src/abi/io-uring.ts";
import { ENOMEM } from "../../src/abi/linux.ts";
import { type EngineName, OPERATIONS } from "../../src/core/index.ts";
import { probeEngine } from "../../src/engines/index.ts";
import { probeOpcodes } from "../../src/engines/io-uring/capabilities.ts";
import { describeFlags } from "../../src/engines/io-uring/describe.ts";
import { OPCODES } from "../../src/engines/io-uring/requests.ts";
import { openRing } from "../../src/engines/io-uring/setup.ts";
import { mayDefer } from "../../src/engines/io-uring/wakes-at-once.ts";
import { loadNative } from "../../src/native/load.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";
import type { Degradation } from "./degraded-child.ts";

const ENOTSUP = 95;
const EMFILE = 24;

interface Said {
  readonly engine: EngineName;
  readonly emulated: readonly string[];
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/** Runs the child with something taken away. It fails if anything does not work then. */
async function run(how: Degradation): Promise<Said> {
  const child = new URL("./degraded-child.js", import.meta.url);
  const env = { PROACTOR_ENGINE: undefined, PROACTOR_NO_NATIVE: undefined };
  const { code, stdout, stderr } = await withTempDir((dir) =>
    runNode(child, { args: [JSON.stringify(how), dir], env }),
  );
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Said;
}

/** The setup flags of a ring of ours, and the operations that this kernel has no opcode for. */
function thisKernel(): { readonly setupFlags: number; readonly lacks: readonly string[] } {
  const native = loadNative();
  if (!native.available || !probeEngine("io_uring").available) return { setupFlags: 0, lacks: [] };
  const defer = mayDefer(native.addon);
  const options = { entries: 8, completionEntries: 16, sqPoll: false, sqPollIdleMs: 0, defer };
  const ring = openRing(native.addon, options);
  const opcodes = probeOpcodes(native.addon, ring.fd);
  ring.close();
  const lacks = OPERATIONS.filter((_, kind) => !opcodes.has(OPCODES[kind] as number));
  return { setupFlags: ring.flags, lacks: lacks.map(({ name }) => name) };
}

// HAZARDS E3, B8: kernels and runtimes that have less, on this kernel.
describe("with less than this kernel has, everything works", () => {
  const skip = !probeEngine("io_uring").available && "io_uring cannot run here";
  const flags = ({ details }: Said) => String(details.setupFlags).split(" ");
  const { setupFlags, lacks } = thisKernel();
  /** What was never there cannot be taken away. */
  const unless = (wanted: number) =>
    skip || ((setupFlags & wanted) !== wanted && `this kernel lacks ${describeFlags(wanted)}`);

  it("with nothing taken away", { skip }, async () => {
    const said = await run({});
    assert.equal(said.engine, "io_uring");
    const links = (setupFlags & IORING_SETUP_SUBMIT_ALL) === 0 ? ["links"] : [];
    // No IOSQE_IO_DRAIN: it would hold back linked timeouts and cancellations as well.
    assert.deepEqual(said.emulated, [...lacks, ...links, "drain"]);
  });

  const deferring = { skip: unless(IORING_SETUP_DEFER_TASKRUN) };
  it("without NO_SQARRAY (before 6.6)", deferring, async () => {
    const said = await run({ unknownFlags: IORING_SETUP_NO_SQARRAY });
    assert.ok(flags(said).includes("DEFER_TASKRUN"));
    assert.ok(!flags(said).includes("NO_SQARRAY"));
  });

  it("without DEFER_TASKRUN (before 6.1)", deferring, async () => {
    const unknownFlags = IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN;
    const said = await run({ unknownFlags });
    assert.ok(flags(said).includes("COOP_TASKRUN"));
  });

  const submitting = { skip: unless(IORING_SETUP_SUBMIT_ALL) };
  it("without COOP_TASKRUN (before 5.19)", submitting, async () => {
    const unknownFlags =
      IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN;
    const said = await run({ unknownFlags, noRegisteredRing: true });
    assert.deepEqual(flags(said).toSorted(), ["CLAMP", "CQSIZE", "SUBMIT_ALL"]);
    assert.equal(said.details.registeredRing, false);
  });

  it("without SUBMIT_ALL (before 5.18), when the runtime keeps the order", { skip }, async () => {
    const said = await run({ unknownFlags: IORING_SETUP_NO_SQARRAY | IORING_SETUP_SUBMIT_ALL });
    assert.deepEqual(flags(said).toSorted(), ["CLAMP", "CQSIZE"]);
    assert.ok(said.emulated.includes("links"));
  });

  it("without some opcodes, which another engine does then", { skip }, async () => {
    const unknownOperations = ["truncate", "mkdir", "rename", "symlink", "link"];
    const said = await run({ unknownOperations });
    assert.equal(said.engine, "io_uring");
    for (const name of unknownOperations) assert.ok(said.emulated.includes(name), name);
  });

  it("with wake-ups that come from a thread", { skip }, async () => {
    const said = await run({ thread: true });
    assert.equal(said.details.wakeup, "thread");
  });

  // HAZARDS B1, B8: memory that cannot be held is copied.
  it("where memory cannot be held", { skip }, async () => {
    assert.equal((await run({ answers: { hold: null } })).engine, "io_uring");
  });

  it("where memory from outside is refused, on the thread pool", { skip }, async () => {
    assert.notEqual((await run({ answers: { map: -ENOTSUP } })).engine, "io_uring");
  });

  it("where there are no descriptors or no memory left for a ring", { skip }, async () => {
    for (const [name, errno] of [
      ["eventfd", EMFILE],
      ["wakeupOpen", ENOMEM],
      ["ringGuard", ENOMEM],
    ] as const) {
      assert.notEqual((await run({ answers: { [name]: -errno } })).engine, "io_uring", name);
    }
  });
});
