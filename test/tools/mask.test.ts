// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the samples are sources

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lineAt, maskSource } from "../../tools/lib/mask.ts";

/** What stays of a source, without the blanks. */
function words(masked: string): string[] {
  return masked.split(/\W+/).filter((word) => word !== "");
}

describe("maskSource", () => {
  it("keeps every line and column", () => {
    const source = "const a = `one\n${two} three`; // four\n/* five\nsix */ b;\n";
    const { code, uncommented } = maskSource(source);
    for (const masked of [code, uncommented]) {
      assert.deepEqual(
        masked.split("\n").map((line) => line.length),
        source.split("\n").map((line) => line.length),
      );
    }
    assert.equal(code.indexOf("two"), source.indexOf("two"));
  });

  it("blanks comments and leaves strings in `uncommented`", () => {
    const { uncommented } = maskSource('a("b // no"); // c\n/* d */ e');
    assert.deepEqual(words(uncommented), ["a", "b", "no", "e"]);
  });

  it("blanks strings with escapes, and templates but not what they compute", () => {
    const { code } = maskSource('a("b\\"c") + d(\'e\') + `f ${g({ h: `i${j}` })} k` + l');
    assert.deepEqual(words(code), ["a", "d", "g", "h", "j", "l"]);
  });

  it("tells a regular expression from a division", () => {
    const { code } = maskSource('a = b / c / d; e.match(/f"[/]g/u); return /h/.test(i) / j;');
    assert.deepEqual(words(code), [
      "a",
      "b",
      "c",
      "d",
      "e",
      "match",
      "u",
      "return",
      "test",
      "i",
      "j",
    ]);
  });

  it("is not misled by a quote in a comment", () => {
    assert.deepEqual(words(maskSource("// it's\na /* don't */ + b").code), ["a", "b"]);
  });

  it("ends with the source when a literal does not", () => {
    assert.deepEqual(words(maskSource("a = `b").code), ["a"]);
    assert.deepEqual(words(maskSource("a /* b").code), ["a"]);
  });
});

describe("lineAt", () => {
  it("counts from one, and a line feed belongs to the line it ends", () => {
    const text = "a\nb\n";
    assert.deepEqual(
      [0, 1, 2, 3].map((index) => lineAt(text, index)),
      [1, 1, 2, 2],
    );
  });
});
