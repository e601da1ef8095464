import { readdirSync, readlinkSync } from "node:fs";

/**
 * Every descriptor this process has open, as `"17 /path"`, in order; `length` counts them.
 *
 * Compare two lists with `deepEqual`, and the difference names what leaked. Linux only: elsewhere
 * the list is empty, so that a comparison of before and after holds trivially.
 */
export function openDescriptors(): string[] {
  const open: [fd: number, target: string][] = [];
  for (const name of namesOfDescriptors()) {
    try {
      open.push([Number(name), readlinkSync(`/proc/self/fd/${name}`)]);
    } catch {
      // The descriptor that listed the folder is closed by now.
    }
  }
  return open.sort(([a], [b]) => a - b).map(([fd, target]) => `${fd} ${target}`);
}

function namesOfDescriptors(): string[] {
  try {
    return readdirSync("/proc/self/fd");
  } catch {
    return [];
  }
}
