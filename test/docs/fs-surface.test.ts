import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { explain, road } from "../../src/fs/road.ts";
import {
  beyondRows,
  functionRows,
  methodRows,
  silent,
  surfacePage,
} from "../../tools/fs-surface.ts";
import { ROOT } from "../../tools/lib/files.ts";

describe("docs/fs.md", () => {
  it("says of every name which road it takes, and why", async () => {
    const rows = [...functionRows(), ...(await methodRows()), ...beyondRows()];
    // Without the ring everything is Node's, and nothing is said of why.
    if (road() === undefined) assert.ok(rows.every((row) => row.road !== "ring"));
    else assert.deepEqual(silent(rows), []);
  });

  const other = process.versions.node.startsWith("20.") ? undefined : "written on Node 20";
  const skip = other ?? (road() === undefined ? explain() : false);
  it("is what the code says", { skip }, async () => {
    const page = readFileSync(join(ROOT, "docs", "fs.md"), "utf8");
    assert.equal(page, await surfacePage(page), "run node dist/tools/fs-surface.js");
  });
});
