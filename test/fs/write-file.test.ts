import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { appendFile, writeFile } from "../../src/fs/index.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { outcomeOf, sameOutcome } from "../support/outcome.ts";
import { withTempDir } from "../support/temp-dir.ts";

const node = fs.promises;
type Write = typeof fs.promises.writeFile;
type Arguments = Parameters<Write>;
// Typed for less than Node itself takes.
const append = appendFile as Write;
const nodeAppend = node.appendFile as Write;

/** Makes the arguments anew for each of the two, because streams and generators are used up. */
type Make = (path: string) => unknown[];

/** What is left of a call: what it came to, the file's bytes and its permission bits. */
async function traceOf(write: Write, path: string, make: Make, before?: string): Promise<unknown> {
  if (before !== undefined) fs.writeFileSync(path, before, { mode: 0o640 });
  const outcome = await outcomeOf(() => write(...(make(path) as Arguments)));
  const there = fs.existsSync(path);
  const bytes = there ? fs.readFileSync(path).toString("base64") : undefined;
  return { outcome, bytes, mode: there ? fs.statSync(path).mode : undefined };
}

/** Fails unless both leave the same, with a new file and with one that was there. */
async function same(
  dir: string,
  make: Make,
  ours: Write = writeFile,
  nodes: Write = node.writeFile,
) {
  for (const before of [undefined, "before ".repeat(10)]) {
    const path = join(dir, "file");
    fs.rmSync(path, { force: true });
    const expected = await traceOf(nodes, path, make, before);
    fs.rmSync(path, { force: true });
    const actual = await traceOf(ours, path, make, before);
    assert.deepEqual(actual, expected, make.toString());
  }
}

async function* generate() {
  yield "one";
  await turn();
  yield Buffer.from("two");
  yield new Uint16Array([1, 2]);
  yield "";
}

const LONG = "grüße 𝄞 \ud800".repeat(20_000);
const ENCODINGS = ["utf8", "latin1", "ascii", "hex", "base64", "base64url", "ucs2", "binary"];

describe("writeFile", () => {
  it("writes what Node writes, whatever kind of data it is", async () => {
    await withTempDir(async (dir) => {
      const bytes = Buffer.from(LONG).subarray(3);
      const floats = new Float64Array([1, 2, 3]);
      for (const data of [
        "",
        "text",
        "grüße 𝄞 \ud800",
        LONG,
        "x".repeat(65_536),
        Buffer.alloc(0),
        Buffer.from("bytes"),
        bytes,
        bytes.subarray(0, 65_536),
        bytes.subarray(0, 65_537),
        floats,
        floats.subarray(1),
        new DataView(floats.buffer, 8, 9),
        new Uint8Array(new SharedArrayBuffer(8)),
        Buffer.alloc(3_000_000, "large "),
      ]) {
        await same(dir, (path) => [path, data]);
      }
    });
  });

  it("encodes as Node does", async () => {
    await withTempDir(async (dir) => {
      for (const encoding of ENCODINGS) {
        for (const text of ["", "abc", "ff00ee1", "zz", "YWJj ZGVm=", "grüße 𝄞", LONG]) {
          await same(dir, (path) => [path, text, encoding]);
          await same(dir, (path) => [path, text, { encoding }]);
        }
        await same(dir, (path) => [path, ["ab", "cd"], encoding]);
      }
    });
  });

  it("takes paths of every kind and any flag or mode", async () => {
    await withTempDir(async (dir) => {
      await same(dir, (path) => [Buffer.from(path), "text"]);
      await same(dir, (path) => [pathToFileURL(path), "text"]);
      const { signal } = new AbortController();
      for (const options of [
        null,
        "",
        () => {},
        {},
        { encoding: null },
        { flag: "a" },
        { flag: "ax" },
        { flag: "r" },
        { flag: "r+" },
        { flag: "wx" },
        { flag: "w+" },
        { flag: "" },
        { flag: null },
        { flag: fs.constants.O_RDWR | fs.constants.O_CREAT },
        { mode: 0o600 },
        { mode: "755" },
        { mode: null },
        { mode: 0o4777 },
        { flush: true },
        { flush: false },
        { flush: null },
        { signal },
        { signal, flush: true, mode: 0o700, flag: "a+" },
      ]) {
        await same(dir, (path) => [path, "text", options]);
        await same(dir, (path) => [path, "text", options], append, nodeAppend);
        await same(dir, (path) => [path, generate(), options]);
      }
    });
  });

  it("writes what comes in pieces", async () => {
    await withTempDir(async (dir) => {
      const large = Buffer.alloc(1_500_000, "piece ");
      const failing = async function* () {
        yield "first";
        throw new Error("no second");
      };
      const wrong = () => [["a", 1], [null], [{}], [new ArrayBuffer(3)], new Set(["x"]), new Map()];
      for (const make of [
        () => ["a", "b", Buffer.from("c")],
        () => [],
        () => generate(),
        () => Readable.from(["a", "b", large]),
        () => [large, large.subarray(7)],
        failing,
        ...wrong().map((_, i) => () => wrong()[i]),
      ]) {
        await same(dir, (path) => [path, make()]);
        await same(dir, (path) => [path, make(), { flush: true }]);
      }
    });
  });

  it("fails as Node does", async () => {
    await withTempDir(async (dir) => {
      const signal = AbortSignal.abort(new Error("why"));
      for (const make of [
        (path: string) => [join(path, "below"), "x"],
        () => [join(dir, "nothing", "below"), "x"],
        () => [dir, "x"],
        () => ["", "x"],
        () => ["\0", "x"],
        () => [7, "x"],
        () => [undefined, "x"],
        (path: string) => [path],
        (path: string) => [path, 7],
        (path: string) => [path, null],
        (path: string) => [path, {}],
        (path: string) => [path, true],
        (path: string) => [path, 7n],
        (path: string) => [path, new String("x")],
        (path: string) => [path, { toString: () => "x" }],
        (path: string) => [path, () => {}],
        (path: string) => [path, new ArrayBuffer(3)],
        (path: string) => [path, "x", 7],
        (path: string) => [path, "x", "unknown"],
        (path: string) => [path, "x", { encoding: "unknown" }],
        (path: string) => [path, "x", { encoding: "buffer" }],
        (path: string) => [path, "x", { flag: "unknown" }],
        (path: string) => [path, "x", { mode: "unknown" }],
        (path: string) => [path, "x", { mode: -1 }],
        (path: string) => [path, "x", { flush: 1 }],
        (path: string) => [path, "x", { signal: 1 }],
        (path: string) => [path, "x", { signal }],
        (path: string) => [path, 7, { signal, flush: 1 }],
        () => ["/dev/full", "x"],
        () => ["/dev/full", ["x"]],
        () => ["/dev/null", "x", { flush: true }],
      ]) {
        await same(dir, make);
        await same(dir, make, append, nodeAppend);
      }
    });
  });

  it("leaves no descriptor open, however many fail", async () => {
    await withTempDir(async (dir) => {
      await writeFile(join(dir, "file"), "x");
      const before = openDescriptors();
      const calls = Array.from({ length: 300 }, (_, i) => {
        const file = [join(dir, `file-${i}`), dir, "/dev/full"][i % 3] ?? "";
        return writeFile(file, i % 2 === 0 ? "x".repeat(i) : ["x", "y"]);
      });
      await Promise.allSettled(calls);
      assert.deepEqual(openDescriptors(), before);
      assert.equal(fs.readFileSync(join(dir, "file-270"), "latin1"), "x".repeat(270));
    });
  });

  it("waits for the reader of a FIFO", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      for (const options of [undefined, { flag: fs.constants.O_WRONLY }]) {
        const writing = writeFile(path, "x".repeat(300_000), options as never);
        await sleep(10);
        assert.equal((await node.readFile(path)).length, 300_000);
        await writing;
      }
    });
  });
});

describe("appendFile", () => {
  it("appends", async () => {
    await withTempDir(async (dir) => {
      await same(dir, (path) => [path, "text"], append, nodeAppend);
      await same(dir, (path) => [path, Buffer.alloc(100_000, 1)], append, nodeAppend);
      await same(dir, (path) => [path, ["a", "b"]], append, nodeAppend);
      const path = join(dir, "many");
      await Promise.all(Array.from({ length: 200 }, () => appendFile(path, "0123456789")));
      assert.equal(fs.readFileSync(path, "latin1"), "0123456789".repeat(200));
    });
  });
});

describe("writeFile and AbortSignal", () => {
  it("rejects with the reason, whenever the signal aborts, and closes the file", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      await writeFile(path, "x");
      const before = openDescriptors();
      let aborted = 0;
      for (let i = 0; i < 1000; i++) {
        const controller = new AbortController();
        const { signal } = controller;
        const data = [["a", "b"], Buffer.alloc(i % 50 === 0 ? 3_000_000 : 100)][i % 2];
        const writing = writeFile(path, data as never, { signal, flush: i % 5 === 0 }).then(
          () => {},
          (error) => {
            aborted++;
            assert.equal(error.name, "AbortError");
            assert.equal(error.cause, signal.reason);
          },
        );
        for (let turns = i % 4; turns > 0; turns--) await turn();
        for (let jobs = i % 7; jobs > 0; jobs--) await undefined;
        controller.abort(new Error(`reason ${i}`));
        await writing;
      }
      assert.ok(aborted > 0);
      assert.deepEqual(openDescriptors(), before);
    });
  });

  it("ends a generator that never ends", async () => {
    await withTempDir(async (dir) => {
      for (const write of [writeFile, node.writeFile]) {
        const controller = new AbortController();
        const { signal } = controller;
        let ended = false;
        const endless = async function* () {
          try {
            for (let i = 0; ; i++) {
              if (i === 20) controller.abort();
              yield "x";
              await turn();
            }
          } finally {
            ended = true;
          }
        };
        const writing = write(join(dir, "file"), endless(), { signal });
        await assert.rejects(writing, { name: "AbortError" });
        assert.ok(ended);
      }
    });
  });

  it("aborts a FIFO that nobody reads", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      const before = openDescriptors();
      const controller = new AbortController();
      const { signal } = controller;
      const writing = writeFile(path, "x", { signal });
      await sleep(20);
      controller.abort();
      // Where threads of a pool write it, somebody has to come.
      const reader = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      await assert.rejects(writing, { name: "AbortError", code: "ABORT_ERR" });
      fs.closeSync(reader);
      assert.deepEqual(openDescriptors(), before);
      await sameOutcome(
        () => writeFile(path, "x", { signal }),
        () => node.writeFile(path, "x", { signal }),
      );
    });
  });
});
