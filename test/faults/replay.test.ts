import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { checkProperty } from "../support/replay.ts";

const numbers = fc.nat(1000);

/** Checks a property that fails, and returns what its failure says and what failed last. */
async function failure(): Promise<{ message: string; smallest: number | undefined }> {
  let smallest: number | undefined;
  const body = async (value: number) => {
    if (value < 500) return;
    smallest = value;
    throw new Error("too large");
  };
  const options = { runs: 100, file: import.meta.url, name: "finds it", env: { ENGINES: "sync" } };
  const error = await checkProperty(numbers, body, options).then(
    () => assert.fail("The property holds"),
    (caught: Error) => caught,
  );
  return { message: error.message, smallest };
}

describe("checkProperty", () => {
  it("makes a failure small and tells the command that replays exactly it", async () => {
    const { message, smallest } = await failure();
    assert.equal(smallest, 500);
    const command = /replay: (.*)/.exec(message)?.[1] ?? "";
    const [, seed, path] = /PROACTOR_TEST_SEED=(\S+) PROACTOR_TEST_PATH=(\S+)/.exec(command) ?? [];
    assert.match(
      command,
      /^ENGINES=sync .* node --test --test-name-pattern='finds it' dist\/test\/faults\/replay\.test\.js$/,
    );
    try {
      Object.assign(process.env, { PROACTOR_TEST_SEED: seed, PROACTOR_TEST_PATH: path });
      const again = await failure();
      assert.equal(again.smallest, 500);
      assert.match(again.message, /failed after 1 runs and 0 shrinks/);
    } finally {
      delete process.env.PROACTOR_TEST_SEED;
      delete process.env.PROACTOR_TEST_PATH;
    }
  });

  it("says nothing about a property that holds", async () => {
    let runs = 0;
    const body = async () => {
      runs++;
    };
    await checkProperty(numbers, body, { runs: 7, file: import.meta.url, name: "holds" });
    assert.ok(runs > 0);
  });
});
