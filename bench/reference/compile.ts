import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../harness/test-file.ts";

/** The C programs beside this file, and what each is linked with. */
const REFERENCES = {
  "uring-read": ["-luring"],
  "uring-nop": ["-luring"],
  latency: ["-luring", "-pthread"],
  "libaio-read": ["-laio"],
  "posix-aio-read": ["-lrt"],
  pread: [],
  offsets: [],
} as const satisfies Record<string, readonly string[]>;

/** The name of one of the C programs. */
export type ReferenceName = keyof typeof REFERENCES;

const SOURCES = join(ROOT, "bench", "reference");

/** Sources that every program includes. */
const HEADERS = ["common.h", "ring.h"];

/**
 * Compiles a C reference and returns the path of the program. Does nothing when it is newer than
 * its sources. Throws with the compiler's own words when it cannot be compiled.
 */
export function compileReference(
  name: ReferenceName,
  folder: string = join(ROOT, "build", "reference"),
): string {
  const source = join(SOURCES, `${name}.c`);
  const program = join(folder, name);
  const newest = Math.max(...[source, ...HEADERS.map((h) => join(SOURCES, h))].map(modifiedAt));
  if (modifiedAt(program) > newest) return program;
  mkdirSync(folder, { recursive: true });
  const compiler = process.env.CC ?? "cc";
  const options = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"];
  const result = spawnSync(compiler, [...options, "-o", program, source, ...REFERENCES[name]], {
    encoding: "utf8",
  });
  if (result.status !== 0) {
    throw new Error(
      `${compiler} cannot compile ${name}.c: ${result.error?.message ?? result.stderr}`,
    );
  }
  return program;
}

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
