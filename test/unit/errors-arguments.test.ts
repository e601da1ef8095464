import assert from "node:assert/strict";
import { addAbortListener, EventEmitter } from "node:events";
import fs from "node:fs";
import { getPriority } from "node:os";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import {
  invalidArgType,
  invalidArgValue,
  outOfRange,
  parseFileMode,
  stringToFlags,
  validateAbortSignal,
  validateBoolean,
  validateBuffer,
  validateBuffers,
  validateFd,
  validateFunction,
  validateInt32,
  validateInteger,
  validateNumber,
  validateObject,
  validatePath,
  validatePosition,
  validateString,
  validateUint32,
} from "../../src/base/index.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** What a check says of a bad argument, or undefined where it finds nothing. */
function complaint(body: () => unknown) {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof Error);
    const { code } = error as NodeJS.ErrnoException;
    // The kernel's refusals do not count: the argument was good.
    if (!code?.startsWith("ERR_") || code === "ERR_SYSTEM_ERROR") return undefined;
    return {
      text: String(error),
      keys: Reflect.ownKeys(error),
      builtin: error.constructor,
      firstLine: error.stack?.split("\n")[0],
    };
  }
  return undefined;
}

/** Values of every type, and those that messages treat in ways of their own. */
const odd: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  0,
  -0,
  1.5,
  -1,
  -2,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53,
  -(2 ** 53),
  1e21,
  -1e300,
  0n,
  -5n,
  2n ** 40n,
  -(2n ** 40n),
  2n ** 70n,
  "",
  "0",
  "644",
  "8",
  "r",
  "it's",
  "twenty-eight characters long",
  "more than twenty-eight characters long, and it's quoted",
  "with\nnewline",
  "nul\u0000inside",
  `${"long".repeat(60)}\u0000`,
  Symbol("s"),
  Symbol.iterator,
  () => {},
  function named() {},
  class Named {},
  {},
  { a: 1 },
  Object.create(null),
  Object.create({ constructor: { name: "Made" } }),
  { constructor: undefined },
  new Map(),
  [],
  [1, 2],
  [Buffer.alloc(1), "x"],
  [Buffer.alloc(1), new DataView(new ArrayBuffer(1))],
  new Date(0),
  /x/,
  Buffer.from("/nul\u0000"),
  Buffer.from("/no-such-dir/x"),
  new Uint16Array(2),
  new DataView(new ArrayBuffer(4)),
  new ArrayBuffer(4),
  new URL("http://example.com/x"),
  new URL("file://host/x"),
  new URL("file:///a%00b"),
  new URL("file:///a%2fb"),
  new URL("file:///no-such-dir/x"),
  AbortSignal.abort(),
  new AbortController(),
  new Proxy({}, {}),
];

/**
 * Whether open may be tried with it. Its C++ insists on an int32 where the JavaScript before it
 * accepts more, so that Node aborts the process over flags of -0 and a mode of 2^31.
 */
function survivable(value: unknown): boolean {
  return !Object.is(value, -0) && !(typeof value === "number" && value >= 2 ** 31);
}

/** Holds one of our checks against a call of node:fs that makes the same check first. */
function sameAs(
  name: string,
  ours: (value: unknown) => unknown,
  theirs: (value: never) => unknown,
  values: readonly unknown[] = odd,
): void {
  it(`${name} complains as node:fs does`, () => {
    let complaints = 0;
    for (const value of values) {
      const expected = complaint(() => theirs(value as never));
      assert.deepEqual(
        complaint(() => ours(value)),
        expected,
      );
      if (expected !== undefined) complaints++;
    }
    assert.ok(complaints > 10, "too few values are bad: the comparison says nothing");
  });
}

const missing = "/no-such-dir/x";
/** A descriptor that is good and not open. */
const noFd = 0x7fff_fffe;

describe("validators", () => {
  sameAs("validateFd", validateFd, (fd) => fs.read(fd, Buffer.alloc(1), 0, 0, 0, () => {}));
  sameAs("validatePath", validatePath, (path) => fs.stat(path, () => {}));
  sameAs(
    "validatePath of a second path",
    (path) => validatePath(path, "newPath"),
    (path) => fs.renameSync(missing, path),
  );
  sameAs(
    "validateBuffer",
    (buffer) => validateBuffer(buffer),
    (buffer) => fs.readSync(noFd, buffer, 0, 0, 0),
  );
  sameAs(
    "validateBuffers",
    (buffers) => validateBuffers(buffers),
    (buffers) => fs.readvSync(noFd, buffers, 0),
  );
  sameAs(
    "stringToFlags",
    stringToFlags,
    (flags) => fs.openSync(missing, flags),
    odd.filter(survivable),
  );
  sameAs(
    "parseFileMode",
    (mode) => parseFileMode(mode, "mode", 0o666),
    (mode) => fs.openSync(missing, "r", mode),
    odd.filter(survivable),
  );
  sameAs(
    "validateAbortSignal",
    (signal) => validateAbortSignal(signal),
    (signal) => addAbortListener(signal, () => {}),
    // Here alone is a signal required.
    odd.filter((value) => value !== undefined),
  );
  sameAs(
    "validatePosition",
    (position) => validatePosition(position),
    (position) => fs.read(noFd, Buffer.alloc(1), 0, 1, position, () => {}),
    // There the limit of a bigint is that of 64 bits, here that of a number.
    odd.filter((value) => typeof value !== "bigint" || (value >= -1n && value < 2n ** 53n)),
  );
  sameAs(
    "validateInteger",
    (value) => validateInteger(value, "len"),
    (value) => fs.ftruncateSync(noFd, value),
    odd.filter((value) => value !== undefined),
  );
  sameAs(
    "validateInteger with a minimum",
    (value) => validateInteger(value, "offset", 0),
    (value) => fs.readSync(noFd, Buffer.alloc(1), value, 0, 0),
    // Null and undefined mean the start, an object means options.
    odd.filter((value) => value !== undefined && typeof value !== "object"),
  );
  sameAs(
    "validateInt32",
    (value) => validateInt32(value, "pid"),
    (value) => getPriority(value),
    odd.filter((value) => value !== undefined && survivable(value)),
  );
  sameAs(
    "validateNumber",
    (value) => validateNumber(value, "setMaxListeners", 0),
    (value) => new EventEmitter().setMaxListeners(value),
    odd.filter((value) => value !== undefined),
  );
  sameAs(
    "validateBoolean",
    (value) => validateBoolean(value, "options.force"),
    (value) => fs.rmSync(missing, { force: value }),
  );
  sameAs(
    "validateString",
    (value) => validateString(value, "path"),
    (value) => basename(value),
  );
  sameAs(
    "validateObject",
    (value) => validateObject(value, "options"),
    (value) => fs.rmSync(missing, value),
    odd.filter((value) => value !== undefined),
  );
  sameAs(
    "validateFunction",
    (value) => validateFunction(value, "cb"),
    (value) => fs.fsync(noFd, value),
    odd.filter((value) => typeof value !== "function"),
  );

  it("complain as node:fs does about whatever fast-check makes up", () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withTypedArray: true }),
        (value) => {
          fc.pre(survivable(value));
          const bad = value as never;
          assert.deepEqual(
            complaint(() => validateFd(bad)),
            complaint(() => fs.read(bad, Buffer.alloc(1), 0, 0, 0, () => {})),
          );
          assert.deepEqual(
            complaint(() => parseFileMode(bad, "mode", 0)),
            complaint(() => fs.openSync(missing, "r", bad)),
          );
          assert.deepEqual(
            complaint(() => stringToFlags(bad)),
            complaint(() => fs.openSync(missing, bad)),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("validateFd", () => {
  it("returns the descriptor, and 0 for -0", () => {
    assert.equal(validateFd(7), 7);
    assert.ok(Object.is(validateFd(-0), 0));
  });
});

describe("validatePath", () => {
  it("returns strings and bytes as they are, and the path of a file: URL", () => {
    const bytes = Buffer.from("/x");
    assert.equal(validatePath("/x"), "/x");
    assert.equal(validatePath(bytes), bytes);
    assert.equal(validatePath(pathToFileURL(missing)), fileURLToPath(pathToFileURL(missing)));
  });
});

describe("validatePosition", () => {
  it("returns a number; absent is the file position", () => {
    assert.deepEqual(
      [undefined, null, -1, -1n].map((value) => validatePosition(value)),
      [-1, -1, -1, -1],
    );
    assert.equal(validatePosition(2n ** 53n - 1n), Number.MAX_SAFE_INTEGER);
    assert.equal(validatePosition(5), 5);
  });

  it("refuses a bigint that a number cannot hold", () => {
    assert.throws(() => validatePosition(2n ** 53n), {
      code: "ERR_OUT_OF_RANGE",
      message: /^The value of "position" .* Received 9_007_199_254_740_992n$/,
    });
    assert.throws(() => validatePosition(-2n), { code: "ERR_OUT_OF_RANGE" });
  });
});

describe("validateUint32", () => {
  it("accepts exactly what fits", () => {
    validateUint32(0, "n");
    validateUint32(0xffff_ffff, "n");
    assert.throws(() => validateUint32(2 ** 32, "n"), {
      message:
        'The value of "n" is out of range. It must be >= 0 && <= 4294967295. Received 4294967296',
    });
    assert.throws(() => validateUint32(-1, "n"), { code: "ERR_OUT_OF_RANGE" });
  });
});

describe("validateNumber", () => {
  it("names both ends of the range, and NaN is outside", () => {
    assert.throws(() => validateNumber(NaN, "ms", 0, 10), {
      message: 'The value of "ms" is out of range. It must be >= 0 && <= 10. Received NaN',
    });
    assert.throws(() => validateNumber(11, "ms", undefined, 10), {
      message: /be <= 10\. Received 11/,
    });
    validateNumber(NaN, "ms");
    validateNumber(0.5, "ms", 0, 1);
  });
});

describe("stringToFlags", () => {
  it("knows every spelling that node:fs knows", async () => {
    await withTempDir((dir) => {
      const path = join(dir, "file");
      const spellings = ["r", "rs", "sr", "r+", "rs+", "sr+", "w", "wx", "xw", "w+", "wx+", "xw+"];
      spellings.push("a", "ax", "xa", "as", "sa", "a+", "ax+", "xa+", "as+", "sa+");
      for (const spelling of spellings) {
        const flags = stringToFlags(spelling);
        fs.rmSync(path, { force: true });
        if ((flags & fs.constants.O_CREAT) === 0) fs.writeFileSync(path, "");
        assert.equal(openedFlags(path, spelling), openedFlags(path, flags), spelling);
      }
      assert.equal(stringToFlags(undefined), fs.constants.O_RDONLY);
      assert.equal(stringToFlags(null), fs.constants.O_RDONLY);
      assert.equal(stringToFlags(fs.constants.O_RDWR), fs.constants.O_RDWR);
    });
  });

  /** The flags that the kernel shows for an open file; what only counts while opening is gone. */
  function openedFlags(path: string, flags: string | number): string {
    if ((stringToFlags(flags) & fs.constants.O_EXCL) !== 0) {
      fs.rmSync(path, { force: true });
    }
    const fd = fs.openSync(path, flags);
    try {
      if (process.platform !== "linux") return "";
      return /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
    } finally {
      fs.closeSync(fd);
    }
  }
});

describe("parseFileMode", () => {
  it("reads octal digits, numbers and the preset", () => {
    assert.equal(parseFileMode("644", "mode"), 0o644);
    assert.equal(parseFileMode(0o600, "mode"), 0o600);
    assert.equal(parseFileMode(undefined, "mode", 0o666), 0o666);
    assert.equal(parseFileMode(null, "mode", 0o777), 0o777);
  });
});

describe("invalidArgType", () => {
  it("joins types, classes and words as Node does", () => {
    const texts: [string | string[], string][] = [
      ["number", "of type number"],
      [["string", "number"], "one of type string or number"],
      [["string", "number", "bigint"], "one of type string, number, or bigint"],
      ["Buffer", "an instance of Buffer"],
      [["string", "Buffer", "URL"], "of type string or an instance of Buffer or URL"],
      [["object", "Buffer"], "an instance of Buffer or Object"],
      [["object"], "of type object"],
      ["integer", "integer"],
      ["ArrayBufferView[]", "an ArrayBufferView[]"],
      [["integer", "bigint"], "of type bigint or integer"],
      [["file:", "data:"], "one of file: or data:"],
    ];
    for (const [expected, text] of texts) {
      assert.equal(
        invalidArgType("x", expected, null).message,
        `The "x" argument must be ${text}. Received null`,
      );
    }
    assert.match(invalidArgType("options.x", "number", 1n).message, /^The "options.x" property/);
    assert.match(invalidArgType("first argument", "number", 1).message, /^The first argument must/);
  });
});

describe("invalidArgValue and outOfRange", () => {
  it("have Node's text", () => {
    assert.equal(
      invalidArgValue("options.mode", "x", "must be octal").message,
      "The property 'options.mode' must be octal. Received 'x'",
    );
    assert.equal(
      invalidArgValue("x", "y".repeat(200)).message,
      `The argument 'x' is invalid. Received '${"y".repeat(127)}...`,
    );
    assert.equal(
      outOfRange("x", "even", -(2 ** 40)).message,
      'The value of "x" is out of range. It must be even. Received -1_099_511_627_776',
    );
  });
});
