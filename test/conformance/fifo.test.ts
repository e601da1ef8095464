import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import type { Proactor } from "../../src/index.ts";
import { describeWaiting, itWhere, withProactor } from "../support/conformance.ts";
import { withTempDir } from "../support/temp-dir.ts";

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
/** Far longer than an open takes that does not wait, and far shorter than a test may take. */
const A_WHILE_MS = 100;

const SIDES = [
  ["reading", O_RDONLY, O_WRONLY],
  ["writing", O_WRONLY, O_RDONLY],
] as const;

async function withFifo(body: (path: string) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const path = join(dir, "fifo");
    execFileSync("mkfifo", [path]);
    await body(path);
  }, "fifo");
}

/** Whether something is still not done after a while. */
function waits(promise: Promise<unknown>): Promise<boolean> {
  const done = promise.then(
    () => false,
    () => false,
  );
  const later = new Promise<boolean>((resolve) => setTimeout(resolve, A_WHILE_MS, true));
  return Promise.race([done, later]);
}

/** Opens the other side as another process would, and gives the descriptors back. */
async function meet(path: string, flags: number, opening: Promise<number>): Promise<void> {
  const other = fs.openSync(path, O_RDWR | O_NONBLOCK);
  const fd = await opening;
  assert.equal(fs.fstatSync(fd).isFIFO(), true);
  const bits = Number.parseInt(
    /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "",
    8,
  );
  assert.equal(bits & (O_NONBLOCK | 3), flags);
  fs.closeSync(fd);
  fs.closeSync(other);
}

describeWaiting("open of a FIFO", (engine, limits) => {
  const using = (body: (p: Proactor, path: string) => Promise<void>) =>
    withFifo((path) => withProactor({ engine }, (p) => body(p, path)));

  for (const [title, flags] of SIDES) {
    it(`for ${title} waits for the other side`, () =>
      using(async (p, path) => {
        const opening = p.open(path, flags);
        assert.equal(await waits(opening), true);
        await meet(path, flags, opening);
      }));

    it(`for ${title} waits in a batch and in a chain`, () =>
      using(async (p, path) => {
        const [first] = p.batch([{ op: "open", path, flags }]);
        assert.equal(await waits(first as Promise<unknown>), true);
        await meet(path, flags, first as Promise<number>);
        const [second, after] = p.chain([{ op: "open", path, flags }, { op: "nop" }]);
        assert.equal(await waits(second as Promise<unknown>), true);
        assert.equal((after as { status?: string }).status === "completed", false);
        await meet(path, flags, second as Promise<number>);
        assert.equal(await after, 0);
      }));

    itWhere(limits.cancel === "running", "This engine stops nothing that runs")(
      `for ${title} can be canceled`,
      () =>
        using(async (p, path) => {
          const controller = new AbortController();
          const aborted = p.open(path, flags, null, { signal: controller.signal });
          const late = p.open(path, flags, null, { deadlineMs: A_WHILE_MS });
          const canceled = p.open(path, flags);
          const ends = Promise.all([
            assert.rejects(aborted, { name: "AbortError" }),
            assert.rejects(canceled, { code: "ECANCELED", syscall: "open" }),
            assert.rejects(late, { code: "ETIMEDOUT", syscall: "open" }),
          ]);
          assert.equal(await waits(canceled), true);
          controller.abort();
          void canceled.cancel();
          await ends;
          // Nobody is left who has it open: with O_NONBLOCK that is told.
          assert.throws(() => fs.openSync(path, O_WRONLY | O_NONBLOCK), { code: "ENXIO" });
        }),
    );
  }

  it("does not wait with O_NONBLOCK", () =>
    using(async (p, path) => {
      await assert.rejects(p.open(path, O_WRONLY | O_NONBLOCK), { code: "ENXIO" });
      const reader = await p.open(path, O_RDONLY | O_NONBLOCK);
      fs.closeSync(await p.open(path, O_WRONLY | O_NONBLOCK));
      fs.closeSync(reader);
    }));

  it("brings two sides together that it opens both", () =>
    using(async (p, path) => {
      const [reader, writer] = await Promise.all([p.open(path, "r"), p.open(path, O_WRONLY)]);
      assert.equal(await p.write(writer, Buffer.from("through")), 7);
      const buffer = Buffer.alloc(7);
      assert.equal(await p.read(reader, buffer), 7);
      assert.equal(String(buffer), "through");
      fs.closeSync(reader);
      fs.closeSync(writer);
    }));
});
