import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { probeEngine } from "../../src/engines/index.ts";
import { Proactor } from "../../src/index.ts";
import { sessionOf } from "../../src/runtime/proactor.ts";
import { type ChildResult, moduleUrl, runProgram } from "../support/child.ts";
import { describeOnSystem, withProactor } from "../support/conformance.ts";
import { patienceMs } from "../support/patience.ts";
import { withPipes } from "../support/pipes.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Node's own errno, and what Linux calls them. */
const EPERM = "1";
const ENOSYS = "38";

const folder = fs.mkdtempSync(join(tmpdir(), "proactor-seccomp-"));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Builds the program that takes io_uring away. Tells why it cannot. */
function build(): { program: string } | { reason: string } {
  if (process.platform !== "linux") return { reason: "seccomp is Linux's" };
  // The source is not compiled by tsc, so it lies where it was written.
  const source = fileURLToPath(new URL("../../../test/support/deny-io-uring.c", import.meta.url));
  const program = join(folder, "deny-io-uring");
  const { status, error, stderr } = spawnSync("cc", ["-O1", "-o", program, source]);
  if (error !== undefined) return { reason: "There is no C compiler (cc) to build a helper with" };
  assert.equal(status, 0, String(stderr));
  const tried = spawnSync(program, [EPERM, "true"], { encoding: "utf8" });
  if (tried.status === 125) return { reason: `seccomp filters are refused here: ${tried.stderr}` };
  return { program };
}

const built = build();
const { available } = probeEngine("io_uring");

// HAZARDS E1: io_uring is there and forbidden; the process must not notice but for the speed.
describe("io_uring, denied", () => {
  const skip = "reason" in built ? built.reason : !available && "io_uring cannot run here anyway";

  /** Runs a program that has `proactor` and `Proactor`, with io_uring denied. */
  function denied(
    action: string,
    source: string,
    env: Record<string, string> = {},
  ): Promise<ChildResult> {
    assert.ok("program" in built);
    const text = `
      import { proactor, Proactor } from "${moduleUrl("src/index.ts")}";
      ${source}
    `;
    const node = [process.execPath, "--input-type=module", "--eval", text];
    return runProgram(built.program, {
      args: [action, ...node],
      env: { PROACTOR_ENGINE: undefined, PROACTOR_NO_NATIVE: undefined, ...env },
    });
  }

  const works = `
    const fd = await proactor.open("/proc/self/stat");
    console.log(await proactor.read(fd, Buffer.alloc(10)), proactor.engine);
  `;

  for (const [action, reason, remedy] of [
    [EPERM, /seccomp filter forbids io_uring \(EPERM\)/, /seccomp=unconfined/],
    [ENOSYS, /no io_uring \(ENOSYS\)/, /CONFIG_IO_URING/],
  ] as const) {
    it(`with errno ${action} is explained, and another engine works`, { skip }, async () => {
      const { code, stdout, stderr } = await denied(
        action,
        `${works}
        const { engines } = proactor.explain();
        console.log(JSON.stringify(engines.find(({ name }) => name === "io_uring")));
        try { new Proactor({ engine: "io_uring" }).nop(); }
        catch ({ code, message }) { console.log(code, message); }`,
      );
      assert.equal(code, 0, stderr);
      const [worked, explained, refused] = stdout.trim().split("\n") as [string, string, string];
      assert.match(worked, /^10 (?!io_uring)\w+$/);
      const { availability, verdict } = JSON.parse(explained);
      assert.equal(verdict, "unavailable");
      assert.match(availability.reason, reason);
      assert.match(availability.remedy, remedy);
      assert.match(refused, /^ERR_PROACTOR_ENGINE_UNAVAILABLE The engine io_uring cannot run here/);
    });
  }

  for (const [call, number] of [
    ["io_uring_enter", 426],
    ["io_uring_register", 427],
  ] as const) {
    it(`for ${call} alone is found before a ring is used`, { skip }, async () => {
      const { code, stdout, stderr } = await denied(
        `${EPERM}@${number}`,
        `${works}
        const { engines } = proactor.explain();
        console.log(engines.find(({ name }) => name === "io_uring").availability.reason);`,
      );
      assert.equal(code, 0, stderr);
      const [worked, reason] = stdout.trim().split("\n");
      assert.equal(worked, "10 thread_pool");
      assert.equal(reason, `A seccomp filter forbids ${call} (EPERM)`);
    });
  }

  it("by death is avoided when another engine is forced: nobody asks then", { skip }, async (t) => {
    const bare = await denied("kill", "setTimeout(() => undefined, 1);");
    if (bare.signal === "SIGSYS") {
      t.skip(`libuv of Node ${process.versions.node} makes a ring of its own`);
      return;
    }
    const killed = await denied("kill", works);
    assert.equal(killed.signal, "SIGSYS", "The filter works");
    for (const env of [{ PROACTOR_ENGINE: "thread_pool" }, { PROACTOR_NO_NATIVE: "1" }]) {
      const { code, stdout, stderr } = await denied("kill", `${works} proactor.explain();`, env);
      assert.deepEqual([code, stdout.trim()], [0, "10 thread_pool"], stderr);
    }
    const asked = `
      const own = new Proactor({ engine: "thread_pool" });
      console.log(await own.nop(), own.engine, own.explain().engines[0].verdict);
    `;
    const { code, stdout, stderr } = await denied("kill", asked);
    assert.deepEqual([code, stdout.trim()], [0, "0 thread_pool not asked"], stderr);
  });
});

// HAZARDS S7: what a file system cannot do is told as it is.
describeOnSystem("file systems without O_DIRECT", (engine) => {
  const shm = "/dev/shm";
  const skip = !fs.existsSync(shm) && "There is no tmpfs to ask";

  it("refuse it, or do it", { skip }, () =>
    withProactor({ engine }, async (p) => {
      const path = join(shm, `proactor-${process.pid}`);
      try {
        const fd = await p.open(path, fs.constants.O_DIRECT | fs.constants.O_CREAT | 2);
        const buffer = p.allocate(4096);
        assert.equal(await p.write(fd, buffer, { offset: 0 }), 4096);
        assert.equal(await p.read(fd, buffer, { offset: 0 }), 4096);
        await p.close(fd);
      } catch (error) {
        const { code, syscall } = error as NodeJS.ErrnoException;
        assert.deepEqual([code, syscall], ["EINVAL", "open"]);
      } finally {
        fs.rmSync(path, { force: true });
      }
    }),
  );
});

// HAZARDS B4, C3, S3: with a kernel thread that submits, handing over is not reading.
describe("SQPOLL", () => {
  const options = { engine: "io_uring", sqPoll: true, sqPollIdleMs: 5 } as const;

  async function refusal(): Promise<string | false> {
    if (!available) return "io_uring cannot run here";
    try {
      await withProactor(options, (p) => p.nop());
      return false;
    } catch (error) {
      return `SQPOLL is refused here: ${(error as Error).message}`;
    }
  }

  it("reads paths, lists and times of requests before they change", async (t) => {
    const skip = await refusal();
    if (skip) return t.skip(skip);
    await withTempDir((dir) =>
      withProactor({ ...options, entries: 8, depth: 16 }, async (p) => {
        const names = Array.from({ length: 200 }, (_, i) => `n${i}-${"x".repeat(i)}`);
        const made = names.map((name) => {
          const path = Buffer.from(join(dir, name));
          const operation = p.mkdir(path);
          path.fill("z");
          return operation;
        });
        await Promise.all(made);
        assert.deepEqual(fs.readdirSync(dir).toSorted(), names.toSorted());
      }),
    );
  });

  it("keeps chains together, longer than the queue or not", async (t) => {
    const skip = await refusal();
    if (skip) return t.skip(skip);
    await withTempDir((dir) =>
      withProactor({ ...options, entries: 16 }, async (p) => {
        const fd = fs.openSync(join(dir, "file"), "a");
        const letters = "abcdefghijklmnopqrstuvwxyz";
        for (const length of [2, 6, 26]) {
          fs.ftruncateSync(fd);
          const text = letters.slice(0, length);
          await Promise.all(
            p.chain([...text].map((c) => ({ op: "write", fd, buffer: Buffer.from(c) }))),
          );
          assert.equal(fs.readFileSync(join(dir, "file"), "utf8"), text);
        }
        fs.closeSync(fd);
      }),
    );
  });

  it("cancels everything through a queue of one entry", async (t) => {
    const skip = await refusal();
    if (skip) return t.skip(skip);
    await withPipes(1, async (pipe) => {
      let settled: Promise<PromiseSettledResult<number>[]> | undefined;
      await withProactor({ ...options, entries: 1 }, async (p) => {
        const reads = Array.from({ length: 50 }, () => p.read(pipe.read, Buffer.alloc(1)));
        settled = Promise.allSettled(reads);
        await new Promise((resolve) => setTimeout(resolve, 20));
      });
      const ends = (await settled) ?? [];
      assert.equal(ends.filter(({ status }) => status === "rejected").length, 50);
    });
  });

  it("wakes its thread after it has slept", async (t) => {
    const skip = await refusal();
    if (skip) return t.skip(skip);
    await withProactor({ ...options, sqPollIdleMs: 1 }, async (p) => {
      for (let i = 0; i < 5; i++) {
        assert.equal(await p.nop(), 0);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
  });
});

// HAZARDS E4: threads of the kernel are counted.
describe("threads", () => {
  it("do not come with reads of pipes: a thousand wait in the kernel without one", async (t) => {
    if (new Proactor().engine !== "io_uring") return t.skip("io_uring is not the engine here");
    await withPipes(1, (pipe) =>
      withProactor({}, async (p) => {
        await p.nop();
        // Some may be left from before, and end meanwhile.
        const threads = () => fs.readdirSync("/proc/self/task");
        const before = new Set(threads());
        const reads = Array.from({ length: 1000 }, () => p.read(pipe.read, Buffer.alloc(1)));
        p.run();
        const fresh = threads().filter((id) => !before.has(id));
        fs.writeSync(pipe.write, Buffer.alloc(1000));
        await Promise.all(reads);
        assert.deepEqual(fresh, []);
      }),
    );
  });
});

// The last of the file: threads of the kernel that have nothing to do stay for seconds.
// HAZARDS E4: what blocks in the kernel takes a thread of it each.
describe("threads of the kernel", () => {
  const workers = () =>
    fs.readdirSync("/proc/self/task").filter((id) => {
      try {
        return fs.readFileSync(`/proc/self/task/${id}/comm`, "utf8").startsWith("iou-wrk");
      } catch {
        return false;
      }
    }).length;

  it("are no more than ioWorkers says", async (t) => {
    if (!available) return t.skip("io_uring cannot run here");
    await withTempDir((dir) =>
      withPipes(1, (pipe) =>
        withProactor({ engine: "io_uring", ioWorkers: 4 }, async (p) => {
          const fd = fs.openSync(join(dir, "file"), "w+");
          // Some may be left from before: they are the thread's, not the ring's, and used again.
          const before = workers();
          const waiting = Array.from({ length: 60 }, () =>
            p.splice({ from: pipe.read, to: fd, length: 1 }),
          );
          p.run();
          // A slow machine has none yet when a fast one has them all.
          const limit = performance.now() + patienceMs(10_000);
          while (workers() === 0 && performance.now() < limit) await sleep(20);
          // Nothing tells that no more of them come: long enough for sixty.
          await sleep(200);
          const running = workers();
          fs.writeSync(pipe.write, "x".repeat(60));
          assert.deepEqual(new Set(await Promise.all(waiting)), new Set([1]));
          assert.ok(running >= 1 && running <= before + 4, `${before}, then ${running} threads`);
          fs.closeSync(fd);
        }),
      ),
    );
  });

  it("are told of by the engine", async (t) => {
    if (!available) return t.skip("io_uring cannot run here");
    await withProactor({ engine: "io_uring" }, async (p) => {
      await p.nop();
      assert.match(String(sessionOf(p).engine.details.workers), /at most \d+ for files, \d+ for/);
    });
  });
});
