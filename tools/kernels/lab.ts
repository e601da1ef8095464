/** The lab's folder: kernels that were fetched, the tree that is tested, results of every kernel. */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { git, ROOT } from "../lib/files.ts";
import { compareReleases, LabError, output, Suite } from "./apt.ts";
import type { Kernel } from "./list.ts";
import type { KernelResult } from "./results.ts";
import { extractKernel } from "./unpack.ts";

/** Everything the lab keeps; git does not see it. */
export const LAB = join(ROOT, "build", "kernels");

/** A kernel on this disk. */
export interface FetchedKernel {
  readonly release: string;
  readonly suite: string;
  readonly vmlinux: string;
  readonly modules: string;
}

/** What a kernel's folder says of where it came from. */
interface Origin {
  readonly release: string;
  readonly suite: string;
}

/** The newest kernel of a line that was fetched before. */
export function cachedKernel(version: string, lab = LAB): FetchedKernel | undefined {
  const folder = join(lab, "images");
  if (!existsSync(folder)) return undefined;
  const found = readdirSync(folder)
    .filter((name) => name.startsWith(`${version}.`) && existsSync(join(folder, name, "origin")))
    .sort(compareReleases)
    .at(-1);
  return found === undefined ? undefined : kernelIn(join(folder, found));
}

function kernelIn(folder: string): FetchedKernel {
  const origin = JSON.parse(readFileSync(join(folder, "origin"), "utf8")) as Origin;
  return { ...origin, vmlinux: join(folder, "vmlinux"), modules: join(folder, "modules") };
}

/**
 * Fetches the newest kernel of a line. Throws a {@link LabError} that says which suites were asked
 * and why each had none.
 */
export function fetchKernel(kernel: Kernel, say: (line: string) => void, lab = LAB): FetchedKernel {
  const reasons: string[] = [];
  for (const name of kernel.suites) {
    const suite = new Suite(name, join(lab, "apt"));
    try {
      suite.update();
      const releases = suite.releases();
      const release = releases.find((one) => one.startsWith(`${kernel.version}.`));
      if (release === undefined) {
        reasons.push(`${name} has ${releases[0] ?? "no kernel"}`);
        continue;
      }
      return install(suite, release, say, lab);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      reasons.push(`${name}: ${error.message}`);
    }
  }
  throw new LabError(`no kernel ${kernel.version} could be downloaded: ${reasons.join("; ")}`);
}

function install(
  suite: Suite,
  release: string,
  say: (line: string) => void,
  lab: string,
): FetchedKernel {
  const target = join(lab, "images", release);
  if (existsSync(join(target, "origin"))) return kernelIn(target);
  const work = join(lab, `work-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  try {
    say(`Downloading ${release} from ${suite.name}`);
    for (const deb of suite.download(suite.packagesOf(release), join(work, "debs"))) {
      output("dpkg-deb", ["-x", deb, join(work, "tree")]);
    }
    extractKernel(join(work, "tree"), release, join(work, "image"));
    const origin: Origin = { release, suite: suite.name };
    writeFileSync(join(work, "image", "origin"), JSON.stringify(origin));
    mkdirSync(join(lab, "images"), { recursive: true });
    renameSync(join(work, "image"), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return kernelIn(target);
}

/** What is tested: a copy of this clone, and the commit that it was made from. */
export interface Tree {
  readonly root: string;
  /** With a plus when tracked files were changed. */
  readonly revision: string;
}

/**
 * Copies what the tests need into a folder of its own, so that somebody who compiles or commits
 * meanwhile, or who tests another kernel, does not change what is tested. It lies inside the clone:
 * packages are found from there. What runs that are over left behind is removed.
 */
export function copyTree(lab = LAB): Tree {
  const trees = join(lab, "trees");
  mkdirSync(trees, { recursive: true });
  for (const name of readdirSync(trees)) {
    if (!isRunning(Number(name))) rmSync(join(trees, name), { recursive: true, force: true });
  }
  const root = join(trees, String(process.pid));
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  for (const name of ["package.json", "dist", "prebuilds", "native", "src", "test", "examples"]) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(root, name), OPTIONS);
  }
  return { root, revision: revision() };
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

const OPTIONS = { recursive: true } as const;

/** The commit that is tested, with a plus when tracked files are changed. */
export function revision(): string {
  const commit = git(ROOT, ["rev-parse", "--short=10", "HEAD"])?.trim() ?? "unknown";
  const changed = git(ROOT, ["status", "--porcelain", "--untracked-files=no"])?.trim() ?? "";
  return changed === "" ? commit : `${commit}+`;
}

/** Keeps a result for the page. */
export function keepResult(result: KernelResult, lab = LAB): void {
  const folder = join(lab, "results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${result.version}.json`), JSON.stringify(result, undefined, 1));
}

/** The results that were kept, in the order of `versions`. */
export function keptResults(versions: readonly string[], lab = LAB): KernelResult[] {
  return versions.flatMap((version) => {
    const path = join(lab, "results", `${version}.json`);
    return existsSync(path) ? [JSON.parse(readFileSync(path, "utf8")) as KernelResult] : [];
  });
}

/** The busybox to boot with. Throws a {@link LabError} when it is not a static one. */
export function staticBusybox(): string {
  const path = ["/bin/busybox", "/usr/bin/busybox"].find((one) => existsSync(one));
  if (path === undefined) throw new LabError("There is no busybox");
  if (!isStatic(readFileSync(path))) {
    throw new LabError("busybox is linked dynamically: install busybox-static");
  }
  return path;
}

/** Whether a 64-bit ELF program runs without a loader: it has no program header PT_INTERP. */
export function isStatic(program: Buffer): boolean {
  const [PT_INTERP, E_PHOFF, E_PHENTSIZE, E_PHNUM] = [3, 32, 54, 56] as const;
  const start = Number(program.readBigUInt64LE(E_PHOFF));
  const size = program.readUInt16LE(E_PHENTSIZE);
  for (let i = 0; i < program.readUInt16LE(E_PHNUM); i++) {
    if (program.readUInt32LE(start + i * size) === PT_INTERP) return false;
  }
  return true;
}
