/**
 * The ring without operations, promises or an event loop: what TypeScript over mapped memory costs
 * by itself. The twin of uring-read.c with fixed=1, and of uring-nop.c; the pattern is the same to
 * the letter. Started with a job as JSON, it prints a measurement as JSON.
 */

import { closeSync, openSync } from "node:fs";
import {
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_OP_NOP,
  IORING_OP_READ_FIXED,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_FILES,
  IORING_REGISTER_RING_FDS,
  IOSQE_FIXED_FILE,
} from "../../src/abi/io-uring.ts";
import { openRing, type Ring } from "../../src/engines/io-uring/setup.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { loadNative } from "../../src/native/load.ts";
import { Cqe } from "../../src/ring/index.ts";
import { RandomBlocks, READ_BYTES } from "../harness/random.ts";
import { Window } from "../harness/window.ts";

/** What to run. */
export interface RingJob {
  readonly operation: "read" | "nop";
  readonly path: string;
  readonly bytes: number;
  readonly depth: number;
  readonly rampSeconds: number;
  readonly seconds: number;
  readonly seed: number;
}

const TWO_32 = 2 ** 32;

/** A ring whose descriptor is registered. */
class RegisteredRing {
  readonly ring: Ring;
  readonly addon: NativeAddon;
  readonly #index: number;

  constructor(addon: NativeAddon, depth: number) {
    this.addon = addon;
    this.ring = openRing(addon, {
      entries: depth,
      completionEntries: 2 * depth,
      sqPoll: false,
      sqPollIdleMs: 0,
    });
    // struct io_uring_rsrc_update: offset (any free index), reserved, data.
    const update = new Uint32Array([0xffff_ffff, 0, this.ring.fd, 0]);
    this.register(IORING_REGISTER_RING_FDS, update, 1);
    this.#index = update[0] as number;
  }

  register(opcode: number, argument: Uint32Array, count: number): void {
    const { addon, ring } = this;
    const result = addon.uringRegister(ring.fd, opcode, addon.addressOf(argument), count);
    if (result < 0) throw new Error(`io_uring_register ${opcode}: ${result}`);
  }

  /** Hands over `count` entries and waits for `wanted` completions. */
  enter(count: number, wanted: number): void {
    const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING;
    const taken = this.addon.uringEnter(this.#index, count, wanted, flags);
    if (taken !== count) throw new Error(`io_uring_enter took ${taken} of ${count}`);
  }
}

function readLoop(registered: RegisteredRing, job: RingJob, window: Window): void {
  const { addon, ring } = registered;
  const { sq, cq } = ring;
  const { sqes } = sq;
  const { words, signedWords } = cq;
  const random = new RandomBlocks(Math.floor(job.bytes / READ_BYTES), job.seed);
  const buffers = allocated(addon, job.depth * READ_BYTES);
  const base = addon.addressOf(buffers);
  const low = base % TWO_32;
  const vector = new Uint32Array([low, (base - low) / TWO_32, buffers.byteLength, 0]);
  registered.register(IORING_REGISTER_BUFFERS, vector, 1);
  const fd = openSync(job.path, "r");
  registered.register(IORING_REGISTER_FILES, new Uint32Array([fd]), 1);

  const prepare = (slot: number): void => {
    const at = sq.reserve();
    const offset = random.next() * READ_BYTES;
    const address = base + slot * READ_BYTES;
    sqes[at] = IORING_OP_READ_FIXED | (IOSQE_FIXED_FILE << 8);
    sqes[at + 1] = 0;
    sqes[at + 2] = offset;
    sqes[at + 3] = offset / TWO_32;
    sqes[at + 4] = address;
    sqes[at + 5] = address / TWO_32;
    sqes[at + 6] = READ_BYTES;
    sqes[at + 7] = 0;
    sqes[at + 8] = slot;
    for (let i = at + 9; i < at + 16; i++) sqes[i] = 0;
  };

  for (let slot = 0; slot < job.depth; slot++) prepare(slot);
  while (window.running) {
    registered.enter(sq.publish(), 1);
    const count = cq.available();
    for (let i = 0; i < count; i++) {
      const at = cq.at(i);
      if (signedWords[at + Cqe.result] !== READ_BYTES) {
        throw new Error(`A read gave ${signedWords[at + Cqe.result]}`);
      }
      prepare(words[at + Cqe.userDataLow] as number);
    }
    cq.advance(count);
    window.add(count);
    window.look();
  }
  closeSync(fd);
}

function nopLoop(registered: RegisteredRing, { depth }: RingJob, window: Window): void {
  const { sq, cq } = registered.ring;
  const { sqes } = sq;
  const { signedWords } = cq;
  while (window.running) {
    for (let slot = 0; slot < depth; slot++) {
      const at = sq.reserve();
      sqes[at] = IORING_OP_NOP;
      for (let i = at + 1; i < at + 16; i++) sqes[i] = 0;
      sqes[at + 8] = slot;
    }
    registered.enter(sq.publish(), depth);
    const count = cq.available();
    for (let i = 0; i < count; i++) {
      if ((signedWords[cq.at(i) + Cqe.result] as number) < 0) throw new Error("A NOP failed");
    }
    cq.advance(count);
    window.add(count);
    window.look();
  }
}

function allocated(addon: NativeAddon, bytes: number): Uint8Array {
  const memory = addon.allocate(bytes, 4096, false);
  if (typeof memory === "number") throw new Error(`No memory: ${memory}`);
  // Touched, so that no page fault is measured.
  return new Uint8Array(memory).fill(1);
}

function run(job: RingJob): void {
  const native = loadNative();
  if (!native.available) throw new Error(`The addon is not loaded: ${native.reason}`);
  const { rampSeconds, seconds, operation, depth } = job;
  const window = new Window({ rampSeconds, seconds });
  const registered = new RegisteredRing(native.addon, depth);
  window.open();
  if (operation === "read") readLoop(registered, job, window);
  else nopLoop(registered, job, window);
  process.stdout.write(`${JSON.stringify(window.measurement())}\n`);
}

try {
  run(JSON.parse(process.argv[2] ?? "") as RingJob);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
