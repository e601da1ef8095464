/**
 * Builds the native addon of a clone: every C file under native/, with the C compiler and the
 * headers of node-api-headers, into prebuilds/<platform>-<arch>/proactor.node.
 *
 * Without a compiler it says in one line what that means and ends well, because proactor works
 * without the addon. Nothing is linked, not even libc: the runtime that loads the addon has it,
 * and so one binary serves every version of glibc, and musl.
 *
 *     node tools/build-native.mjs [--force] [--sanitize] [--arch=arm64]
 *
 * CC names the compiler. --sanitize builds with AddressSanitizer and UBSan into
 * build/sanitize/proactor.node, to be loaded under LD_PRELOAD of libasan. --arch names the target
 * of a cross compiler.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const sanitize = process.argv.includes("--sanitize");
const force = process.argv.includes("--force");
const arch =
  process.argv.find((argument) => argument.startsWith("--arch="))?.slice(7) ?? process.arch;

/** The C files that an operating system needs, relative to the clone. */
const SOURCES = { linux: ["native", "native/linux", "native/posix"] };

const WARNINGS = ["-Wall", "-Wextra", "-Werror"];
const COMMON = ["-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-strict-aliasing"];
// Every name is looked for when the addon is loaded (-z now). Nothing is linked, so nobody looks
// before; and what is missing at the first call would end the process.
const LINKING = ["-nostdlib", "-Wl,--gc-sections", "-Wl,-z,now"];
const RELEASE = ["-O2", ...LINKING, "-ffunction-sections", "-s"];
/** gcc for arm64 calls its own library for atomics, which -nostdlib leaves out. */
const INLINE_ATOMICS = "-mno-outline-atomics";
const SANITIZE = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"];

/** @param {string} line */
function say(line) {
  process.stdout.write(`${line}\n`);
}

/** @returns {string | undefined} the first compiler that answers */
function findCompiler() {
  const wanted = process.env.CC;
  const candidates = wanted === undefined || wanted === "" ? ["cc", "gcc", "clang"] : [wanted];
  return candidates.find((name) => spawnSync(name, ["--version"]).status === 0);
}

/** @returns {string | undefined} the folder of node_api.h */
function headers() {
  try {
    return createRequire(import.meta.url)("node-api-headers").include_dir;
  } catch {
    return undefined;
  }
}

/**
 * @param {readonly string[]} folders
 * @param {string} ending
 */
function filesIn(folders, ending) {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(ending))
      .sort()
      .map((name) => join(folder, name)),
  );
}

/**
 * The flags that only one architecture has.
 *
 * @param {string} compiler
 */
function flagsOfArch(compiler) {
  if (arch !== "arm64") return [];
  const asked = spawnSync(compiler, [INLINE_ATOMICS, "-E", "-x", "c", "/dev/null"]);
  return asked.status === 0 ? [INLINE_ATOMICS] : [];
}

/** Whether this system's C library is musl; its folder has a name of its own. */
function isMusl() {
  try {
    return readFileSync("/usr/bin/ldd", "latin1").includes("musl");
  } catch {
    return false;
  }
}

/** @returns {number} the exit code */
function build() {
  const folders = SOURCES[process.platform];
  if (folders === undefined) {
    say(`No native addon for ${process.platform} yet: proactor will run on the thread pool`);
    return 0;
  }
  const compiler = findCompiler();
  if (compiler === undefined) {
    say("No C compiler (CC, cc, gcc, clang): proactor will run on the thread pool");
    return 0;
  }
  const include = headers();
  if (include === undefined) {
    say("The package node-api-headers is missing: proactor will run on the thread pool");
    return 0;
  }
  const name = `${process.platform}-${arch}${isMusl() ? "-musl" : ""}`;
  const folder = sanitize ? join("build", "sanitize") : join("prebuilds", name);
  const output = join(folder, "proactor.node");
  const stamp = join("build", `${sanitize ? "sanitize" : name}.hash`);
  const sources = filesIn(folders, ".c");
  const kind = [...(sanitize ? SANITIZE : RELEASE), ...flagsOfArch(compiler)];
  const flags = [...COMMON, ...WARNINGS, ...kind, "-I", include];

  const hash = createHash("sha256");
  hash.update(execFileSync(compiler, ["--version"])).update(JSON.stringify([compiler, flags]));
  for (const file of [...sources, ...filesIn(folders, ".h")]) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
  const digest = hash.digest("hex");
  if (!force && existsSync(join(root, output)) && readStamp(stamp) === digest) return 0;

  mkdirSync(join(root, folder), { recursive: true });
  mkdirSync(join(root, "build"), { recursive: true });
  // Into another file first: a process may have the old one loaded.
  const temporary = `${output}.${process.pid}`;
  const compiled = spawnSync(compiler, [...flags, ...sources, "-o", temporary], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (compiled.status !== 0) {
    rmSync(join(root, temporary), { force: true });
    say(`${compiler} could not build ${relative(root, join(root, output))}`);
    return 1;
  }
  renameSync(join(root, temporary), join(root, output));
  writeFileSync(join(root, stamp), digest);
  say(`Built ${output} with ${compiler}`);
  return 0;
}

/** @param {string} path */
function readStamp(path) {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
}

process.exitCode = build();
