import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelName } from "../../bench/harness/job.ts";
import { conclude } from "../../bench/start/conclusions.ts";
import { parseOptions } from "../../bench/start/options.ts";
import { budgetFor, type Cell, planCells, SITUATIONS } from "../../bench/start/plan.ts";
import { type Summary, summarize } from "../../bench/start/summary.ts";
import { renderTable } from "../../bench/start/table.ts";

const [CACHED_1, CACHED_32] = SITUATIONS as [(typeof SITUATIONS)[0], (typeof SITUATIONS)[0]];
const HASHING = SITUATIONS.find(({ hashing }) => hashing) as (typeof SITUATIONS)[0];

function row(model: ModelName, rates: number[], p99: number, cpu: number): Summary {
  const sorted = [...rates].sort((a, b) => a - b);
  const rate = {
    median: sorted[sorted.length >> 1] as number,
    min: Math.min(...rates),
    max: Math.max(...rates),
  };
  const situation = CACHED_32.id;
  return { situation, model, rate, rates, p50: p99 / 2, p99, p999: p99 * 2, cpu, calls: undefined };
}

describe("parseOptions of npm start", () => {
  it("has defaults for half a minute", () => {
    const { seconds, rounds, json, help } = parseOptions([]);
    assert.deepEqual(
      { seconds, rounds, json, help },
      {
        seconds: 30,
        rounds: 5,
        json: undefined,
        help: false,
      },
    );
  });

  it("takes --json with and without a file", () => {
    assert.equal(parseOptions(["--json"]).json, "-");
    assert.equal(parseOptions(["--json", "--quick"]).json, "-");
    assert.equal(parseOptions(["--json", "x.json", "--quick"]).json, "x.json");
    assert.equal(parseOptions(["--json=x.json"]).json, "x.json");
  });

  it("refuses what makes no sense", () => {
    assert.throws(() => parseOptions(["--seconds", "0"]), /--seconds must be 1 to 3600: 0/);
    assert.throws(() => parseOptions(["--rounds", "1.5"]), /--rounds must be a whole number/);
    assert.throws(() => parseOptions(["--situations", "tape"]), /no situation tape/);
    assert.throws(() => parseOptions(["--fast"]), /--fast/);
    assert.throws(() => parseOptions(["file"]), /file/);
  });
});

describe("planCells", () => {
  it("has every model in every situation", () => {
    const cells = planCells({ ioUring: undefined, direct: undefined });
    assert.equal(cells.length, 25);
  });

  it("leaves out what cannot run", () => {
    const cells = planCells({ ioUring: "old kernel", direct: "tmpfs" });
    assert.equal(cells.length, 12);
    assert.ok(cells.every(({ model, situation }) => model !== "io_uring" && !situation.direct));
  });

  it("takes only the situations that were asked for", () => {
    const cells = planCells({ ioUring: undefined, direct: undefined }, ["hashing"]);
    assert.equal(cells.length, 5);
    assert.ok(cells.every(({ situation }) => situation.hashing));
  });
});

describe("budgetFor", () => {
  it("stays within the time, however many cells there are", () => {
    for (const direct of [undefined, "none"]) {
      const cells = planCells({ ioUring: undefined, direct });
      const { slice, ramp, hashing } = budgetFor(30, cells, 5);
      const slices = cells.filter(({ situation }) => !situation.hashing).length * 5;
      const total = slices * (slice + ramp) + 5 * hashing;
      assert.ok(total > 18 && total < 24, `${total} s`);
    }
  });
});

describe("summarize", () => {
  it("takes medians over the rounds", () => {
    const run = (ops: number, p99: number) => ({
      ops,
      seconds: 2,
      cpuUser: ops,
      cpuSystem: ops,
      latency: { samples: 9, p50: 1, p99, p999: 5, max: 9 },
    });
    const runs = [run(20, 3), run(60, 4), run(40, 2)];
    const cell: Cell = { situation: CACHED_1, model: "io_uring", runs, calls: 1.5 };
    assert.deepEqual(summarize(cell), {
      situation: "cached-1",
      model: "io_uring",
      rate: { median: 20, min: 10, max: 30 },
      rates: [10, 30, 20],
      p50: 1,
      p99: 3,
      p999: 5,
      cpu: 2,
      calls: 1.5,
    });
  });
});

describe("conclude", () => {
  const sync = row("readSync", [200, 210, 190], 10, 1);
  const promises = row("fs/promises", [10, 12, 8], 100, 20);
  const ring = row("io_uring", [100, 90, 110], 20, 2);

  it("says what is gained, and where proactor loses", () => {
    const sentences = conclude(CACHED_32, [sync, promises, ring]);
    assert.deepEqual(sentences, [
      "readSync: 2.00× the reads of proactor, io_uring, at 0.50× its CPU per read; nothing else " +
        "runs in its process meanwhile.",
      "fs/promises: 0.10× the reads of proactor, io_uring, at 10.0× its CPU per read.",
      "proactor, io_uring: 10.0× the reads of fs/promises, at 0.10× its CPU per read; loses to " +
        "readSync (speed 2.00×, p99 2.00×, CPU 2.00×).",
    ]);
  });

  it("does not call a difference what the rounds disagree about", () => {
    const pool = row("thread_pool", [11, 9, 12], 100, 20);
    const [, sentence] = conclude(CACHED_32, [promises, pool]);
    assert.equal(
      sentence,
      "proactor, thread_pool: as many reads, within the spread, as fs/promises, at 1.00× its CPU " +
        "per read; loses to none of them.",
    );
  });

  it("compares times, not speed, while hashes run", () => {
    const slow = row("fs/promises", [1], 2_000_000, 1);
    const fast = row("io_uring", [800], 200, 9);
    assert.deepEqual(conclude(HASHING, [slow, fast]), [
      "fs/promises: the median read took 1.00 s, one in a hundred over 2.00 s; 10,000× the time " +
        "of proactor, io_uring.",
      "proactor, io_uring: the median read took 100 µs, one in a hundred over 200 µs; 1/10,000 " +
        "of the time of fs/promises; loses to none of them.",
    ]);
  });
});

describe("renderTable", () => {
  it("groups rows by situation and shows a dash for what is unknown", () => {
    const rows = [row("fs/promises", [10_000, 12_000, 8000], 100, 20)];
    const lines = renderTable(SITUATIONS, rows).split("\n");
    assert.deepEqual(lines, [
      "               reads/s           spread      p50     p99   p99.9  CPU/read  syscalls/read",
      "",
      "cached, depth 32",
      "  fs/promises   10.0 k  8.00 k … 12.0 k  50.0 µs  100 µs  200 µs   20.0 µs              –",
    ]);
  });
});
