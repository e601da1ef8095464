import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MIN_POOL_BUFFER_BYTES, SLAB_BYTES } from "../../src/base/index.ts";
import { Mapping } from "../../src/memory/mapping.ts";
import { AlignedPool } from "../../src/memory/pool.ts";
import { nativeMemory } from "../../src/memory/slab.ts";
import { loadNative } from "../../src/native/load.ts";

const native = loadNative();
const skip = native.available ? false : native.reason;

/** The addon; only tests that are not skipped ask for it. */
function addon() {
  assert.ok(native.available);
  return native.addon;
}

describe("AlignedPool over memory of the addon", () => {
  it("gives buffers whose addresses are aligned, in slabs that can be registered", { skip }, () => {
    const pool = new AlignedPool({ memory: nativeMemory(addon()) });
    for (const size of [1, 4096, 5000, 1024 * 1024, 3 * 1024 * 1024]) {
      const buffer = pool.take(size);
      assert.ok(buffer);
      assert.equal(addon().addressOf(buffer) % MIN_POOL_BUFFER_BYTES, 0);
      buffer.fill(0xa5);
    }
    for (const { buffer, address, byteLength } of pool.slabs()) {
      assert.equal(byteLength, SLAB_BYTES);
      assert.equal(address % SLAB_BYTES, 0, "as huge pages want it");
      assert.equal(address, addon().addressOf(buffer));
    }
    assert.ok(pool.slabs().length >= 1);
    assert.equal(pool.stats.alignment, MIN_POOL_BUFFER_BYTES);
  });
});

describe("Mapping.allocate", () => {
  it("gives zeroed, aligned memory with views of it, and takes it back once", { skip }, () => {
    const mapping = Mapping.allocate(addon(), 65_536, { alignment: 65_536 });
    assert.ok(mapping instanceof Mapping);
    assert.equal(mapping.address % 65_536, 0);
    assert.equal(mapping.byteLength, 65_536);
    assert.ok(mapping.u8.every((byte) => byte === 0));
    mapping.u32[1] = 0xffff_fffe;
    assert.equal(mapping.i32[1], -2);
    assert.equal(mapping.u8[4], 0xfe);
    assert.equal(mapping.u32.length, 16_384);
    assert.equal(mapping.unmap(), 0);
    assert.equal(mapping.u8.length, 0);
    assert.equal(mapping.byteLength, 65_536);
    assert.equal(mapping.unmap(), -22);
  });

  it("answers with a negative errno where the system has not that much", { skip }, () => {
    const refused = Mapping.allocate(addon(), 2 ** 47);
    assert.equal(typeof refused, "number");
    assert.ok((refused as number) < 0);
  });
});

describe("Mapping.map", () => {
  it("answers with a negative errno for a descriptor that is not open", { skip }, () => {
    assert.equal(Mapping.map(addon(), 0x7fff_fffe, { length: 4096, offset: 0 }), -9);
  });
});
