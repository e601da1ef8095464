import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Flags of Node that load a module before the program, with their value behind them or in them. */
const FLAGS: ReadonlySet<string> = new Set(["--require", "-r", "--import"]);

/** The name that a flag has for this module, wherever it is installed. */
const OURS = "proactor/register";

/**
 * Whether Node loads a module before the program: `--import` or `--require` names it, on the
 * command line or in NODE_OPTIONS.
 *
 * @param url The module's own `import.meta.url`.
 */
export function isPreloaded(url: string | undefined): boolean {
  const names = [...namesIn(process.execArgv), ...namesIn(wordsOf(process.env.NODE_OPTIONS ?? ""))];
  if (names.length === 0) return false;
  // Some bundlers leave nothing of it: a bundle is no module that a flag could name.
  if (!url?.startsWith("file:")) return false;
  const file = fileURLToPath(url);
  // Plain cases need no look at the disk. Of two copies the one that a flag names is loaded first.
  if (names.some((name) => name === OURS || name === url || name === file)) return true;
  // Node resolves such a name as if a file of the working directory imported it.
  const { resolve } = createRequire(join(process.cwd(), "preload"));
  return names.some((name) => {
    try {
      const path = name.startsWith("file:") ? fileURLToPath(name) : resolve(name);
      return path === file || realpathSync(path) === file;
    } catch {
      // Another one's module, a data: URL for example.
      return false;
    }
  });
}

/** The modules that flags name. */
export function namesIn(words: readonly string[]): string[] {
  return words.flatMap((word, i) => {
    const at = word.indexOf("=");
    if (at !== -1) return FLAGS.has(word.slice(0, at)) ? word.slice(at + 1) : [];
    return FLAGS.has(word) ? (words[i + 1] ?? []) : [];
  });
}

/** NODE_OPTIONS in words, as Node splits it: at spaces, but for those between double quotes. */
export function wordsOf(options: string): string[] {
  const words = options.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
  const unquoted = (quoted: string) => quoted.slice(1, -1).replaceAll(/\\(.)/g, "$1");
  return words.map((word) => word.replaceAll(/"(?:\\.|[^"\\])*"/g, unquoted));
}
