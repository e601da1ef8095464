import assert from "node:assert/strict";
import { it } from "node:test";
import { readFiles } from "../../tools/lib/files.ts";
import { runNode } from "../support/child.ts";
import { describeEveryEngine } from "../support/engines.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Every name after which a `?` stands in a type of ours, and what descriptors and listeners have. */
function names(): string[] {
  const found = new Set(["get", "set", "value", "writable", "enumerable", "configurable", "once"]);
  for (const { path, text } of readFiles()) {
    if (!path.startsWith("src/") || !path.endsWith(".ts")) continue;
    for (const [, name = ""] of text.matchAll(/^ +(?:readonly )?(\w+)\?:/gm)) found.add(name);
  }
  return [...found];
}

const ABOVE = "Options are read above the engines: two are enough";

describeEveryEngine("Object.prototype with the name of an option", (engine) => {
  it("changes nothing", {
    skip: !["io_uring", "thread_pool"].includes(engine) && ABOVE,
  }, async () => {
    await withTempDir(async (dir) => {
      const child = new URL("./polluted-child.js", import.meta.url);
      const args = [dir, engine, ...names()];
      const result = await runNode(child, { args, timeoutMs: 120_000 });
      assert.equal(result.stdout.slice(0, 4000), "", result.stderr);
      assert.equal(result.code, 0, `${result.stderr} ${result.signal}`);
    });
  });
});
