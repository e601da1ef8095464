import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PERMISSION } from "../base/permission.ts";
import type { NativeAddon } from "./addon.ts";

/** The addon, or why there is none and what to do about it. */
export type NativeAvailability =
  | { readonly available: true; readonly addon: NativeAddon }
  | {
      readonly available: false;
      readonly reason: string;
      readonly remedy: string;
      /** The system was short of something: the next call tries again. */
      readonly passing?: boolean;
    };

/** What dlopen(3) says for EMFILE, ENFILE, ENOMEM and EAGAIN, which may be over in a moment. */
const PASSING =
  /too many open files|file table overflow|cannot allocate|out of memory|failed to map segment|temporarily unavailable|no file descriptors available/i;

let loaded: NativeAvailability | undefined;

/**
 * The native addon of this environment. Loads it on the first call, never before. The answer does
 * not change afterwards, unless the system was short of descriptors or memory.
 *
 * `PROACTOR_NO_NATIVE=1` in the environment keeps it from being loaded.
 */
export function loadNative(): NativeAvailability {
  if (loaded !== undefined) return loaded;
  const answer = load();
  if (answer.available || answer.passing !== true) loaded = answer;
  return answer;
}

function load(): NativeAvailability {
  if (process.env.PROACTOR_NO_NATIVE === "1") {
    return unavailable("PROACTOR_NO_NATIVE is set to 1", "Unset PROACTOR_NO_NATIVE");
  }
  const name = `${process.platform}-${process.arch}`;
  const prebuilds = join(packageRoot(), "prebuilds");
  const names = isMusl() ? [`${name}-musl`, name] : [name];
  const paths = names.map((candidate) => join(prebuilds, candidate, "proactor.node"));
  const hidden = PERMISSION === undefined ? undefined : paths.find(isHidden);
  if (hidden !== undefined) {
    return unavailable(
      `The permission model does not allow the native addon to be read: ${hidden}`,
      `Start Node with --allow-fs-read=${dirname(hidden)}/*`,
    );
  }
  const path = paths.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    return unavailable(
      `There is no native addon for ${names[0]}`,
      "Install a C compiler and run: npm run build",
    );
  }
  try {
    return { available: true, addon: createRequire(import.meta.url)(path) as NativeAddon };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    if ((error as NodeJS.ErrnoException).code === "ERR_DLOPEN_DISABLED") {
      const flag = PERMISSION === undefined ? "without --no-addons" : "with --allow-addons";
      return unavailable(detail, `Start Node ${flag}`);
    }
    const reason = `The native addon could not be loaded: ${detail}`;
    if (PASSING.test(detail)) {
      return { available: false, reason, remedy: "Raise ulimit -n, or free memory", passing: true };
    }
    return unavailable(reason, "Run: npm run build");
  }
}

function unavailable(reason: string, remedy: string): NativeAvailability {
  return { available: false, reason, remedy };
}

/** Whether Node keeps a file from us that may be there. */
function isHidden(path: string): boolean {
  return PERMISSION?.has("fs.read", path) === false;
}

/** The folder of our package.json: above src in a clone, above dist/src when compiled. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  // Where it may not be looked for, the folder of this file says as much as any.
  const start = folder;
  while (!existsSync(join(folder, "package.json")) && folder !== dirname(folder)) {
    folder = dirname(folder);
  }
  return folder === dirname(folder) ? start : folder;
}

/** Whether the C library is musl. Its ldd is a script that says so; glibc's does not. */
function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  try {
    return readFileSync("/usr/bin/ldd", "latin1").includes("musl");
  } catch {
    return false;
  }
}
