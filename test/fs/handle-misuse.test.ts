import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { promises } from "../../src/fs/promises.ts";
import { road } from "../../src/fs/road.ts";
import { Proactor, proactor } from "../../src/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { compareWithNode, outcomeOf } from "./twins.ts";

const OURS = moduleUrl("src/fs/index.ts");
const TEXT = "0123456789";

/** Makes a file, and resolves with its path. */
function fileIn(dir: string): string {
  const path = join(dir, "file");
  writeFileSync(path, TEXT);
  return path;
}

/** Runs a program once with node:fs/promises and once with ours as `fs`. */
async function runBoth(program: string, execArgv: readonly string[] = []) {
  const runs: { code: number | null; stdout: string; stderr: string }[] = [];
  for (const from of ["node:fs/promises", OURS]) {
    const source = `import fs from ${JSON.stringify(from)};\n${program}`;
    const { code, stdout, stderr } = await runNode(source, { execArgv });
    runs.push({ code, stdout, stderr });
  }
  return runs as [(typeof runs)[0], (typeof runs)[0]];
}

describe("a FileHandle that is transferred", () => {
  it("works on the other side, and is closed on this one", async () => {
    await compareWithNode(async (fs, dir) => {
      const handle = await fs.open(fileIn(dir));
      await handle.read(Buffer.alloc(2), 0, 2, 0);
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(handle, [handle as never]);
      const there = receiveMessageOnPort(port2)?.message as FileHandle;
      const found = [
        handle.fd,
        await outcomeOf(() => handle.read(Buffer.alloc(2), 0, 2, 0)),
        await outcomeOf(() => there.read(Buffer.alloc(2), 0, 2, 4)),
        await outcomeOf(() => there.close()),
        await outcomeOf(() => handle.close()),
      ];
      port1.close();
      return found;
    });
  });

  it("is refused while something is in flight", async () => {
    await compareWithNode(async (fs, dir) => {
      const handle = await fs.open(fileIn(dir));
      const { port1 } = new MessageChannel();
      const reading = handle.read(Buffer.alloc(2), 0, 2, 0);
      const refused = await outcomeOf(() => port1.postMessage(handle, [handle as never]));
      const { bytesRead } = await reading;
      await handle.close();
      port1.close();
      return [refused.value, refused.error?.message, refused.error?.kind, bytesRead];
    });
  });

  it("can be read by a Worker", async () => {
    await withTempDir(async (dir) => {
      const handle = await promises.open(fileIn(dir));
      const worker = new Worker(
        `const { parentPort } = require("node:worker_threads");
         parentPort.once("message", async (handle) => {
           const text = await handle.readFile("utf8");
           await handle.close();
           parentPort.postMessage(text);
         });`,
        { eval: true },
      );
      worker.postMessage(handle, [handle as never]);
      const text = await new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
      await worker.terminate();
      assert.equal(text, TEXT);
    });
  });
});

describe("a FileHandle that is forgotten", () => {
  it("ends as Node's does: closed with a warning, or with an exception", async () => {
    const [node, ours] = await runBoth(
      `
      process.on("uncaughtException", (error) => console.log("thrown", error.code));
      process.on("warning", (warning) => console.log("warned", warning.name, warning.code));
      await (async () => {
        const handle = await fs.open(process.execPath);
        await handle.read(Buffer.alloc(1), 0, 1, 0);
      })();
      for (let i = 0; i < 20; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const { readdirSync, readlinkSync } = await import("node:fs");
      for (const fd of readdirSync("/proc/self/fd")) {
        try {
          if (readlinkSync("/proc/self/fd/" + fd) === process.execPath) console.log("still open");
        } catch {}
      }
      `,
      ["--expose-gc"],
    );
    assert.deepEqual(ours, { ...node, stderr: ours.stderr });
    assert.match(ours.stdout, /warned|thrown/);
  });

  it("is not collected while it is read", async () => {
    const [, ours] = await runBoth(
      `
      import { execFileSync } from "node:child_process";
      import { mkdtempSync, rmSync, writeSync } from "node:fs";
      const dir = mkdtempSync("/tmp/proactor-test-");
      execFileSync("mkfifo", [dir + "/fifo"]);
      let fd;
      const reading = (async () => {
        const handle = await fs.open(dir + "/fifo", "r+");
        fd = handle.fd;
        return handle.read(Buffer.alloc(5));
      })();
      for (let i = 0; i < 20; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      writeSync(fd, "hello");
      console.log((await reading).buffer.toString());
      rmSync(dir, { recursive: true });
      process.exit();
      `,
      ["--expose-gc"],
    );
    assert.deepEqual([ours.code, ours.stdout.trim()], [0, "hello"]);
  });
});

describe("a FileHandle in use", () => {
  it("survives the shutdown of every other proactor", async () => {
    await withTempDir(async (dir) => {
      const handle = await promises.open(fileIn(dir));
      const other = new Proactor();
      await other.nop();
      const reads = Array.from({ length: 40 }, () => handle.read(Buffer.alloc(4), 0, 4, 3));
      await Promise.all([other.shutdown({ cancel: true }), proactor.nop()]);
      for (const { bytesRead } of await Promise.all(reads)) assert.equal(bytesRead, 4);
      await handle.close();
    });
  });

  it("does not keep a process from its exit", async (t) => {
    if (road() === undefined) return t.skip("a thread that waits for a FIFO holds node:fs up");
    const { code, stdout, timedOut } = await runNode(`
      import fs from ${JSON.stringify(OURS)};
      import { execFileSync } from "node:child_process";
      import { mkdtempSync, rmSync } from "node:fs";
      const dir = mkdtempSync("/tmp/proactor-test-");
      execFileSync("mkfifo", [dir + "/fifo"]);
      const handle = await fs.open(dir + "/fifo", "r+");
      rmSync(dir, { recursive: true });
      handle.read(Buffer.alloc(5));
      handle.close();
      setTimeout(() => {
        console.log("leaving");
        process.exit(3);
      }, 20);
    `);
    assert.deepEqual([code, stdout.trim(), timedOut], [3, "leaving", false]);
  });

  it("ends with its Worker", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "fifo");
      execFileSync("mkfifo", [path]);
      const worker = new Worker(
        `const { parentPort } = require("node:worker_threads");
         import(${JSON.stringify(OURS)}).then(async ({ open }) => {
           const handle = await open(${JSON.stringify(path)}, "r+");
           handle.read(Buffer.alloc(5));
           setImmediate(() => parentPort.postMessage("reading"));
         });`,
        { eval: true },
      );
      await new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
      await worker.terminate();
      assert.ok(!openDescriptors().some((each) => each.endsWith(path)));
    });
  });

  it("is whole after an abort", async () => {
    await compareWithNode(async (fs, dir) => {
      const path = join(dir, "big");
      writeFileSync(path, Buffer.alloc(8 * 1024 * 1024, "x"));
      const handle = await fs.open(path, "r+");
      const controller = new AbortController();
      const reading = outcomeOf(() => handle.readFile({ signal: controller.signal }));
      setImmediate(() => controller.abort(new Error("enough")));
      const { error } = await reading;
      const after = await handle.read(Buffer.alloc(2), 0, 2, 0);
      await handle.close();
      return [error === undefined ? "came first" : "aborted", after].slice(1);
    });
  });

  it("tells of a buffer that was taken away from a read", async (t) => {
    if (road() === undefined) return t.skip("node:fs does everything here, and does not look");
    await withTempDir(async (dir) => {
      const handle = await promises.open(fileIn(dir));
      const buffer = Buffer.from(new ArrayBuffer(8));
      const reading = handle.read(buffer, 0, 8, 0);
      structuredClone(buffer.buffer, { transfer: [buffer.buffer as ArrayBuffer] });
      await assert.rejects(reading, { code: "ERR_PROACTOR_BUFFER_DETACHED" });
      assert.equal((await handle.read(Buffer.alloc(8), 0, 8, 0)).bytesRead, 8);
      await handle.close();
    });
  });
});

describe("open without descriptors left", () => {
  it("fails with EMFILE, and works again after", async () => {
    const program = `
      const handles = [];
      await (await fs.open("/dev/null")).close();
      await fs.stat("/");
      let failure;
      while (failure === undefined) {
        await fs.open("/dev/null").then((handle) => handles.push(handle), (error) => {
          failure = error;
        });
      }
      console.log(failure.message, JSON.stringify(failure));
      await Promise.all(handles.map((handle) => handle.close()));
      const again = await fs.open("/dev/null");
      await again.close();
      console.log(handles.length > 5);
    `;
    const outputs: string[] = [];
    for (const from of ["node:fs/promises", OURS]) {
      const source = `import fs from ${JSON.stringify(from)};\n${program}`;
      outputs.push(
        execFileSync("sh", [
          "-c",
          'ulimit -n 60; exec "$0" --input-type=module --eval "$1"',
          process.execPath,
          source,
        ]).toString(),
      );
    }
    assert.equal(outputs[1], outputs[0]);
    assert.match(outputs[1] ?? "", /EMFILE/);
  });
});

describe("a large transfer", () => {
  it("goes to a thread of the kernel, and comes back whole", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "file");
      const bytes = Buffer.alloc(5 * 1024 * 1024);
      for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(i, i);
      const handle = await promises.open(path, "w+");
      assert.equal((await handle.write(bytes, 0, bytes.length, 0)).bytesWritten, bytes.length);
      const halves = [bytes.subarray(0, 2_000_000), bytes.subarray(2_000_000)];
      assert.equal((await handle.writev(halves, bytes.length)).bytesWritten, bytes.length);
      const back = Buffer.alloc(bytes.length * 2);
      assert.equal((await handle.read(back, 0, back.length, 0)).bytesRead, back.length);
      assert.ok(back.equals(Buffer.concat([bytes, bytes])));
      assert.ok(back.equals(readFileSync(path)));
      await handle.close();
    });
  });
});
