import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NOTES, twins } from "./support.ts";

/** Every overload of every function that is routed, and errors of each. */
const RESULTS = `
  ${NOTES}
  const path = require("node:path");
  const { pathToFileURL } = require("node:url");
  const at = (name) => path.join(__dirname, name);
  (async () => {
    fs.writeFileSync(at("ten"), "0123456789");
    await run("open path", "open", at("ten"));
    const fd = fs.openSync(at("ten"), "r+");
    await run("open bytes", "open", Buffer.from(at("ten")), "r");
    await run("open url", "open", pathToFileURL(at("ten")), "r", 0o600);
    await run("open new", "open", at("new"), "wx", 0o640);
    note("mode", fs.statSync(at("new")).mode.toString(8));
    await run("open exists", "open", at("new"), "wx", 0o640);
    await run("open none", "open", at("none"), "r");
    await run("open empty", "open", "", "r");
    await run("open slash", "open", at("ten") + "/x", "r");
    await run("open long", "open", at("x".repeat(300)), "r");
    await run("read all", "read", fd);
    await run("read end", "read", fd, Buffer.alloc(4));
    const ten = Buffer.alloc(10, "-");
    await run("read six", "read", fd, ten, 2, 5, 1);
    await run("read bigint", "read", fd, Buffer.alloc(3), 0, 3, 4n);
    await run("read nulls", "read", fd, Buffer.alloc(3), null, 3, null);
    await run("read options", "read", fd, { buffer: Buffer.alloc(8), offset: 1, length: 4,
      position: 0 });
    await run("read options 2", "read", fd, Buffer.alloc(8), { length: 4, position: 3 });
    await run("read options null", "read", fd, Buffer.alloc(8), null);
    await run("read options undefined", "read", fd, Buffer.alloc(8), undefined);
    await run("read only options", "read", fd, { position: 2 });
    await run("read proto options", "read", fd, Object.create({ position: 2 }));
    await run("read words", "read", fd, new Uint32Array(2), 0, 8, 0);
    await run("read view", "read", fd, new DataView(new ArrayBuffer(6), 1, 4), 1, 3, 0);
    await run("read beyond", "read", fd, Buffer.alloc(3), 0, 3, 100);
    await run("read nothing", "read", fd, Buffer.alloc(3), 0, 0, 0);
    await run("read bad fd", "read", 9999, Buffer.alloc(3), 0, 3, 0);
    await run("write view", "write", fd, Buffer.from("abc"));
    await run("write six", "write", fd, Buffer.from("abcdef"), 2, 3, 4);
    await run("write four", "write", fd, Buffer.from("abcdef"), 2);
    await run("write five", "write", fd, Buffer.from("abcdef"), 2, 3);
    await run("write options", "write", fd, Buffer.from("abcdef"), { offset: 1, length: 2,
      position: 0 });
    await run("write null options", "write", fd, Buffer.from("xyz"), null, 1, 2);
    await run("write odd position", "write", fd, Buffer.from("pq"), 0, 2, "5");
    await run("write string", "write", fd, "hällo");
    await run("write string at", "write", fd, "at", 3);
    await run("write string latin1", "write", fd, "ä", 0, "latin1");
    await run("write string hex", "write", fd, "616263", null, "hex");
    await run("write string base64", "write", fd, "YWJj", undefined, "base64");
    await run("write string odd", "write", fd, "abc", 0, "nonsense");
    await run("write empty", "write", fd, "");
    await run("write words", "write", fd, new Uint16Array([0x4141, 0x4242]));
    await run("readv", "readv", fd, [Buffer.alloc(2), Buffer.alloc(3)], 0);
    await run("readv current", "readv", fd, [Buffer.alloc(2)]);
    await run("readv null", "readv", fd, [Buffer.alloc(2)], null);
    await run("readv none", "readv", fd, [], 0);
    await run("writev", "writev", fd, [Buffer.from("q"), Buffer.alloc(0), new Uint8Array([65,
      66])], 1);
    await run("writev current", "writev", fd, [Buffer.from("end")]);
    await run("writev none", "writev", fd, []);
    await run("writev bad fd", "writev", 9999, [Buffer.from("q")]);
    await run("fsync", "fsync", fd);
    await run("fdatasync", "fdatasync", fd);
    await run("fsync bad", "fsync", 9999);
    await run("fdatasync bad", "fdatasync", 9999);
    note("bytes", fs.readFileSync(at("ten"), "latin1"));
    await run("ftruncate", "ftruncate", fd, 4);
    note("size", fs.statSync(at("ten")).size);
    await run("ftruncate negative", "ftruncate", fd, -4);
    await run("ftruncate short", "ftruncate", fd);
    await run("ftruncate bad", "ftruncate", 9999, 3);
    await run("mkdir", "mkdir", at("d"));
    await run("mkdir mode", "mkdir", at("e"), 0o700);
    await run("mkdir string", "mkdir", at("f"), "0710");
    await run("mkdir options", "mkdir", at("g"), { mode: 0o711 });
    await run("mkdir parents", "mkdir", at("h/i/j"), { recursive: true });
    await run("mkdir exists", "mkdir", at("d"));
    await run("mkdir none", "mkdir", at("none/x"));
    note("modes", ["d", "e", "f", "g"].map((name) => fs.statSync(at(name)).mode.toString(8)));
    await run("rmdir", "rmdir", at("d"));
    await run("rmdir options", "rmdir", at("e"), {});
    await run("rmdir full", "rmdir", at("h"));
    await run("rmdir file", "rmdir", at("ten"));
    await run("link", "link", at("ten"), at("linked"));
    await run("link exists", "link", at("ten"), at("linked"));
    await run("symlink", "symlink", "ten", at("soft"));
    await run("symlink type", "symlink", "ten", at("soft2"), "file");
    await run("symlink exists", "symlink", "ten", at("soft"));
    note("readlink", fs.readlinkSync(at("soft")));
    await run("rename", "rename", at("linked"), at("renamed"));
    await run("rename none", "rename", at("linked"), at("renamed"));
    await run("unlink", "unlink", at("renamed"));
    await run("unlink none", "unlink", at("renamed"));
    await run("unlink bytes", "unlink", Buffer.from(at("none")));
    await run("unlink folder", "unlink", at("f"));
    const stats = (name, f, ...args) => call(name, (callback) => fs[f](...args, (error, given) => {
      // Blocks may still be given to what was just written.
      const fields = given && { ...given, blocks: typeof given.blocks };
      const same = given && inspect(given) === inspect(fs[f + "Sync"](...args));
      callback(error, fields && Object.keys(fields), given && given.isFile(), same);
    }));
    await stats("stat", "stat", at("new"));
    await stats("stat big", "stat", at("new"), { bigint: true });
    await stats("stat small", "stat", at("new"), { bigint: false });
    await stats("stat undefined", "stat", at("new"), undefined);
    await stats("stat folder", "stat", Buffer.from("/"));
    await stats("stat device", "stat", "/dev/null", { bigint: true });
    await stats("stat none", "stat", at("none"));
    await stats("lstat", "lstat", at("soft"));
    await stats("lstat none", "lstat", at("none"));
    await stats("fstat", "fstat", fd);
    await stats("fstat big", "fstat", fd, { bigint: true });
    await stats("fstat bad", "fstat", 9999);
    await run("whole read", "readFile", at("ten"));
    await run("whole read text", "readFile", at("ten"), "latin1");
    await run("whole read options", "readFile", at("ten"), { encoding: "hex", flag: "r" });
    await run("whole read null", "readFile", Buffer.from(at("ten")), null);
    await run("whole read url", "readFile", pathToFileURL(at("ten")), { encoding: null });
    await run("whole read fd", "readFile", fd, "utf8");
    await run("whole read none", "readFile", at("none"));
    await run("whole read folder", "readFile", __dirname);
    await run("whole read proc", "readFile", "/proc/self/comm", "utf8");
    await run("whole read create", "readFile", at("made"), { flag: "w+" });
    await run("whole read nonsense", "readFile", at("ten"), "nonsense");
    await run("whole read aborted", "readFile", at("ten"), { signal: AbortSignal.abort() });
    await run("whole write", "writeFile", at("w"), "text");
    await run("whole write bytes", "writeFile", at("w"), new Uint8Array([65, 66]), { mode: 0o600 });
    await run("whole write hex", "writeFile", at("w2"), "4142", "hex");
    await run("whole write flag", "writeFile", at("w2"), "x", { flag: "wx" });
    await run("whole write flush", "writeFile", at("w3"), "", { flush: true });
    await run("whole write fd", "writeFile", fd, "fd");
    await run("whole write none", "writeFile", at("none/none"), "x");
    await run("whole write number", "writeFile", at("w"), 5);
    await run("whole append", "appendFile", at("w2"), "more");
    await run("whole append options", "appendFile", at("w2"), "more", { encoding: "utf8" });
    await run("whole append folder", "appendFile", __dirname, "x");
    await run("whole copy", "copyFile", at("w2"), at("w4"));
    await run("whole copy mode", "copyFile", at("w2"), at("w4"), fs.constants.COPYFILE_EXCL);
    await run("whole copy none", "copyFile", at("none"), at("w4"));
    await run("whole copy folder", "copyFile", __dirname, at("w5"));
    await run("whole copy odd", "copyFile", at("w2"), at("w4"), 100);
    note("whole", ["w", "w2", "w3", "w4"].map((name) => fs.readFileSync(at(name), "latin1")));
    await run("truncate", "truncate", at("w2"), 3);
    await run("truncate none", "truncate", at("none"), 3);
    await run("truncate short", "truncate", at("w2"));
    await run("close", "close", fd);
    await run("close again", "close", 9999);
    note("names", fs.readdirSync(__dirname).sort());
  })();
`;

/** Arguments that Node refuses, before anything has happened. */
const REFUSALS = `
  ${NOTES}
  const odd = [undefined, null, -1, 1.5, NaN, 2 ** 40, "", "x", "\\0", {}, [], true, 1n,
    Symbol("s"), () => {}, new Date(0)];
  const names = ["open", "close", "read", "write", "readv", "writev", "fsync", "fdatasync",
    "ftruncate", "unlink", "rename", "mkdir", "rmdir", "symlink", "link",
    "readFile", "writeFile", "appendFile", "copyFile", "stat", "lstat", "fstat"];
  const show = (value) => typeof value === "function" ? "f" : inspect(value);
  (async () => {
    const fd = fs.openSync(__filename);
    for (const name of names) {
      note(name, { length: fs[name].length, name: fs[name].name });
      for (const value of odd) {
        // Without a callback nothing may start; an argument of each kind in each place.
        for (const args of [[value], [fd, value], ["DOES/NOT/EXIST", value], [fd, Buffer.alloc(4),
          value],
          [fd, Buffer.alloc(4), 0, value], [fd, Buffer.alloc(4), 0, 4, value], [fd,
            [Buffer.alloc(4)], value]]) {
          if (typeof value === "function" || (name.startsWith("f") && value === 0)) continue;
          if (name === "close" && (args[0] === fd || args.length === 1)) continue;
          if (name.endsWith("File") && typeof args[0] === "number") continue;
          if (name === "write" && typeof args[1] === "string") continue;
          try {
            fs[name](...args);
            note(name, { args: args.map(show), returned: true });
          } catch (error) {
            error.message = error.message.replace("(" + fd + ")", "(fd)");
            note(name, { args: args.slice(-1).map(show), at: args.length, ...shown(error),
              stack: 0, type: error.constructor.name });
          }
        }
      }
    }
    const cb = () => {};
    for (const value of odd) {
      for (const [name, ...args] of [["read", fd, value, cb], ["read", fd, Buffer.alloc(4), value,
        4, 0, cb],
        ["read", fd, Buffer.alloc(4), 0, value, 0, cb], ["read", fd, Buffer.alloc(4), 0, 4, value,
          cb],
        ["read", fd, Buffer.alloc(4), { offset: value }, cb], ["read", fd, Buffer.alloc(4),
          { position: value }, cb],
        ["write", 9999, Buffer.alloc(4), value, 4, 0, cb], ["write", 9999, Buffer.alloc(4), 0,
          value, 0, cb],
        ["write", 9999, value, cb], ["write", 9999, "text", value, "utf8", cb], ["write", 9999,
          "abc", 0, "hex", cb],
        ["open", value, cb], ["open", "none", value, cb], ["open", "none", "r", value, cb],
        ["mkdir", "none/none", value, cb], ["rmdir", "none/none", value, cb], ["rename", "none",
          value, cb],
        ["symlink", "none", "none/none", value, cb], ["ftruncate", 9999, value, cb], ["readv", fd,
          value, cb],
        ["writev", fd, [value], cb], ["read", fd, Buffer.alloc(0), cb], ["read", fd,
          Buffer.alloc(4), 2, 3, 0, cb],
        ["stat", value, cb], ["fstat", 9999, value, cb],
        ["lstat", "none", value, cb], ["stat", "none", { bigint: value }, cb],
        ["readFile", value, cb], ["readFile", "none", value, cb],
        ["writeFile", "none/none", value, cb], ["writeFile", "none/none", "x", value, cb],
        ["writeFile", "none/none", "x", { mode: value }, cb], ["copyFile", "none", value, cb],
        ["copyFile", "none", "none", value, cb], ["readFile", "none", { flag: value }, cb],
        ["readFile", "none", { encoding: value }, cb], ["appendFile", value, "x", cb],
        ["write", fd, Buffer.alloc(4), 5, 1, 0, cb], ["write", fd, Buffer.alloc(4), 1, 4, 0, cb]]) {
        // Of a number that is no descriptor Node throws out of a tick.
        if (name.endsWith("File") && typeof args[0] === "number") continue;
        await new Promise((resolve) => {
          try {
            const callback = (...given) => {
              note(name + " called", { args: args.slice(1, -1).map(show), given: given.map((g) =>
                shown(g)) });
              resolve();
            };
            if (typeof value === "function") return resolve();
            fs[name](...args.slice(0, -1), callback);
          } catch (error) {
            note(name + " refused", { args: args.slice(1, -1).map(show), ...shown(error),
              stack: 0 });
            resolve();
          }
        });
      }
    }
  })();
`;

/** A file of zeros that is one byte too long for a string. */
const TOO_LONG = `
  ${NOTES}
  const file = require("node:path").join(__dirname, "zeros");
  fs.writeFileSync(file, "");
  fs.truncateSync(file, require("node:buffer").constants.MAX_STRING_LENGTH + 1);
  run("too long", "readFile", file, "latin1");
`;

/** Paths to a socket, and through a link after the socket was looked at. */
const WALKS = `
  ${NOTES}
  const path = require("node:path");
  const net = require("node:net");
  const { promisify } = require("node:util");
  const at = (name) => path.join(__dirname, name);
  const real = promisify(fs.realpath);
  fs.mkdirSync(at("folder"));
  fs.writeFileSync(at("folder/file"), "x");
  fs.symlinkSync(at("folder"), at("link"));
  note("visible", [fs.realpath.name, fs.realpath.length, typeof fs.realpath.native]);
  try { fs.realpath(1, () => {}); } catch (error) { note("refused", error.code); }
  const server = net.createServer().listen(at("socket"), async () => {
    const { fd } = server._handle;
    const walked = await real("/proc/self/fd/" + fd).catch(({ message }) => message);
    note("socket", walked.replace(/\\d+/g, "N"));
    fs.statSync(at("socket"));
    note("link", await real(at("link/file")));
    await promisify(fs.stat)(at("folder/file"));
    note("after", await real(at("link")));
    server.close();
  });
`;

/** What a program is told that asks why it does not end. */
const ACTIVE = `
  ${NOTES}
  const ofFs = (names) => names.filter((name) => name.startsWith("FSReq"));
  const requests = () => ofFs(process.getActiveResourcesInfo());
  const names = () => ofFs(process._getActiveRequests().map(({ constructor }) => constructor.name));
  note("before", requests().concat(names()));
  let left = 3;
  const opened = async (error, fd) => {
    fs.closeSync(fd);
    if (--left > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
    note("after", requests().concat(names()));
    const status = fs.promises.stat(__filename);
    note("promise", requests());
    await status;
  };
  for (let i = 0; i < 3; i++) fs.open(__filename, "r", opened);
  note("callbacks", requests().concat(names()));
`;

describe("callbacks of node:fs under the preload", () => {
  it("are among what is active in the process", async () => {
    const { preloaded } = await twins(ACTIVE);
    assert.match(preloaded.stdout, /FSReqPromise/);
  });

  it("find the real path of a socket, and go on after one", async () => {
    const { preloaded } = await twins(WALKS);
    assert.match(preloaded.stdout, /socket:\[N\]/);
    assert.match(preloaded.stdout, /folder\/file/);
  });

  it("are told of a file that is too long for a string", async () => {
    const { preloaded } = await twins(TOO_LONG);
    assert.match(preloaded.stdout, /ERR_STRING_TOO_LONG/);
  });

  it("are given what Node gives them, results and errors", async () => {
    const { preloaded } = await twins(RESULTS);
    assert.match(preloaded.stdout, /read all/);
    assert.equal(preloaded.code, 0);
  });

  it("are refused the arguments that Node refuses", async () => {
    const { preloaded } = await twins(REFUSALS, { execArgv: ["--no-deprecation"] });
    assert.match(preloaded.stdout, /ERR_INVALID_ARG_TYPE/);
    assert.equal(preloaded.code, 0);
  });
});
