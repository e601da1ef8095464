import assert from "node:assert/strict";
import fs from "node:fs";
import * as nodePromises from "node:fs/promises";
import { describe, it } from "node:test";
import { types } from "node:util";
import * as ours from "../../src/fs/index.ts";
import { moduleUrl, runNode } from "../support/child.ts";

/** What a library can see of a function. */
function seen(value: unknown): unknown {
  if (typeof value !== "function") return typeof value;
  return {
    name: value.name,
    length: value.length,
    keys: Reflect.ownKeys(value),
    tag: Object.prototype.toString.call(value),
    constructor: value.constructor.name,
    isAsync: types.isAsyncFunction(value),
  };
}

describe("the functions of proactor/fs", () => {
  it("look as those of node:fs/promises do", () => {
    for (const [name, theirs] of Object.entries(nodePromises)) {
      if (name === "default") continue;
      const our = (ours as Record<string, unknown>)[name];
      assert.deepEqual(seen(our), seen(theirs), name);
      assert.deepEqual(seen((ours.default as never)[name]), seen(theirs), name);
    }
    assert.deepEqual(Object.keys(ours.default), Object.keys(fs.promises));
  });

  it("reject, and throw nothing, whatever they are given", async () => {
    for (const name of ["readFile", "writeFile", "open", "stat", "truncate", "rename"] as const) {
      const promise = (ours.default[name] as unknown as (...args: unknown[]) => Promise<unknown>)(
        {},
      );
      await assert.rejects(promise, { code: "ERR_INVALID_ARG_TYPE" }, name);
    }
  });
});

describe("a method that a program puts into FileHandle's prototype", () => {
  for (const [by, open] of [
    ["node:fs", fs.promises.open],
    ["proactor/fs", ours.open],
  ] as const) {
    it(`is what the streams of a handle call, opened by ${by}`, async () => {
      const handle = await open(process.execPath);
      const prototype = Object.getPrototypeOf(handle) as { read: (...args: never[]) => unknown };
      const { read } = prototype;
      let calls = 0;
      prototype.read = function (...args) {
        calls++;
        return read.apply(this, args);
      };
      try {
        for await (const _ of handle.createReadStream({ end: 99 })) calls += 1000;
      } finally {
        prototype.read = read;
      }
      assert.equal(calls, 1001);
    });
  }
});

describe("the functions of node:fs under the preload", () => {
  it("look as they did before", async () => {
    const { stdout, stderr } = await runNode(`
      import fs from "node:fs";
      import { types } from "node:util";
      import { register } from "${moduleUrl("src/register/index.ts")}";
      const seen = (value) => typeof value !== "function" ? typeof value : JSON.stringify([
        value.name, value.length, Reflect.ownKeys(value).map(String), value.constructor.name,
        Object.prototype.toString.call(value), types.isAsyncFunction(value)]);
      const all = () => [fs, fs.promises, fs.ReadStream.prototype, fs.WriteStream.prototype]
        .map((place) => Object.entries(Object.getOwnPropertyDescriptors(place))
          .map(([name, { value }]) => name + " " + seen(value)));
      const before = all();
      register();
      const after = all();
      let same = 0;
      before.forEach((place, at) => place.forEach((line, i) => {
        if (line === after[at][i]) same++;
        else console.log(line, "is now", after[at][i]);
      }));
      if (same < 100) console.log("only", same);`);
    assert.equal(stderr + stdout, "");
  });
});
