/*
 * A program for a child: takes something away from the addon, as an older kernel or another runtime
 * would, and then uses a proactor in every way. Says which engine it had, and how it was set up.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as later } from "node:timers/promises";
import {
  IORING_REGISTER_PROBE,
  IORING_REGISTER_RING_FDS,
  PARAMS_FLAGS,
  PROBE_OP_FLAGS,
  PROBE_OP_SIZE,
  PROBE_OPS,
} from "../../src/abi/io-uring.ts";
import { EINVAL } from "../../src/abi/linux.ts";
import { OPERATIONS } from "../../src/core/index.ts";
import { OPCODES } from "../../src/engines/io-uring/requests.ts";
import { Proactor } from "../../src/index.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { loadNative } from "../../src/native/load.ts";

/** What to take away. */
export interface Degradation {
  /** Setup flags that the kernel does not know. */
  readonly unknownFlags?: number;
  /** Operations whose opcodes it does not know. */
  readonly unknownOperations?: readonly string[];
  /** It registers no ring descriptors. */
  readonly noRegisteredRing?: boolean;
  /** What every call of a function answers. */
  readonly answers?: Readonly<Record<string, number | null>>;
  /** Wake-ups come from a thread, as in Bun and Deno. */
  readonly thread?: boolean;
}

/** The addon with less in it. */
function degraded(addon: NativeAddon, how: Degradation): NativeAddon {
  const { uringSetup, uringRegister, wakeupOpen } = addon;
  const loose: Record<string, unknown> = { ...addon };
  const { unknownFlags = 0, unknownOperations = [] } = how;
  loose.uringSetup = (entries: number, params: Uint8Array) => {
    const flags = new DataView(params.buffer, params.byteOffset).getUint32(PARAMS_FLAGS, true);
    return (flags & unknownFlags) === 0 ? uringSetup(entries, params) : -EINVAL;
  };
  const opcodes = unknownOperations.map((name) => {
    return OPCODES[OPERATIONS.findIndex((row) => row.name === name)] as number;
  });
  loose.uringRegister = (fd: number, opcode: number, address: number, count: number) => {
    if (opcode === IORING_REGISTER_RING_FDS && how.noRegisteredRing) return -EINVAL;
    const result = uringRegister(fd, opcode, address, count);
    if (opcode === IORING_REGISTER_PROBE && probe !== undefined) {
      for (const one of opcodes) probe[PROBE_OPS + one * PROBE_OP_SIZE + PROBE_OP_FLAGS] = 0;
    }
    return result;
  };
  // The memory of the probe is known by its address only: remember whose address was asked for.
  let probe: Uint8Array | undefined;
  const { addressOf } = addon;
  loose.addressOf = (memory: ArrayBufferView) => {
    if (memory instanceof Uint8Array && memory.length === PROBE_OPS + 256 * PROBE_OP_SIZE) {
      probe = memory;
    }
    return addressOf(memory);
  };
  if (how.thread) {
    loose.wakeupOpen = (fd: number, callback: () => void) => wakeupOpen(fd, callback, true);
  }
  for (const [name, answer] of Object.entries(how.answers ?? {})) {
    loose[name] = () => answer ?? undefined;
  }
  return loose as unknown as NativeAddon;
}

/** Uses everything that depends on how the ring was set up. */
async function useEverything(p: Proactor, dir: string): Promise<void> {
  const path = join(dir, "file");
  const fd = await p.open(path, "w+", 0o644);
  const text = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 0xff));
  assert.equal(await p.write(fd, text, { offset: 0 }), 5000);
  const buffer = Buffer.alloc(100);
  await Promise.all(
    Array.from({ length: 2000 }, async (_, i) => {
      const part = new Uint8Array(3);
      assert.equal(await p.read(fd, part, { offset: i }), 3);
      assert.deepEqual([...part], [...text.subarray(i, i + 3)]);
    }),
  );
  assert.equal(await p.readv(fd, [buffer.subarray(0, 10), buffer.subarray(50)], { offset: 7 }), 60);
  assert.ok(buffer.subarray(50).equals(text.subarray(17, 67)));
  assert.equal(await p.writev(fd, [Buffer.from("ab"), Buffer.from("c")], { offset: 5000 }), 3);
  assert.equal((await p.statx(path)).size, 5003);
  await p.mkdir(join(dir, "folder"));
  await p.rename(join(dir, "folder"), join(dir, "renamed"));
  await p.truncate(fd, 10);
  await assert.rejects(p.unlink(join(dir, "nothing")), { code: "ENOENT", syscall: "unlink" });
  await order(p, fd);
  if (p.capabilities.cancel === "running") await cancellation(p, dir);
  await p.close(fd);
}

async function order(p: Proactor, fd: number): Promise<void> {
  await p.truncate(fd, 0);
  const letters = [..."abcdef"].map((letter, offset) => {
    return { op: "write", fd, buffer: Buffer.from(letter), offset } as const;
  });
  assert.deepEqual(await Promise.all(p.chain(letters)), [1, 1, 1, 1, 1, 1]);
  const broken = p.chain([{ op: "fsync", fd: 1e6 }, ...letters, { op: "truncate", fd }]);
  const ends = await Promise.allSettled(broken);
  assert.ok(ends.every((end) => end.status === "rejected"));
  const all = [p.nop(), p.mkdir("/", 0o777).catch(() => 0), p.nop({ drain: true }), p.nop()];
  assert.deepEqual(await Promise.all(all), [0, 0, 0, 0]);
}

async function cancellation(p: Proactor, dir: string): Promise<void> {
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const pipe = fs.openSync(fifo, "r+");
  const read = (options = {}) => p.read(pipe, new Uint8Array(4), options);
  await assert.rejects(read({ deadlineMs: 5 }), { code: "ETIMEDOUT" });
  await assert.rejects(read({ signal: AbortSignal.timeout(5) }), { name: "AbortError" });
  const waiting = Array.from({ length: 50 }, () => read());
  const settled = Promise.allSettled(waiting);
  await later(5);
  const outcomes = await Promise.all(waiting.slice(10).map((one) => one.cancel()));
  assert.ok(outcomes.every(({ outcome }) => outcome === "canceled"));
  fs.writeSync(pipe, Buffer.alloc(40));
  const done = (await settled).filter(({ status }) => status === "fulfilled");
  assert.equal(done.length, 10);
  // A completion that comes while everybody sleeps.
  const asleep = read();
  setTimeout(() => fs.writeSync(pipe, "x"), 20);
  assert.equal(await asleep, 1);
  // And memory that is taken away meanwhile.
  const taken = new Uint8Array(4096);
  const reading = p.read(pipe, taken).catch((error: NodeJS.ErrnoException) => error.code);
  await p.nop();
  structuredClone(taken.buffer, { transfer: [taken.buffer] });
  fs.writeSync(pipe, "xyz");
  assert.ok(["ERR_PROACTOR_BUFFER_DETACHED", 3].includes((await reading) as never));
  fs.closeSync(pipe);
}

const [how = "{}", dir = ""] = process.argv.slice(2);
const native = loadNative();
if (native.available) {
  // Loaded once and handed to everybody: whoever asks from here on gets this.
  Object.assign(native, { addon: degraded(native.addon, JSON.parse(how) as Degradation) });
}
const p = new Proactor({ entries: 16, depth: 128 });
await p.nop();
const { details } = p.explain();
const { emulated } = p.capabilities;
await useEverything(p, dir);
await p.shutdown();
console.log(JSON.stringify({ engine: p.engine, emulated, details }));
