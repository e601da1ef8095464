import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { errnoOf } from "../../src/base/errors.ts";
import { AppendLog, openLog } from "../../src/fs/append-log.ts";
import { moduleUrl, runProgram } from "../support/child.ts";
import { FakeFile, outcomes } from "../support/log-file.ts";
import { withTempDir } from "../support/temp-dir.ts";

const EIO = -errnoOf("EIO");
const PLENTY = 64 * 1024 * 1024;

describe("AppendLog", () => {
  it("tells each of many writers where its bytes are, and shares groups", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      writeFileSync(path, "old\n");
      const log = await openLog(path);
      const told: [number, string][] = [];
      const writers = Array.from({ length: 64 }, async (_, writer) => {
        for (let i = 0; i < 10; i++) {
          const text = `writer ${writer}, record ${i}: ${"é".repeat(i)}\n`;
          told.push([await log.append(i % 2 === 0 ? text : Buffer.from(text)), text]);
        }
      });
      await Promise.all(writers);
      assert.ok(log.groups <= 40, `${log.groups} groups for 640 appends`);
      const bytes = readFileSync(path);
      assert.equal(log.size, bytes.length);
      assert.equal(bytes.subarray(0, 4).toString(), "old\n");
      for (const [position, text] of told) {
        const length = Buffer.byteLength(text);
        assert.equal(bytes.subarray(position, position + length).toString(), text);
      }
      await log.close();
    }, "log");
  });

  it("keeps the order of the calls, takes lists as one piece, and goes on at the end", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path, { mode: 0o600 });
      const words = new Uint16Array([0x6261, 0x6463]);
      const appends = [
        log.append("1"),
        log.append(["2", Buffer.from("34"), words]),
        log.append(""),
      ];
      assert.deepEqual(await outcomes(appends), [0, 1, 8]);
      await log.close();
      const again = await openLog(new URL(`file://${path}`));
      assert.equal(again.size, 8);
      assert.equal(await again.append("end"), 8);
      await again[Symbol.asyncDispose]();
      assert.equal(readFileSync(path, "utf8"), "1234abcdend");
    }, "log");
  });

  it("writes what is larger than one buffer, whatever stands at its border", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await openLog(path);
      const texts = ["é".repeat(700_000), "x", "ü".repeat(300_000), "€".repeat(1_000_000)];
      const bytes = Buffer.alloc(3 * 1024 * 1024 + 1, "b");
      await Promise.all([log.append(texts), log.append(bytes), log.append(texts)]);
      await log.close();
      const all = texts.join("");
      assert.ok(
        readFileSync(path).equals(Buffer.concat([Buffer.from(all), bytes, Buffer.from(all)])),
      );
    }, "log");
  });

  it("refuses what makes no sense, and paths that do not exist", async () => {
    await withTempDir(async (dir) => {
      const log = await openLog(join(dir, "log"));
      const wrong = 5 as unknown as string;
      await assert.rejects(log.append(wrong), { code: "ERR_INVALID_ARG_TYPE" });
      await assert.rejects(log.append("a", { deadlineMs: -1 }), { code: "ERR_OUT_OF_RANGE" });
      await log.close();
      await assert.rejects(log.append("late"), { code: "ERR_PROACTOR_CLOSED" });
      const missing = join(dir, "no", "log");
      await assert.rejects(openLog(missing), { code: "ENOENT", syscall: "open", path: missing });
      await assert.rejects(openLog(dir), { code: "EISDIR" });
      await assert.rejects(openLog("x", { maxPendingBytes: 0 }), { code: "ERR_OUT_OF_RANGE" });
    }, "log");
  });

  it("goes on after short writes", async () => {
    const file = new FakeFile();
    file.most = 3;
    const log = new AppendLog(file, 0, PLENTY);
    assert.deepEqual(await outcomes([log.append("abcd"), log.append("efgh")]), [0, 4]);
    assert.equal(file.bytes.toString(), "abcdefgh");
    assert.deepEqual(file.calls, ["write 8 at 0: 3", "write 5 at 3: 3", "write 2 at 6: 2"]);
  });

  it("tells only those whose bytes do not fit, and leaves nothing of them", async () => {
    const file = new FakeFile();
    file.room = 10;
    const log = new AppendLog(file, 0, PLENTY);
    const appends = ["1234", "567", "too long", "890", "!"].map((text) => log.append(text));
    assert.deepEqual(await outcomes(appends), [0, 4, "ENOSPC", 7, "ENOSPC"]);
    assert.equal(file.bytes.toString(), "1234567890");
    assert.ok(file.calls.includes("truncate 7"));
    file.room = 100;
    assert.equal(await log.append("!"), 10);
    await log.close();
  });

  it("fails a whole group when fdatasync does, and everything after it", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, PLENTY);
    await log.append("good");
    file.synced = EIO;
    const group = [log.append("a"), log.append("b")];
    const next = group[0]?.catch(() => log.append("after"));
    assert.deepEqual(await outcomes(group), ["EIO", "EIO"]);
    await assert.rejects(next ?? Promise.resolve(), { code: "ERR_PROACTOR_LOG_FAILED" });
    file.synced = 0;
    await assert.rejects(log.append("c"), (error: Error) => {
      assert.equal((error as { code?: string }).code, "ERR_PROACTOR_LOG_FAILED");
      assert.match(String(error.cause), /EIO/);
      return true;
    });
    await assert.rejects(log.flush(), { code: "ERR_PROACTOR_LOG_FAILED" });
    await assert.rejects(log.close(), { code: "ERR_PROACTOR_LOG_FAILED" });
    assert.equal(log.size, 4);
    assert.equal(file.calls.at(-1), "close");
  });

  it("tries nothing again where write and fdatasync failed as one", async () => {
    const file = new FakeFile();
    file.commit = async (bytes) => {
      file.calls.push(`write ${bytes.length}`);
      return { written: 0, synced: EIO };
    };
    const log = new AppendLog(file, 0, PLENTY);
    const both = await outcomes([log.append("aaaa"), log.append("bbbb")]);
    assert.deepEqual(both, ["EIO", "EIO"]);
    assert.deepEqual(await outcomes([log.append("c")]), ["ERR_PROACTOR_LOG_FAILED"]);
    assert.deepEqual(file.calls, ["write 8"]);
    assert.equal(log.size, 0);
  });

  it("fails those who waited for the group that failed", async () => {
    const file = new FakeFile();
    file.synced = EIO;
    const log = new AppendLog(file, 0, PLENTY);
    const first = log.append("a");
    first.catch(() => undefined);
    await new Promise(process.nextTick);
    const waiting = log.append("b");
    assert.deepEqual(await outcomes([first, waiting]), ["EIO", "ERR_PROACTOR_LOG_FAILED"]);
  });

  it("takes back what waits, and nothing that is on its way", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, PLENTY);
    const controller = new AbortController();
    const { signal } = controller;
    const first = log.append("first", { signal });
    await new Promise(process.nextTick);
    const appends = [first, log.append("gone", { signal }), log.append("stays")];
    const late = log.append("late", { deadlineMs: 0 });
    controller.abort(new Error("enough"));
    const until = performance.now() + 5;
    while (performance.now() < until);
    const never = log.append("never", { signal });
    const results = await outcomes([...appends, never, late]);
    const end = results.pop();
    assert.deepEqual(results, [0, "ABORT_ERR", 5, "ABORT_ERR"]);
    // Its clock and the first group run at the same time.
    assert.ok(end === "ETIMEDOUT" || end === 10);
    assert.equal(log.pendingBytes, 0);
    await log.close();
  });

  it("refuses more than it may hold, and says when there is room", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, 10);
    const large = log.append("larger than all, but alone");
    await assert.rejects(log.append("x"), { code: "ERR_PROACTOR_EXHAUSTED" });
    assert.equal(log.pendingBytes, 26);
    await log.ready();
    assert.equal(await large, 0);
    assert.equal(await log.append("0123456789"), 26);
    await log.ready();
    await log.close();
  });

  it("flushes what was appended before, however much comes after", async () => {
    const file = new FakeFile();
    const log = new AppendLog(file, 0, PLENTY);
    let stop = false;
    const busy = (async () => {
      while (!stop) await log.append("again");
    })();
    let told = false;
    void log.append("before").then(() => {
      told = true;
    });
    await log.flush();
    assert.ok(told);
    stop = true;
    await busy;
    await log.close();
    await log.close();
    assert.equal(file.calls.filter((call) => call === "close").length, 1);
  });
});

const WRITER = (path: string) => `
  import { openLog } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
  import { writeSync } from "node:fs";
  const log = await openLog(${JSON.stringify(path)});
`;

describe("AppendLog and the system", () => {
  it("has every append that it confirmed when the process is killed", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const text = `${WRITER(path)}
        await Promise.all(Array.from({ length: 32 }, async (_, writer) => {
          for (let i = 0; ; i++) {
            const record = "<" + writer + ":" + i + ">";
            writeSync(1, (await log.append(record)) + " " + record + "\\n");
          }
        }));`;
      const args = ["--input-type=module", "--eval", text];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        said += chunk;
        if (said.length > 4000) child.kill("SIGKILL");
      });
      await new Promise((resolve) => child.once("close", resolve));
      const bytes = readFileSync(path);
      const lines = said.split("\n").slice(0, -1);
      assert.ok(lines.length > 100);
      for (const line of lines) {
        const [position, record = ""] = line.split(" ");
        const at = Number(position);
        assert.equal(bytes.subarray(at, at + record.length).toString(), record);
      }
    }, "log");
  });

  it("rejects with EFBIG what the limit of file sizes forbids, and nothing else", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const text = `${WRITER(path)}
        const sizes = [3000, 5000, 2000, 6000, 3000, 192];
        const ends = await Promise.allSettled(sizes.map((size) => log.append("x".repeat(size))));
        writeSync(1, JSON.stringify(ends.map(({ value, reason }) => value ?? reason.code)));
        await log.close();`;
      const node = `exec "$0" --input-type=module --eval "$1"`;
      const result = await runProgram("bash", {
        args: ["-c", `ulimit -f 8; ${node}`, process.execPath, text],
      });
      assert.equal(result.stderr, "");
      assert.deepEqual(JSON.parse(result.stdout), [0, 3000, "EFBIG", "EFBIG", "EFBIG", 8000]);
      assert.equal(readFileSync(path).length, 8192);
    }, "log");
  });
});
