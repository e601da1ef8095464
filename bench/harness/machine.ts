import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";

const VULNERABILITIES = "/sys/devices/system/cpu/vulnerabilities";

/** Where numbers come from: no number is printed without it. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** File system and mount options of the test file, `"ext4 (rw,relatime)"`. */
  readonly fileSystem: string;
  /** What the kernel does against speculation, as it reports it; empty where it does not say. */
  readonly mitigations: readonly string[];
  /** Versions of the programs that were compared with. */
  readonly tools: Readonly<Record<string, string>>;
  /** Average number of runnable threads in the minute before. */
  readonly load: number;
}

/** Describes this machine as seen from a file on it. */
export function describeMachine(
  path: string,
  tools: Readonly<Record<string, string>> = {},
): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform === "linux" ? "Linux" : process.platform} ${release()}`,
    node: process.versions.node,
    fileSystem: fileSystemOf(path, readOr("/proc/self/mountinfo", "")),
    mitigations: readMitigations(),
    tools,
    load: loadavg()[0] ?? 0,
  };
}

/** The one line that stands over every table. */
export function machineLine(machine: Machine): string {
  const tools = Object.entries(machine.tools).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`,
    machine.kernel,
    `Node ${machine.node}`,
    machine.fileSystem,
    ...tools,
  ].join("; ");
}

/**
 * File system and mount options of the mount a path lies on, out of the text of
 * `/proc/self/mountinfo` (proc(5)); `"unknown file system"` without it.
 */
export function fileSystemOf(path: string, mountInfo: string): string {
  let best = { point: "", answer: "unknown file system" };
  for (const line of mountInfo.split("\n")) {
    // 36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    const [mount = "", rest = ""] = line.split(" - ");
    const [, , , , point = "", options = ""] = mount.split(" ");
    const [type = "", , superOptions = ""] = rest.split(" ");
    if (point === "" || !isBelow(path, unescapeOctal(point))) continue;
    // Of two mounts on the same point the later one hides the earlier.
    if (point.length < best.point.length) continue;
    const all = new Set([...options.split(","), ...superOptions.split(",")]);
    best = { point, answer: `${type} (${[...all].filter((o) => o !== "").join(",")})` };
  }
  return best.answer;
}

/** The version a command prints, or undefined when it is not installed. */
export function versionOf(command: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return /\d+(?:\.\d+)+/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}

function isBelow(path: string, point: string): boolean {
  return point === "/" || path === point || path.startsWith(`${point}/`);
}

function unescapeOctal(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  );
}

function readMitigations(): string[] {
  try {
    return readdirSync(VULNERABILITIES)
      .map((name) => `${name}: ${readFileSync(join(VULNERABILITIES, name), "utf8").trim()}`)
      .filter((line) => !line.endsWith(": Not affected"));
  } catch {
    return [];
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
