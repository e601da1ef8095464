import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatMicroseconds, formatRate, formatRatio } from "../../bench/harness/format.ts";
import { fileSystemOf } from "../../bench/harness/machine.ts";
import { gist } from "../../bench/harness/processes.ts";
import { RandomBlocks } from "../../bench/harness/random.ts";
import { cpuPerOperation, rate } from "../../bench/harness/result.ts";
import { interleave } from "../../bench/harness/rounds.ts";
import {
  quantileOfSorted,
  ratioOf,
  spreadOf,
  summarizeLatencies,
} from "../../bench/harness/statistics.ts";
import { countCalls, landmarksFor, totalCalls } from "../../bench/harness/strace.ts";

describe("RandomBlocks", () => {
  it("gives the numbers that the C references use", () => {
    const random = new RandomBlocks(65_536, 1);
    const first = Array.from({ length: 8 }, () => random.next());
    // build/reference/offsets seed=1 blocks=65536 count=8
    assert.deepEqual(first, [4, 1032, 40396, 4693, 36601, 11375, 9650, 6649]);
  });

  it("stays below the number of blocks and reaches all of them", () => {
    const random = new RandomBlocks(10, 7);
    const seen = new Set(Array.from({ length: 1000 }, () => random.next()));
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("refuses a seed of 0 and too many blocks", () => {
    assert.throws(() => new RandomBlocks(10, 0), RangeError);
    assert.throws(() => new RandomBlocks(10, 2 ** 32), RangeError);
    assert.throws(() => new RandomBlocks(2 ** 21 + 1, 1), RangeError);
    assert.throws(() => new RandomBlocks(0, 1), RangeError);
  });
});

describe("spreadOf", () => {
  it("gives median, smallest and largest", () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
    assert.deepEqual(spreadOf([5]), { median: 5, min: 5, max: 5 });
    assert.throws(() => spreadOf([]), RangeError);
  });
});

describe("ratioOf", () => {
  it("divides round by round", () => {
    // The machine was three times slower in the second round, for both.
    assert.deepEqual(ratioOf([60, 20, 62], [10, 4, 10]), { median: 6, min: 5, max: 6.2 });
  });

  it("refuses sides of different length", () => {
    assert.throws(() => ratioOf([1], [1, 2]), RangeError);
  });
});

describe("quantileOfSorted", () => {
  it("takes the nearest rank", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    assert.equal(quantileOfSorted(hundred, 0.5), 50);
    assert.equal(quantileOfSorted(hundred, 0.99), 99);
    assert.equal(quantileOfSorted(hundred, 0.999), 100);
    assert.equal(quantileOfSorted([7], 0.5), 7);
    assert.equal(quantileOfSorted([], 0.5), Number.NaN);
  });
});

describe("summarizeLatencies", () => {
  it("sorts, and says how many there were", () => {
    const summary = summarizeLatencies(Float64Array.of(30, 10, 20));
    assert.deepEqual(summary, { samples: 3, p50: 20, p99: 30, p999: 30, max: 30 });
  });

  it("has nothing to say about nothing", () => {
    assert.equal(summarizeLatencies(new Float64Array(0)), undefined);
  });
});

describe("rate and cpuPerOperation", () => {
  it("divide by the right thing", () => {
    const measurement = { ops: 500, seconds: 0.5, cpuUser: 400, cpuSystem: 600 };
    assert.equal(rate(measurement), 1000);
    assert.equal(cpuPerOperation(measurement), 2);
  });
});

describe("interleave", () => {
  it("turns around every round, so that neighbors stay neighbors", () => {
    const order = interleave(["a", "b", "c"], 3).map(
      ({ round, configuration }) => `${round}${configuration}`,
    );
    assert.deepEqual(order, ["0a", "0b", "0c", "1c", "1b", "1a", "2a", "2b", "2c"]);
  });
});

describe("countCalls", () => {
  const landmarks = landmarksFor("x");
  const log = `10  read(3, "", 1) = 0
10  access("/proactor-bench/x/begin", F_OK) = -1 ENOENT (No such file or directory)
11  futex(0x1, FUTEX_WAIT_PRIVATE, 0, NULL <unfinished ...>
10  io_uring_enter(7, 32, 1, IORING_ENTER_GETEVENTS, NULL, 8) = 32
11  <... futex resumed>) = 0
10  io_uring_enter(7, 32, 1, IORING_ENTER_GETEVENTS, NULL, 8) = 32
10  access("/proactor-bench/x/end", F_OK) = -1 ENOENT (No such file or directory)
10  io_uring_enter(7, 32, 1, IORING_ENTER_GETEVENTS, NULL, 8) = 32
`;

  it("counts what lies between the landmarks, split lines once", () => {
    const counts = countCalls(log, landmarks);
    assert.deepEqual(Object.fromEntries(counts), { futex: 1, io_uring_enter: 2 });
    assert.equal(totalCalls(counts), 3);
  });

  it("refuses a log without landmarks", () => {
    assert.throws(() => countCalls(log, landmarksFor("y")), /no landmarks/);
  });
});

describe("gist", () => {
  it("finds the message in what Node prints when it dies", () => {
    const dying = `file:///x.js:2
import { a, a } from "./y.js";
            ^

SyntaxError: Identifier 'a' has already been declared
    at compile (node:internal)

Node.js v20.20.2`;
    assert.equal(gist(dying), "SyntaxError: Identifier 'a' has already been declared");
    assert.equal(gist("fio: no such file\nhelp follows\n"), "fio: no such file");
    assert.equal(gist(""), "");
  });
});

describe("fileSystemOf", () => {
  const mountInfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,resv_strict
23 22 0:5 / /tmp rw,nosuid - tmpfs tmpfs rw,size=10k
24 22 0:6 / /a\\040b rw - xfs /dev/vdb rw
`;

  it("finds the innermost mount", () => {
    assert.equal(fileSystemOf("/home/x", mountInfo), "ext4 (rw,relatime,resv_strict)");
    assert.equal(fileSystemOf("/tmp/x", mountInfo), "tmpfs (rw,nosuid,size=10k)");
    assert.equal(fileSystemOf("/tmpfile", mountInfo), "ext4 (rw,relatime,resv_strict)");
    assert.equal(fileSystemOf("/a b/c", mountInfo), "xfs (rw)");
  });

  it("says so when it cannot know", () => {
    assert.equal(fileSystemOf("/x", ""), "unknown file system");
  });
});

describe("formatting", () => {
  it("keeps three digits and names the unit", () => {
    assert.deepEqual([12, 812.4, 999.6, 12_345, 456_789, 999_600, 14_460_000].map(formatRate), [
      "12.0",
      "812",
      "1.00 k",
      "12.3 k",
      "457 k",
      "1.00 M",
      "14.5 M",
    ]);
    assert.deepEqual([0.512, 1.7345, 99.97, 2900, 2_100_000].map(formatMicroseconds), [
      "0.512 µs",
      "1.73 µs",
      "100 µs",
      "2.90 ms",
      "2.10 s",
    ]);
    assert.deepEqual([0, 0.03125, 0.97, 6.434, 12.34, 148.3, 25_847].map(formatRatio), [
      "0",
      "0.0313",
      "0.97",
      "6.43",
      "12.3",
      "148",
      "25,800",
    ]);
  });

  it("shows a dash for what could not be computed", () => {
    assert.equal(formatRate(Number.NaN), "–");
    assert.equal(formatMicroseconds(Number.POSITIVE_INFINITY), "–");
    assert.equal(formatRatio(Number.NaN), "–");
  });
});
