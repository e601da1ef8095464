import type { BigIntStats } from "node:fs";
import { errnoOf } from "../../base/index.ts";
import { type BufferView, OperationKind, type Request } from "../../core/index.ts";
import { isOfNode, numberOf } from "../node-fs.ts";
import { writeStatx } from "../node-fs-statx.ts";

const EFAULT = -errnoOf("EFAULT");

/** How far a job has come. */
export const JobState = {
  /** In the list of free jobs. */
  Free: 0,
  /** Queued, and not handed over yet: it can still be taken back. */
  Staged: 1,
  /** With libuv: nothing can be asked of it any more. */
  Running: 2,
  /** Waiting for a timer of ours. */
  Timing: 3,
  /** Completed, and not reaped yet. */
  Done: 4,
} as const;

/** One of the values of {@link JobState}. */
export type JobState = (typeof JobState)[keyof typeof JobState];

/**
 * A request on its way through the thread pool: a copy of what it asks, where its completion
 * belongs, and the one callback for whatever function of node:fs does it.
 *
 * Jobs are used again and again, so that a request costs no closure of ours. A job carries its own
 * slot and generation, so a completion can never be taken for another's.
 */
export class Job {
  state: JobState = JobState.Free;
  index = 0;
  generation = 0;
  result = 0;
  kind: OperationKind = OperationKind.Nop;
  fd = -1;
  length = 0;
  offset = -1;
  flags = 0;
  mode = 0;
  buffer: BufferView | undefined = undefined;
  buffers: readonly BufferView[] | undefined = undefined;
  /** Typed as node:fs types its paths; at run time it takes any Uint8Array. */
  path: string | Buffer = "";
  path2: string | Buffer = "";
  timer: NodeJS.Timeout | undefined = undefined;
  /** What it failed with, where that is not a number of the system's. */
  error: Error | undefined = undefined;

  /** The callback for node:fs. */
  readonly finish: (error: NodeJS.ErrnoException | null, value?: unknown) => void;
  /** Called with the job when its timer fires. */
  readonly #done: (job: Job, result: number) => void;

  /** @param done Takes the result, a count, a descriptor or a negative errno. */
  constructor(done: (job: Job, result: number) => void) {
    this.#done = done;
    this.finish = (error, value) => {
      if (error) this.fail(error);
      else if (typeof value === "number") this.#done(this, value);
      else this.#done(this, this.#resultOf(value));
    };
  }

  /** Ends it with an error of node:fs, which is kept where it is more than a number. */
  fail(error: NodeJS.ErrnoException): void {
    if (isOfNode(error)) this.error = error;
    this.#done(this, numberOf(error));
  }

  /** Copies a request, because its owner fills it anew as soon as `queue` returns. */
  take(request: Request, index: number, generation: number): void {
    this.state = JobState.Staged;
    this.index = index;
    this.generation = generation;
    this.kind = request.kind;
    this.fd = request.fd;
    this.length = request.length;
    this.offset = request.offset;
    this.flags = request.flags;
    this.mode = request.mode;
    this.buffer = request.buffer;
    this.buffers = request.buffers?.slice(0, request.length);
    this.path = (request.path ?? "") as string | Buffer;
    this.path2 = (request.path2 ?? "") as string | Buffer;
  }

  /** Lets go of everything it refers to. */
  clear(): void {
    this.state = JobState.Free;
    this.buffer = undefined;
    this.buffers = undefined;
    this.path = "";
    this.path2 = "";
    this.timer = undefined;
    this.error = undefined;
  }

  #resultOf(value: unknown): number {
    if (this.kind !== OperationKind.Statx || this.buffer === undefined) return 0;
    return writeStatx(this.buffer, value as BigIntStats) ? 0 : EFAULT;
  }
}
