import * as abi from "../../abi/io-uring.ts";

/** The setup flags as a person reads them: `"SUBMIT_ALL DEFER_TASKRUN"`. */
export function describeFlags(flags: number): string {
  const prefix = "IORING_SETUP_";
  return Object.entries(abi)
    .filter(([name, value]) => name.startsWith(prefix) && ((value as number) & flags) !== 0)
    .map(([name]) => name.slice(prefix.length))
    .join(" ");
}
