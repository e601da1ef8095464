import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countsIn, FOLDERS, parseRuntimes, RELEASES } from "../../tools/test-runtimes.ts";

describe("parseRuntimes", () => {
  it("asks for every release and every folder unless told", () => {
    assert.deepEqual(parseRuntimes([]), { releases: RELEASES, filters: FOLDERS, here: false });
  });

  it("takes releases and parts of paths", () => {
    const options = parseRuntimes(["22", "--only=test/fs/", "26"]);
    assert.deepEqual(options, { releases: ["22", "26"], filters: ["test/fs/"], here: false });
  });
});

describe("countsIn", () => {
  it("reads the last summary", () => {
    const summary = "ℹ tests 12\nℹ suites 3\nℹ pass 9\nℹ fail 1\nℹ cancelled 0\nℹ skipped 2\n";
    const output = `ℹ tests 1\n${summary}`;
    assert.deepEqual(countsIn(output), { tests: 12, pass: 9, fail: 1, skipped: 2 });
  });

  it("counts nothing where there is no summary", () => {
    assert.deepEqual(countsIn("Killed"), { tests: 0, pass: 0, fail: 0, skipped: 0 });
  });
});
