import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { OPERATIONS } from "../../src/core/index.ts";
import { entryPoints, publicDeclarations } from "../../tools/check-docs.ts";
import { membersOf } from "../../tools/lib/exports.ts";
import { ROOT, readFiles } from "../../tools/lib/files.ts";

const texts = new Map(readFiles().map(({ path, text }) => [path, text]));

/** What can be imported: the page that describes it, and the sources behind it. */
function imports(): { page: string; entries: readonly string[] }[] {
  const { exports } = JSON.parse(texts.get("package.json") ?? "{}") as { exports: object };
  return Object.entries(exports).flatMap(([subpath, target]) => {
    const entries = entryPoints(JSON.stringify({ exports: target }));
    if (entries.length === 0) return [];
    // A subpath of a subpath, such as register/report, stands on the page of the first.
    const name = subpath === "." ? "proactor" : (subpath.split("/")[1] ?? "");
    return [{ page: `docs/api/${name}.md`, entries }];
  });
}

/** Whether a name stands on a page as code. */
function mentions(page: string, name: string): boolean {
  return new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``).test(page);
}

function read(page: string): string {
  return readFileSync(join(ROOT, page), "utf8");
}

describe("the reference", () => {
  it("has a page for proactor itself", () => {
    assert.ok(imports().some(({ page }) => page === "docs/api/proactor.md"));
  });

  for (const { page, entries } of imports()) {
    // The numbers of the kernel are too many for a page, except those of the first.
    const declarations = publicDeclarations(entries, texts).filter(
      ({ path, name }) =>
        // Names that are taken out of an object are described with that object.
        /[\w$]/.test(name) && (page === "docs/api/proactor.md" || !path.startsWith("src/abi/")),
    );

    it(`${page} names everything that a program can import`, () => {
      const text = read(page);
      // A preload hook is imported for what it does.
      assert.ok(declarations.length > 0 || page === "docs/api/register.md");
      const missing = declarations.map(({ name }) => name).filter((name) => !mentions(text, name));
      assert.deepEqual(missing, []);
    });

    it(`${page} names every method of what can be imported`, () => {
      const text = read(page);
      const names = declarations.flatMap(({ path, name }) =>
        membersOf(texts.get(path) ?? "", name).map((member) => member.name),
      );
      // A name in brackets is a well-known symbol, which a program does not call.
      const missing = names.filter((name) => !name.startsWith("[") && !mentions(text, name));
      assert.deepEqual(missing, []);
    });
  }

  it("docs/api/proactor.md has a row for every operation", () => {
    const text = read("docs/api/proactor.md");
    const names = OPERATIONS.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => !new RegExp(`^\\| \`${name}\\(`, "m").test(text)),
      [],
    );
  });
});
