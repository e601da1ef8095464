import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the clone. This file runs as dist/tools/lib/files.js. */
export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** A file of the repository. */
export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const IGNORED_FOLDERS = new Set([".git", "node_modules", "dist", "prebuilds", "build"]);

/**
 * The files of the repository: tracked ones, and new ones that git does not ignore. Without git (in
 * an unpacked archive) every file outside the folders that the build writes.
 */
export function listFiles(root = ROOT): string[] {
  const listed = git(root, ["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
  const paths = listed === undefined ? walk(root, root) : listed.split("\0");
  const present = paths.filter((path) => path !== "" && isFile(join(root, path)));
  return [...new Set(present)].sort();
}

/** Reads every file of the repository. One with a zero byte is no text, and reads as empty. */
export function readFiles(root = ROOT): SourceFile[] {
  return listFiles(root).map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return { path, text: text.includes("\0") ? "" : text };
  });
}

/** Runs git in `root`. Undefined when git is absent or refuses. */
export function git(root: string, args: readonly string[], input = ""): string | undefined {
  const result = spawnSync("git", args, {
    cwd: root,
    encoding: "utf8",
    input,
    maxBuffer: 64 * 1024 * 1024,
  });
  return result.status === 0 ? result.stdout : undefined;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function walk(root: string, folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED_FOLDERS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? walk(root, path) : [relative(root, path).split(sep).join("/")];
  });
}
