import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import promises, { createReadStream } from "../../src/fs/index.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { filled, logOf, overOf, shown, stateOf } from "../support/stream-log.ts";
import { BOTH, bytesOf, compare, compared, type Makers } from "../support/stream-makers.ts";
import { withTempDir } from "../support/temp-dir.ts";

type ReadOptions = Exclude<Parameters<typeof fs.createReadStream>[1], string | undefined>;

/** What a stream does that is simply read. */
async function readAll(makers: Makers, path: fs.PathLike, options?: ReadOptions) {
  const stream = makers.read(path, options);
  const log = logOf(stream);
  const atFirst = stateOf(stream);
  stream.on("error", () => {});
  stream.resume();
  await overOf(stream);
  return { log, atFirst, atLast: stateOf(stream) };
}

describe("createReadStream", () => {
  const LENGTH = 300_000;
  const OPTIONS: readonly ReadOptions[] = [
    {},
    { start: 10, end: 20 },
    { start: 0, end: 0 },
    { end: 65_535 },
    { end: 65_536 },
    { start: LENGTH - 1 },
    { start: LENGTH },
    { start: LENGTH + 100 },
    { highWaterMark: 1 },
    { highWaterMark: 1000, end: 2500 },
    { highWaterMark: 0 },
    { highWaterMark: 3 * 1024 * 1024 },
    { encoding: "utf8", highWaterMark: 777 },
    { encoding: "base64" },
    { emitClose: false },
    { autoClose: false },
    { flags: "r+" },
    { flags: "a+" },
    { mode: 0o600 },
    { start: Number.MAX_SAFE_INTEGER },
  ];
  for (const options of OPTIONS) {
    it(`reads as Node's with ${JSON.stringify(options)}`, () =>
      withTempDir(async (dir) => {
        const path = join(dir, "file");
        fs.writeFileSync(path, bytesOf(options.highWaterMark === 1 ? 300 : LENGTH));
        const { log } = await compare((makers) => readAll(makers, path, options));
        assert.ok(log.length > 1);
      }));
  }

  it("fails as Node's where there is no file, or a folder", () =>
    withTempDir(async (dir) => {
      await compare((makers) => readAll(makers, join(dir, "none")));
      await compare((makers) => readAll(makers, Buffer.from(join(dir, "none"))));
      await compare((makers) => readAll(makers, join(dir, "none"), { autoClose: false }));
      await compare((makers) => readAll(makers, join(dir, "none"), { emitClose: false }));
      await compare((makers) => readAll(makers, dir));
      await compare((makers) => readAll(makers, dir, { autoClose: false }));
      await compare((makers) => readAll(makers, new URL(`file://${dir}/none`)));
      await compare((makers) => readAll(makers, "", { fd: 1_000_000 } as never));
    }));

  it("refuses the same arguments", () => {
    const wrong: unknown[] = [
      [undefined],
      [null],
      [1],
      ["a\u0000b"],
      ["x", { start: -1 }],
      ["x", { start: "1" }],
      ["x", { start: 5, end: 4 }],
      ["x", { end: -1 }],
      ["x", { end: 1.5 }],
      ["x", { fd: "1" }],
      ["x", { fd: -1 }],
      ["x", { fd: {} }],
      ["x", { highWaterMark: -5 }],
      ["x", { encoding: "nope" }],
      ["x", "nope"],
      ["x", 5],
      ["x", { fs: {} }],
      ["x", { fs: { open() {}, read: 5 } }],
      ["x", { signal: {} }],
    ];
    for (const args of wrong) {
      const [theirs, ours] = BOTH.map(({ read }) => {
        try {
          read(...(args as Parameters<typeof read>)).on("error", () => {});
          return "nothing thrown";
        } catch (error) {
          return shown(error);
        }
      });
      assert.equal(ours, theirs, JSON.stringify(args));
    }
  });

  it(
    "fails in a turn of its own with flags that there are not",
    compared(async (makers, dir) => [
      await readAll(makers, join(dir, "x"), { flags: "nope" }),
      await readAll(makers, join(dir, "x"), { mode: "nope" as never }),
    ]),
  );

  it("is Node's own class", async () => {
    const stream = createReadStream("/dev/null");
    assert.ok(stream instanceof fs.ReadStream);
    assert.equal(stream.constructor, fs.ReadStream);
    stream.destroy();
    await once(stream, "close");
  });

  it(
    "calls functions of the program where it was given some",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, "hello");
      const calls: string[] = [];
      const own = Object.fromEntries(
        (["open", "read", "close"] as const).map((name) => [
          name,
          (...args: unknown[]) => {
            calls.push(name);
            return (fs[name] as (...args: unknown[]) => void)(...args);
          },
        ]),
      );
      return { ...(await readAll(makers, path, { fs: own } as never)), calls };
    }),
  );

  it("calls what the program has put into node:fs meanwhile", async (t) => {
    const { read, close } = fs;
    const calls: string[] = [];
    t.mock.method(fs, "read", (...args: Parameters<typeof read>) => {
      calls.push("read");
      return read(...args);
    });
    t.mock.method(fs, "close", (...args: Parameters<typeof close>) => {
      calls.push("close");
      return close(...args);
    });
    const stream = createReadStream("/dev/null").resume();
    await once(stream, "close");
    assert.deepEqual(calls, ["read", "close"]);
  });

  it(
    "leaves the position of a descriptor where Node's leaves it",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(500_000));
      const found: unknown[] = [];
      for (const options of [{}, { end: 99_999 }, { start: 5, end: 100 }]) {
        for (const stopAfter of [1, 3, Number.POSITIVE_INFINITY]) {
          const fd = fs.openSync(path, "r");
          fs.readSync(fd, Buffer.alloc(10));
          const stream = makers.read("", { ...options, fd, autoClose: false });
          const log = logOf(stream);
          let chunks = 0;
          stream.on("data", () => {
            if (++chunks >= stopAfter) stream.pause();
          });
          await (stopAfter > 3 ? once(stream, "end") : filled(stream));
          const next = Buffer.alloc(10);
          found.push([log, fs.readSync(fd, next), shown(next)]);
          stream.destroy();
          await once(stream, "close");
        }
      }
      return found;
    }),
  );

  it(
    "lets timers, promises and ticks go on between two chunks, as Node does",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(200_000));
      const log: string[] = [];
      const stream = makers.read(path);
      const note = (what: string) => {
        log.push(what);
        process.nextTick(() => log.push(`${what}: tick`));
        queueMicrotask(() => log.push(`${what}: microtask`));
        setImmediate(() => log.push(`${what}: immediate`));
        void afterSome(5).then(() => log.push(`${what}: five microtasks`));
      };
      for (const event of ["open", "ready", "data", "end", "close"]) {
        stream.on(event, () => note(event));
      }
      await once(stream, "close");
      await new Promise((resolve) => setImmediate(resolve));
      return log;
    }),
  );

  it(
    "emits in the asynchronous context of whoever made it",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(200_000));
      const storage = new AsyncLocalStorage<string>();
      const seen: string[] = [];
      const [first, second] = ["first", "second"].map((name) =>
        storage.run(name, () => {
          const stream = makers.read(path, { emitClose: true });
          for (const event of ["open", "data", "end", "close"]) {
            stream.on(event, () => seen.push(`${name} ${event} ${storage.getStore()}`));
          }
          return stream;
        }),
      );
      await Promise.all([
        once(first as fs.ReadStream, "close"),
        once(second as fs.ReadStream, "close"),
      ]);
      return seen.sort();
    }),
  );

  it(
    "waits for a read that is in flight before it closes",
    compared(async (makers, dir) => {
      const pipe = join(dir, "pipe");
      execFileSync("mkfifo", [pipe]);
      const both = fs.openSync(pipe, "r+");
      const stream = makers.read(pipe);
      const log = logOf(stream);
      stream.on("data", () => {});
      await once(stream, "ready");
      await sleep(20);
      stream.destroy();
      await sleep(20);
      log.push("written");
      fs.writeSync(both, "hello");
      await overOf(stream);
      fs.closeSync(both);
      return log;
    }),
  );

  it(
    "opens a FIFO once somebody writes to it, and ends when they are gone",
    compared(async (makers, dir) => {
      const pipe = join(dir, "pipe");
      execFileSync("mkfifo", [pipe]);
      const stream = makers.read(pipe);
      const log = logOf(stream);
      stream.resume();
      await sleep(50);
      log.push("a writer comes");
      const writer = makers.write(pipe, { flags: fs.constants.O_WRONLY as never });
      writer.end("hello");
      await overOf(stream);
      return log;
    }),
  );

  it(
    "reads what is appended meanwhile, files that lie about their size, and holes",
    compared(async (makers, dir) => {
      const path = join(dir, "growing");
      fs.writeFileSync(path, bytesOf(70_000));
      const stream = makers.read(path);
      const log = logOf(stream);
      let appended = 0;
      stream.on("data", () => {
        if (appended++ < 5) fs.appendFileSync(path, bytesOf(50_000));
      });
      await overOf(stream);
      const holes = join(dir, "holes");
      fs.writeFileSync(holes, "");
      fs.truncateSync(holes, 400_000);
      const status = await readAll(makers, "/proc/self/limits");
      return [log, await readAll(makers, holes), status];
    }),
  );

  it(
    "stops when its signal says so",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(500_000));
      const found: unknown[] = [];
      for (const when of ["before", "at once", "first chunk"]) {
        const controller = new AbortController();
        if (when === "before") controller.abort();
        const stream = makers.read(path, { signal: controller.signal } as never);
        const log = logOf(stream);
        stream.on("error", () => {});
        stream.on("data", () => when === "first chunk" && controller.abort());
        if (when === "at once") controller.abort();
        await overOf(stream);
        // Node opens the file even for a signal that came first, at some time after it closed.
        if (when === "before") found.push(log.filter((line) => !/^(open|ready)$/.test(line)));
        else found.push(log, stateOf(stream));
      }
      return found;
    }),
  );

  it("gives each chunk memory of its own", () =>
    withTempDir(async (dir) => {
      const path = join(dir, "file");
      const bytes = bytesOf(1_000_000);
      fs.writeFileSync(path, bytes);
      const chunks: Buffer[] = [];
      for await (const chunk of createReadStream(path)) chunks.push(chunk as Buffer);
      assert.equal(new Set(chunks.map(({ buffer }) => buffer)).size, chunks.length);
      assert.ok(Buffer.concat(chunks).equals(bytes));
      for (const { buffer } of chunks)
        structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    }));

  it("closes what it opened", () =>
    withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(300_000));
      await once(createReadStream(path).resume(), "close");
      const before = openDescriptors();
      const streams = Array.from({ length: 50 }, (_, i) => {
        const stream = createReadStream(i % 7 === 0 ? join(dir, "none") : path);
        stream.on("error", () => {});
        if (i % 3 === 0) stream.destroy();
        else if (i % 3 === 1) stream.once("data", () => stream.destroy());
        else stream.resume();
        return stream;
      });
      await Promise.all(streams.map((stream) => overOf(stream)));
      assert.deepEqual(openDescriptors(), before);
    }));
});

async function afterSome(microtasks: number): Promise<void> {
  for (let i = 0; i < microtasks; i++) await undefined;
}

describe("createReadStream of a FileHandle", () => {
  for (const opened of ["node:fs", "proactor/fs"] as const) {
    it(
      `reads and closes as Node's, opened by ${opened}`,
      compared(async (makers, dir) => {
        const path = join(dir, "file");
        fs.writeFileSync(path, bytesOf(300_000));
        const found: unknown[] = [];
        for (const options of [
          {},
          { start: 10, end: 100 },
          { autoClose: false },
          { end: 99_999 },
        ]) {
          const handle = await (opened === "node:fs" ? fs.promises : promises).open(path);
          const log: string[] = [];
          const emitter = handle as unknown as EventEmitter;
          emitter.on("close", () => log.push("the handle closed"));
          const stream = makers.read("", { ...options, fd: handle });
          const events = logOf(stream, log);
          stream.resume();
          await overOf(stream);
          found.push(events, stateOf(stream), handle.fd === -1);
          if (handle.fd !== -1) {
            found.push(
              shown(await handle.read(Buffer.alloc(10), 0, 10, null).then((r) => r.buffer)),
            );
            await handle.close();
          }
        }
        return found;
      }),
    );

    it(
      `waits for the stream when the handle is closed, opened by ${opened}`,
      compared(async (makers, dir) => {
        const path = join(dir, "file");
        fs.writeFileSync(path, bytesOf(300_000));
        const handle = await (opened === "node:fs" ? fs.promises : promises).open(path);
        const log: string[] = [];
        let closed: Promise<unknown> | undefined;
        const stream = makers.read("", { fd: handle });
        logOf(stream, log);
        stream.once("data", () => {
          closed = handle.close().then(() => log.push("the handle is closed"));
        });
        await overOf(stream);
        await closed;
        // The descriptor is closed by then, and who hears of it first is a matter of speed.
        return log.sort();
      }),
    );
  }

  it(
    "is what the methods of a handle make",
    compared(async (makers, dir) => {
      const opener = makers.of === "node:fs" ? fs.promises : promises;
      const path = join(dir, "file");
      const handle = await opener.open(path, "w+");
      const writer = handle.createWriteStream({ autoClose: false });
      const logs = [logOf(writer)];
      for (let i = 0; i < 300; i++) writer.write(`line ${i} ${"x".repeat(i)}\n`);
      writer.end();
      await overOf(writer);
      const reader = handle.createReadStream({ start: 5, autoClose: false, highWaterMark: 1000 });
      logs.push(logOf(reader));
      reader.resume();
      await overOf(reader);
      const lines: string[] = [];
      for await (const line of handle.readLines({ start: 0, end: 30_000 })) lines.push(line);
      const states = [stateOf(reader), stateOf(writer)];
      // A handle closes once the last stream of it has.
      reader.destroy();
      writer.destroy();
      await handle.close();
      const web = await opener.open(path);
      const chunks: string[] = [];
      for await (const chunk of web.readableWebStream()) chunks.push(shown(Buffer.from(chunk)));
      await web.close();
      const { length: arity } = handle.createReadStream;
      return [logs, lines, chunks, arity, states];
    }),
  );

  it(
    "lets immediates go on between two chunks of a handle, as Node does",
    compared(async (makers, dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, bytesOf(200_000));
      const handle = await (makers.of === "node:fs" ? fs.promises : promises).open(path);
      const log: string[] = [];
      const stream = handle.createReadStream();
      stream.on("data", (chunk) => {
        log.push(`data ${chunk.length}`);
        setImmediate(() => log.push("immediate"));
        void afterSome(5).then(() => log.push("five microtasks"));
      });
      await once(stream, "close");
      return log;
    }),
  );

  it("calls what the program has put into the handle", async () => {
    const handle = await promises.open("/dev/zero");
    const { read } = handle;
    let calls = 0;
    Object.defineProperty(handle, "read", {
      value: (...args: Parameters<typeof read>) => {
        calls++;
        return Reflect.apply(read, handle, args);
      },
    });
    await once(createReadStream("", { fd: handle, end: 99 }).resume(), "close");
    assert.equal(calls, 1);
  });
});
