import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { SlotTable } from "../../src/core/index.ts";

const LAST_GENERATION = 0x3fff_ffff;

describe("SlotTable.take", () => {
  it("gives out every index once, up to the limit", () => {
    const slots = new SlotTable(5, 2);
    const taken = [1, 2, 3, 4, 5].map(() => slots.take());
    assert.deepEqual(
      taken.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4],
    );
    assert.equal(slots.take(), -1);
    assert.equal(slots.used, 5);
  });

  it("grows by doubling, not beyond its limit", () => {
    const slots = new SlotTable(5, 2);
    assert.equal(slots.size, 2);
    for (let i = 0; i < 3; i++) slots.take();
    assert.equal(slots.size, 4);
    for (let i = 0; i < 2; i++) slots.take();
    assert.equal(slots.size, 5);
    assert.equal(slots.limit, 5);
  });

  it("keeps the generations of old slots when it grows", () => {
    const slots = new SlotTable(8, 1);
    for (let i = 0; i < 3; i++) {
      assert.equal(slots.take(), 0);
      slots.release(0);
    }
    assert.equal(slots.take(), 0);
    assert.equal(slots.take(), 1, "It had to grow");
    assert.equal(slots.generation(0), 3);
    assert.equal(slots.generation(1), 0);
  });

  it("takes the slot that was given back last", () => {
    const slots = new SlotTable(4);
    const [a, b] = [slots.take(), slots.take()];
    slots.release(a);
    slots.release(b);
    assert.equal(slots.take(), b);
    assert.equal(slots.take(), a);
  });

  it("can be refilled after it was full", () => {
    const slots = new SlotTable(3, 1);
    for (let round = 0; round < 4; round++) {
      const taken = [slots.take(), slots.take(), slots.take()];
      assert.equal(slots.take(), -1);
      assert.equal(new Set(taken).size, 3);
      for (const index of taken) slots.release(index);
      assert.equal(slots.used, 0);
    }
  });
});

// HAZARDS C2: a late cancel or completion must not hit the next tenant of the same slot.
describe("SlotTable.isCurrent", () => {
  it("refuses the generation of the tenant before", () => {
    const slots = new SlotTable(1);
    const index = slots.take();
    const old = slots.generation(index);
    assert.equal(slots.isCurrent(index, old), true);
    slots.release(index);
    assert.equal(slots.isCurrent(index, old), false, "The slot is free");
    assert.equal(slots.take(), index);
    assert.equal(slots.isCurrent(index, old), false, "Somebody else lives there");
    assert.equal(slots.isCurrent(index, slots.generation(index)), true);
  });

  it("stays below 2^31 when generations wrap, and still tells neighbors apart", () => {
    const slots = new SlotTable(1);
    slots.take();
    slots.setGeneration(0, LAST_GENERATION);
    assert.equal(slots.isCurrent(0, LAST_GENERATION), true);
    slots.release(0);
    slots.take();
    assert.equal(slots.generation(0), 0);
    assert.equal(slots.isCurrent(0, LAST_GENERATION), false);
    assert.equal(slots.isCurrent(0, -1), false);
  });

  it("tells thousands of tenants of one slot apart", () => {
    const slots = new SlotTable(1);
    const generations = Array.from({ length: 5000 }, () => {
      const index = slots.take();
      const generation = slots.generation(index);
      slots.release(index);
      return generation;
    });
    assert.equal(new Set(generations).size, generations.length);
  });

  it("refuses an index that does not exist", () => {
    const slots = new SlotTable(4, 1);
    assert.equal(slots.isCurrent(3, 0), false);
    assert.equal(slots.isCurrent(-1, 0), false);
    assert.equal(slots.isCurrent(0xffff_ffff, 0), false);
  });
});

describe("SlotTable, against a model", () => {
  it("never gives a slot to two tenants", () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (limit, moves) => {
        const slots = new SlotTable(limit, Math.min(limit, 2));
        const tenants = new Map<number, number>();
        const gone: [number, number][] = [];
        for (const [take, pick] of moves) {
          if (take) {
            const index = slots.take();
            assert.equal(index === -1, tenants.size === limit);
            if (index === -1) continue;
            assert.equal(tenants.has(index), false);
            tenants.set(index, slots.generation(index));
          } else if (tenants.size > 0) {
            const leaving = [...tenants][pick % tenants.size] as [number, number];
            slots.release(leaving[0]);
            tenants.delete(leaving[0]);
            gone.push(leaving);
          }
          assert.equal(slots.used, tenants.size);
        }
        for (const [index, generation] of tenants) assert.ok(slots.isCurrent(index, generation));
        for (const [index, generation] of gone) assert.ok(!slots.isCurrent(index, generation));
      }),
    );
  });
});
