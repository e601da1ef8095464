import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { copyFile } from "../../src/fs/index.ts";
import { moduleUrl, runNode, runProgram } from "../support/child.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { outcomeOf } from "../support/outcome.ts";
import { withTempDir } from "../support/temp-dir.ts";

const node = fs.promises;
type Copy = typeof fs.promises.copyFile;
/** What stands in a folder before the copy; and what is called. */
type Make = (dir: string) => unknown[];

/** What a copy came to: its outcome, and every file of the folder with content and rights. */
async function traceOf(dir: string, copy: Copy, make: Make): Promise<unknown> {
  fs.mkdirSync(dir);
  try {
    const args = make(dir) as Parameters<Copy>;
    const outcome = await outcomeOf(() => copy(...args));
    const files = fs.readdirSync(dir).map((name) => {
      const { mode, size } = fs.statSync(join(dir, name));
      const isFile = fs.statSync(join(dir, name)).isFile();
      return [name, mode, isFile && size < 100 ? fs.readFileSync(join(dir, name), "hex") : size];
    });
    return { outcome, files };
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
}

/** Fails unless both leave the same, one after the other in the same place. */
async function same(parent: string, ...programs: Make[]): Promise<void> {
  const dir = join(parent, "case");
  for (const make of programs) {
    const expected = await traceOf(dir, node.copyFile, make);
    assert.deepEqual(await traceOf(dir, copyFile, make), expected, `${make}`);
  }
}

function file(dir: string, name: string, content: string | Buffer, mode = 0o644): string {
  const path = join(dir, name);
  fs.writeFileSync(path, content);
  fs.chmodSync(path, mode);
  return path;
}

describe("copyFile", () => {
  it("copies files of any size", async () => {
    await withTempDir(async (dir) => {
      for (const size of [0, 1, 262_143, 262_144, 262_145, 1_048_576, 1_048_577, 3_000_000]) {
        const bytes = Buffer.alloc(size);
        for (let i = 0; i < size; i++) bytes[i] = (i * 7) ^ (i >> 8) ^ (i >> 16);
        const source = file(dir, "source", bytes);
        const target = join(dir, "target");
        assert.equal(await copyFile(source, target), undefined);
        assert.equal(Buffer.compare(fs.readFileSync(target), bytes), 0, String(size));
      }
    });
  });

  it("gives the copy the rights of the original, whatever the umask", async () => {
    await withTempDir(async (dir) => {
      const before = process.umask(0o077);
      try {
        for (const mode of [0o644, 0o666, 0o755, 0o600, 0o400, 0o4755, 0o1777]) {
          await same(
            dir,
            (at) => [file(at, "a", "x", mode), join(at, "b")],
            (at) => [file(at, "a", "x", mode), file(at, "b", "longer", 0o640)],
          );
        }
      } finally {
        process.umask(before);
      }
    });
  });

  it("replaces what is there, or refuses to", async () => {
    await withTempDir(async (dir) => {
      const { COPYFILE_EXCL, COPYFILE_FICLONE, COPYFILE_FICLONE_FORCE } = fs.constants;
      for (const mode of [
        undefined,
        null,
        0,
        COPYFILE_EXCL,
        COPYFILE_FICLONE,
        COPYFILE_FICLONE_FORCE,
        COPYFILE_EXCL | COPYFILE_FICLONE,
        8,
        -1,
        1.5,
        "1",
        {},
      ]) {
        await same(
          dir,
          (at) => [file(at, "a", "text"), join(at, "b"), mode],
          (at) => [file(at, "a", "text"), file(at, "b", "longer text"), mode],
          (at) => [file(at, "a", ""), file(at, "b", "longer text"), mode],
          (at) => [file(at, "a", "text"), join(at, "a"), mode],
        );
      }
    });
  });

  it("knows a file by another name", async () => {
    await withTempDir(async (dir) => {
      await same(
        dir,
        (at) => {
          const a = file(at, "a", "text", 0o600);
          fs.linkSync(a, join(at, "hard"));
          return [a, join(at, "hard")];
        },
        (at) => {
          const a = file(at, "a", "text", 0o600);
          fs.symlinkSync("a", join(at, "soft"));
          return [join(at, "soft"), a];
        },
        (at) => {
          fs.symlinkSync("nothing", join(at, "soft"));
          const a = file(at, "a", "text");
          file(at, "nothing", "");
          return [a, join(at, "soft")];
        },
      );
    });
  });

  it("takes paths of every kind", async () => {
    await withTempDir(async (dir) => {
      await same(
        dir,
        (at) => [Buffer.from(file(at, "a", "x")), Buffer.from(join(at, "b"))],
        (at) => [pathToFileURL(file(at, "a", "x")), pathToFileURL(join(at, "b"))],
        (at) => [new Uint8Array(Buffer.from(file(at, "größe", "x"))), join(at, "b")],
      );
    });
  });

  it("fails as Node does", async () => {
    await withTempDir(async (dir) => {
      await same(
        dir,
        (at) => [join(at, "nothing"), join(at, "b")],
        (at) => [join(at, "nothing"), file(at, "b", "stays")],
        (at) => [at, join(at, "b")],
        (at) => [file(at, "a", "x"), at],
        (at) => [file(at, "a", "x"), join(at, "nowhere", "b")],
        (at) => [file(at, "a", "x"), join(at, "a", "b")],
        (at) => [Buffer.from(join(at, "nothing")), join(at, "b")],
        (at) => [file(at, "a", "x"), ""],
        () => ["", ""],
        (at) => [file(at, "a", "x"), "\0"],
        () => ["\0", "\0"],
        () => [7, 7],
        (at) => [join(at, "a"), 7],
        () => [],
        (at) => [join(at, "a"), undefined],
        () => ["/dev/null", 7],
      );
    });
  });

  it("copies devices and files of /proc as Node does", async () => {
    await withTempDir(async (dir) => {
      await same(
        dir,
        (at) => ["/dev/null", join(at, "b")],
        (at) => ["/proc/version", join(at, "b")],
        (at) => ["/proc/version", file(at, "b", "before")],
      );
    });
  });

  it("leaves no descriptor open, however many fail", async () => {
    await withTempDir(async (dir) => {
      const source = file(dir, "source", "x".repeat(1000));
      await copyFile(source, join(dir, "first"));
      const before = openDescriptors();
      const calls = Array.from({ length: 300 }, (_, i) => {
        const from = [source, source, join(dir, "nothing")][i % 3] ?? "";
        return copyFile(from, i % 3 === 1 ? dir : join(dir, `copy-${i}`));
      });
      await Promise.allSettled(calls);
      assert.deepEqual(openDescriptors(), before);
      assert.equal(fs.readdirSync(dir).length, 2 + 100);
    });
  });
});

const isRoot = process.getuid?.() === 0;

describe("copyFile that cannot be finished", () => {
  const skip = isRoot ? false : "only root can become somebody else, and mount";

  it("fails with EACCES as Node does", { skip }, async () => {
    await withTempDir(async (dir) => {
      const secret = file(dir, "secret", "secret", 0o600);
      const shown = file(dir, "shown", "shown", 0o444);
      const other = file(dir, "other", "", 0o666);
      fs.chmodSync(dir, 0o755);
      const { stdout, stderr } = await runNode(`
        import { promises } from "node:fs";
        import { copyFile } from "${moduleUrl("src/fs/index.ts")}";
        process.setgid(65534);
        process.setuid(65534);
        const [secret, shown, other, dir] = ${JSON.stringify([secret, shown, other, dir])};
        const say = (error) => [error.message, Object.entries(error)];
        for (const args of [[secret, dir + "/b"], [shown, dir + "/b"], [shown, other]]) {
          const ours = await copyFile(...args).catch(say);
          const nodes = await promises.copyFile(...args).catch(say);
          console.log(JSON.stringify(ours) === JSON.stringify(nodes), nodes[1][1][1]);
        }
      `);
      assert.equal(stdout + stderr, "true EACCES\ntrue EACCES\ntrue EPERM\n");
    });
  });

  it("leaves no half of a copy on a file system that is full", { skip }, async (t) => {
    await withTempDir(async (dir) => {
      const source = file(dir, "source", Buffer.alloc(500_000, 1));
      fs.mkdirSync(join(dir, "small"));
      const program = `
        import fs from "node:fs";
        import { copyFile } from "${moduleUrl("src/fs/index.ts")}";
        const [source, target] = process.argv.slice(-2);
        for (const copy of [copyFile, fs.promises.copyFile]) {
          const error = await copy(source, target).catch((error) => error);
          console.log(error.code, error.syscall, error.dest === target, fs.existsSync(target));
        }
      `;
      const mount = "mount -t tmpfs -o size=100k none small";
      const shell = `${mount} && exec "$0" --input-type=module -e "$1" -- x "$2" small/b`;
      const args = ["-m", "sh", "-c", shell, process.execPath, program, source];
      const { code, stdout, stderr } = await runProgram("unshare", { args, cwd: dir });
      if (code !== 0 && /mount|unshare/.test(stderr)) t.skip("there is no right to mount here");
      else assert.equal(stdout, "ENOSPC copyfile true false\n".repeat(2), stderr);
    });
  });
});
