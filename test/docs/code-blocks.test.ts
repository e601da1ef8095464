import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** A fenced block of TypeScript on a page. */
interface Block {
  /** Where it begins, counted from 1. */
  readonly line: number;
  /** The example it says that it comes from. */
  readonly source: string | undefined;
  readonly code: string;
}

/** The pages that show code: the reader's own are not ours to check. */
function pages(): string[] {
  const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" });
  const found = docs.filter((path) => path.endsWith(".md")).map((path) => join("docs", path));
  return ["README.md", "ARCHITECTURE.md", ...found].filter((path) => existsSync(join(ROOT, path)));
}

/** Every block of TypeScript, with the comment in front of it that names an example. */
function blocksOf(page: string): Block[] {
  const lines = page.split("\n");
  return lines.flatMap((line, index) => {
    if (line !== "```ts") return [];
    const end = lines.indexOf("```", index);
    const source = /^<!-- (examples\/(?:[\w-]+\/)?[\w-]+\.ts) -->$/.exec(
      lines[index - 1] ?? "",
    )?.[1];
    return [{ line: index + 1, source, code: lines.slice(index + 1, end).join("\n") }];
  });
}

/** Takes away the indentation that all lines have in common, and white space around. */
function dedented(lines: readonly string[]): string {
  const widths = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  const common = Math.min(...widths);
  return lines
    .map((line) => line.slice(common))
    .join("\n")
    .trim();
}

/** Whether `code` is a run of consecutive lines of `text`, whatever its indentation. */
function isPartOf(code: string, text: string): boolean {
  const wanted = dedented(code.split("\n"));
  const lines = text.split("\n");
  const count = wanted.split("\n").length;
  return lines.some((_, i) => dedented(lines.slice(i, i + count)) === wanted);
}

describe("isPartOf", () => {
  const text = "a\n  b\n    c\nd\n";

  it("finds consecutive lines at any indentation", () => {
    assert.ok(isPartOf("b\n  c", text));
    assert.ok(isPartOf("a\n  b\n    c\nd", text));
  });

  it("misses lines that were changed, left out or put in another order", () => {
    assert.ok(!isPartOf("b\n  C", text));
    assert.ok(!isPartOf("a\n  c", text));
    assert.ok(!isPartOf("d\na", text));
  });
});

describe("code blocks of the pages", () => {
  it("are there at all", () => {
    const blocks = pages().flatMap((path) => blocksOf(readFileSync(join(ROOT, path), "utf8")));
    assert.ok(blocks.length > 0);
  });

  for (const path of pages()) {
    const blocks = blocksOf(readFileSync(join(ROOT, path), "utf8"));
    if (blocks.length === 0) continue;
    it(`${path} shows what the examples run`, () => {
      for (const { line, source, code } of blocks) {
        const place = `${path}:${line}`;
        assert.ok(source !== undefined, `${place} has no <!-- examples/… --> in front of it`);
        const example = readFileSync(join(ROOT, source), "utf8");
        assert.ok(isPartOf(code, example), `${place} is no part of ${source}`);
      }
    });
  }
});
