import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { entryPoints, publicDeclarations } from "./check-docs.ts";
import { type Declaration, membersOf, parentOf } from "./lib/exports.ts";
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
    "",
    "A request is prepared (`getSqe`, a `prep…`, `sqeSetData`) and handed over (`submit`). Its",
    "completion is looked at and given back: `waitCqe` and `cqeSeen` for one, `forEachCqe` and",
    "`cqAdvance` for all that are there. `forEachCqe` gives none back. `watchCompletions` calls",
    "back from the event loop. [An echo server](../../examples/ring-echo.ts) shows multishot",
    "accept and receive, provided buffers and the watch in 60 lines.",
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

/** The members of a class with those it inherits, its own first; each name once. */
function allMembersOf(path: string, className: string): Declaration[] {
  const folder = dirname(path);
  const found = new Map<string, Declaration>();
  let file: string | undefined = path;
  let name: string | undefined = className;
  while (file !== undefined && name !== undefined) {
    const text: string = texts.get(file) ?? "";
    for (const member of membersOf(text, name)) {
      if (!found.has(member.name)) found.set(member.name, member);
    }
    const parent = parentOf(text, name);
    // A parent stands in a file of the same room.
    file = [...texts.keys()].find(
      (each) =>
        parent !== undefined &&
        dirname(each) === folder &&
        new RegExp(`^export (?:abstract )?class ${parent}\\b`, "m").test(texts.get(each) ?? ""),
    );
    name = parent;
  }
  return [...found.values()];
}

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
    for (const member of allMembersOf(declaration.path, declaration.name)) {
      if (member.name.startsWith("[")) continue;
      const text = `- \`${member.name}\`: ${summary(member.doc)}`;
      lines.push(wrapped(text, "  ").replace(/^/gm, "  "));
    }
  }
  writeFileSync(join(ROOT, "docs", "api", `${name}.md`), `${lines.join("\n")}\n`);
}
