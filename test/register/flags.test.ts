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
  "--trace-sync-io",
  "--trace-uncaught",
  "--trace-warnings",
  "--unhandled-rejections=strict",
];

const PROGRAM = `
  const fs = require("node:fs");
  const note = (...values) => console.log(...values.map(String));
  // Short writes are done another way there.
  const onTmpfs = (fs.existsSync("/dev/shm") ? "/dev/shm/" : "./") + process.pid;
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
    for (let i = 0; i < 40; i++) await fs.promises.writeFile(onTmpfs, "x");
    await fs.promises.unlink(onTmpfs);
    await fs.promises.open("absent").catch(({ code }) => note("refused", code));
  }
`;

const withoutIds = (text: string) => text.replaceAll(/\(node:\d+\)/g, "(node)");

/** The warnings of calls that block, of Node's own loader too where it loads a file in the loop. */
const SYNC = /\(node\) WARNING: Detected use of sync API\n(?: {4}at .*\n)*/g;

/** Without those warnings that have no line of ours. */
function withoutNodes(text: string): string {
  const ours = new RegExp(new URL("lib/", new URL("../../", import.meta.url)).pathname);
  return text.replaceAll(SYNC, (warning) => (ours.test(warning) ? warning : "")).trim();
}

describe("a program under the preload, with flags of Node", () => {
  for (const flag of FLAGS) {
    it(`prints the same with ${flag}, and no warning of ours`, async () => {
      const { bare, preloaded } = await twins(PROGRAM, { execArgv: [flag] });
      const [found, expected] = [preloaded, bare].map(({ stderr }) => withoutIds(stderr));
      if (flag === "--trace-sync-io") assert.equal(withoutNodes(found ?? ""), "");
      else assert.equal(found, expected);
    });
  }
});
