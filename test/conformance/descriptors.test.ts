import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { RWF_NOWAIT } from "../../src/abi/linux.ts";
import type { Operation, Proactor } from "../../src/index.ts";
import { describeOnSystem, itWhere, withProactor } from "../support/conformance.ts";
import { withTempDir } from "../support/temp-dir.ts";

const { O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;
/** What a FIFO of Linux holds. */
const PIPE_BYTES = 65_536;

/** How an operation ended: its value, or the code and the system call of its error. */
async function endOf(operation: Promise<unknown> | Operation<unknown>): Promise<unknown> {
  try {
    return await operation;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    return `${code} ${syscall}`;
  }
}

/** Runs `body` with a FIFO that is open at both ends by one descriptor. */
async function withFifo(flags: number, body: (fd: number, path: string) => unknown): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "fifo");
    execFileSync("mkfifo", [path]);
    const fd = fs.openSync(path, O_RDWR | flags);
    try {
      await body(fd, path);
    } finally {
      fs.closeSync(fd);
    }
  }, "descriptors");
}

/** Every form of a transfer; of two bytes, or of `buffer`. */
function reads(p: Proactor, fd: number, offset?: number): readonly Promise<unknown>[] {
  return [
    endOf(p.read(fd, Buffer.alloc(2), { offset })),
    endOf(p.promises.read(fd, Buffer.alloc(2), { offset })),
    endOf(p.readv(fd, [Buffer.alloc(1), Buffer.alloc(1)], { offset })),
  ];
}

function writes(p: Proactor, fd: number, offset?: number): readonly Promise<unknown>[] {
  return [
    endOf(p.write(fd, Buffer.from("zz"), { offset })),
    endOf(p.promises.write(fd, Buffer.from("zz"), { offset })),
    endOf(p.writev(fd, [Buffer.from("z"), Buffer.from("z")], { offset })),
  ];
}

const espipe = (syscall: string) => Array.from({ length: 3 }, () => `ESPIPE ${syscall}`);
const eagain = (syscall: string) => Array.from({ length: 3 }, () => `EAGAIN ${syscall}`);

describeOnSystem("positions of what has none", (engine, limits) => {
  it("says ESPIPE for a FIFO, and moves nothing", () =>
    withFifo(0, (fd) =>
      withProactor({ engine }, async (p) => {
        fs.writeSync(fd, "0123456789");
        assert.deepEqual(await Promise.all(reads(p, fd, 3)), espipe("read"));
        assert.deepEqual(await Promise.all(reads(p, fd, 0)), espipe("read"));
        assert.deepEqual(await Promise.all(writes(p, fd, 3)), espipe("write"));
        const left = Buffer.alloc(64);
        assert.equal(left.toString("latin1", 0, fs.readSync(fd, left)), "0123456789");
      }),
    ));

  it("says ESPIPE for a terminal", () =>
    withProactor({ engine }, async (p) => {
      const fd = fs.openSync("/dev/ptmx", O_RDWR | fs.constants.O_NOCTTY);
      assert.deepEqual(await Promise.all(reads(p, fd, 0)), espipe("read"));
      assert.deepEqual(await Promise.all(writes(p, fd, 0)), espipe("write"));
      fs.closeSync(fd);
    }));

  it("says ESPIPE for a write to a file of /proc that takes none there", () =>
    withProactor({ engine }, async (p) => {
      const fd = fs.openSync("/proc/self/comm", "r+");
      const before = fs.readFileSync("/proc/self/comm", "utf8");
      assert.deepEqual(await Promise.all(writes(p, fd, 1)), espipe("write"));
      assert.equal(fs.readFileSync("/proc/self/comm", "utf8"), before);
      fs.closeSync(fd);
    }));

  it("looks again when a number comes again for another file", () =>
    withFifo(0, (fifo, path) =>
      withProactor({ engine }, async (p) => {
        fs.writeSync(fifo, "0123456789");
        const file = fs.openSync(process.execPath, "r");
        assert.deepEqual(await Promise.all(reads(p, file, 0)), [2, 2, 2]);
        fs.closeSync(file);
        const again = fs.openSync(path, O_RDWR);
        assert.equal(again, file);
        assert.deepEqual(await Promise.all(reads(p, again, 0)), espipe("read"));
        fs.closeSync(again);
        const back = fs.openSync(process.execPath, "r");
        assert.equal(back, file);
        assert.deepEqual(await Promise.all(reads(p, back, 0)), [2, 2, 2]);
        fs.closeSync(back);
      }),
    ));

  it("breaks a chain, as any error does", () =>
    withFifo(0, (fd) =>
      withProactor({ engine }, async (p) => {
        fs.writeSync(fd, "0123456789");
        const chain = p.chain([
          { op: "nop" },
          { op: "read", fd, buffer: Buffer.alloc(2), offset: 1 },
          { op: "read", fd, buffer: Buffer.alloc(2) },
        ]);
        const ends = await Promise.all(chain.map(endOf));
        assert.deepEqual(ends, [0, "ESPIPE read", "ECANCELED read"]);
        const left = Buffer.alloc(64);
        assert.equal(left.toString("latin1", 0, fs.readSync(fd, left)), "0123456789");
      }),
    ));

  itWhere(limits.registers, "This engine registers no files")(
    "says ESPIPE for a registered FIFO",
    () =>
      withFifo(0, (fd) =>
        withProactor({ engine }, async (p) => {
          fs.writeSync(fd, "0123");
          assert.equal(p.registerFiles([fd]), true);
          const buffer = Buffer.alloc(2);
          const read = p.read(0, buffer, { offset: 1, fixedFile: true });
          assert.equal(await endOf(read), "ESPIPE read");
          assert.equal(await p.read(0, buffer, { fixedFile: true }), 2);
          assert.equal(String(buffer), "01");
        }),
      ),
  );
});

describeOnSystem("a write of no bytes", (engine) => {
  it("has the answer of the file", () =>
    withProactor({ engine }, async (p) => {
      const fd = fs.openSync("/proc/self/oom_score_adj", "r+");
      const none = Buffer.alloc(0);
      assert.equal(await endOf(p.write(fd, none)), "EINVAL write");
      assert.equal(await endOf(p.write(fd, Buffer.from("x"), { length: 0 })), "EINVAL write");
      assert.equal(await endOf(p.promises.write(fd, none)), "EINVAL write");
      assert.equal(await endOf(p.write(fd, none, { offset: 0 })), "EINVAL write");
      assert.equal(await endOf(p.writev(fd, [none])), "EINVAL write");
      fs.closeSync(fd);
    }));
});

describeOnSystem("O_NONBLOCK", (engine, limits) => {
  it("says EAGAIN for an empty FIFO at once, and leaves no read behind", () =>
    withFifo(O_NONBLOCK, (fd) =>
      withProactor({ engine }, async (p) => {
        assert.deepEqual(await Promise.all(reads(p, fd)), eagain("read"));
        fs.writeSync(fd, "later");
        const left = Buffer.alloc(64);
        assert.equal(left.toString("latin1", 0, fs.readSync(fd, left)), "later");
      }),
    ));

  it("says EAGAIN for a full FIFO, and what a write moved before it was full", () =>
    withFifo(O_NONBLOCK, (fd) =>
      withProactor({ engine }, async (p) => {
        assert.equal(await p.write(fd, Buffer.alloc(PIPE_BYTES + 1000, 1)), PIPE_BYTES);
        assert.deepEqual(await Promise.all(writes(p, fd)), eagain("write"));
        assert.equal(fs.readSync(fd, Buffer.alloc(2 * PIPE_BYTES)), PIPE_BYTES);
      }),
    ));

  it("reads and writes exactly the bytes that are meant", () =>
    withFifo(O_NONBLOCK, (fd) =>
      withProactor({ engine }, async (p) => {
        const memory = Buffer.from("--abcdef--");
        assert.equal(await p.write(fd, memory.subarray(2, 8), { length: 5 }), 5);
        assert.equal(await p.writev(fd, [memory.subarray(7, 8), Buffer.from("gh")]), 3);
        const into = Buffer.alloc(8, "~");
        assert.equal(await p.read(fd, into.subarray(2, 6), { length: 3 }), 3);
        assert.equal(await p.readv(fd, [into.subarray(0, 1), into.subarray(6, 8)]), 3);
        assert.equal(String(into), "d~abc~ef");
        assert.equal(await p.promises.read(fd, new DataView(into.buffer, into.byteOffset, 2)), 2);
        assert.equal(String(into), "ghabc~ef");
      }),
    ));

  it("says EAGAIN for a terminal without input", () =>
    withProactor({ engine }, async (p) => {
      const fd = fs.openSync("/dev/ptmx", O_RDWR | fs.constants.O_NOCTTY | O_NONBLOCK);
      assert.deepEqual(await Promise.all(reads(p, fd)), eagain("read"));
      fs.closeSync(fd);
    }));

  it("has no meaning for a file", () =>
    withProactor({ engine }, async (p) => {
      const fd = fs.openSync(process.execPath, O_RDONLY | O_NONBLOCK);
      assert.deepEqual(await Promise.all(reads(p, fd, 0)), [2, 2, 2]);
      assert.equal(await p.read(fd, Buffer.alloc(2)), 2);
      fs.closeSync(fd);
    }));

  it("is heeded in a chain", () =>
    withFifo(O_NONBLOCK, (fd) =>
      withProactor({ engine }, async (p) => {
        const chain = p.chain([
          { op: "write", fd, buffer: Buffer.from("ab") },
          { op: "read", fd, buffer: Buffer.alloc(2) },
          { op: "read", fd, buffer: Buffer.alloc(2) },
          { op: "nop" },
        ]);
        const ends = await Promise.all(chain.map(endOf));
        assert.deepEqual(ends, [2, 2, "EAGAIN read", "ECANCELED nop"]);
      }),
    ));

  itWhere(limits.waitsElsewhere, "Reading an empty pipe stops the whole process on this engine")(
    "is looked at again, because others set it for everybody who shares the file",
    () =>
      withFifo(0, (fd) =>
        withProactor({ engine }, async (p) => {
          fs.writeSync(fd, "ab");
          assert.equal(await p.read(fd, Buffer.alloc(2)), 2);
          // A socket of net is made nonblocking, and that belongs to the open file.
          const program = "new net.Socket({ fd: 3 }).unref()";
          const stdio = ["ignore", "inherit", "inherit", fd] as const;
          execFileSync(process.execPath, ["-e", program], { stdio: [...stdio] });
          assert.deepEqual(await Promise.all(reads(p, fd)), eagain("read"));
        }),
      ),
  );

  itWhere(limits.rwFlags, "This engine passes no RWF_* bits on")(
    "is what RWF_NOWAIT says for one transfer",
    () =>
      withFifo(O_NONBLOCK, (fd) =>
        withProactor({ engine }, async (p) => {
          const end = await endOf(p.read(fd, Buffer.alloc(2), { flags: RWF_NOWAIT }));
          // Pipes of older kernels know no RWF_NOWAIT.
          assert.match(String(end), /^(EAGAIN|EOPNOTSUPP|ENOTSUP) read$/);
        }),
      ),
  );
});
