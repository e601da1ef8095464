import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { probeEngine } from "../../src/engines/index.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const probed = probeEngine("posix_aio");

// HAZARDS L1, L2, B9: whatever ends an environment, glibc's threads let go of its memory first.
describe("posix_aio at the end of an environment", () => {
  const options = probed.available ? {} : { skip: probed.reason };
  const child = new URL("./posix-aio-children.js", import.meta.url);
  for (const mode of [
    "end",
    "exit",
    "exit fifo",
    "worker",
    "worker exit",
    "worker throw",
    "worker terminate",
    "worker terminate churn",
    "worker terminate fifo",
  ]) {
    it(`waits for what cannot be canceled: ${mode}`, options, () =>
      withTempDir(async (dir) => {
        writeFileSync(join(dir, "file"), Buffer.alloc(256 * 1024, "x"));
        execFileSync("mkfifo", [join(dir, "fifo")]);
        const result = await runNode(child, { args: [mode, dir], timeoutMs: 120_000 });
        assert.deepEqual(
          { code: result.code, signal: result.signal, stdout: result.stdout },
          { code: 0, signal: null, stdout: "clean\n" },
          result.stderr,
        );
      }),
    );
  }
});
