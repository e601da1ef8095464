import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  IORING_FSYNC_DATASYNC,
  IORING_OP_CLOSE,
  IORING_OP_FADVISE,
  IORING_OP_FALLOCATE,
  IORING_OP_FSYNC,
  IORING_OP_FTRUNCATE,
  IORING_OP_LINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_NOP,
  IORING_OP_OPENAT,
  IORING_OP_OPENAT2,
  IORING_OP_POLL_ADD,
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_READV,
  IORING_OP_RENAMEAT,
  IORING_OP_SPLICE,
  IORING_OP_STATX,
  IORING_OP_SYMLINKAT,
  IORING_OP_SYNC_FILE_RANGE,
  IORING_OP_TEE,
  IORING_OP_TIMEOUT,
  IORING_OP_UNLINKAT,
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
  IORING_OP_WRITEV,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
} from "../../src/abi/io-uring.ts";
import { AT_FDCWD, O_CREAT, O_RDWR, O_TMPFILE } from "../../src/abi/linux.ts";
import { Link, OPERATIONS, OperationKind } from "../../src/core/index.ts";
import { OPCODES, write64, writeSqe, writeSqeHead } from "../../src/engines/io-uring/requests.ts";
import { Scratch } from "../../src/engines/io-uring/scratch.ts";
import { makeRequest, type RequestFields } from "../support/engines.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

/** An address whose both words say something, and whose low word has its sign bit set. */
const ADDRESS = 0x7f12_9abc_def0;
/** A file offset beyond 4 GiB, likewise. */
const OFFSET = 0x12_8765_4321;
const SLOT = 3;
const GENERATION = 0x7fff_fffe;

/** What a written SQE holds; every word that is not named must be zero. */
interface Expected {
  opcode: number;
  flags?: number;
  fd?: number;
  /** off, addr2 */
  off?: number;
  /** addr, splice_off_in */
  addr?: number;
  len?: number;
  /** rw_flags and its like */
  op?: number;
  bufIndex?: number;
  /** splice_fd_in, file_index */
  fileIndex?: number;
}

function withScratch() {
  const kernel = new FakeKernel();
  const scratch = new Scratch(kernel.addon, new ArrayBuffer(Scratch.size(8)));
  return { kernel, scratch };
}

/** Writes a request over an entry full of ones, and returns its sixteen words. */
function written(fields: RequestFields, scratch = withScratch().scratch, sqeFlags = 0): number[] {
  const sqes = new Uint32Array(48).fill(0xffff_ffff);
  const { address, ...rest } = { address: 0, ...(fields as { address?: number }) };
  const request = makeRequest(rest as RequestFields);
  request.setAddress(address);
  writeSqe(sqes, 16, request, sqeFlags, SLOT, GENERATION, scratch);
  assert.ok(
    sqes.slice(0, 16).every((word) => word === 0xffff_ffff),
    "The entry before",
  );
  assert.ok(
    sqes.slice(32).every((word) => word === 0xffff_ffff),
    "The entry after",
  );
  return [...sqes.slice(16, 32)];
}

function words(expected: Expected): number[] {
  const { opcode, flags = 0, fd = -1, off = 0, addr = 0, len = 0, op = 0 } = expected;
  const { bufIndex = 0, fileIndex = 0 } = expected;
  const all = new Uint32Array(16);
  const set64 = (at: number, value: number) => {
    const big = BigInt.asUintN(64, BigInt(value));
    all[at] = Number(big & 0xffff_ffffn);
    all[at + 1] = Number(big >> 32n);
  };
  all.set([opcode | (flags << 8), fd]);
  set64(2, off);
  set64(4, addr);
  all.set([len, op, SLOT, GENERATION, bufIndex, fileIndex], 6);
  return [...all];
}

/** The plain rows: what is asked, and what every word of the entry must be. */
const ROWS: readonly [title: string, fields: RequestFields & { address?: number }, Expected][] = [
  ["nop", { kind: OperationKind.Nop }, { opcode: IORING_OP_NOP }],
  ["close", { kind: OperationKind.Close, fd: 5 }, { opcode: IORING_OP_CLOSE, fd: 5 }],
  [
    "read at the file position",
    { kind: OperationKind.Read, fd: 5, address: ADDRESS, length: 4096, offset: -1 },
    { opcode: IORING_OP_READ, fd: 5, addr: ADDRESS, len: 4096, off: -1 },
  ],
  [
    "read beyond 4 GiB, with flags",
    { kind: OperationKind.Read, fd: 5, address: ADDRESS, length: 1, offset: OFFSET, flags: 8 },
    { opcode: IORING_OP_READ, fd: 5, addr: ADDRESS, len: 1, off: OFFSET, op: 8 },
  ],
  [
    "read at the largest offset",
    { kind: OperationKind.Read, fd: 5, length: 1, offset: Number.MAX_SAFE_INTEGER },
    { opcode: IORING_OP_READ, fd: 5, len: 1, off: Number.MAX_SAFE_INTEGER },
  ],
  [
    "read at 0",
    { kind: OperationKind.Read, fd: 5, address: ADDRESS, length: 1, offset: 0 },
    { opcode: IORING_OP_READ, fd: 5, addr: ADDRESS, len: 1, off: 0 },
  ],
  [
    "read into a registered buffer",
    { kind: OperationKind.Read, fd: 5, address: ADDRESS, length: 9, offset: 0, bufferIndex: 2 },
    { opcode: IORING_OP_READ_FIXED, fd: 5, addr: ADDRESS, len: 9, bufIndex: 2 },
  ],
  [
    "read into the registered buffer 0",
    { kind: OperationKind.Read, fd: 5, address: ADDRESS, length: 9, offset: 0, bufferIndex: 0 },
    { opcode: IORING_OP_READ_FIXED, fd: 5, addr: ADDRESS, len: 9 },
  ],
  [
    "write",
    { kind: OperationKind.Write, fd: 6, address: ADDRESS, length: 0x7fff_f000, offset: OFFSET },
    { opcode: IORING_OP_WRITE, fd: 6, addr: ADDRESS, len: 0x7fff_f000, off: OFFSET },
  ],
  [
    "write from a registered buffer",
    { kind: OperationKind.Write, fd: 6, address: ADDRESS, length: 7, offset: -1, bufferIndex: 1 },
    { opcode: IORING_OP_WRITE_FIXED, fd: 6, addr: ADDRESS, len: 7, off: -1, bufIndex: 1 },
  ],
  ["fsync", { kind: OperationKind.Fsync, fd: 7 }, { opcode: IORING_OP_FSYNC, fd: 7 }],
  [
    "fdatasync",
    { kind: OperationKind.Fdatasync, fd: 7 },
    { opcode: IORING_OP_FSYNC, fd: 7, op: IORING_FSYNC_DATASYNC },
  ],
  [
    "syncFileRange",
    { kind: OperationKind.SyncFileRange, fd: 7, offset: OFFSET, length: 4096, flags: 7 },
    { opcode: IORING_OP_SYNC_FILE_RANGE, fd: 7, off: OFFSET, len: 4096, op: 7 },
  ],
  [
    "syncFileRange of more than 32 bits, which is to the end",
    { kind: OperationKind.SyncFileRange, fd: 7, offset: 0, length: 2 ** 32, flags: 7 },
    { opcode: IORING_OP_SYNC_FILE_RANGE, fd: 7, len: 0, op: 7 },
  ],
  [
    "truncate",
    { kind: OperationKind.Truncate, fd: 7, offset: OFFSET },
    { opcode: IORING_OP_FTRUNCATE, fd: 7, off: OFFSET },
  ],
  [
    "fallocate",
    { kind: OperationKind.Fallocate, fd: 7, offset: 5, length: OFFSET, flags: 3 },
    { opcode: IORING_OP_FALLOCATE, fd: 7, off: 5, addr: OFFSET, len: 3 },
  ],
  [
    "fadvise",
    { kind: OperationKind.Fadvise, fd: 7, offset: OFFSET, length: 0xffff_ffff, extra: 4 },
    { opcode: IORING_OP_FADVISE, fd: 7, off: OFFSET, len: 0xffff_ffff, op: 4 },
  ],
  [
    "splice",
    {
      kind: OperationKind.Splice,
      fd: 8,
      offset: -1,
      extra: 9,
      offset2: OFFSET,
      length: 100,
      flags: 2,
    },
    {
      opcode: IORING_OP_SPLICE,
      fd: 8,
      off: -1,
      addr: OFFSET,
      len: 100,
      op: 2,
      fileIndex: 9,
    },
  ],
  [
    "tee, which wants no offsets at all",
    { kind: OperationKind.Tee, fd: 8, extra: 9, length: 100, flags: 2 },
    { opcode: IORING_OP_TEE, fd: 8, len: 100, op: 2, fileIndex: 9 },
  ],
  [
    "poll",
    { kind: OperationKind.Poll, fd: 8, flags: 5 },
    { opcode: IORING_OP_POLL_ADD, fd: 8, op: 5 },
  ],
];

describe("OPCODES", () => {
  it("has one for every operation", () => {
    assert.equal(OPCODES.length, OPERATIONS.length);
    assert.ok(OPCODES.every((opcode) => Number.isInteger(opcode)));
  });
});

describe("writeSqe", () => {
  for (const [title, fields, expected] of ROWS) {
    it(`writes every word: ${title}`, () => assert.deepEqual(written(fields), words(expected)));
  }

  it("gives fadvise of more than 32 bits its own place, or advises on what fits", () => {
    const request = { kind: OperationKind.Fadvise, fd: 7, offset: 0, length: 2 ** 32, extra: 4 };
    const sqe = { opcode: IORING_OP_FADVISE, fd: 7, op: 4 };
    const { scratch } = withScratch();
    assert.deepEqual(written(request, scratch), words({ ...sqe, len: 0xffff_f000 }));
    scratch.wideAdvice = true;
    assert.deepEqual(written(request, scratch), words({ ...sqe, addr: 2 ** 32 }));
  });

  it("puts IOSQE flags beside the opcode", () => {
    const flags = IOSQE_FIXED_FILE | IOSQE_IO_LINK;
    for (const kind of [OperationKind.Read, OperationKind.Fsync]) {
      const [first = 0] = written({ kind, fd: 1 }, withScratch().scratch, flags);
      assert.equal(first >>> 8, flags);
    }
  });

  it("writes every word for every kind: nothing of the entry's last use is left", () => {
    for (const kind of Object.values(OperationKind)) {
      const path = { path: "/a", path2: "/b" };
      const row = written({
        kind,
        ...path,
        buffers: [],
        addresses: [],
        length: 0,
        offset: 0,
        offset2: 0,
      });
      const stale = row.findIndex((word, i) => word === 0xffff_ffff && i !== 1);
      assert.equal(stale, -1, `word ${stale} of ${OPERATIONS[kind]?.name}`);
    }
  });

  it("writes every word: open", () => {
    const { kernel, scratch } = withScratch();
    const fields = { kind: OperationKind.Open, fd: AT_FDCWD, path: "/tmp/ü", mode: 0o640 };
    const row = written({ ...fields, flags: O_CREAT | O_RDWR }, scratch);
    const addr = at64(row, 4);
    const expected = { opcode: IORING_OP_OPENAT, fd: AT_FDCWD, addr };
    assert.deepEqual(row, words({ ...expected, len: 0o640, op: O_CREAT | O_RDWR }));
    assert.equal(kernel.stringAt(addr), "/tmp/ü");
  });

  it("writes every word: open into a registered place, which counts from 1, and its close", () => {
    const { kernel, scratch } = withScratch();
    const open = written(
      { kind: OperationKind.Open, fd: AT_FDCWD, path: "/p", directSlot: 0 },
      scratch,
    );
    const addr = at64(open, 4);
    assert.equal(kernel.stringAt(addr), "/p");
    assert.deepEqual(open, words({ opcode: IORING_OP_OPENAT, fd: AT_FDCWD, addr, fileIndex: 1 }));
    const close = written({ kind: OperationKind.Close, fd: 0, directSlot: 6 }, scratch);
    assert.deepEqual(close, words({ opcode: IORING_OP_CLOSE, fd: 0, fileIndex: 7 }));
  });

  it("writes every word: open with RESOLVE_*, as openat2 wants it", () => {
    const { kernel, scratch } = withScratch();
    const open = (flags: number, mode: number) => {
      const fields = { kind: OperationKind.Open, fd: AT_FDCWD, path: "x", extra: 8 };
      const row = written({ ...fields, flags, mode }, scratch);
      const [addr, off] = [at64(row, 4), at64(row, 2)];
      assert.deepEqual(row, words({ opcode: IORING_OP_OPENAT2, fd: AT_FDCWD, addr, off, len: 24 }));
      assert.equal(kernel.stringAt(addr), "x");
      const how = kernel.bytesAt(off, 24);
      return [...new BigUint64Array(how.slice().buffer)];
    };
    const created = O_CREAT | O_RDWR;
    assert.deepEqual(open(created, 0o640), [BigInt(created), 0o640n, 8n]);
    // openat2(2): a mode without a file to be made is an error.
    assert.deepEqual(open(O_RDWR, 0o640), [BigInt(O_RDWR), 0n, 8n]);
    const nameless = O_TMPFILE | O_RDWR;
    assert.deepEqual(open(nameless, 0o177_640), [BigInt(nameless), 0o7640n, 8n]);
  });

  it("writes every word: statx", () => {
    const { kernel, scratch } = withScratch();
    const fields = { kind: OperationKind.Statx, fd: 4, path: "", flags: 0x1000, extra: 0x7ff };
    const row = written({ ...fields, address: ADDRESS } as RequestFields, scratch);
    const addr = at64(row, 4);
    const expected = { opcode: IORING_OP_STATX, fd: 4, addr, off: ADDRESS };
    assert.deepEqual(row, words({ ...expected, len: 0x7ff, op: 0x1000 }));
    assert.equal(kernel.stringAt(addr), "");
  });

  it("writes every word: unlink and mkdir", () => {
    const { kernel, scratch } = withScratch();
    const path = { fd: AT_FDCWD, path: "/d" };
    const unlink = written({ kind: OperationKind.Unlink, ...path, flags: 0x200 }, scratch);
    let addr = at64(unlink, 4);
    assert.deepEqual(unlink, words({ opcode: IORING_OP_UNLINKAT, fd: AT_FDCWD, addr, op: 0x200 }));
    assert.equal(kernel.stringAt(addr), "/d");
    const mkdir = written({ kind: OperationKind.Mkdir, ...path, mode: 0o755 }, scratch);
    addr = at64(mkdir, 4);
    assert.deepEqual(mkdir, words({ opcode: IORING_OP_MKDIRAT, fd: AT_FDCWD, addr, len: 0o755 }));
  });

  it("writes every word: rename, link and symlink, each with two paths", () => {
    const rows = [
      [OperationKind.Rename, IORING_OP_RENAMEAT, AT_FDCWD, 2],
      [OperationKind.Link, IORING_OP_LINKAT, AT_FDCWD, 0x400],
      [OperationKind.Symlink, IORING_OP_SYMLINKAT, 0, 0],
    ] as const;
    for (const [kind, opcode, extra, flags] of rows) {
      const { kernel, scratch } = withScratch();
      const fields = { kind, fd: AT_FDCWD, extra, flags };
      const row = written({ ...fields, path: "/from", path2: "/to" }, scratch);
      const [addr, off] = [at64(row, 4), at64(row, 2)];
      assert.deepEqual(row, words({ opcode, fd: AT_FDCWD, addr, off, len: extra, op: flags }));
      assert.deepEqual([kernel.stringAt(addr), kernel.stringAt(off)], ["/from", "/to"]);
    }
  });

  it("writes every word: readv and writev", () => {
    for (const [kind, opcode] of [
      [OperationKind.Readv, IORING_OP_READV],
      [OperationKind.Writev, IORING_OP_WRITEV],
    ] as const) {
      const { kernel, scratch } = withScratch();
      const buffers = [new Uint8Array(100), new Float64Array(3), new Uint8Array(0)];
      const addresses = [ADDRESS, 0x1000, 0];
      const asked = { kind, fd: 3, buffers, addresses, length: 3, offset: OFFSET, flags: 2 };
      const row = written(asked, scratch);
      const addr = at64(row, 4);
      assert.deepEqual(row, words({ opcode, fd: 3, addr, off: OFFSET, len: 3, op: 2 }));
      const vectors = [...new BigUint64Array(kernel.bytesAt(addr, 48).slice().buffer)];
      assert.deepEqual(vectors, [BigInt(ADDRESS), 100n, 0x1000n, 24n, 0n, 0n]);
    }
  });

  it("writes every word: timeout, whose end breaks no chain", () => {
    const { kernel, scratch } = withScratch();
    const timeout = { kind: OperationKind.Timeout, offset: 1500.25 };
    const row = written(timeout, scratch);
    const addr = at64(row, 4);
    assert.deepEqual(row, words({ opcode: IORING_OP_TIMEOUT, addr, len: 1 }));
    const time = new BigUint64Array(kernel.bytesAt(addr, 16).slice().buffer);
    assert.deepEqual([...time], [1n, 500_250_000n]);
    const linked = written({ ...timeout, link: Link.Link }, scratch);
    const op = IORING_TIMEOUT_ETIME_SUCCESS;
    assert.deepEqual(linked, words({ opcode: IORING_OP_TIMEOUT, addr, len: 1, op }));
  });
});

describe("writeSqeHead", () => {
  it("writes opcode, flags, descriptor and user data, and zeroes the rest", () => {
    const sqes = new Uint32Array(16).fill(0xffff_ffff);
    writeSqeHead(sqes, 0, 14, 4, -1, 7, 0x8000_0000);
    const rest = [0, 0, 0, 0, 0, 0];
    assert.deepEqual([...sqes], [14 | (4 << 8), 0xffff_ffff, ...rest, 7, 0x8000_0000, ...rest]);
  });
});

describe("write64", () => {
  it("writes a number as two words, -1 as all ones", () => {
    for (const value of [
      0,
      1,
      0xffff_ffff,
      2 ** 32,
      OFFSET,
      ADDRESS,
      Number.MAX_SAFE_INTEGER,
      -1,
    ]) {
      const out = new Uint32Array(3).fill(9);
      write64(out, 1, value);
      const expected = BigInt.asUintN(64, BigInt(value));
      assert.deepEqual([...out], [9, Number(expected & 0xffff_ffffn), Number(expected >> 32n)]);
    }
  });
});

describe("Scratch", () => {
  const addresses = (scratch: Scratch, slot: number) => [
    scratch.deadline(slot, 1),
    scratch.time(slot, 1),
    scratch.openHow(slot, makeRequest({})),
    scratch.path(slot, "x".repeat(223)),
    scratch.secondPath(slot, "y".repeat(223)),
  ];

  it("gives slots memory of their own, and its parts in a slot too", () => {
    const { kernel, scratch } = withScratch();
    const all = [0, 1, 7].flatMap((slot) => addresses(scratch, slot));
    assert.equal(new Set(all).size, all.length);
    assert.equal(scratch.hasLarge, false, "All of it fits into the cells");
    // Written first, still there after all the others were.
    const [deadline = 0, , , first = 0, second = 0] = all;
    assert.equal(kernel.stringAt(first), "x".repeat(223));
    assert.equal(kernel.stringAt(second), "y".repeat(223));
    assert.deepEqual([...kernel.bytesAt(deadline, 16)].slice(8, 12), [0x40, 0x42, 0x0f, 0]);
  });

  it("takes paths of any length, and drops the memory for long ones on release", () => {
    const { kernel, scratch } = withScratch();
    for (const length of [223, 224, 4095, 100_000]) {
      const first = scratch.path(2, "p".repeat(length));
      const second = scratch.secondPath(2, Buffer.from("q".repeat(length)));
      assert.equal(kernel.stringAt(first), "p".repeat(length));
      assert.equal(kernel.stringAt(second), "q".repeat(length));
      assert.equal(scratch.hasLarge, length > 223, `${length} bytes`);
      scratch.release(2);
      assert.equal(scratch.hasLarge, false);
    }
  });

  it("ends a path with a zero byte even where a longer one stood", () => {
    const { kernel, scratch } = withScratch();
    scratch.path(1, "a-much-longer-path");
    assert.equal(kernel.stringAt(scratch.path(1, "b")), "b");
    scratch.secondPath(1, Buffer.from("a-much-longer-path"));
    assert.equal(kernel.stringAt(scratch.secondPath(1, Buffer.from("c"))), "c");
  });

  it("counts the bytes of a path, not its characters", () => {
    const { kernel, scratch } = withScratch();
    const path = "ü".repeat(150);
    assert.equal(kernel.stringAt(scratch.path(0, path)), path);
    assert.equal(scratch.hasLarge, true, "150 characters, 300 bytes");
  });

  it("holds 28 vectors in a cell and 1024 beside it", () => {
    const { kernel, scratch } = withScratch();
    for (const count of [1, 28, 29, 1024]) {
      const buffers = Array.from({ length: count }, (_, i) => new Uint8Array(i));
      const at = buffers.map((_, i) => ADDRESS + i);
      const address = scratch.vectors(4, makeRequest({ buffers, addresses: at }));
      const vectors = new BigUint64Array(kernel.bytesAt(address, count * 16).slice().buffer);
      const expected = at.flatMap((one, i) => [BigInt(one), BigInt(i)]);
      assert.deepEqual([...vectors], expected);
      assert.equal(scratch.hasLarge, count > 28, `${count} vectors`);
      scratch.release(4);
    }
  });

  it("keeps fractions of a millisecond, and times beyond 2^32 seconds", () => {
    const { kernel, scratch } = withScratch();
    for (const [ms, seconds, ns] of [
      [0.5, 0n, 500_000n],
      [Number.MIN_VALUE, 0n, 0n],
      [86_400_000, 86_400n, 0n],
      [2 ** 32 * 1000 + 7, 2n ** 32n, 7_000_000n],
    ] as const) {
      const time = kernel.bytesAt(scratch.time(0, ms), 16).slice().buffer;
      assert.deepEqual([...new BigUint64Array(time)], [seconds, ns], `${ms} ms`);
    }
  });
});

/** A 64-bit field as a number. */
function at64(row: readonly number[], at: number): number {
  return (row[at] as number) + (row[at + 1] as number) * 2 ** 32;
}
