import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ChildResult, runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const BOOTSTRAP = fileURLToPath(new URL("../../../tools/bootstrap.mjs", import.meta.url));

/** Programs that stand in for the real ones: they note how they were called, and fail on request. */
const stub = (name: string) => `
  import { appendFileSync } from "node:fs";
  const args = process.argv.slice(2).filter((arg) => !arg.includes("/")).join(" ");
  appendFileSync("calls", ("${name} " + args).trim() + "\\n");
  process.exitCode = Number(process.env.${name.toUpperCase()}_EXIT ?? 0);
`;

const LOCK = {
  packages: {
    "": {},
    "node_modules/typescript": { version: "7.0.0" },
    "node_modules/typescript-win32": { version: "7.0.0", optional: true },
  },
};

/** A clone with one source, compiled, in which nothing is missing. */
function makeClone(root: string): void {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write("package.json", '{ "type": "module" }');
  write("package-lock.json", JSON.stringify(LOCK));
  const installed = { packages: { "node_modules/typescript": { version: "7.0.0" } } };
  write("node_modules/.package-lock.json", JSON.stringify(installed));
  write("node_modules/typescript/package.json", '{ "type": "module" }');
  write("node_modules/typescript/bin/tsc", stub("tsc"));
  write("tools/build-native.mjs", stub("native"));
  write("tools/bundle.mjs", stub("bundle"));
  write("npm/npm-cli.js", stub("npm"));
  write("src/a.ts", "");
  for (const ending of ["js", "js.map", "d.ts"]) write(`dist/src/a.${ending}`, "");
  write("dist/tsconfig.tsbuildinfo", "{}");
  copyFileSync(BOOTSTRAP, join(root, "tools/bootstrap.mjs"));
}

/** Bootstraps the clone and returns what ran, in order. */
async function bootstrapIn(
  root: string,
  env: Record<string, string> = {},
): Promise<{ calls: string[]; result: ChildResult }> {
  const url = pathToFileURL(join(root, "tools/bootstrap.mjs")).href;
  const result = await runNode(
    `import { bootstrap } from "${url}"; console.log(JSON.stringify(bootstrap()));`,
    { env: { npm_execpath: join(root, "npm/npm-cli.js"), ...env } },
  );
  const log = join(root, "calls");
  const calls = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
  return { calls, result };
}

describe("bootstrap", () => {
  it("installs nothing when nothing is missing", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      const { calls, result } = await bootstrapIn(root);
      assert.deepEqual(calls, ["native", "tsc -p", "bundle"]);
      assert.equal(result.stdout, '{"native":0,"types":0}\n', result.stderr);
      assert.equal(result.stderr, "");
      assert.equal(existsSync(join(root, "dist/tsconfig.tsbuildinfo")), true);
    }, "bootstrap");
  });

  it("passes on how the two builds ended", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      const { result } = await bootstrapIn(root, { NATIVE_EXIT: "3", TSC_EXIT: "2" });
      assert.equal(result.stdout, '{"native":3,"types":2}\n', result.stderr);
    }, "bootstrap");
  });

  it("bundles what compiles, and nothing else", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      const broken = await bootstrapIn(root, { TSC_EXIT: "2" });
      assert.ok(!broken.calls.includes("bundle"));
      const { result } = await bootstrapIn(root, { BUNDLE_EXIT: "4" });
      assert.equal(result.stdout, '{"native":0,"types":4}\n', result.stderr);
    }, "bootstrap");
  });

  it("installs when a version differs from the lock, without running scripts", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      const newer = JSON.stringify(LOCK).replaceAll("7.0.0", "7.0.1");
      writeFileSync(join(root, "package-lock.json"), newer);
      const { calls, result } = await bootstrapIn(root);
      assert.deepEqual(calls, [
        "npm ci --ignore-scripts --include=dev",
        "native",
        "tsc -p",
        "bundle",
      ]);
      assert.match(result.stderr, /node_modules\/typescript is not 7\.0\.1/);
    }, "bootstrap");
  });

  it("stops when installing fails", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      writeFileSync(join(root, "node_modules/.package-lock.json"), "cut off");
      const { calls, result } = await bootstrapIn(root, { NPM_EXIT: "1" });
      assert.deepEqual(calls, ["npm ci --ignore-scripts --include=dev"]);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /npm ci failed with exit code 1/);
    }, "bootstrap");
  });

  it("removes what no source makes any more, and nothing else", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      mkdirSync(join(root, "dist/test"));
      const stale = ["dist/test/gone.test.js", "dist/src/gone.d.ts", "dist/src/gone.js.map"];
      const kept = ["dist/src/a.js", "dist/src/notes.txt"];
      for (const path of [...stale, "dist/src/notes.txt"]) writeFileSync(join(root, path), "");
      await bootstrapIn(root);
      for (const path of stale) assert.equal(existsSync(join(root, path)), false, path);
      for (const path of kept) assert.equal(existsSync(join(root, path)), true, path);
    }, "bootstrap");
  });

  it("makes tsc start over when an output is missing", async () => {
    await withTempDir(async (root) => {
      makeClone(root);
      writeFileSync(join(root, "src/b.ts"), "");
      await bootstrapIn(root);
      assert.equal(existsSync(join(root, "dist/tsconfig.tsbuildinfo")), false);
    }, "bootstrap");
  });
});
