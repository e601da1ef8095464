import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { versionOf } from "../harness/machine.ts";
import { ROOT } from "../harness/test-file.ts";

/** A Node to compare with, or why there is none. */
export type NewestNode =
  | { readonly path: string; readonly version: string }
  | { readonly path: undefined; readonly reason: string };

/**
 * The newest Node there is on npm, installed under `build/newest` on first use (about 100 MB).
 *
 * It is not among the development dependencies, because nothing but this comparison needs it.
 */
export function newestNode(say: (line: string) => void): NewestNode {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const folder = join(ROOT, "build", "newest");
  const path = join(folder, "node_modules", name, "bin", "node");
  if (!existsSync(path)) {
    say(`Installing the newest Node (${name}) into build/newest`);
    mkdirSync(folder, { recursive: true });
    const args = ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, name];
    const npm = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
    if (npm.status !== 0) {
      const words = npm.error?.message ?? npm.stderr.trim().split("\n").slice(-3).join(" ");
      return { path: undefined, reason: `npm could not install ${name}: ${words}` };
    }
  }
  const version = versionOf(path, ["--version"]);
  if (version === undefined) return { path: undefined, reason: `${path} does not run here` };
  return { path, version };
}
