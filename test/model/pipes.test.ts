import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  POLLIN,
  POLLOUT,
  POLLPRI,
  SPLICE_F_NONBLOCK,
} from "../../src/abi/linux.ts";
import { probeEngine } from "../../src/engines/index.ts";
import { Proactor } from "../../src/index.ts";
import { MemoryProactor } from "../support/memory-engine.ts";
import { withPipes } from "../support/pipes.ts";
import { checkProperty } from "../support/replay.ts";
import { withTempDir } from "../support/temp-dir.ts";

/** Programs in the gate; each has pipes of its own, which a child process makes. */
const RUNS = 25;
const NAME = "do in memory what they do on io_uring";

/** The descriptors of a program: a file, both ends of two pipes, and one that is not open. */
const FD = {
  file: 0,
  reader: 1,
  writer: 2,
  reader2: 3,
  writer2: 4,
  closed: 5,
  readOnly: 6,
} as const;
const fd = fc.constantFrom(...Object.values(FD));
const length = fc.constantFrom(0, 1, 7, 100, 5000);
const offset = fc.constantFrom(-1, 0, 3, 4096);
const flags = fc.constant(SPLICE_F_NONBLOCK);

const step = fc.oneof(
  fc.record({ op: fc.constant("splice" as const), from: fd, to: fd, length, offset, flags }),
  fc.record({ op: fc.constant("tee" as const), from: fd, to: fd, length, flags }),
  fc.record({ op: fc.constant("write" as const), fd, length, offset }),
  fc.record({ op: fc.constant("read" as const), fd, length, offset }),
  fc.record({
    op: fc.constant("poll" as const),
    fd,
    events: fc.constantFrom(POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI),
  }),
  fc.record({
    op: fc.constant("fallocate" as const),
    fd,
    offset: fc.constantFrom(0, 10, 5000),
    length,
    mode: fc.constantFrom(
      0,
      FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_PUNCH_HOLE,
    ),
  }),
  fc.record({ op: fc.constant("fadvise" as const), fd, advice: fc.nat(7) }),
  fc.record({ op: fc.constant("syncFileRange" as const), fd, flags: fc.nat(9) }),
  fc.record({ op: fc.constantFrom("fsync", "fdatasync", "size"), fd }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Whether a step would wait: pipes of a file system have no descriptor that does not. */
function wouldWait(one: Step, memory: MemoryProactor, fds: readonly number[]): boolean {
  const { files } = memory.memoryEngine;
  if (one.op === "poll") return files.poll(fds[one.fd] ?? -1, one.events) < -4096;
  if (one.op !== "read" && one.op !== "write") return false;
  const node = files.file(fds[one.fd] ?? -1)?.node;
  if (node?.kind !== "pipe") return false;
  return one.op === "read" ? node.size === 0 : node.room < one.length;
}

async function run(one: Step, proactor: Proactor, fds: readonly number[], filled: number) {
  const at = (which: number) => fds[which] as number;
  try {
    return { value: await perform(one, proactor, at, filled) };
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    return { code, syscall };
  }
}

/** io_uring takes no notice of an offset into a pipe; pread(2) refuses it. */
function offsetOf(one: { readonly fd: number; readonly offset: number }): { offset: number } {
  return { offset: one.fd === FD.file || one.fd === FD.readOnly ? one.offset : -1 };
}

async function perform(
  one: Step,
  proactor: Proactor,
  at: (which: number) => number,
  filled: number,
): Promise<unknown> {
  switch (one.op) {
    case "splice": {
      const { from, to, length, offset, flags } = one;
      const offsets = from === FD.file ? { fromOffset: offset } : { toOffset: offset };
      return proactor.splice({ from: at(from), to: at(to), length, flags, ...offsets });
    }
    case "tee":
      return proactor.tee({
        from: at(one.from),
        to: at(one.to),
        length: one.length,
        flags: one.flags,
      });
    case "write":
      return proactor.write(at(one.fd), Buffer.alloc(one.length, filled), offsetOf(one));
    case "read": {
      const buffer = Buffer.alloc(one.length);
      const count = await proactor.read(at(one.fd), buffer, offsetOf(one));
      return [count, buffer.toString("hex")];
    }
    case "poll":
      return proactor.poll(at(one.fd), one.events);
    case "fallocate":
      return proactor.fallocate(at(one.fd), one);
    case "fadvise":
      return proactor.fadvise(at(one.fd), { advice: one.advice });
    case "syncFileRange":
      return proactor.syncFileRange(at(one.fd), { flags: one.flags });
    case "fsync":
    case "fdatasync":
      return proactor[one.op](at(one.fd));
    case "size":
      return (await proactor.statx(at(one.fd))).size;
    default:
      return one satisfies never;
  }
}

async function compare(steps: readonly Step[], path: string): Promise<void> {
  await withPipes(2, async (pipe, pipe2) => {
    fs.writeFileSync(path, "0123456789");
    await using ring = new Proactor({ engine: "io_uring" });
    await using memory = new MemoryProactor({ seed: steps.length });
    const closed = 0x7fff_fffe;
    const file = fs.openSync(path, "r+");
    const readOnly = fs.openSync(path, "r");
    const ours = [file, pipe.read, pipe.write, pipe2.read, pipe2.write, closed, readOnly];
    const made = await memory.open("file", "w+");
    await memory.write(made, Buffer.from("0123456789"), { offset: 0 });
    const { files } = memory.memoryEngine;
    const again = await memory.open("file", "r");
    const theirs = [made, ...files.pipe(), ...files.pipe(), closed, again];
    try {
      for (const [i, one] of steps.entries()) {
        if (wouldWait(one, memory, theirs)) continue;
        const wanted = await run(one, ring, ours, i);
        const actual = await run(one, memory, theirs, i);
        assert.deepEqual(actual, wanted, `step ${i}: ${JSON.stringify(one)}`);
      }
      const bytes = Buffer.alloc(fs.fstatSync(file).size + 1);
      const count = await memory.read(made, bytes, { offset: 0 });
      assert.deepEqual(bytes.subarray(0, count), fs.readFileSync(path));
    } finally {
      fs.closeSync(file);
      fs.closeSync(readOnly);
    }
  });
}

describe("random programs of pipes and files", () => {
  const probed = probeEngine("io_uring");
  it(NAME, { skip: probed.available ? false : probed.reason }, async () => {
    await withTempDir(async (dir) => {
      const steps = fc.array(step, { minLength: 1, maxLength: 30 });
      const body = (program: Step[]) => compare(program, join(dir, "file"));
      await checkProperty(steps, body, { runs: RUNS, file: import.meta.url, name: NAME });
    });
  });
});
