import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { explain, open, openLog } from "../../src/fs/index.ts";
import { Proactor } from "../../src/index.ts";
import { withTempDir } from "../support/temp-dir.ts";

describe("util.inspect", () => {
  it("shows the engine of a Proactor and what is in flight, and starts nothing", async () => {
    const proactor = new Proactor({ engine: "memory" });
    assert.equal(inspect(proactor), "Proactor { engine: 'not started', inFlight: 0, waiting: 0 }");
    const running = proactor.nop();
    assert.equal(inspect(proactor), "Proactor { engine: 'memory', inFlight: 1, waiting: 0 }");
    await running;
    await proactor.shutdown();
    assert.match(inspect(proactor), /state: 'closed'/);
    assert.equal(inspect({ a: { b: { c: { proactor } } } }).includes("[Object]"), true);
  });

  it("shows how far an Operation has come, and with what it ended", async () => {
    await using proactor = new Proactor({ engine: "memory" });
    const good = proactor.nop();
    assert.equal(inspect(good), "Operation { status: 'in flight' }");
    await good;
    assert.equal(inspect([good]), "[ Operation { status: 'completed', result: 0 } ]");
    const bad = proactor.open("/absent");
    await assert.rejects(bad);
    assert.match(inspect(bad), /^Operation \{ status: 'failed', error: .ENOENT: .*\}$/);
  });

  it("leaves the failure of an Operation unhandled", async () => {
    await using proactor = new Proactor({ engine: "memory" });
    const listeners = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    const unhandled = new Promise((resolve) => process.once("unhandledRejection", resolve));
    inspect(proactor.open("/absent"));
    assert.match(String(await unhandled), /ENOENT/);
    for (const listener of listeners) process.on("unhandledRejection", listener);
  });

  it("shows a log and a FileHandle on one line, open and closed", async () => {
    await withTempDir(async (dir) => {
      const log = await openLog(join(dir, "log"));
      await log.append("entry");
      assert.equal(
        inspect(log),
        "AppendLog { state: 'open', size: 5, pendingBytes: 0, groups: 1 }",
      );
      await log.close();
      assert.match(inspect(log), /^AppendLog \{ state: 'closed'/);
      const handle = await open(join(dir, "log"));
      const shown = inspect(handle);
      await handle.close();
      // Where node:fs does the work, the handle is Node's own.
      if (String(explain()).includes("runs on io_uring")) {
        assert.match(shown, /^FileHandle \{ fd: \d+ \}$/);
        assert.equal(inspect(handle), "FileHandle { state: 'closed' }");
      }
    }, "inspect");
  });
});
