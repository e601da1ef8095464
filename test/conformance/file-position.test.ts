import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import type { Proactor } from "../../src/index.ts";
import { describeConformance, withProactor } from "../support/conformance.ts";
import { fs, withTempDir } from "../support/place.ts";

const BLOCKS = 256;
const BLOCK_BYTES = 512;

/** Block `i` is full of the number `i`. */
function block(i: number): Buffer {
  return Buffer.alloc(BLOCK_BYTES, i);
}

/** What stands in the file, as the number of each of its blocks. */
function blocksOf(path: string): number[] {
  const bytes = fs.readFileSync(path) as Buffer;
  const found: number[] = [];
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const first = bytes[at] as number;
    const whole = bytes.subarray(at, at + BLOCK_BYTES).equals(block(first));
    found.push(whole ? first : -1);
  }
  return found;
}

const IN_ORDER = Array.from({ length: BLOCKS }, (_, i) => i);

describeConformance("the file position", (engine, limits) => {
  const withFile = (body: (p: Proactor, path: string) => unknown) =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        await body(p, join(dir, "file"));
      }),
    );

  it("gives reads at once one block after the other, in the order of the calls", () =>
    withFile(async (p, path) => {
      fs.writeFileSync(path, Buffer.concat(IN_ORDER.map(block)));
      const fd = fs.openSync(path, "r");
      const found = await Promise.all(
        IN_ORDER.map(async (i) => {
          const buffer = Buffer.alloc(BLOCK_BYTES);
          const half = BLOCK_BYTES / 2;
          if (i % 3 === 0) await p.read(fd, buffer, { deadlineMs: 60_000 });
          else if (i % 3 === 1) await p.read(fd, buffer);
          else await p.readv(fd, [buffer.subarray(0, half), buffer.subarray(half)]);
          return buffer.equals(block(buffer[0] as number)) ? buffer[0] : -1;
        }),
      );
      assert.deepEqual(found, IN_ORDER);
      assert.equal(await p.read(fd, Buffer.alloc(1)), 0);
      fs.closeSync(fd);
    }));

  it("puts writes at once one behind the other, in the order of the calls", () =>
    withFile(async (p, path) => {
      const fd = fs.openSync(path, "w");
      const started = IN_ORDER.map((i) => {
        if (i % 2 === 0) return p.write(fd, block(i));
        return p.writev(fd, [block(i).subarray(1), block(i).subarray(0, 1)]);
      });
      await Promise.all(started);
      // The system's own call goes on where they ended.
      fs.writeSync(fd, block(7));
      await p.write(fd, block(8));
      fs.closeSync(fd);
      assert.deepEqual(blocksOf(path), [...IN_ORDER, 7, 8]);
    }));

  it("is shared by the proactors of a thread, batches and chains", () =>
    withFile(async (p, path) => {
      const fd = fs.openSync(path, "w");
      const writes = (from: number, count: number) =>
        Array.from({ length: count }, (_, i) => {
          return { op: "write", fd, buffer: block(from + i) } as const;
        });
      await Promise.all(p.batch(writes(0, 5)));
      await Promise.all(p.chain(writes(5, 5)));
      await Promise.all(p.chain(writes(10, 5), { hard: true }));
      await withProactor({ engine }, async (other) => {
        const both = IN_ORDER.slice(15, 35).map((i) =>
          (i % 2 === 0 ? p : other).write(fd, block(i)),
        );
        await Promise.all(both);
      });
      fs.closeSync(fd);
      const found = blocksOf(path);
      assert.deepEqual(found.slice(0, 15), IN_ORDER.slice(0, 15));
      assert.deepEqual(
        found.slice(15).toSorted((a, b) => a - b),
        IN_ORDER.slice(15, 35),
      );
    }));

  it("is the end of the file behind a write that appends", () =>
    withFile(async (p, path) => {
      fs.writeFileSync(path, block(1));
      const fd = fs.openSync(path, "a+");
      const first = Buffer.alloc(BLOCK_BYTES);
      const last = Buffer.alloc(BLOCK_BYTES);
      const [before, written, after] = await Promise.all([
        p.read(fd, first.subarray(0, 100)),
        p.write(fd, block(2)),
        p.read(fd, last),
      ]);
      assert.deepEqual([before, written, after], [100, BLOCK_BYTES, 0]);
      await Promise.all([p.write(fd, block(3)), p.write(fd, block(4))]);
      assert.equal(await p.read(fd, last), 0);
      assert.equal(await p.read(fd, last, { offset: BLOCK_BYTES }), BLOCK_BYTES);
      assert.ok(last.equals(block(2)));
      fs.closeSync(fd);
      assert.deepEqual(blocksOf(path), [1, 2, 3, 4]);
    }));

  it("is not moved by what failed, was canceled while it waited, or has an offset", () =>
    withFile(async (p, path) => {
      fs.writeFileSync(path, Buffer.concat(IN_ORDER.map(block)));
      const reader = fs.openSync(path, "r");
      const buffers = Array.from({ length: 5 }, () => Buffer.alloc(BLOCK_BYTES));
      const at = (i: number) => buffers[i] as Buffer;
      const controller = new AbortController();
      const { signal } = controller;
      const started = [
        p.read(reader, at(0)),
        p.write(reader, block(9)),
        p.read(reader, at(1), { offset: 20 * BLOCK_BYTES }),
        p.read(reader, at(2), { signal }),
        p.read(reader, at(3)),
        p.read(reader, at(4), { signal }),
      ];
      // The first has its turn at once; those that wait can be taken back for certain.
      if (engine !== "sync") controller.abort();
      const ends = await Promise.allSettled(started);
      const values = ends.map((end) => (end.status === "fulfilled" ? end.value : end.reason.name));
      assert.equal(values[0], BLOCK_BYTES);
      assert.equal(values[1], "Error");
      assert.deepEqual([at(0)[0], at(1)[0]], [0, 20]);
      const canceled = engine === "sync" ? BLOCK_BYTES : "AbortError";
      assert.deepEqual([values[3], values[5]], [canceled, canceled]);
      assert.equal(at(3)[0], engine === "sync" ? 2 : 1);
      fs.closeSync(reader);
    }));

  const special = limits.specialFiles ? false : "It has no /proc";
  it("serves files that take no pwrite(2)", { skip: special }, () =>
    withProactor({ engine }, async (p) => {
      const comm = "/proc/self/comm";
      const name = fs.readFileSync(comm, "utf8") as string;
      const fd = fs.openSync(comm, "r+");
      assert.equal(await p.write(fd, Buffer.from("written")), 7);
      assert.equal(fs.readFileSync(comm, "utf8"), "written\n");
      assert.equal(await p.writev(fd, [Buffer.from("vector")]), 6);
      assert.equal(fs.readFileSync(comm, "utf8"), "vector\n");
      fs.writeSync(fd, name.trimEnd());
      fs.closeSync(fd);
    }),
  );

  it("of many that were canceled leaves nothing waiting", () =>
    withFile(async (p, path) => {
      fs.writeFileSync(path, Buffer.concat(IN_ORDER.map(block)));
      const fd = fs.openSync(path, "r");
      const reads = IN_ORDER.map(() => p.read(fd, Buffer.alloc(BLOCK_BYTES)));
      await Promise.all(reads.map((read) => read.cancel()));
      await Promise.allSettled(reads);
      assert.deepEqual(p.status(), { inFlight: 0, queued: 0 });
      const rest = Buffer.alloc(BLOCK_BYTES);
      assert.equal(await p.read(fd, rest, { offset: 0 }), BLOCK_BYTES);
      await p.read(fd, rest);
      fs.closeSync(fd);
    }));
});
