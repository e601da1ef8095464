import assert from "node:assert/strict";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import * as ours from "../../src/fs/index.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** What a program does with its memory before a call, or right after it. */
type Take = "transfer" | "shrink";
/** Typed for less than it is: a DataView is taken as well. */
type View = Uint8Array<ArrayBuffer>;

// Newer than the language that we write in.
type Resizable = ArrayBuffer & { resize(length: number): void };
const MakeBuffer = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number } | undefined,
) => Resizable;

const SIZES = { "100 bytes": 100, "1 MiB": 1 << 20 };
const OWN = 0x55;
const FOREIGN = 0xaa;

/** Memory full of one byte, in the middle of a buffer that can be taken away. */
function makeView(size: number, take: Take, dataView: boolean): View {
  const options = take === "shrink" ? { maxByteLength: size * 2 } : undefined;
  const buffer = new MakeBuffer(size + 64, options);
  new Uint8Array(buffer).fill(OWN);
  return dataView
    ? (new DataView(buffer, 64, size) as unknown as View)
    : new Uint8Array(buffer, 64, size);
}

/** Takes the memory away; whoever has it then writes to it. */
function takeAway({ buffer }: View, take: Take): void {
  if (take === "shrink") (buffer as Resizable).resize(10);
  const left = take === "shrink" ? buffer : structuredClone(buffer, { transfer: [buffer] });
  new Uint8Array(left).fill(FOREIGN);
}

/** Every way to write memory of the program's to a file. */
const WRITES: Readonly<Record<string, (path: string, view: View) => Promise<unknown>>> = {
  writeFile: (path, view) => ours.writeFile(path, view),
  appendFile: (path, view) => ours.appendFile(path, view),
  "writeFile of pieces": (path, view) => ours.writeFile(path, [view] as unknown as string[]),
  "handle.writeFile": (path, view) => byHandle(path, (handle) => handle.writeFile(view)),
  "handle.appendFile": (path, view) => byHandle(path, (handle) => handle.appendFile(view)),
  "handle.write": (path, view) => byHandle(path, (handle) => handle.write(view)),
  "handle.writev": (path, view) => byHandle(path, (handle) => handle.writev([view, view])),
  writeDurable: (path, view) => ours.writeDurable(path, view),
  "log.append": async (path, view) => {
    const log = await ours.openLog(path);
    try {
      await log.append(view);
    } finally {
      await log.close();
    }
  },
  createWriteStream: async (path, view) => {
    const stream = ours.createWriteStream(path);
    const closed = once(stream, "close");
    let failed: unknown;
    stream.on("error", (error) => {
      failed = error;
    });
    try {
      stream.end(view);
    } catch (error) {
      failed = error;
      stream.destroy();
    }
    await closed;
    if (failed !== undefined) throw failed;
  },
};

async function byHandle(
  path: string,
  work: (handle: fs.promises.FileHandle) => Promise<unknown>,
): Promise<unknown> {
  const handle = await ours.open(path, "w");
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/** Settles, whatever comes of it; nothing stays open, and the file has none of another's bytes. */
async function check(dir: string, name: string, size: number, how: string): Promise<void> {
  const [when, take, kind] = how.split(" ") as ["before" | "after", Take, string];
  const view = makeView(size, take, kind === "DataView");
  const path = join(dir, "file");
  fs.rmSync(path, { force: true });
  if (when === "before") takeAway(view, take);
  const write = WRITES[name] as (typeof WRITES)[string];
  const settled = new Promise((resolve) => resolve(write(path, view))).then(
    () => "resolved",
    (error) => error,
  );
  if (when === "after") takeAway(view, take);
  const outcome = await settled;
  const label = `${name}, ${size} bytes, ${how}`;
  if (outcome !== "resolved") assert.ok(outcome instanceof Error, label);
  if (!fs.existsSync(path)) return;
  const bytes = fs.readFileSync(path);
  assert.ok(bytes.length === 0 || bytes.length % size === 0, `${label}: all of it or nothing`);
  if (when === "before") assert.equal(bytes.length, 0, label);
  assert.equal(bytes.indexOf(FOREIGN), -1, `${label}: bytes of another's`);
}

describe("Memory that is taken away from a write", () => {
  for (const [label, size] of Object.entries(SIZES)) {
    it(`ends each call with all or nothing, and leaves nothing open: ${label}`, async () => {
      await withTempDir(async (dir) => {
        await byHandle(join(dir, "warm"), () => ours.writeFile(join(dir, "up"), "x"));
        const before = openDescriptors();
        for (const name of Object.keys(WRITES)) {
          for (const when of ["before", "after"]) {
            for (const take of ["transfer", "shrink"]) {
              // A stream of Node's own waits for ever for a chunk that has shrunk.
              if (take === "shrink" && name === "createWriteStream") continue;
              for (const kind of ["Uint8Array", "DataView"]) {
                await check(dir, name, size, `${when} ${take} ${kind}`);
              }
            }
          }
        }
        assert.deepEqual(openDescriptors(), before);
      });
    });
  }

  it("rejects as node:fs does, with a TypeError", async () => {
    await withTempDir(async (dir) => {
      for (const size of Object.values(SIZES)) {
        for (const write of [ours.writeFile, ours.appendFile]) {
          const view = makeView(size, "transfer", false);
          const written = write(join(dir, "file"), view);
          takeAway(view, "transfer");
          await assert.rejects(written, TypeError);
        }
      }
    });
  });

  it("rejects one append of a log, and none of the others", async () => {
    await withTempDir(async (dir) => {
      const path = join(dir, "log");
      const log = await ours.openLog(path);
      const lost = makeView(50, "transfer", false);
      const appends = [log.append("first "), log.append(lost), log.append("last")];
      takeAway(lost, "transfer");
      const ends = await Promise.allSettled(appends);
      assert.deepEqual(
        ends.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      await log.close();
      assert.equal(fs.readFileSync(path, "utf8"), "first last");
    });
  });
});
