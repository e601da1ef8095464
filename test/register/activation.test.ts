import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPreloaded, namesIn, wordsOf } from "../../src/register/preloaded.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { runPreloaded } from "./support.ts";

const REGISTER = import.meta.resolve("proactor/register");
const ASK = import.meta.resolve("proactor/register/report");

/** Runs an ES module without our preload; it prints whether fs.readFile was replaced. */
async function run(source: string, options: { execArgv?: string[]; nodeOptions?: string } = {}) {
  const { execArgv = [], nodeOptions } = options;
  return withTempDir(async (dir) => {
    const { stdout, stderr } = await runPreloaded(
      dir,
      `import fs from "node:fs"; const before = fs.readFile; ${source}
       console.log(fs.readFile === before);`,
      { kind: "mjs", preload: false, execArgv, env: { NODE_OPTIONS: nodeOptions } },
    );
    assert.equal(stderr, "");
    return stdout.trim().split("\n");
  }, "activation");
}

describe("an import of proactor/register", () => {
  it("routes nothing when no flag preloads it", async () => {
    const said = await run(`const { report } = await import("${REGISTER}");
      console.log(report().active, report().reason.includes("--import"));`);
    assert.deepEqual(said, ["false true", "true"]);
  });

  it("routes nothing when a flag preloads another module", async () => {
    const execArgv = ["--import", "data:text/javascript,0"];
    assert.deepEqual(await run(`await import("${REGISTER}");`, { execArgv }), ["true"]);
  });

  it("routes node:fs when NODE_OPTIONS preloads it", async () => {
    const source = `const { report } = await import("${ASK}"); console.log(report().active);`;
    const nodeOptions = `--no-warnings --import="${REGISTER}"`;
    assert.deepEqual(await run(source, { nodeOptions }), ["true", "true"]);
  });
});

describe("register()", () => {
  it("routes node:fs, once", async () => {
    const said = await run(`const { register } = await import("${REGISTER}");
      console.log(register().active); const after = fs.readFile; register();
      console.log(fs.readFile === after);`);
    assert.deepEqual(said, ["true", "true", "false"]);
  });
});

describe("an import of proactor/register/report", () => {
  it("routes nothing", async () => {
    const said = await run(`const { report } = await import("${ASK}");
      console.log(report().active, report().parts.length);`);
    assert.deepEqual(said, ["false 0", "true"]);
  });
});

describe("namesIn", () => {
  it("finds the value behind a flag and in it", () => {
    const words = [
      "--import",
      "a",
      "--import=b",
      "-r",
      "c",
      "--require=d",
      "--title=--import",
      "-r",
    ];
    assert.deepEqual(namesIn(words), ["a", "b", "c", "d"]);
  });
});

describe("wordsOf", () => {
  it("splits at spaces that stand outside of quotes", () => {
    assert.deepEqual(wordsOf('--import "./a b.js" --require="c\\"d"  -r e'), [
      "--import",
      "./a b.js",
      '--require=c"d',
      "-r",
      "e",
    ]);
    assert.deepEqual(wordsOf(""), []);
  });
});

describe("isPreloaded", () => {
  it("is false for a module that no flag names", () => {
    assert.equal(isPreloaded(import.meta.url), false);
  });
});
