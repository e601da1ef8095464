/**
 * Writes the package's programs as they are published, into `dist/lib`: each export is one file,
 * and what several share is a file of its own. A program loads six files in place of a hundred.
 *
 * What tsc compiled goes in, so this changes no line of it. Run by the build, after tsc.
 */

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { rollup } from "rollup";
import { root } from "./bootstrap.mjs";

const compiled = join(root, "dist", "src");
const folder = join(root, "dist", "lib");

/** By the path of the bundled file, without its ending: the module that it begins with. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const modules = Object.values(exports)
    .filter((target) => typeof target === "object")
    .map(({ types }) => join(root, types.replace(/\.d\.ts$/, ".js")));
  return Object.fromEntries(modules.map((path) => [relative(compiled, path).slice(0, -3), path]));
}

/** Whether nothing was compiled since the last time. */
function isFresh() {
  const made = join(folder, "index.js");
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

if (!isFresh()) {
  const bundle = await rollup({
    input: entries(),
    external: /^node:/,
    plugins: [withMaps],
    onLog(level, log, handle) {
      // What tsc writes for `using` looks at the top level's `this`, and can do without.
      if (log.code !== "THIS_IS_UNDEFINED") handle(level, log);
    },
  });
  rmSync(folder, { recursive: true, force: true });
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
