/** Documentation as a program: docstrings on what src exports, pages whose links lead somewhere. */

import { posix } from "node:path";
import { resolveImport } from "./check-layers.ts";
import {
  type Declaration,
  declarationsOf,
  hasSentence,
  membersOf,
  reExportsOf,
} from "./lib/exports.ts";
import { readFiles, type SourceFile } from "./lib/files.ts";
import { isMain, type Problem, reportProblems } from "./lib/problem.ts";

/** Every export of one module needs a docstring that is not empty. */
export function checkDocstrings(file: SourceFile): Problem[] {
  return declarationsOf(file.text)
    .filter(({ doc }) => doc === undefined || doc === "")
    .map(({ name, line }) => ({
      path: file.path,
      line,
      message: `the export ${name} has no docstring directly above it`,
    }));
}

/** The sources behind `exports` and `bin` of package.json, such as `src/index.ts`. */
export function entryPoints(packageJson: string): string[] {
  const manifest: unknown = JSON.parse(packageJson);
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value === "string") {
      const source = /^(?:\.\/)?dist\/(?:lib|src)\/(.*?)(?:\.d\.ts|\.c?js)$/.exec(value)?.[1];
      if (source !== undefined) found.add(`src/${source}.ts`);
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(visit);
  };
  const { exports, bin } = manifest as { exports?: unknown; bin?: unknown };
  visit([exports, bin]);
  return [...found];
}

/** A declaration that a program can import, and the module that declares it. */
interface PublicDeclaration extends Declaration {
  readonly path: string;
}

/** Follows the re-exports of the entry points down to the declarations. */
export function publicDeclarations(
  entries: readonly string[],
  texts: ReadonlyMap<string, string>,
): PublicDeclaration[] {
  const found = new Map<string, PublicDeclaration>();
  const visited = new Set<string>();
  const visit = (path: string, wanted: readonly string[] | undefined): void => {
    const key = `${path} ${wanted?.join() ?? "*"}`;
    const text = texts.get(path);
    if (text === undefined || visited.has(key)) return;
    visited.add(key);
    for (const declaration of declarationsOf(text)) {
      if (wanted !== undefined && !wanted.includes(declaration.name)) continue;
      found.set(`${path} ${declaration.name}`, { ...declaration, path });
    }
    for (const { specifier, names } of reExportsOf(text)) {
      const target = specifier === undefined ? undefined : resolveImport(path, specifier);
      if (target !== undefined) visit(target, names ?? wanted);
    }
  };
  for (const entry of entries) visit(entry, undefined);
  return [...found.values()];
}

/** What a program can import needs a sentence, and so does every public method of a class. */
export function checkPublicDocs(
  entries: readonly string[],
  texts: ReadonlyMap<string, string>,
): Problem[] {
  return publicDeclarations(entries, texts).flatMap((declaration) => {
    const { path, name } = declaration;
    const members = membersOf(texts.get(path) ?? "", name).map((member) => ({
      ...member,
      name: `${name}.${member.name}`,
    }));
    // The kernel's names say after a manual page what they mean: "open(2): read only."
    const enough = path.startsWith("src/abi/") ? (doc: string) => doc.endsWith(".") : hasSentence;
    return [declaration, ...members]
      .filter(({ doc }) => doc === undefined || !enough(doc))
      .map((found) => ({
        path,
        line: found.line,
        message: `${found.name} is part of the API: its docstring needs a full sentence`,
      }));
  });
}

/** A page without its fenced code and comments, line for line. */
function proseOf(page: string): string[] {
  let fence = "";
  return page
    .replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ""))
    .split("\n")
    .map((line) => {
      const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
      if (fence === "" && mark === "") return line;
      if (fence === "") fence = mark;
      else if (mark.startsWith(fence)) fence = "";
      return "";
    });
}

/** A page has one title. */
export function checkTitle(page: SourceFile): Problem[] {
  const titles = proseOf(page.text).flatMap((line, index) =>
    /^# \S/.test(line) ? [index + 1] : [],
  );
  if (titles.length === 1) return [];
  const message = `has ${titles.length} titles: a page has exactly one line that begins with "# "`;
  return [{ path: page.path, line: titles[1] ?? 0, message }];
}

/** The anchors that a page's headings make, as the common hosts derive them. */
export function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseOf(page)) {
    const heading = /^#{1,6} +(.*?)(?: +#+)?$/.exec(line)?.[1];
    if (heading !== undefined) addAnchor(anchors, slug(heading));
    for (const [, id] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id ?? "");
  }
  return anchors;
}

function slug(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
}

/** The second heading of the same name gets a number. */
function addAnchor(anchors: Set<string>, name: string): void {
  let unique = name;
  for (let count = 1; anchors.has(unique); count++) unique = `${name}-${count}`;
  anchors.add(unique);
}

/** A link within the repository leads to a file that exists, and to a heading that it has. */
export function checkLinks(page: SourceFile, texts: ReadonlyMap<string, string>): Problem[] {
  return proseOf(page.text).flatMap((line, index) =>
    linksIn(line).flatMap((link) => {
      const message = brokenLink(page.path, link, texts);
      return message === undefined ? [] : [{ path: page.path, line: index + 1, message }];
    }),
  );
}

function linksIn(line: string): string[] {
  const prose = line.replace(/`[^`]*`/g, "``");
  const inline = prose.matchAll(/\]\(<?([^()\s<>]+(?:\([^()\s]*\)[^()\s]*)?)>?(?:\s+"[^"]*")?\)/g);
  const references = prose.matchAll(/^\s{0,3}\[[^\]^][^\]]*\]:\s+<?([^\s>]+)/g);
  return [...inline, ...references].map(([, target]) => target ?? "");
}

function brokenLink(
  from: string,
  link: string,
  texts: ReadonlyMap<string, string>,
): string | undefined {
  if (/^[a-z][a-z\d+.-]*:/i.test(link)) return undefined;
  const [target = "", anchor = ""] = link.split("#");
  const relative = posix.join(posix.dirname(from), decodeURI(target));
  const path = (target === "" ? from : relative).replace(/\/$/, "");
  const page = texts.get(path);
  if (page === undefined) {
    const isFolder = path === "." || [...texts.keys()].some((file) => file.startsWith(`${path}/`));
    return isFolder ? undefined : `the link ${link} leads nowhere`;
  }
  if (anchor === "" || !path.endsWith(".md")) return undefined;
  return anchorsOf(page).has(anchor) ? undefined : `${path} has no heading for the link ${link}`;
}

/** The pages that are met first where the package is installed. */
const PACKED_FIRST = ["README.md", "CHANGELOG.md", "SECURITY.md"];

/** The links of a packed page lead to what the package has: what `files` of package.json lists. */
export function checkPackedLinks(page: SourceFile, packageJson: string): Problem[] {
  const { files = [] } = JSON.parse(packageJson) as { files?: readonly string[] };
  const covers = (entry: string, path: string) => path === entry || path.startsWith(`${entry}/`);
  const left = files.filter((entry) => entry.startsWith("!")).map((entry) => entry.slice(1));
  const isPacked = (path: string) =>
    files.some((entry) => covers(entry, path)) && !left.some((entry) => covers(entry, path));
  return proseOf(page.text).flatMap((line, index) =>
    linksIn(line)
      .filter((link) => !/^(?:[a-z][a-z\d+.-]*:|#)/i.test(link))
      .filter((link) => !isPacked(posix.normalize(link.split("#")[0] ?? "")))
      .map((link) => ({
        path: page.path,
        line: index + 1,
        message: `the link ${link} leads nowhere in the package`,
      })),
  );
}

/** Checks the docstrings of src and every page. */
export function checkDocs(files: readonly SourceFile[]): Problem[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const sources = files.filter(({ path }) => path.startsWith("src/") && path.endsWith(".ts"));
  const pages = files.filter(({ path }) => path.endsWith(".md"));
  return [
    ...sources.flatMap(checkDocstrings),
    ...checkPublicDocs(entryPoints(texts.get("package.json") ?? "{}"), texts),
    ...pages.flatMap((page) => [...checkTitle(page), ...checkLinks(page, texts)]),
    ...pages
      .filter(({ path }) => PACKED_FIRST.includes(path))
      .flatMap((page) => checkPackedLinks(page, texts.get("package.json") ?? "{}")),
  ];
}

if (isMain(import.meta.url)) reportProblems("docs", checkDocs(readFiles()));
