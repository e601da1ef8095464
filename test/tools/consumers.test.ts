import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../../tools/lib/files.ts";
import { runProgram } from "../support/child.ts";
import { CONSUMER } from "../support/consumer.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** How a strict program of somebody's is compiled, and checked with all that it imports. */
const KINDS = [
  { module: "nodenext", resolution: "nodenext", file: "consumer.mts" },
  { module: "esnext", resolution: "bundler", file: "consumer.ts" },
  { module: "nodenext", resolution: "nodenext", file: "consumer.cts" },
  { module: "commonjs", resolution: "bundler", file: "consumer.ts" },
] as const;

describe("types for programs that import the package", () => {
  for (const { module, resolution, file } of KINDS) {
    it(`compile with module ${module}, moduleResolution ${resolution}, in a ${file}`, () =>
      withTempDir(async (dir) => {
        mkdirSync(join(dir, "node_modules"));
        symlinkSync(ROOT, join(dir, "node_modules", "proactor"));
        symlinkSync(join(ROOT, "node_modules", "@types"), join(dir, "node_modules", "@types"));
        writeFileSync(join(dir, file), CONSUMER);
        const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
        const options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--types", "node"];
        const libraries = ["--target", "es2022", "--lib", "es2023,esnext.disposable"];
        const kind = ["--module", module, "--moduleResolution", resolution];
        const args = [tsc, ...options, ...libraries, ...kind, file];
        const { code, stdout } = await runProgram(process.execPath, { args, cwd: dir });
        assert.equal(stdout, "");
        assert.equal(code, 0);
      }, "consumer"));
  }
});
