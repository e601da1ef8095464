import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PERMISSION } from "../base/permission.ts";
import type { NativeAddon } from "./addon.ts";
import { type AddonPlaces, addonPlaces, namedAddon, ownFile } from "./places.ts";

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

/** What dlopen(3) says of a file that is not there. */
const ABSENT = /no such file|cannot find module|could not be found/i;

/** What dlopen(3) says for EMFILE, ENFILE, ENOMEM and EAGAIN, which may be over in a moment. */
const PASSING =
  /too many open files|file table overflow|cannot allocate|out of memory|failed to map segment|temporarily unavailable|no file descriptors available/i;

let loaded: NativeAvailability | undefined;

/**
 * The native addon of this environment. Loads it on the first call, never before. The answer does
 * not change afterwards, unless the system was short of descriptors or memory.
 *
 * `PROACTOR_NO_NATIVE=1` in the environment keeps it from being loaded; `PROACTOR_ADDON` names the
 * file to load.
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
  const named = namedAddon();
  const system = `${process.platform}-${process.arch}`;
  const places = addonPlaces(ownFile(import.meta.url), system);
  const paths = named === undefined ? places.paths : [named];
  const hidden = paths.slice(0, 1).find(isHidden);
  if (hidden !== undefined) {
    return unavailable(
      `The permission model does not allow the native addon to be read: ${hidden}`,
      `Start Node with --allow-fs-read=${dirname(hidden)}/*`,
    );
  }
  for (const path of paths.filter((candidate) => !isHidden(candidate))) {
    try {
      return { available: true, addon: open(path) };
    } catch (error) {
      if (!isAbsent(path, error)) return whyRefused(error, named !== undefined);
    }
  }
  return whyAbsent(system, named, places);
}

/**
 * Loads the file as `require` does, which looks for it, and for links in its path, by calls that
 * block. A path that is wrong costs one openat(2) here.
 */
function open(path: string): NativeAddon {
  if (typeof process.dlopen !== "function") return createRequire(path)(path) as NativeAddon;
  const module = { exports: {} };
  process.dlopen(module, path);
  return module.exports as NativeAddon;
}

/** Whether there is no such file, by what the loader said of this path. */
function isAbsent(path: string, error: unknown): boolean {
  const detail = messageOf(error);
  // The same is said of a library that the addon needs.
  return ABSENT.test(detail) && (detail.includes(path) || !existsSync(path));
}

function whyRefused(error: unknown, named: boolean): NativeAvailability {
  const detail = messageOf(error);
  if ((error as NodeJS.ErrnoException).code === "ERR_DLOPEN_DISABLED") {
    const flag = PERMISSION === undefined ? "without --no-addons" : "with --allow-addons";
    return unavailable(detail, `Start Node ${flag}`);
  }
  const reason = `The native addon could not be loaded: ${detail}`;
  if (PASSING.test(detail)) {
    return { available: false, reason, remedy: "Raise ulimit -n, or free memory", passing: true };
  }
  const remedy = named
    ? "Have PROACTOR_ADDON name the proactor.node of this version and system"
    : "Build it in a clone with: npm run build";
  return unavailable(reason, remedy);
}

function whyAbsent(
  system: string,
  named: string | undefined,
  { paths, root }: AddonPlaces,
): NativeAvailability {
  if (named !== undefined) {
    return unavailable(
      `PROACTOR_ADDON names a file that is not there: ${named}`,
      "Correct or unset PROACTOR_ADDON",
    );
  }
  if (root === undefined || !isOurs(root)) {
    const first = paths[0] === undefined ? "" : `: there is no ${paths[0]}`;
    return unavailable(
      `proactor is bundled, and its native addon is not with the bundle${first}`,
      "Keep proactor out of the bundle (external), or set PROACTOR_ADDON to its proactor.node",
    );
  }
  return unavailable(
    `There is no native addon for ${system} in this copy of proactor`,
    "Build it in a clone with a C compiler and: npm run build",
  );
}

/** Whether a folder is that of this package: a program of somebody may have our layout. */
function isOurs(root: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
    return name === "proactor";
  } catch {
    return false;
  }
}

interface Manifest {
  readonly name?: string;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function unavailable(reason: string, remedy: string): NativeAvailability {
  return { available: false, reason, remedy };
}

/** Whether Node keeps a file from us that may be there. */
function isHidden(path: string): boolean {
  return PERMISSION?.has("fs.read", path) === false;
}
