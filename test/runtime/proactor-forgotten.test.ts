import assert from "node:assert/strict";
import { it } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { moduleUrl } from "../support/child.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { answerOf } from "../support/forgotten.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Engines whose operations can be in flight at a FIFO. */
const WAITS: readonly EngineName[] = ["io_uring", "linux_aio", "posix_aio", "thread_pool"];

function bodyFor(engine: EngineName, body: string): string {
  return `
    import { Proactor } from ${JSON.stringify(moduleUrl("src/index.ts"))};
    const make = () => new Proactor({ engine: "${engine}", depth: 16, entries: 16 });
    ${body}
  `;
}

describeEveryEngine("a proactor that is collected", (engine) => {
  it("gives its descriptors back, a hundred times over, and says so", () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        bodyFor(
          engine,
          `const before = count();
          const start = async () => { await make().nop(); };
          for (let i = 0; i < 100; i++) await start();
          await collectUntil(() => warnings.length === 100 && count() === before);
          console.log(JSON.stringify({
            left: count() - before,
            codes: [...new Set(warnings.map((warning) => warning.code))],
            texts: [...new Set(warnings.map((warning) => warning.message))],
            warnings: warnings.length,
          }));`,
        ),
      );
      assert.deepEqual(answer, {
        left: 0,
        codes: ["PROACTOR_FORGOTTEN"],
        texts: [`A Proactor on ${engine} was collected open, with 0 requests in flight`],
        warnings: 100,
      });
    }, "forgotten"));

  it("says nothing when it was shut down, or never used", () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        bodyFor(
          engine,
          `const before = count();
          await (async () => { const one = make(); await one.nop(); await one.shutdown(); })();
          await (async () => { make(); })();
          for (let i = 0; i < 10; i++) { gc(); await sleep(5); }
          console.log(JSON.stringify({ left: count() - before, warnings: warnings.length }));`,
        ),
      );
      assert.deepEqual(answer, { left: 0, warnings: 0 });
    }, "forgotten"));

  const skip = WAITS.includes(engine) ? {} : { skip: "Nothing of it can be in flight at a FIFO" };
  it("finishes what is in flight, and is closed after that", skip, () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        bodyFor(
          engine,
          `const before = count();
          const pending = [];
          const start = () => pending.push(make().read(fd, new Uint8Array(65536), { length: 8 }));
          for (let i = 0; i < 4; i++) start();
          await collectUntil(() => warnings.length === 4);
          const texts = [...new Set(warnings.map((warning) => warning.message))];
          const fresh = Array.from({ length: 100 }, () => new Uint8Array(65536).fill(0xa5));
          writeSync(fd, Buffer.alloc(32, 0x5a));
          const results = await Promise.all(pending);
          await collectUntil(() => count() === before);
          console.log(JSON.stringify({
            left: count() - before,
            texts,
            results,
            hit: fresh.filter((one) => one.includes(0x5a)).length,
          }));`,
        ),
      );
      assert.deepEqual(answer, {
        left: 0,
        texts: [`A Proactor on ${engine} was collected open, with 1 request in flight`],
        results: [8, 8, 8, 8],
        hit: 0,
      });
    }, "forgotten"),
  );
});
