import { closeSync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { HeapJob } from "./job.ts";
import { proactorLoop, promisesLoop, type Run } from "./loops.ts";
import { alignedBuffers, proactorFor } from "./proactors.ts";
import { RandomBlocks, READ_BYTES } from "./random.ts";
import { Window } from "./window.ts";

/**
 * Node options under which a whole run fits into the young generation, so that the heap only
 * grows: semi-spaces of 256 MiB.
 */
export const HEAP_OPTIONS = ["--min-semi-space-size=256", "--max-semi-space-size=256"] as const;

/** What a read leaves on the JavaScript heap. */
export interface HeapMeasurement {
  /** Everything: the promise, what `await` allocates, and the caller's own options object. */
  readonly bytesPerRead: number;
  /** Garbage collections during the run: not 0 means that the number is wrong. */
  readonly collections: number;
}

/** Measures the heap's growth over some reads. Run it under {@link HEAP_OPTIONS}. */
export async function runHeap(job: HeapJob): Promise<HeapMeasurement> {
  let collections = 0;
  let counting = false;
  const observer = new PerformanceObserver((list) => {
    if (counting) collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  let before = 0;
  let after = 0;
  const run: Run = {
    window: new Window({ rampOps: job.ops / 2, ops: job.ops }, 0, {
      onBegin: () => {
        counting = true;
        before = process.memoryUsage().heapUsed;
      },
      onEnd: () => {
        after = process.memoryUsage().heapUsed;
      },
    }),
    random: new RandomBlocks(Math.floor(job.bytes / READ_BYTES), job.seed),
    buffers: alignedBuffers(job.depth),
  };
  await readAll(job, run);
  // The observer hears of a collection only afterwards.
  await sleep(50);
  observer.disconnect();
  return { bytesPerRead: (after - before) / run.window.measurement().ops, collections };
}

async function readAll(job: HeapJob, run: Run): Promise<void> {
  run.window.open();
  if (job.model === "fs/promises") {
    const handle = await open(job.path, "r");
    await Promise.all(run.buffers.map((buffer) => promisesLoop(handle, run, buffer)));
    return handle.close();
  }
  const proactor = proactorFor(job.model);
  const reader = job.plain === true ? proactor.promises : proactor;
  const fd = openSync(job.path, "r");
  await Promise.all(run.buffers.map((buffer) => proactorLoop(reader, fd, run, buffer)));
  closeSync(fd);
}
