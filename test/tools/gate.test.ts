import assert from "node:assert/strict";
import { release, type } from "node:os";
import { describe, it } from "node:test";
import { type Evidence, expectedEngines } from "../../tools/lib/machine.ts";
import { complaintsAbout, type TestEvent, TestRecord } from "../../tools/lib/test-record.ts";
import { notesOn, testFiles, withNotes } from "../../tools/run-tests.ts";

type Data = TestEvent["data"];

function event(type: string, data: Data): TestEvent {
  return { type: `test:${type}`, data: { file: "/a.test.js", ...data } };
}

const passed = (name: string, nesting = 0, more: Data = {}) =>
  event("pass", { name, nesting, ...more });
const suite = (name: string, nesting = 0) => passed(name, nesting, { details: { type: "suite" } });

function recordOf(...events: TestEvent[]): TestRecord {
  const record = new TestRecord();
  for (const one of events) record.observe(one);
  return record;
}

describe("TestRecord", () => {
  it("counts the tests under each engine's suites", () => {
    const record = recordOf(
      passed("a", 1),
      passed("b", 2),
      suite("inner", 1),
      passed("c", 1, { skip: "why" }),
      suite("io_uring: reads"),
      passed("d", 1),
      suite("thread_pool: reads"),
      passed("e"),
      passed("f", 1),
      suite("SIGEV_SIGNAL: which is no engine"),
    );
    assert.deepEqual(
      [...record.ranByEngine],
      [
        ["io_uring", 2],
        ["thread_pool", 1],
      ],
    );
    assert.equal(record.ran, 5);
  });

  it("does not count an engine whose tests were all skipped", () => {
    const record = recordOf(
      passed("a", 1, { skip: "no kernel" }),
      suite("io_uring: reads"),
      passed("io_uring: writes", 0, { skip: "no kernel" }),
    );
    assert.deepEqual([...record.ranByEngine], []);
    assert.deepEqual(record.skips, [
      { name: "a", reason: "no kernel" },
      { name: "io_uring: writes", reason: "no kernel" },
    ]);
  });

  it("tells what each engine cannot do, and does not mix it with others", () => {
    const record = recordOf(
      passed("nobody's", 0, { skip: "no disk" }),
      passed("a", 2, { skip: "blocks" }),
      suite("inner", 1),
      passed("b", 1, { skip: "blocks" }),
      suite("sync: reads"),
      passed("c", 1, { skip: "no signal" }),
      suite("SIGEV_SIGNAL: which is no engine"),
      passed("d", 1, { skip: "no room" }),
      suite("io_uring: reads"),
      passed("io_uring: writes", 0, { skip: "no kernel" }),
    );
    assert.deepEqual(record.cells(), [
      { engine: "io_uring", reason: "no room", tests: 1 },
      { engine: "io_uring", reason: "no kernel", tests: 1 },
      { engine: "sync", reason: "blocks", tests: 2 },
    ]);
  });

  it("counts failures, but not those that are known", () => {
    const record = recordOf(
      event("fail", { name: "a", nesting: 0 }),
      event("fail", { name: "b", nesting: 0, todo: "later" }),
      event("fail", { name: "/a.test.js", nesting: 0 }),
    );
    assert.equal(record.failed, 2);
    assert.equal(record.ran, 2);
  });

  it("names the tests that were begun and never finished", () => {
    const record = recordOf(
      event("dequeue", { name: "/a.test.js", nesting: 0 }),
      event("dequeue", { name: "a", nesting: 0, line: 1 }),
      event("dequeue", { name: "b", nesting: 0, line: 2 }),
      event("complete", { name: "a", nesting: 0, line: 1 }),
    );
    assert.deepEqual(record.unfinished(), ["b"]);
  });
});

describe("complaintsAbout", () => {
  it("has none when tests of every expected engine ran", () => {
    const record = recordOf(passed("a", 1), suite("io_uring: reads"));
    assert.deepEqual(complaintsAbout(record, ["io_uring"]), []);
  });

  it("catches a run that tested nothing", () => {
    assert.match(complaintsAbout(recordOf(), [])[0] ?? "", /not a single test ran/);
  });

  it("catches an expected engine of which nothing ran", () => {
    const record = recordOf(passed("a"), passed("io_uring: b", 0, { skip: "its probe says no" }));
    assert.match(complaintsAbout(record, ["io_uring"]).join(), /io_uring is available here/);
  });

  it("catches a skip without a reason", () => {
    const record = recordOf(passed("a"), passed("b", 0, { skip: true }));
    assert.deepEqual(complaintsAbout(record, []), ['"b" was skipped without a reason']);
  });
});

describe("withNotes", () => {
  it("puts the notes in front of the summary, once", async () => {
    const diagnostic = (message: string) => event("diagnostic", { message, nesting: 0 });
    async function* events() {
      yield diagnostic("said by a test");
      yield passed("a");
      yield diagnostic("tests 1");
      yield diagnostic("pass 1");
    }
    const seen: string[] = [];
    for await (const { type, data } of withNotes(events(), new TestRecord(), () => ["note"])) {
      if (type === "test:diagnostic") seen.push(data.message ?? "");
    }
    assert.deepEqual(seen, ["said by a test", "note", "tests 1", "pass 1"]);
  });
});

describe("notesOn", () => {
  it("lists skips with reasons, engines, complaints and failed steps", () => {
    const record = recordOf(
      passed("a", 1),
      passed("c", 1, { skip: "not its business" }),
      suite("thread_pool: reads"),
      passed("b", 0, { skip: "no kernel" }),
    );
    const options = { filters: [], expectedEngines: ["io_uring"], failedSteps: ["tidy"] };
    assert.deepEqual(notesOn(record, options), [
      "skipped: c: not its business",
      "skipped: b: no kernel",
      `kernel: ${type()} ${release()}`,
      "engines run: thread_pool 1",
      "cells unsupported: 1",
      "  thread_pool 1: not its business",
      "FAILED: io_uring is available here, and not a single test of it ran",
      "FAILED: the step tidy, see above",
    ]);
  });
});

describe("testFiles", () => {
  const sources = ["src/a.ts", "test/support/child.ts", "test/unit/a.test.ts", "test/fs/b.test.ts"];

  it("maps sources to what tsc made of them", () => {
    assert.deepEqual(testFiles(sources, []), [
      "dist/test/unit/a.test.js",
      "dist/test/fs/b.test.js",
    ]);
  });

  it("keeps what contains one of the filters", () => {
    assert.deepEqual(testFiles(sources, ["fs/"]), ["dist/test/fs/b.test.js"]);
  });
});

describe("expectedEngines", () => {
  const modern: Evidence = {
    platform: "linux",
    kernel: [6, 18],
    ioUringDisabled: 0,
    seccomp: 0,
    addon: true,
  };

  it("expects io_uring where nothing stands in its way", () => {
    assert.deepEqual(expectedEngines(modern, {}), ["io_uring"]);
    assert.deepEqual(
      expectedEngines({ ...modern, kernel: [5, 10], ioUringDisabled: undefined }, {}),
      ["io_uring"],
    );
  });

  it("does not where the machine may refuse it", () => {
    for (const obstacle of [
      { platform: "darwin" },
      { kernel: [5, 4] as const },
      { ioUringDisabled: 1 },
      { seccomp: 2 },
      { addon: false },
    ]) {
      assert.deepEqual(expectedEngines({ ...modern, ...obstacle }, {}), []);
    }
  });

  it("does not when the caller narrowed the run", () => {
    assert.deepEqual(expectedEngines(modern, { PROACTOR_ENGINE: "thread_pool" }), []);
    assert.deepEqual(expectedEngines(modern, { PROACTOR_NO_NATIVE: "1" }), []);
    assert.deepEqual(expectedEngines(modern, { ENGINES: "memory,thread_pool" }), []);
    assert.deepEqual(expectedEngines(modern, { ENGINES: "memory,io_uring" }), ["io_uring"]);
  });
});
