/** The names of io_uring's interface and the kernels that brought them, read out of src/abi. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { IO_URING_OPCODE_KERNELS, IO_URING_OPCODES } from "../../src/abi/io-uring.ts";
import { declarationsOf } from "./exports.ts";
import { ROOT } from "./files.ts";

/** A part of the interface that a test can exercise. */
export interface UringName {
  /** As the kernel spells it. */
  readonly name: string;
  /** The first Linux that has it: `"5.19"`. */
  readonly kernel: string;
}

/** A table of the page. */
export interface UringSection {
  readonly title: string;
  readonly names: readonly UringName[];
}

/** Constants of one file whose docstring says since which kernel they exist. */
function documented(file: string, pattern: RegExp): UringName[] {
  const text = readFileSync(join(ROOT, "src", "abi", file), "utf8");
  return declarationsOf(text)
    .filter(({ name }) => pattern.test(name))
    .map(({ name, doc = "" }) => ({ name, kernel: /Since (\d+\.\d+)\./.exec(doc)?.[1] ?? "5.1" }));
}

let sections: readonly UringSection[] | undefined;

/** Every opcode, setup flag, registration, enter flag and SQE flag that src/abi knows. */
export function uringSections(): readonly UringSection[] {
  sections ??= [
    {
      title: "Opcodes",
      names: Object.entries(IO_URING_OPCODES).map(([name, opcode]) => ({
        name,
        kernel: IO_URING_OPCODE_KERNELS[opcode] ?? "",
      })),
    },
    { title: "Setup", names: documented("io-uring-setup.ts", /^IORING_SETUP_/) },
    {
      title: "Registrations",
      names: documented(
        "io-uring-register.ts",
        // Their flags stand in the same file, and are no opcodes.
        /^IORING_(?:UN)?REGISTER_(?!SRC_|DST_|USE_|FILES_SKIP)/,
      ),
    },
    { title: "Enter", names: documented("io-uring-setup.ts", /^IORING_ENTER_/) },
    { title: "SQE flags", names: documented("io-uring-sqe.ts", /^IOSQE_/) },
  ];
  return sections;
}

/** The first Linux that has something, by its name. Throws for a name that src/abi lacks. */
export function kernelOf(name: string): string {
  for (const section of uringSections()) {
    const found = section.names.find((one) => one.name === name);
    if (found !== undefined) return found.kernel;
  }
  throw new Error(`src/abi has no opcode, flag or registration named ${name}`);
}

/** Whether a release such as `"6.18.44-generic"` is at least a version such as `"6.13"`. */
export function isAtLeast(release: string, version: string): boolean {
  const [major = 0, minor = 0] = release.split(".").map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = version.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
