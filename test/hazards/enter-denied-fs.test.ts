import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { moduleUrl } from "../support/child.ts";
import { denyLater } from "../support/deny-later.ts";

const denial = denyLater();
const file = join(denial.folder, "file");
fs.writeFileSync(file, "contents");

/** What a call came to: its value, or how it failed. */
const SAY = `
  const show = (error) => JSON.stringify([error.code, error.syscall, error.path ?? null,
    error.errno,
    /failed for good.*EPERM.*io_uring_enter/.test(error.message), error.remedy !== undefined]);
  const say = (name, promise) => promise.then((value) => console.log(name, String(value)),
    (error) => console.log(name, show(error)));
`;

// HAZARDS E1: io_uring is taken away from a program that uses it.
describe("proactor/fs, once io_uring_enter is denied", { skip: denial.whyNot }, () => {
  async function run(source: string, execArgv: readonly string[] = []): Promise<string[]> {
    const { code, stdout, stderr, timedOut } = await denial.run("1 426", source, { execArgv });
    assert.deepEqual([code, timedOut], [0, false], `${stdout}\n${stderr}`);
    return stdout.trim().split("\n");
  }

  const head = `
    import fs from "node:fs";
    import { execFileSync } from "node:child_process";
    import fsp from "${moduleUrl("src/fs/index.ts")}";
    const file = ${JSON.stringify(file)};
    const fifo = ${JSON.stringify(join(denial.folder, "fifo"))} + process.pid;
    ${SAY}
    execFileSync("mkfifo", [fifo]);
    const rw = fs.openSync(fifo, "r+");
    const handle = await fsp.open(file, "r+");
    const pipe = await fsp.open(fifo, "r+");
    await handle.stat();
  `;

  const failed = (name: string, syscall: string, path: string | null) =>
    `${name} ${JSON.stringify(["ERR_PROACTOR_ENGINE_UNAVAILABLE", syscall, path, -1, true, true])}`;

  for (const [call, syscall, path] of [
    ["fsp.readFile(file)", "open", file],
    ["fsp.writeFile(file + 3, 'x')", "open", `${file}3`],
    ["fsp.mkdir(file + '/x')", "mkdir", `${file}/x`],
    ["fsp.rename(file, file + 2)", "rename", file],
    ["fsp.open(file)", "open", file],
    ["handle.read(Buffer.alloc(4), 0, 4, 0)", "read", null],
    ["handle.sync()", "fsync", null],
  ] as const) {
    it(`says why the first call fails, in Node's shape: ${call}`, async () => {
      const said = await run(`${head}
        ${denial.deny}
        await say("it", ${call});
      `);
      assert.deepEqual(said, [failed("it", syscall, path)]);
    });
  }

  it("says why what was in flight fails", async () => {
    const said = await run(`${head}
      const flying = [pipe.read(Buffer.alloc(4)), pipe.readFile()];
      await new Promise((resolve) => setTimeout(resolve, 50));
      ${denial.deny}
      await say("sync", handle.sync());
      await Promise.all(flying.map((each) => say("flying", each)));
    `);
    const flying = failed("flying", "read", null);
    assert.deepEqual(said, [failed("sync", "fsync", null), flying, flying]);
  });

  it("goes on with handles, streams and opens on threads, and closes what was open", async () => {
    const said = await run(`${head}
      const before = fs.readdirSync("/proc/self/fd").length;
      ${denial.deny}
      await say("staged", handle.read(Buffer.alloc(8), 0, 8, 0));
      await say("read", handle.read(Buffer.alloc(8), 0, 8, 0).then(({ buffer }) => buffer));
      await say("write", handle.write("CONTENTS", 0).then(({ bytesWritten }) => bytesWritten));
      await say("readFile", handle.readFile("utf8"));
      await say("stat", handle.stat().then(({ size }) => size));
      await say("sync", handle.sync());
      await say("stream", handle.createReadStream({ start: 0, autoClose: false })
        .toArray().then(String));
      const other = await fsp.open(file);
      await say("other", other.read(Buffer.alloc(8), 0, 8, 0).then(({ buffer }) => buffer));
      await say("close", other.close());
      await say("close", handle.close());
      await say("path", fsp.readFile(file, "utf8"));
      console.log("descriptors", fs.readdirSync("/proc/self/fd").length - before);
    `);
    assert.match(String(said.shift()), /^staged \["ERR_PROACTOR_ENGINE_UNAVAILABLE","read"/);
    assert.deepEqual(said, [
      "read contents",
      "write 8",
      "readFile CONTENTS",
      "stat 8",
      "sync undefined",
      "stream CONTENTS",
      "other CONTENTS",
      "close undefined",
      "close undefined",
      "path CONTENTS",
      // The handle, the ring and its eventfd.
      "descriptors -3",
    ]);
  });

  it("tells callbacks under the preload the same, and goes on", async () => {
    const said = await run(
      `
      import fs from "node:fs";
      ${SAY}
      const file = ${JSON.stringify(file)};
      const call = (name, ...args) => new Promise((resolve, reject) => {
        fs[name](...args, (error, value) => (error ? reject(error) : resolve(value)));
      });
      await call("stat", file);
      const fd = await call("open", file, "r");
      ${denial.deny}
      await say("open", call("open", file + "4", "r"));
      await say("fstat", call("fstat", fd).then(({ size }) => size));
      await say("read", call("read", fd, Buffer.alloc(8), 0, 8, 0));
      await say("close", call("close", fd));
      await say("readFile", call("readFile", file, "latin1").then(({ length }) => length));
      await say("missing", call("stat", file + "5").catch(({ code }) => code));
      fs.createReadStream(file).on("data", (data) => console.log("stream", data.length));
      `,
      ["--import", moduleUrl("src/register/index.ts")],
    );
    assert.deepEqual(said, [
      failed("open", "open", `${file}4`),
      "fstat 8",
      "read 8",
      "close undefined",
      "readFile 8",
      "missing ENOENT",
      "stream 8",
    ]);
  });
});
