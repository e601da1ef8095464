import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fioCommand, parseFio } from "../../bench/reference/fio.ts";
import { parseOptions } from "../../bench/reference/options.ts";
import {
  markdownSection,
  type Report,
  replaceSection,
  summaryOf,
  terminalTable,
} from "../../bench/reference/report.ts";
import {
  configurationsOf,
  evaluate,
  ROWS,
  type Row,
  type Samples,
} from "../../bench/reference/rows.ts";

const SPEED: Row = {
  id: "speed",
  work: "reads",
  against: "C",
  metric: "rate",
  ours: "a",
  theirs: "b",
  atLeast: 0.85,
};
const HEAP: Row = { id: "heap", work: "heap", metric: "heap", ours: "c", atMost: 400 };

const SAMPLES: Samples = new Map([
  ["a", [{ rate: 90 }, { rate: 30 }, { rate: 80 }]],
  ["b", [{ rate: 100 }, { rate: 40 }, { rate: 100 }]],
  ["c", [{ heap: 500 }, { heap: 510 }]],
]);

describe("evaluate", () => {
  it("divides round by round and holds the median against the floor", () => {
    const result = evaluate(SPEED, SAMPLES);
    assert.deepEqual(result.value, { median: 0.8, min: 0.75, max: 0.9 });
    assert.deepEqual(result.ours, { median: 80, min: 30, max: 90 });
    assert.equal(result.verdict, "MISS");
    assert.equal(evaluate({ ...SPEED, atLeast: 0.8 }, SAMPLES).verdict, "PASS");
  });

  it("holds a number that stands for itself against its limit", () => {
    assert.deepEqual(evaluate(HEAP, SAMPLES).value, { median: 505, min: 500, max: 510 });
    assert.equal(evaluate(HEAP, SAMPLES).verdict, "MISS");
    assert.equal(evaluate({ ...HEAP, atMost: 505 }, SAMPLES).verdict, "PASS");
  });

  it("says nothing of rows without a limit, and says so when a side is missing", () => {
    const { atLeast: _, ...orientation } = SPEED;
    assert.equal(evaluate(orientation, SAMPLES).verdict, "");
    const half = evaluate(SPEED, new Map([["a", [{ rate: 1 }]]]));
    assert.equal(half.value, undefined);
    assert.equal(half.verdict, "not measured");
  });
});

describe("ROWS", () => {
  it("have ids of their own and at most one limit each", () => {
    assert.equal(new Set(ROWS.map(({ id }) => id)).size, ROWS.length);
    for (const { id, atLeast, atMost } of ROWS) {
      assert.ok(atLeast === undefined || atMost === undefined, id);
    }
  });

  it("name the configurations they need", () => {
    assert.deepEqual([...configurationsOf([SPEED, HEAP])], ["a", "b", "c"]);
  });
});

describe("parseOptions of bench:reference", () => {
  it("keeps complete, long runs only", () => {
    assert.equal(parseOptions([]).keep, true);
    assert.equal(parseOptions(["--rounds", "9"]).keep, true);
    assert.equal(parseOptions(["--rounds", "6"]).keep, false);
    assert.equal(parseOptions(["--quick"]).keep, false);
    assert.equal(parseOptions(["--rows", "heap"]).keep, false);
    assert.equal(parseOptions(["--no-keep"]).keep, false);
  });

  it("refuses what makes no sense", () => {
    assert.throws(() => parseOptions(["--rounds", "2.5"]), /must be whole/);
    assert.throws(() => parseOptions(["--seconds", "-1"]), /--seconds|ambiguous/);
    assert.throws(() => parseOptions(["--slow"]), /--slow/);
  });
});

describe("fio", () => {
  it("is told to leave the page cache alone", () => {
    const job = { path: "/f", depth: 32, direct: false, rampSeconds: 0.4, seconds: 1 };
    const { file, args } = fioCommand(job);
    assert.equal(file, "fio");
    for (const arg of ["--invalidate=0", "--iodepth=32", "--direct=0", "--runtime=1000ms"]) {
      assert.ok(args.includes(arg), arg);
    }
  });

  it("is translated into our units", () => {
    const read = { total_ios: 5000, runtime: 500 };
    const job = { error: 0, usr_cpu: 10, sys_cpu: 40, job_runtime: 500, read };
    assert.deepEqual(parseFio({ "fio version": "fio-3.33", jobs: [job] }), {
      ops: 5000,
      seconds: 0.5,
      cpuUser: 50_000,
      cpuSystem: 200_000,
      notes: "fio-3.33",
    });
    assert.throws(() => parseFio({ "fio version": "", jobs: [{ ...job, error: 5 }] }), /error 5/);
  });
});

describe("the report", () => {
  const report: Report = {
    machine: {
      cpu: "CPU",
      cores: 2,
      memoryGiB: 8,
      kernel: "Linux 6.18",
      node: "20.20.2",
      fileSystem: "ext4 (rw)",
      mitigations: [],
      tools: { fio: "3.33" },
      load: 0.1,
    },
    rounds: 3,
    seconds: 1,
    command: "npm run bench:reference",
    results: [evaluate(SPEED, SAMPLES), evaluate(HEAP, SAMPLES)],
    notes: ["Not measured: x: because"],
  };

  it("is a table with median, spread, floor, verdict and both sides", () => {
    const section = markdownSection(report);
    assert.ok(
      section.includes("| reads | C | 0.80 | 0.75 … 0.90 | >= 0.85 | MISS | 80.0/s | 100/s |"),
      section,
    );
    assert.ok(
      section.includes("| heap |  | 505 B | 500 B … 510 B | <= 400 B | MISS | 505 B | – |"),
    );
    assert.ok(
      section.includes("CPU, 2 cores, 8 GiB; Linux 6.18; Node 20.20.2; ext4 (rw); fio 3.33"),
    );
    assert.ok(section.includes("- Not measured: x: because"));
    assert.match(terminalTable(report.results), /0\.75 … 0\.90/);
    assert.equal(summaryOf(report.results), "0 pass, 2 miss (speed, heap), 0 not measured");
  });

  it("replaces its own section of a page, and nothing else", () => {
    const section = markdownSection(report);
    const page = `# Title\n\n${section}\n\nAfter.\n`;
    assert.equal(replaceSection(page, section), page);
    const changed = replaceSection(page, markdownSection({ ...report, rounds: 9 }));
    assert.ok(changed.includes("9 interleaved rounds"));
    assert.ok(changed.startsWith("# Title\n") && changed.endsWith("\nAfter.\n"));
    assert.throws(() => replaceSection("# Title\n", section), /no section/);
  });
});
