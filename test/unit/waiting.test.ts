import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Link } from "../../src/core/index.ts";
import type { Operation } from "../../src/runtime/operation.ts";
import { type Waiting, WaitingList } from "../../src/runtime/waiting.ts";
import { makeRequest, type RequestFields } from "../support/engines.ts";

/** Something to be known by; the list does nothing with it. */
function makeWaiting(order: number, fields: RequestFields = {}): Waiting {
  const operation = {} as Operation<unknown>;
  return { request: makeRequest({ fd: order, ...fields }), operation, extras: undefined, order };
}

/** Takes all out, first to last. Returns their orders. */
function empty(list: WaitingList): number[] {
  const orders: number[] = [];
  for (let next = list.peek(); next !== undefined; next = list.peek()) {
    orders.push(next.order);
    list.shift();
  }
  return orders;
}

describe("WaitingList", () => {
  it("gives back in order, but for what was put first", () => {
    const list = new WaitingList();
    for (const order of [2, 3, 4]) list.push(makeWaiting(order));
    list.putFirst(makeWaiting(1));
    assert.equal(list.size, 4);
    assert.deepEqual(empty(list), [1, 2, 3, 4]);
    assert.deepEqual([list.size, list.peek()], [0, undefined]);
    list.putFirst(makeWaiting(5));
    list.push(makeWaiting(6));
    assert.deepEqual(empty(list), [5, 6]);
  });

  it("finds and removes any, first, last and in the middle", () => {
    const list = new WaitingList();
    const all = Array.from({ length: 100 }, (_, order) => makeWaiting(order));
    for (const waiting of all) list.push(waiting);
    for (const order of [0, 50, 99, 51, 98, 1]) {
      const { operation } = all[order] as Waiting;
      assert.equal(list.has(operation), true);
      assert.deepEqual(
        list.removeChain(operation).map((waiting) => waiting.order),
        [order],
      );
      assert.equal(list.has(operation), false);
      assert.deepEqual(list.removeChain(operation), []);
    }
    const left = all.map(({ order }) => order).filter((o) => ![0, 1, 50, 51, 98, 99].includes(o));
    assert.deepEqual(empty(list), left);
  });

  it("removes a chain as a whole, by any member, and no more", () => {
    for (const member of [1, 2, 3]) {
      const list = new WaitingList();
      const all = [
        makeWaiting(0),
        makeWaiting(1, { link: Link.Link, chain: 3 }),
        makeWaiting(2, { link: Link.HardLink, chain: 0 }),
        makeWaiting(3, { chain: 0 }),
        makeWaiting(4),
      ];
      for (const waiting of all) list.push(waiting);
      const removed = list.removeChain((all[member] as Waiting).operation);
      assert.deepEqual(
        removed.map(({ order }) => order),
        [1, 2, 3],
      );
      assert.deepEqual(empty(list), [0, 4]);
    }
  });

  it("knows whether a drain waits that was asked for later", () => {
    const list = new WaitingList();
    list.push(makeWaiting(1));
    assert.equal(list.hasDrainAfter(0), false);
    list.push(makeWaiting(5, { drain: true }));
    list.push(makeWaiting(6));
    assert.deepEqual(
      [4, 5, 6].map((order) => list.hasDrainAfter(order)),
      [true, false, false],
    );
    const first = list.peek() as Waiting;
    list.removeChain(first.operation);
    // The scheduler takes the mark away when it builds the wall itself.
    (list.peek() as Waiting).request.drain = false;
    assert.equal(list.hasDrainAfter(4), true);
    list.shift();
    assert.equal(list.hasDrainAfter(0), false);
  });
});
