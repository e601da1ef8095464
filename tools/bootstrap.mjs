/**
 * What every command of a clone needs first: packages, the addon, compiled TypeScript.
 *
 * Plain JavaScript without dependencies, because it runs before there are any. Each step looks at
 * what is already there, so a second run costs a few hundred milliseconds. Everything is written to
 * stderr: stdout belongs to the program that follows.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The folder of the clone. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The oldest Node that loads ES modules the way the package is built. */
const OLDEST_NODE = [20, 19];

/** The folders that tsc compiles, as in `include` of tsconfig.json. */
const SOURCE_FOLDERS = ["src", "test", "bench", "tools", "examples"];

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Stops at once, with advice, on a Node that is too old: everything later would fail obscurely. */
function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = OLDEST_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  say(`proactor needs Node ${OLDEST_NODE.join(".")} or newer: this is ${process.versions.node}`);
  process.exit(1);
}

/**
 * Runs a program with its output on our stderr.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {number} its exit code; 1 when it could not be started or was killed
 */
function run(command, args) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", process.stderr, process.stderr],
    // A batch file (npm.cmd) starts only through a shell.
    shell: command.endsWith(".cmd"),
  });
  if (result.error !== undefined) say(`Could not start ${command}: ${result.error.message}`);
  return result.status ?? 1;
}

/**
 * @param {string} path
 * @returns {Record<string, any> | undefined} undefined when the file is absent or is no JSON
 */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Compares the lock file with the record npm leaves in `node_modules`, by content: a fresh checkout
 * gives every file a new time stamp.
 *
 * @returns {string | undefined} why packages have to be installed, or undefined when they need not
 */
function packagesStale() {
  const wanted = readJson(join(root, "package-lock.json"))?.packages ?? {};
  const present = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (present === undefined) return "there is no node_modules";
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = present[path];
    // An optional package is one of several builds, most of them for other platforms.
    if (found === undefined && entry.optional === true) continue;
    if (found?.version !== entry.version) return `${path} is not ${entry.version}`;
    if (!existsSync(join(root, path))) return `${path} is missing`;
  }
  return undefined;
}

/** @returns {[command: string, args: string[]]} the npm that started us, else the one in PATH */
function npmCommand() {
  const started = process.env.npm_execpath;
  if (started !== undefined && basename(started) === "npm-cli.js") {
    return [process.execPath, [started]];
  }
  return [process.platform === "win32" ? "npm.cmd" : "npm", []];
}

/** Installs what package-lock.json names, when it is not there yet. */
function ensurePackages() {
  const reason = packagesStale();
  if (reason === undefined) return;
  say(`Installing packages with npm ci: ${reason}`);
  const [command, args] = npmCommand();
  // No scripts: our own `prepare` would build what the next steps build anyway.
  const code = run(command, [...args, "ci", "--ignore-scripts", "--include=dev"]);
  if (code === 0) return;
  say(`npm ci failed with exit code ${code}: without its packages proactor cannot be compiled`);
  process.exit(1);
}

/** @returns {number} the exit code of the addon's build */
function buildNative() {
  const script = join(root, "tools", "build-native.mjs");
  return existsSync(script) ? run(process.execPath, [script]) : 0;
}

/**
 * @param {string} folder
 * @returns {string[]} every file under the folder, relative to the clone; [] when there is none
 */
function filesUnder(folder) {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
}

/**
 * Makes `dist` the picture of the sources: removes what no source makes any more (a stale test
 * would still run), and makes tsc start over when an output it believes in is gone.
 */
function reconcileOutputs() {
  const expected = new Set();
  let missing = false;
  for (const source of SOURCE_FOLDERS.flatMap(filesUnder)) {
    if (!source.endsWith(".ts") || source.endsWith(".d.ts")) continue;
    const stem = join("dist", source.slice(0, -3));
    for (const ending of [".js", ".js.map", ".d.ts"]) expected.add(stem + ending);
    missing ||= !existsSync(join(root, `${stem}.js`));
  }
  for (const output of filesUnder("dist")) {
    const compiled = /\.(?:js|js\.map|d\.ts)$/.test(output);
    const ours = SOURCE_FOLDERS.includes(output.split(sep)[1] ?? "");
    if (compiled && ours && !expected.has(output)) rmSync(join(root, output));
  }
  if (missing) rmSync(join(root, "dist", "tsconfig.tsbuildinfo"), { force: true });
}

/**
 * @returns {number} tsc's exit code, or that of the bundler; tsc writes its output even when types
 *   do not agree
 */
function compileTypeScript() {
  reconcileOutputs();
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const code = run(process.execPath, [tsc, "-p", join(root, "tsconfig.json")]);
  // Of what does not compile there is no package.
  return code === 0 ? run(process.execPath, [join(root, "tools", "bundle.mjs")]) : code;
}

/**
 * Brings the clone to where its programs can run.
 *
 * @param {{ install?: boolean }} [options] `install: false` takes node_modules as it is
 * @returns {{ native: number, types: number }} the exit codes of the two builds
 */
export function bootstrap(options = {}) {
  requireNode();
  if (options.install !== false) ensurePackages();
  return { native: buildNative(), types: compileTypeScript() };
}

/**
 * Goes on as another program of the clone, in this process: signals, the terminal and the exit
 * code are then its own, with nobody between it and the shell.
 *
 * @param {string} path of the compiled program, relative to the clone
 * @param {readonly string[]} args
 */
export async function become(path, args) {
  const program = join(root, path);
  if (!existsSync(program)) {
    say(`There is no ${path}: the build did not write it`);
    process.exit(1);
  }
  process.argv.splice(1, Number.POSITIVE_INFINITY, program, ...args);
  await import(pathToFileURL(program).href);
}

/**
 * Bootstraps, then becomes a program that measures: a broken build must not be measured, but a
 * missing addon may, since the thread pool works without it.
 *
 * @param {string} path of the compiled program, relative to the clone
 */
export async function bootstrapAndBecome(path) {
  const built = bootstrap();
  if (built.native !== 0) say("The addon was not built: going on with the thread pool");
  if (built.types !== 0) process.exit(built.types);
  await become(path, process.argv.slice(2));
}
