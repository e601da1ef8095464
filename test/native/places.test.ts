import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { before, describe, it } from "node:test";
import { type OutputOptions, rollup } from "rollup";
import { loadNative } from "../../src/native/load.ts";
import { addonPlaces, ownFile } from "../../src/native/places.ts";
import { ROOT } from "../../tools/lib/files.ts";
import { moduleUrl, runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const SYSTEM = `${process.platform}-${process.arch}`;
const noAddon = loadNative().available ? false : "There is no addon here";
const ADDON =
  addonPlaces(ownFile(moduleUrl("src/native/load.ts")), SYSTEM).paths.find(existsSync) ?? "";

describe("addonPlaces", () => {
  const first = (file: string) => addonPlaces(file, "linux-x64", "").paths[0];
  const own = "/x/prebuilds/linux-x64/proactor.node";

  it("begins in the package, wherever in it the file is", () => {
    for (const file of ["dist/lib/index.js", "dist/lib/shared/a.js", "dist/src/native/load.js"]) {
      assert.equal(first(`/x/${file}`), own, file);
      assert.equal(addonPlaces(`/x/${file}`, "linux-x64").root, "/x");
    }
    assert.equal(first("/x/src/native/load.ts"), own);
  });

  it("begins beside a bundle, goes on as require does, and ends at the program", () => {
    const { paths, root } = addonPlaces("/x/out/app.mjs", "linux-x64", "/y/main.js");
    const folders = paths.map((path) => path.replace("/prebuilds/linux-x64/proactor.node", ""));
    assert.equal(root, undefined);
    assert.deepEqual(
      folders.filter((path) => !path.includes("musl")),
      [
        "/x/out",
        "/y",
        "/x/out/node_modules/proactor",
        "/x/node_modules/proactor",
        "/node_modules/proactor",
        "/y/node_modules/proactor",
      ],
    );
  });

  it("knows no place of a bundle that has no file", () => {
    assert.deepEqual(addonPlaces(undefined, "linux-x64", "").paths, []);
    assert.equal(ownFile("https://example.org/app.js"), undefined);
  });
});

/** What a program says of its native addon: `available`, or the reason. */
const ASKS = `
  const { availability } = proactor.explain().engines.find(({ name }) => name === "io_uring");
  const { available, reason, remedy } = availability;
  console.log(JSON.stringify({ available, reason, remedy }));`;

interface Said {
  readonly available: boolean;
  readonly reason?: string;
  readonly remedy?: string;
}

async function ask(args: readonly string[], options: { cwd?: string; env?: object } = {}) {
  const env = { PROACTOR_ENGINE: undefined, PROACTOR_NO_NATIVE: undefined, ...options.env };
  const ended = await runProgram(process.execPath, { ...options, args, env });
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(ended.stderr, "");
  return JSON.parse(ended.stdout) as Said;
}

describe("PROACTOR_ADDON", { skip: noAddon }, () => {
  const program = `import { proactor } from "${moduleUrl("src/index.ts")}"; ${ASKS}`;
  const args = ["--input-type=module", "--eval", program];
  const said = (path: string, cwd = ROOT) => ask(args, { cwd, env: { PROACTOR_ADDON: path } });

  it("names the addon by an absolute path, or by one from the working directory", async () => {
    const plain = await ask(args, { env: { PROACTOR_ADDON: undefined } });
    assert.deepEqual(await said(ADDON), plain);
    assert.deepEqual(await said(relative(dirname(ROOT), ADDON), dirname(ROOT)), plain);
  });

  it("is the reason where it names no file, or one that is no addon", async () => {
    const absent = await said("/nowhere/proactor.node");
    assert.match(String(absent.reason), /PROACTOR_ADDON names a file that is not there: \/nowhere/);
    const wrong = await said(join(ROOT, "package.json"));
    assert.match(String(wrong.reason), /could not be loaded: .*package\.json/);
    assert.match(String(wrong.remedy), /PROACTOR_ADDON/);
  });
});

describe("a bundle", { skip: noAddon }, () => {
  let plain: Said;
  before(async () => {
    const program = `import { proactor } from "${moduleUrl("src/index.ts")}"; ${ASKS}`;
    plain = await ask(["--input-type=module", "--eval", program]);
  });

  /** Bundles a program that asks, alone in a folder. */
  async function withBundle(format: "es" | "cjs", body: (file: string) => Promise<void>) {
    await withTempDir(async (dir) => {
      const input = join(dir, "input.js");
      const entry = join(ROOT, "dist", "lib", "index.js");
      writeFileSync(input, `import { proactor } from ${JSON.stringify(entry)}; ${ASKS}`);
      const file = join(dir, "out", format === "es" ? "app.mjs" : "app.cjs");
      const bundle = await rollup({ input, external: /^node:/, onLog: () => undefined });
      const output: OutputOptions = { file, format, inlineDynamicImports: true };
      await bundle.write(output);
      await body(file);
    }, "bundle");
  }

  for (const format of ["es", "cjs"] as const) {
    it(`(${format}) says that it is one, and what helps does`, () =>
      withBundle(format, async (file) => {
        const alone = await ask([file]);
        assert.match(String(alone.reason), /proactor is bundled.*there is no .*out.prebuilds/);
        assert.match(String(alone.remedy), /external.*PROACTOR_ADDON/);
        assert.deepEqual(await ask([file], { env: { PROACTOR_ADDON: ADDON } }), plain);
      }));

    it(`(${format}) finds the addon of an installed proactor, or beside itself`, () =>
      withBundle(format, async (file) => {
        const out = dirname(file);
        const folder = relative(ROOT, dirname(ADDON));
        for (const at of [join(dirname(out), "node_modules", "proactor"), out]) {
          mkdirSync(join(at, folder), { recursive: true });
          copyFileSync(ADDON, join(at, folder, "proactor.node"));
          assert.deepEqual(await ask([file]), plain);
        }
      }));
  }
});
