/** Random programs of calls, good and bad, for fast-check. */
import fc from "fast-check";
import type { Argument, Call } from "./call.ts";

type Arbitrary = fc.Arbitrary<Argument>;

function plain(...values: (string | number | bigint | boolean | null | undefined)[]): Arbitrary {
  return fc.constantFrom(...values).map((value) => ({ is: "plain", value }));
}

const oddity: Arbitrary = fc
  .constantFrom("symbol" as const, "function" as const, "object" as const, "NaN" as const)
  .map((what) => ({ is: "odd", what }));

/** Mostly good, now and then something that no function takes. */
function mostly(good: Arbitrary, ...bad: Arbitrary[]): Arbitrary {
  return fc.oneof(
    { weight: 12, arbitrary: good },
    ...bad.map((each) => ({ weight: 1, arbitrary: each })),
  );
}

const NAMES = [
  "a",
  "b",
  "c",
  "folder",
  "folder/d",
  "link",
  "none/x",
  "a/x",
  "folder/",
  ".",
  "b.txt",
];

const path: Arbitrary = mostly(
  fc.record({
    is: fc.constant("path" as const),
    name: fc.constantFrom(...NAMES),
    as: fc.constantFrom("string" as const, "string" as const, "Buffer" as const, "URL" as const),
  }),
  plain("nul\u0000byte", 7, null, undefined, "", true),
  oddity,
);

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom("", "ä€😀", "x".repeat(5000), "y".repeat(70_000)),
);

const bytes: Arbitrary = fc.record({
  is: fc.constant("bytes" as const),
  text,
  as: fc.constantFrom("Buffer", "Uint8Array", "Uint16Array", "DataView"),
}) as Arbitrary;

const data: Arbitrary = mostly(
  fc.oneof(
    text.map((value): Argument => ({ is: "plain", value })),
    bytes,
  ),
  fc.record({
    is: fc.constant("chunks" as const),
    chunks: fc.array(fc.constantFrom("one", "", "three", "z".repeat(20_000)), { maxLength: 4 }),
    as: fc.constantFrom("array", "iterator", "async iterator", "stream"),
  }) as Arbitrary,
  plain(5, null, undefined, true),
  oddity,
);

const encoding = mostly(
  plain(
    "utf8",
    "utf-8",
    "UTF8",
    "latin1",
    "hex",
    "base64",
    "ascii",
    "utf16le",
    "buffer",
    null,
    undefined,
  ),
  plain("bogus", 5),
);
const flag = mostly(
  plain("r", "r+", "w", "w+", "a", "a+", "wx", "ax+", 0, 2, 66, undefined, null),
  plain("bogus", -1, 1.5, 2 ** 32, true),
  oddity,
);
const mode = mostly(
  plain(undefined, null, 0o600, 0o644, "644", 0),
  plain("bogus", -1, 1.5, 2 ** 32, true),
);
const position = mostly(
  plain(undefined, null, -1, 0, 1, 3, 10, 5000, 2n, -1n),
  plain(-2, 1.5, 2 ** 53, "3", -3n, 2n ** 64n, true),
  oddity,
);
// Node aborts the process over a length that is no whole number, so none is asked for.
const length = mostly(plain(undefined, 0, 1, 3, 8), plain(-1, 100, null));
const offset = mostly(
  plain(undefined, 0, 1, 3, 8),
  plain(-1, 1.5, 100, "3", null, 2 ** 31),
  oddity,
);
const signal: Arbitrary = mostly(
  fc.record({
    is: fc.constant("signal" as const),
    state: fc.constantFrom(
      "quiet" as const,
      "quiet" as const,
      "aborted" as const,
      "reason" as const,
    ),
  }),
  plain(undefined, 5, null),
);

/** An object with some of these properties. */
function object(properties: Readonly<Record<string, Arbitrary>>): Arbitrary {
  const optional = Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      fc.option(value, { nil: undefined, freq: 2 }),
    ]),
  );
  return fc.record(optional).map((entries) => ({
    is: "object",
    entries: Object.fromEntries(
      Object.entries(entries).filter(([, value]) => value !== undefined),
    ) as Record<string, Argument>,
  }));
}

const nothing = plain(undefined);
const readOptions = mostly(fc.oneof(nothing, encoding, object({ encoding, flag, signal })), oddity);
const writeOptions = mostly(
  fc.oneof(
    nothing,
    encoding,
    object({ encoding, mode, flag, signal, flush: plain(true, false, undefined, 1) }),
  ),
  oddity,
);
const statOptions = mostly(
  fc.oneof(nothing, object({ bigint: plain(true, false, undefined, 1) })),
  oddity,
);
const handleArgument: Arbitrary = fc.record({
  is: fc.constant("handle" as const),
  index: fc.nat({ max: 3 }),
});
const target = fc.oneof({ weight: 4, arbitrary: path }, { weight: 1, arbitrary: handleArgument });
const views: Arbitrary = mostly(
  fc.array(bytes, { maxLength: 4 }).map((items): Argument => ({ is: "list", items })),
  plain(undefined, "text"),
  bytes,
);
const transferOptions = object({ buffer: bytes, offset, length, position });

/** Every function, with what it is called with. */
const FUNCTIONS: readonly (readonly [fn: string, weight: number, ...args: Arbitrary[]])[] = [
  ["open", 6, path, flag, mode],
  ["readFile", 5, target, readOptions],
  ["writeFile", 5, target, data, writeOptions],
  ["appendFile", 3, target, data, writeOptions],
  ["copyFile", 3, path, path, mostly(plain(undefined, 0, 1, 2), plain(4, -1, 99, "x", null))],
  ["stat", 2, path, statOptions],
  ["lstat", 2, path, statOptions],
  ["access", 1, path, mostly(plain(undefined, 0, 2, 4), plain(-1, 8, "r"))],
  ["unlink", 2, path],
  ["rename", 2, path, path],
  ["link", 1, path, path],
  [
    "symlink",
    2,
    mostly(plain("a", "none", "folder"), path),
    path,
    mostly(nothing, plain("file", "bogus", 5)),
  ],
  ["readlink", 1, path, fc.oneof(nothing, encoding)],
  [
    "mkdir",
    2,
    path,
    mostly(fc.oneof(nothing, mode, object({ recursive: plain(true, false, 1), mode })), oddity),
  ],
  ["rmdir", 2, path, nothing],
  ["rm", 1, path, object({ force: plain(true, false), recursive: plain(true, false) })],
  ["truncate", 2, path, mostly(plain(undefined, null, 0, 3, 100), plain(-1, 1.5, "3"))],
  ["readdir", 1, path, fc.oneof(nothing, encoding)],
  ["chmod", 1, path, mode],
  ["realpath", 1, path],
];

const METHODS: readonly (readonly [fn: string, weight: number, ...args: Arbitrary[]])[] = [
  ["read", 4, bytes, offset, length, position],
  ["read", 2, bytes, transferOptions],
  ["read", 2, transferOptions],
  ["write", 3, mostly(bytes, oddity), offset, length, position],
  ["write", 2, mostly(plain("text", "ä€", ""), plain(5, null)), position, encoding],
  ["write", 2, bytes, transferOptions],
  ["readv", 2, views, position],
  ["writev", 2, views, position],
  ["readFile", 2, readOptions],
  ["writeFile", 2, data, writeOptions],
  ["appendFile", 1, data, writeOptions],
  ["stat", 1, statOptions],
  ["truncate", 1, mostly(plain(undefined, 0, 2, 50), plain(-1, 1.5, "2", null))],
  ["datasync", 1],
  ["sync", 1],
  ["chmod", 1, mode],
  ["close", 2],
];

function callOf(
  row: readonly [string, number, ...Arbitrary[]],
  handle: boolean,
): fc.Arbitrary<Call> {
  const [fn, , ...args] = row;
  const index = handle ? fc.nat({ max: 3 }) : fc.constant(undefined);
  // Trailing undefined is as good as nothing, and both are called.
  return fc.record({ fn: fc.constant(fn), handle: index, args: fc.tuple(...args) });
}

/** Programs of up to `longest` calls. */
export function programs(longest: number): fc.Arbitrary<Call[]> {
  const choices = [
    ...FUNCTIONS.map((row) => ({ weight: row[1], arbitrary: callOf(row, false) })),
    ...METHODS.map((row) => ({ weight: row[1], arbitrary: callOf(row, true) })),
  ];
  return fc.array(fc.oneof(...choices), { minLength: 1, maxLength: longest, size: "max" });
}
