import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { RandomBlocks } from "../../bench/harness/random.ts";
import { compileReference } from "../../bench/reference/compile.ts";
import { runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const compiler = spawnSync(process.env.CC ?? "cc", ["--version"]);
const noCompiler = compiler.status === 0 ? false : "there is no C compiler here";

describe("the C references", () => {
  it("draw the same offsets as RandomBlocks", { skip: noCompiler }, () =>
    withTempDir(async (dir) => {
      const program = compileReference("offsets", dir);
      assert.equal(program, join(dir, "offsets"));
      for (const [seed, blocks] of [
        [1, 65_536],
        [0xdead_beef, 2 ** 21],
        [77, 1000],
      ] as const) {
        const args = [`seed=${seed}`, `blocks=${blocks}`, "count=1000"];
        const { stdout } = await runProgram(program, { args });
        const random = new RandomBlocks(blocks, seed);
        const ours = Array.from({ length: 1000 }, () => random.next());
        assert.deepEqual(stdout.trim().split("\n").map(Number), ours);
      }
    }),
  );
});
