/**
 * Writes the package's programs as they are published, into `dist/lib`: each export is one file,
 * and what several share is a file of its own. A program loads five files in place of a hundred.
 *
 * What tsc compiled goes in, so this changes no line of it. Run by the build, after tsc.
 */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./bootstrap.mjs";

const COMPILED = "dist/src/";
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** By the path of the bundled file under `dist/lib`, without its ending: where its source is. */
const entryPoints = {};
for (const target of Object.values(manifest.exports)) {
  if (typeof target === "string") continue;
  const stem = target.types.replace("./", "").replace(/\.d\.ts$/, "");
  entryPoints[stem.slice(COMPILED.length)] = join(root, `${stem}.js`);
}

const outdir = join(root, "dist", "lib");
rmSync(outdir, { recursive: true, force: true });
await build({
  entryPoints,
  outdir,
  chunkNames: "shared/[hash]",
  bundle: true,
  splitting: true,
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  logLevel: "warning",
});
