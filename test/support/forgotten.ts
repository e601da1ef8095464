import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { runNode } from "./child.ts";

/**
 * What a child begins with that forgets things: a FIFO, open as `fd` at both ends, the warnings,
 * and ways to count descriptors and to collect.
 */
function child(path: string, body: string): string {
  return `
    import { constants, openSync, readdirSync, writeSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    const fd = openSync(${JSON.stringify(path)}, constants.O_RDWR);
    const warnings = [];
    process.on("warning", (warning) => warnings.push(warning));
    // With its first stream libuv opens /dev/null, a spare descriptor for accept(2).
    void process.stderr;
    const count = () => readdirSync("/proc/self/fd").length;
    async function collectUntil(condition) {
      for (let i = 0; i < 400 && !condition(); i++) { gc(); await sleep(5); }
    }
    ${body}
  `;
}

/** Runs a child in a folder of its own; returns what it wrote as JSON. */
export async function answerOf(dir: string, body: string): Promise<unknown> {
  const path = join(dir, "fifo");
  execFileSync("mkfifo", [path]);
  const result = await runNode(child(path, body), { execArgv: ["--expose-gc"] });
  assert.equal(result.timedOut, false);
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}
