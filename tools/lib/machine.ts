/** What this machine is, and which engines its tests must therefore have run. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpus, release, type } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./files.ts";

/** Evidence about io_uring that does not come from the code under test. */
export interface Evidence {
  readonly platform: string;
  /** Major and minor number of the kernel. */
  readonly kernel: readonly [major: number, minor: number];
  /** `kernel.io_uring_disabled`; undefined before Linux 6.6, which has no such setting. */
  readonly ioUringDisabled: number | undefined;
  /** The mode in /proc/self/status: 0 when no filter stands before the system calls. */
  readonly seccomp: number;
  /** Whether the addon was built. */
  readonly addon: boolean;
}

/** Variables that narrow what the tests run. */
export interface Narrowing {
  readonly ENGINES?: string | undefined;
  readonly PROACTOR_ENGINE?: string | undefined;
  readonly PROACTOR_NO_NATIVE?: string | undefined;
}

const OLDEST_KERNEL = [5, 10] as const;

/**
 * The engines of which at least one test must run. An engine that its own probe wrongly calls
 * unavailable would skip all of its tests and leave everything green, so the probe is not asked.
 */
export function expectedEngines(evidence: Evidence, narrowing: Narrowing): string[] {
  const { ENGINES, PROACTOR_ENGINE, PROACTOR_NO_NATIVE } = narrowing;
  const [major, minor] = evidence.kernel;
  const kernelHasIt =
    evidence.platform === "linux" &&
    (major > OLDEST_KERNEL[0] || (major === OLDEST_KERNEL[0] && minor >= OLDEST_KERNEL[1])) &&
    (evidence.ioUringDisabled ?? 0) === 0 &&
    evidence.seccomp === 0;
  const wanted =
    (ENGINES ?? "io_uring").split(",").includes("io_uring") &&
    (PROACTOR_ENGINE ?? "io_uring") === "io_uring" &&
    (PROACTOR_NO_NATIVE ?? "") === "";
  return kernelHasIt && evidence.addon && wanted ? ["io_uring"] : [];
}

/** Collects the evidence on this machine. */
export function collectEvidence(): Evidence {
  const [major = 0, minor = 0] = release()
    .split(".")
    .map((part) => Number.parseInt(part, 10));
  const disabled = read("/proc/sys/kernel/io_uring_disabled");
  return {
    platform: process.platform,
    kernel: [major, minor],
    ioUringDisabled: disabled === undefined ? undefined : Number(disabled),
    seccomp: Number(/^Seccomp:\s*(\d)/m.exec(read("/proc/self/status") ?? "")?.[1] ?? 0),
    addon: addonsBuilt().length > 0,
  };
}

/** The folders under prebuilds that hold an addon for this platform. */
export function addonsBuilt(): string[] {
  const folder = join(ROOT, "prebuilds");
  if (!existsSync(folder)) return [];
  const own = `${process.platform}-${process.arch}`;
  return readdirSync(folder).filter(
    (name) => name.startsWith(own) && existsSync(join(folder, name, "proactor.node")),
  );
}

/** Kernel, processor and Node in one line. */
export function describeMachine(): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? "unknown processor";
  const system = `${type()} ${release()} ${process.arch}`;
  return `${system}, ${processors.length} x ${model}, Node ${process.versions.node}`;
}

/** Runs in a process of its own: an addon that crashes must not take the gate along. */
const EXPLAIN = `
const { proactor } = await import(process.argv[1]);
console.log(String(proactor.explain()));
`;

/** What the package says about its engines here, line by line. */
export function describeEngines(): string[] {
  const entry = join(ROOT, "dist", "src", "index.js");
  if (!existsSync(entry)) return ["engines: there is no dist/src/index.js"];
  const result = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", EXPLAIN, "--", pathToFileURL(entry).href],
    { encoding: "utf8", timeout: 30_000 },
  );
  const output = result.status === 0 ? result.stdout : `explain() failed: ${result.stderr}`;
  return output.trimEnd().split("\n");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
