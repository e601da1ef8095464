import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseSettings } from "../../src/register/settings.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { REGISTER, runPreloaded, twins } from "./support.ts";

const REPORT = `import { report } from ${JSON.stringify(REGISTER)};`;

describe("parseSettings", () => {
  it("routes everything by default", () => {
    for (const text of [undefined, "", "all", "report", " , "]) {
      assert.deepEqual([...parseSettings(text).parts], ["promises", "callbacks", "streams"]);
    }
  });

  it("routes the parts that are named", () => {
    assert.deepEqual([...parseSettings("promises").parts], ["promises"]);
    assert.deepEqual([...parseSettings("streams, callbacks").parts], ["streams", "callbacks"]);
    assert.deepEqual([...parseSettings("off").parts], []);
    assert.deepEqual([...parseSettings("all,off").parts], []);
    assert.equal(parseSettings("callbacks,report").reports, true);
    assert.deepEqual(parseSettings("promise,all").unknown, ["promise"]);
    assert.deepEqual([...parseSettings("promise").parts], ["promises", "callbacks", "streams"]);
  });
});

describe("the preload", () => {
  it("leaves everything that can be seen of node:fs as it was", async () => {
    await twins(`
      const fs = require("fs");
      const { inspect, promisify } = require("node:util");
      console.log(require("node:fs") === fs, fs.promises === require("node:fs/promises"));
      console.log(process.mainModule.require("fs") === fs, module.constructor._load("fs") === fs);
      for (const object of [fs, fs.promises]) {
        for (const key of Reflect.ownKeys(object)) {
          const { value, ...rest } = Object.getOwnPropertyDescriptor(object, key);
          if (typeof value !== "function") { console.log(String(key), rest.enumerable); continue; }
          const own = Reflect.ownKeys(value).filter((k) => k !== "prototype" &&
            k !== "arguments" && k !== "caller");
          console.log(String(key), rest, value.name, value.length, own.map(String).sort().join());
        }
      }
      const fd = fs.openSync(__filename);
      const print = (name) => (value) => console.log(name, inspect(value));
      (async () => {
        await promisify(fs.read)(fd, Buffer.alloc(3), 0, 3, 0).then(print("read"));
        await promisify(fs.readv)(fd, [Buffer.alloc(3)], 0).then(print("readv"));
        await promisify(fs.write)(9999, "x").catch(print("write"));
        await promisify(fs.exists)(__filename).then(print("exists"));
        await promisify(fs.open)("none").catch((error) => print("open")(error.message));
      })();
    `);
  });

  it("reaches ES modules, whatever way they import it", async () => {
    const { preloaded } = await twins(
      `
      import fs, { open, read as renamed, promises } from "node:fs";
      import * as all from "fs";
      import { stat } from "node:fs/promises";
      import * as later from "fs/promises";
      import { createRequire } from "node:module";
      const required = createRequire(import.meta.url)("fs");
      const same = [fs.open === open, fs.read === renamed, all.read === renamed, all.default === fs,
        required === fs, promises === fs.promises, stat === fs.promises.stat,
          later.default === promises,
        later.open === promises.open, (await import("node:fs")).write === fs.write];
      console.log(same);
      open(new URL(import.meta.url), (error, fd) => renamed(fd, Buffer.alloc(5), (error, bytes) =>
        console.log(error, bytes)));
      `,
      { kind: "mjs" },
    );
    assert.doesNotMatch(preloaded.stdout, /false/);
  });

  it("tells what it did", async () => {
    await withTempDir(async (dir) => {
      const source = `
        ${REPORT}
        import fs from "node:fs";
        fs.read(fs.openSync(process.argv[1]), Buffer.alloc(5), () =>
          console.log(JSON.stringify(report())));
        try { fs.read(); } catch {}
      `;
      const told = await runPreloaded(dir, source, { kind: "mjs" });
      const report = JSON.parse(told.stdout);
      assert.equal(report.active, true);
      assert.equal(report.node, process.version);
      assert.match(report.engine, /./);
      const { native, delegated } = report.functions["fs.read"];
      assert.equal(native + delegated, 2, told.stdout);
      assert.ok(delegated >= 1, told.stdout);
      const env = { PROACTOR_REGISTER: "callbacks,report" };
      const printed = await runPreloaded(dir, source, { kind: "mjs", env });
      assert.match(printed.stderr, /^proactor\/register: callbacks of node:fs, Node v/);
      assert.match(printed.stderr, /fs\.read: \d native, \d left to Node/);
    });
  });

  it("can be switched off, in parts or as a whole", async () => {
    await withTempDir(async (dir) => {
      const source = `
        ${REPORT}
        import fs from "node:fs";
        const open = fs.open.toString().includes("binding");
        console.log(open, report().active, report().parts.join());
      `;
      const run = async (setting: string | undefined) => {
        const env = { PROACTOR_REGISTER: setting };
        const { stdout, stderr } = await runPreloaded(dir, source, { kind: "mjs", env });
        return stdout + stderr;
      };
      assert.equal(await run(undefined), "false true promises,callbacks,streams\n");
      assert.equal(await run("promises"), "true true promises\n");
      assert.equal(await run("off"), "true false \n");
      assert.match(
        await run("of"),
        /^false true .*\n.*ProactorWarning: PROACTOR_REGISTER: of is unknown/,
      );
    });
  });

  it("leaves all to node:fs where there is no io_uring", async () => {
    for (const engine of ["thread_pool", "sync"]) {
      await withTempDir(async (dir) => {
        const source = `
          ${REPORT}
          import fs from "node:fs";
          const { readFile, writeFile } = fs.promises;
          await writeFile("x", "text");
          fs.readFile("x", "utf8", (error, text) => {
            fs.open("x", (error, fd) => fs.read(fd, Buffer.alloc(9), (error, bytes) => {
              const counts = Object.values(report().functions);
              console.log(text, bytes, counts.length > 0, counts.every(({ native }) =>
                native === 0));
            }));
          });
        `;
        const env = { PROACTOR_ENGINE: engine };
        const { stdout, stderr } = await runPreloaded(dir, source, { kind: "mjs", env });
        assert.equal(stdout, "text 4 true true\n", `${engine}: ${stderr}`);
      });
    }
  });

  it("works once however often it is asked for", async () => {
    await twins(`console.log(require("fs").read.name);`, { execArgv: ["--import", REGISTER] });
  });

  it("works in Workers and in child processes", async () => {
    const { preloaded } = await twins(
      `
      const fs = require("node:fs");
      const { Worker } = require("node:worker_threads");
      const { fork } = require("node:child_process");
      const { isMainThread } = require("node:worker_threads");
      function work(name) {
        fs.open(__filename, (error, fd) => {
          fs.read(fd, Buffer.alloc(9), (error, bytes) => {
            fs.close(fd, (error) => console.log(name, error, bytes));
          });
        });
      }
      if (process.send) work("child");
      else if (!isMainThread) work("worker");
      else {
        work("main");
        process.once("beforeExit", () => {
          new Worker(__filename).on("exit", (code) => {
            console.log("worker ended", code);
            fork(__filename).on("exit", (code) => console.log("child ended", code));
          });
        });
      }
    `,
      { timeoutMs: 60_000 },
    );
    assert.equal(preloaded.stderr, "");
  });

  it("lets a Worker leave descriptors open, as Node does", async () => {
    const { bare, preloaded } = await twins(`
      const fs = require("node:fs");
      const { Worker } = require("node:worker_threads");
      const count = () => fs.readdirSync("/proc/self/fd").length;
      const source = 'const fs = require("fs");' +
        'fs.open(process.execPath, (error, fd) => fs.open(process.execPath, ' +
        '(error, second) => fs.closeSync(second)));';
      new Worker(source, { eval: true }).on("exit", () => {
        const before = count();
        new Worker(source, { eval: true }).on("exit", () => console.log(count() - before));
      });
    `);
    assert.equal(preloaded.stderr, bare.stderr);
  });

  it("lets process.exit end it with everything in flight", async () => {
    await twins(
      `
      const fs = require("node:fs");
      const fd = fs.openSync(__filename);
      for (let i = 0; i < 100; i++) fs.read(fd, Buffer.alloc(100), () => console.log("never"));
      fs.open("/dev/zero", (error, fd) => {
        for (let i = 0; i < 10; i++) fs.read(fd, Buffer.alloc(1 << 20), () => console.log("never"));
        process.exit(7);
      });
    `.replace('console.log("never")', "0"),
    );
  });

  it("is consistent with the synchronous functions", async () => {
    await twins(`
      const fs = require("node:fs");
      fs.open("file", "w+", (error, fd) => {
        fs.write(fd, "async ", () => {
          fs.writeSync(fd, "sync ");
          fs.write(fd, "again", () => {
            console.log(fs.readFileSync("file", "utf8"), fs.fstatSync(fd).size);
            fs.closeSync(fd);
            fs.read(fd, Buffer.alloc(1), (error) => console.log(error.code));
          });
        });
      });
    `);
  });

  it("keeps to the permission model", async () => {
    await withTempDir(async (dir) => {
      const flag = process.allowedNodeEnvironmentFlags.has("--permission")
        ? "--permission"
        : "--experimental-permission";
      const source = `
        ${REPORT}
        import fs from "node:fs";
        fs.writeFile("x", "", (error) => console.log(error.code, report().active, report().reason));
      `;
      const execArgv = [flag, "--allow-fs-read=*", "--no-warnings"];
      const { stdout, stderr } = await runPreloaded(dir, source, { kind: "mjs", execArgv });
      assert.equal(stdout, "ERR_ACCESS_DENIED false the permission model is on\n", stderr);
    });
  });

  it("leaves calls to Node that a trace is to tell of", async () => {
    await withTempDir(async (dir) => {
      const source = `
        ${REPORT}
        import fs from "node:fs";
        fs.readFile(import.meta.filename, () => console.log(report().active, report().reason));
      `;
      for (const categories of ["node.fs.async", "v8,node"]) {
        const execArgv = ["--trace-event-categories", categories];
        const { stdout, stderr } = await runPreloaded(dir, source, { kind: "mjs", execArgv });
        assert.equal(stdout, "false calls of node:fs are traced\n", stderr);
      }
      const other = ["--trace-event-categories", "node.perf"];
      const { stdout, stderr } = await runPreloaded(dir, source, { kind: "mjs", execArgv: other });
      assert.equal(stdout, "true undefined\n", stderr);
    });
  });

  it("keeps a descriptor's number out of harm", async () => {
    // The callback of close comes before anybody can be given the number anew.
    await twins(`
      const fs = require("node:fs");
      let rounds = 0;
      (function next() {
        fs.open(__filename, (error, fd) => {
          if (error) throw error;
          fs.close(fd, (error) => {
            if (error) throw error;
            if (++rounds < 500) next();
            else console.log("done");
          });
        });
      })();
    `);
  });
});
