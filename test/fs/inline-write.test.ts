import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, it } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { INLINE_WRITES_BEFORE } from "../../src/base/limits.ts";
import { appendFile, writeFile } from "../../src/fs/index.ts";
import { explain, road } from "../../src/fs/road.ts";
import { openDescriptors } from "../support/descriptors.ts";
import { outcomeOf } from "../support/outcome.ts";
import { withTempDir } from "../support/temp-dir.ts";

const TMPFS = 0x0102_1994;
const MEMORY = "/dev/shm";

function whyNot(): string | undefined {
  if (road() === undefined) return `No ring: ${explain()}`;
  if (fs.existsSync(MEMORY) && fs.statfsSync(MEMORY).type === TMPFS) return undefined;
  return `${MEMORY} is not a tmpfs here`;
}

/** Runs with a new folder on tmpfs. */
async function withMemory(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = fs.mkdtempSync(join(MEMORY, "proactor-"));
  try {
    await run(dir);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** Whether anything was written; the ring may have made the file by now. */
function hasText(path: string): boolean {
  return fs.existsSync(path) && fs.statSync(path).size > 0;
}

/** Whether a write is done when writeFile has been called. */
async function isInline(path: string): Promise<boolean> {
  const before = fs.existsSync(path) ? fs.readFileSync(path, "utf8") : undefined;
  const written = writeFile(path, `not ${before}`);
  const isThere = fs.existsSync(path) && fs.readFileSync(path, "utf8") === `not ${before}`;
  await written;
  return isThere;
}

/** Writes often enough for the folder to be asked about, and waits until it was. */
async function makeKnown(dir: string): Promise<void> {
  const path = join(dir, "known");
  for (let i = 0; i < INLINE_WRITES_BEFORE; i++) await writeFile(path, "x");
  for (let i = 0; i < 100 && !(await isInline(path)); i++) await sleep(5);
}

describe("short files on tmpfs", { skip: whyNot() ?? false }, () => {
  it("are written by the calling thread once the folder is known", () =>
    withMemory(async (dir) => {
      const path = join(dir, "file");
      assert.equal(await isInline(path), false);
      await makeKnown(dir);
      const before = openDescriptors();
      assert.equal(await isInline(path), true);
      assert.equal(await isInline(join(dir, "new")), true);
      await writeFile(path, Buffer.from("grüße"), { mode: 0o600 });
      await appendFile(path, Buffer.from("abcd"));
      assert.equal(fs.readFileSync(path, "utf8"), "grüßeabcd");
      await writeFile(path, "");
      assert.equal(fs.statSync(path).size, 0);
      await writeFile(join(dir, "modest"), "", { mode: 0o640 });
      assert.equal(fs.statSync(join(dir, "modest")).mode & 0o777, 0o640);
      assert.deepEqual(openDescriptors(), before);
    }));

  it("are written by the ring where several are at once", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      const first = writeFile(join(dir, "first"), "1");
      const second = writeFile(join(dir, "second"), "2");
      assert.equal(fs.existsSync(join(dir, "first")), true);
      assert.equal(hasText(join(dir, "second")), false);
      await Promise.all([first, second]);
      assert.equal(fs.readFileSync(join(dir, "second"), "utf8"), "2");
      assert.equal(await isInline(join(dir, "first")), true);
    }));

  it("leave the loop a turn for each", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      let isOver = false;
      setTimeout(() => {
        isOver = true;
      }, 5);
      while (!isOver) await writeFile(join(dir, "file"), "x");
    }));

  it("are written by the ring with a signal, a flush, another flag, or much in them", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      const { signal } = new AbortController();
      for (const [i, options] of [{ signal }, { flush: true }, { flag: "wx" }].entries()) {
        const path = join(dir, `file ${i}`);
        const written = writeFile(path, "x", options);
        assert.equal(hasText(path), false, JSON.stringify(options));
        await written;
        assert.equal(fs.readFileSync(path, "utf8"), "x");
      }
      const large = writeFile(join(dir, "large"), Buffer.alloc(100_000));
      assert.equal(hasText(join(dir, "large")), false);
      await large;
      assert.equal(fs.statSync(join(dir, "large")).size, 100_000);
    }));

  it("fail as they do in node:fs", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      fs.mkdirSync(join(dir, "folder"));
      for (const path of [join(dir, "folder"), join(dir, "known", "file"), join(dir, "no", "x")]) {
        const expected = await outcomeOf(() => fs.promises.writeFile(path, "x"));
        assert.deepEqual(await outcomeOf(() => writeFile(path, "x")), expected);
        await makeKnown(dir);
      }
    }));

  it("wait for the reader of a FIFO without holding the loop", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      const fifo = join(dir, "fifo");
      execFileSync("mkfifo", [fifo]);
      const written = writeFile(fifo, "through");
      await turn();
      const reader = fs.openSync(fifo, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
      await written;
      const bytes = Buffer.alloc(16);
      assert.equal(bytes.toString("utf8", 0, fs.readSync(reader, bytes)), "through");
      fs.closeSync(reader);
    }));

  it("do not show the reader of a FIFO its end", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      const fifo = join(dir, "fifo");
      execFileSync("mkfifo", [fifo]);
      const reader = spawn("cat", [fifo], { stdio: ["ignore", "pipe", "inherit"] });
      const said = text(reader.stdout);
      // It waits in open(2) by then, or comes later: both are to end well.
      await sleep(100);
      await writeFile(fifo, "through");
      assert.equal(await said, "through");
    }));

  it("are found behind a symbolic link, which the ring follows", () =>
    withMemory(async (dir) => {
      await makeKnown(dir);
      fs.symlinkSync(join(dir, "target"), join(dir, "link"));
      await writeFile(join(dir, "link"), "through");
      assert.equal(fs.lstatSync(join(dir, "link")).isSymbolicLink(), true);
      assert.equal(fs.readFileSync(join(dir, "target"), "utf8"), "through");
    }));

  it("are known by their file system, not by the folder's name", (t) =>
    withMemory((memory) =>
      withTempDir(async (disk) => {
        const link = join(disk, "link");
        fs.symlinkSync(memory, link);
        await makeKnown(link);
        assert.equal(await isInline(join(link, "file")), true);
        fs.rmSync(link);
        fs.mkdirSync(link);
        if (fs.statSync(link).dev === fs.statSync(memory).dev) {
          return t.skip("The temporary folder lies on the same tmpfs");
        }
        await writeFile(join(link, "file"), "elsewhere");
        assert.equal(fs.readFileSync(join(link, "file"), "utf8"), "elsewhere");
        assert.equal(await isInline(join(link, "file")), false);
      }),
    ));
});
