import assert from "node:assert/strict";
import { describe } from "node:test";
import { moduleUrl } from "../support/child.ts";
import { answerOf } from "../support/forgotten.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { uringIt } from "./ring-support.ts";

const IMPORTS = `
    import { queueInit, IORING_SETUP_SQPOLL, IORING_SETUP_DEFER_TASKRUN,
      IORING_SETUP_SINGLE_ISSUER } from ${JSON.stringify(moduleUrl("src/compat/ring/index.ts"))};
`;

const DROP = `${IMPORTS}
    function drop(flags, reads, prepared = 0) {
      const ring = queueInit(64, flags);
      for (let i = 0; i < reads + prepared; i++) {
        ring.prepRead(ring.getSqe(), fd, new Uint8Array(65536), 64, 0);
        if (i === reads - 1) ring.submit();
      }
    }
`;

describe("a ring that is collected", () => {
  const flagsOf = {
    "no flags": "0",
    "a kernel thread that submits": "IORING_SETUP_SQPOLL",
    "deferred work": "IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER",
  };
  for (const [name, flags] of Object.entries(flagsOf)) {
    uringIt(`leaves no foreign byte changed, with ${name}`, ["IORING_OP_READ"], () =>
      withTempDir(async (dir) => {
        const answer = await answerOf(
          dir,
          `${DROP}
          const before = count();
          drop(${flags}, 20);
          await collectUntil(() => warnings.length > 0);
          const fresh = Array.from({ length: 500 }, () => new Uint8Array(65536).fill(0xa5));
          writeSync(fd, Buffer.alloc(64 * 20, 0x5a));
          await collectUntil(() => count() === before);
          console.log(JSON.stringify({
            hit: fresh.filter((f) => f.includes(0x5a)).length,
            left: count() - before,
            codes: warnings.map((warning) => warning.code),
            isNamed: /^A Ring of descriptor \\d+ was collected open, with 20 requests in flight$/
              .test(warnings[0]?.message),
          }));`,
        );
        assert.deepEqual(answer, {
          hit: 0,
          left: 0,
          codes: ["PROACTOR_FORGOTTEN"],
          isNamed: true,
        });
      }, "ring"),
    );
  }

  uringIt("gives its descriptor back, a hundred times over", ["IORING_OP_READ"], () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        `${DROP}
        const before = count();
        for (let i = 0; i < 100; i++) drop(0, i % 3, i % 2);
        await collectUntil(() => warnings.length === 100 && count() === before);
        console.log(JSON.stringify({ left: count() - before, warnings: warnings.length }));`,
      );
      assert.deepEqual(answer, { left: 0, warnings: 100 });
    }, "ring"),
  );

  uringIt("warns of nothing when it was closed", ["IORING_OP_READ"], () =>
    withTempDir(async (dir) => {
      const answer = await answerOf(
        dir,
        `${IMPORTS}
        const before = count();
        (() => { queueInit(8, 0).queueExit(); })();
        for (let i = 0; i < 10; i++) { gc(); await sleep(5); }
        console.log(JSON.stringify({ left: count() - before, warnings: warnings.length }));`,
      );
      assert.deepEqual(answer, { left: 0, warnings: 0 });
    }, "ring"),
  );
});
