/**
 * Layers as a program: imports point down, and each dangerous thing lives in one room.
 *
 * `node dist/tools/check-layers.js --write` redraws the map in ARCHITECTURE.md.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { ROOT, readFiles, type SourceFile } from "./lib/files.ts";
import { lineAt, maskSource } from "./lib/mask.ts";
import { isMain, type Problem, reportProblems } from "./lib/problem.ts";

/** A folder of src. */
interface Room {
  readonly name: string;
  /** A room may import itself and rooms of a smaller rank. */
  readonly rank: number;
  readonly holds: string;
}

const NATIVE_RANK = 2;
const RUNTIME_RANK = 7;
const ENTRY: Room = { name: "*.ts", rank: 11, holds: "what a program imports" };

/** Every room that src may have, from the top down. */
export const ROOMS: readonly Room[] = [
  ENTRY,
  { name: "cli", rank: 10, holds: "the command line" },
  { name: "inspect", rank: 10, holds: "the page" },
  { name: "register", rank: 9, holds: "the preload hook" },
  { name: "compat", rank: 9, holds: "each interface as its manual shapes it" },
  { name: "telemetry", rank: 9, holds: "counters, histograms, snapshots" },
  { name: "fs", rank: 8, holds: "drop-in for node:fs/promises" },
  { name: "net", rank: 8, holds: "drop-in for node:net" },
  { name: "runtime", rank: RUNTIME_RANK, holds: "batches, reaping, deadlines, promises" },
  { name: "engines", rank: 6, holds: "one folder per I/O model, and the choice" },
  { name: "core", rank: 5, holds: "operations, completions, the engine contract" },
  { name: "ring", rank: 4, holds: "submission and completion queues" },
  { name: "memory", rank: 3, holds: "mappings, words, buffers, leases" },
  { name: "native", rank: NATIVE_RANK, holds: "the only importer of the addon" },
  { name: "base", rank: 1, holds: "errors, limits" },
  { name: "abi", rank: 0, holds: "the kernel's numbers, names and layouts" },
];

/** Every engine, and fio's names for them. */
const ENGINE_NAMES = [
  ["io_uring", "iocp", "kqueue", "linux_aio", "memory", "posix_aio", "sync", "thread_pool"],
  ["libaio", "posixaio", "windowsaio"],
]
  .flat()
  .join("|");

/** A pattern that may not occur in a file's code, where `applies` says so. */
interface Ban {
  readonly pattern: RegExp;
  /** Whether the pattern is looked for in strings too. */
  readonly inStrings?: true;
  readonly applies: (path: string, room: Room) => boolean;
  readonly message: string;
}

const belowRuntime = (_: string, room: Room): boolean => room.rank < RUNTIME_RANK;
const outsideEngines = (_: string, room: Room): boolean =>
  room.name !== "engines" && room.name !== "native";

const BANS: readonly Ban[] = [
  {
    pattern: /\bAtomics\b/g,
    applies: (path) => path !== "src/memory/words.ts",
    message: "only src/memory/words.ts says Atomics: call loadAcquire or storeRelease",
  },
  {
    pattern: /\bsetFlagsFromString\b/g,
    applies: () => true,
    message: "no flag of V8 is changed while a program runs (record 22)",
  },
  {
    pattern: /\.node["'`]|\bdlopen\b/g,
    inStrings: true,
    applies: (_, room) => room.name !== "native",
    message: "only src/native loads the addon",
  },
  {
    pattern: /\bcreateRequire\b/g,
    applies: (_, room) => room.rank < RUNTIME_RANK && room.name !== "native",
    message: "only src/native loads the addon: createRequire belongs there",
  },
  {
    pattern: /\bnew Promise\b|(?<![.\w$])Promise\s*\./g,
    applies: belowRuntime,
    message: "nothing below runtime makes a Promise: report through the completion sink",
  },
  {
    pattern: /(?<![.\w$#])async(?=\s*\(|\s+[\w$#*[])/g,
    applies: belowRuntime,
    message: "nothing below runtime is async: report through the completion sink",
  },
  {
    pattern: /(?<![.\w$#])await\b(?!\s*[:?=,;)}])/g,
    applies: belowRuntime,
    message: "nothing below runtime awaits: report through the completion sink",
  },
  {
    pattern: /"node:(?:fs|timers|stream|dns|readline)\/promises"/g,
    inStrings: true,
    applies: belowRuntime,
    message: "nothing below runtime makes a Promise: use the callback functions",
  },
  {
    pattern:
      /\bprocess\s*\.\s*platform\b|\bos\s*\.\s*platform\b|\{[^{}]*\bplatform\b[^{}]*\}\s*=\s*process\b/g,
    applies: outsideEngines,
    message: "ask for a capability: only engines and native look at the platform",
  },
  {
    pattern: new RegExp(
      `(?:[=!]==?\\s*|\\bcase\\s+)"(?:${ENGINE_NAMES})"|"(?:${ENGINE_NAMES})"\\s*[=!]==?`,
      "g",
    ),
    inStrings: true,
    applies: outsideEngines,
    message: "ask for a capability: only engines and native compare engine names",
  },
];

/** The room of a file under src; undefined when src has no such room. */
export function roomOf(path: string): Room | undefined {
  const parts = path.split("/");
  return parts.length === 2 ? ENTRY : ROOMS.find((room) => room.name === parts[1]);
}

/** One import of a file. */
interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** What a TypeScript source imports or re-exports, statically or dynamically. */
export function importsOf(text: string): Import[] {
  const source = maskSource(text).uncommented;
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"\n]+)"/g;
  return [...source.matchAll(pattern)].map((match) => ({
    specifier: match[1] ?? "",
    line: lineAt(source, match.index),
  }));
}

/** Resolves a relative import to a path of the repository; undefined for packages. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(from), specifier);
}

/** Checks that one file of src imports only what lies below it. */
export function checkImports(file: SourceFile): Problem[] {
  const room = roomOf(file.path);
  if (room === undefined) {
    const message = "no layer for this folder: see ROOMS in tools/check-layers.ts";
    return [{ path: file.path, line: 0, message }];
  }
  return importsOf(file.text).flatMap(({ specifier, line }) => {
    const message = complaint(file.path, room, specifier);
    return message === undefined ? [] : [{ path: file.path, line, message }];
  });
}

function complaint(path: string, room: Room, specifier: string): string | undefined {
  const target = resolveImport(path, specifier);
  if (target === undefined) {
    const bundled = room.name === "cli" || room.name === "inspect";
    if (specifier.startsWith("node:") || bundled) return undefined;
    return `imports the package ${specifier}: what a program imports installs nothing`;
  }
  if (!target.startsWith("src/")) return `imports ${target}: src stands alone`;
  const other = roomOf(target);
  if (other === undefined) return undefined;
  if (other === room) return engineComplaint(path, target);
  if (other.rank < room.rank) return undefined;
  return `${room.name} imports ${other.name}: imports point down`;
}

/** Engines know the contract and not one another; the files beside their folders choose. */
function engineComplaint(path: string, target: string): string | undefined {
  const from = path.split("/");
  const to = target.split("/");
  if (from[1] !== "engines" || from.length < 4 || from[2] === to[2]) return undefined;
  if (to.length < 4) return undefined;
  return `the engine ${from[2]} imports the engine ${to[2]}: share code in a room below`;
}

/** Checks one file of src for what only other rooms may do. */
export function checkBans(file: SourceFile): Problem[] {
  const room = roomOf(file.path);
  if (room === undefined) return [];
  const masked = maskSource(file.text);
  return BANS.filter((ban) => ban.applies(file.path, room)).flatMap((ban) => {
    const text = ban.inStrings === true ? masked.uncommented : masked.code;
    return [...text.matchAll(ban.pattern)].map((match) => ({
      path: file.path,
      line: lineAt(text, match.index),
      message: ban.message,
    }));
  });
}

/** Draws the rooms that exist, from the top down, with what each imports. */
export function drawLayers(files: readonly SourceFile[]): string {
  const edges = new Map<Room, Set<Room>>();
  for (const file of files) {
    const room = roomOf(file.path);
    if (room === undefined) continue;
    const targets = edges.get(room) ?? new Set();
    edges.set(room, targets);
    for (const { specifier } of importsOf(file.text)) {
      const target = resolveImport(file.path, specifier);
      const other = target === undefined ? undefined : roomOf(target);
      if (other !== undefined && other !== room) targets.add(other);
    }
  }
  const rows = ROOMS.filter((room) => edges.has(room)).map((room) => {
    const imports = ROOMS.filter((other) => edges.get(room)?.has(other)).map(({ name }) => name);
    return row(`src/${room.name}`, room.holds, imports.join(" "));
  });
  return ["```text", row("room", "holds", "imports"), ...rows, "```"].join("\n");
}

function row(name: string, holds: string, imports: string): string {
  return `${name.padEnd(14)} ${holds.padEnd(46)} ${imports}`.trimEnd();
}

const DRAWING = /(<!-- layers -->\n)[\s\S]*?(\n<!-- \/layers -->)/;

/** Puts the drawing between its markers. Undefined when the page has no markers. */
export function insertDrawing(page: string, drawing: string): string | undefined {
  if (!DRAWING.test(page)) return undefined;
  return page.replace(DRAWING, (_, open: string, close: string) => open + drawing + close);
}

/** Checks every file of src, and the drawing in ARCHITECTURE.md. */
export function checkLayers(files: readonly SourceFile[]): Problem[] {
  const sources = files.filter(({ path }) => path.startsWith("src/") && path.endsWith(".ts"));
  const problems = sources.flatMap((file) => [...checkImports(file), ...checkBans(file)]);
  const path = "ARCHITECTURE.md";
  const page = files.find((file) => file.path === path)?.text;
  const redrawn = page === undefined ? undefined : insertDrawing(page, drawLayers(sources));
  if (redrawn === undefined) {
    problems.push({ path, line: 0, message: "has no drawing between <!-- layers --> markers" });
  } else if (redrawn !== page) {
    const message = "the drawing is out of date: run npm run layers";
    problems.push({ path, line: 0, message });
  }
  return problems;
}

/** Redraws the map in ARCHITECTURE.md. */
function writeDrawing(files: readonly SourceFile[]): void {
  const path = join(ROOT, "ARCHITECTURE.md");
  const sources = files.filter((file) => file.path.startsWith("src/"));
  const page = insertDrawing(readFileSync(path, "utf8"), drawLayers(sources));
  if (page === undefined) throw new Error(`${path} has no <!-- layers --> markers`);
  writeFileSync(path, page);
}

if (isMain(import.meta.url)) {
  if (process.argv.includes("--write")) writeDrawing(readFiles());
  reportProblems("layers", checkLayers(readFiles()));
}
