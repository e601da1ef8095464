import { constants } from "node:fs";

/** The flags of open, by name. */
export type OpenFlags = Readonly<Record<(typeof KNOWN)[number] | keyof typeof LINUX, number>>;

/** The flags that node:fs knows, where the system has them. */
const KNOWN = [
  "O_RDONLY",
  "O_WRONLY",
  "O_RDWR",
  "O_CREAT",
  "O_EXCL",
  "O_NOCTTY",
  "O_TRUNC",
  "O_APPEND",
  "O_NONBLOCK",
  "O_DSYNC",
  "O_SYNC",
  "O_DIRECT",
  "O_DIRECTORY",
  "O_NOFOLLOW",
  "O_NOATIME",
] as const;

/** What node:fs has no name for, in Linux' numbers, which are the same on every architecture. */
const LINUX = { O_CLOEXEC: 0o2000000, O_PATH: 0o10000000, O_TMPFILE: 0o20000000, O_ACCMODE: 3 };

/** O_CREAT of Linux. No other system that Node runs on has this number. */
const LINUX_O_CREAT = 0o100;

/** Whether the running system has Linux' numbers. */
export const IS_LINUX: boolean = constants.O_CREAT === LINUX_O_CREAT;

/**
 * The flags of open on the system whose constants these are (`fs.constants`). A flag that is not
 * known to exist there is 0: another system's number would be another flag, as Linux' O_CREAT is
 * the one that deletes the file when it is closed on Windows, and its O_APPEND is O_TRUNC on macOS.
 */
export function openFlags(system: Readonly<Record<string, number | undefined>>): OpenFlags {
  const flags: Record<string, number> = {};
  for (const name of KNOWN) flags[name] = system[name] ?? 0;
  const isLinux = flags.O_CREAT === LINUX_O_CREAT;
  for (const [name, number] of Object.entries(LINUX)) flags[name] = isLinux ? number : 0;
  // The two lowest bits say how a file is accessed, everywhere.
  flags.O_ACCMODE = LINUX.O_ACCMODE;
  if (isLinux) flags.O_TMPFILE = LINUX.O_TMPFILE | (flags.O_DIRECTORY as number);
  return flags as OpenFlags;
}
