import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_STATX_FORCE_SYNC,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  RENAME_NOREPLACE,
  RESOLVE_BENEATH,
  RWF_DSYNC,
  STATX_BASIC_STATS,
  STATX_BYTES,
} from "../../src/abi/linux.ts";
import { errnoOf, IOV_MAX } from "../../src/base/index.ts";
import { type EngineName, OperationKind } from "../../src/core/index.ts";
import { decodeStatx } from "../../src/runtime/statx.ts";
import { EngineHarness, engineNames, type RequestFields } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
const EBADF = -errnoOf("EBADF");
const EEXIST = -errnoOf("EEXIST");
const EFAULT = -errnoOf("EFAULT");
const EINVAL = -errnoOf("EINVAL");
const EISDIR = -errnoOf("EISDIR");
const ENOENT = -errnoOf("ENOENT");
const ENOTEMPTY = -errnoOf("ENOTEMPTY");
const ENOTSUP = -errnoOf("ENOTSUP");
const noFd = 0x7fff_fffe;

/** A folder, an engine, and a short way to one result. */
interface Bench {
  readonly dir: string;
  /** A path in the folder. */
  at(name: string): string;
  /** Does one operation; paths are absolute, so the directory does not matter. */
  run(kind: keyof typeof OperationKind, fields: RequestFields): Promise<number>;
}

async function withBench(engine: EngineName, body: (bench: Bench) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const harness = new EngineHarness(engine);
    await body({
      dir,
      at: (name) => join(dir, name),
      run: (kind, fields) =>
        harness.result({ fd: AT_FDCWD, extra: 0, ...fields, kind: OperationKind[kind] }),
    });
    harness.close();
  });
}

/** The engines that stand on node:fs, less what ENGINES leaves out. */
const engines = engineNames().filter((name) => name === "thread_pool" || name === "sync");

for (const engine of engines) {
  const bench = (body: (bench: Bench) => Promise<void>) => () => withBench(engine, body);

  describe(`${engine}: open and close`, () => {
    it(
      "give a descriptor with the flags and the mode, and take it back",
      bench(async ({ at, run }) => {
        const flags = O_CREAT | O_EXCL | O_RDWR;
        const fd = await run("Open", { path: at("new"), flags, mode: 0o100600 });
        assert.ok(fd > 2);
        assert.equal(fs.fstatSync(fd).mode & 0o777, 0o600);
        assert.equal(await run("Open", { path: at("new"), flags, mode: 0o600 }), EEXIST);
        assert.equal(await run("Close", { fd }), 0);
        assert.equal(await run("Close", { fd }), EBADF);
      }),
    );

    it(
      "take paths of bytes and modes that Node itself would abort over",
      bench(async ({ at, run }) => {
        const path = new TextEncoder().encode(at("bytes"));
        const fd = await run("Open", { path, flags: O_CREAT | O_WRONLY, mode: 0x8000_01a0 });
        assert.ok(fd > 2);
        assert.equal(fs.fstatSync(fd).mode & 0o777, 0o640 & ~process.umask());
        fs.closeSync(fd);
        assert.equal(await run("Open", { path: "", flags: O_RDONLY }), ENOENT);
        assert.equal(await run("Open", { path: at("none"), flags: -0 }), ENOENT);
      }),
    );

    it(
      "refuse what node:fs cannot say",
      bench(async ({ at, dir, run }) => {
        const resolve = { path: at("x"), extra: RESOLVE_BENEATH };
        assert.equal(await run("Open", resolve), ENOTSUP);
        const folder = fs.openSync(dir, "r");
        assert.equal(await run("Open", { fd: folder, path: "x" }), ENOTSUP);
        assert.equal(await run("Open", { fd: folder, path: at("x") }), ENOENT, "absolute");
        fs.closeSync(folder);
      }),
    );
  });

  describe(`${engine}: read and write`, () => {
    it(
      "transfer at an offset, and at the file position",
      bench(async ({ at, run }) => {
        const fd = fs.openSync(at("file"), "w+");
        const buffer = Buffer.from("0123456789");
        assert.equal(await run("Write", { fd, buffer, length: 10, offset: -1 }), 10);
        assert.equal(await run("Write", { fd, buffer, length: 2, offset: -1 }), 2);
        assert.equal(await run("Write", { fd, buffer, length: 1, offset: 5 }), 1);
        const target = new Uint16Array(6);
        assert.equal(await run("Read", { fd, buffer: target, length: 12, offset: 0 }), 12);
        assert.equal(Buffer.from(target.buffer).toString(), "012340678901");
        assert.equal(await run("Read", { fd, buffer: target, length: 12, offset: -1 }), 0);
        assert.equal(await run("Read", { fd, buffer: target, length: 12, offset: 10 }), 2);
        fs.closeSync(fd);
      }),
    );

    it(
      "use a view's own part of its memory, and no more than the length",
      bench(async ({ at, run }) => {
        fs.writeFileSync(at("file"), "abcdefgh");
        const fd = fs.openSync(at("file"), "r");
        const memory = new ArrayBuffer(16);
        const buffer = new DataView(memory, 4, 8);
        assert.equal(await run("Read", { fd, buffer, length: 3, offset: 2 }), 3);
        assert.equal(Buffer.from(memory).toString("latin1"), "\0\0\0\0cde\0\0\0\0\0\0\0\0\0");
        fs.closeSync(fd);
      }),
    );

    it(
      "ask the kernel even where there is nothing to transfer",
      bench(async ({ at, dir, run }) => {
        const buffer = Buffer.alloc(0);
        assert.equal(await run("Read", { fd: noFd, buffer, length: 0, offset: 0 }), EBADF);
        assert.equal(await run("Write", { fd: noFd, buffer, length: 0, offset: 0 }), EBADF);
        assert.equal(await run("Readv", { fd: noFd, buffers: [], length: 0, offset: 0 }), EBADF);
        assert.equal(await run("Writev", { fd: noFd, buffers: [], length: 0, offset: 0 }), EBADF);
        const folder = fs.openSync(dir, "r");
        assert.equal(await run("Read", { fd: folder, buffer, length: 0, offset: 0 }), EISDIR);
        fs.closeSync(folder);
        const fd = fs.openSync(at("file"), "w+");
        assert.equal(await run("Read", { fd, buffer, length: 0, offset: -1 }), 0);
        assert.equal(await run("Write", { fd, buffer, length: 0, offset: -1 }), 0);
        fs.closeSync(fd);
      }),
    );

    it(
      "report the kernel's refusals, and refuse RWF_* flags",
      bench(async ({ at, dir, run }) => {
        const buffer = Buffer.alloc(8);
        fs.writeFileSync(at("file"), "");
        const writeOnly = fs.openSync(at("file"), "a");
        assert.equal(await run("Read", { fd: writeOnly, buffer, length: 8, offset: 0 }), EBADF);
        fs.closeSync(writeOnly);
        const folder = fs.openSync(dir, "r");
        assert.equal(await run("Read", { fd: folder, buffer, length: 8, offset: 0 }), EISDIR);
        fs.closeSync(folder);
        const durable = { fd: noFd, buffer, length: 8, offset: 0, flags: RWF_DSYNC };
        assert.equal(await run("Write", durable), ENOTSUP);
        assert.equal(await run("Read", { fd: 1, fixedFile: true, buffer, length: 8 }), ENOTSUP);
      }),
    );

    it(
      "reach offsets beyond 4 GiB",
      bench(async ({ at, run }) => {
        const fd = fs.openSync(at("sparse"), "w+");
        const offset = 2 ** 32 + 7;
        const buffer = Buffer.from("far");
        assert.equal(await run("Write", { fd, buffer, length: 3, offset }), 3);
        assert.equal(fs.fstatSync(fd).size, offset + 3);
        const target = Buffer.alloc(5);
        assert.equal(await run("Read", { fd, buffer: target, length: 5, offset: offset - 2 }), 5);
        assert.equal(target.toString("latin1"), "\0\0far");
        fs.closeSync(fd);
      }),
    );
  });

  describe(`${engine}: readv and writev`, () => {
    it(
      "transfer as many buffers as the length says",
      bench(async ({ at, run }) => {
        const fd = fs.openSync(at("file"), "w+");
        const buffers = ["ab", "cde", "not me"].map((text) => Buffer.from(text));
        assert.equal(await run("Writev", { fd, buffers, length: 2, offset: 1 }), 5);
        assert.equal(await run("Writev", { fd, buffers, length: 1, offset: -1 }), 2);
        const targets = [new Uint8Array(3), new Uint8Array(10)];
        assert.equal(await run("Readv", { fd, buffers: targets, length: 2, offset: 0 }), 6);
        const texts = targets.map((target) => Buffer.from(target).toString("latin1"));
        assert.deepEqual(texts, ["abb", `cde${"\0".repeat(7)}`]);
        fs.closeSync(fd);
      }),
    );

    it(
      "refuse more vectors than the kernel takes, which libuv would cut off",
      bench(async ({ at, run }) => {
        const fd = fs.openSync(at("file"), "w+");
        const buffers = Array.from({ length: IOV_MAX + 1 }, () => Buffer.from("x"));
        const length = buffers.length;
        assert.equal(await run("Writev", { fd, buffers, length, offset: 0 }), EINVAL);
        assert.equal(await run("Readv", { fd, buffers, length, offset: 0 }), EINVAL);
        assert.equal(await run("Writev", { fd, buffers, length: IOV_MAX, offset: 0 }), IOV_MAX);
        fs.closeSync(fd);
      }),
    );
  });

  describe(`${engine}: fsync, fdatasync and truncate`, () => {
    it(
      "reach the file",
      bench(async ({ at, run }) => {
        const fd = fs.openSync(at("file"), "w+");
        assert.equal(await run("Truncate", { fd, offset: 5000 }), 0);
        assert.equal(fs.fstatSync(fd).size, 5000);
        assert.equal(await run("Truncate", { fd, offset: -1 }), EINVAL);
        assert.equal(fs.fstatSync(fd).size, 5000, "Node would have cut it to nothing");
        assert.equal(await run("Fsync", { fd }), 0);
        assert.equal(await run("Fdatasync", { fd }), 0);
        assert.equal(await run("Fsync", { fd: noFd }), EBADF);
        fs.closeSync(fd);
      }),
    );
  });

  describe(`${engine}: statx`, () => {
    it(
      "writes struct statx, as fs.stat with bigint knows it",
      bench(async ({ at, run }) => {
        fs.writeFileSync(at("file"), "12345");
        fs.symlinkSync("file", at("link"));
        // Node reads a negative number as now, and a Date before 1970 as what it says.
        fs.utimesSync(at("file"), new Date(-1250), 1_700_000_000.125);
        const fd = fs.openSync(at("file"), "r");
        const cases: [RequestFields, fs.BigIntStats][] = [
          [{ path: at("file"), flags: 0 }, fs.statSync(at("file"), { bigint: true })],
          [{ path: at("link"), flags: 0 }, fs.statSync(at("link"), { bigint: true })],
          [
            { path: at("link"), flags: AT_SYMLINK_NOFOLLOW },
            fs.lstatSync(at("link"), { bigint: true }),
          ],
          [{ fd, path: "", flags: AT_EMPTY_PATH }, fs.fstatSync(fd, { bigint: true })],
          [{ fd, flags: AT_EMPTY_PATH }, fs.fstatSync(fd, { bigint: true })],
          [{ path: "/dev/null", flags: 0 }, fs.statSync("/dev/null", { bigint: true })],
        ];
        for (const [fields, stats] of cases) {
          // In the middle of dirty memory, as a part of a larger one.
          const memory = Buffer.alloc(STATX_BYTES + 32, 0xff);
          const buffer = memory.subarray(16, 16 + STATX_BYTES);
          assert.equal(await run("Statx", { ...fields, buffer }), 0);
          const seen = decodeStatx(buffer);
          assert.equal(seen.mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
          assert.equal(seen.ino, stats.ino);
          assert.equal(seen.mode, Number(stats.mode));
          assert.equal(seen.nlink, Number(stats.nlink));
          assert.equal(seen.uid, Number(stats.uid));
          assert.equal(seen.gid, Number(stats.gid));
          assert.equal(seen.size, Number(stats.size));
          assert.equal(seen.blocks, Number(stats.blocks));
          assert.equal(seen.blksize, Number(stats.blksize));
          assert.equal(seen.mtimeMs, milliseconds(stats.mtimeNs));
          assert.equal(seen.attributes, 0n);
          assert.equal(seen.dioMemAlign, 0);
          assert.deepEqual([makedev(seen.dev), makedev(seen.rdev)], [stats.dev, stats.rdev]);
          assert.ok(memory.subarray(0, 16).every((byte) => byte === 0xff));
          assert.ok(memory.subarray(16 + STATX_BYTES).every((byte) => byte === 0xff));
        }
        const buffer = Buffer.alloc(STATX_BYTES);
        assert.equal(await run("Statx", { path: at("file"), flags: 0, buffer }), 0);
        assert.equal(decodeStatx(buffer).atimeMs, -1250);
        fs.closeSync(fd);
      }),
    );

    /** As the reader of struct statx rounds: seconds and nanoseconds apart. */
    const milliseconds = (ns: bigint) =>
      Number(ns / 1_000_000_000n) * 1000 + Number(ns % 1_000_000_000n) / 1e6;

    /** The number of a device, as far as its parts are below 256: there every encoding agrees. */
    const makedev = ({ major, minor }: { major: number; minor: number }) =>
      BigInt(major) * 256n + BigInt(minor);

    it(
      "refuses small memory and flags without a function for them",
      bench(async ({ at, run }) => {
        const buffer = Buffer.alloc(STATX_BYTES);
        const small = buffer.subarray(1);
        assert.equal(await run("Statx", { path: "/", flags: 0, buffer: small }), EFAULT);
        assert.equal(await run("Statx", { path: "/", flags: 0 }), EFAULT);
        const forced = { path: "/", flags: AT_STATX_FORCE_SYNC, buffer };
        assert.equal(await run("Statx", forced), ENOTSUP);
        assert.equal(await run("Statx", { path: at("none"), flags: 0, buffer }), ENOENT);
      }),
    );
  });

  describe(`${engine}: names`, () => {
    it(
      "are made, moved, linked and removed",
      bench(async ({ at, run }) => {
        assert.equal(await run("Mkdir", { path: at("folder"), mode: 0x8000_01c0 }), 0);
        assert.equal(fs.statSync(at("folder")).mode & 0o777, 0o700 & ~process.umask());
        assert.equal(await run("Mkdir", { path: at("folder"), mode: 0o700 }), EEXIST);

        fs.writeFileSync(at("folder/file"), "text");
        const moved = { path: at("folder/file"), path2: at("folder/moved"), extra: AT_FDCWD };
        assert.equal(await run("Rename", moved), 0);
        assert.equal(await run("Rename", moved), ENOENT);
        const hard = { path: at("folder/moved"), path2: at("hard"), extra: AT_FDCWD };
        assert.equal(await run("Link", hard), 0);
        assert.equal(fs.statSync(at("hard")).nlink, 2);
        assert.equal(await run("Symlink", { path: "hard", path2: at("soft") }), 0);
        assert.equal(fs.readlinkSync(at("soft")), "hard");

        const folder = { path: at("folder"), flags: AT_REMOVEDIR };
        assert.equal(await run("Unlink", folder), ENOTEMPTY);
        assert.equal(await run("Unlink", { path: at("folder"), flags: 0 }), EISDIR);
        assert.equal(await run("Unlink", { path: at("folder/moved"), flags: 0 }), 0);
        assert.equal(await run("Unlink", folder), 0);
        assert.equal(await run("Unlink", { path: at("soft"), flags: 0 }), 0);
        assert.deepEqual(fs.readdirSync(at(".")), ["hard"]);
      }),
    );

    it(
      "are refused where node:fs would do something else",
      bench(async ({ at, dir, run }) => {
        const fd = fs.openSync(dir, "r");
        const two = { path: at("a"), path2: at("b"), extra: AT_FDCWD };
        assert.equal(await run("Rename", { ...two, flags: RENAME_NOREPLACE }), ENOTSUP);
        assert.equal(await run("Link", { ...two, flags: AT_SYMLINK_FOLLOW }), ENOTSUP);
        assert.equal(await run("Rename", { ...two, path2: "b", extra: fd }), ENOTSUP);
        assert.equal(await run("Rename", { ...two, path: "a", fd }), ENOTSUP);
        assert.equal(await run("Unlink", { path: "a", fd }), ENOTSUP);
        assert.equal(await run("Unlink", { path: at("a"), flags: 0x4000_0000 }), ENOTSUP);
        assert.equal(await run("Mkdir", { path: Buffer.from("a"), fd }), ENOTSUP);
        assert.equal(await run("Symlink", { path: at("a"), path2: "b", fd }), ENOTSUP);
        fs.closeSync(fd);
      }),
    );
  });
}
