import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import type { Operation, OperationDescriptor, Proactor } from "../../src/index.ts";
import { BLOCKS, describeConformance, itWhere, withProactor } from "../support/conformance.ts";
import type { Pipe } from "../support/pipes.ts";
import { fs, withPipes, withTempDir } from "../support/place.ts";

const CLOSED = 1_000_000;

/** Waits for all and tells how each ended: its value, or its code. */
async function ends(operations: readonly Operation<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(operations);
  return settled.map((one) =>
    one.status === "fulfilled" ? one.value : (one.reason.code ?? one.reason),
  );
}

/** Appends letters one by one: the file shows the order in which they were written. */
function appends(fd: number, letters: string): OperationDescriptor[] {
  return [...letters].map((letter) => ({ op: "write", fd, buffer: Buffer.from(letter) }));
}

// HAZARDS C7: a member of a chain is canceled, at every position.
describeConformance("chains, canceled", (engine, limits) => {
  const waiting = itWhere(limits.waitsElsewhere, BLOCKS);
  /** A chain that stands still at its first member until the test writes to the pipe. */
  async function standing(
    pipe: Pipe,
    length: number,
    hard: boolean,
    entries: number,
    body: (p: Proactor, chain: Operation<unknown>[]) => Promise<void>,
  ): Promise<void> {
    await withProactor({ engine, entries }, async (p) => {
      const descriptors: OperationDescriptor[] = [
        { op: "read", fd: pipe.read, buffer: Buffer.alloc(1) },
        ...Array.from({ length: length - 1 }, () => ({ op: "nop" }) as const),
      ];
      const chain = p.chain(descriptors, { hard });
      for (const operation of chain) operation.catch(() => {});
      await body(p, chain);
    });
  }

  for (const length of [2, 5, 32]) {
    for (const entries of [8, 256]) {
      waiting(
        `settles everything, wherever it is canceled: ${length} of them, ${entries} entries`,
        () =>
          withPipes(1, async (pipe) => {
            for (let at = 0; at < length; at += length > 10 ? 5 : 1) {
              for (const hard of [false, true]) {
                await standing(pipe, length, hard, entries, async (p, chain) => {
                  await p.nop();
                  const outcome = (chain[at] as Operation<unknown>).cancel();
                  if (at > 0 || limits.cancel !== "running") fs.writeSync(pipe.write, "x");
                  const { outcome: told } = await outcome;
                  const results = await ends(chain);
                  const canceled = results[at] === "ECANCELED";
                  assert.equal(told === "canceled", canceled, "It tells the truth");
                  const first = at === 0 && limits.cancel === "running" ? "ECANCELED" : 1;
                  assert.equal(results[0], first, `first, at ${at}`);
                  // What is canceled ends a soft chain, and nothing else does.
                  const broken = results.indexOf("ECANCELED");
                  const expected = results.map((_, i) => {
                    if (broken === -1 || i < broken) return i === 0 ? 1 : 0;
                    if (hard) return i === at ? "ECANCELED" : i === 0 ? 1 : 0;
                    return "ECANCELED";
                  });
                  assert.deepEqual(results, expected);
                  if (broken !== -1) assert.equal(broken, at);
                });
              }
            }
          }),
      );
    }
  }

  waiting("keeps the order of a hard chain when a later member is canceled", async () => {
    await withTempDir(async (dir) => {
      const file = join(dir, "file");
      const fd = fs.openSync(file, "a");
      await withPipes(1, (pipe) =>
        // So few entries that the runtime keeps the order.
        withProactor({ engine, entries: 1 }, async (p) => {
          const [reading, ...writes] = p.chain(
            [{ op: "read", fd: pipe.read, buffer: Buffer.alloc(1) }, ...appends(fd, "ab")],
            { hard: true },
          ) as [Operation<unknown>, Operation<unknown>, Operation<unknown>];
          assert.deepEqual(await writes[0]?.cancel(), { outcome: "canceled" });
          await p.nop();
          assert.equal(reading.status, "in flight");
          assert.equal(writes[1]?.status, "queued", "Its turn comes after the read");
          fs.writeSync(pipe.write, "x");
          assert.deepEqual(await ends([reading, ...writes]), [1, "ECANCELED", 1]);
          assert.equal(fs.readFileSync(file, "utf8"), "b");
        }),
      );
      fs.closeSync(fd);
    });
  });

  // HAZARDS L8: no recursion, however long.
  it("breaks a chain of 12000 without running out of stack", () =>
    withProactor({ engine }, async (p) => {
      const rest = Array.from({ length: 12_000 }, () => ({ op: "nop" }) as const);
      const chain = p.chain([{ op: "close", fd: CLOSED }, ...rest]);
      const results = await ends(chain);
      assert.equal(results.filter((result) => result === "ECANCELED").length, rest.length);
    }));
});
