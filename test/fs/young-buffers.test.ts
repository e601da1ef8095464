import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { YOUNG_BUFFER_BYTES, YOUNG_BUFFERS_FIRST } from "../../src/base/limits.ts";
import { explainRoad, road } from "../../src/fs/road.ts";
import { moduleUrl, runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** How many collections a program asks for, */
const TIMES = 4;
/** how much it reads for that, */
const BYTES = YOUNG_BUFFERS_FIRST + (TIMES - 1) * YOUNG_BUFFER_BYTES;
/** and how large the file is that is read again and again. */
const FILE_BYTES = 1024 * 1024;
const READS = BYTES / FILE_BYTES;

/** Reads a file in some way, and prints what became of the collector, and of V8's flags. */
const programOf = (path: string, read: string) => `
  import { once } from "node:events";
  import { constants, PerformanceObserver } from "node:perf_hooks";
  import { setTimeout as sleep } from "node:timers/promises";
  import vm from "node:vm";
  import { createReadStream, readFile } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
  const path = ${JSON.stringify(path)};
  const source = "(function () { return 1; })()";
  const cachedData = new vm.Script(source).createCachedData();
  let forced = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries())
      if (detail.flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) forced++;
  });
  observer.observe({ entryTypes: ["gc"] });
  ${read}
  await sleep(50);
  observer.disconnect();
  console.log(JSON.stringify({
    forced,
    here: typeof globalThis.gc,
    elsewhere: vm.runInNewContext("typeof gc"),
    rejected: new vm.Script(source, { cachedData }).cachedDataRejected,
  }));
`;

const WAYS: Readonly<Record<string, string>> = {
  "a stream": `await once(createReadStream(path).resume(), "close");`,
  readFile: `for (let i = 0; i < ${READS}; i++) await readFile(path);`,
};

const skip = road() === undefined ? `No ring: ${explainRoad()}` : false;

describe("buffers that are made for reads", { skip }, () => {
  for (const [name, read] of Object.entries(WAYS)) {
    for (const flag of [undefined, "--expose-gc", "--no-parallel-scavenge"]) {
      it(`are collected while they are young: ${name}, ${flag ?? "no flags"}`, () =>
        withTempDir(async (dir) => {
          const path = join(dir, "file");
          fs.writeFileSync(path, "");
          // Nothing is on the disk for it.
          fs.truncateSync(path, name === "readFile" ? FILE_BYTES : BYTES);
          const execArgv = flag === undefined ? [] : [flag];
          const { stdout, stderr } = await runNode(programOf(path, read), { execArgv });
          assert.equal(stderr, "");
          const isExposed = flag === "--expose-gc" ? "function" : "undefined";
          assert.deepEqual(JSON.parse(stdout), {
            forced: TIMES,
            here: isExposed,
            elsewhere: isExposed,
            rejected: false,
          });
        }));
    }
  }

  it("are left alone where there are few", () =>
    withTempDir(async (dir) => {
      const path = join(dir, "file");
      fs.writeFileSync(path, Buffer.alloc(100_000));
      const program = programOf(path, "for (let i = 0; i < 20; i++) await readFile(path);");
      const { stdout } = await runNode(program);
      assert.equal(JSON.parse(stdout).forced, 0);
    }));
});
