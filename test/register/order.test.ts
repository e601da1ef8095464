import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { twins } from "./support.ts";

const HEAD = `
  const fs = require("node:fs");
  const events = [];
  const say = (event) => events.push(event);
  process.on("exit", () => console.log(events.join("\\n")));
  const fd = fs.openSync(__filename);
  const read = (callback) => fs.read(fd, Buffer.alloc(8), 0, 8, 0, callback);
`;

describe("when callbacks come, under the preload", () => {
  it("is after the ticks and microtasks of whoever called", async () => {
    await twins(`${HEAD}
      read(() => say("callback"));
      process.nextTick(() => say("tick"));
      queueMicrotask(() => queueMicrotask(() => say("microtask")));
      say("returned");
    `);
  });

  it("has the ticks and microtasks of one callback before the next", async () => {
    await twins(`${HEAD}
      for (let i = 0; i < 5; i++) {
        read(() => {
          say("callback");
          process.nextTick(() => { say("tick"); Promise.resolve().then(() =>
            say("microtask of the tick")); });
          Promise.resolve().then(() => say("microtask")).then(() => say("second microtask"));
        });
      }
    `);
  });

  it("has setImmediate of a callback before timers", async () => {
    await twins(`${HEAD}
      let rounds = 0;
      (function next() {
        read(() => {
          setTimeout(() => { say("timer"); if (++rounds < 20) next(); }, 0);
          setImmediate(() => say("immediate"));
          const until = performance.now() + 2;
          while (performance.now() < until);
        });
      })();
    `);
  });

  it("leaves timers and sockets their turn while callbacks ask for more", async () => {
    const { preloaded } = await twins(`
      const fs = require("node:fs");
      const fd = fs.openSync(__filename);
      let reads = 0;
      let done = false;
      const more = () => { if (!done) { reads++; fs.read(fd, Buffer.alloc(8), 0, 8, 0, more); } };
      for (let i = 0; i < 64; i++) more();
      const timer = setInterval(() => {
        if (reads <= 256) return;
        done = true;
        clearInterval(timer);
        console.log("timer");
      }, 1);
    `);
    assert.equal(preloaded.stdout, "timer\n");
  });

  it("is in the async context of the call", async () => {
    await twins(`${HEAD}
      const { AsyncLocalStorage, createHook, executionAsyncId,
        triggerAsyncId } = require("node:async_hooks");
      const storage = new AsyncLocalStorage();
      const types = new Map();
      createHook({ init(id, type, trigger) { types.set(id, [type, trigger]); } }).enable();
      for (const name of ["a", "b"]) {
        storage.run(name, () => {
          const caller = executionAsyncId();
          read(() => {
            say(name + " " + storage.getStore() + " " + types.get(executionAsyncId())[0]);
            say(String(triggerAsyncId() === caller));
            read(() => say(name + " nested " + storage.getStore()));
            setImmediate(() => say(name + " immediate " + storage.getStore()));
          });
        });
      }
      read(() => say("outside " + storage.getStore()));
      // Which of several is done first is the kernel's and the pool's business.
      process.prependListener("exit", () => events.sort());
    `);
  });
});

describe("what a callback throws, under the preload", () => {
  it("is an uncaught exception, and keeps no other callback from coming", async () => {
    const { preloaded } = await twins(`${HEAD}
      process.on("uncaughtException", (error, origin) => say(error.message + " " + origin));
      for (let i = 0; i < 4; i++) {
        read(() => {
          say("callback " + i);
          if (i % 2 === 0) throw new Error("thrown by " + i);
          process.nextTick(() => { throw new Error("thrown by tick " + i); });
        });
      }
    `);
    assert.match(preloaded.stdout, /thrown by 2/);
  });

  it("ends the program where nobody catches it", async () => {
    const { bare, preloaded } = await twins(`
      const fs = require("node:fs");
      process.on("exit", (code) => console.log("exit", code));
      fs.open(__filename, () => { throw new Error("mine"); });
    `);
    assert.equal(preloaded.code, 1);
    // All but the caret, which Node has where it was thrown, and we where the error was made.
    const firstLines = (text: string) => text.split("\n").toSpliced(2, 1).slice(0, 5).join("\n");
    assert.equal(firstLines(preloaded.stderr), firstLines(bare.stderr));
  });

  it("is caught by the domain of the call", async () => {
    const { preloaded } = await twins(`${HEAD}
      const domain = require("node:domain").create();
      const seen = [];
      domain.on("error", (error) => seen.push("domain " + error.message));
      domain.run(() => {
        read(() => { throw new Error("mine"); });
        read(() => { seen.push("inside " + (process.domain === domain)); });
      });
      read(() => { seen.push("outside " + (process.domain === domain)); });
      // Which of several threads is done first is nobody's promise.
      process.prependListener("exit", () => say(seen.sort().join()));
    `);
    assert.match(preloaded.stdout, /domain mine/);
  });

  it("is an unhandled rejection where the callback is async", async () => {
    await twins(`${HEAD}
      process.on("unhandledRejection", (error) => say("unhandled " + error.message));
      read(async () => { throw new Error("mine"); });
    `);
  });
});
