import assert from "node:assert/strict";
import nodeFs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { OPERATIONS } from "../../src/core/index.ts";
import type { OperationDescriptor, Proactor } from "../../src/index.ts";
import { describeConformance, itWhere, outcomeOf, withProactor } from "../support/conformance.ts";
import type { Pipe } from "../support/pipes.ts";
import { fs, withPipes, withTempDir } from "../support/place.ts";

const CLOSED = 1_000_000;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const POSIX_FADV_DONTNEED = 4;
const POLLIN = 1;
const POLLOUT = 4;
const POLLHUP = 16;
const SPLICE_F_NONBLOCK = 2;

/** One of every operation, such that each does something harmless. */
function oneOfEach(dir: string, fd: number, pipes: readonly Pipe[]): OperationDescriptor[] {
  const [from, to] = pipes as [Pipe, Pipe];
  const file = join(dir, "file");
  return [
    { op: "nop" },
    { op: "open", path: file },
    { op: "close", fd: fs.openSync(file, "r") },
    { op: "read", fd, buffer: Buffer.alloc(1) },
    { op: "write", fd, buffer: Buffer.alloc(1) },
    { op: "readv", fd, buffers: [Buffer.alloc(1)] },
    { op: "writev", fd, buffers: [Buffer.alloc(1)] },
    { op: "fsync", fd },
    { op: "fdatasync", fd },
    { op: "syncFileRange", fd },
    { op: "statx", file },
    { op: "truncate", fd, size: 100 },
    { op: "fallocate", fd, length: 10 },
    { op: "fadvise", fd, advice: POSIX_FADV_DONTNEED },
    { op: "unlink", path: join(dir, "victim") },
    { op: "rename", from: join(dir, "a"), to: join(dir, "b") },
    { op: "mkdir", path: join(dir, "new-folder") },
    { op: "symlink", target: "file", path: join(dir, "new-symlink") },
    { op: "link", existing: file, path: join(dir, "new-link") },
    { op: "tee", from: from.read, to: to.write, length: 1 },
    { op: "splice", from: from.read, to: to.write, length: 1 },
    { op: "timeout", ms: 1 },
    { op: "poll", fd: to.write, events: POLLOUT },
  ];
}

describeConformance("the list of operations", (engine, limits) => {
  it("says what it can do", () =>
    withProactor({ engine }, (p) => {
      const { operations } = p.capabilities;
      const missing = OPERATIONS.map(({ name }) => name).filter(
        (name) => !operations.includes(name),
      );
      assert.deepEqual(missing.toSorted(), [...limits.unsupported].toSorted());
      assert.equal(p.engine, engine);
    }));

  it("does what it says, and refuses the rest by name", () =>
    withTempDir((dir) =>
      withPipes(2, (...pipes) =>
        withProactor({ engine }, async (p) => {
          for (const name of ["file", "victim", "a"]) fs.writeFileSync(join(dir, name), "content");
          fs.writeSync((pipes[0] as Pipe).write, "abc");
          const fd = fs.openSync(join(dir, "file"), "r+");
          const descriptors = oneOfEach(dir, fd, pipes);
          assert.deepEqual(
            descriptors.map(({ op }) => op).toSorted(),
            OPERATIONS.map(({ name }) => name).toSorted(),
            "The list is complete",
          );
          for (const descriptor of descriptors) {
            const [operation] = p.batch([descriptor]);
            const outcome = await outcomeOf(() => operation);
            if (limits.unsupported.includes(descriptor.op)) {
              assert.ok("error" in outcome, descriptor.op);
              assert.equal(outcome.error.code, "ERR_PROACTOR_UNSUPPORTED");
            } else {
              if ("error" in outcome) assert.fail(`${descriptor.op}: ${outcome.error.message}`);
              if (descriptor.op === "open") fs.closeSync(outcome.value as number);
            }
          }
          fs.closeSync(fd);
        }),
      ),
    ));
});

/** Where an operation does not exist, the list above has shown the refusal. */
describeConformance("operations beyond node:fs", (engine, { unsupported }) => {
  const where = (name: string) =>
    itWhere(!unsupported.includes(name), `${name} is not among the operations of this engine`);
  const withFile = (body: (p: Proactor, fd: number) => unknown) =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const fd = fs.openSync(join(dir, "file"), "w+");
        fs.writeSync(fd, Buffer.alloc(65_536, "x"), 0, 65_536, 0);
        try {
          await body(p, fd);
        } finally {
          fs.closeSync(fd);
        }
      }),
    );

  it("nop resolves with 0", () =>
    withProactor({ engine }, async (p) => assert.equal(await p.nop(), 0)));

  where("timeout")("timeouts end when their time is up, yield nothing, and can be canceled", () =>
    withProactor({ engine }, async (p) => {
      // Hours and days, so that no pause of the machine makes them end; beyond 2^31 ms, too.
      const long = [3.6e6, 2 ** 33].map((ms) => p.timeout(ms));
      const settled = Promise.allSettled(long);
      const short = [5, 0, 0.25].map((ms) => p.timeout(ms));
      assert.deepEqual(await Promise.all(short), [undefined, undefined, undefined]);
      assert.ok(long.every(({ status }) => status === "in flight"));
      for (const operation of long) {
        assert.deepEqual(await operation.cancel(), { outcome: "canceled" });
      }
      assert.ok((await settled).every(({ status }) => status === "rejected"));
    }),
  );

  where("poll")("poll tells what a descriptor is ready for, as soon as it is", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        assert.equal(await p.poll(pipe.write, POLLOUT), POLLOUT);
        const readable = p.poll(pipe.read, POLLIN);
        await p.timeout(5);
        assert.equal(readable.status, "in flight");
        fs.writeSync(pipe.write, "x");
        assert.equal(await readable, POLLIN);
        pipe.close("write");
        assert.equal(await p.poll(pipe.read, POLLIN), POLLIN | POLLHUP);
        await assert.rejects(p.poll(CLOSED, POLLIN), { code: "EBADF", syscall: "poll" });
      }),
    ),
  );

  where("fallocate")("fallocate allocates, keeps the size if told, and punches holes", () =>
    withFile(async (p, fd) => {
      const facts = () => {
        const { size, blocks } = fs.fstatSync(fd);
        return { size, bytes: blocks * 512 };
      };
      await p.fallocate(fd, { offset: 65_536, length: 100_000 });
      assert.equal(facts().size, 165_536);
      await p.fallocate(fd, { offset: 2 ** 20, length: 4096, mode: FALLOC_FL_KEEP_SIZE });
      const { size, bytes } = facts();
      assert.equal(size, 165_536);
      assert.ok(bytes > size);
      const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
      await p.fallocate(fd, { offset: 4096, length: 8192, mode });
      const hole = Buffer.alloc(8192, "~");
      await p.read(fd, hole, { offset: 4096 });
      assert.ok(hole.every((byte) => byte === 0));
      await assert.rejects(p.fallocate(fd, { length: 0 }), { code: "EINVAL" });
      await assert.rejects(p.fallocate(CLOSED, { length: 1 }), { code: "EBADF" });
    }),
  );

  where("fadvise")("fadvise takes lengths beyond 32 bits, and refuses what is no advice", () =>
    withFile(async (p, fd) => {
      const advice = POSIX_FADV_DONTNEED;
      assert.equal(await p.fadvise(fd, { advice }), undefined);
      await p.fadvise(fd, { advice, offset: 4096, length: 2 ** 33 });
      await assert.rejects(p.fadvise(fd, { advice: 77 }), { code: "EINVAL", syscall: "fadvise" });
    }),
  );

  where("syncFileRange")(
    "syncFileRange takes lengths beyond 32 bits, and refuses unknown flags",
    () =>
      withFile(async (p, fd) => {
        assert.equal(await p.syncFileRange(fd), undefined);
        await p.syncFileRange(fd, { offset: 4096, length: 2 ** 33 });
        const error = { code: "EINVAL", syscall: "sync_file_range" };
        await assert.rejects(p.syncFileRange(fd, { flags: 64 }), error);
      }),
  );

  where("splice")("splice moves bytes between files and pipes, at offsets or at the position", () =>
    withFile((p, fd) =>
      withPipes(1, async (pipe) => {
        fs.writeSync(fd, "0123456789", 0);
        const into = { from: fd, to: pipe.write };
        assert.equal(await p.splice({ ...into, fromOffset: 2, length: 4 }), 4);
        const out = { from: pipe.read, to: fd, toOffset: 100 };
        assert.equal(await p.splice({ ...out, length: 3 }), 3);
        const found = Buffer.alloc(5);
        await p.read(fd, found, { offset: 99 });
        assert.equal(String(found), "x234x");
        const flags = SPLICE_F_NONBLOCK;
        assert.equal(await p.splice({ ...out, length: 100, flags }), 1, "What is left");
        const error = { code: "EINVAL", syscall: "splice" };
        await assert.rejects(p.splice({ from: fd, to: fd, length: 1 }), error);
      }),
    ),
  );

  where("splice")("splice waits for a pipe that is empty, and can be given up", () =>
    withFile((p, fd) =>
      withPipes(1, async (pipe) => {
        const arguments_ = { from: pipe.read, to: fd, length: 5 };
        const waiting = p.splice(arguments_);
        await p.timeout(5);
        assert.equal(waiting.status, "in flight");
        fs.writeSync(pipe.write, "hello");
        assert.equal(await waiting, 5);
        // It waits in a thread of the kernel, which is interrupted and not asked.
        const canceled = p.splice(arguments_);
        await p.timeout(5);
        assert.deepEqual(await canceled.cancel(), { outcome: "canceled" });
        await assert.rejects(canceled, { code: "ECANCELED", syscall: "splice" });
        const late = p.splice({ ...arguments_, deadlineMs: 5 });
        await assert.rejects(late, { code: "ETIMEDOUT", syscall: "splice" });
        const signal = AbortSignal.timeout(5);
        await assert.rejects(p.splice({ ...arguments_, signal }), { name: "AbortError" });
      }),
    ),
  );

  where("tee")("tee copies what a pipe has, and leaves it there", () =>
    withPipes(2, (a, b) =>
      withProactor({ engine }, async (p) => {
        fs.writeSync(a.write, "abc");
        assert.equal(await p.tee({ from: a.read, to: b.write, length: 10 }), 3);
        for (const pipe of [a, b]) {
          const found = Buffer.alloc(3);
          await p.read(pipe.read, found);
          assert.equal(String(found), "abc");
        }
      }),
    ),
  );
});

describeConformance("bad input", (engine) => {
  const TYPE = "ERR_INVALID_ARG_TYPE";
  const RANGE = "ERR_OUT_OF_RANGE";
  const VALUE = "ERR_INVALID_ARG_VALUE";
  const b = Buffer.alloc(4);
  // What TypeScript would not let pass, and JavaScript does.
  type Loose = Record<string, (...args: unknown[]) => unknown>;
  const rows: readonly [string, string, ...unknown[]][] = [
    ["open", TYPE, 5],
    ["open", TYPE],
    ["open", VALUE, "a\0b"],
    ["open", VALUE, "/x", "rw"],
    ["open", RANGE, "/x", 2 ** 31],
    ["open", VALUE, "/x", "r", "9"],
    ["open", RANGE, "/x", "r", -1],
    ["open", TYPE, "/x", "r", 0, { resolve: "x" }],
    ["close", TYPE, "1"],
    ["close", RANGE, -1],
    ["close", RANGE, 1.5],
    ["close", RANGE, 2 ** 31],
    ["close", RANGE, Number.NaN],
    ["read", TYPE, "0", b],
    ["read", RANGE, -1, b],
    ["read", TYPE, 0, "buffer"],
    ["read", TYPE, 0, new ArrayBuffer(4)],
    ["read", TYPE, 0, undefined],
    ["read", RANGE, 0, b, { length: 5 }],
    ["read", RANGE, 0, b, { length: -1 }],
    ["read", RANGE, 0, b, { length: 1.5 }],
    ["read", TYPE, 0, b, { length: "1" }],
    ["read", RANGE, 0, b, { offset: -2 }],
    ["read", RANGE, 0, b, { offset: 0.5 }],
    ["read", RANGE, 0, b, { offset: 2n ** 63n }],
    ["read", RANGE, 0, b, { offset: 2 ** 53 }],
    ["read", TYPE, 0, b, { offset: "0" }],
    ["read", TYPE, 0, b, { flags: "x" }],
    ["read", RANGE, 0, b, { flags: -1 }],
    ["read", TYPE, 0, b, { signal: {} }],
    ["read", TYPE, 0, b, { callback: 5 }],
    ["read", TYPE, 0, b, { queue: 5 }],
    ["read", TYPE, 0, b, { queue: {} }],
    ["read", TYPE, 0, b, { deadlineMs: "5" }],
    ["read", RANGE, 0, b, { deadlineMs: -1 }],
    ["read", RANGE, 0, b, { deadlineMs: Number.NaN }],
    ["read", RANGE, 0, b, { deadlineMs: 2 ** 31 }],
    ["write", TYPE, 0, [b]],
    ["write", RANGE, 0, b, { offset: -2n }],
    ["readv", TYPE, 0, b],
    ["readv", TYPE, 0, [b, "x"]],
    ["readv", RANGE, 0, Array(1025).fill(b)],
    ["writev", TYPE, 0, undefined],
    ["writev", RANGE, 0, [b], { offset: 1.5 }],
    ["fsync", TYPE, undefined],
    ["fdatasync", RANGE, -5],
    ["syncFileRange", RANGE, 0, { offset: -1 }],
    ["syncFileRange", TYPE, 0, { flags: null }],
    ["statx", TYPE, {}],
    ["statx", RANGE, -1],
    ["statx", TYPE, "/x", { flags: "x" }],
    ["statx", TYPE, "/x", { mask: "x" }],
    ["truncate", RANGE, 0, -1],
    ["truncate", TYPE, 0, "1"],
    ["fallocate", TYPE, 0],
    ["fallocate", RANGE, 0, { length: 0.5 }],
    ["fallocate", TYPE, 0, { mode: "x" }],
    ["fadvise", TYPE, 0, {}],
    ["fadvise", RANGE, 0, { advice: -1 }],
    ["unlink", TYPE, null],
    ["rename", TYPE, "/a"],
    ["rename", VALUE, "/a", "\0"],
    ["rename", TYPE, "/a", "/b", { flags: {} }],
    ["mkdir", TYPE, 1],
    ["mkdir", VALUE, "/a", "x"],
    ["symlink", TYPE, 1, "/a"],
    ["symlink", TYPE, "/a"],
    ["link", TYPE, "/a", 1],
    ["splice", TYPE],
    ["splice", RANGE, { from: -1, to: 0, length: 1 }],
    ["splice", RANGE, { from: 0, to: 0, length: 2 ** 32 }],
    ["splice", RANGE, { from: 0, to: 0, length: 1, toOffset: -2 }],
    ["tee", TYPE, { from: 0, to: 0 }],
    ["timeout", TYPE, "5"],
    ["timeout", RANGE, -1],
    ["timeout", RANGE, Number.POSITIVE_INFINITY],
    ["poll", TYPE, 0, "in"],
    ["poll", RANGE, 0, -1],
    ["batch", TYPE, 5],
    ["batch", TYPE, [5]],
    ["batch", VALUE, [{ op: "reed" }]],
    ["batch", TYPE, [{ op: "close", fd: "0" }]],
    ["chain", VALUE, [{}]],
    ["registerFiles", RANGE, [-1]],
    ["wait", RANGE, { minimum: -1 }],
    ["wait", TYPE, { timeoutMs: "1" }],
  ];
  for (const [method, code, ...args] of rows) {
    it(`${method}(${args.map(shown).join(", ")}) throws ${code}`, () =>
      withProactor({ engine }, (p) => {
        const call = (p as unknown as Loose)[method] as Loose[string];
        assert.throws(() => call.apply(p, args), { code });
        assert.deepEqual(p.status(), { inFlight: 0, queued: 0 }, "Nothing was started");
      }));
  }

  it("complains in the words of node:fs", () =>
    withProactor({ engine }, async (p) => {
      const same = async (ours: () => unknown, theirs: () => unknown) =>
        assert.deepEqual(await outcomeOf(ours), await outcomeOf(theirs));
      const bad = <T>(value: unknown) => value as T;
      await same(
        () => p.open(bad(5)),
        () => nodeFs.openSync(bad(5), "r"),
      );
      await same(
        () => p.open("a\0b"),
        () => nodeFs.openSync("a\0b", "r"),
      );
      await same(
        () => p.open("/x", "rw"),
        () => nodeFs.openSync("/x", "rw"),
      );
      await same(
        () => p.close(-1),
        () => nodeFs.closeSync(-1),
      );
      await same(
        () => p.close(bad("1")),
        () => nodeFs.closeSync(bad("1")),
      );
      await same(
        () => p.read(0, bad("x")),
        () => nodeFs.readSync(0, bad("x")),
      );
      await same(
        () => p.readv(0, bad([b, 1])),
        () => nodeFs.readvSync(0, bad([b, 1])),
      );
      await same(
        () => p.rename("/a", bad(1)),
        () => nodeFs.renameSync("/a", bad(1)),
      );
    }));

  it("throws from a batch before anything of it has started", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const path = join(dir, "new");
        const good = { op: "mkdir", path } as const;
        const bad = { op: "close", fd: -1 } as const;
        for (const start of ["batch", "chain"] as const) {
          assert.throws(() => p[start]([good, bad]), { code: RANGE });
          await p.nop();
          assert.equal(nodeFs.existsSync(path), false);
        }
        // And is as good as new afterwards.
        await p.mkdir(path);
      }),
    ));
});

/** An argument, short. */
function shown(value: unknown): string {
  if (Array.isArray(value) && value.length > 5) return `${value.length} buffers`;
  if (ArrayBuffer.isView(value)) return "buffer";
  if (typeof value === "bigint") return `${value}n`;
  return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v)) ?? String(value);
}
