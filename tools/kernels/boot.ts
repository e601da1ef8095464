/** Boots one guest under software emulation, waits for its end, and reads what it wrote. */

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { output } from "./apt.ts";
import { type Job, type Line, parseLines } from "./results.ts";

/** Bytes of the guest's disk. Sparse: what is not written costs nothing. */
const DISK_BYTES = 6 * 1024 ** 3;

/** What every kernel of ours can mount; newer mke2fs would add more. */
const DISK_FEATURES =
  "none,has_journal,extent,dir_index,filetype,sparse_super,large_file,huge_file,extra_isize," +
  "64bit,flex_bg";

/** What a guest is made of. */
export interface Guest {
  readonly vmlinux: string;
  readonly initrd: Buffer;
  /** Where the guest writes: emptied first. */
  readonly share: string;
  readonly job: Job;
  /** Variables that the tests get. */
  readonly env: Readonly<Record<string, string>>;
  /** Added to the kernel's command line. */
  readonly append: string;
  readonly processors: number;
  readonly memoryMiB: number;
  /** The guest is ended after this long. */
  readonly limitMs: number;
  /** Told of every line that the guest prints. */
  readonly onLine: (line: string) => void;
}

/** How it went. */
export interface Boot {
  readonly lines: readonly Line[];
  readonly seconds: number;
  /** How the guest ended, when not by itself. */
  readonly trouble: string | undefined;
}

/** Guests that run, to be ended when we are. */
const running = new Set<ChildProcess>();

/** Ends every guest. */
export function endGuests(): void {
  for (const child of running) child.kill("SIGKILL");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The script that the guest's init starts. */
export function jobScript(job: Job, env: Readonly<Record<string, string>>): string {
  const variables = {
    PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    TMPDIR: "/lab/disk",
    PROACTOR_TEST_DIR: "/lab/disk",
    ...env,
  };
  const program = join(job.root, "dist/tools/kernels/guest.js");
  return [
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `cd ${quoted(job.root)}`,
    `exec ${quoted(process.execPath)} ${quoted(program)} /lab/share/job.json`,
    "",
  ].join("\n");
}

/** On a machine that is busy, a guest that checks its timer against interrupts finds it broken. */
const CONSOLE = "console=ttyS0 quiet panic=-1 loglevel=3 no_timer_check";

/** qemu's arguments for a guest. */
export function qemuArguments(guest: Guest, initrd: string, disk: string): string[] {
  const shared = (path: string, tag: string, more: string) =>
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${more}`;
  return [
    ["-accel", "tcg,thread=multi", "-cpu", "max"],
    ["-smp", String(guest.processors), "-m", String(guest.memoryMiB)],
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"],
    ["-kernel", guest.vmlinux, "-initrd", initrd],
    ["-append", `${CONSOLE} ${guest.append}`.trim()],
    ["-virtfs", shared("/", "hostroot", ",readonly=on")],
    ["-virtfs", shared(guest.share, "share", "")],
    ["-drive", `file=${disk},if=virtio,format=raw,cache=unsafe`],
  ].flat();
}

/** Boots the guest. Resolves when it is off, whatever came of it. */
export async function boot(guest: Guest): Promise<Boot> {
  const { share, job } = guest;
  rmSync(share, { recursive: true, force: true });
  mkdirSync(share, { recursive: true });
  writeFileSync(join(share, "job.json"), JSON.stringify(job));
  writeFileSync(join(share, "job.sh"), jobScript(job, guest.env));
  const initrd = `${share}.initrd`;
  const disk = `${share}.disk`;
  writeFileSync(initrd, guest.initrd);
  try {
    makeDisk(disk);
    return await runQemu(guest, qemuArguments(guest, initrd, disk));
  } finally {
    for (const path of [initrd, disk]) rmSync(path, { force: true });
  }
}

function makeDisk(path: string): void {
  rmSync(path, { force: true });
  const size = `${DISK_BYTES / 1024}k`;
  const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  output("mke2fs", ["-q", "-t", "ext4", "-F", "-O", DISK_FEATURES, path, size], { env });
}

async function runQemu(guest: Guest, args: readonly string[]): Promise<Boot> {
  const start = performance.now();
  const console = openSync(`${guest.share}.console`, "w");
  const child = spawn("qemu-system-x86_64", args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let trouble: string | undefined;
  const timer = setTimeout(() => {
    trouble = `ended after ${Math.round(guest.limitMs / 60_000)} minutes, the limit`;
    child.kill("SIGKILL");
  }, guest.limitMs);
  let words = "";
  child.stderr.on("data", (data: Buffer) => {
    words += data.toString();
  });
  let rest = "";
  child.stdout.on("data", (data: Buffer) => {
    writeFileSync(console, data);
    const lines = (rest + data.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) guest.onLine(line.trimEnd());
  });
  const code = await new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => {
      words = error.message;
      resolve(1);
    });
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  clearTimeout(timer);
  running.delete(child);
  closeSync(console);
  const lines = readLines(join(guest.share, "results.jsonl"));
  if (trouble === undefined && code !== 0) trouble = `qemu ended with ${code}: ${words.trim()}`;
  if (trouble === undefined && !lines.some(({ kind }) => kind === "end")) {
    trouble = "the guest went off before the end of its job";
  }
  return { lines, seconds: Math.round((performance.now() - start) / 1000), trouble };
}

function readLines(path: string): Line[] {
  try {
    return parseLines(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}
