import assert from "node:assert/strict";
import nodeFs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { SLAB_BYTES } from "../../src/base/index.ts";
import type { Proactor } from "../../src/index.ts";
import { loadNative } from "../../src/native/load.ts";
import { BLOCKS, describeConformance, itWhere, withProactor } from "../support/conformance.ts";
import { fs, withPipes, withTempDir } from "../support/place.ts";

const { O_DIRECT, O_RDWR, O_CREAT, O_RDONLY } = nodeFs.constants;
const PAGE = 4096;

/** Why O_DIRECT cannot be tested here, or undefined. */
async function whyNot(): Promise<string | undefined> {
  if (!loadNative().available) return "Without the addon nobody knows alignments";
  if (O_DIRECT === undefined) return "This system has no O_DIRECT";
  return withTempDir((dir) => {
    try {
      fs.closeSync(fs.openSync(join(dir, "file"), O_DIRECT | O_CREAT | O_RDWR));
      return undefined;
    } catch (error) {
      return `The file system of the tests has no O_DIRECT: ${(error as Error).message}`;
    }
  });
}

const reason = await whyNot();

describeConformance("O_DIRECT", (engine, limits) => {
  const can = reason === undefined && limits.direct;
  const direct = itWhere(can, reason ?? "There is no O_DIRECT in memory");
  const withFile = (body: (p: Proactor, file: string) => unknown) =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const file = join(dir, "file");
        fs.writeFileSync(file, Buffer.alloc(16 * PAGE, "x"));
        await body(p, file);
      }),
    );
  /** What the refusal of a transfer must say. */
  const unaligned = (...parts: RegExp[]) => {
    return (error: NodeJS.ErrnoException) => {
      assert.equal(error.code, "ERR_PROACTOR_UNALIGNED");
      assert.match(
        error.message,
        /O_DIRECT .* memory aligned to \d+ bytes, offsets and lengths to \d+/,
      );
      for (const part of parts) assert.match(error.message, part);
      return true;
    };
  };

  direct("reads and writes with buffers of the pool", () =>
    withFile(async (p, file) => {
      const fd = await p.open(file, O_RDWR | O_DIRECT);
      const buffer = p.allocate(2 * PAGE);
      buffer.fill("y");
      assert.equal(await p.write(fd, buffer, { offset: PAGE }), 2 * PAGE);
      buffer.fill("~");
      assert.equal(await p.read(fd, buffer, { offset: 0 }), 2 * PAGE);
      assert.equal(String(buffer), "x".repeat(PAGE) + "y".repeat(PAGE));
      const halves = [buffer.subarray(0, PAGE), buffer.subarray(PAGE)];
      assert.equal(await p.readv(fd, halves, { offset: 2 * PAGE }), 2 * PAGE);
      assert.equal(String(buffer), "y".repeat(PAGE) + "x".repeat(PAGE));
      p.release(buffer);
      await p.close(fd);
    }),
  );

  direct("refuses what is not aligned, and says what is and what should be", () =>
    withFile(async (p, file) => {
      // By us or by node:fs: who opened it does not matter.
      for (const fd of [
        await p.open(file, O_RDWR | O_DIRECT),
        fs.openSync(file, O_RDWR | O_DIRECT),
      ]) {
        const buffer = p.allocate(PAGE);
        const read = (view: Buffer, offset: number, length?: number) => () =>
          p.read(fd, view, { offset, length });
        assert.throws(read(buffer, 100), unaligned(/the offset is 100/));
        assert.throws(read(buffer, 0, 1000), unaligned(/the length is 1000/));
        const shifted = buffer.subarray(8, 8 + 512);
        assert.throws(read(shifted, 0), unaligned(/starts 8 bytes past a multiple/));
        assert.throws(
          () => p.write(fd, shifted.subarray(0, 100), { offset: 3 }),
          unaligned(/starts 8 bytes/, /offset is 3/, /length is 100/),
        );
        const vectors = [buffer, buffer.subarray(0, 5)];
        assert.throws(() => p.readv(fd, vectors, { offset: 0 }), unaligned(/length \[1\] is 5/));
        assert.throws(
          () => p.batch([{ op: "nop" }, { op: "read", fd, buffer, offset: 1 }]),
          unaligned(/offset is 1/),
        );
        assert.equal(await p.read(fd, buffer, { offset: PAGE }), PAGE, "What is aligned works");
        p.release(buffer);
        await p.close(fd);
      }
    }),
  );

  // HAZARDS D1: the number of a descriptor says nothing about the next file that has it.
  direct("forgets a descriptor that was closed, by us or by others", () =>
    withFile(async (p, file) => {
      const buffer = p.allocate(PAGE).subarray(1, 101);
      for (const close of [(fd: number) => p.close(fd), (fd: number) => fs.closeSync(fd)]) {
        const fd = await p.open(file, O_RDONLY | O_DIRECT);
        assert.throws(() => p.read(fd, buffer, { offset: 0 }), unaligned());
        await close(fd);
        const again = fs.openSync(file, O_RDONLY);
        assert.equal(again, fd, "The number came back");
        assert.equal(await p.read(again, buffer, { offset: 7 }), 100);
        await p.close(again);
        const third = fs.openSync(file, O_RDONLY | O_DIRECT);
        assert.equal(third, fd);
        assert.throws(() => p.read(third, buffer, { offset: 0 }), unaligned());
        await p.close(third);
      }
    }),
  );
});

describeConformance("the pool", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  it("gives aligned buffers, refuses what it has not, and lets others wait for it", () =>
    withProactor({ engine, poolBytes: SLAB_BYTES }, async (p) => {
      const whole = p.allocate(SLAB_BYTES / 2);
      const half = p.allocate(SLAB_BYTES / 2);
      assert.throws(() => p.allocate(1), { code: "ERR_PROACTOR_EXHAUSTED" });
      const order: string[] = [];
      const first = p.acquire(100).then((buffer) => {
        order.push("first");
        return buffer;
      });
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 5);
      const { signal } = controller;
      await assert.rejects(p.acquire(100, { signal }), { name: "AbortError" });
      order.push("released");
      p.release(half);
      const buffer = await first;
      assert.deepEqual(order, ["released", "first"]);
      assert.equal(buffer.length, 100);
      p.release(buffer);
      p.release(whole);
      assert.throws(() => p.release(whole), { code: "ERR_PROACTOR_BUFFER_FOREIGN" });
      assert.throws(() => p.release(Buffer.alloc(4)), { code: "ERR_PROACTOR_BUFFER_FOREIGN" });
    }));

  waiting("does not take a buffer back while the kernel has it, or is to get it", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine, depth: 1 }, async (p) => {
        const buffers = Array.from({ length: 4 }, () => p.allocate(PAGE));
        const [first, second, third, fourth] = buffers as [Buffer, Buffer, Buffer, Buffer];
        const reads = [
          p.read(pipe.read, first.subarray(100, 103)),
          // These have no room yet, and one has its turn after another.
          p.readv(pipe.read, [second.subarray(0, 3)]),
          ...p.chain([
            { op: "read", fd: pipe.read, buffer: third.subarray(0, 3) },
            { op: "read", fd: pipe.read, buffer: fourth.subarray(0, 3) },
          ]),
        ];
        const lent = { code: "ERR_PROACTOR_BUFFER_LENT" };
        for (const buffer of buffers) assert.throws(() => p.release(buffer), lent);
        fs.writeSync(pipe.write, "abcdefghijkl");
        assert.deepEqual(await Promise.all(reads), [3, 3, 3, 3]);
        for (const buffer of buffers) p.release(buffer);
      }),
    ),
  );
});

describeConformance("registration", (engine, limits) => {
  it("of buffers changes nothing but the speed", () =>
    withTempDir((dir) =>
      withProactor({ engine, poolBytes: 4 * SLAB_BYTES }, async (p) => {
        const text = Buffer.from(Array.from({ length: 8192 }, (_, i) => i & 0xff));
        const file = join(dir, "file");
        fs.writeFileSync(file, text);
        const fd = fs.openSync(file, "r+");
        const before = p.allocate(8192);
        assert.equal(p.registerBuffers(), limits.registers);
        assert.equal(p.registerBuffers(), limits.registers, "Again");
        const after = p.allocate(8192);
        // More than the registered slab has: some of this is not registered.
        const beyond = Array.from({ length: 3 }, () => p.allocate(SLAB_BYTES / 2));
        for (const buffer of [before, after, ...beyond, Buffer.alloc(8192)]) {
          const part = buffer.subarray(50, 1050);
          part.fill(0);
          assert.equal(await p.read(fd, part, { offset: 77 }), 1000);
          assert.ok(part.equals(text.subarray(77, 1077)));
          part.fill(9);
          assert.equal(await p.write(fd, part, { offset: 77 }), 1000);
          assert.equal(await p.write(fd, text.subarray(77, 1077), { offset: 77 }), 1000);
        }
        fs.closeSync(fd);
      }),
    ));

  it("of files gives them numbers of their own", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const open = (name: string) => {
          fs.writeFileSync(join(dir, name), name);
          return fs.openSync(join(dir, name), "r+");
        };
        const [one, two] = [open("one"), open("two")];
        const buffer = Buffer.alloc(3);
        const read = async (index: number) => {
          await p.read(index, buffer, { offset: 0, fixedFile: true });
          return String(buffer);
        };
        assert.equal(p.registerFiles([one, two]), limits.registers);
        if (!limits.registers) {
          await assert.rejects(read(0), { code: "ENOTSUP", syscall: "read" });
        } else {
          assert.deepEqual([await read(0), await read(1)], ["one", "two"]);
          assert.equal(await p.write(1, Buffer.from("TWO"), { offset: 0, fixedFile: true }), 3);
          assert.equal(fs.readFileSync(join(dir, "two"), "utf8"), "TWO");
          assert.equal(await p.readv(0, [buffer], { offset: 0, fixedFile: true }), 3);
          await assert.rejects(read(7), { code: "EBADF" });
          // The file stays open for the ring when its descriptor is closed.
          fs.closeSync(one);
          assert.equal(await read(0), "one");
          assert.equal(p.registerFiles([two]), true, "In the place of what was");
          assert.equal(await read(0), "TWO");
          await assert.rejects(read(1), { code: "EBADF" });
          assert.equal(p.registerFiles([1_000_000]), false, "No such descriptor");
        }
        fs.closeSync(two);
        if (!limits.registers) fs.closeSync(one);
      }),
    ));
});
