import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../../bench/harness/test-file.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const PROGRAM = new URL("../../bench/start/main.js", import.meta.url);

/** The folders of test files that a process did not remove. */
function leftoversOf(pid: number | undefined): string[] {
  const build = join(ROOT, "build");
  if (!existsSync(build)) return [];
  return readdirSync(build).filter((name) => name.startsWith(`proactor-bench-${pid}-`));
}

describe("npm start", () => {
  it("ends with a table, and with the numbers as JSON where that was asked for", () =>
    withTempDir(async (dir) => {
      const json = join(dir, "result.json");
      // A read beside hashes takes seconds, and more on a busy machine.
      const situations = ["--situations", "cached-1,cached-32"];
      const length = ["--quick", "--seconds", "6", "--rounds", "1"];
      const args = [...length, ...situations, "--json", json];
      const { code, stdout, stderr } = await runNode(PROGRAM, { args, timeoutMs: 180_000 });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^cached, depth 32$/m);
      assert.match(stdout, /^ {2}proactor, thread_pool +\d/m);
      assert.match(stdout, /^ {2}proactor, thread_pool: .*; loses to /m);
      const { rows, machine } = JSON.parse(readFileSync(json, "utf8"));
      assert.equal(machine.node, process.versions.node);
      for (const { rate, p50 } of rows) assert.ok(rate.median > 0 && p50 > 0);
    }));

  it("explains itself and refuses options it does not have", async () => {
    const help = await runNode(PROGRAM, { args: ["--help"] });
    assert.match(help.stdout, /--json \[FILE\]/);
    const wrong = await runNode(PROGRAM, { args: ["--rounds", "0"] });
    assert.equal(wrong.code, 1);
    assert.equal(wrong.stderr, "--rounds must be a whole number from 1 to 1000: 0\n");
  });

  it("cleans up when it is interrupted", async () => {
    const child = spawn(process.execPath, [PROGRAM.pathname, "--quick"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    for await (const chunk of child.stderr) {
      said += chunk;
      if (!child.killed && said.includes("round 1")) child.kill("SIGINT");
    }
    if (child.exitCode === null) await once(child, "exit");
    assert.equal(child.exitCode, 130);
    assert.match(said, /Interrupted: the test file is removed/);
    assert.deepEqual(leftoversOf(child.pid), []);
  });
});
