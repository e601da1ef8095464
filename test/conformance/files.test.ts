import assert from "node:assert/strict";
import nodeFs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import type { Proactor } from "../../src/index.ts";
import { describeConformance, itWhere, outcomeOf, withProactor } from "../support/conformance.ts";
import type { FileCalls } from "../support/memory-fs.ts";
import { withPipes as withSystemPipes } from "../support/pipes.ts";
import { fs, withPipes, withTempDir } from "../support/place.ts";
import { withTempDir as withSystemTempDir } from "../support/temp-dir.ts";

const CONTENT = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz");
const CLOSED = 1_000_000;
const { O_APPEND, O_CREAT, O_RDWR } = nodeFs.constants;

/** The calls that both sides can do, with the same arguments, and where their files are. */
interface Side {
  readonly fs: FileCalls;
  readonly withTempDir: typeof withTempDir;
  read(fd: number, buffer: NodeJS.ArrayBufferView, offset?: number | bigint): unknown;
  write(fd: number, buffer: NodeJS.ArrayBufferView, offset?: number | bigint): unknown;
  readv(fd: number, buffers: NodeJS.ArrayBufferView[], offset?: number): unknown;
  writev(fd: number, buffers: NodeJS.ArrayBufferView[], offset?: number): unknown;
  truncate(fd: number, size?: number): unknown;
  fsync(fd: number): unknown;
  fdatasync(fd: number): unknown;
  close(fd: number): unknown;
}

/** Calls a function with a callback, and waits. Blocking calls give errors with other keys. */
function called(run: (done: (error: Error | null, value?: unknown) => void) => void) {
  return new Promise((resolve, reject) => {
    run((error, value) => (error ? reject(error) : resolve(value)));
  });
}

const theirs: Side = {
  fs: nodeFs,
  withTempDir: withSystemTempDir,
  read: (fd, buffer, offset) =>
    called((done) => nodeFs.read(fd, buffer, 0, buffer.byteLength, offset ?? null, done)),
  write: (fd, buffer, offset) =>
    called((done) =>
      // Its types know no bigint here, its code does.
      nodeFs.write(fd, buffer, 0, buffer.byteLength, (offset ?? null) as number | null, done),
    ),
  // Its types do not say that it takes null.
  readv: (fd, buffers, offset) =>
    called((done) => nodeFs.readv(fd, buffers, (offset ?? null) as number, done)),
  writev: (fd, buffers, offset) =>
    called((done) => nodeFs.writev(fd, buffers, (offset ?? null) as number, done)),
  truncate: (fd, size) => called((done) => nodeFs.ftruncate(fd, size, done)),
  fsync: (fd) => called((done) => nodeFs.fsync(fd, done)),
  fdatasync: (fd) => called((done) => nodeFs.fdatasync(fd, done)),
  close: (fd) => called((done) => nodeFs.close(fd, done)),
};

function oursOf(p: Proactor): Side {
  return {
    fs,
    withTempDir,
    read: (fd, buffer, offset) => p.read(fd, buffer, { offset }),
    write: (fd, buffer, offset) => p.write(fd, buffer, { offset }),
    readv: (fd, buffers, offset) => p.readv(fd, buffers, { offset }),
    writev: (fd, buffers, offset) => p.writev(fd, buffers, { offset }),
    truncate: (fd, size) => p.truncate(fd, size),
    fsync: (fd) => p.fsync(fd),
    fdatasync: (fd) => p.fdatasync(fd),
    close: (fd) => p.close(fd),
  };
}

/** A few calls on one open file; what it returns is compared. */
interface Case {
  readonly title: string;
  /** How the file is opened, `"r+"` unless told; a number, or `"closed"`, or a path of its own. */
  readonly flags?: string | number;
  readonly path?: string;
  run(side: Side, fd: number, dir: string): unknown;
}

/** Reads `length` bytes and shows what came, and what stood behind it. */
async function bytes(side: Side, fd: number, length: number, offset?: number | bigint) {
  const buffer = Buffer.alloc(length + 2, "~");
  const count = await side.read(fd, buffer.subarray(0, length), offset);
  return [count, buffer.toString("latin1")];
}

const cases: readonly Case[] = [
  ...[0, 1, 35, 36, 37, 1000, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER - 16].map(
    (offset): Case => ({
      title: `read 8 bytes at ${offset}`,
      run: (side, fd) => bytes(side, fd, 8, offset),
    }),
  ),
  { title: "read at an offset given as a bigint", run: (side, fd) => bytes(side, fd, 4, 10n) },
  { title: "read more than there is", run: (side, fd) => bytes(side, fd, 100, 30) },
  {
    title: "read at the file position, which moves, to the end and beyond",
    async run(side, fd) {
      const all = [];
      for (let i = 0; i < 6; i++) all.push(await bytes(side, fd, 10));
      return all;
    },
  },
  {
    title: "read at an offset leaves the file position alone",
    run: async (side, fd) => [
      await bytes(side, fd, 5),
      await bytes(side, fd, 5, 20),
      await bytes(side, fd, 5, 0),
      await bytes(side, fd, 5, -1),
    ],
  },
  { title: "read a descriptor that is not open", run: (side) => bytes(side, CLOSED, 8) },
  { title: "read a file opened to write", flags: "a", run: (side, fd) => bytes(side, fd, 8) },
  { title: "read a folder", path: "/", flags: "r", run: (side, fd) => bytes(side, fd, 8) },
  { title: "read /dev/null", path: "/dev/null", run: (side, fd) => bytes(side, fd, 8) },
  { title: "read /dev/zero", path: "/dev/zero", run: (side, fd) => bytes(side, fd, 8, 100) },
  {
    // HAZARDS S1: /proc tells its end only by an empty read, and reads short before that.
    title: "read a file of /proc in small pieces to its end",
    path: "/proc/self/limits",
    flags: "r",
    async run(side, fd) {
      let text = "";
      for (;;) {
        const buffer = Buffer.alloc(100);
        const count = (await side.read(fd, buffer)) as number;
        if (count === 0) return text;
        text += buffer.toString("latin1", 0, count);
      }
    },
  },
  {
    title: "write at an offset, over what is there",
    run: (side, fd) => side.write(fd, Buffer.from("####"), 34),
  },
  {
    title: "write far behind the end, which makes a hole",
    async run(side, fd) {
      const written = await side.write(fd, Buffer.from("far"), 100_000);
      return [written, side.fs.fstatSync(fd).size, await bytes(side, fd, 4, 99_998)];
    },
  },
  {
    // HAZARDS S5
    title: "write at the file position, which moves",
    run: async (side, fd) => [
      await side.write(fd, Buffer.from("AB")),
      await side.write(fd, Buffer.from("CD"), -1),
      await side.write(fd, Buffer.from("EF"), 0),
      await side.write(fd, Buffer.from("GH")),
    ],
  },
  {
    // HAZARDS D7, S5: appending ignores the offset.
    title: "write to a file opened to append",
    flags: O_RDWR | O_APPEND,
    run: async (side, fd) => [
      await side.write(fd, Buffer.from("one")),
      await side.write(fd, Buffer.from("two"), 0),
      await bytes(side, fd, 6, 36),
    ],
  },
  {
    title: "write to a file opened to read",
    flags: "r",
    run: (side, fd) => side.write(fd, CONTENT),
  },
  {
    title: "write to a descriptor that is not open",
    run: (side) => side.write(CLOSED, CONTENT),
  },
  {
    title: "write to a device that is full",
    path: "/dev/full",
    run: (side, fd) => side.write(fd, CONTENT),
  },
  {
    title: "write beyond the largest file",
    run: (side, fd) => side.write(fd, CONTENT, Number.MAX_SAFE_INTEGER - 64),
  },
  {
    title: "write beyond 4 GiB, and read it back",
    async run(side, fd) {
      const at = 5 * 2 ** 30 + 12_345;
      const written = await side.write(fd, CONTENT, at);
      const size = side.fs.fstatSync(fd).size;
      const around = [
        await bytes(side, fd, 12, at - 2),
        await bytes(side, fd, 12, BigInt(at) + 30n),
      ];
      // The same place without its high word must be untouched.
      const low = await bytes(side, fd, 12, at % 2 ** 32);
      side.fs.ftruncateSync(fd, 0);
      return [written, size, around, low];
    },
  },
  {
    title: "write and read every kind of view",
    async run(side, fd) {
      const memory = new ArrayBuffer(64);
      const views = [
        new Uint16Array(memory, 2, 3),
        new DataView(memory, 9, 5),
        new Float64Array(memory, 16, 2),
        new BigInt64Array(memory, 32, 1),
        Buffer.from(memory, 50, 3),
      ];
      const results: unknown[] = [];
      let at = 0;
      for (const [i, view] of views.entries()) {
        new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(65 + i);
        results.push(await side.write(fd, view, at));
        at += view.byteLength;
      }
      new Uint8Array(memory).fill(126);
      for (const view of views) results.push(await side.read(fd, view, 3));
      return [results, Buffer.from(memory).toString("latin1")];
    },
  },
  {
    title: "read and write shared memory",
    async run(side, fd) {
      const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(66);
      await side.write(fd, shared, 4);
      await side.read(fd, shared, 0);
      return Buffer.from(shared).toString("latin1");
    },
  },
  ...([0, 1, 30, 36, 50] as const).map(
    (offset): Case => ({
      title: `readv into several buffers at ${offset}`,
      async run(side, fd) {
        const buffers = [1, 7, 0, 9].map((length) => Buffer.alloc(length, "~"));
        return [await side.readv(fd, buffers, offset), buffers.map(String)];
      },
    }),
  ),
  {
    title: "readv and writev at the file position",
    async run(side, fd) {
      const buffers = [Buffer.alloc(3), Buffer.alloc(4)];
      const first = [await side.readv(fd, buffers), buffers.map(String)];
      const written = await side.writev(fd, [Buffer.from("WW"), Buffer.from("VVV")]);
      return [first, written, await side.readv(fd, buffers), buffers.map(String)];
    },
  },
  {
    title: "writev at an offset",
    run: (side, fd) => side.writev(fd, [Buffer.from("AAA"), new Uint16Array(4).fill(0x4242)], 33),
  },
  {
    // HAZARDS S4: more vectors than fit into a slot's own memory, and the most there may be.
    title: "readv and writev with 1024 buffers",
    async run(side, fd) {
      const out = Array.from({ length: 1024 }, (_, i) => Buffer.from([i & 0xff, i >> 8]));
      const written = await side.writev(fd, out, 0);
      const back = Array.from({ length: 1024 }, () => Buffer.alloc(2));
      return [
        written,
        await side.readv(fd, back, 0),
        Buffer.concat(back).equals(Buffer.concat(out)),
      ];
    },
  },
  {
    title: "readv and writev of a descriptor that is not open",
    run: async (side) => [
      await outcomeOf(() => side.readv(CLOSED, [Buffer.alloc(1)])),
      await outcomeOf(() => side.writev(CLOSED, [Buffer.alloc(1)])),
    ],
  },
  ...[0, 10, 36, 5000, 2 ** 33 + 1].map(
    (size): Case => ({
      title: `truncate to ${size}`,
      async run(side, fd) {
        const result = await side.truncate(fd, size);
        const found = [result, side.fs.fstatSync(fd).size, await bytes(side, fd, 4, 8)];
        if (size > 5000) side.fs.ftruncateSync(fd, 0);
        return found;
      },
    }),
  ),
  { title: "truncate to nothing without being told", run: (side, fd) => side.truncate(fd) },
  { title: "truncate a file opened to read", flags: "r", run: (side, fd) => side.truncate(fd, 1) },
  { title: "truncate a device", path: "/dev/null", run: (side, fd) => side.truncate(fd, 1) },
  {
    title: "truncate beyond the largest file",
    run: (side, fd) => side.truncate(fd, Number.MAX_SAFE_INTEGER),
  },
  ...(["fsync", "fdatasync", "truncate", "close"] as const).map(
    (name): Case => ({
      title: `${name} of a descriptor that is not open`,
      run: (side) => side[name](CLOSED),
    }),
  ),
  ...(["fsync", "fdatasync"] as const).flatMap((name): Case[] => [
    { title: `${name} of a file`, run: (side, fd) => side[name](fd) },
    { title: `${name} of a device`, path: "/dev/zero", run: (side, fd) => side[name](fd) },
    { title: `${name} of a folder`, path: "/", flags: "r", run: (side, fd) => side[name](fd) },
  ]),
  {
    // HAZARDS D2
    title: "close twice",
    async run(side, _fd, dir) {
      const fd = side.fs.openSync(join(dir, "twice"), "w");
      return [await side.close(fd), await outcomeOf(() => side.close(fd))];
    },
  },
];

/** Runs a case with a folder of its own. Tells the outcome and what was left in the file. */
function run(one: Case, side: Side): Promise<unknown> {
  return side.withTempDir(async (dir) => {
    const file = join(dir, "file");
    side.fs.writeFileSync(file, CONTENT);
    const fd = side.fs.openSync(one.path ?? file, one.flags ?? "r+");
    try {
      const outcome = await outcomeOf(() => one.run(side, fd, dir));
      return [outcome, side.fs.readFileSync(file, "latin1")];
    } finally {
      side.fs.closeSync(fd);
    }
  });
}

/** Why a case cannot be held against node:fs where there is no system behind the files. */
function onlyOnSystem({ title, path = "" }: Case): string | undefined {
  if (/^\/(dev|proc)\//.test(path)) return "There are no devices and no /proc in memory";
  if (!title.includes("beyond the largest file")) return undefined;
  return "How large a file may be is the file system's affair";
}

describeConformance("files, compared with node:fs", (engine, limits) => {
  for (const one of cases) {
    const reason = onlyOnSystem(one);
    itWhere(limits.specialFiles || reason === undefined, reason ?? "")(one.title, () =>
      withProactor({ engine }, async (p) => {
        const expected = await run(one, theirs);
        assert.deepEqual(await run(one, oursOf(p)), expected);
      }),
    );
  }
});

describeConformance("files, where node:fs answers by itself", (engine, limits) => {
  const withFile = (body: (p: Proactor, fd: number) => unknown) =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        const fd = fs.openSync(join(dir, "file"), O_RDWR | O_CREAT);
        fs.writeSync(fd, CONTENT, 0, CONTENT.length, 0);
        try {
          await body(p, fd);
        } finally {
          fs.closeSync(fd);
        }
      }),
    );

  it("asks the kernel even for no bytes at all", () =>
    withFile(async (p, fd) => {
      const nothing = new Uint8Array(0);
      assert.equal(await p.read(fd, nothing), 0);
      assert.equal(await p.write(fd, nothing), 0);
      assert.equal(await p.readv(fd, [nothing, nothing]), 0);
      assert.equal(await p.writev(fd, []), 0);
      assert.equal(await p.readv(fd, []), 0);
      assert.equal(await p.read(fd, Buffer.alloc(9), { length: 0, offset: 3 }), 0);
      const bad = { code: "EBADF", errno: -9 };
      await assert.rejects(p.read(CLOSED, nothing), { ...bad, syscall: "read" });
      await assert.rejects(p.write(CLOSED, nothing), { ...bad, syscall: "write" });
      await assert.rejects(p.readv(CLOSED, []), { ...bad, syscall: "read" });
      await assert.rejects(p.writev(CLOSED, []), { ...bad, syscall: "write" });
    }));

  it("reads and writes a part of a buffer", () =>
    withFile(async (p, fd) => {
      const buffer = Buffer.alloc(10, "~");
      assert.equal(await p.read(fd, buffer, { length: 4, offset: 10 }), 4);
      assert.equal(String(buffer), "abcd~~~~~~");
      assert.equal(await p.write(fd, Buffer.from("XYZ"), { length: 2, offset: 0 }), 2);
      assert.equal(fs.readFileSync(`/proc/self/fd/${fd}`, "latin1").slice(0, 4), "XY23");
    }));

  it("takes null and undefined for the file position", () =>
    withFile(async (p, fd) => {
      const read = async (offset: null | undefined) => {
        const buffer = Buffer.alloc(2);
        await p.read(fd, buffer, { offset });
        return String(buffer);
      };
      assert.deepEqual([await read(null), await read(undefined)], ["01", "23"]);
    }));

  // HAZARDS S4: lengths that do not fit into the fields of the kernel.
  it("reads into a buffer of 4 GiB", () =>
    withFile(async (p, fd) => {
      // Its pages are never touched but for the first.
      const huge = new Uint8Array(2 ** 32);
      assert.equal(await p.read(fd, huge, { offset: 0 }), CONTENT.length);
      assert.equal(Buffer.from(huge.buffer, 0, 36).toString(), String(CONTENT));
      assert.equal(huge[36], 0);
    }));

  // HAZARDS S6
  it("passes RWF_* on, or says that it cannot", () =>
    withFile(async (p, fd) => {
      const RWF_APPEND = 0x10;
      const append = () => p.write(fd, Buffer.from("end"), { offset: 0, flags: RWF_APPEND });
      const appendAll = () => p.writev(fd, [Buffer.from("!")], { offset: 0, flags: RWF_APPEND });
      if (limits.rwFlags) {
        assert.deepEqual([await append(), await appendAll()], [3, 1]);
        assert.equal(fs.readFileSync(`/proc/self/fd/${fd}`, "latin1"), `${CONTENT}end!`);
      } else {
        await assert.rejects(append(), { code: "ENOTSUP", syscall: "write" });
        await assert.rejects(appendAll(), { code: "ENOTSUP", syscall: "write" });
      }
      const unknown = { offset: 0, flags: 0x4000_0000 };
      await assert.rejects(p.read(fd, Buffer.alloc(1), unknown), { code: "ENOTSUP" });
    }));

  // HAZARDS S1: pipes give what they have.
  it("reads what a pipe has, and its end", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        const buffer = Buffer.alloc(10, "~");
        assert.equal(await p.write(pipe.write, Buffer.from("abc")), 3);
        assert.equal(await p.read(pipe.read, buffer), 3);
        assert.equal(String(buffer), "abc~~~~~~~");
        pipe.close("write");
        assert.equal(await p.read(pipe.read, buffer), 0);
      }),
    ));

  it("says that a pipe has no offsets", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        await p.write(pipe.write, Buffer.from("abc"));
        const read = (side: Side, fd: number) => outcomeOf(() => side.read(fd, Buffer.alloc(1), 0));
        const refused = await withSystemPipes(1, (system) => read(theirs, system.read));
        assert.deepEqual(await read(oursOf(p), pipe.read), refused);
      }),
    ));

  it("says that nobody reads a pipe any more", () =>
    withPipes(1, (pipe) =>
      withProactor({ engine }, async (p) => {
        pipe.close("read");
        const error = { message: "EPIPE: broken pipe, write", code: "EPIPE", syscall: "write" };
        await assert.rejects(p.write(pipe.write, Buffer.from("x")), error);
      }),
    ));
});
