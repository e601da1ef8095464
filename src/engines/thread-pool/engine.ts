import {
  DEFAULT_POOL_THREADS,
  errnoOf,
  invariant,
  MAX_POOL_THREADS,
  MAX_TIMER_MS,
} from "../../base/index.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineOptions,
  OperationKind,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import { ETIME } from "../errnos.ts";
import { refusal } from "../node-fs.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { Job, JobState } from "./job.ts";
import { start } from "./requests.ts";

const ECANCELED = -errnoOf("ECANCELED");

/**
 * node:fs over libuv's thread pool. Synchronous calls on other threads, under the contract of
 * asynchronous engines: what runs everywhere, and what the others are compared with.
 *
 * - `commit` hands everything over at once. Keeping requests back, so that they could still be
 *   cancelled, would cost more than half of the throughput: the pool's threads would wait for the
 *   loop (4 KiB cached reads, depth 32: all at once 480 k/s, 16 at a time 290 k/s, 4 at a time
 *   85 k/s).
 * - The callbacks of one turn are reaped together: the first schedules the wake-up with
 *   `setImmediate`, which runs when libuv has called them all. Waking from each callback halves
 *   the throughput (250 k/s; plain `fs.read` with a promise around it 220 k/s).
 * - A request that libuv has cannot be cancelled (HAZARDS C9): `cancel` says so, and the
 *   completion tells what happened.
 * - libuv's requests keep the process alive by themselves, and nothing can stop them from doing
 *   so: `setReferenced` only reaches timeouts.
 */
export class ThreadPoolEngine implements Engine {
  readonly name = "thread_pool";
  readonly capabilities = CAPABILITIES;
  readonly depth: number;
  readonly longestChain = 0;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  readonly #wake: () => void;
  /** The latest job of each slot, to be found by `cancel`. */
  readonly #jobs: (Job | undefined)[] = [];
  readonly #free: Job[] = [];
  readonly #staged: Job[] = [];
  readonly #done: Job[] = [];
  readonly #timing = new Set<Job>();
  /** Queued and not reaped. */
  #accepted = 0;
  #idle = false;
  #wakeScheduled = false;
  #referenced = false;
  #closed = false;

  constructor(options: EngineOptions) {
    this.depth = options.depth;
    this.#wake = options.wake;
    this.details = { threads: poolThreads(), wakeup: "fs callbacks" };
  }

  queue(request: Request, index: number, generation: number): QueueStatus {
    invariant(!this.#closed, "A request was queued after close: thread_pool");
    if (this.#accepted >= this.depth) return QueueStatus.Busy;
    this.#accepted++;
    const job = this.#free.pop() ?? new Job(this.#complete);
    job.take(request, index, generation);
    this.#jobs[index] = job;
    const refused = refusal(request);
    if (refused !== 0) this.#complete(job, refused);
    else this.#staged.push(job);
    return QueueStatus.Queued;
  }

  commit(): number {
    const count = this.#staged.length;
    for (const job of this.#staged) this.#start(job);
    this.#staged.length = 0;
    return count;
  }

  reap(sink: CompletionSink, max: number): number {
    const count = Math.min(this.#done.length, max);
    for (let i = 0; i < count; i++) {
      const job = this.#done[i] as Job;
      const { index, generation, result, error } = job;
      if (this.#jobs[index] === job) this.#jobs[index] = undefined;
      job.clear();
      this.#free.push(job);
      this.#accepted--;
      if (error !== undefined) sink.failed?.(index, generation, error);
      sink.complete(index, generation, result, false);
    }
    if (count === this.#done.length) this.#done.length = 0;
    else this.#done.splice(0, count);
    return count;
  }

  cancel(index: number, generation: number): boolean {
    const job = this.#jobs[index];
    if (job === undefined || job.generation !== generation) return false;
    if (job.state === JobState.Staged) {
      this.#staged.splice(this.#staged.lastIndexOf(job), 1);
    } else if (job.state === JobState.Timing) {
      clearTimeout(job.timer);
      this.#timing.delete(job);
    } else {
      return false;
    }
    this.#complete(job, ECANCELED);
    return true;
  }

  awake(): void {
    this.#idle = false;
  }

  idle(): boolean {
    this.#idle = true;
    return this.#done.length > 0;
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.#referenced) return;
    this.#referenced = referenced;
    for (const { timer } of this.#timing) {
      if (referenced) timer?.ref();
      else timer?.unref();
    }
  }

  close(): void {
    invariant(
      this.#accepted === 0,
      `The engine was closed too early: ${this.#accepted} requests have not been reaped`,
    );
    this.#closed = true;
    this.#free.length = 0;
    this.#jobs.length = 0;
  }

  readonly #complete = (job: Job, result: number): void => {
    job.state = JobState.Done;
    job.result = result;
    this.#done.push(job);
    if (!this.#idle || this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    setImmediate(this.#wakeUp);
  };

  readonly #wakeUp = (): void => {
    this.#wakeScheduled = false;
    // Somebody may have been here before us.
    if (this.#idle && this.#done.length > 0) this.#wake();
  };

  #start(job: Job): void {
    if (job.kind === OperationKind.Nop) {
      this.#complete(job, 0);
      return;
    }
    if (job.kind === OperationKind.Timeout) {
      this.#timing.add(job);
      this.#arm(job, job.offset);
      return;
    }
    job.state = JobState.Running;
    try {
      start(job);
    } catch (error) {
      job.fail(error as Error);
    }
  }

  /** A timer of Node counts to 24 days; longer times take several. */
  #arm(job: Job, ms: number): void {
    job.state = JobState.Timing;
    const now = Math.min(ms, MAX_TIMER_MS);
    const timer = setTimeout(() => {
      if (ms > now) {
        this.#arm(job, ms - now);
        return;
      }
      this.#timing.delete(job);
      this.#complete(job, -ETIME);
    }, now);
    job.timer = timer;
    if (!this.#referenced) timer.unref();
  }
}

/** How many threads libuv's pool has, by libuv's own rule. */
function poolThreads(): number {
  const asked = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? "", 10);
  if (Number.isNaN(asked)) return DEFAULT_POOL_THREADS;
  return Math.max(1, Math.min(asked, MAX_POOL_THREADS));
}
