import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { twins } from "./support.ts";

/** Flags that change what Node allows, warns of or checks. Each must stay silent about us. */
const FLAGS: readonly string[] = [
  "--pending-deprecation",
  "--throw-deprecation",
  "--trace-deprecation",
  "--frozen-intrinsics",
  "--disable-proto=delete",
  "--disable-proto=throw",
  "--disallow-code-generation-from-strings",
  "--enable-source-maps",
  "--force-node-api-uncaught-exceptions-policy",
  "--jitless",
  "--no-addons",
  "--preserve-symlinks",
  "--stack-trace-limit=0",
  "--trace-uncaught",
  "--trace-warnings",
  "--unhandled-rejections=strict",
];

const PROGRAM = `
  const fs = require("node:fs");
  const note = (...values) => console.log(...values.map(String));
  fs.writeFile("a", "hello", (error) => {
    note("written", error);
    fs.readFile("a", "utf8", (error, text) => {
      note("read", error, text);
      fs.stat("a", (error, { size }) => {
        note("stat", error, size);
        fs.createReadStream("a").on("data", (bytes) => note("data", bytes)).on("close", rest);
      });
    });
  });
  async function rest() {
    const handle = await fs.promises.open("a", "r+");
    note("handle", (await handle.read(Buffer.alloc(3), 0, 3, 0)).bytesRead);
    await handle.close();
    await fs.promises.appendFile("a", "x");
    note("appended", await fs.promises.readFile("a", "utf8"));
    await fs.promises.open("absent").catch(({ code }) => note("refused", code));
  }
`;

const withoutIds = (text: string) => text.replaceAll(/\(node:\d+\)/g, "(node)");

describe("a program under the preload, with flags of Node", () => {
  for (const flag of FLAGS) {
    it(`prints the same with ${flag}, and no warning of ours`, async () => {
      const { bare, preloaded } = await twins(PROGRAM, { execArgv: [flag] });
      assert.equal(withoutIds(preloaded.stderr), withoutIds(bare.stderr));
    });
  }
});
