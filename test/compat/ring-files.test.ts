import assert from "node:assert/strict";
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe } from "node:test";
import {
  addressOf,
  EBADF,
  EINVAL,
  FALLOC_FL_KEEP_SIZE,
  IORING_FSYNC_DATASYNC,
  iovec,
  MADV_DONTNEED,
  O_CLOEXEC,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_SEQUENTIAL,
  RWF_APPEND,
  RWF_DSYNC,
  SPLICE_F_FD_IN_FIXED,
  SYNC_FILE_RANGE_WRITE,
} from "../../src/compat/ring/index.ts";
import { withTempDir } from "../support/temp-dir.ts";
import {
  expectRes,
  fifo,
  kernelIs,
  lendable,
  lendableInt32s,
  ok,
  page,
  run,
  smallRing,
  uringIt,
} from "./ring-support.ts";

/** A length of 64 bits has a field of its own since Linux 6.11, which had to be 0 before. */
const WIDE = kernelIs("6.11") ? 0 : -EINVAL;

/** Runs a test with a file of its own, open for reading and writing. */
function withFile(text: string, body: (fd: number, path: string) => void): Promise<void> {
  return withTempDir((dir) => {
    const path = join(dir, "file");
    writeFileSync(path, text);
    const fd = openSync(path, "r+");
    try {
      body(fd, path);
    } finally {
      closeSync(fd);
    }
  }, "ring");
}

describe("prepRead, prepWrite", () => {
  uringIt("read and write at offsets", ["IORING_OP_READ", "IORING_OP_WRITE"], () =>
    withFile("0123456789", (fd, path) => {
      using ring = smallRing();
      const buffer = lendable(4);
      expectRes(ring, 4, (sqe) => ring.prepRead(sqe, fd, buffer, 4, 3));
      assert.equal(buffer.toString(), "3456");
      expectRes(ring, 3, (sqe) => ring.prepWrite(sqe, fd, lendable("abc"), 3, 5));
      assert.equal(readFileSync(path, "utf8"), "01234abc89");
      expectRes(ring, 2, (sqe) => ring.prepRead(sqe, fd, buffer, 4, 8));
      expectRes(ring, -EBADF, (sqe) => ring.prepRead(sqe, -1, buffer, 4, 0));
    }),
  );

  uringIt("take -1 for the file position", ["IORING_OP_READ", "IORING_OP_WRITE"], () =>
    withFile("0123456789", (fd) => {
      using ring = smallRing();
      const buffer = lendable(4);
      ok(ring, (sqe) => ring.prepRead(sqe, fd, buffer, 4, -1));
      ok(ring, (sqe) => ring.prepRead(sqe, fd, buffer, 4, -1));
      assert.equal(buffer.toString(), "4567");
      ok(ring, (sqe) => ring.prepWrite(sqe, fd, lendable("x"), 1, -1));
      assert.equal(readSync(fd, buffer, 0, 4, null), 1);
      assert.equal(buffer.toString("latin1", 0, 1), "9");
    }),
  );

  uringIt("reach beyond 4 GiB", ["IORING_OP_READ", "IORING_OP_WRITE"], () =>
    withFile("", (fd) => {
      using ring = smallRing();
      const far = 5 * 2 ** 30 + 3;
      ok(ring, (sqe) => ring.prepWrite(sqe, fd, lendable("far"), 3, far));
      assert.equal(fstatSync(fd).size, far + 3);
      const buffer = lendable(3);
      ok(ring, (sqe) => ring.prepRead(sqe, fd, buffer, 3, far));
      assert.equal(buffer.toString(), "far");
    }),
  );
});

describe("prepReadv, prepWritev", () => {
  uringIt("scatter and gather", ["IORING_OP_READV", "IORING_OP_WRITEV"], () =>
    withFile("", (fd, path) => {
      using ring = smallRing();
      const parts = [lendable("one "), lendable("two "), lendable("three")];
      expectRes(ring, 13, (sqe) => ring.prepWritev(sqe, fd, iovec(parts), 3, 0));
      assert.equal(readFileSync(path, "utf8"), "one two three");
      const into = [lendable(3), lendable(5)];
      expectRes(ring, 8, (sqe) => ring.prepReadv(sqe, fd, iovec(into), 2, 4));
      assert.deepEqual(into.map(String), ["two", " thre"]);
    }),
  );

  uringIt("take RWF flags as their second forms", ["IORING_OP_READV", "IORING_OP_WRITEV"], () =>
    withFile("begin", (fd, path) => {
      using ring = smallRing();
      const flags = RWF_APPEND | RWF_DSYNC;
      ok(ring, (sqe) => ring.prepWritev2(sqe, fd, iovec([lendable(" end")]), 1, 0, flags));
      assert.equal(readFileSync(path, "utf8"), "begin end");
      const bad = 0x4000_0000;
      const refused = run(ring, (sqe) => {
        ring.prepReadv2(sqe, fd, iovec([lendable(1)]), 1, 0, bad);
      });
      assert.ok(refused < 0, "The kernel looks at the flags");
    }),
  );
});

describe("prepReadFixed, prepWriteFixed", () => {
  uringIt(
    "use registered buffers",
    [
      "IORING_OP_READ_FIXED",
      "IORING_OP_WRITE_FIXED",
      "IORING_REGISTER_BUFFERS",
      "IORING_UNREGISTER_BUFFERS",
    ],
    () =>
      withFile("0123456789", (fd, path) => {
        using ring = smallRing();
        const buffers = [page("first"), page("second")] as const;
        assert.equal(ring.registerBuffers(buffers), 0);
        ok(ring, (sqe) => ring.prepWriteFixed(sqe, fd, buffers[1], 6, 2, 1));
        assert.equal(readFileSync(path, "utf8"), "01second89");
        const at = addressOf(buffers[0]) + 100;
        ok(ring, (sqe) => ring.prepReadFixed(sqe, fd, at, 4, 0, 0));
        assert.equal(buffers[0].toString("latin1", 100, 104), "01se");
        const outside = run(ring, (sqe) => ring.prepReadFixed(sqe, fd, at, 4096, 0, 0));
        assert.ok(outside < 0, "Memory outside of the registered buffer");
        assert.equal(ring.unregisterBuffers(), 0);
        assert.ok(run(ring, (sqe) => ring.prepReadFixed(sqe, fd, at, 4, 0, 0)) < 0);
      }),
  );

  uringIt(
    "scatter and gather within one registered buffer",
    ["IORING_OP_READV_FIXED", "IORING_OP_WRITEV_FIXED"],
    () =>
      withFile("", (fd, path) => {
        using ring = smallRing();
        const buffer = page("abcdefgh");
        assert.equal(ring.registerBuffers([buffer]), 0);
        const out = iovec([buffer.subarray(0, 2), buffer.subarray(6, 8)]);
        expectRes(ring, 4, (sqe) => ring.prepWritevFixed(sqe, fd, out, 2, 0, 0, 0));
        assert.equal(readFileSync(path, "utf8"), "abgh");
        const into = iovec([buffer.subarray(100, 103), buffer.subarray(200, 201)]);
        ok(ring, (sqe) => ring.prepReadvFixed(sqe, fd, into, 2, 0, 0, 0));
        assert.equal(buffer.toString("latin1", 100, 103), "abg");
        assert.equal(buffer.toString("latin1", 200, 201), "h");
      }),
  );
});

describe("prepFsync", () => {
  uringIt("flushes data, with and without metadata", ["IORING_OP_FSYNC"], () =>
    withFile("x", (fd) => {
      using ring = smallRing();
      expectRes(ring, 0, (sqe) => ring.prepFsync(sqe, fd, 0));
      expectRes(ring, 0, (sqe) => ring.prepFsync(sqe, fd, IORING_FSYNC_DATASYNC));
      expectRes(ring, 0, (sqe) => ring.prepFdatasync(sqe, fd));
      expectRes(ring, -EINVAL, (sqe) => ring.prepFsync(sqe, fd, 0x80));
    }),
  );

  uringIt("flushes a part of a file", ["IORING_OP_SYNC_FILE_RANGE"], () =>
    withFile("x".repeat(8192), (fd) => {
      using ring = smallRing();
      const flags = SYNC_FILE_RANGE_WRITE;
      expectRes(ring, 0, (sqe) => ring.prepSyncFileRange(sqe, fd, 4096, 4096, flags));
      expectRes(ring, -EINVAL, (sqe) => ring.prepSyncFileRange(sqe, fd, 4096, 0, 0x80));
    }),
  );
});

describe("prepFallocate, prepFtruncate", () => {
  uringIt("make room", ["IORING_OP_FALLOCATE"], () =>
    withFile("x", (fd) => {
      using ring = smallRing();
      expectRes(ring, 0, (sqe) => ring.prepFallocate(sqe, fd, 0, 0, 10_000));
      assert.equal(fstatSync(fd).size, 10_000);
      ok(ring, (sqe) => ring.prepFallocate(sqe, fd, FALLOC_FL_KEEP_SIZE, 0, 100_000));
      assert.equal(fstatSync(fd).size, 10_000);
      assert.ok(fstatSync(fd).blocks * 512 >= 100_000);
    }),
  );

  uringIt("cut and lengthen a file", ["IORING_OP_FTRUNCATE"], () =>
    withFile("0123456789", (fd, path) => {
      using ring = smallRing();
      ok(ring, (sqe) => ring.prepFtruncate(sqe, fd, 4));
      assert.equal(readFileSync(path, "utf8"), "0123");
      ok(ring, (sqe) => ring.prepFtruncate(sqe, fd, 6 * 2 ** 30));
      assert.equal(fstatSync(fd).size, 6 * 2 ** 30);
    }),
  );
});

describe("prepFadvise, prepMadvise", () => {
  uringIt("advise about a file", ["IORING_OP_FADVISE"], () =>
    withFile("x".repeat(8192), (fd) => {
      using ring = smallRing();
      expectRes(ring, 0, (sqe) => ring.prepFadvise(sqe, fd, 0, 4096, POSIX_FADV_SEQUENTIAL));
      expectRes(ring, WIDE, (sqe) => ring.prepFadvise64(sqe, fd, 0, 8192, POSIX_FADV_DONTNEED));
      expectRes(ring, -EINVAL, (sqe) => ring.prepFadvise(sqe, fd, 0, 4096, 99));
    }),
  );

  uringIt("advise about memory", ["IORING_OP_MADVISE"], () => {
    using ring = smallRing();
    const memory = page("forget me");
    expectRes(ring, 0, (sqe) => ring.prepMadvise(sqe, memory, 4096, MADV_DONTNEED));
    assert.equal(memory[0], 0, "The kernel has forgotten the page");
    memory.write("again");
    expectRes(ring, WIDE, (sqe) => ring.prepMadvise64(sqe, memory, 4096, MADV_DONTNEED));
    assert.equal(memory.toString("latin1", 0, 5), WIDE === 0 ? "\0\0\0\0\0" : "again");
    assert.throws(() => ring.prepMadvise(ring.getSqe(), memory, 4097, MADV_DONTNEED), {
      code: "ERR_OUT_OF_RANGE",
    });
  });
});

describe("prepSplice, prepTee, prepPipe", () => {
  uringIt("move bytes from a file into a pipe", ["IORING_OP_SPLICE"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using pipe = fifo(dir);
      const path = join(dir, "file");
      writeFileSync(path, "0123456789");
      const fd = openSync(path, "r");
      expectRes(ring, 5, (sqe) => ring.prepSplice(sqe, fd, 4, pipe.b, -1, 5, 0));
      const buffer = lendable(10);
      assert.equal(readSync(pipe.a, buffer), 5);
      assert.equal(buffer.toString("latin1", 0, 5), "45678");
      assert.equal(ring.registerFiles([fd]), 0);
      ok(ring, (sqe) => {
        ring.prepSplice(sqe, 0, 0, pipe.b, -1, 3, SPLICE_F_FD_IN_FIXED);
      });
      assert.equal(readSync(pipe.a, buffer), 3);
      assert.equal(buffer.toString("latin1", 0, 3), "012");
      closeSync(fd);
    }, "ring"),
  );

  uringIt("double what is in a pipe", ["IORING_OP_TEE"], () =>
    withTempDir((dir) => {
      using ring = smallRing();
      using first = fifo(dir, "first");
      using second = fifo(dir, "second");
      writeSync(first.b, "twice");
      expectRes(ring, 5, (sqe) => ring.prepTee(sqe, first.a, second.b, 100, 0));
      const buffer = lendable(5);
      for (const pipe of [first, second]) {
        assert.equal(readSync(pipe.a, buffer), 5);
        assert.equal(buffer.toString(), "twice");
      }
    }, "ring"),
  );

  uringIt("make pipes", ["IORING_OP_PIPE"], () => {
    using ring = smallRing();
    const fds = lendableInt32s(2);
    ok(ring, (sqe) => ring.prepPipe(sqe, fds, O_CLOEXEC));
    const [a = -1, b = -1] = fds;
    assert.ok(a > 2 && b > 2);
    writeSync(b, "through");
    const buffer = lendable(7);
    assert.equal(readSync(a, buffer), 7);
    closeSync(a);
    closeSync(b);
    assert.equal(ring.registerFilesSparse(4), 0);
    ok(ring, (sqe) => ring.prepPipeDirect(sqe, fds, 0, 1));
    assert.deepEqual([...fds], [1, 2], "Two places of the table, side by side");
  });
});
