import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./files.ts";

/** A Node of another release, or why there is none. */
export type NodeRelease =
  | { readonly path: string; readonly version: string }
  | { readonly path: undefined; readonly reason: string };

/**
 * A Node of some release, installed under `build/node` from npm on first use (about 100 MB each).
 *
 * None is among the development dependencies, because only comparisons need them.
 *
 * @param release A version or tag of npm: `"22"`, `"latest"`.
 * @param say Told before anything is downloaded.
 */
export function nodeRelease(release: string, say: (line: string) => void): NodeRelease {
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const folder = join(ROOT, "build", "node", release);
  const path = join(folder, "node_modules", name, "bin", "node");
  if (!existsSync(path)) {
    say(`Installing ${name}@${release} into build/node`);
    mkdirSync(folder, { recursive: true });
    const wanted = `${name}@${release}`;
    const args = ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, wanted];
    const npm = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
    if (npm.status !== 0) {
      const words = npm.error?.message ?? npm.stderr.trim().split("\n").slice(-3).join(" ");
      return { path: undefined, reason: `npm could not install ${wanted}: ${words}` };
    }
  }
  const { stdout, status } = spawnSync(path, ["--version"], { encoding: "utf8" });
  if (status !== 0) return { path: undefined, reason: `${path} does not run here` };
  return { path, version: stdout.trim().replace(/^v/, "") };
}
