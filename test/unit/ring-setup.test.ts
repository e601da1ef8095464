import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  IORING_OP_LISTEN,
  IORING_OP_OPENAT2,
  IORING_REGISTER_PROBE,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from "../../src/abi/io-uring.ts";
import { EINVAL, ENOMEM, ENOSYS, EPERM } from "../../src/abi/linux.ts";
import { OPERATIONS, OperationKind } from "../../src/core/index.ts";
import { availabilityOf } from "../../src/engines/io-uring/availability.ts";
import {
  capabilitiesOf,
  hasWideAdvice,
  probeOpcodes,
} from "../../src/engines/io-uring/capabilities.ts";
import { IoUringEngine } from "../../src/engines/io-uring/engine.ts";
import { OPCODES } from "../../src/engines/io-uring/requests.ts";
import {
  openRing,
  REQUIRED_FEATURES,
  setupFlagCandidates,
  tryRing,
} from "../../src/engines/io-uring/setup.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

const OPTIONS = { entries: 8, completionEntries: 16, sqPoll: false, sqPollIdleMs: 50 };
const ENGINE_OPTIONS = { ...OPTIONS, depth: 16, wake: () => {} };
const ALWAYS = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
const EMFILE = 24;

describe("setupFlagCandidates", () => {
  it("begins with everything, and ends with what Linux 5.7 knows", () => {
    const candidates = setupFlagCandidates(false);
    const best = candidates[0] as number;
    for (const flag of [
      IORING_SETUP_SINGLE_ISSUER,
      IORING_SETUP_DEFER_TASKRUN,
      IORING_SETUP_SUBMIT_ALL,
      IORING_SETUP_NO_SQARRAY,
      IORING_SETUP_TASKRUN_FLAG,
    ]) {
      assert.notEqual(best & flag, 0);
    }
    assert.equal(candidates.at(-1), ALWAYS);
    assert.ok(candidates.every((flags) => (flags & IORING_SETUP_SQPOLL) === 0));
  });

  it("never asks for what the kernel refuses together", () => {
    for (const flags of [...setupFlagCandidates(false), ...setupFlagCandidates(true)]) {
      const has = (flag: number) => (flags & flag) !== 0;
      if (has(IORING_SETUP_DEFER_TASKRUN)) assert.ok(has(IORING_SETUP_SINGLE_ISSUER));
      if (has(IORING_SETUP_TASKRUN_FLAG)) {
        assert.ok(has(IORING_SETUP_COOP_TASKRUN) || has(IORING_SETUP_DEFER_TASKRUN));
      }
      if (has(IORING_SETUP_SQPOLL)) {
        assert.ok(!has(IORING_SETUP_DEFER_TASKRUN) && !has(IORING_SETUP_COOP_TASKRUN));
      }
    }
  });
});

describe("openRing", () => {
  it("peels flags off for as long as the kernel answers EINVAL", () => {
    const cases = [
      [0, 1],
      [IORING_SETUP_NO_SQARRAY, 2],
      [IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN, 3],
      [IORING_SETUP_NO_SQARRAY | IORING_SETUP_TASKRUN_FLAG, 4],
      [IORING_SETUP_NO_SQARRAY | IORING_SETUP_SUBMIT_ALL, 5],
    ] as const;
    for (const [unknown, tries] of cases) {
      const kernel = new FakeKernel();
      kernel.unknownSetupFlags = unknown;
      const ring = openRing(kernel.addon, OPTIONS);
      assert.equal(kernel.setupFlags.length, tries);
      assert.deepEqual(kernel.setupFlags, setupFlagCandidates(false).slice(0, tries));
      assert.equal(ring.flags, kernel.setupFlags.at(-1));
      ring.close();
      assert.equal(kernel.open.size, 0);
    }
  });

  it("gives up with EINVAL when not even the plainest ring is taken", () => {
    const kernel = new FakeKernel();
    kernel.unknownSetupFlags = IORING_SETUP_CLAMP;
    const expected = { code: "EINVAL", errno: -EINVAL, syscall: "io_uring_setup" };
    assert.throws(() => openRing(kernel.addon, OPTIONS), expected);
    assert.equal(kernel.setupFlags.length, setupFlagCandidates(false).length);
  });

  it("never asks again after anything but EINVAL", () => {
    for (const errno of [EPERM, ENOMEM, ENOSYS, EMFILE]) {
      const kernel = new FakeKernel();
      kernel.setupResult = -errno;
      const expected = { errno: -errno, syscall: "io_uring_setup" };
      assert.throws(() => openRing(kernel.addon, OPTIONS), expected);
      assert.equal(kernel.setupFlags.length, 1, `errno ${errno}`);
    }
  });

  it("fills the indirection array where the kernel has one", () => {
    const kernel = new FakeKernel();
    kernel.unknownSetupFlags = IORING_SETUP_NO_SQARRAY;
    const { sq } = openRing(kernel.addon, OPTIONS);
    for (let i = 0; i < 8; i++) sq.sqes[sq.reserve()] = i;
    sq.publish();
    kernel.uringEnter(0, 8, 0, 0);
    assert.deepEqual(
      kernel.taken.map(({ opcode }) => opcode),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
  });

  it("closes the descriptor when features are missing or mapping fails", () => {
    const old = new FakeKernel();
    old.features = REQUIRED_FEATURES & ~2;
    const wanted = { code: "ERR_PROACTOR_ENGINE_UNAVAILABLE", remedy: "Use Linux 5.7 or newer" };
    assert.throws(() => openRing(old.addon, OPTIONS), wanted);
    assert.equal(old.open.size, 0);
    const full = new FakeKernel();
    full.refuse.set("map", -ENOMEM);
    assert.throws(() => openRing(full.addon, OPTIONS), { code: "ENOMEM", syscall: "mmap" });
    assert.equal(full.open.size, 0);
  });
});

describe("tryRing", () => {
  it("leaves nothing open", () => {
    const kernel = new FakeKernel();
    tryRing(kernel.addon);
    kernel.features = 0;
    assert.throws(() => tryRing(kernel.addon), { code: "ERR_PROACTOR_ENGINE_UNAVAILABLE" });
    assert.equal(kernel.open.size, 0);
  });
});

describe("IoUringEngine.constructor", () => {
  it("leaves nothing open, whichever step fails", () => {
    for (const [step, errno] of [
      ["map", ENOMEM],
      ["allocate", ENOMEM],
      ["eventfd", EMFILE],
      ["register 4", EINVAL],
      ["wakeupOpen", ENOMEM],
      ["ringGuard", EINVAL],
    ] as const) {
      const kernel = new FakeKernel();
      kernel.refuse.set(step, -errno);
      assert.throws(() => new IoUringEngine(kernel.addon, ENGINE_OPTIONS), { errno: -errno }, step);
      assert.deepEqual([...kernel.open], [], step);
      const opened = step === "ringGuard";
      assert.equal(kernel.log.includes("wakeupClose"), opened, `${step}: the wake-up`);
    }
  });

  it("closes what it opened", () => {
    const kernel = new FakeKernel();
    const engine = new IoUringEngine(kernel.addon, ENGINE_OPTIONS);
    assert.ok(kernel.open.size > 0);
    engine.close();
    assert.equal(kernel.open.size, 0);
    const end = kernel.log.filter((entry) => !entry.startsWith("register"));
    assert.deepEqual(end.slice(0, 2), ["ringUnguard", "wakeupClose"], "Before the descriptors");
  });
});

describe("capabilitiesOf", () => {
  const capabilities = (kernel: FakeKernel, entries = 8) => {
    const ring = openRing(kernel.addon, { ...OPTIONS, entries });
    return capabilitiesOf(ring, probeOpcodes(kernel.addon, ring.fd));
  };

  it("asks for every opcode", () => {
    const kernel = new FakeKernel();
    assert.deepEqual(
      capabilities(kernel).operations,
      OPERATIONS.map(() => true),
    );
    for (const kind of [OperationKind.Truncate, OperationKind.Mkdir]) {
      kernel.missingOpcodes.add(OPCODES[kind] as number);
      assert.equal(capabilities(kernel).operations[kind], false);
    }
    kernel.missingOpcodes.add(IORING_OP_OPENAT2);
    assert.equal(capabilities(kernel).operations[OperationKind.Open], true);
  });

  it("tells from what came with it whether fadvise takes 64 bits of length", () => {
    const kernel = new FakeKernel();
    const { fd } = openRing(kernel.addon, OPTIONS);
    assert.equal(hasWideAdvice(probeOpcodes(kernel.addon, fd)), true);
    kernel.missingOpcodes.add(IORING_OP_LISTEN);
    assert.equal(hasWideAdvice(probeOpcodes(kernel.addon, fd)), false);
  });

  it("claims nothing where the kernel cannot be asked", () => {
    const kernel = new FakeKernel();
    kernel.refuse.set(`register ${IORING_REGISTER_PROBE}`, -EINVAL);
    assert.ok(capabilities(kernel).operations.every((can) => !can));
  });

  it("leaves chains and deadlines to the runtime where the ring is not up to them", () => {
    const kernel = new FakeKernel();
    assert.deepEqual([capabilities(kernel).links, capabilities(kernel).deadline], [true, true]);
    kernel.unknownSetupFlags = IORING_SETUP_SUBMIT_ALL;
    assert.equal(capabilities(kernel).links, false, "A chain would end at a refused SQE");
    assert.equal(capabilities(kernel, 1).deadline, false, "No room for a linked timeout");
  });
});

// HAZARDS E1: a kernel without io_uring, or one that forbids it, is told apart and explained.
describe("availabilityOf", () => {
  const SECCOMP = "Name:\tnode\nSeccomp:\t2\nSeccomp_filters:\t1\n";
  const ask = (kernel: FakeKernel, files: Readonly<Record<string, string>> = {}) =>
    availabilityOf({ available: true, addon: kernel.addon }, (path) => files[path] ?? "");
  const refusing = (errno: number) => Object.assign(new FakeKernel(), { setupResult: -errno });

  it("says yes to a kernel that sets a ring up", () => {
    assert.deepEqual(ask(new FakeKernel()), { available: true });
  });

  it("passes on why there is no addon", () => {
    const reason = { available: false, reason: "No compiler", remedy: "Install one" } as const;
    assert.deepEqual(
      availabilityOf(reason, () => ""),
      reason,
    );
  });

  const disabled = "/proc/sys/kernel/io_uring_disabled";
  const status = "/proc/self/status";
  const rows: readonly [string, FakeKernel, Record<string, string>, RegExp, RegExp][] = [
    ["ENOSYS", refusing(ENOSYS), {}, /no io_uring \(ENOSYS\).*5\.1/, /CONFIG_IO_URING/],
    ["ENOMEM", refusing(ENOMEM), {}, /locked-memory limit/, /RLIMIT_MEMLOCK/],
    [
      "io_uring_disabled=2",
      refusing(EPERM),
      { [disabled]: "2" },
      /io_uring_disabled=2/,
      /sysctl kernel\.io_uring_disabled=0/,
    ],
    [
      "io_uring_disabled=1",
      refusing(EPERM),
      { [disabled]: "1", [status]: SECCOMP },
      /io_uring_disabled=1/,
      /io_uring_group/,
    ],
    [
      "seccomp",
      refusing(EPERM),
      { [disabled]: "0", [status]: SECCOMP },
      /seccomp filter/,
      /seccomp=unconfined/,
    ],
    ["a security module", refusing(EPERM), { [status]: "Seccomp:\t0\n" }, /forbids/, /SELinux/],
    ["no descriptor", refusing(EMFILE), {}, /No descriptor was left .*EMFILE/, /ulimit -n/],
    ["another errno", refusing(EINVAL), {}, /io_uring_setup failed with EINVAL/, /^$/],
    [
      "an old kernel",
      Object.assign(new FakeKernel(), { features: 1 }),
      {},
      /lacks features: have 0x1,/,
      /5\.7/,
    ],
  ];
  for (const [title, kernel, files, reason, remedy] of rows) {
    it(`says why not, and what to do: ${title}`, () => {
      const answer = ask(kernel, files);
      assert.ok(!answer.available);
      assert.match(answer.reason, reason);
      assert.match(answer.remedy, remedy);
    });
  }
});
