import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promises } from "../../src/fs/promises.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { checkProperty } from "../support/replay.ts";
import { withTempDir } from "../support/temp-dir.ts";
import { type Call, show } from "./oracle/call.ts";
import { programs } from "./oracle/programs.ts";
import { folderOf, World } from "./oracle/world.ts";

/** Programs in the gate, and calls in the longest of them. */
const RUNS = 150;
const LONGEST = 25;

/** What both worlds begin with. */
function furnish(dir: string): void {
  fs.mkdirSync(join(dir, "folder"), { recursive: true });
  fs.writeFileSync(join(dir, "a"), "abcdefgh\nijkl\n");
  fs.writeFileSync(join(dir, "folder", "d"), "x".repeat(100_000));
  fs.writeFileSync(join(dir, "b"), "");
  fs.symlinkSync("a", join(dir, "link"));
}

/** Every name below a folder, with what it is and holds. */
function contents(dir: string): string[] {
  // A program may remove the folder it runs in.
  if (!fs.existsSync(dir)) return [];
  const names = fs.readdirSync(dir, { recursive: true, encoding: "utf8" }).sort();
  return names.map((name) => {
    const path = join(dir, name);
    const stats = fs.lstatSync(path);
    const what = `${name} ${stats.mode.toString(8)} ${stats.nlink}`;
    if (stats.isSymbolicLink()) return `${what} ${fs.readlinkSync(path).replaceAll(dir, "DIR")}`;
    return stats.isFile() ? `${what} ${fs.readFileSync(path, "base64")}` : what;
  });
}

async function compare(theirs: World, ours: World, calls: readonly Call[]): Promise<void> {
  try {
    for (const [i, call] of calls.entries()) {
      const wanted = await theirs.run(call);
      const got = await ours.run(call);
      assert.deepEqual(got, wanted, `call ${i}: ${show(call)}`);
    }
    assert.deepEqual(contents(ours.dir), contents(theirs.dir));
  } finally {
    await theirs.end();
    await ours.end();
  }
}

describe("proactor/fs", () => {
  const name = "does what node:fs/promises does, to the letter of its errors";
  it(name, async () => {
    await withTempDir(async (dir) => {
      // The first operation makes the ring, whose descriptors stay.
      await (await promises.open(import.meta.filename ?? process.execPath)).close();
      const before = openDescriptors();
      let run = 0;
      const body = async (calls: Call[]) => {
        run++;
        const [theirs, ours] = [folderOf(dir, "n", run), folderOf(dir, "p", run)];
        furnish(theirs);
        furnish(ours);
        try {
          await compare(new World(theirs, fs.promises), new World(ours, promises), calls);
        } finally {
          fs.rmSync(theirs, { recursive: true, force: true });
          fs.rmSync(ours, { recursive: true, force: true });
        }
      };
      await checkProperty(programs(LONGEST), body, { runs: RUNS, file: import.meta.url, name });
      assert.deepEqual(openDescriptors(), before);
    }, "oracle");
  });
});
