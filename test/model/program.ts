import { constants } from "node:fs";
import fc from "fast-check";

/** One operation of a random program. Files are slots, filled by open; paths are of the folder. */
export type Step =
  | { readonly op: "open"; readonly slot: number; readonly path: string; readonly flags: Flags }
  | { readonly op: "close" | "fsync" | "fdatasync" | "fstat"; readonly slot: number }
  | {
      readonly op: "read" | "write";
      readonly slot: number;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly op: "readv" | "writev";
      readonly slot: number;
      readonly offset: number;
      readonly lengths: readonly number[];
    }
  | { readonly op: "truncate"; readonly slot: number; readonly size: number }
  | { readonly op: "stat" | "lstat" | "unlink" | "rmdir" | "mkdir"; readonly path: string }
  | { readonly op: "rename" | "link" | "symlink"; readonly path: string; readonly path2: string }
  | {
      /** All at once, on ranges that do not overlap. */
      readonly op: "writes" | "reads";
      readonly slot: number;
      readonly lengths: readonly number[];
    }
  | { readonly op: "chain"; readonly slot: number; readonly length: number };

/** The name of an operation. */
export type StepName = Step["op"];

/** Flags of open, by a name that a counterexample shows. */
export const FLAGS = {
  r: constants.O_RDONLY,
  "r+": constants.O_RDWR,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  "w+": constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  "a+": constants.O_RDWR | constants.O_CREAT | constants.O_APPEND,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
  "rw+": constants.O_RDWR | constants.O_CREAT,
  directory: constants.O_RDONLY | constants.O_DIRECTORY,
  nofollow: constants.O_RDWR | constants.O_NOFOLLOW,
} as const;

/** A key of {@link FLAGS}. */
export type Flags = keyof typeof FLAGS;

/** How many files can be open. */
export const SLOTS = 3;

const slot = fc.nat(SLOTS - 1);
const name = fc.constantFrom("a", "b", "d", "e");
const somePath = fc.oneof(
  { weight: 6, arbitrary: name },
  { weight: 4, arbitrary: fc.tuple(name, name).map((names) => names.join("/")) },
  { weight: 1, arbitrary: fc.tuple(name, name, name).map((names) => names.join("/")) },
  { weight: 1, arbitrary: name.map((one) => `${one}/`) },
  { weight: 1, arbitrary: fc.tuple(name, name).map(([one, two]) => `${one}/../${two}`) },
  { weight: 1, arbitrary: fc.constantFrom("d/.", "d/..", ".", "x".repeat(256)) },
);
const path = fc.oneof(
  { weight: 25, arbitrary: somePath },
  { weight: 1, arbitrary: fc.constant("") },
);
/** What a symbolic link says; never the folder itself, out of which `..` would lead. */
const target = fc.oneof(
  name,
  fc.tuple(name, name).map((names) => names.join("/")),
  fc.constantFrom("@/a", "@/d"),
);
const offset = fc.oneof(
  fc.constant(-1),
  fc.nat(40),
  fc.constantFrom(4095, 4096, 70_000, 2 ** 32 - 1, 2 ** 32 + 3),
);
const length = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(4096, 5000));
const lengths = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 });
const size = fc.oneof(fc.nat(80), fc.constantFrom(4097, 2 ** 32 + 1));
const flags = fc.constantFrom(...(Object.keys(FLAGS) as Flags[]));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant("open" as const), slot, path, flags }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom("close", "fsync", "fdatasync", "fstat"),
      slot,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constantFrom("read", "write"), slot, offset, length }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constantFrom("readv", "writev"), slot, offset, lengths }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("truncate" as const), slot, size }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constantFrom("stat", "lstat", "unlink", "rmdir", "mkdir"),
      path,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      // io_uring refuses an empty name before it looks at the other one; rename(2) after.
      op: fc.constantFrom("rename", "link"),
      path: somePath,
      path2: somePath,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("symlink" as const), path: target, path2: somePath }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constantFrom("writes", "reads"), slot, lengths }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("chain" as const), slot, length }) },
);

/** Programs of up to `maxLength` operations. */
export function programs(maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(step, { minLength: 1, maxLength });
}
