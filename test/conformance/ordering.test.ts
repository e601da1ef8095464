import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import type { Operation, OperationDescriptor, Proactor, ProactorOptions } from "../../src/index.ts";
import { BLOCKS, describeConformance, itWhere, withProactor } from "../support/conformance.ts";
import { fs, withPipes, withTempDir } from "../support/place.ts";

const CLOSED = 1_000_000;

/** Waits for all and tells how each ended: its value, or its code. */
async function ends(operations: readonly Operation<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(operations);
  return settled.map((one) =>
    one.status === "fulfilled" ? one.value : (one.reason.code ?? one.reason),
  );
}

/** Appends letters one by one: the file shows the order in which they were written. */
function appends(fd: number, letters: string): OperationDescriptor[] {
  return [...letters].map((letter) => ({ op: "write", fd, buffer: Buffer.from(letter) }));
}

describeConformance("chains", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);
  const withFile = (
    body: (p: Proactor, fd: number, file: string) => unknown,
    options: ProactorOptions = {},
  ) =>
    withTempDir((dir) =>
      withProactor({ engine, ...options }, async (p) => {
        const file = join(dir, "file");
        const fd = fs.openSync(file, "a+");
        try {
          await body(p, fd, file);
        } finally {
          fs.closeSync(fd);
        }
      }),
    );

  it("runs its operations in order, whatever each of them is", () =>
    withFile(async (p, fd, file) => {
      const found = Buffer.alloc(3);
      const results = await ends(
        p.chain([
          { op: "write", fd, buffer: Buffer.from("abc") },
          { op: "fsync", fd },
          { op: "read", fd, buffer: found, offset: 0 },
          { op: "truncate", fd, size: 1 },
          { op: "rename", from: file, to: `${file}-new` },
          { op: "nop" },
        ]),
      );
      assert.deepEqual(results, [3, undefined, 3, undefined, undefined, 0]);
      assert.equal(String(found), "abc");
      assert.equal(fs.readFileSync(`${file}-new`, "utf8"), "a");
    }));

  it("settles its operations in order", () =>
    withFile(async (p) => {
      const order: number[] = [];
      const chain = p.chain(Array.from({ length: 20 }, () => ({ op: "nop" })));
      const all = chain.map((operation, i) => operation.then(() => order.push(i)));
      await Promise.all(all);
      assert.deepEqual(
        order,
        chain.map((_, i) => i),
      );
    }));

  // HAZARDS S3: chains shorter and longer than the queue, which is 4, 16 and 64 entries here.
  for (const entries of [1, 4, 16, 64]) {
    it(`keeps the order when it is longer than a queue of ${entries} entries`, () =>
      withFile(
        async (p, fd, file) => {
          for (const length of [1, 2, 7, 8, 24, 200]) {
            const letters = Array.from({ length }, (_, i) => String.fromCharCode(65 + (i % 26)));
            const text = letters.join("");
            fs.ftruncateSync(fd, 0);
            const results = await ends(p.chain(appends(fd, text)));
            assert.deepEqual(
              results,
              letters.map(() => 1),
            );
            assert.equal(fs.readFileSync(file, "utf8"), text, `${length} operations`);
          }
        },
        { entries, depth: 64 },
      ));
  }

  it("is longer than the depth, too", () =>
    withFile(
      async (p, fd, file) => {
        const before = p.chain(appends(fd, "abcdefgh"));
        const after = p.chain(appends(fd, "ijklmnop"));
        await Promise.all([...before, ...after]);
        const text = fs.readFileSync(file, "utf8");
        assert.equal([...text].filter((c) => c <= "h").join(""), "abcdefgh");
        assert.equal([...text].filter((c) => c > "h").join(""), "ijklmnop");
      },
      { entries: 4, depth: 3 },
    ));

  // HAZARDS Q4: the error settles the operation that it belongs to.
  for (const length of [3, 8, 40]) {
    for (const at of [0, 1, length - 1]) {
      it(`cancels what comes after an error, at ${at} of ${length}`, () =>
        withFile(
          async (p, fd, file) => {
            const chain = appends(fd, "x".repeat(length));
            chain[at] = { op: "fsync", fd: CLOSED };
            const results = await ends(p.chain(chain));
            const expected = chain.map((_, i) => (i < at ? 1 : i === at ? "EBADF" : "ECANCELED"));
            assert.deepEqual(results, expected);
            assert.equal(fs.readFileSync(file, "utf8").length, at);
          },
          { entries: 16 },
        ));
      it(`goes on after an error when it is hard, at ${at} of ${length}`, () =>
        withFile(
          async (p, fd, file) => {
            const chain = appends(fd, "x".repeat(length));
            chain[at] = { op: "fsync", fd: CLOSED };
            const results = await ends(p.chain(chain, { hard: true }));
            assert.deepEqual(
              results,
              chain.map((_, i) => (i === at ? "EBADF" : 1)),
            );
            assert.equal(fs.readFileSync(file, "utf8").length, length - 1);
          },
          { entries: 16 },
        ));
    }
  }

  // HAZARDS S2: a transfer that is short of what was asked breaks a soft chain.
  for (const [name, short] of [
    ["read", (fd: number) => ({ op: "read", fd, buffer: Buffer.alloc(10), offset: 0 })],
    ["readv", (fd: number) => ({ op: "readv", fd, buffers: [Buffer.alloc(10)], offset: 0 })],
  ] as const) {
    it(`cancels what comes after a short ${name}, unless it is hard`, () =>
      withFile(async (p, fd, file) => {
        fs.writeSync(fd, "short");
        const chain = () => [short(fd), ...appends(fd, "x")] as OperationDescriptor[];
        assert.deepEqual(await ends(p.chain(chain())), [5, "ECANCELED"]);
        assert.deepEqual(await ends(p.chain(chain(), { hard: true })), [5, 1]);
        assert.equal(fs.readFileSync(file, "utf8"), "shortx");
        const enough = [{ ...short(fd), length: 5 }, { op: "nop" }] as OperationDescriptor[];
        if (name === "read") assert.deepEqual(await ends(p.chain(enough)), [5, 0]);
      }));
  }

  it("tells of each canceled operation in the shape of node:fs", () =>
    withFile(async (p, _fd, file) => {
      const [first, second] = p.chain([
        { op: "close", fd: CLOSED },
        { op: "rename", from: file, to: "/x" },
      ]);
      await assert.rejects(first as Operation<unknown>, { code: "EBADF" });
      await assert.rejects(second as Operation<unknown>, {
        message: `ECANCELED: operation canceled, rename '${file}' -> '/x'`,
        code: "ECANCELED",
        syscall: "rename",
        path: file,
        dest: "/x",
      });
    }));

  it("goes on after a timeout, whose time being up is no error", () =>
    withFile(async (p, fd) => {
      const timed: OperationDescriptor[] = [{ op: "timeout", ms: 1 }, ...appends(fd, "x")];
      assert.deepEqual(await ends(p.chain(timed)), [undefined, 1]);
      assert.deepEqual(await ends(p.chain([...timed, ...timed], { hard: true })), [
        undefined,
        1,
        undefined,
        1,
      ]);
    }));

  it("starts nothing for an empty chain, and takes a chain of one for a plain operation", () =>
    withFile(async (p) => {
      assert.deepEqual(p.chain([]), []);
      assert.deepEqual(await ends(p.chain([{ op: "nop" }])), [0]);
    }));

  waiting("lets operations with deadlines in, and breaks where one is missed", async () => {
    await withPipes(1, (pipe) =>
      withFile(async (p, fd, file) => {
        const reading = { op: "read", fd: pipe.read, buffer: Buffer.alloc(4) } as const;
        const [letter] = appends(fd, "x") as [OperationDescriptor];
        const chain = p.chain([{ ...letter, deadlineMs: 10_000 }, reading, letter]);
        fs.writeSync(pipe.write, "data");
        assert.deepEqual(await ends(chain), [1, 4, 1]);
        if (limits.cancel !== "running") return;
        const late = p.chain([letter, { ...reading, deadlineMs: 10 }, letter]);
        assert.deepEqual(await ends(late), [1, "ETIMEDOUT", "ECANCELED"]);
        // A thread of the kernel does the first, whatever the file system, and then the next.
        const after = p.chain([{ op: "fsync", fd }, { ...reading, deadlineMs: 10 }, letter]);
        assert.deepEqual(await ends(after), [undefined, "ETIMEDOUT", "ECANCELED"]);
        const hard = p.chain([{ ...reading, deadlineMs: 10 }, letter], { hard: true });
        assert.deepEqual(await ends(hard), ["ETIMEDOUT", 1]);
        assert.equal(fs.readFileSync(file, "utf8"), "xxxx");
      }),
    );
  });

  it("is over where a signal has aborted before, and does not tie in what follows", () =>
    withFile(async (p, fd, file) => {
      const letters = appends(fd, "abc");
      letters[1] = { ...(letters[1] as OperationDescriptor), signal: AbortSignal.abort() };
      const chain = p.chain(letters);
      const after = p.write(fd, Buffer.from("z"));
      const codes = await ends(chain);
      assert.deepEqual(codes, [1, "ABORT_ERR", "ECANCELED"]);
      assert.equal(await after, 1);
      assert.equal([...fs.readFileSync(file, "utf8")].toSorted().join(""), "az");
      const hard = p.chain(letters, { hard: true });
      assert.deepEqual(await ends(hard), [1, "ABORT_ERR", 1]);
    }));

  it("keeps two chains apart that are started in one tick", () =>
    withFile(async (p, fd) => {
      const broken = p.chain([{ op: "close", fd: CLOSED }, ...appends(fd, "a")]);
      const whole = p.chain(appends(fd, "bcd"));
      const plain = p.batch(appends(fd, "ef"));
      assert.deepEqual(await ends(broken), ["EBADF", "ECANCELED"]);
      assert.deepEqual(await ends([...whole, ...plain]), [1, 1, 1, 1, 1]);
    }));
});

describeConformance("drain", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);
  it("starts when everything before has completed, and holds back what comes after", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const fd = fs.openSync(join(dir, "file"), "a+");
        const write = (text: string, drain = false) => p.write(fd, Buffer.from(text), { drain });
        const before = [write("a"), write("a"), write("a")];
        const drain = write("|", true);
        const after = [write("b"), write("b")];
        const second = write("|", true);
        const last = write("c");
        await Promise.all([...before, drain, ...after, second, last]);
        assert.equal(fs.readFileSync(join(dir, "file"), "utf8"), "aaa|bb|c");
        fs.closeSync(fd);
      }),
    ));

  waiting(
    "waits for an operation that takes its time, and lets the loop turn meanwhile",
    async () => {
      await withPipes(1, (pipe) =>
        withProactor({ engine }, async (p) => {
          const reading = p.read(pipe.read, Buffer.alloc(1));
          const drain = p.nop({ drain: true });
          let drained = false;
          void drain.then(() => {
            drained = true;
          });
          await new Promise((resolve) => setTimeout(resolve, 5));
          assert.equal(drained, false);
          fs.writeSync(pipe.write, "x");
          assert.deepEqual(await Promise.all([reading, drain]), [1, 0]);
        }),
      );
    },
  );

  // Longer than the queue: the runtime starts its members one by one, on every engine.
  it("waits for all of the chains before it, and for none of those after it", () =>
    withTempDir((dir) =>
      withProactor({ engine, entries: 4, depth: 16 }, async (p) => {
        const file = join(dir, "file");
        const fd = fs.openSync(file, "a+");
        const drain = (text: string) => p.write(fd, Buffer.from(text), { drain: true });
        const first = [...p.chain(appends(fd, "abcdefgh")), ...p.chain(appends(fd, "ABCDEFGH"))];
        const middle = drain("|");
        const second = p.chain(appends(fd, "ijklmnop"));
        const last = drain("|");
        await Promise.all([...first, middle, ...second, last, ...p.chain(appends(fd, "xyz"))]);
        const [before = "", between, after] = fs.readFileSync(file, "utf8").split("|");
        assert.equal([...before].toSorted().join(""), "ABCDEFGHabcdefgh");
        assert.deepEqual([between, after], ["ijklmnop", "xyz"]);
        fs.closeSync(fd);
      }),
    ));

  it("in a chain waits for the chains before it, and for nothing of its own that follows", () =>
    withTempDir((dir) =>
      withProactor({ engine, entries: 4, depth: 16 }, async (p) => {
        const file = join(dir, "file");
        const fd = fs.openSync(file, "a+");
        const long = p.chain(appends(fd, "abcdefgh"));
        const members = appends(fd, "|xyzxyzxyz");
        const tied = p.chain([{ ...members[0], drain: true } as never, ...members.slice(1)]);
        await Promise.all([...long, ...tied]);
        assert.equal(fs.readFileSync(file, "utf8"), "abcdefgh|xyzxyzxyz");
        fs.closeSync(fd);
      }),
    ));

  it("works when the depth is one", () =>
    withProactor({ engine, depth: 1 }, async (p) => {
      const operations = [p.nop(), p.nop({ drain: true }), p.nop(), p.nop({ drain: true })];
      assert.deepEqual(await Promise.all(operations), [0, 0, 0, 0]);
    }));
});
