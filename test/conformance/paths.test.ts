import assert from "node:assert/strict";
import nodeFs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { pathToFileURL } from "node:url";
import { AT_SYMLINK_NOFOLLOW, O_TMPFILE } from "../../src/abi/linux.ts";
import type { Proactor } from "../../src/index.ts";
import { describeConformance, outcomeOf, withProactor } from "../support/conformance.ts";
import type { FileCalls } from "../support/memory-fs.ts";
import { fs, withTempDir } from "../support/place.ts";
import { withTempDir as withSystemTempDir } from "../support/temp-dir.ts";

/** Fills a folder with one of everything. */
function furnish(calls: FileCalls, dir: string): void {
  calls.writeFileSync(join(dir, "file"), "content", { mode: 0o640 });
  calls.writeFileSync(join(dir, "other"), "other content");
  calls.mkdirSync(join(dir, "empty"));
  calls.mkdirSync(join(dir, "full"));
  calls.writeFileSync(join(dir, "full", "inside"), "");
  calls.symlinkSync("file", join(dir, "to-file"));
  calls.symlinkSync("nowhere", join(dir, "dangling"));
  calls.symlinkSync("loop", join(dir, "loop"));
  calls.writeFileSync(join(dir, "ünïcode-日本"), "");
}

/** What a folder holds, to be compared. */
function inventory(calls: FileCalls, dir: string): unknown {
  return calls
    .readdirSync(dir)
    .sort()
    .map((name) => {
      const path = join(dir, name);
      const stats = calls.lstatSync(path);
      if (stats.isSymbolicLink()) return [name, "link", calls.readlinkSync(path)];
      if (stats.isDirectory()) return [name, stats.mode, inventory(calls, path)];
      return [name, stats.mode, stats.nlink, calls.readFileSync(path, "latin1")];
    });
}

/** Hides where a folder is, so that outcomes in two of them can be compared. */
function withoutDir(value: unknown, dir: string): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(dir, "<dir>"));
}

/** One question, asked of node:fs and of us, each in a folder of its own. */
interface Case {
  readonly title: string;
  readonly theirs: (path: (name: string) => string) => unknown;
  readonly ours: (p: Proactor, path: (name: string) => string) => Promise<unknown>;
  /** Node calls it by another name: ours, theirs. */
  readonly syscall?: readonly [string, string];
}

const CLOSED = 1_000_000;
const LONG_NAME = "n".repeat(256);
const LONG_PATH = "p/".repeat(2048);

/** Opens, looks at what was opened, and closes. */
function opened(calls: FileCalls, fd: number): unknown {
  const { mode, size, ino } = calls.fstatSync(fd);
  calls.closeSync(fd);
  return { mode, size, sameFile: ino > 0 };
}

const opening: readonly (readonly [string, string, (string | number)?, number?])[] = [
  ["a file to read", "file"],
  ["a file that is not there", "missing"],
  ["a file in a folder that is not there", "missing/file"],
  ["a file in a file", "file/below"],
  ["a new file", "new", "w", 0o604],
  ["a new file with a mode that the umask takes bits from", "new", "wx", 0o777],
  ["a file to write, which empties it", "file", "w"],
  ["a file that must not be there", "file", "wx"],
  ["a file to append", "file", "a+"],
  ["a folder", "empty"],
  ["a folder to write", "empty", "w"],
  ["a folder as such", "empty", nodeFs.constants.O_DIRECTORY],
  ["a file as a folder", "file", nodeFs.constants.O_DIRECTORY],
  ["through a symbolic link", "to-file"],
  ["not through a symbolic link", "to-file", nodeFs.constants.O_NOFOLLOW],
  ["a symbolic link to nowhere", "dangling"],
  ["a new file through a symbolic link", "dangling", "w"],
  ["a loop of symbolic links", "loop"],
  ["a name that is too long", LONG_NAME],
  ["a path that is too long", LONG_PATH],
  ["a name in several alphabets", "ünïcode-日本"],
  ["a file without a name", ".", O_TMPFILE | nodeFs.constants.O_RDWR, 0o600],
];

const cases: readonly Case[] = [
  ...opening.map(
    ([title, name, flags, mode]): Case => ({
      title: `open ${title}`,
      theirs: (path) => opened(nodeFs, nodeFs.openSync(path(name), flags ?? "r", mode)),
      ours: async (p, path) => opened(fs, await p.open(path(name), flags, mode)),
    }),
  ),
  {
    title: "open an empty path",
    theirs: () => nodeFs.openSync("", "r"),
    ours: (p) => p.open(""),
  },
  {
    title: "open a path given as bytes",
    theirs: (path) => opened(nodeFs, nodeFs.openSync(Buffer.from(path("file")), "r")),
    ours: async (p, path) => opened(fs, await p.open(Buffer.from(path("file")))),
  },
  {
    title: "open a missing path given as bytes",
    theirs: (path) => nodeFs.openSync(Buffer.from(path("missing")), "r"),
    ours: (p, path) => p.open(Buffer.from(path("missing"))),
  },
  {
    title: "open a path given as a URL",
    theirs: (path) => opened(nodeFs, nodeFs.openSync(pathToFileURL(path("ünïcode-日本")), "r")),
    ours: async (p, path) => opened(fs, await p.open(pathToFileURL(path("ünïcode-日本")))),
  },
  ...["file", "missing", "empty", "to-file", "dangling", "file/below", "loop", LONG_NAME].map(
    (name): Case => ({
      title: `unlink ${name.slice(0, 12)}`,
      theirs: (path) => nodeFs.unlinkSync(path(name)),
      ours: (p, path) => p.unlink(path(name)),
    }),
  ),
  ...["empty", "full", "file", "missing", "to-file"].map(
    (name): Case => ({
      title: `unlink the folder ${name}`,
      theirs: (path) => nodeFs.rmdirSync(path(name)),
      ours: (p, path) => p.unlink(path(name), { directory: true }),
      syscall: ["unlink", "rmdir"],
    }),
  ),
  ...(
    [
      ["file", "new"],
      ["file", "other"],
      ["file", "file"],
      ["missing", "new"],
      ["file", "missing/new"],
      ["file", "empty"],
      ["empty", "file"],
      ["empty", "new"],
      ["full", "empty"],
      ["empty", "full"],
      ["full", "full/below"],
      ["to-file", "new"],
      ["file", LONG_NAME],
    ] as const
  ).map(
    ([from, to]): Case => ({
      title: `rename ${from} to ${to.slice(0, 12)}`,
      theirs: (path) => nodeFs.renameSync(path(from), path(to)),
      ours: (p, path) => p.rename(path(from), path(to)),
    }),
  ),
  ...(
    [
      ["new", 0o751],
      ["new", 0o777],
      ["new", 0o4755],
      ["file", 0o777],
      ["empty", 0o777],
      ["missing/new", 0o777],
      ["file/new", 0o777],
      [LONG_NAME, 0o777],
    ] as const
  ).map(
    ([name, mode]): Case => ({
      title: `mkdir ${name.slice(0, 12)} with mode ${mode.toString(8)}`,
      theirs: (path) => nodeFs.mkdirSync(path(name), mode),
      ours: (p, path) => p.mkdir(path(name), mode),
    }),
  ),
  ...(
    [
      ["file", "new"],
      ["/a/target/that/is/not/there", "new"],
      ["x".repeat(1000), "new"],
      ["file", "other"],
      ["file", "missing/new"],
      ["", "new"],
    ] as const
  ).map(
    ([target, name]): Case => ({
      title: `symlink at ${name} that says ${target.slice(0, 12)}`,
      theirs: (path) => nodeFs.symlinkSync(target, path(name)),
      ours: (p, path) => p.symlink(target, path(name)),
    }),
  ),
  ...(
    [
      ["file", "new"],
      ["missing", "new"],
      ["file", "other"],
      ["empty", "new"],
      ["to-file", "new"],
      ["file", "missing/new"],
    ] as const
  ).map(
    ([existing, name]): Case => ({
      title: `link ${existing} as ${name}`,
      theirs: (path) => nodeFs.linkSync(path(existing), path(name)),
      ours: (p, path) => p.link(path(existing), path(name)),
    }),
  ),
];

/** Puts Node's name of a call in the place of ours. */
function renamed(outcome: unknown, [ours, theirs]: readonly [string, string]): unknown {
  const text = JSON.stringify(outcome);
  return JSON.parse(
    text.replaceAll(`, ${ours} '`, `, ${theirs} '`).replaceAll(`"${ours}"`, `"${theirs}"`),
  );
}

describeConformance("paths, compared with node:fs", (engine, limits) => {
  for (const { title, theirs, ours, syscall } of cases) {
    it(title, () =>
      withSystemTempDir((a) =>
        withTempDir((b) =>
          withProactor({ engine }, async (p) => {
            furnish(nodeFs, a);
            furnish(fs, b);
            const expected = await outcomeOf(() => theirs((name) => join(a, name)));
            const actual = await outcomeOf(() => ours(p, (name) => join(b, name)));
            const named = syscall === undefined ? actual : renamed(actual, syscall);
            assert.deepEqual(withoutDir(named, b), withoutDir(expected, a));
            assert.deepEqual(inventory(fs, b), inventory(nodeFs, a), "What was left behind");
          }),
        ),
      ),
    );
  }

  it("statx tells what lstat and stat tell", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        furnish(fs, dir);
        fs.writeFileSync(join(dir, "sparse"), "x");
        fs.truncateSync(join(dir, "sparse"), 2 ** 33 + 5);
        fs.utimesSync(join(dir, "sparse"), -1.5, 4_000_000_000.25);
        const same = async (path: string, follow: boolean) => {
          const stats = (follow ? fs.statSync : fs.lstatSync)(path, { bigint: true });
          const flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
          const { dev, rdev, mask, ...x } = await p.statx(path, { flags });
          assert.deepEqual(
            [x.mode, x.nlink, x.uid, x.gid, x.size, x.blksize, x.blocks, x.ino],
            [
              ...[stats.mode, stats.nlink, stats.uid, stats.gid, stats.size].map(Number),
              ...[stats.blksize, stats.blocks].map(Number),
              stats.ino,
            ],
          );
          for (const name of ["atime", "mtime", "ctime"] as const) {
            const exact = Number(stats[`${name}Ns`]) / 1e6;
            assert.ok(Math.abs(x[`${name}Ms`] - exact) < 0.001, `${name} of ${path}`);
          }
          const number = ({ major, minor }: { major: number; minor: number }) =>
            ((BigInt(major) & 0xfffff000n) << 32n) |
            ((BigInt(major) & 0xfffn) << 8n) |
            ((BigInt(minor) & 0xffffff00n) << 12n) |
            (BigInt(minor) & 0xffn);
          assert.deepEqual([number(dev), number(rdev)], [stats.dev, stats.rdev]);
          assert.equal(mask & 0x7ff, 0x7ff, "The basic fields are there");
        };
        for (const name of ["file", "empty", "to-file", "dangling", "sparse"]) {
          await same(join(dir, name), false);
        }
        for (const name of ["file", "to-file"]) await same(join(dir, name), true);
        if (limits.specialFiles) await same("/dev/null", true);
      }),
    ));

  it("statx of a descriptor tells what fstat tells, and fails as it does", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        furnish(fs, dir);
        const fd = fs.openSync(join(dir, "file"), "r");
        const { size, ino } = await p.statx(fd);
        assert.deepEqual([BigInt(size), ino], [7n, fs.fstatSync(fd, { bigint: true }).ino]);
        fs.closeSync(fd);
        await assert.rejects(p.statx(fd), { code: "EBADF" });
        const theirs = await outcomeOf(() => nodeFs.fstatSync(CLOSED));
        const ours = await outcomeOf(() => p.statx(CLOSED));
        const text = JSON.stringify(ours).replaceAll("statx", "fstat");
        assert.equal(text, JSON.stringify(theirs));
      }),
    ));

  it("statx fails as stat does, under its own name", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        furnish(fs, dir);
        for (const name of ["missing", "file/below", "loop", "dangling", LONG_NAME, LONG_PATH]) {
          const path = join(dir, name);
          const theirs = await outcomeOf(() => fs.statSync(path));
          const ours = await outcomeOf(() => p.statx(path));
          assert.deepEqual(renamed(ours, ["statx", "stat"]), JSON.parse(JSON.stringify(theirs)));
        }
      }),
    ));
});

describeConformance("flags that node:fs does not have", (engine, limits) => {
  const RENAME_NOREPLACE = 1;
  const RESOLVE_NO_SYMLINKS = 4;
  const RESOLVE_BENEATH = 8;

  it("rename without replacing", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        furnish(fs, dir);
        const rename = (to: string) =>
          p.rename(join(dir, "file"), join(dir, to), { flags: RENAME_NOREPLACE });
        const refused = { code: limits.perCallFlags ? "EEXIST" : "ENOTSUP", syscall: "rename" };
        await assert.rejects(rename("other"), refused);
        if (!limits.perCallFlags) return assert.rejects(rename("new"), { code: "ENOTSUP" });
        await rename("new");
        assert.equal(fs.readFileSync(join(dir, "new"), "utf8"), "content");
      }),
    ));

  it("open with RESOLVE_*", () =>
    withTempDir((dir) =>
      withProactor({ engine }, async (p) => {
        furnish(fs, dir);
        const open = (name: string, resolve: number, flags = "r") =>
          p.open(name, flags, 0o600, { resolve });
        const file = join(dir, "file");
        if (!limits.perCallFlags) {
          return assert.rejects(open(file, RESOLVE_NO_SYMLINKS), { code: "ENOTSUP" });
        }
        opened(fs, await open(file, RESOLVE_NO_SYMLINKS));
        opened(fs, await open(join(dir, "new"), RESOLVE_NO_SYMLINKS, "wx"));
        assert.equal(fs.statSync(join(dir, "new")).mode & 0o777, 0o600);
        const link = join(dir, "to-file");
        await assert.rejects(open(link, RESOLVE_NO_SYMLINKS), { code: "ELOOP", path: link });
        await assert.rejects(open(file, RESOLVE_BENEATH), { code: "EXDEV" });
      }),
    ));
});
