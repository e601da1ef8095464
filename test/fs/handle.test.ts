import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants, readFileSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import nodePromises from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promises } from "../../src/fs/promises.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { compareWithNode, type Outcome, outcomeOf, type Promises } from "./twins.ts";

const TEXT = "0123456789abcdefghijklmnopqrstuvwxyz";

/** What our FileHandle has of its own. */
const METHODS = [
  ...["read", "write", "readv", "writev", "truncate", "sync", "datasync"],
  ...["stat", "readFile", "writeFile", "appendFile"],
];

const TEXT_LIKE = { toString: () => "text" };

/** A method with whatever arguments: what is compared is what it makes of them. */
type Loose = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** Calls one method with each list of arguments, one after the other, on a fresh file each. */
async function outcomes(
  fs: Promises,
  dir: string,
  method: string,
  lists: readonly (() => unknown[])[],
): Promise<unknown[]> {
  const path = join(dir, "file");
  const found: unknown[] = [];
  for (const list of lists) {
    writeFileSync(path, TEXT);
    const handle = await fs.open(path, "r+");
    const call = (handle as unknown as Loose)[method] as (...args: unknown[]) => Promise<unknown>;
    const args = list();
    const outcome: Outcome = await outcomeOf(() => call.apply(handle, args));
    // Where the file position is by now is seen by what is read next.
    const rest = await handle.read(Buffer.alloc(4), 0, 4, null);
    found.push([args, outcome, rest, readFileSync(path, "latin1")]);
    await handle.close();
  }
  return found;
}

const POSITIONS: readonly unknown[] = [
  undefined,
  null,
  -1,
  0,
  -0,
  5,
  35,
  36,
  1000,
  2 ** 40,
  Number.MAX_SAFE_INTEGER,
  -2,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  2n,
  -1n,
  -2n,
  2n ** 63n,
  "3",
  true,
  {},
];

// Node 20 ends the process over a length that is not whole.
const LENGTHS: readonly unknown[] = [undefined, null, 0, 1, 8, 9, -1];

const OFFSETS: readonly unknown[] = [undefined, null, 0, 3, 8, 9, -1, 0.5, "1", 1n];

describe("open", () => {
  it("opens with flags and modes as node:fs does", async () => {
    await compareWithNode(async (fs, dir) => {
      const found: unknown[] = [];
      writeFileSync(join(dir, "there"), TEXT);
      const flags = ["r", "r+", "w", "wx", "w+", "a", "ax", "a+", "as", "rs", "nonsense", "", null];
      const more = [constants.O_RDONLY, constants.O_CREAT | constants.O_EXCL, -1, 1.5, "7", {}];
      for (const flag of [undefined, ...flags, ...more]) {
        for (const name of ["there", "new"]) {
          for (const mode of [undefined, 0o600, "640", "9", -1, null]) {
            found.push(
              await outcomeOf(async () => {
                const handle = await fs.open(join(dir, name), flag as string, mode as number);
                const stats = await handle.stat();
                await handle.close();
                return [stats.mode, stats.size];
              }),
            );
            await fs.rm(join(dir, "new"), { force: true });
          }
        }
      }
      return found;
    });
  });

  it("fails as node:fs does", async () => {
    await compareWithNode(async (fs, dir) => {
      const file = join(dir, "file");
      writeFileSync(file, TEXT);
      const paths = [
        join(dir, "missing"),
        Buffer.from(join(dir, "missing")),
        new URL(`file://${dir}/missing`),
        new URL("http://example.org/"),
        join(file, "below"),
        `${file}\0`,
        "x".repeat(5000),
        join(dir, "x".repeat(256)),
        undefined,
        7,
        "",
        {},
      ];
      const found: unknown[] = [];
      for (const path of paths) found.push(await outcomeOf(() => fs.open(path as string)));
      found.push(await outcomeOf(() => fs.open(dir, "w")));
      return found;
    });
  });

  it("obeys the umask", async () => {
    await compareWithNode(async (fs, dir) => {
      const before = process.umask(0o027);
      try {
        const handle = await fs.open(join(dir, "file"), "w", 0o777);
        const { mode } = await handle.stat();
        await handle.close();
        return mode;
      } finally {
        process.umask(before);
      }
    });
  });

  it("leaves no descriptor behind, a thousand times", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, TEXT);
      await (await promises.open(path)).close();
      const before = openDescriptors();
      for (let round = 0; round < 10; round++) {
        const handles = await Promise.all(Array.from({ length: 100 }, () => promises.open(path)));
        const failed = assert.rejects(promises.open(join(dir, "missing")), { code: "ENOENT" });
        await Promise.all(handles.map((handle) => handle.close()));
        await failed;
      }
      assert.deepEqual(openDescriptors(), before);
    });
  });

  it("waits for the other side of a FIFO, as node:fs does", async () => {
    await compareWithNode(async (fs, dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      const order: string[] = [];
      const reading = fs.open(path, "r").then((handle) => {
        order.push("reader");
        return handle;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      order.push("before the writer");
      const writer = await nodePromises.open(path, "w");
      const reader = await reading;
      await writer.writeFile("through the pipe");
      await writer.close();
      const text = await reader.readFile("utf8");
      const positional = await outcomeOf(() => reader.read(Buffer.alloc(1), 0, 1, 0));
      await reader.close();
      return [order, text, positional];
    });
  });
});

describe("FileHandle", () => {
  it("is a FileHandle of Node's to whoever looks", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, TEXT);
      const [node, ours] = [await nodePromises.open(path), await promises.open(path)];
      assert.ok(ours instanceof node.constructor);
      assert.equal(ours.constructor.name, "FileHandle");
      assert.deepEqual(Object.keys(ours), Object.keys(node));
      assert.deepEqual(Reflect.ownKeys(ours).map(String), Reflect.ownKeys(node).map(String));
      assert.equal(String(ours), String(node));
      for (const name of METHODS) {
        const [a, b] = [ours, node].map((each) => (each as unknown as Loose)[name]);
        assert.equal(a?.length, b?.length, name);
        assert.equal(a?.name, b?.name, name);
      }
      await node.close();
      await ours.close();
    });
  });

  it("reads as node:fs does, whatever the arguments", async () => {
    await compareWithNode((fs, dir) =>
      outcomes(fs, dir, "read", [
        () => [],
        ...POSITIONS.map((position) => () => [Buffer.alloc(8), 0, 8, position]),
        ...POSITIONS.map((position) => () => [{ buffer: Buffer.alloc(8), position }]),
        ...POSITIONS.map((position) => () => [Buffer.alloc(8), { position }]),
        ...LENGTHS.map((length) => () => [Buffer.alloc(8), 0, length, 2]),
        ...LENGTHS.map((length) => () => [Buffer.alloc(8), { length, position: 2 }]),
        ...OFFSETS.map((offset) => () => [Buffer.alloc(8), offset, undefined, 3]),
        ...OFFSETS.map((offset) => () => [{ buffer: Buffer.alloc(8), offset }]),
        () => [Buffer.alloc(8), 2, 4, 6],
        () => [new Uint16Array(4), 2, 4, 6],
        () => [new DataView(new ArrayBuffer(8), 1), 2, 4, 6],
        () => [new Float64Array(1)],
        () => [Buffer.alloc(0)],
        () => [Buffer.alloc(0), 0, 0, 0],
        () => [null],
        () => [{}],
        () => [[]],
        () => ["text"],
        () => [7],
        () => [{ buffer: "text" }],
        () => [Buffer.alloc(8), {}],
        () => [Buffer.alloc(8), []],
        () => [{ buffer: Buffer.alloc(8) }, 1, 2, 3],
        () => [new ArrayBuffer(8)],
      ]),
    );
  });

  it("writes as node:fs does, whatever the arguments", async () => {
    await compareWithNode((fs, dir) =>
      outcomes(fs, dir, "write", [
        ...POSITIONS.filter((position) => !(Number(position) > 2 ** 30)).flatMap((position) => [
          () => [Buffer.from("ABCDEFGH"), 0, 8, position],
          () => [Buffer.from("ABCDEFGH"), { position }],
          () => ["ÄBC", position],
        ]),
        ...LENGTHS.map((length) => () => [Buffer.from("ABCDEFGH"), 0, length, 2]),
        ...LENGTHS.map((length) => () => [Buffer.from("ABCDEFGH"), { length, position: 2 }]),
        ...OFFSETS.map((offset) => () => [Buffer.from("ABCDEFGH"), offset, undefined, 3]),
        ...OFFSETS.map((offset) => () => [Buffer.from("ABCDEFGH"), { offset }]),
        () => [Buffer.from("ABCDEFGH"), null, 5, 3],
        () => [Buffer.alloc(0)],
        () => [""],
        () => ["text", null, "utf8"],
        () => ["abcd", 3, "hex"],
        () => ["abc", 3, "hex"],
        () => ["ÄÖ", 3, "latin1"],
        () => ["ÄÖ", 3, "nonsense"],
        () => ["\ud800", 3],
        () => [7],
        () => [null],
        () => [{}],
        () => [TEXT_LIKE],
        () => [new Uint16Array([1, 2]), 2, 2, 1],
        () => [[1]],
      ]),
    );
  });

  it("reads and writes several buffers as node:fs does", async () => {
    const buffers = () => [Buffer.from("ABC"), Buffer.alloc(0), new Uint16Array([0x4443])];
    const lists = [
      ...POSITIONS.filter((position) => !(Number(position) > 2 ** 30)).map((position) => () => [
        buffers(),
        position,
      ]),
      () => [[]],
      () => [[Buffer.alloc(0)]],
      () => [["text"]],
      () => [Buffer.from("abc")],
      () => [undefined],
      () => [Array.from({ length: 1500 }, () => Buffer.from("z")), 0],
    ];
    await compareWithNode((fs, dir) => outcomes(fs, dir, "readv", lists));
    await compareWithNode((fs, dir) => outcomes(fs, dir, "writev", lists));
  });

  it("truncates and syncs as node:fs does", async () => {
    const lengths = [undefined, 0, 5, 100, -5, 1.5, "3", null, 3n, Number.NaN, 2 ** 53];
    await compareWithNode((fs, dir) =>
      outcomes(fs, dir, "truncate", [() => [], ...lengths.map((length) => () => [length])]),
    );
    await compareWithNode((fs, dir) => outcomes(fs, dir, "sync", [() => []]));
    await compareWithNode((fs, dir) => outcomes(fs, dir, "datasync", [() => []]));
  });

  it("reads and writes what is left of the file as node:fs does", async () => {
    await compareWithNode((fs, dir) =>
      outcomes(fs, dir, "readFile", [
        () => [],
        () => ["utf8"],
        () => [{ encoding: "latin1" }],
        () => [{ encoding: "nonsense" }],
        () => [null],
        () => [7],
        () => [{ signal: AbortSignal.abort() }],
        () => [{ signal: {} }],
      ]),
    );
    for (const method of ["writeFile", "appendFile"]) {
      await compareWithNode((fs, dir) =>
        outcomes(fs, dir, method, [
          () => ["text"],
          () => [Buffer.from("text")],
          () => ["74657874", "hex"],
          () => [["an", "iterable"]],
          () => [new Uint16Array([1, 2])],
          () => ["text", { encoding: "utf16le" }],
          () => ["text", { signal: AbortSignal.abort() }],
          () => [""],
          () => [7],
          () => [undefined],
          () => [{}],
        ]),
      );
    }
  });

  it("keeps whole files apart from what else moves the file position", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const handle = await promises.open(path, "w+");
      const big = Buffer.alloc(300_000, "b");
      await Promise.all([handle.writeFile(big), handle.write("between"), handle.appendFile("end")]);
      const text = readFileSync(path, "latin1");
      assert.equal(text, `${big.toString("latin1")}betweenend`);
      await handle.close();
      const again = await promises.open(path);
      const first = again.read(Buffer.alloc(4));
      const rest = again.readFile("latin1");
      const after = again.read(Buffer.alloc(4));
      const closing = again.close();
      assert.equal((await first).buffer.toString(), "bbbb");
      assert.equal((await rest).length, text.length - 4);
      assert.equal((await after).bytesRead, 0);
      await closing;
    });
  });

  it("refuses with the kernel's errors as node:fs does", async () => {
    await compareWithNode(async (fs, dir) => {
      const path = join(dir, "file");
      writeFileSync(path, TEXT);
      const reader = await fs.open(path, "r");
      const writer = await fs.open(path, "a");
      const folder = await fs.open(dir, "r");
      const found = [
        await outcomeOf(() => reader.write(Buffer.from("x"), 0, 1, 0)),
        await outcomeOf(() => reader.write("x")),
        await outcomeOf(() => reader.writev([Buffer.from("x")])),
        await outcomeOf(() => reader.truncate(3)),
        await outcomeOf(() => writer.read(Buffer.alloc(1), 0, 1, 0)),
        await outcomeOf(() => writer.read(Buffer.alloc(1))),
        await outcomeOf(() => writer.readv([Buffer.alloc(1)], 0)),
        await outcomeOf(() => folder.read(Buffer.alloc(1), 0, 1, 0)),
        await outcomeOf(() => folder.sync()),
      ];
      for (const handle of [reader, writer, folder]) await handle.close();
      return found;
    });
  });

  it("refuses everything once it is closed, as node:fs does", async () => {
    await compareWithNode(async (fs, dir) => {
      writeFileSync(join(dir, "file"), TEXT);
      const handle = await fs.open(join(dir, "file"), "r+");
      await handle.close();
      const loose = handle as unknown as Loose;
      const found: unknown[] = [handle.fd];
      for (const name of METHODS) {
        found.push(await outcomeOf(() => loose[name]?.(Buffer.alloc(1))));
      }
      found.push(await outcomeOf(() => handle.close()));
      return found;
    });
  });

  it("waits with closing for what is in flight", async () => {
    await compareWithNode(async (fs, dir) => {
      writeFileSync(join(dir, "file"), TEXT);
      const handle = await fs.open(join(dir, "file"), "r+");
      const order: string[] = [];
      (handle as unknown as NodeJS.EventEmitter).on("close", () => order.push("event"));
      const reads = Array.from({ length: 40 }, (_, i) =>
        handle.read(Buffer.alloc(4), 0, 4, i % 30),
      );
      const written = handle.write("XYZ", 0);
      const closing = handle.close().then(() => order.push(`closed ${handle.fd}`));
      const again = handle.close();
      const during = handle.fd > 0;
      const late = handle.read(Buffer.alloc(4), 0, 4, 8);
      const results = await Promise.all(reads);
      await Promise.all([closing, again, written]);
      const { bytesRead } = await late;
      return [order, during, results.map((each) => each.bytesRead), bytesRead];
    });
  });

  it("gives reads without a position each its own part of the file", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      writeFileSync(path, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
      const handle = await promises.open(path, "r+");
      const reads = Array.from({ length: 64 }, () => handle.read(Buffer.alloc(4)));
      const closing = handle.close();
      const results = await Promise.all(reads);
      await closing;
      const bytes = Buffer.concat(results.map((each) => each.buffer));
      assert.deepEqual(
        [...bytes],
        Array.from({ length: 256 }, (_, i) => i),
      );
    });
  });

  it("appends writes that were not awaited, in order", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const handle = await promises.open(path, "a");
      await Promise.all(Array.from({ length: 50 }, (_, i) => handle.write(`line ${i}\n`)));
      await handle.close();
      const lines = Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join("");
      assert.equal(readFileSync(path, "utf8"), lines);
    });
  });

  it("works through a proxy and by inheritance, as Node's does", async () => {
    await compareWithNode(async (fs, dir) => {
      writeFileSync(join(dir, "file"), TEXT);
      const handle = await fs.open(join(dir, "file"), "r+");
      const found: unknown[] = [];
      for (const each of [new Proxy(handle, {}), Object.create(handle) as FileHandle]) {
        found.push(await outcomeOf(() => each.read(Buffer.alloc(4), 0, 4, 3)));
        found.push(await outcomeOf(() => each.write("x", 3)));
        found.push(await outcomeOf(() => each.readv([Buffer.alloc(4)], 3)));
        found.push(await outcomeOf(() => each.datasync()));
      }
      await handle.close();
      return found;
    });
  });
});
