/**
 * Debian's packages, without touching the system's own state.
 *
 * Each suite has lists of its own under the lab's folder. The mirror is the one that this system
 * uses already: apt is asked for it, so that no address is written down anywhere else.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What this machine cannot do, and what a person may do about it. */
export class LabError extends Error {
  override readonly name = "LabError";
}

/** What a program printed. Throws a {@link LabError} with its last words when it fails. */
export function output(command: string, args: readonly string[], options: OutputOptions = {}) {
  const result = spawnSync(command, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: "C", ...options.env },
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  });
  if (result.error !== undefined) throw new LabError(`${command}: ${result.error.message}`);
  if (result.status !== 0) {
    const words = (result.stderr || result.stdout).trim().split("\n").slice(-2).join("; ");
    throw new LabError(`${command} ${args.at(0) ?? ""} ended with ${result.status}: ${words}`);
  }
  return result.stdout;
}

/** Where and how a program runs. */
export interface OutputOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Whether a program is in PATH, or where the administrator's programs are. */
export function hasProgram(program: string): boolean {
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, program)));
}

/**
 * Installs Debian packages. Throws a {@link LabError} that says what to run where we may not.
 *
 * @param say Told of what takes long.
 */
export function installPackages(packages: readonly string[], say: (line: string) => void): void {
  if (packages.length === 0) return;
  const names = packages.join(" ");
  if (!hasProgram("apt-get")) {
    throw new LabError(`This system has no apt: install what Debian calls ${names}`);
  }
  if (process.getuid?.() !== 0) {
    throw new LabError(`Not root: let somebody run "apt-get install ${names}"`);
  }
  say(`Installing ${names}`);
  const args = ["install", "--yes", "--quiet", "--no-install-recommends", ...packages];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  try {
    output("apt-get", args, { env });
  } catch {
    // Lists that are missing or old are the usual reason.
    output("apt-get", ["update", "--quiet"]);
    output("apt-get", args, { env });
  }
}

/** One suite of Debian, with lists of its own. */
export class Suite {
  readonly name: string;
  readonly #folder: string;
  readonly #options: readonly string[];

  /** @param folder The lab's; every suite gets a folder in it. */
  constructor(name: string, folder: string) {
    this.name = name;
    this.#folder = join(folder, name);
    const at = (path: string) => join(this.#folder, path);
    this.#options = [
      "APT::Architecture=amd64",
      "APT::Architectures=amd64",
      // Otherwise it becomes a user who may not write here.
      "APT::Sandbox::User=root",
      "Acquire::Languages=none",
      "Acquire::Retries=2",
      `Dir::Cache=${at("cache")}`,
      "Dir::Etc::sourceparts=-",
      `Dir::Etc::sourcelist=${at("sources.list")}`,
      `Dir::State=${at("state")}`,
      `Dir::State::lists=${at("lists")}`,
      `Dir::State::status=${at("state/status")}`,
    ].flatMap((option) => ["-o", option]);
  }

  /** Fetches the lists. Throws a {@link LabError} when the mirror has no such suite. */
  update(): void {
    for (const path of ["lists/partial", "cache/archives/partial", "state"]) {
      mkdirSync(join(this.#folder, path), { recursive: true });
    }
    writeFileSync(join(this.#folder, "state/status"), "");
    const signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    const line = `deb ${signed} ${mirror()} ${this.name} main\n`;
    writeFileSync(join(this.#folder, "sources.list"), line);
    output("apt-get", [...this.#options, "update"]);
    const lists = readdirSync(join(this.#folder, "lists"));
    if (!lists.some((name) => name.endsWith("_Packages") || name.includes("_Packages."))) {
      throw new LabError(`The mirror has no suite ${this.name}`);
    }
  }

  /** The releases of the kernels that it has, newest first: `"6.1.0-50-amd64"`. */
  releases(): string[] {
    const names = output("apt-cache", [...this.#options, "pkgnames", "linux-image-"]);
    return releasesIn(names.split("\n"));
  }

  /** Downloads packages into a folder and returns the paths of the files. */
  download(packages: readonly string[], folder: string): string[] {
    mkdirSync(folder, { recursive: true });
    output("apt-get", [...this.#options, "download", ...packages], { cwd: folder });
    return readdirSync(folder)
      .filter((name) => name.endsWith(".deb"))
      .map((name) => join(folder, name));
  }

  /** The packages of a kernel: since 7.0 the image and the modules are packages of their own. */
  packagesOf(release: string): string[] {
    const image = `linux-image-${release}`;
    const depends = output("apt-cache", [...this.#options, "depends", image]);
    const others = [...depends.matchAll(/^ *Depends: (linux-\S+)$/gm)].map(([, name = ""]) => name);
    return [image, ...others.filter((name) => name.endsWith(`-${release}`))];
  }
}

/** The releases of ordinary kernels among names of packages, newest first. */
export function releasesIn(names: readonly string[]): string[] {
  // Not the real-time, cloud and debugging ones, nor those that await a signature.
  const pattern = /^linux-image-(\d+\.\d+\.\d+(?:-\d+|\+deb\w+)?-amd64)$/;
  return names
    .flatMap((name) => pattern.exec(name.trim())?.[1] ?? [])
    .sort((a, b) => compareReleases(b, a));
}

/** Orders releases by their numbers, so that 6.1.0-50 comes after 6.1.0-9. */
export function compareReleases(a: string, b: string): number {
  const numbers = (release: string) => (release.match(/\d+/g) ?? []).map(Number);
  const [x, y] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Where this system gets Debian's packages from. */
function mirror(): string {
  const targets = output("apt-get", ["indextargets", "--format", "$(REPO_URI)"]).split("\n");
  const found = [...new Set(targets)].find((uri) => /\/debian\/?$/.test(uri));
  if (found === undefined) {
    throw new LabError("apt knows no mirror of Debian (run apt-get update first)");
  }
  return found;
}
