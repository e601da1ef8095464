import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { OperationDescriptor, Proactor } from "../../src/index.ts";
import { BLOCKS, describeConformance, itWhere, withProactor } from "../support/conformance.ts";
import { fs, withPipes, withTempDir } from "../support/place.ts";

/** A file whose every 4 bytes say where they are. */
async function withNumbers(count: number, body: (fd: number) => unknown): Promise<void> {
  await withTempDir(async (dir) => {
    const file = join(dir, "numbers");
    fs.writeFileSync(file, Buffer.from(Uint32Array.from({ length: count }, (_, i) => i).buffer));
    const fd = fs.openSync(file, "r");
    try {
      await body(fd);
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Reads every number of such a file at once; true if all are right. */
async function readsAll(p: Proactor, fd: number, count: number): Promise<boolean> {
  const words = new Uint32Array(count).fill(0xffff_ffff);
  const reads = Array.from({ length: count }, (_, i) =>
    p.read(fd, words.subarray(i, i + 1), { offset: i * 4 }),
  );
  const lengths = await Promise.all(reads);
  return lengths.every((length) => length === 4) && words.every((word, i) => word === i);
}

// HAZARDS Q1, Q3: more than there is room for is back-pressure, not an error.
describeConformance("small queues", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);

  for (const entries of [1, 2, 4, 8]) {
    it(`does thousands at once through ${entries} entries`, () =>
      withNumbers(3000, (fd) =>
        withProactor({ engine, entries }, async (p) => {
          assert.ok(await readsAll(p, fd, 3000));
        }),
      ));
  }

  for (const depth of [1, 3, 100]) {
    it(`keeps to a depth of ${depth}`, () =>
      withNumbers(1000, (fd) =>
        withProactor({ engine, depth }, async (p) => {
          const all = readsAll(p, fd, 1000);
          const { inFlight, queued } = p.status();
          assert.deepEqual([inFlight, queued], [depth, 1000 - depth]);
          assert.ok(await all);
          assert.deepEqual(p.status(), { inFlight: 0, queued: 0 });
        }),
      ));
  }

  // HAZARDS Q1: a completion queue of 2 or 16, and 4096 completions for it.
  for (const completionEntries of [2, 16]) {
    waiting(`loses nothing of 4096 through a completion queue of ${completionEntries}`, () =>
      withPipes(1, (pipe) =>
        withProactor({ engine, entries: 2, completionEntries }, async (p) => {
          const count = 4096;
          const buffers = Array.from({ length: count }, () => Buffer.alloc(1));
          const reads = buffers.map((buffer) => p.read(pipe.read, buffer));
          // They complete in one go, from within the system call that writes.
          const bytes = Buffer.from(Array.from({ length: count }, (_, i) => i & 0xff));
          await nextTurn();
          fs.writeSync(pipe.write, bytes);
          const lengths = await Promise.all(reads);
          assert.ok(lengths.every((length) => length === 1));
          const sorted = (all: Buffer) => [...all].toSorted((a, b) => a - b);
          assert.deepEqual(sorted(Buffer.concat(buffers)), sorted(bytes));
          assert.equal(await p.nop(), 0, "It goes on");
        }),
      ),
    );
  }

  it("does operations of every size of scratch memory at once, in few slots", () =>
    withTempDir((dir) =>
      withProactor({ engine, entries: 4, depth: 8 }, async (p) => {
        const long = join(dir, ..."abcd".split("").map((c) => c.repeat(100)));
        fs.mkdirSync(long, { recursive: true });
        const descriptors: OperationDescriptor[] = [];
        for (let i = 0; i < 200; i++) {
          const folder = i % 2 === 0 ? long : dir;
          descriptors.push({ op: "symlink", target: `t${i}`, path: join(folder, `link-${i}`) });
        }
        await Promise.all(p.batch(descriptors));
        for (let i = 0; i < 200; i++) {
          assert.equal(fs.readlinkSync(join(i % 2 === 0 ? long : dir, `link-${i}`)), `t${i}`);
        }
      }),
    ));
});

// HAZARDS B4: what a request points to is read when it is handed over, which may be later.
describeConformance("memory of requests", (engine) => {
  it("belongs to the request: the caller may change paths and lists at once", () =>
    withTempDir((dir) =>
      withProactor({ engine, entries: 2 }, async (p) => {
        const path = Buffer.from(join(dir, "aaaa"));
        const made = p.mkdir(path);
        path.fill("z", path.length - 4);
        await made;
        assert.deepEqual(fs.readdirSync(dir), ["aaaa"]);
        const fd = fs.openSync(join(dir, "file"), "w+");
        const buffers = [Buffer.from("one"), Buffer.from("two")];
        const written = p.writev(fd, buffers);
        buffers[0] = Buffer.from("ONE");
        buffers.length = 1;
        assert.equal(await written, 6);
        assert.equal(fs.readFileSync(join(dir, "file"), "utf8"), "onetwo");
        fs.closeSync(fd);
      }),
    ));

  it("is not shared by requests of one batch", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const names = Array.from({ length: 100 }, (_, i) => `name-${"x".repeat(i)}`);
        await Promise.all(names.map((name) => p.mkdir(join(dir, name))));
        assert.deepEqual(fs.readdirSync(dir).toSorted(), names.toSorted());
      }),
    ));
});

// HAZARDS Q8: a program that never stops submitting leaves room for all the others.
describeConformance("a thousand busy loops", (engine) => {
  it("let timers, immediates and sockets have their turns", () =>
    withNumbers(1000, (fd) =>
      withProactor({ engine }, async (p) => {
        let stop = false;
        const rounds = new Uint32Array(1000);
        const loops = Array.from(rounds, async (_, i) => {
          const buffer = Buffer.alloc(4);
          while (!stop) {
            await p.read(fd, buffer, { offset: i * 4 });
            rounds[i] = (rounds[i] as number) + 1;
          }
        });
        const server = net.createServer((socket) => socket.pipe(socket));
        const port = await new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port));
        });
        const socket = net.connect(port, "127.0.0.1");
        for (let turn = 0; turn < 10; turn++) {
          socket.write(`${turn}`);
          const echo = new Promise((resolve) => {
            socket.once("data", resolve);
          });
          assert.equal(String(await echo), `${turn}`);
          await new Promise((resolve) => setTimeout(resolve, 1));
          await nextTurn();
        }
        socket.destroy();
        server.close();
        stop = true;
        await Promise.all(loops);
        assert.ok(
          rounds.every((round) => round >= 1),
          "Nobody was left out",
        );
      }),
    ));

  it("made of callbacks do so, too", () =>
    withProactor({ engine }, async (p) => {
      let stop = false;
      let done = 0;
      const again = (): void => {
        done++;
        if (!stop) void p.nop({ callback: again });
      };
      for (let i = 0; i < 100; i++) void p.nop({ callback: again });
      let turns = 0;
      while (turns < 20) {
        await nextTurn();
        turns++;
      }
      stop = true;
      assert.ok(done >= 100, `${done} in ${turns} turns`);
    }));
});
