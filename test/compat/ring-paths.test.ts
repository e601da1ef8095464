import assert from "node:assert/strict";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  EBADF,
  EEXIST,
  ENOENT,
  ENXIO,
  EXDEV,
  IORING_FILE_INDEX_ALLOC,
  IORING_FIXED_FD_NO_CLOEXEC,
  IOSQE_FIXED_FILE,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  openHow,
  RENAME_EXCHANGE,
  RESOLVE_BENEATH,
  STATX_BASIC_STATS,
  STX_SIZE,
  Struct,
  XATTR_CREATE,
} from "../../src/compat/ring/index.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  expectRes,
  lendable,
  lendableInt32s,
  ok,
  page,
  run,
  smallRing,
  uringIt,
} from "./ring-support.ts";

describe("prepOpenat, prepOpenat2, prepClose", () => {
  uringIt("open and close by path", ["IORING_OP_OPENAT", "IORING_OP_CLOSE"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "new");
      const fd = ok(ring, (sqe) => ring.prepOpen(sqe, path, O_RDWR | O_CREAT | O_EXCL, 0o640));
      assert.equal(statSync(path).mode & 0o777, 0o640 & ~process.umask());
      expectRes(ring, -EEXIST, (sqe) => ring.prepOpen(sqe, path, O_CREAT | O_EXCL, 0o600));
      expectRes(ring, 0, (sqe) => ring.prepClose(sqe, fd));
      expectRes(ring, -EBADF, (sqe) => ring.prepClose(sqe, fd));
      const folder = openSync(dir, O_RDONLY);
      const again = ok(ring, (sqe) => ring.prepOpenat(sqe, folder, "new", O_RDONLY, 0));
      closeSync(again);
      const bytes = lendable("new\0and more");
      closeSync(ok(ring, (sqe) => ring.prepOpenat(sqe, folder, bytes, O_RDONLY, 0)));
      closeSync(folder);
    }, "ring"),
  );

  uringIt("resolve as openat2(2) is told", ["IORING_OP_OPENAT2"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      writeFileSync(join(dir, "file"), "inside");
      const folder = openSync(dir, O_RDONLY);
      const how = openHow({ flags: O_RDONLY, resolve: RESOLVE_BENEATH });
      closeSync(ok(ring, (sqe) => ring.prepOpenat2(sqe, folder, "file", how)));
      expectRes(ring, -EXDEV, (sqe) => ring.prepOpenat2(sqe, folder, "../x", how));
      closeSync(folder);
    }, "ring"),
  );

  uringIt(
    "open by openat2(2) into the table",
    ["IORING_OP_OPENAT2", "IORING_REGISTER_FILES2"],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        writeFileSync(join(dir, "file"), "inside");
        const folder = openSync(dir, O_RDONLY);
        const how = openHow({ flags: O_RDONLY, resolve: RESOLVE_BENEATH });
        assert.equal(ring.registerFilesSparse(2), 0);
        expectRes(ring, 0, (sqe) => ring.prepOpenat2Direct(sqe, folder, "file", how, 1));
        expectRes(ring, 6, (sqe) => ring.prepRead(sqe, 1, page(), 100, 0), IOSQE_FIXED_FILE);
        closeSync(folder);
      }, "ring"),
  );
});

describe("direct descriptors", () => {
  uringIt(
    "open into the table, are used by index, and are closed",
    [
      "IORING_OP_OPENAT",
      "IORING_OP_CLOSE",
      "IORING_REGISTER_FILES2",
      "IORING_UNREGISTER_FILES",
      "IOSQE_FIXED_FILE",
    ],
    () =>
      withTempDir((dir) => {
        using ring = smallRing();
        const path = join(dir, "file");
        writeFileSync(path, "direct");
        assert.equal(ring.registerFilesSparse(4), 0);
        expectRes(ring, 0, (sqe) => ring.prepOpenDirect(sqe, path, O_RDONLY, 0, 2));
        const buffer = lendable(6);
        expectRes(ring, 6, (sqe) => ring.prepRead(sqe, 2, buffer, 6, 0), IOSQE_FIXED_FILE);
        assert.equal(buffer.toString(), "direct");
        expectRes(ring, -EBADF, (sqe) => ring.prepRead(sqe, 3, buffer, 6, 0), IOSQE_FIXED_FILE);
        const chosen = ok(ring, (sqe) => {
          ring.prepOpenatDirect(sqe, AT_FDCWD, path, O_RDONLY, 0, IORING_FILE_INDEX_ALLOC);
        });
        assert.ok(chosen >= 0 && chosen < 4 && chosen !== 2);
        expectRes(ring, 0, (sqe) => ring.prepCloseDirect(sqe, 2));
        expectRes(ring, -EBADF, (sqe) => ring.prepCloseDirect(sqe, 2));
        assert.equal(ring.unregisterFiles(), 0);
        assert.equal(ring.unregisterFiles(), -ENXIO);
      }, "ring"),
  );

  uringIt("become ordinary descriptors", ["IORING_OP_FIXED_FD_INSTALL"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "file");
      writeFileSync(path, "installed");
      assert.equal(ring.registerFilesSparse(1), 0);
      ok(ring, (sqe) => ring.prepOpenDirect(sqe, path, O_RDONLY, 0, 0));
      for (const flags of [0, IORING_FIXED_FD_NO_CLOEXEC]) {
        const fd = ok(ring, (sqe) => ring.prepFixedFdInstall(sqe, 0, flags));
        const buffer = lendable(9);
        assert.equal(readSync(fd, buffer, 0, 9, 0), 9);
        assert.equal(buffer.toString(), "installed");
        const info = readFileSync(`/proc/self/fdinfo/${fd}`, "latin1");
        const isCloexec =
          (Number.parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? "", 8) & 0o2000000) !== 0;
        assert.equal(isCloexec, flags === 0);
        closeSync(fd);
      }
    }, "ring"),
  );

  uringIt("are replaced by a request", ["IORING_OP_FILES_UPDATE"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "file");
      writeFileSync(path, "updated");
      const fd = openSync(path, O_RDONLY);
      assert.equal(ring.registerFiles([-1, -1, -1]), 0);
      const fds = lendableInt32s([fd, fd]);
      expectRes(ring, 2, (sqe) => ring.prepFilesUpdate(sqe, fds, 2, 1));
      closeSync(fd);
      const buffer = lendable(7);
      for (const [index, res] of [-EBADF, 7, 7].entries()) {
        expectRes(ring, res, (sqe) => ring.prepRead(sqe, index, buffer, 7, 0), IOSQE_FIXED_FILE);
      }
      ok(ring, (sqe) => ring.prepFilesUpdate(sqe, lendableInt32s([-1]), 1, 2));
      expectRes(ring, -EBADF, (sqe) => ring.prepRead(sqe, 2, buffer, 7, 0), IOSQE_FIXED_FILE);
    }, "ring"),
  );
});

describe("prepStatx", () => {
  uringIt("tells of a path and of a descriptor", ["IORING_OP_STATX"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "file");
      writeFileSync(path, "12345");
      const statx = new Struct(256);
      ok(ring, (sqe) => ring.prepStatx(sqe, AT_FDCWD, path, 0, STATX_BASIC_STATS, statx));
      assert.equal(statx.u64(STX_SIZE), 5);
      const fd = openSync(path, O_RDONLY);
      statx.bytes.fill(0);
      ok(ring, (sqe) => ring.prepStatx(sqe, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, statx));
      assert.equal(statx.u64(STX_SIZE), 5);
      closeSync(fd);
      const absent = join(dir, "absent");
      expectRes(ring, -ENOENT, (sqe) => ring.prepStatx(sqe, AT_FDCWD, absent, 0, 0, statx));
    }, "ring"),
  );
});

describe("prepUnlinkat, prepRenameat, prepMkdirat, prepSymlinkat, prepLinkat", () => {
  uringIt("remove files and folders", ["IORING_OP_UNLINKAT", "IORING_OP_MKDIRAT"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      expectRes(ring, 0, (sqe) => ring.prepMkdir(sqe, join(dir, "folder"), 0o700));
      assert.ok(statSync(join(dir, "folder")).isDirectory());
      const fd = openSync(dir, O_RDONLY);
      expectRes(ring, 0, (sqe) => ring.prepMkdirat(sqe, fd, "other", 0o700));
      writeFileSync(join(dir, "file"), "");
      expectRes(ring, 0, (sqe) => ring.prepUnlink(sqe, join(dir, "file"), 0));
      expectRes(ring, 0, (sqe) => ring.prepUnlinkat(sqe, fd, "folder", AT_REMOVEDIR));
      assert.deepEqual(readdirSync(dir), ["other"]);
      closeSync(fd);
    }, "ring"),
  );

  uringIt("rename, and swap two names", ["IORING_OP_RENAMEAT"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const [a, b] = [join(dir, "a"), join(dir, "b")];
      writeFileSync(a, "was a");
      expectRes(ring, 0, (sqe) => ring.prepRename(sqe, a, b));
      writeFileSync(a, "new a");
      const fd = openSync(dir, O_RDONLY);
      ok(ring, (sqe) => ring.prepRenameat(sqe, fd, "a", fd, "b", RENAME_EXCHANGE));
      closeSync(fd);
      assert.deepEqual([readFileSync(a, "utf8"), readFileSync(b, "utf8")], ["was a", "new a"]);
    }, "ring"),
  );

  uringIt("link", ["IORING_OP_SYMLINKAT", "IORING_OP_LINKAT"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "file");
      writeFileSync(path, "x");
      expectRes(ring, 0, (sqe) => ring.prepSymlink(sqe, "file", join(dir, "soft")));
      assert.equal(readlinkSync(join(dir, "soft")), "file");
      expectRes(ring, 0, (sqe) => ring.prepLink(sqe, path, join(dir, "hard"), 0));
      assert.equal(statSync(path).nlink, 2);
      const fd = openSync(dir, O_RDONLY);
      expectRes(ring, 0, (sqe) => ring.prepSymlinkat(sqe, "file", fd, "soft2"));
      expectRes(ring, 0, (sqe) => ring.prepLinkat(sqe, fd, "file", fd, "hard2", 0));
      closeSync(fd);
      assert.ok(existsSync(join(dir, "soft2")) && existsSync(join(dir, "hard2")));
    }, "ring"),
  );
});

describe("extended attributes", () => {
  uringIt("are set and read by path", ["IORING_OP_SETXATTR", "IORING_OP_GETXATTR"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "file");
      writeFileSync(path, "");
      const name = "user.proactor";
      const value = lendable("value");
      expectRes(ring, 0, (sqe) => ring.prepSetxattr(sqe, name, value, path, XATTR_CREATE, 5));
      expectRes(ring, -EEXIST, (sqe) => {
        ring.prepSetxattr(sqe, name, value, path, XATTR_CREATE, 5);
      });
      const into = lendable(16);
      expectRes(ring, 5, (sqe) => ring.prepGetxattr(sqe, name, into, path, 16));
      assert.equal(into.toString("latin1", 0, 5), "value");
      expectRes(ring, 5, (sqe) => ring.prepGetxattr(sqe, name, null, path, 0));
    }, "ring"),
  );

  uringIt("are set and read by descriptor", ["IORING_OP_FSETXATTR", "IORING_OP_FGETXATTR"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      const path = join(dir, "file");
      writeFileSync(path, "");
      const fd = openSync(path, O_RDWR);
      const value = lendable("by fd");
      expectRes(ring, 0, (sqe) => ring.prepFsetxattr(sqe, fd, "user.x", value, 0, 5));
      const into = lendable(5);
      expectRes(ring, 5, (sqe) => ring.prepFgetxattr(sqe, fd, "user.x", into, 5));
      assert.equal(into.toString(), "by fd");
      assert.ok(run(ring, (sqe) => ring.prepFgetxattr(sqe, fd, "user.none", into, 5)) < 0);
      closeSync(fd);
    }, "ring"),
  );
});
