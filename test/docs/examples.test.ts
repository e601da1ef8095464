import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { EngineName } from "../../src/core/index.ts";
import { probeEngine } from "../../src/engines/index.ts";
import { proactor } from "../../src/index.ts";
import { runNode } from "../support/child.ts";
import { withTempDir } from "../support/temp-dir.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const EXAMPLES = join(ROOT, "examples");
const MAX_LINES = 60;
const OURS = /^proactor(?:\/[\w-]+)?$/;

/** What the engine that the examples get can do: their output says so. */
const { cancel, registeredFiles } = proactor.capabilities;
const stopsReads = cancel === "running";
after(() => proactor.shutdown());

/** One example: how it is called, and what it has to print. */
interface Expectation {
  /** Its argument, in a folder that holds `data`, a file of 512 bytes. */
  readonly argument?: (folder: string) => string;
  /** Its lines may come in any order. */
  readonly unordered?: true;
  /** The engine whose interface it shows. */
  readonly needs?: EngineName;
  /** Each line, as text or as a pattern. */
  readonly lines: readonly (string | RegExp)[];
}

const data = (folder: string): string => join(folder, "data");

const EXPECTED: Readonly<Record<string, Expectation>> = {
  "read-a-file": {
    argument: data,
    lines: [`in flight on ${proactor.engine}`, "512 of 512 bytes"],
  },
  "drop-in": {
    argument: data,
    lines: [
      "512 characters, 512 bytes",
      "16 bytes: 16",
      "ENOENT: no such file or directory, open '/no/such/file'",
    ],
  },
  register: {
    argument: data,
    lines: [
      "16 bytes, by a callback",
      "512 bytes, by a promise",
      "fs.open: 1 of 1",
      "fs.read: 1 of 1",
      "fs.close: 1 of 1",
      "fs.promises.readFile: 1 of 1",
      "routed",
    ],
  },
  "being-told": {
    argument: data,
    lines: [
      "awaited: 64 bytes",
      "called back: 64 bytes",
      "event: third, 64 bytes",
      "asked: completed, 64 bytes",
    ],
  },
  "completion-queue": {
    argument: data,
    unordered: true,
    lines: [
      ...Array.from({ length: 8 }, (_, block) => `block ${block}: 64 bytes`),
      /^(?:all of them were in the page cache|some are still on their way)$/,
    ],
  },
  "cancel-a-read": {
    lines: stopsReads
      ? [
          "before: in flight",
          "cancel: canceled, rejected with ECANCELED",
          "abort: rejected with AbortError",
        ]
      : ["before: in flight", "cancel: too late, resolved with 5", "abort: resolved with 5"],
  },
  deadline: {
    lines: [
      stopsReads
        ? "ETIMEDOUT: connection timed out, read: deadline of 50 ms"
        : "could not be stopped: 4 bytes",
      "in time",
    ],
  },
  batch: {
    argument: data,
    lines: ["bytes: 16, 32, 0", "first: 1, quick: completed, slow: in flight", "slow: canceled"],
  },
  "ring-read": {
    needs: "io_uring",
    argument: data,
    lines: ["submitted: 8", "completed: 8, 512 bytes"],
  },
  "ring-echo": {
    needs: "io_uring",
    argument: (folder) => join(folder, "echo.sock"),
    lines: ["the ring says: hello"],
  },
  "ring-chain": {
    needs: "io_uring",
    lines: ["submitted: 2", "first: 0", "second: time is over"],
  },
  "write-then-fsync": {
    argument: (folder) => join(folder, "durable"),
    lines: [
      "22 bytes are durable: all of it, or nothing",
      "soft: EBADF, ECANCELED",
      "hard: EBADF, done",
      "drained: 44 bytes",
    ],
  },
  "append-log": {
    argument: (folder) => join(folder, "log"),
    lines: [
      /^writer 63 is told: byte \d+$/,
      "256 appends, fewer than 64 groups",
      "2048 bytes are on the device",
      "fulfilled, rejected",
      "the file ends with: kept",
    ],
  },
  "pino-destination": {
    lines: ["501 lines in several files"],
  },
  "sonic-boom": {
    argument: (folder) => join(folder, "log"),
    lines: ["ends with: at once", "5002 lines"],
  },
  "copy-tree": {
    argument: (folder) => folder,
    lines: ["20 files, 2 folders, 20480 bytes", "aborted after at least 5, no half file is left"],
  },
  "write-durable": {
    argument: (folder) => join(folder, "settings.json"),
    lines: ['the old or the new, and now the new: {"version":2}', "the old is still there: 2"],
  },
  streams: {
    argument: data,
    lines: ["lines: some", "copied all of it: true"],
  },
  "read-batch": {
    argument: data,
    lines: ["bytes: 16, 32, 0", "into my own: true", "of a closed handle: file closed"],
  },
  "read-files": {
    argument: data,
    lines: ["not read: ENOENT", "10000 files, 5120000 bytes"],
  },
  walk: {
    argument: (folder) => folder,
    lines: ["1 file, 512 bytes", "late: ETIMEDOUT"],
  },
  space: {
    argument: (folder) => join(folder, "space"),
    lines: [
      /^(?:8192 bytes, at least 16 blocks\nfewer after the hole: true|ERR_PROACTOR_UNSUPPORTED)$/,
    ],
  },
  "direct-batch": {
    argument: data,
    lines: [/^(?:8 reads past the page cache|this file system has no O_DIRECT)$/],
  },
  "direct-io": {
    argument: (folder) => folder,
    lines: [
      /^(?:memory: \d+, offsets and lengths: \d+\naligned: 65536 bytes|this file system has no O_DIRECT)/,
    ],
  },
  registered: {
    argument: data,
    lines: [
      new RegExp(`^registered: buffers (?:true|false), files ${registeredFiles}$`),
      "some bytes",
    ],
  },
  "choosing-an-engine": {
    lines: [
      new RegExp(`^proactor runs on ${proactor.engine} \\(`),
      `cancels what is ${cancel}; orders chains itself: ${proactor.capabilities.links}`,
      "the other one: thread_pool",
      "fadvise there: ERR_PROACTOR_UNSUPPORTED",
      /^ERR_PROACTOR_ENGINE_UNAVAILABLE: \S/,
    ],
  },
  "linux-aio": {
    argument: data,
    unordered: true,
    needs: "linux_aio",
    lines: ["taken: 8", ...Array.from({ length: 8 }, (_, block) => `block ${block}: 64 bytes`)],
  },
  "posix-aio": {
    argument: data,
    needs: "posix_aio",
    lines: ["blocking: 64 bytes", "awaited: 64 bytes", "notified: 64, 64, 64 bytes"],
  },
  "subject/io-uring-read": {
    argument: data,
    needs: "io_uring",
    lines: [
      "1 request is with the kernel",
      "this line is what the program does meanwhile",
      "512 bytes were read",
      `content: ${".".repeat(100)}`,
    ],
  },
  "subject/posix-aio-read": {
    argument: data,
    needs: "posix_aio",
    lines: [
      "the read is on its way; this program does something else",
      ...Array.from({ length: 5 }, (_, i) => `  step ${i + 1} of 5`),
      "the read is done: 512 bytes",
      `content: ${".".repeat(100)}`,
    ],
  },
  "subject/linux-aio-read": {
    argument: data,
    needs: "linux_aio",
    lines: [
      /^(?:1 request is with the kernel\nthis line is what the program does meanwhile\nevent 0: result 512 of the first block\n {2}done: 512 bytes|this file system has no O_DIRECT)$/,
    ],
  },
  "subject/dangerous-buffer": {
    lines: [
      "freed: caught, ERR_PROACTOR_BUFFER_LENT",
      "and the 4 bytes that came late found their buffer",
      "transferred: caught, ERR_PROACTOR_BUFFER_DETACHED",
    ],
  },
  "subject/safe-buffer": {
    argument: data,
    unordered: true,
    lines: [
      "2 buffers are with the kernel",
      "512 bytes, the first is 46",
      "496 bytes, the first is 46",
      "0 buffers are left",
    ],
  },
};

/** Why an example cannot run here; false where it can. */
function skipped({ needs }: Expectation): string | false {
  if (needs === undefined) return false;
  const availability = probeEngine(needs);
  return availability.available ? false : availability.reason;
}

/** Checks that each expectation is met; other lines may stand between. */
function assertPrinted(stdout: string, { lines, unordered }: Expectation): void {
  let rest = stdout;
  for (const line of lines) {
    const pattern = typeof line === "string" ? new RegExp(`^${escaped(line)}$`, "m") : line;
    const match = new RegExp(pattern.source, "m").exec(rest);
    assert.ok(match !== null, `${pattern} is missing in:\n${stdout}`);
    if (unordered !== true) rest = rest.slice(match.index + match[0].length);
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function examples(): string[] {
  const names = readdirSync(EXAMPLES, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".ts"));
}

describe("examples", () => {
  it("are all run here", () => {
    const names = examples().map((name) => name.slice(0, -3));
    assert.deepEqual(names.sort(), Object.keys(EXPECTED).sort());
  });

  for (const [name, expectation] of Object.entries(EXPECTED)) {
    it(`${name} prints what it says`, { skip: skipped(expectation) }, async () => {
      await withTempDir(async (folder) => {
        writeFileSync(data(folder), Buffer.alloc(512, "."));
        const program = new URL(`../../examples/${name}.js`, import.meta.url);
        const args = expectation.argument === undefined ? [] : [expectation.argument(folder)];
        const { code, signal, stdout, stderr } = await runNode(program, { args });
        assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
        assertPrinted(stdout, expectation);
        assert.deepEqual(readdirSync(folder), ["data"], "It leaves nothing behind");
      }, "examples");
    });
  }

  for (const name of examples()) {
    it(`${name} is short, and imports only proactor and Node`, () => {
      const text = readFileSync(join(EXAMPLES, name), "utf8");
      assert.ok(text.split("\n").length <= MAX_LINES, `more than ${MAX_LINES} lines`);
      const imports = [...text.matchAll(/from "([^"]+)"/g)].map(([, specifier]) => specifier);
      assert.ok(imports.some((from) => OURS.test(from ?? "")));
      const foreign = imports.filter(
        (from) => !OURS.test(from ?? "") && !from?.startsWith("node:"),
      );
      assert.deepEqual(foreign, []);
    });
  }
});
