import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { loadNative } from "../../src/native/load.ts";
import { runProgram } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/**
 * What the addon may ask of the C library: all of it is in glibc 2.17 and in musl 1.1. (`fstat` and
 * its kin are functions only since glibc 2.33.)
 */
const KNOWN = new Set(
  `__errno_location abort calloc clock_gettime close dladdr dlopen dlsym eventfd fcntl fprintf free
  getpid getuid lseek madvise malloc memcpy memmove memset mmap munmap pipe2 poll
  pthread_attr_destroy pthread_attr_init pthread_attr_setstacksize pthread_cond_destroy
  pthread_cond_init pthread_cond_signal pthread_cond_wait pthread_create pthread_join
  pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_sigmask
  read realloc sigfillset stderr strlen syscall sysconf write`.split(/\s+/),
);

const noAddon = loadNative().available ? false : "There is no addon here";
const has = (program: string) => spawnSync(program, ["--version"]).status === 0;
const noReadelf = noAddon || (has("readelf") ? false : "There is no readelf here");
const noMusl = noAddon || (spawnSync("musl-gcc", ["-v"]).status === 0 ? false : "No musl-gcc here");
const cross = "aarch64-linux-gnu-gcc";

/** The names that an addon leaves to whatever loads it, without Node-API's. */
function neededBy(addon: string): string[] {
  const { stdout } = spawnSync("readelf", ["-W", "--dyn-syms", addon], { encoding: "utf8" });
  return stdout
    .split("\n")
    .map((line) => /\sUND\s+([^\s@]+)/.exec(line)?.[1])
    .filter((name) => name !== undefined)
    .filter((name) => !/^(?:napi_|node_api_)/.test(name));
}

/** A clone that can be built and imported; `change` may spoil it. */
function withClone<T>(body: (dir: string) => T | Promise<T>): Promise<T> {
  return withTempDir(async (dir) => {
    for (const part of ["native", "tools", "dist/src", "package.json"]) {
      fs.cpSync(join(ROOT, part), join(dir, part), { recursive: true });
    }
    fs.symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
    return await body(dir);
  }, "clone");
}

async function build(dir: string, args: readonly string[], env = {}): Promise<void> {
  const program = [join(dir, "tools/build-native.mjs"), "--force", ...args];
  const { code, stdout, stderr } = await runProgram(process.execPath, {
    args: program,
    env,
    timeoutMs: 60_000,
  });
  assert.equal(code, 0, stdout + stderr);
}

describe("the names that the addon needs", () => {
  it("are in every C library that Node runs on", { skip: noReadelf }, () => {
    const addon = join(ROOT, "prebuilds", `${process.platform}-${process.arch}`, "proactor.node");
    const unknown = neededBy(addon).filter((name) => !KNOWN.has(name));
    assert.deepEqual(unknown, []);
  });

  it("are looked for when it is loaded, which is refused with the name", { skip: noAddon }, () =>
    withClone(async (dir) => {
      const missing = `
        int proactor_is_missing(void);
        __attribute__((used, visibility("default"))) int proactor_calls(void);
        int proactor_calls(void) { return proactor_is_missing(); }`;
      fs.appendFileSync(join(dir, "native/addon.c"), missing);
      await build(dir, []);
      const text = `const { proactor } = await import(process.argv[2]);
        console.log(proactor.engine, String(proactor.explain()));`;
      const args = ["--input-type=module", "--eval", text, "--", "eval"];
      const program = [...args, join(dir, "dist/src/index.js")];
      const { code, stdout } = await runProgram(process.execPath, { args: program });
      assert.equal(code, 0);
      assert.match(stdout, /^thread_pool /);
      assert.match(stdout, /could not be loaded: .*proactor_is_missing/);
    }),
  );

  it(
    "hold none of gcc's own library on arm64",
    {
      skip: noReadelf || (has(cross) ? false : `There is no ${cross} here`),
    },
    () =>
      withClone(async (dir) => {
        await build(dir, ["--arch=arm64"], { CC: cross });
        const needed = neededBy(join(dir, "prebuilds/linux-arm64/proactor.node"));
        assert.deepEqual(
          needed.filter((name) => !KNOWN.has(name)),
          [],
        );
      }),
  );

  it("are the same with the headers of musl", { skip: noMusl || noReadelf }, () =>
    withClone(async (dir) => {
      // Debian's musl-gcc has no kernel headers of its own.
      const include = join(dir, "include");
      fs.mkdirSync(include);
      for (const name of ["linux", "asm-generic"]) {
        fs.symlinkSync(join("/usr/include", name), join(include, name));
      }
      const asm = ["/usr/include/asm", "/usr/include/x86_64-linux-gnu/asm"].find((path) =>
        fs.existsSync(path),
      );
      fs.symlinkSync(asm as string, join(include, "asm"));
      const compiler = join(dir, "musl-cc");
      fs.writeFileSync(compiler, `#!/bin/sh\nexec musl-gcc "$@" -idirafter ${include}\n`);
      fs.chmodSync(compiler, 0o755);
      await build(dir, [], { CC: compiler });
      const name = fs.readdirSync(join(dir, "prebuilds"))[0] as string;
      const needed = neededBy(join(dir, "prebuilds", name, "proactor.node"));
      assert.deepEqual(
        needed.filter((one) => !KNOWN.has(one)),
        [],
      );
    }),
  );
});
