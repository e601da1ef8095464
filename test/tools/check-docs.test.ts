import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  anchorsOf,
  checkDocstrings,
  checkLinks,
  checkPackedLinks,
  checkPublicDocs,
  checkTitle,
  entryPoints,
  publicDeclarations,
} from "../../tools/check-docs.ts";
import { declarationsOf, hasSentence, membersOf } from "../../tools/lib/exports.ts";

function undocumented(text: string): string[] {
  return checkDocstrings({ path: "src/a.ts", text }).map(({ line, message }) => {
    return `${line} ${message.split(" ")[2]}`;
  });
}

describe("checkDocstrings", () => {
  it("catches every kind of export without a docstring", () => {
    const text = [
      "export const a = 1;",
      "export function b(): void {}",
      "export async function c(): Promise<void> {}",
      "export class D {}",
      "export abstract class E {}",
      "export interface F {}",
      "export type G = string;",
      "export function* h() {}",
      "export const { i } = a;",
    ].join("\n");
    const expected = ["1 a", "2 b", "3 c", "4 D", "5 E", "6 F", "7 G", "8 h", "9 {"];
    assert.deepEqual(undocumented(text), expected);
  });

  it("wants the docstring directly above, and with text in it", () => {
    assert.deepEqual(undocumented("/** A. */\n\nexport const a = 1;"), ["3 a"]);
    assert.deepEqual(undocumented("/** */\nexport const a = 1;"), ["2 a"]);
    assert.deepEqual(undocumented("/* A. */\nexport const a = 1;"), ["2 a"]);
    assert.deepEqual(undocumented("// A.\nexport const a = 1;"), ["2 a"]);
  });

  it("passes documented exports, re-exports, overloads and merged names", () => {
    const text = [
      "/** A. */",
      "export const A = { b: 0 } as const;",
      "export type A = (typeof A)[keyof typeof A];",
      'export { c } from "./c.ts";',
      'export type { D } from "./d.ts";',
      'export * from "./d.ts";',
      "/**",
      " * E.",
      " */",
      "// biome-ignore lint/style/noDefaultExport: said why",
      "export function e(x: string): void;",
      "export function e(x: number): void;",
      "const text = `",
      "export const f = 1;",
      "`;",
    ].join("\n");
    assert.deepEqual(undocumented(text), []);
  });
});

describe("declarationsOf", () => {
  it("takes the stars out of a docstring", () => {
    const text = "/**\n * One.\n *\n * Two.\n */\nexport const a = 1;";
    assert.deepEqual(declarationsOf(text), [{ name: "a", line: 6, doc: "One.\n\nTwo." }]);
  });
});

describe("membersOf", () => {
  const text = [
    "export class A {",
    "  readonly b: number = f(1);",
    "  /** The constructor. */",
    "  constructor(b: number) {",
    "    this.b = b;",
    "  }",
    "  /** C. */",
    "  c(): void {",
    "    if (true) f();",
    "  }",
    "  static async d<T>(x: T): Promise<void> {}",
    "  get e(): number {",
    "    return 1;",
    "  }",
    "  set e(value: number) {}",
    "  *[Symbol.iterator]() {}",
    "  #private(): void {}",
    "  private hidden(): void {}",
    "  override toString(): string {",
    '    return "";',
    "  }",
    "}",
    "  after(): void {}",
  ].join("\n");

  it("names public methods and accessors, once each", () => {
    const names = membersOf(text, "A").map(({ name, doc }) => `${name}: ${doc}`);
    const expected = ["c: C.", "d: undefined", "e: undefined", "[Symbol.iterator]: undefined"];
    assert.deepEqual(names, expected);
  });

  it("is empty for what is no class", () => {
    assert.deepEqual(membersOf("export const A = 1;", "A"), []);
  });
});

describe("hasSentence", () => {
  it("tells sentences from labels", () => {
    for (const good of [
      "Reads a file.",
      "`read` reads.",
      "Reads\na file. And more",
      "The size, in bytes (a power of two).",
      "Reads `a.b` and then:\n\n- c",
    ]) {
      assert.equal(hasSentence(good), true, good);
    }
    for (const bad of ["", "Reads", "reads a file.", "Reads a file", "@param a Is what it is."]) {
      assert.equal(hasSentence(bad), false, bad);
    }
  });
});

describe("entryPoints", () => {
  it("finds sources behind exports and bin", () => {
    const manifest = JSON.stringify({
      exports: {
        ".": { types: "./dist/src/index.d.ts", default: "./dist/lib/index.js" },
        "./fs": "./dist/src/fs/index.js",
        "./package.json": "./package.json",
      },
      bin: { proactor: "dist/src/cli/main.js" },
    });
    const expected = ["src/index.ts", "src/fs/index.ts", "src/cli/main.ts"];
    assert.deepEqual(entryPoints(manifest), expected);
  });
});

describe("checkPublicDocs", () => {
  const texts = new Map([
    ["src/index.ts", 'export { A as Public } from "./core/a.ts";\nexport * from "./core/b.ts";\n'],
    [
      "src/core/a.ts",
      "/** label */\nexport class A {\n  go(): void {}\n}\n/** x */\nexport const hidden = 1;\n",
    ],
    ["src/core/b.ts", 'export * from "./c.ts";\n/** Is documented well. */\nexport const b = 1;\n'],
    ["src/core/c.ts", 'export * from "./b.ts";\n/** c */\nexport const c = 1;\n'],
  ]);

  it("follows re-exports down to the declarations, through cycles", () => {
    const names = publicDeclarations(["src/index.ts"], texts).map(({ name }) => name);
    assert.deepEqual(names.sort(), ["A", "b", "c"]);
  });

  it("wants a sentence for each, and for the methods of a class", () => {
    const names = checkPublicDocs(["src/index.ts"], texts).map(
      ({ path, line, message }) => `${path}:${line} ${message.split(" ")[0]}`,
    );
    assert.deepEqual(names, ["src/core/a.ts:2 A", "src/core/a.ts:3 A.go", "src/core/c.ts:3 c"]);
  });

  it("lets a number of the kernel say after its manual page what it means", () => {
    const abi = (doc: string) =>
      new Map([["src/abi/a.ts", `/** ${doc} */\nexport const A = 1;\n`]]);
    assert.equal(checkPublicDocs(["src/abi/a.ts"], abi("open(2): read only.")).length, 0);
    assert.equal(checkPublicDocs(["src/abi/a.ts"], abi("open(2)")).length, 1);
  });
});

describe("checkTitle", () => {
  const titles = (text: string) => checkTitle({ path: "a.md", text }).length;

  it("wants exactly one, and does not count comments in code", () => {
    assert.equal(titles("# One\n\n## Two\n\n```sh\n# not a title\n```\n"), 0);
    assert.equal(titles("## Two\n"), 1);
    assert.equal(titles("# One\n\n# Two\n"), 1);
  });
});

describe("anchorsOf", () => {
  it("derives anchors as the hosts do", () => {
    const page = "# Why `fs`?\n## A, b & c\n## Twice\n## Twice\n## [Link](x.md)\n";
    const expected = ["why-fs", "a-b--c", "twice", "twice-1", "link"];
    assert.deepEqual([...anchorsOf(page)], expected);
  });
});

describe("checkPackedLinks", () => {
  const packageJson = JSON.stringify({ files: ["docs", "!docs/decisions", "LICENSE"] });
  const problems = (text: string) => checkPackedLinks({ path: "README.md", text }, packageJson);

  it("takes links to what is published, to headings and to other hosts", () => {
    const text = "[a](docs/a.md#b) [b](LICENSE) [c](#c) [d](https://example.org) `[e](src)`";
    assert.deepEqual(problems(text), []);
  });

  it("finds links to what is left out", () => {
    for (const link of ["examples", "docs/decisions/0001.md", "LICENSES", "src/index.ts"]) {
      assert.equal(problems(`[a](${link})`).length, 1, link);
    }
  });
});

describe("checkLinks", () => {
  const texts = new Map([
    ["README.md", "# Title\n"],
    ["docs/a.md", "# A\n"],
    ["src/x.ts", ""],
  ]);
  const broken = (path: string, text: string) =>
    checkLinks({ path, text }, new Map([...texts, [path, text]])).length;

  it("passes links to files, folders, headings and other hosts", () => {
    const text = [
      "# A",
      "[a](../README.md) [b](../README.md#title) [c](#a) [d](https://example.org/x) [e](../src/)",
      "[f]: ../src/x.ts",
      "`[g](nowhere.md)`",
      "```",
      "[h](nowhere.md)",
      "```",
    ].join("\n");
    assert.equal(broken("docs/a.md", text), 0);
  });

  it("catches what leads nowhere", () => {
    assert.equal(broken("docs/a.md", "[a](README.md)"), 1);
    assert.equal(broken("docs/a.md", "[a](../README.md#missing)"), 1);
    assert.equal(broken("docs/a.md", "[a](#missing)"), 1);
    assert.equal(broken("docs/a.md", "[a](../../elsewhere.md)"), 1);
    assert.equal(broken("docs/a.md", "[a]: nowhere.md"), 1);
    assert.equal(broken("docs/a.md", "![a](nowhere.png)"), 1);
  });
});
