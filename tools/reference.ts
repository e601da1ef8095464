import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { entryPoints, publicDeclarations } from "./check-docs.ts";
import { membersOf } from "./lib/exports.ts";
import { ROOT, readFiles } from "./lib/files.ts";

/*
 * Writes the reference of an interface whose names are those of a manual: every name that can be
 * imported, and what its docstring says. `node dist/tools/reference.js` writes the pages anew.
 */

/** The pages that are written, by the subpath that a program imports. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  ring: [
    "liburing's verbs over a raw ring, in TypeScript. Names are liburing's in camel case, results",
    "are its too: a count, or a negative errno. What each opcode, flag and registration needs of",
    "the kernel stands in [io_uring](../engines/io-uring.md).",
  ],
  "posix-aio": [
    "The functions and constants of `<aio.h>`, over glibc's own threads or over any engine. They",
    "return what the manual pages say: 0 or -1, and `errno` tells why.",
  ],
};

const texts = new Map(readFiles().map(({ path, text }) => [path, text]));
const { exports } = JSON.parse(texts.get("package.json") ?? "{}") as {
  exports: Record<string, unknown>;
};

/** A docstring's first paragraph on one line. */
function summary(doc: string | undefined): string {
  const prose = (doc ?? "").split(/^@|\n\s*\n/m)[0] ?? "";
  return prose
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .replace(/\s+/g, " ")
    .trim();
}

/** Words in lines of at most 100 columns; what follows the first is indented. */
function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > 98) {
      lines.push(line);
      line = indent + word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

for (const [name, intro] of Object.entries(PAGES)) {
  const target = exports[`./${name}`];
  if (target === undefined) continue;
  const entries = entryPoints(JSON.stringify({ exports: target }));
  const declarations = publicDeclarations(entries, texts)
    .filter(({ path }) => !path.startsWith("src/abi/"))
    .sort((a, b) => a.name.localeCompare(b.name));
  const lines = [
    `# proactor/${name}`,
    "",
    ...intro,
    "",
    "Written by `tools/reference.ts` out of the",
  ];
  lines.push("docstrings. The kernel's numbers are exported under their own names, too.", "");
  for (const declaration of declarations) {
    lines.push(wrapped(`- \`${declaration.name}\`: ${summary(declaration.doc)}`, "  "));
    for (const member of membersOf(texts.get(declaration.path) ?? "", declaration.name)) {
      if (member.name.startsWith("[")) continue;
      const text = `- \`${member.name}\`: ${summary(member.doc)}`;
      lines.push(wrapped(text, "  ").replace(/^/gm, "  "));
    }
  }
  writeFileSync(join(ROOT, "docs", "api", `${name}.md`), `${lines.join("\n")}\n`);
}
