/** Which kernels are booted and which tests run in them: all of it data. */

/** A kernel that the tests run on. */
export interface Kernel {
  /** The first two numbers of its version, `"6.1"`: what one names it by on the command line. */
  readonly version: string;
  /** The Debian suites that may have it; the first that does is taken. */
  readonly suites: readonly string[];
  /** What a line of this kernel shows that another does not. */
  readonly why: string;
  /** Added to the kernel's command line. */
  readonly append?: string;
  /** Run only when it is asked for by name. */
  readonly onRequest?: true;
}

/**
 * Oldest first. Debian has no kernel between 5.10 and 6.1 any more, and a suite moves on: a kernel
 * that is gone is skipped loudly.
 */
export const KERNELS: readonly Kernel[] = [
  {
    version: "5.10",
    suites: ["bullseye"],
    why: "the oldest that we promise: no EXT_ARG, no SUBMIT_ALL, no native workers",
  },
  {
    version: "6.1",
    suites: ["bookworm"],
    why: "the first with DEFER_TASKRUN; no NO_SQARRAY, no FTRUNCATE",
  },
  { version: "6.12", suites: ["trixie", "bookworm-backports"], why: "what Debian 13 runs" },
  {
    version: "6.17",
    suites: ["trixie-backports"],
    why: "the last before queries and mixed entries",
    onRequest: true,
  },
  {
    version: "7.3",
    suites: ["trixie-backports", "forky", "sid"],
    why: "the newest: opcodes and setup flags that 6.18 lacks",
  },
];

/** A warning in a kernel's log that is the kernel's own, and why we think so. */
export interface KnownWarning {
  readonly version: string;
  /** A part of its line. */
  readonly text: string;
  readonly why: string;
}

/** Such a warning is shown in the page, and does not fail the run. */
export const KNOWN_WARNINGS: readonly KnownWarning[] = [
  {
    version: "5.10",
    text: "io_ring_exit_work",
    why:
      "five minutes after a ring was closed a request of it is still referenced. Before 6.0 " +
      "there is no way to cancel everything, and the tests of proactor/ring end processes whose " +
      "rings have reads of FIFOs in flight. It comes once, 300 s after those tests.",
  },
];

/** Why a line of a kernel's log is no failure; undefined where it is one. */
export function whyKnown(version: string, line: string): string | undefined {
  return KNOWN_WARNINGS.find((one) => one.version === version && line.includes(one.text))?.why;
}

/** What a kernel is looked at with. Test files are named by the start of their path. */
export interface Selection {
  readonly path: string;
  /** Why it is not run in a guest. Without it, it is. */
  readonly leftOut?: string;
}

/**
 * The tests that say something about a kernel, in the order in which they run. The longest prefix
 * that fits a file decides; what no prefix fits does not touch the kernel and is not run.
 */
export const SELECTIONS: readonly Selection[] = [
  { path: "test/unit/abi-kernel" },
  { path: "test/unit/cached-stat" },
  { path: "test/native/" },
  { path: "test/unit/linux-aio-native" },
  { path: "test/unit/linux-aio" },
  { path: "test/unit/posix-aio" },
  { path: "test/unit/pool-native" },
  { path: "test/conformance/" },
  { path: "test/compat/" },
  { path: "test/compat/posix-aio-conformance", leftOut: "It compares a page with the assertions" },
  { path: "test/compat/ring-table", leftOut: "It compares a page with the tests" },
  { path: "test/hazards/" },
  { path: "test/lifetime/" },
  { path: "test/kernel/" },
  { path: "test/model/" },
  { path: "test/fs/out-of-room" },
  { path: "test/fs/lost-memory" },
  { path: "test/register/ending" },
];

/** How a test file fares against the selections: to run, left out with a reason, or neither. */
export function selectionOf(
  file: string,
  selections: readonly Selection[] = SELECTIONS,
): Selection | undefined {
  let best: Selection | undefined;
  for (const selection of selections) {
    if (!file.startsWith(selection.path)) continue;
    if (best === undefined || selection.path.length > best.path.length) best = selection;
  }
  return best;
}

/** The test files to run, in the order of the selections. */
export function filesToRun(
  sources: readonly string[],
  filters: readonly string[],
  selections: readonly Selection[] = SELECTIONS,
): string[] {
  const rank = (file: string): number => {
    const selection = selectionOf(file, selections);
    return selection === undefined ? -1 : selections.indexOf(selection);
  };
  return sources
    .filter((path) => /\.test\.ts$/.test(path))
    .filter((path) => selectionOf(path, selections) !== undefined)
    .filter((path) => selectionOf(path, selections)?.leftOut === undefined)
    .filter((path) => filters.length === 0 || filters.some((part) => path.includes(part)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** A program that the lab starts, and the Debian package that has it. */
export const PROGRAMS: readonly { readonly program: string; readonly package: string }[] = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "busybox", package: "busybox-static" },
  { program: "xz", package: "xz-utils" },
  { program: "zstd", package: "zstd" },
  { program: "mke2fs", package: "e2fsprogs" },
  { program: "dpkg-deb", package: "dpkg" },
];
