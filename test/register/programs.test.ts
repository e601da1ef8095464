import assert from "node:assert/strict";
import { cp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { road } from "../../src/fs/road.ts";
import { ROOT } from "../../tools/lib/files.ts";
import { runProgram } from "../support/child.ts";
import { PROGRAMS } from "./program-texts.ts";
import { twins } from "./support.ts";

/** Where the packages are listed, and where they are installed once. */
const LIST = join(ROOT, "test/programs");
const INSTALLED = join(ROOT, "build/programs");
const LOCK = "package-lock.json";

/** Why the packages are not there; undefined once they are. */
let missing: string | undefined = "They were not installed";

/** Installs the packages unless the same ones are there. Answers why that failed. */
async function installPackages(): Promise<string | undefined> {
  const wanted = await readFile(join(LIST, LOCK), "utf8");
  const installed = await readFile(join(INSTALLED, LOCK), "utf8").catch(() => undefined);
  if (installed === wanted) return undefined;
  const folder = `${INSTALLED}-${process.pid}`;
  await mkdir(folder, { recursive: true });
  try {
    for (const name of ["package.json", LOCK]) await cp(join(LIST, name), join(folder, name));
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const npm = await runProgram("npm", { args, cwd: folder, timeoutMs: 240_000 });
    if (npm.code !== 0) return `npm ci failed: ${npm.timedOut ? "too slow" : npm.stderr.trim()}`;
    await rm(INSTALLED, { recursive: true, force: true });
    // Another run may have been faster: its packages are the same.
    await rename(folder, INSTALLED).catch(() => undefined);
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe("programs of others under the preload", () => {
  before(async () => {
    missing = await installPackages();
  });

  for (const { name, expected, source, isRouted = true } of PROGRAMS) {
    it(name, async (t) => {
      if (missing !== undefined) {
        t.skip(missing);
        return;
      }
      await stat(join(INSTALLED, "node_modules"));
      const env = {
        NODE_PATH: join(INSTALLED, "node_modules"),
        PROACTOR_REGISTER: "all,report",
      };
      const { bare, preloaded } = await twins(source, { env, timeoutMs: 120_000 });
      if (bare.code !== 0) {
        // What a package cannot do on this Node without us, it need not do with us.
        assert.equal(preloaded.code, bare.code);
        const [why = ""] = /^FAILED .*$/m.exec(bare.stdout + bare.stderr) ?? [];
        t.skip(`This package does not run on Node ${process.versions.node}: ${why}`);
        return;
      }
      assert.equal(preloaded.code, 0, preloaded.stdout + preloaded.stderr);
      assert.match(preloaded.stdout, expected);
      // Our report comes last.
      const [said, report = ""] = preloaded.stderr.split("proactor/register: ");
      assert.equal(said, bare.stderr);
      assert.match(report, /^promises, callbacks, streams of node:fs/);
      const native = /: [1-9]\d* native/;
      if (road() !== undefined && isRouted) assert.match(report, native);
      else assert.doesNotMatch(report, native);
    });
  }
});
