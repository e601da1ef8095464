import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { finished, pipeline } from "node:stream/promises";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createReadStream, createWriteStream } from "../../src/fs/index.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { logOf, overOf, shown, stateOf } from "../support/stream-log.ts";
import { BOTH, bytesOf, compared, type Makers } from "../support/stream-makers.ts";
import { withTempDir } from "../support/temp-dir.ts";

type WriteOptions = Exclude<Parameters<typeof fs.createWriteStream>[1], string | undefined>;

/** Writes some chunks as fast as it can, and tells everything that came of it. */
async function writeAll(makers: Makers, path: string, options: WriteOptions, many = 40) {
  const stream = makers.write(path, options);
  const log = logOf(stream);
  const atFirst = stateOf(stream);
  stream.on("error", () => {});
  const answers: unknown[] = [];
  for (let i = 0; i < many; i++) {
    const chunk = i % 3 === 0 ? `text äöü ${i}` : bytesOf((i * 997) % 5000);
    answers.push(stream.write(chunk, (error) => log.push(`written ${i} ${shown(error)}`)));
  }
  stream.end("the end", () => log.push("ended"));
  await overOf(stream);
  const isFile = fs.statSync(path, { throwIfNoEntry: false })?.isFile();
  const bytes = isFile ? fs.readFileSync(path) : undefined;
  return { log, answers, atFirst, atLast: stateOf(stream), bytes: shown(bytes) };
}

describe("createWriteStream", () => {
  const OPTIONS: readonly WriteOptions[] = [
    {},
    { flags: "a" },
    { flags: "r+", start: 100 },
    { flags: "wx" },
    { flags: "ax+" },
    { start: 5 },
    { mode: 0o600 },
    { highWaterMark: 1 },
    { highWaterMark: 1_000_000 },
    { encoding: "utf16le" },
    { emitClose: false },
    { autoClose: false },
    { flush: true } as WriteOptions,
    { flags: "r" },
  ];
  for (const options of OPTIONS) {
    it(
      "opens a FIFO once somebody reads from it",
      compared(async (makers, dir) => {
        const pipe = join(dir, "pipe");
        execFileSync("mkfifo", [pipe]);
        const stream = makers.write(pipe);
        const log = logOf(stream);
        stream.end("hello");
        await sleep(50);
        log.push("a reader comes");
        const text = fs.promises.readFile(pipe, "utf8");
        await overOf(stream);
        return [log, await text];
      }),
    );

    it(
      `writes as Node's with ${JSON.stringify(options)}`,
      compared(async (makers, dir) => {
        const path = join(dir, "file");
        if (options.flags !== "ax+") fs.writeFileSync(path, bytesOf(1000));
        const found = await writeAll(makers, path, options);
        const mode = fs.statSync(path).mode;
        return { ...found, mode };
      }),
    );
  }

  it(
    "fails as Node's where there is no folder, or a full device",
    compared(async (makers, dir) => [
      await writeAll(makers, join(dir, "none", "file"), {}),
      await writeAll(makers, dir, {}),
      await writeAll(makers, "/dev/full", { flags: "r+" }, 3),
      await writeAll(makers, "/dev/full", { flags: "r+", autoClose: false }, 0),
      await writeAll(makers, "", { fd: 1_000_000 } as never, 3),
    ]),
  );

  it("refuses the same arguments", () => {
    const wrong: unknown[] = [
      [undefined],
      ["a\u0000b"],
      ["x", { start: -1 }],
      ["x", { start: "1" }],
      ["x", { fd: "1" }],
      ["x", { fd: {} }],
      ["x", { flush: "yes" }],
      ["x", { encoding: "nope" }],
      ["x", "nope"],
      ["x", { fs: {} }],
      ["x", { fs: { open() {}, close() {} } }],
      ["x", { fs: { open() {}, close() {}, write: 1 } }],
    ];
    for (const args of wrong) {
      const [theirs, ours] = BOTH.map(({ write }) => {
        try {
          write(...(args as Parameters<typeof write>)).on("error", () => {});
          return "nothing thrown";
        } catch (error) {
          return shown(error);
        }
      });
      assert.equal(ours, theirs, JSON.stringify(args));
    }
  });

  it(
    "gathers what was corked, or written meanwhile",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      const stream = makers.write(path);
      const log = logOf(stream);
      stream.cork();
      for (let i = 0; i < 2000; i++) stream.write(bytesOf(i % 70), () => log.push(`written ${i}`));
      stream.uncork();
      await once(stream, "drain");
      for (let i = 0; i < 5; i++) stream.write(bytesOf(600_000));
      stream.close((error) => log.push(`closed ${shown(error)}`));
      await overOf(stream);
      return [log, stream.bytesWritten, shown(fs.readFileSync(path))];
    }),
  );

  it(
    "is destroyed with a write in flight as Node's is",
    compared(async (makers, dir) => {
      const found: unknown[] = [];
      for (const when of ["at once", "open", "written"]) {
        const path = join(dir, when);
        const stream = makers.write(path);
        const log = logOf(stream);
        stream.on("error", () => {});
        for (let i = 0; i < 3; i++) {
          stream.write(bytesOf(100_000), (error) => {
            log.push(`written ${i} ${shown(error)}`);
            if (when === "written") stream.destroy(new Error("enough"));
          });
        }
        if (when === "at once") stream.destroy();
        if (when === "open") stream.on("open", () => stream.destroy(new Error("enough")));
        await overOf(stream);
        found.push(log, stateOf(stream));
      }
      return found;
    }),
  );

  it(
    "writes what is not a Buffer, or shares its memory",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      const stream = makers.write(path);
      const whole = bytesOf(10_000);
      stream.write(new Uint8Array(whole.buffer, whole.byteOffset + 10, 100));
      stream.write(whole.subarray(5, 500));
      stream.write(Buffer.alloc(0));
      stream.write("");
      stream.write(new Uint8Array(new SharedArrayBuffer(64)).fill(7));
      stream.write("68656c6c6f", "hex");
      stream.end();
      await finished(stream);
      return shown(fs.readFileSync(path));
    }),
  );

  it(
    "copies a file by pipeline, and by pipe",
    compared(async (makers, dir) => {
      const [from, to] = [join(dir, "from"), join(dir, "to")];
      fs.writeFileSync(from, bytesOf(1_000_000));
      const [reader, writer] = [makers.read(from), makers.write(to)];
      const logs = [logOf(reader), logOf(writer)];
      await pipeline(reader, writer);
      await overOf(writer);
      const piped = makers.read(from).pipe(makers.write(`${to}2`));
      await finished(piped);
      return [shown(fs.readFileSync(to)), shown(fs.readFileSync(`${to}2`)), logs.map(countOf)];
    }),
  );

  it("is Node's own class", async () =>
    withTempDir(async (dir) => {
      const stream = createWriteStream(join(dir, "file"));
      assert.ok(stream instanceof fs.WriteStream);
      stream.end();
      await once(stream, "close");
    }));

  it("closes what it opened", () =>
    withTempDir(async (dir) => {
      await once(createWriteStream(join(dir, "first")).end("x"), "close");
      const before = openDescriptors();
      const streams = Array.from({ length: 50 }, (_, i) => {
        const stream = createWriteStream(join(dir, i % 7 === 0 ? "none/file" : `file${i}`));
        stream.on("error", () => {});
        stream.write(bytesOf(50_000));
        if (i % 3 === 0) stream.destroy();
        else stream.end();
        return stream;
      });
      await Promise.all(streams.map((stream) => overOf(stream)));
      const writer = createWriteStream(join(dir, "to"));
      const copied = pipeline(createReadStream(join(dir, "none")), writer);
      await assert.rejects(copied, { code: "ENOENT" });
      await overOf(writer);
      assert.deepEqual(openDescriptors(), before);
    }));
});

/** How often each thing happened that does not hang on which of two streams was first. */
function countOf(log: readonly string[]): object {
  const counts: Record<string, number> = {};
  for (const name of ["open", "ready", "end", "finish", "close", "error", "pipe", "unpipe"]) {
    counts[name] = log.filter((line) => line.split(" ")[0] === name).length;
  }
  return counts;
}
