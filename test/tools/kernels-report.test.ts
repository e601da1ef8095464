import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { complaintsIn, FileRecord } from "../../tools/kernels/guest.ts";
import {
  cellOf,
  generatedPart,
  renewPage,
  summaryOf,
  totalOf,
} from "../../tools/kernels/report.ts";
import {
  isGreen,
  type KernelFacts,
  type KernelResult,
  mergeResults,
  missingFiles,
  parseLines,
} from "../../tools/kernels/results.ts";
import type { SourceFile } from "../../tools/lib/files.ts";
import { checkColumns } from "../../tools/lib/lengths.ts";
import { checkWhiteSpace } from "../../tools/lib/words.ts";

const FACTS: KernelFacts = {
  kind: "kernel",
  release: "6.1.0-50-amd64",
  node: "20.20.2",
  features: "0x1fff",
  opcodes: 49,
  setupFlags: "CLAMP SUBMIT_ALL",
  emulated: ["truncate"],
  engines: { io_uring: "available", posix_aio: "not here" },
  explanation: "",
};

const GREEN: KernelResult = {
  version: "6.1",
  suite: "bookworm",
  revision: "0123456789",
  facts: FACTS,
  files: [
    {
      kind: "file",
      file: "test/conformance/paths.test.ts",
      passed: 7,
      failures: [],
      skips: [{ name: "a", reason: "needs a newer kernel" }],
      engines: { io_uring: 5, thread_pool: 2 },
      seconds: 3,
    },
  ],
  missing: [],
  complaints: [],
  seconds: 60,
};

const RED: KernelResult = {
  ...GREEN,
  version: "5.10",
  files: GREEN.files.map((file) => ({
    ...file,
    failures: [{ name: "suite > test", message: "1 !== 2\nmore" }],
  })),
  missing: ["test/native/guard.test.ts (ended in it)"],
  complaints: ["BUG: it hurts"],
  trouble: "ended after 90 minutes, the limit",
};

const { facts: _, ...SILENT } = GREEN;
const ABSENT: KernelResult = {
  ...SILENT,
  version: "7.3",
  files: [],
  skipped: "no kernel 7.3 could be downloaded: sid has 7.2",
};

type Event = Parameters<FileRecord["observe"]>[0];

/** An event of node:test. */
function event(type: string, name: string, nesting: number, more: object = {}): Event {
  const data = { name, nesting, file: "/t.test.js", ...more };
  return { type: `test:${type}`, data } as unknown as Event;
}

const failed = (failureType: string, message: string) => ({
  details: { error: Object.assign(new Error("outer"), { failureType, cause: new Error(message) }) },
});

describe("FileRecord", () => {
  it("counts tests, not suites, and names a failure by its suites", () => {
    const record = new FileRecord();
    const suite = { details: { type: "suite" } };
    const events = [
      event("start", "io_uring: paths", 0),
      event("start", "first", 1),
      event("pass", "first", 1),
      event("start", "second", 1),
      event("fail", "second", 1, failed("testCodeFailure", "1 !== 2")),
      event("start", "third", 1),
      event("pass", "third", 1, { skip: "too old" }),
      event("fail", "io_uring: paths", 0, {
        details: { type: "suite", error: { failureType: "subtestsFailed", message: "1 failed" } },
      }),
      event("start", "sync: paths", 0),
      event("start", "fourth", 1),
      event("pass", "fourth", 1),
      event("pass", "sync: paths", 0, suite),
    ];
    for (const one of events) record.observe(one);
    assert.deepEqual(record.result("test/t.test.ts", 1.4), {
      kind: "file",
      file: "test/t.test.ts",
      passed: 2,
      failures: [{ name: "io_uring: paths > second", message: "1 !== 2" }],
      skips: [{ name: "third", reason: "too old" }],
      engines: { io_uring: 2, sync: 1 },
      seconds: 1,
    });
  });

  it("takes a file that ended without a word for a failure", () => {
    const crashed = new FileRecord();
    crashed.observe(event("fail", "/t.test.js", 0, failed("testCodeFailure", "SIGSEGV")));
    assert.deepEqual(crashed.result("t", 0).failures, [
      { name: "the file itself", message: "SIGSEGV" },
    ]);
    assert.deepEqual(new FileRecord().result("t", 0).failures, [
      { name: "t", message: "not a single test ran" },
    ]);
  });

  it("takes a test that never finished for a failure", () => {
    const record = new FileRecord();
    record.observe(event("dequeue", "hangs", 0));
    assert.deepEqual(record.result("t", 0).failures, [
      { name: "hangs", message: "never finished" },
    ]);
  });

  it("forgives a failure that is known", () => {
    const record = new FileRecord();
    record.observe(event("pass", "good", 0));
    record.observe(event("fail", "later", 0, { todo: "soon", ...failed("testCodeFailure", "") }));
    assert.deepEqual(record.result("t", 0).failures, []);
  });
});

describe("complaintsIn", () => {
  it("finds what speaks of a bug of the kernel", () => {
    const log = [
      "[    1.0] Linux version 6.1",
      "[    2.0] WARNING: CPU: 0 PID: 1 at io_uring/io_uring.c:1",
      "[    3.0] INFO: task node:77 blocked for more than 120 seconds.",
      "[    4.0] virtio_blk: no warning here",
    ];
    assert.deepEqual(complaintsIn(log.join("\n")), [log[1], log[2]]);
  });
});

describe("a warning of a kernel that is known", () => {
  const complaints = ["WARNING: CPU: 1 PID: 2 at io_uring/io_uring.c:9332 io_ring_exit_work+0xd0"];

  it("fails nothing on that kernel, and is shown with its reason", () => {
    const result = { ...GREEN, version: "5.10", complaints };
    assert.equal(isGreen(result), true);
    assert.equal(isGreen({ ...GREEN, version: "6.1", complaints }), false);
    const page = generatedPart([result]);
    assert.equal(page[page.indexOf("## Failures") + 2], "None.");
    assert.match(page[page.indexOf("## Known warnings of a kernel") + 2] ?? "", /^- 5\.10: WARN/);
  });
});

describe("missingFiles", () => {
  it("names what has no result, and what the guest ended in", () => {
    const lines = parseLines(
      [
        '{"kind":"begin","file":"a"}',
        '{"kind":"file","file":"a"}',
        '{"kind":"begin","file":"b"}',
        '{"kind":"file","fi',
      ].join("\n"),
    );
    assert.deepEqual(missingFiles(["a", "b", "c"], lines), ["b (ended in it)", "c"]);
  });
});

describe("isGreen", () => {
  it("wants every file to have run and passed, and a kernel that did not complain", () => {
    assert.equal(isGreen(GREEN), true);
    assert.equal(isGreen(RED), false);
    assert.equal(isGreen(ABSENT), false);
    assert.equal(isGreen({ ...GREEN, complaints: ["BUG"] }), false);
    assert.equal(isGreen({ ...GREEN, missing: ["a"] }), false);
    assert.equal(isGreen({ ...GREEN, files: [] }), false);
    assert.equal(isGreen({ ...GREEN, trouble: "qemu ended with 1" }), false);
  });
});

describe("the page", () => {
  const results = [RED, GREEN, ABSENT];

  it("says in each cell what passed, failed and was skipped, or why nothing ran", () => {
    const file = "test/conformance/paths.test.ts";
    assert.equal(cellOf(GREEN, file), "7, 1 skipped");
    assert.equal(cellOf(RED, file), "7, **1 failed**, 1 skipped");
    assert.equal(cellOf(RED, "test/native/guard.test.ts"), "**no result**");
    assert.equal(cellOf(ABSENT, file), "not booted");
    assert.equal(cellOf(GREEN, "test/other.test.ts"), "–");
    assert.equal(totalOf(RED), "7 passed, 1 failed, 1 skipped, 1 files without a result");
  });

  it("tells of every failure, skip and complaint with its kernel", () => {
    const part = generatedPart(results).join("\n");
    assert.match(part, /5\.10, `test\/conformance\/paths\.test\.ts`, "suite > test": 1 !== 2\n/);
    assert.match(part, /5\.10, no result: test\/native\/guard\.test\.ts/);
    assert.match(part, /5\.10, kernel: BUG: it hurts/);
    assert.match(part, /needs a newer kernel \(5\.10: 1, 6\.1: 1\)/);
    assert.match(part, /\| 7\.3 \| bookworm \| no result: no kernel 7\.3 could be downloaded/);
    assert.match(part, /\| 0x1fff \| 49 \| CLAMP SUBMIT_ALL \| truncate \|/);
  });

  it("is renewed between its marks, and keeps to the rules for pages", () => {
    const [begin, end] = [
      "<!-- generated by npm run test:kernels: do not edit -->",
      "<!-- end of the generated part -->",
    ];
    const page = `# Kernels\n\nProse.\n\n${begin}\nold\n${end}\n`;
    const renewed = renewPage(page, results);
    assert.match(renewed, /^# Kernels\n\nProse\.\n\n/);
    assert.doesNotMatch(renewed, /old/);
    assert.equal(renewPage(renewed, results), renewed);
    const file: SourceFile = { path: "docs/kernels.md", text: renewed };
    assert.deepEqual([...checkColumns(file), ...checkWhiteSpace(file)], []);
    assert.throws(() => renewPage("# Kernels\n", results), /lacks its marks/);
  });

  it("is summed up for the terminal, a kernel that was skipped loudest", () => {
    const lines = summaryOf(results);
    assert.ok(lines.includes("SKIPPED 7.3: no kernel 7.3 could be downloaded: sid has 7.2"));
    assert.ok(lines.some((line) => line.startsWith("ok      6.1 (6.1.0-50-amd64): 7 passed")));
    assert.ok(lines.some((line) => line.startsWith("FAILED  5.10")));
  });
});

describe("mergeResults", () => {
  const paths = "test/conformance/paths.test.ts";
  const asked = ["test/native/guard.test.ts", paths, "test/model/model.test.ts"];

  it("renews the files that ran, in order, and says what is missing", () => {
    const latest = {
      ...GREEN,
      files: ["test/model/model.test.ts", paths].flatMap((file) =>
        GREEN.files.map((one) => ({ ...one, file, revision: "abc" })),
      ),
    };
    const merged = mergeResults(RED, latest, asked);
    assert.deepEqual(
      merged.files.map(({ file, failures }) => [file, failures.length]),
      [
        [paths, 0],
        ["test/model/model.test.ts", 0],
      ],
    );
    assert.deepEqual(merged.missing, ["test/native/guard.test.ts (ended in it)"]);
    assert.deepEqual([merged.complaints, merged.trouble], [RED.complaints, RED.trouble]);
    assert.match(generatedPart([merged]).join("\n"), /Commits that were tested: 6\.1: abc\. Node/);
  });

  it("is green only when everything ran", () => {
    assert.equal(isGreen(mergeResults(undefined, GREEN, asked)), false);
    assert.equal(isGreen(mergeResults(undefined, GREEN, [paths])), true);
    assert.equal(mergeResults(GREEN, ABSENT, asked), GREEN);
  });
});
