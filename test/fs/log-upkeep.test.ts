import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { errnoOf } from "../../src/base/errors.ts";
import { AppendLog, openLog, readLog } from "../../src/fs/index.ts";
import { moduleUrl, runProgram } from "../support/child.ts";
import { FakeFile, outcomes } from "../support/log-file.ts";
import { withTempDir } from "../support/temp-dir.ts";

const EIO = -errnoOf("EIO");
const PLENTY = 64 * 1024 * 1024;
const INDEX = JSON.stringify(moduleUrl("src/fs/index.ts"));

/** Runs a module that has `openLog`, in a shell after other commands. */
async function run(text: string, before = "true", env: Record<string, string> = {}) {
  const head = `import { openLog } from ${INDEX}; import fs from "node:fs";`;
  const args = ["-c", `${before}; exec "$0" --input-type=module --eval "$1"`];
  const result = await runProgram("bash", { args: [...args, process.execPath, head + text], env });
  assert.equal(result.stderr, "");
  return result;
}

async function textsOf(path: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of readLog(path)) texts.push(text);
  return texts;
}

describe("AppendLog.reopen", () => {
  it("leaves what was appended before in the renamed file, and goes on at the path", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path);
      await log.append("one\n");
      renameSync(path, join(dir, "old"));
      const before = log.append("two\n");
      const reopened = log.reopen();
      const after = log.append("three\n");
      assert.deepEqual(await outcomes([before, after]), [4, 0]);
      await reopened;
      assert.equal(log.size, 6);
      // The same file, to which something else appended meanwhile.
      writeFileSync(path, "foreign\n", { flag: "a" });
      await log.reopen();
      assert.equal(await log.append("four\n"), 14);
      await log.close();
      assert.equal(readFileSync(join(dir, "old"), "utf8"), "one\ntwo\n");
      assert.equal(readFileSync(path, "utf8"), "three\nforeign\nfour\n");
      await assert.rejects(log.reopen(), { code: "ERR_PROACTOR_CLOSED" });
    }, "log");
  });

  it("goes on in the old file where no descriptor is left", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const { stdout } = await run(
        `const log = await openLog(${JSON.stringify(path)});
        await log.append("one;");
        const held = [];
        try { for (;;) held.push(fs.openSync("/dev/null")); } catch {}
        const name = ${JSON.stringify(join(dir, "old"))};
        const ends = [log.append("two;"), log.reopen(), log.append("three;"), log.rotate(name),
          log.append("four;")];
        const said = (await Promise.allSettled(ends)).map(({ value, reason }) =>
          reason?.code ?? value);
        for (const fd of held) fs.closeSync(fd);
        await log.rotate(name);
        said.push(await log.append("five;"));
        await log.close();
        fs.writeSync(1, JSON.stringify(said));`,
        "ulimit -n 64",
      );
      assert.deepEqual(JSON.parse(stdout), [4, "EMFILE", 8, "EMFILE", 14, 0]);
      assert.equal(readFileSync(join(dir, "old"), "utf8"), "one;two;three;four;");
      assert.equal(readFileSync(path, "utf8"), "five;");
    }, "log");
  });
});

describe("AppendLog.rotate", () => {
  it("has each entry of many writers in exactly one of the files, in order", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      let files = 0;
      const rotations: Promise<void>[] = [];
      const log = await openLog(path, {
        onSize: (size, self) => {
          if (size < 4000) return;
          rotations.push(self.rotate(`${path}.${String(files++).padStart(4, "0")}`));
        },
      });
      await Promise.all(
        Array.from({ length: 16 }, async (_, writer) => {
          for (let i = 0; i < 200; i++) {
            const entry = log.append(`${writer} ${i} ${"x".repeat((writer * i) % 50)}\n`);
            if (i % 3 === 0) await entry;
          }
        }),
      );
      await log.close();
      await Promise.all(rotations);
      const names = readdirSync(dir).filter((name) => name !== "log");
      assert.ok(names.length > 3, `${names.length} files`);
      const next = new Map<string, number>();
      for (const name of [...names.sort(), "log"]) {
        for (const text of await textsOf(join(dir, name))) {
          const [writer = "", i] = text.split(" ");
          assert.equal(Number(i), next.get(writer) ?? 0);
          next.set(writer, Number(i) + 1);
        }
      }
      assert.deepEqual([...next.values()], Array(16).fill(200));
    }, "log");
  });

  it("is not asked for by onSize once the log is closed", async () => {
    await withTempDir(async (dir) => {
      let calls = 0;
      const onSize = () => {
        calls++;
      };
      const log = await openLog(join(dir, "log"), { onSize });
      await log.append("a");
      await new Promise(setImmediate);
      assert.equal(calls, 1);
      const last = log.append("b");
      log.flushSync();
      await log.close();
      assert.equal(await last, 1);
      assert.equal(calls, 1);
    }, "log");
  });

  it("replaces no file, and stays where the new name cannot be given", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      writeFileSync(join(dir, "taken"), "kept");
      const log = await openLog(path);
      const ends = [
        log.rotate(join(dir, "taken")),
        log.rotate(join(dir, "missing", "log")),
        log.rotate(5 as unknown as string),
      ];
      const codes = (await Promise.allSettled(ends)).map((each) =>
        each.status === "rejected" ? each.reason.code : "done",
      );
      assert.deepEqual(codes, ["EEXIST", "ENOENT", "ERR_INVALID_ARG_TYPE"]);
      assert.equal(await log.append("a"), 0);
      await log.close();
      assert.equal(readFileSync(path, "utf8"), "a");
      assert.equal(readFileSync(join(dir, "taken"), "utf8"), "kept");
    }, "log");
  });
});

describe("AppendLog.flushSync", () => {
  it("writes what waits and what is on its way, once, and settles it", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path);
      for (let round = 0; round < 6; round++) {
        const start = log.size;
        const large = log.append(Buffer.alloc(1_500_000, `${round % 10}`));
        await new Promise((resolve) =>
          round % 2 ? setImmediate(resolve) : process.nextTick(resolve),
        );
        const small = log.append("\n");
        log.flushSync();
        // It is the caller's again.
        const end = statSync(path).size;
        assert.equal(end, start + 1_500_001);
        assert.equal(log.pendingBytes, 0);
        const after = log.append("after\n");
        assert.deepEqual(await outcomes([large, small, after]), [start, end - 1, end]);
      }
      await log.close();
      const texts = await textsOf(path);
      assert.equal(texts.length, 12);
      assert.ok(
        texts.every((text, i) => (i % 2 ? text === "after" : /^(\d)\1{1499999}$/.test(text))),
      );
    }, "log");
  });

  it("writes what is pending at the exit and after an uncaught exception", async () => {
    const ends = { exit: "process.exit(0);", throw: 'throw new Error("out");' };
    for (const [name, end] of Object.entries(ends)) {
      for (const UV_THREADPOOL_SIZE of ["1", "4"]) {
        await withTempDir(async (dir) => {
          const path = join(dir, "log");
          await run(
            `const log = await openLog(${JSON.stringify(path)});
            process.on("exit", () => { log.append("last\\n"); log.flushSync(); });
            process.on("uncaughtException", () => { log.flushSync(); process.exit(0); });
            for (let i = 0; i < 3000; i++) {
              log.append(i + " " + "x".repeat(i % 500) + "\\n").catch(() => {});
              if (i % 1000 === 999) await new Promise(setImmediate);
            }
            setImmediate(() => { ${end} });
            for (let i = 3000; i < 4000; i++) log.append(i + "\\n").catch(() => {});`,
            "true",
            { UV_THREADPOOL_SIZE },
          );
          const texts = await textsOf(path);
          assert.equal(texts.pop(), "last", name);
          assert.deepEqual(
            texts.map((text) => Number.parseInt(text, 10)),
            Array.from({ length: 4000 }, (_, i) => i),
          );
        }, "log");
      }
    }
  });

  it("throws for the first that does not fit, and cuts it off; the rest waits", async () => {
    const file = new FakeFile();
    file.room = 10;
    const log = new AppendLog(file, 0, PLENTY);
    const appends = ["1234", "567", "too long", "8"].map((text) => log.append(text));
    await new Promise(process.nextTick);
    const late = log.append("late");
    assert.throws(() => log.flushSync(), { code: "ENOSPC" });
    assert.equal(file.bytes.toString(), "1234567");
    assert.equal(log.size, 7);
    assert.equal(log.pendingBytes, 13);
    assert.deepEqual(await outcomes([...appends, late]), [0, 4, "ENOSPC", 7, "ENOSPC"]);
    assert.equal(file.bytes.toString(), "12345678");
    await log.close();
  });

  it("fails the log where the device has lost something", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, PLENTY);
    const first = log.append("a");
    await new Promise(process.nextTick);
    file.synced = EIO;
    const second = log.append("b");
    assert.throws(() => log.flushSync(), { code: "ERR_PROACTOR_LOG_FAILED" });
    assert.deepEqual(await outcomes([first, second]), ["EIO", "EIO"]);
    assert.throws(() => log.flushSync(), { code: "ERR_PROACTOR_LOG_FAILED" });
    await assert.rejects(log.close(), { code: "ERR_PROACTOR_LOG_FAILED" });
  });

  it("lets the file go only when what it overtook has ended", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, PLENTY);
    const commit = file.commit.bind(file);
    file.commit = async (...args) => {
      const outcome = await commit(...args);
      await new Promise((resolve) => setTimeout(resolve, 5));
      file.calls.push("ended");
      return outcome;
    };
    const append = log.append("a");
    await new Promise(process.nextTick);
    // What close waits for is settled by it, too.
    const closed = log.close();
    log.flushSync();
    assert.equal(await append, 0);
    await closed;
    assert.deepEqual(file.calls, ["write 1 at 0: 1", "write 1 at 0 now: 1", "ended", "close"]);
  });

  it("does nothing where nothing waits, and after the end", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, PLENTY);
    log.flushSync();
    await log.append("a");
    log.flushSync();
    await log.close();
    log.flushSync();
    assert.deepEqual(file.calls, ["write 1 at 0: 1", "close"]);
    await assert.rejects(log.reopen(), { code: "ERR_PROACTOR_CLOSED" });
  });

  it("keeps what is appended during a rotation in the old file, and in order", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path);
      await log.append("1");
      const rotation = log.rotate(join(dir, "old"));
      const appends = [log.append("2"), log.append("3")];
      while (!existsSync(join(dir, "old"))) await new Promise(setImmediate);
      log.flushSync();
      await rotation;
      const last = log.append("4");
      await Promise.all([...appends, last]);
      await log.close();
      const both = ["old", "log"].map((name) => readFileSync(join(dir, name), "utf8"));
      assert.equal(both.join(""), "1234");
      assert.equal(both[0]?.[0], "1");
    }, "log");
  });

  it("is seen by a reopening of the same file that is on its way", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path);
      for (let i = 0; i < 50; i++) {
        const reopened = log.reopen();
        void log.append(`${i}a\n`);
        for (let turn = 0; turn < i % 7; turn++) await new Promise(setImmediate);
        log.flushSync();
        void log.append(`${i}b\n`);
        await reopened;
      }
      await log.close();
      const expected = Array.from({ length: 50 }, (_, i) => [`${i}a`, `${i}b`]).flat();
      assert.deepEqual(await textsOf(path), expected);
    }, "log");
  });
});

describe("openLog with recover", () => {
  it("cuts off what is behind the last newline, and says so", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const long = "x".repeat(200_000);
      const cases: [string, number][] = [
        ["", 0],
        ["whole\n", 6],
        ["torn", 0],
        ["whole\ntorn", 6],
        [`whole\n${long}`, 6],
        [`${long}\n\0\0\0`, 200_001],
      ];
      for (const [text, position] of cases) {
        writeFileSync(path, text);
        const log = await openLog(path, { recover: true });
        assert.deepEqual(log.recovered, { position, bytes: text.length - position });
        assert.equal(log.size, position);
        assert.equal(await log.append("next\n"), position);
        await log.close();
        assert.equal(readFileSync(path, "utf8"), `${text.slice(0, position)}next\n`);
      }
      const made = await openLog(join(dir, "new"), { recover: true });
      assert.deepEqual(made.recovered, { position: 0, bytes: 0 });
      await made.close();
      writeFileSync(path, "torn");
      const left = await openLog(path);
      assert.equal(left.recovered, undefined);
      assert.equal(left.size, 4);
      await left.close();
      const wrong = "yes" as unknown as boolean;
      await assert.rejects(openLog(path, { recover: wrong }), { code: "ERR_INVALID_ARG_TYPE" });
    }, "log");
  });
});

describe("readLog", () => {
  it("yields each whole line with its position, whatever stands at a border", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path);
      const texts = [
        "",
        "é".repeat(32_767),
        "€",
        "x".repeat(70_000),
        "",
        "ü".repeat(100_000),
        "end",
      ];
      const positions = await Promise.all(texts.map((text) => log.append(`${text}\n`)));
      await log.append("torn");
      await log.close();
      const entries = [];
      for await (const entry of readLog(path)) entries.push(entry);
      assert.deepEqual(
        entries,
        texts.map((text, i) => ({ position: positions[i], text })),
      );
    }, "log");
  });

  it("closes the file of a loop that ends early, and rejects where there is none", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      writeFileSync(path, "one\ntwo\n");
      for (let i = 0; i < 20; i++) {
        for await (const { text } of readLog(path)) {
          assert.equal(text, "one");
          break;
        }
      }
      const open = readdirSync("/proc/self/fd").length;
      for await (const _ of readLog(path)) break;
      assert.equal(readdirSync("/proc/self/fd").length, open);
      mkdirSync(join(dir, "folder"));
      await assert.rejects(textsOf(join(dir, "folder")), { code: "EISDIR" });
      await assert.rejects(textsOf(join(dir, "none")), { code: "ENOENT" });
    }, "log");
  });
});
