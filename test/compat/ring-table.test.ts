import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readFiles } from "../../tools/lib/files.ts";
import { isAtLeast } from "../../tools/lib/uring-names.ts";
import {
  checkCoverage,
  checkTables,
  coveringTests,
  drawTables,
  insertTables,
} from "../../tools/uring-table.ts";

const SECTIONS = [{ title: "Opcodes", names: [{ name: "A", kernel: "5.1" }] }];

/** The text of a test file, put together so that this file does not seem to cover anything. */
const call = (kind: string, rest: string) => `uring${kind}(${rest}, () => {});\n`;

describe("coveringTests", () => {
  it("reads names, spread lists and reasons", () => {
    const text =
      'const LIST = ["B", "C"] as const;\n' +
      call("It", '"one", ["A", ...LIST]') +
      call("It", '"two", LIST') +
      call("Refused", '"three",\n  ["D"],\n  "no such card"');
    const found = coveringTests({ path: "x.test.ts", text });
    assert.deepEqual(
      found.map(({ name, covers, reason }) => [name, covers, reason]),
      [
        ["one", ["A", "B", "C"], undefined],
        ["two", ["B", "C"], undefined],
        ["three", ["D"], "no such card"],
      ],
    );
  });
});

describe("checkCoverage", () => {
  it("misses what has no test, and what does not exist", () => {
    const test = { path: "x", name: "t", covers: ["B"], reason: undefined };
    const messages = checkCoverage(SECTIONS, [test]).map(({ message }) => message);
    assert.deepEqual(messages, [
      '"t" exercises B, which is unknown',
      "A has no test and no reason",
    ]);
    assert.deepEqual(checkCoverage(SECTIONS, [{ ...test, covers: ["A"] }]), []);
  });
});

describe("drawTables", () => {
  it("prefers a test that shows something at work", () => {
    const refused = { path: "a.test.ts", name: "no", covers: ["A"], reason: "why" };
    assert.match(drawTables(SECTIONS, [refused]), /\| A \| 5\.1 \| .*no; no more here: why \|/);
    const works = { ...refused, name: "yes", reason: undefined };
    assert.match(drawTables(SECTIONS, [refused, works]), /: yes \|/);
    assert.equal(insertTables("no markers", ""), undefined);
  });
});

describe("isAtLeast", () => {
  it("compares versions as numbers", () => {
    assert.ok(isAtLeast("6.18.44-x", "6.2") && isAtLeast("7.0", "6.19"));
    assert.ok(!isAtLeast("5.10.0-1-amd64", "5.19"));
  });
});

describe("docs/engines/io-uring.md", () => {
  it("names a test or a reason for everything, and is up to date", () => {
    assert.deepEqual(checkTables(readFiles()), []);
  });
});
