import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RWF_DSYNC } from "../../src/abi/linux-flags.ts";
import { errnoOf } from "../../src/base/errors.ts";
import { OperationKind, type Request } from "../../src/core/index.ts";
import { inOneCall } from "../../src/fs/log-file.ts";
import type { Session } from "../../src/runtime/session.ts";

const ENOSPC = -errnoOf("ENOSPC");
const EIO = -errnoOf("EIO");
const EINTR = -errnoOf("EINTR");

/** A session whose operations end as a list says; what was asked for is in `asked`. */
function scripted(results: readonly number[]): { session: Session; asked: string[] } {
  const asked: string[] = [];
  const startFor = (request: Request, { settled }: { settled(result: number): void }) => {
    const isWrite = request.kind === OperationKind.Write;
    const flags = request.flags === RWF_DSYNC ? " dsync" : "";
    const what = isWrite ? `write ${request.length} at ${request.offset}${flags}` : "fdatasync";
    const result = results[asked.push(what) - 1];
    assert.ok(result !== undefined, `${what} was not to be asked for`);
    queueMicrotask(() => settled(result));
  };
  const session = {
    scheduler: { startFor },
    memory: { useOwn: () => undefined },
    engine: { capabilities: { links: true } },
  };
  return { session: session as unknown as Session, asked };
}

/** A file of which nothing is owed to the device any more, and what it is asked for from there on. */
async function opened(results: readonly number[]) {
  const rig = scripted([1, 0, ...results]);
  const commit = inOneCall(3, rig.session);
  await commit(Buffer.alloc(1), 0, true);
  return { commit, asked: () => rig.asked.slice(2) };
}

describe("inOneCall", () => {
  const cases = [
    {
      name: "asks once where all goes well",
      results: [10],
      outcome: { written: 10, synced: 0 },
      asked: ["write 10 at 7 dsync"],
    },
    {
      name: "says what a short write wrote, and of no fdatasync",
      results: [4],
      outcome: { written: 4, synced: undefined },
      asked: ["write 10 at 7 dsync"],
    },
    {
      name: "never asks again after EIO: the device may have lost what is asked for",
      results: [EIO],
      outcome: { written: 0, synced: EIO },
      asked: ["write 10 at 7 dsync"],
    },
    {
      name: "writes everything again where it may be the write that failed",
      results: [ENOSPC, 3, -errnoOf("ECANCELED")],
      outcome: { written: 3, synced: undefined },
      asked: ["write 10 at 7 dsync", "write 10 at 7", "fdatasync"],
    },
    {
      name: "tells that it was the fdatasync that failed",
      results: [ENOSPC, 10, ENOSPC],
      outcome: { written: 10, synced: ENOSPC },
      asked: ["write 10 at 7 dsync", "write 10 at 7", "fdatasync"],
    },
    {
      name: "goes on after a signal",
      results: [EINTR, 10, 0],
      outcome: { written: 10, synced: 0 },
      asked: ["write 10 at 7 dsync", "write 10 at 7", "fdatasync"],
    },
  ];
  for (const { name, results, outcome, asked } of cases) {
    it(name, async () => {
      const file = await opened(results);
      assert.deepEqual(await file.commit(Buffer.alloc(10), 7, true), outcome);
      assert.deepEqual(file.asked(), asked);
    });
  }

  it("brings what was in the file before to the device as well", async () => {
    const rig = scripted([10, 0, 10]);
    const commit = inOneCall(3, rig.session);
    await commit(Buffer.alloc(10), 50, true);
    await commit(Buffer.alloc(10), 60, true);
    // After a crash there would be records behind others that are lost.
    assert.deepEqual(rig.asked, ["write 10 at 50", "fdatasync", "write 10 at 60 dsync"]);
  });

  it("so too what was written without the flag", async () => {
    const { commit, asked } = await opened([10, 10, 0, 10]);
    const bytes = Buffer.alloc(10);
    assert.deepEqual(await commit(bytes, 0, false), { written: 10, synced: undefined });
    assert.deepEqual(await commit(bytes, 10, true), { written: 10, synced: 0 });
    assert.deepEqual(await commit(bytes, 20, true), { written: 10, synced: 0 });
    const both = ["write 10 at 10", "fdatasync"];
    assert.deepEqual(asked(), ["write 10 at 0", ...both, "write 10 at 20 dsync"]);
  });

  it("so too the first half of a write that was short after a failure", async () => {
    const { commit, asked } = await opened([ENOSPC, 4, -errnoOf("ECANCELED"), 6, 0]);
    assert.deepEqual(await commit(Buffer.alloc(10), 0, true), { written: 4, synced: undefined });
    assert.deepEqual(await commit(Buffer.alloc(6), 4, true), { written: 6, synced: 0 });
    const first = ["write 10 at 0 dsync", "write 10 at 0", "fdatasync"];
    assert.deepEqual(asked(), [...first, "write 6 at 4", "fdatasync"]);
  });
});
