import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { conformancePage } from "../../tools/conformance.ts";
import { ROOT } from "../../tools/lib/files.ts";
import { ASSERTIONS } from "./posix-aio/assertions.ts";

describe("docs/conformance.md", () => {
  it("has a line for every assertion, and none that failed", () => {
    const page = readFileSync(join(ROOT, "docs", "conformance.md"), "utf8");
    for (const { id, says } of ASSERTIONS) assert.ok(page.includes(`| ${id} | ${says} |`), id);
    assert.doesNotMatch(page, /\| fail \|/);
  });

  it("numbers its notes, each once, and counts", () => {
    const observed = {};
    const page = conformancePage(
      ["glibc", "io_uring"],
      [
        {
          id: "a 1",
          says: "x",
          verdicts: [
            { kind: "recorded deviation", observed, why: "why" },
            { kind: "pass", observed },
          ],
        },
        {
          id: "a 2",
          says: "y",
          verdicts: [
            { kind: "not applicable", why: "why" },
            { kind: "fail", observed, expected: observed },
          ],
        },
      ],
      "machine",
    );
    assert.ok(page.includes("| a 1 | x | recorded deviation (1) | pass |"), page);
    assert.ok(page.includes("| a 2 | y | not applicable (1) | fail |"), page);
    assert.ok(page.includes("- over io_uring: pass 1, fail 1"), page);
    assert.ok(page.endsWith("## Notes\n\n1. why\n"), page);
  });
});
