import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { OPERATIONS } from "../../src/core/index.ts";
import { entryPoints, publicDeclarations } from "../../tools/check-docs.ts";
import { membersOf } from "../../tools/lib/exports.ts";
import { ROOT, readFiles } from "../../tools/lib/files.ts";

describe("docs/api/proactor.md", () => {
  const page = readFileSync(join(ROOT, "docs", "api", "proactor.md"), "utf8");
  const texts = new Map(readFiles().map(({ path, text }) => [path, text]));
  const entries = entryPoints(texts.get("package.json") ?? "{}");
  const declarations = publicDeclarations(entries, texts);

  it("names everything that a program can import", () => {
    assert.ok(declarations.length > 20);
    const missing = declarations.map(({ name }) => name).filter((name) => !mentions(name));
    assert.deepEqual(missing, []);
  });

  it("names every method of what can be imported", () => {
    const members = declarations.flatMap(({ path, name }) =>
      membersOf(texts.get(path) ?? "", name).map((member) => ({ owner: name, name: member.name })),
    );
    assert.ok(members.length > 20);
    // A name in brackets is a well-known symbol, which a program does not call.
    const missing = members.filter(({ name }) => !name.startsWith("[") && !mentions(name));
    assert.deepEqual(missing, []);
  });

  it("has a row for every operation", () => {
    const names = OPERATIONS.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => !new RegExp(`^\\| \`${name}\\(`, "m").test(page)),
      [],
    );
  });

  /** Whether a name stands on the page as code. */
  function mentions(name: string): boolean {
    return new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``).test(page);
  }
});
