import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { ROOT } from "../../tools/lib/files.ts";
import { runProgram } from "../support/child.ts";

interface Manifest {
  readonly gypfile: boolean;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies?: object;
  readonly optionalDependencies?: object;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;

/** npm belongs to Node, but a machine may have one without the other. */
const npm =
  process.env.npm_execpath?.endsWith("npm-cli.js") === true
    ? process.env.npm_execpath
    : join(dirname(dirname(process.execPath)), "lib/node_modules/npm/bin/npm-cli.js");
const without = existsSync(npm) ? false : "there is no npm beside this Node";

/** The files that publishing would put into the package. */
async function packedFiles(): Promise<string[]> {
  const args = [npm, "pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout, stderr } = await runProgram(process.execPath, { args, cwd: ROOT });
  const answer = JSON.parse(stdout === "" ? stderr : stdout) as object;
  // npm 12 answers with an object where older ones answer with a list.
  const [packed] = Object.values(answer) as { files: { path: string }[] }[];
  return packed?.files.map(({ path }) => path) ?? [];
}

describe("package.json", () => {
  it("installs nothing and runs nothing where the package is installed", () => {
    assert.equal(manifest.dependencies, undefined);
    assert.equal(manifest.optionalDependencies, undefined);
    for (const script of ["preinstall", "install", "postinstall"]) {
      assert.equal(manifest.scripts[script], undefined, script);
    }
    // npm builds a package by itself that has this file at its top.
    assert.equal(existsSync(join(ROOT, "binding.gyp")), false);
    assert.equal(manifest.gypfile, false);
  });

  it("exports files that the build makes, with their types", () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      const paths = typeof target === "string" ? [target] : Object.values(target);
      for (const path of paths) assert.equal(existsSync(join(ROOT, path)), true, `${name} ${path}`);
      if (name !== "./package.json") assert.equal(Object.keys(target)[0], "types", name);
    }
  });
});

/**
 * What a module exports: the names, and what its classes and functions call themselves. In a
 * process of its own, since the preload puts itself into node:fs.
 */
async function exportsOf(path: string): Promise<unknown> {
  const program = `
    const exported = await import(${JSON.stringify(pathToFileURL(join(ROOT, path)).href)});
    console.log(JSON.stringify(Object.entries(exported).map(([name, value]) => {
      return [name, typeof value, typeof value === "function" ? value.name : ""];
    })));`;
  const args = ["--input-type=module", "--eval", program];
  const { stdout, stderr } = await runProgram(process.execPath, { args, cwd: ROOT });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout);
}

describe("the bundled programs", () => {
  it("export what the sources export, under the same names", async () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      if (typeof target === "string") continue;
      const source = (target.default as string).replace("dist/lib", "dist/src");
      assert.deepEqual(await exportsOf(target.default as string), await exportsOf(source), name);
    }
  });

  it("are what require gets, too", async () => {
    const names = Object.keys(manifest.exports).filter((name) => name !== "./package.json");
    const program = `
      const { createRequire } = await import("node:module");
      const require = createRequire(${JSON.stringify(join(ROOT, "package.json"))});
      for (const name of ${JSON.stringify(names)}) {
        const path = name.replace(".", "proactor");
        const [required, imported] = [require(path), await import(path)];
        for (const key of Object.keys(imported)) {
          if (required[key] !== imported[key]) throw new Error(path + " has two " + key);
        }
      }
      console.log("once");`;
    const args = ["--no-warnings", "--input-type=module", "--eval", program];
    const { stdout, stderr } = await runProgram(process.execPath, { args, cwd: ROOT });
    assert.equal(stdout, "once\n", stderr);
  });

  it("are a few files", () => {
    const files = readdirSync(join(ROOT, "dist", "lib"), { recursive: true }).map(String);
    const programs = files.filter((path) => path.endsWith(".js"));
    assert.ok(programs.length <= 15, programs.join());
  });
});

describe("npm pack", () => {
  it("takes the compiled sources, the addons, and the pages", { skip: without }, async () => {
    const files = await packedFiles();
    assert.ok(files.includes("dist/lib/index.js"), files.join());
    assert.ok(files.includes("dist/lib/index.d.ts"), files.join());
    assert.ok(files.includes("LICENSE"));
    const strangers = files.filter(
      (path) =>
        !/^(?:dist\/lib\/|docs\/(?!decisions)[\w/-]+\.md$|prebuilds\/[\w-]+\/proactor\.node$)/.test(
          path,
        ) && !/^(?:\w+\.md|LICENSE)$/.test(path),
    );
    assert.deepEqual(strangers, ["package.json"]);
  });
});
