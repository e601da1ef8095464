import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { probeEngine } from "../../src/engines/index.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const probed = probeEngine("posix_aio");

// glibc's aio_suspend looks into memory of requests that are done, and of lists that were freed.
describe("control blocks of posix_aio that are used again at once", () => {
  const options = probed.available ? {} : { skip: probed.reason };
  const child = new URL("./posix-aio-reuse-child.js", import.meta.url);
  for (const who of ["engine", "lists"]) {
    it(`are not those that a thread still waits for: ${who}`, options, () =>
      withTempDir(async (dir) => {
        const file = join(dir, "file");
        writeFileSync(file, Buffer.alloc(256 * 1024, "x"));
        const result = await runNode(child, {
          args: [file, "200000", who],
          // What was freed does not look as if it had not been.
          env: { MALLOC_PERTURB_: "165" },
          timeoutMs: 120_000,
        });
        assert.deepEqual(
          { code: result.code, signal: result.signal, stdout: result.stdout },
          { code: 0, signal: null, stdout: "clean\n" },
          result.stderr,
        );
      }),
    );
  }
});
