/** Where the native addon may be, by the place of this file: installed, in a clone, or bundled. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The layouts of this file: compiled, published, or run as TypeScript. */
const LAYOUT = /^(.*)[\\/](?:dist[\\/](?:lib|src)|(?<!dist[\\/])src[\\/]native)(?:[\\/][^\\/]+)+$/;

/** A bundle in the format of CommonJS has this in place of `import.meta.url`. */
declare const __filename: unknown;

/** Where the addon is looked for. */
export interface AddonPlaces {
  /** Paths of the addon, the likeliest first. */
  readonly paths: readonly string[];
  /** The folder of this package, by the layout of the file; undefined in a bundle. */
  readonly root: string | undefined;
}

/**
 * The file that this module is in, or undefined where a bundler left no sign of it.
 *
 * @param url The module's own `import.meta.url`, which is undefined in some bundles.
 */
export function ownFile(url: string | undefined): string | undefined {
  if (url?.startsWith("file:") === true) return fileURLToPath(url);
  return typeof __filename === "string" && isAbsolute(__filename) ? __filename : undefined;
}

/**
 * The paths at which the addon may be, without asking the file system: in this package, beside a
 * bundle and beside the running program, and where each of them would find an installed proactor.
 *
 * The addon built for glibc serves musl too; a clone that is built on musl has its own name for it.
 *
 * @param file The file that asks. Some bundlers leave the path that it had when they read it.
 * @param system Such as `linux-x64`.
 * @param program The running program, if it is a file.
 */
export function addonPlaces(
  file: string | undefined,
  system: string,
  program: string | undefined = process.argv[1],
): AddonPlaces {
  const root = file === undefined ? undefined : LAYOUT.exec(file)?.[1];
  const folders = [file, program]
    .filter((path) => path !== undefined && isAbsolute(path))
    .map((path) => dirname(path as string));
  const installed = folders
    .flatMap(withParents)
    .map((folder) => join(folder, "node_modules", "proactor"));
  const candidates = [...(root === undefined ? [] : [root]), ...folders, ...installed];
  const paths = [...new Set(candidates)].flatMap((folder) =>
    [system, `${system}-musl`].map((name) => join(folder, "prebuilds", name, "proactor.node")),
  );
  return { paths, root };
}

/** The path that `PROACTOR_ADDON` names, relative to the working directory; undefined without it. */
export function namedAddon(): string | undefined {
  const named = process.env.PROACTOR_ADDON;
  return named === undefined || named === "" ? undefined : resolve(named);
}

function withParents(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...withParents(parent)];
}
