import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAX_SLAB_BUFFER_BYTES, MIN_POOL_BUFFER_BYTES, SLAB_BYTES } from "../../src/base/index.ts";
import { AlignedPool } from "../../src/memory/pool.ts";
import { type MemorySource, ordinaryMemory, sizeClassOf } from "../../src/memory/slab.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Takes a buffer where there must be one. */
function mustTake(pool: AlignedPool, size: number): Buffer {
  const buffer = pool.take(size);
  assert.ok(buffer, `The pool has no buffer of ${size} bytes`);
  return buffer;
}

/** Memory with made-up addresses, and a record of what was asked for. */
function recordedMemory(): MemorySource & { readonly lengths: number[]; refuse: number } {
  let address = 0x7f00_0000_0000;
  return {
    aligned: true,
    lengths: [],
    refuse: 0,
    allocate(length, alignment) {
      if (this.refuse < 0) return this.refuse;
      this.lengths.push(length);
      assert.equal(length % alignment, 0);
      address += length;
      return { buffer: new ArrayBuffer(length), address };
    },
  };
}

describe("sizeClassOf", () => {
  it("is the smallest power of two that holds the size", () => {
    const sizes = [1, 4096, 4097, 8192, 8193, 65_536, 65_537, MIB - 1, MIB];
    assert.deepEqual(sizes.map(sizeClassOf), [0, 0, 1, 1, 2, 4, 5, 8, 8]);
  });
});

describe("AlignedPool.take", () => {
  it("gives Buffers of the size asked for, each beginning on a page of its own", () => {
    const memory = recordedMemory();
    const pool = new AlignedPool({ memory });
    const seen = new Set<number>();
    for (const size of [1, 512, 4096, 5000, 64 * KIB, MIB, MIB + 1, 3 * MIB]) {
      const buffer = mustTake(pool, size);
      assert.ok(Buffer.isBuffer(buffer));
      assert.equal(buffer.length, size);
      assert.equal(buffer.byteOffset % MIN_POOL_BUFFER_BYTES, 0);
      seen.add(buffer.byteOffset);
    }
    assert.equal(pool.stats.alignment, MIN_POOL_BUFFER_BYTES);
    assert.equal(pool.stats.takenBuffers, 8);
  });

  it("cuts slabs for small buffers, and gives large ones memory of their own", () => {
    const memory = recordedMemory();
    const pool = new AlignedPool({ memory });
    mustTake(pool, MAX_SLAB_BUFFER_BYTES);
    mustTake(pool, MAX_SLAB_BUFFER_BYTES);
    assert.deepEqual(memory.lengths, [SLAB_BYTES]);
    mustTake(pool, MAX_SLAB_BUFFER_BYTES + 1);
    assert.deepEqual(memory.lengths, [SLAB_BYTES, MAX_SLAB_BUFFER_BYTES + MIN_POOL_BUFFER_BYTES]);
    assert.equal(pool.slabs().length, 1);
  });

  it("is undefined when the limit is reached, until something is given back", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: SLAB_BYTES });
    const blocks = SLAB_BYTES / MIN_POOL_BUFFER_BYTES;
    const taken = Array.from({ length: blocks }, () => mustTake(pool, MIN_POOL_BUFFER_BYTES));
    assert.equal(new Set(taken.map(({ byteOffset }) => byteOffset)).size, blocks);
    assert.equal(pool.take(1), undefined);
    assert.equal(pool.stats.takenBytes, SLAB_BYTES);
    pool.release(taken[7] as Buffer);
    assert.equal(mustTake(pool, 1).byteOffset, taken[7]?.byteOffset);
    assert.equal(pool.take(1), undefined);
  });

  it("cuts an empty slab anew for another size, and else gives a block that is larger", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: SLAB_BYTES });
    const large = mustTake(pool, MIB);
    const small = mustTake(pool, 4096);
    assert.equal(pool.stats.takenBytes, 2 * MIB, "the small one sits in a large block");
    pool.release(large);
    pool.release(small);
    const many = Array.from({ length: 512 }, () => mustTake(pool, 4096));
    assert.equal(pool.stats.takenBytes, SLAB_BYTES);
    assert.equal(pool.stats.slabs, 1);
    for (const buffer of many) pool.release(buffer);
    mustTake(pool, MIB);
    mustTake(pool, MIB);
    assert.equal(pool.take(4096), undefined);
  });

  it("keeps the memory of large buffers, and drops it when others need the room", () => {
    const memory = recordedMemory();
    const pool = new AlignedPool({ memory, limitBytes: 8 * MIB });
    pool.release(mustTake(pool, 6 * MIB));
    pool.release(mustTake(pool, 5 * MIB));
    assert.deepEqual(memory.lengths, [6 * MIB]);
    pool.release(mustTake(pool, 2 * MIB));
    assert.deepEqual(memory.lengths, [6 * MIB, 2 * MIB], "6 MiB would be a waste for 2");
    mustTake(pool, MIB);
    assert.ok(pool.stats.allocatedBytes <= 8 * MIB);
    pool.take(7 * MIB);
    assert.ok(pool.stats.allocatedBytes <= 8 * MIB);
  });

  it("drops empty slabs to make room for a large buffer", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: 3 * MIB });
    const small = mustTake(pool, 4096);
    assert.equal(pool.take(2.5 * MIB), undefined);
    pool.release(small);
    const { version } = pool;
    mustTake(pool, 2.5 * MIB);
    assert.equal(pool.slabs().length, 0);
    assert.notEqual(pool.version, version, "a registration of the slabs is outdated");
  });

  it("takes a limit of one page", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: MIN_POOL_BUFFER_BYTES });
    const only = mustTake(pool, MIN_POOL_BUFFER_BYTES);
    assert.equal(pool.take(1), undefined);
    pool.release(only);
    mustTake(pool, 1);
  });

  it("refuses sizes that it can never have, and limits below a page", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: MIB });
    assert.throws(() => pool.take(MIB + 1), {
      code: "ERR_OUT_OF_RANGE",
      message: 'The value of "size" is out of range. It must be <= 1048576. Received 1048577',
    });
    assert.throws(() => pool.take(0), { code: "ERR_OUT_OF_RANGE" });
    assert.throws(() => pool.take(1.5), { code: "ERR_OUT_OF_RANGE" });
    assert.throws(() => pool.take("1" as unknown as number), { code: "ERR_INVALID_ARG_TYPE" });
    assert.throws(() => new AlignedPool({ memory: ordinaryMemory, limitBytes: 4095 }), {
      code: "ERR_OUT_OF_RANGE",
    });
  });

  it("throws when the system has no memory, unless something may be given back", () => {
    const memory = recordedMemory();
    const pool = new AlignedPool({ memory });
    memory.refuse = -12;
    assert.throws(() => pool.take(1), { code: "ENOMEM", syscall: "mmap" });
    memory.refuse = 0;
    const one = mustTake(pool, MIB);
    const two = mustTake(pool, MIB);
    memory.refuse = -12;
    assert.equal(pool.take(MIB), undefined);
    pool.release(one);
    assert.notEqual(pool.take(MIB), undefined);
    assert.notEqual(two, undefined);
  });

  it("says that nobody knows the alignment of memory without an address", () => {
    assert.equal(new AlignedPool({ memory: ordinaryMemory }).stats.alignment, 0);
  });
});

describe("AlignedPool.release", () => {
  const refused = { name: "ProactorError", code: "ERR_PROACTOR_BUFFER_FOREIGN", remedy: /once/ };

  it("refuses a buffer twice, even when its block has a new owner", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory });
    const first = mustTake(pool, 4096);
    pool.release(first);
    const second = mustTake(pool, 4096);
    assert.equal(second.byteOffset, first.byteOffset, "the same block");
    assert.throws(() => pool.release(first), refused);
    assert.equal(pool.owns(second), true);
    assert.equal(pool.owns(first), false);
  });

  it("refuses what is not from this pool, and parts of what is", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory });
    const other = new AlignedPool({ memory: ordinaryMemory });
    const buffer = mustTake(pool, 4096);
    assert.throws(() => pool.release(Buffer.alloc(4096)), refused);
    assert.throws(() => pool.release(buffer.subarray(0)), refused);
    assert.throws(() => other.release(buffer), refused);
    assert.throws(() => pool.release(undefined as unknown as Buffer), refused);
    pool.release(buffer);
  });

  it("does not use a slab again that was taken away", () => {
    const memory = recordedMemory();
    const pool = new AlignedPool({ memory });
    const one = mustTake(pool, 4096);
    const two = mustTake(pool, 4096);
    detach(one.buffer as ArrayBuffer);
    pool.release(one);
    const three = mustTake(pool, 4096);
    assert.equal(three.length, 4096);
    assert.equal(memory.lengths.length, 2);
    pool.release(two);
    assert.deepEqual(
      { ...pool.stats, limitBytes: 0 },
      {
        limitBytes: 0,
        allocatedBytes: SLAB_BYTES,
        takenBytes: 4096,
        takenBuffers: 1,
        slabs: 1,
        waiting: 0,
        alignment: 4096,
      },
    );
  });

  /** Takes the memory away as `transfer()` does, which Node 20 lacks and nothing can forbid. */
  function detach(buffer: ArrayBuffer): void {
    Object.defineProperty(buffer, "byteLength", { value: 0 });
  }
});

describe("AlignedPool slabs", () => {
  it("are not transferred: Node 20 copies, later releases throw", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory });
    const buffer = mustTake(pool, 4096);
    const memory = buffer.buffer as ArrayBuffer;
    try {
      structuredClone(memory, { transfer: [memory] });
    } catch (error) {
      assert.equal((error as Error).name, "DataCloneError");
    }
    assert.equal(buffer.length, 4096);
  });
});

describe("AlignedPool.trim", () => {
  it("lets go of what nobody has taken", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory });
    const small = mustTake(pool, 1);
    pool.release(mustTake(pool, 3 * MIB));
    assert.equal(pool.trim(), 3 * MIB);
    pool.release(small);
    assert.equal(pool.trim(), SLAB_BYTES);
    assert.deepEqual([pool.stats.allocatedBytes, pool.stats.slabs], [0, 0]);
    mustTake(pool, 1);
  });
});

describe("AlignedPool.acquire", () => {
  /** A pool of two blocks of 1 MiB, both taken, and a record of who was served. */
  function exhausted() {
    const memory = recordedMemory();
    const pool = new AlignedPool({ memory, limitBytes: 2 * MIB });
    const served: [string, number][] = [];
    const buffers: Buffer[] = [];
    const acquire = (name: string, size: number) =>
      pool.acquire(size, (error, buffer) => {
        served.push([name, error === undefined ? (buffer as Buffer).length : -1]);
        if (buffer !== undefined) buffers.push(buffer);
      });
    const taken = [mustTake(pool, MIB), mustTake(pool, MIB)] as const;
    return { memory, pool, taken, served, buffers, acquire };
  }

  it("calls back at once where there is a buffer", () => {
    const pool = new AlignedPool({ memory: ordinaryMemory });
    let got: Buffer | undefined;
    const waiter = pool.acquire(100, (error, buffer) => {
      assert.equal(error, undefined);
      got = buffer;
    });
    assert.equal(waiter, undefined);
    assert.equal(got?.length, 100);
  });

  it("serves in order: nobody overtakes one who wants more", () => {
    const { pool, taken, served, acquire } = exhausted();
    acquire("all", 2 * MIB);
    acquire("little", 1);
    assert.equal(pool.stats.waiting, 2);
    pool.release(taken[0]);
    assert.deepEqual(served, [], "half is not enough for the first, and the second is not first");
    acquire("late", 1);
    pool.release(taken[1]);
    assert.deepEqual(served, [["all", 2 * MIB]]);
    assert.equal(pool.stats.waiting, 2);
  });

  it("serves several with what one gives back", () => {
    const { pool, taken, served, acquire } = exhausted();
    for (const name of ["a", "b", "c"]) acquire(name, 4096);
    pool.release(taken[0]);
    assert.deepEqual(served, [["a", 4096]], "one block is free, and its slab is cut for 1 MiB");
    pool.release(taken[1]);
    assert.deepEqual(served, [
      ["a", 4096],
      ["b", 4096],
    ]);
  });

  it("lets one leave the queue, and serves those behind", () => {
    const { pool, taken, served, acquire } = exhausted();
    const first = acquire("all", 2 * MIB);
    acquire("little", 1);
    pool.release(taken[0]);
    first?.cancel();
    first?.cancel();
    assert.deepEqual(served, [["little", 1]]);
    assert.equal(pool.stats.waiting, 0);
  });

  it("survives callbacks that give back and ask again", () => {
    const { pool, taken } = exhausted();
    let rounds = 0;
    const again = (_: Error | undefined, buffer: Buffer | undefined) => {
      rounds++;
      if (rounds < 100) pool.acquire(MIB, again);
      pool.release(buffer as Buffer);
    };
    pool.acquire(MIB, again);
    pool.release(taken[0]);
    assert.equal(rounds, 100);
    assert.equal(pool.stats.waiting, 0);
  });

  it("hands on that the system has no memory, and does not throw it at who gives back", () => {
    const { memory, pool, taken, served, acquire } = exhausted();
    acquire("large", 1.5 * MIB);
    memory.refuse = -12;
    pool.release(taken[0]);
    pool.release(taken[1]);
    assert.deepEqual(served, [["large", -1]]);
  });

  it("refuses what it can never have instead of waiting for it", () => {
    const { pool, acquire } = exhausted();
    assert.throws(() => acquire("too much", 3 * MIB), { code: "ERR_OUT_OF_RANGE" });
    assert.equal(pool.stats.waiting, 0);
  });
});

describe("AlignedPool under any order of calls", () => {
  it("never gives overlapping memory, and its books agree", () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 64 * KIB }),
      fc.integer({ min: 1, max: 5 * MIB }),
      fc.constantFrom(1, 4096, 4097, MIB, MIB + 1, 2 * MIB),
    );
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ take: size }) },
      { weight: 4, arbitrary: fc.record({ release: fc.nat() }) },
      { weight: 1, arbitrary: fc.constant("trim" as const) },
    );
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const pool = new AlignedPool({ memory: ordinaryMemory, limitBytes: 8 * MIB });
      const held: Buffer[] = [];
      for (const one of steps) {
        if (one === "trim") pool.trim();
        else if ("take" in one) {
          const buffer = pool.take(one.take);
          if (buffer !== undefined) held.push(buffer);
        } else if (held.length > 0) {
          pool.release(held.splice(one.release % held.length, 1)[0] as Buffer);
        }
        checkBooks(pool, held);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  function checkBooks(pool: AlignedPool, held: readonly Buffer[]): void {
    const { stats } = pool;
    assert.equal(stats.takenBuffers, held.length);
    assert.ok(stats.takenBytes <= stats.allocatedBytes);
    assert.ok(stats.allocatedBytes <= stats.limitBytes);
    const byMemory = new Map<ArrayBufferLike, Buffer[]>();
    for (const buffer of held) {
      const others = byMemory.get(buffer.buffer) ?? [];
      for (const other of others) {
        const apart =
          other.byteOffset + other.length <= buffer.byteOffset ||
          buffer.byteOffset + buffer.length <= other.byteOffset;
        assert.ok(apart, "two buffers share memory");
      }
      byMemory.set(buffer.buffer, [...others, buffer]);
    }
  }
});
