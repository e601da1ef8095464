import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { moduleUrl } from "../support/child.ts";
import { answerOf } from "../support/forgotten.ts";
import { withTempDir } from "../support/temp-dir.ts";

describe("an append log that is forgotten", () => {
  it("finishes what was appended, and is closed with a warning", () =>
    withTempDir(async (dir) => {
      const path = join(dir, "log");
      const answer = await answerOf(
        dir,
        `import { openLog } from ${JSON.stringify(moduleUrl("src/fs/index.ts"))};
        const path = ${JSON.stringify(path)};
        await (await openLog(path)).close();
        const before = count();
        const pending = [];
        const start = async (i) => { pending.push((await openLog(path + i)).append("entry")); };
        for (let i = 0; i < 10; i++) await start(i);
        const positions = await Promise.all(pending);
        await collectUntil(() => warnings.length === 10 && count() === before);
        console.log(JSON.stringify({
          left: count() - before,
          positions,
          isNamed: warnings.every(({ code, message }) =>
            code === "PROACTOR_FORGOTTEN" && /^An AppendLog of descriptor \\d+ /.test(message)),
        }));`,
      );
      assert.deepEqual(answer, { left: 0, positions: Array(10).fill(0), isNamed: true });
      assert.equal(readFileSync(`${path}9`, "latin1"), "entry");
    }, "forgotten"));
});
