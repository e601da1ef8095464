import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ASSERTIONS } from "./posix-aio/assertions.ts";
import { IMPLEMENTATIONS, judge, whyNot } from "./posix-aio/verdict.ts";

/** How many assertions the suite has for each function. */
const COUNTS = {
  aio_cancel: 10,
  aio_error: 3,
  aio_fsync: 14,
  aio_read: 15,
  aio_return: 4,
  aio_suspend: 8,
  aio_write: 13,
  lio_listio: 25,
};

describe("ASSERTIONS", () => {
  it("are all 92 of the suite, each once", () => {
    const ids = ASSERTIONS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const counts: Record<string, number> = {};
    for (const id of ids) {
      const name = id.split(" ")[0] as string;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    assert.deepEqual(counts, COUNTS);
    assert.equal(ids.length, 92);
  });
});

for (const implementation of IMPLEMENTATIONS) {
  const reason = whyNot(implementation);
  describe(`POSIX AIO on ${implementation}`, () => {
    for (const assertion of ASSERTIONS) {
      const name = `${assertion.id}: ${assertion.says}`;
      it(name, reason === undefined ? {} : { skip: reason }, async (t) => {
        const verdict = await judge(assertion, implementation);
        if (verdict.kind === "fail") assert.deepEqual(verdict.observed, verdict.expected);
        else if (verdict.kind === "recorded deviation") t.diagnostic(`glibc ${verdict.why}`);
        else if (verdict.kind === "not applicable") t.skip(verdict.why);
      });
    }
  });
}
