import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { probeEngine } from "../../src/engines/index.ts";
import { moduleUrl, runProgram } from "../support/child.ts";

/** Why the shell cannot limit descriptors for a child, or io_uring cannot run. */
function whyNot(): string | false {
  if (!probeEngine("io_uring").available) return "io_uring cannot run here";
  const tried = spawnSync("sh", ["-c", "ulimit -n 256"]);
  return tried.status !== 0 && "There is no shell that limits descriptors";
}

describe("an engine that could not start for want of descriptors", { skip: whyNot() }, () => {
  /** Runs a program with 256 descriptors; `fill` takes all that are left, `free` closes them. */
  async function run(source: string): Promise<unknown> {
    const text = `
      import fs from "node:fs";
      import { setTimeout as sleep } from "node:timers/promises";
      import { proactor } from "${moduleUrl("src/index.ts")}";
      import fsp, { explain } from "${moduleUrl("src/fs/index.ts")}";
      const held = [];
      const fill = () => { try { for (;;) held.push(fs.openSync("/dev/null")); } catch {} };
      const free = () => { for (const fd of held.splice(0)) fs.closeSync(fd); };
      ${source}
    `;
    const { code, stdout, stderr } = await runProgram("sh", {
      args: [
        "-c",
        'ulimit -n 256; exec "$@"',
        "sh",
        process.execPath,
        "--input-type=module",
        "--eval",
        text,
      ],
      env: { PROACTOR_ENGINE: undefined, PROACTOR_NO_NATIVE: undefined },
    });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  it("is tried again by the shared instance, and the true reason is given meanwhile", async () => {
    const [before, reason, after, later] = (await run(`
      fill();
      await proactor.statx("/");
      const before = proactor.engine;
      const { reason } = proactor.explain().engines[0].availability;
      free();
      await sleep(150);
      await proactor.statx("/");
      const after = proactor.engine;
      fill();
      await proactor.statx("/");
      console.log(JSON.stringify([before, reason, after, proactor.engine]));
      free();
    `)) as string[];
    assert.equal(before, "thread_pool");
    assert.match(String(reason), /too many open files|No descriptor was left/i);
    assert.equal(after, "io_uring");
    assert.equal(later, "io_uring", "A choice once made stays");
  });

  it("is tried again when the addon was loaded and the ring could not be made", async () => {
    const [before, verdict, after] = (await run(`
      proactor.allocate(10);
      fill();
      fs.closeSync(held.pop());
      await proactor.statx("/");
      const before = proactor.engine;
      free();
      const { verdict } = proactor.explain().engines[0];
      await sleep(150);
      await proactor.statx("/");
      console.log(JSON.stringify([before, verdict, proactor.engine]));
    `)) as string[];
    assert.equal(before, "thread_pool");
    assert.match(String(verdict), /^not chosen: .*EMFILE/);
    assert.equal(after, "io_uring");
  });

  it("is tried again by proactor/fs", async () => {
    const [text, after] = (await run(`
      fill();
      fs.closeSync(held.pop());
      const text = await fsp.readFile("/proc/self/comm", "utf8");
      free();
      await sleep(150);
      await fsp.readFile("/proc/self/comm");
      console.log(JSON.stringify([text.length > 0, explain()]));
    `)) as [boolean, string];
    assert.equal(text, true);
    assert.match(after, /^proactor runs on io_uring/);
  });
});
