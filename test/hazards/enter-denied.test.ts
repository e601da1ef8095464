import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { moduleUrl } from "../support/child.ts";
import { denyLater } from "../support/deny-later.ts";

const denial = denyLater();

// HAZARDS E1: io_uring is taken away from a program that uses it.
describe("io_uring_enter, denied to a program that runs", { skip: denial.whyNot }, () => {
  /** Runs a program with two reads of an empty pipe in flight when `DENY_LATER` begins. */
  async function run(denied: string, proactorSource: string, rest: string): Promise<string[]> {
    const source = `
      import fs from "node:fs";
      import { execFileSync } from "node:child_process";
      import { proactor, Proactor } from "${moduleUrl("src/index.ts")}";
      import fsp, { explain } from "${moduleUrl("src/fs/index.ts")}";
      const p = ${proactorSource};
      const path = ${JSON.stringify(join(denial.folder, "fifo"))} + process.pid;
      execFileSync("mkfifo", [path]);
      const fd = fs.openSync(path, fs.constants.O_RDWR);
      const say = (operation) => operation.then((value) => console.log("done", value),
        ({ code, message }) => console.log(code, message));
      await p.nop();
      const pending = [p.read(fd, Buffer.alloc(4)), p.read(fd, Buffer.alloc(4))];
      await p.nop();
      ${denial.deny}
      const staged = say(p.statx("/").then(() => "stat"));
      ${rest}
    `;
    const { code, stdout, stderr, timedOut } = await denial.run(denied, source);
    assert.deepEqual([code, timedOut], [0, false], stderr);
    return stdout.trim().split("\n");
  }

  for (const [denied, name] of [
    ["1 426", "EPERM"],
    ["38 426 427", "ENOSYS"],
    ["13 426", "EACCES"],
  ] as const) {
    const failure = new RegExp(`^ERR_PROACTOR_ENGINE_UNAVAILABLE .*failed for good.*: ${name}`);

    it(`(${denied}) settles what is there, and the thread pool takes what comes`, async () => {
      const said = await run(
        denied,
        "proactor",
        `await staged;
        for (const each of pending) await say(each);
        await say(p.statx("/").then(() => "stat"));
        await say(fsp.readFile("/proc/self/comm").then(() => "readFile"));
        console.log(p.engine, p.explain().engines[0].verdict);
        await p.shutdown();
        console.log("end");`,
      );
      for (const text of said.slice(0, 3)) assert.match(text, failure);
      assert.deepEqual(said.slice(3, 5), ["done stat", "done readFile"]);
      assert.match(String(said[5]), /^thread_pool unavailable$/);
      assert.equal(said[6], "end");
    });
  }

  it("settles everything, and ends, on an engine that was asked for", async () => {
    const said = await run(
      "1 426",
      'new Proactor({ engine: "io_uring" })',
      `await staged;
      await say(p.nop());
      const settled = pending.map(say);
      await p.shutdown({ cancel: true });
      await Promise.all(settled);
      console.log("end");`,
    );
    const failure = /^ERR_PROACTOR_ENGINE_UNAVAILABLE .*failed for good.*: EPERM/;
    for (const text of said.slice(0, 4)) assert.match(text, failure);
    assert.equal(said.at(-1), "end");
  });

  it("lets the process end by itself", async () => {
    assert.equal((await run("1 426", "proactor", "pending.forEach(say);")).length, 3);
  });
});
