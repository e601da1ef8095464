/**
 * Writes the package as it is published, into `dist/lib`: each export is one program, one file of
 * types and one door for CommonJS, and what several share is a file of its own. A program loads six
 * files in place of a hundred.
 *
 * What tsc compiled goes in, so this changes no line of it. Run by the build, after tsc.
 */

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { rolldown } from "rolldown";
import { dts } from "rolldown-plugin-dts";
import { rollup } from "rollup";
import { root } from "./bootstrap.mjs";

const compiled = join(root, "dist", "src");
const folder = join(root, "dist", "lib");

/** The paths of the bundled files, without their ending, in `dist/lib` as in `dist/src`. */
function entryNames() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.values(exports)
    .filter((target) => typeof target === "object")
    .map((target) => target.default.replace(/^\.\/dist\/lib\/|\.js$/g, ""));
}

/**
 * By those names, the modules that they begin with.
 *
 * @param {string} ending
 */
function entries(ending) {
  return Object.fromEntries(entryNames().map((name) => [name, join(compiled, name + ending)]));
}

/** Whether nothing was compiled since the last time. */
function isFresh() {
  const made = join(folder, "index.cjs");
  if (!existsSync(made)) return false;
  const { mtimeMs } = statSync(made);
  const sources = readdirSync(compiled, { recursive: true }).map((path) => join(compiled, path));
  const inputs = [...sources, join(root, "package.json"), join(root, "tools", "bundle.mjs")];
  return inputs.every((path) => statSync(path).mtimeMs <= mtimeMs);
}

/** Has source maps lead to the TypeScript. */
const withMaps = {
  name: "maps of tsc",
  load: (path) => ({
    code: readFileSync(path, "utf8"),
    map: JSON.parse(readFileSync(`${path}.map`, "utf8")),
  }),
};

/** The default export of `proactor/fs` as it is compiled. */
const DEFAULT = "export default promises;";

/**
 * Lets the default export of `proactor/fs` name types too, as that of node:fs/promises does:
 * `fs.FileHandle`. A TypeScript module has no way to say so of an object.
 */
const withNamespace = {
  name: "a default that is a namespace",
  transform(code, path) {
    if (path !== join(compiled, "fs", "index.d.ts")) return undefined;
    if (!code.includes(DEFAULT)) throw new Error(`${path} has no line: ${DEFAULT}`);
    const types = 'import * as dropIn from "node:fs/promises";\nexport default dropIn;';
    return code.replace(DEFAULT, types);
  },
};

async function writePrograms() {
  const bundle = await rollup({
    input: entries(".js"),
    external: /^node:/,
    plugins: [withMaps],
    onLog(level, log, handle) {
      // What tsc writes for `using` looks at the top level's `this`, and can do without.
      if (log.code !== "THIS_IS_UNDEFINED") handle(level, log);
    },
  });
  await bundle.write({
    dir: folder,
    format: "es",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "shared/[name].js",
    // A `const` stays one: V8 makes it part of the code.
    generatedCode: { constBindings: true },
  });
}

async function writeTypes() {
  const bundle = await rolldown({
    cwd: root,
    input: entries(".d.ts"),
    external: /^(?:node:|fs(?:\/|$))/,
    plugins: [withNamespace, dts({ dtsInput: true, tsconfig: false })],
  });
  await bundle.write({
    dir: folder,
    format: "es",
    entryFileNames: "[name].d.ts",
    chunkFileNames: "types/[name].d.ts",
  });
  await bundle.close();
  // Helpers for programs, which types never call.
  rmSync(join(folder, "types", "rolldown-runtime.d.ts"), { force: true });
}

/**
 * Writes what `require` gets: the ES module itself, loaded by Node, so that there is one copy of
 * everything. A test runner that has a `require` of its own (jest) gives its modules stand-ins for
 * `process` and `node:module`, and no ES modules; what Node's own context has is Node's.
 */
function writeDoors() {
  for (const name of entryNames()) {
    const text = `"use strict";
const { getBuiltinModule } = require("node:vm").runInThisContext("process");
const { createRequire } = getBuiltinModule("node:module");
module.exports = createRequire(__filename)("./${basename(name)}.js");
`;
    writeFileSync(join(folder, `${name}.cjs`), text);
  }
}

if (!isFresh()) {
  rmSync(folder, { recursive: true, force: true });
  await writePrograms();
  await writeTypes();
  writeDoors();
}
