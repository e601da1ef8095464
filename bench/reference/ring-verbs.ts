/**
 * The same loops as ring.ts, written with the verbs of `proactor/ring`: what a program pays for
 * them. Started with a job as JSON, it prints a measurement as JSON.
 */

import { closeSync, openSync } from "node:fs";
import * as verbs from "../../src/compat/ring/index.ts";
import { addressOf, allocate, IOSQE_FIXED_FILE, type Ring } from "../../src/compat/ring/index.ts";
import { RandomBlocks, READ_BYTES } from "../harness/random.ts";
import { Window } from "../harness/window.ts";
import type { RingJob } from "./ring.ts";

const FIXED_FILE = IOSQE_FIXED_FILE;
const SETUP =
  verbs.IORING_SETUP_SINGLE_ISSUER |
  verbs.IORING_SETUP_DEFER_TASKRUN |
  verbs.IORING_SETUP_TASKRUN_FLAG |
  verbs.IORING_SETUP_SUBMIT_ALL |
  verbs.IORING_SETUP_NO_SQARRAY;

function expect(result: number, wanted: number, what: string): void {
  if (result !== wanted) throw new Error(`${what}: ${result}`);
}

function readLoop(ring: Ring, job: RingJob, window: Window): void {
  const random = new RandomBlocks(Math.floor(job.bytes / READ_BYTES), job.seed);
  const buffers = allocate(job.depth * READ_BYTES).fill(1);
  const base = addressOf(buffers);
  const fd = openSync(job.path, "r");
  expect(ring.registerBuffers([buffers]), 0, "registerBuffers");
  expect(ring.registerFiles([fd]), 0, "registerFiles");

  const prepare = (slot: number): void => {
    const sqe = ring.getSqe();
    const offset = random.next() * READ_BYTES;
    ring.prepReadFixed(sqe, 0, base + slot * READ_BYTES, READ_BYTES, offset, 0);
    ring.sqeSetFlags(sqe, FIXED_FILE);
    ring.sqeSetData64(sqe, slot);
  };
  const onCqe = (cqe: number): void => {
    const result = ring.cqeRes(cqe);
    if (result !== READ_BYTES) throw new Error(`A read gave ${result}`);
    prepare(ring.cqeGetDataLow(cqe));
  };

  for (let slot = 0; slot < job.depth; slot++) prepare(slot);
  while (window.running) {
    const taken = ring.submitAndWait(1);
    if (taken < 0) throw new Error(`submitAndWait: ${taken}`);
    const count = ring.forEachCqe(onCqe);
    ring.cqAdvance(count);
    window.add(count);
    window.look();
  }
  closeSync(fd);
}

function nopLoop(ring: Ring, { depth }: RingJob, window: Window): void {
  const onCqe = (cqe: number): void => {
    if (ring.cqeRes(cqe) < 0) throw new Error("A NOP failed");
  };
  while (window.running) {
    for (let slot = 0; slot < depth; slot++) {
      const sqe = ring.getSqe();
      ring.prepNop(sqe);
      ring.sqeSetData64(sqe, slot);
    }
    expect(ring.submitAndWait(depth), depth, "submitAndWait");
    const count = ring.forEachCqe(onCqe);
    ring.cqAdvance(count);
    window.add(count);
    window.look();
  }
}

function run(job: RingJob): void {
  const { rampSeconds, seconds, operation, depth } = job;
  const window = new Window({ rampSeconds, seconds });
  const ring = verbs.queueInit(depth, SETUP);
  expect(ring.registerRingFd(), 1, "registerRingFd");
  window.open();
  if (operation === "read") readLoop(ring, job, window);
  else nopLoop(ring, job, window);
  process.stdout.write(`${JSON.stringify(window.measurement())}\n`);
  ring.queueExit();
}

try {
  run(JSON.parse(process.argv[2] ?? "") as RingJob);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
