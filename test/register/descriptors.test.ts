import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NOTES, twins } from "./support.ts";

/** Callbacks and streams on a FIFO that waits, on one that does not, and on a file of /proc. */
const DESCRIPTORS = `
  ${NOTES}
  const path = require("node:path");
  const { O_NONBLOCK, O_RDWR } = fs.constants;
  const fifo = path.join(__dirname, "fifo");
  require("node:child_process").execFileSync("mkfifo", [fifo]);
  const drained = (fd) => {
    const all = Buffer.alloc(2 ** 18);
    try {
      return all.toString("latin1", 0, fs.readSync(fd, all)).slice(0, 20);
    } catch (error) {
      return error.code;
    }
  };
  const ended = (name, stream) => new Promise((resolve) => {
    stream.on("data", (data) => note(name, String(data)));
    stream.on("error", (error) => resolve(note(name, shown(error))));
    stream.on("finish", () => resolve(note(name, "finish")));
    stream.on("end", () => resolve(note(name, "end")));
  });
  async function transfers(name, fd, at) {
    const text = Buffer.from("abcdef");
    await run(name + " read", "read", fd, Buffer.alloc(4, "~"), 1, 2, at);
    await run(name + " read options", "read", fd, { buffer: Buffer.alloc(4), position: at });
    await run(name + " readv", "readv", fd, [Buffer.alloc(2), Buffer.alloc(2)], at);
    await run(name + " write", "write", fd, text, 1, 3, at);
    await run(name + " write text", "write", fd, "text", at);
    await run(name + " writev", "writev", fd, [text, text], at);
    note(name + " left", drained(fd));
  }
  (async () => {
    const fd = fs.openSync(fifo, O_RDWR);
    fs.writeSync(fd, "0123456789");
    await transfers("position", fd, 3);
    fs.writeSync(fd, "0123456789");
    const at2 = { fd, start: 2, autoClose: false };
    await ended("position in", fs.createReadStream(null, at2));
    await ended("position out", fs.createWriteStream(null, at2).end("x"));
    note("position rest", drained(fd));
    const comm = fs.openSync("/proc/self/comm", "r+");
    await run("comm", "write", comm, "zz", 1);
    const now = fs.openSync(fifo, O_RDWR | O_NONBLOCK);
    await transfers("empty", now, null);
    fs.writeSync(now, Buffer.alloc(65536));
    await transfers("full", now, null);
    drained(now);
    await ended("empty in", fs.createReadStream(null, { fd: now, autoClose: false }));
    fs.writeSync(now, Buffer.alloc(65536));
    await ended("full out", fs.createWriteStream(null, { fd: now, autoClose: false }).end("x"));
    drained(now);
    await run("whole", "readFile", now);
    fs.writeSync(now, "later");
    note("whole rest", drained(now));
  })();
`;

/** Writes of no bytes, to a file that refuses them. */
const NOTHING_WRITTEN = `
  ${NOTES}
  const file = "/proc/self/oom_score_adj";
  const none = Buffer.alloc(0);
  const stream = (name, parts) => new Promise((resolve) => {
    const out = fs.createWriteStream(file, { flags: "r+" });
    out.on("error", (error) => resolve(note(name, shown(error))));
    out.on("finish", () => resolve(note(name, "finish")));
    for (const part of parts) out.write(part);
    out.end();
  });
  (async () => {
    await run("write text", "writeFile", file, "");
    await run("write bytes", "writeFile", file, none);
    await run("write flag", "writeFile", file, "", { flag: "r+" });
    await run("append text", "appendFile", file, "");
    await run("append bytes", "appendFile", file, none);
    const fd = fs.openSync(file, "r+");
    await run("fd whole", "writeFile", fd, "");
    await run("fd text", "write", fd, "");
    await run("fd bytes", "write", fd, none);
    await run("fd bytes at", "write", fd, none, 0, 0, 0);
    await run("fd vectors", "writev", fd, [none, none]);
    await run("fd vectors at", "writev", fd, [none], 0);
    await run("fd no vectors", "writev", fd, []);
    await stream("stream text", [""]);
    await stream("stream bytes", [none]);
    await stream("stream two", ["", none]);
    await stream("stream none", []);
    for (const name of ["writeFile", "appendFile"])
      note("promise " + name, await fs.promises[name](file, "").catch(shown));
    const handle = await fs.promises.open(file, "r+");
    for (const args of [[none], [""], [none, 0, 0, 0]])
      note("handle write", await handle.write(...args).then(Object.keys, shown));
    note("handle writev", await handle.writev([none]).then(Object.keys, shown));
    for (const name of ["writeFile", "appendFile"])
      note("handle " + name, await handle[name]("").catch(shown));
    await handle.close();
  })();
`;

describe("descriptors under the preload", () => {
  it("refuse positions and do not wait as they do without it", async () => {
    const { preloaded } = await twins(DESCRIPTORS);
    assert.match(preloaded.stdout, /ESPIPE/);
    assert.match(preloaded.stdout, /EAGAIN/);
    assert.equal(preloaded.code, 0, preloaded.stderr);
  });

  it("are written no bytes where Node does so", async () => {
    const { preloaded } = await twins(NOTHING_WRITTEN);
    assert.match(preloaded.stdout, /EINVAL/);
    assert.equal(preloaded.code, 0, preloaded.stderr);
  });
});
