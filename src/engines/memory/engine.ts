import { invariant, MAX_TIMER_MS } from "../../base/index.ts";
import {
  type CompletionSink,
  type DescriptorCalls,
  type Engine,
  type EngineOptions,
  OperationKind,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import { EAGAIN, ECANCELED, EINTR, ETIME } from "../errnos.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { FaultPlan } from "./faults.ts";
import { BLOCKED, MemoryFiles } from "./files.ts";
import { Random } from "./random.ts";
import { perform } from "./requests.ts";
import { type MemorySettings, replayOf } from "./settings.ts";
import { Task, TaskState } from "./task.ts";

/** Steps that a request takes unless it is late. */
const USUAL_STEPS = 3;
/** Steps that it takes when it is. */
const LATE_STEPS = 40;
/** The answers to `cancel`, as often as they are given. */
const CANCEL = { tooLate: 0.1, ignored: 0.2, interrupted: 0.2 } as const;

/**
 * An engine without a kernel, for tests: files in memory, and a seed that decides in which order
 * requests are done, in which order that is told, and what goes wrong. The same program with the
 * same seed does the same again.
 *
 * Its clockwork moves by one step with every `reap`. A request is done at some step after its
 * `commit` and told at some step after that, so whatever may overlap on a real machine does here.
 */
export class MemoryEngine implements Engine {
  readonly name = "memory";
  readonly capabilities = CAPABILITIES;
  readonly depth: number;
  readonly longestChain = 0;
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** What the requests are done to. */
  readonly files: MemoryFiles;
  readonly descriptors: DescriptorCalls;

  readonly #wake: () => void;
  readonly #random: Random;
  readonly #plan: FaultPlan;
  readonly #virtualTime: boolean;
  #staged: Task[] = [];
  /** Started and blocked ones. */
  #running: Task[] = [];
  #done: Task[] = [];
  #step = 0;
  #virtualNow = 0;
  /** Something happened that those who are blocked may have waited for. */
  #changed = false;
  #idle = false;
  #closed = false;
  #referenced = false;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Holds the process while requests are in flight that nothing but an event can end. */
  #anchor: NodeJS.Timeout | undefined;

  constructor(options: EngineOptions, settings: MemorySettings = {}) {
    const { seed = 1, faults, script } = settings;
    this.depth = options.depth;
    this.#wake = options.wake;
    this.#random = new Random(seed);
    this.#plan = new FaultPlan(this.#random, faults, script);
    this.#virtualTime = settings.virtualTime ?? false;
    this.files = settings.files ?? new MemoryFiles(settings.capacityBytes);
    this.descriptors = this.files;
    this.files.watchers.add(this.#onChange);
    this.details = { seed, purpose: "tests only", replay: replayOf(settings) };
  }

  queue(request: Request, index: number, generation: number, sink: CompletionSink): QueueStatus {
    invariant(!this.#closed, "A request was queued after close: memory");
    const { kind } = request;
    if (this.#accepted >= this.depth || this.#plan.strikes("busy", kind)) return QueueStatus.Busy;
    const task = new Task(request, index, generation);
    if (this.#plan.strikes("early", kind)) {
      const result = this.#attempt(task);
      if (result !== BLOCKED) {
        sink.complete(index, generation, result, false);
        return QueueStatus.Completed;
      }
    }
    this.#staged.push(task);
    return QueueStatus.Queued;
  }

  commit(): number {
    const staged = this.#staged;
    if (staged.length > 0 && this.#plan.strikes("refused")) return -EAGAIN;
    this.#staged = [];
    for (const task of staged) {
      task.state = TaskState.Started;
      task.due = this.#step + 1 + this.#random.below(USUAL_STEPS);
      if (this.#plan.strikes("late", task.request.kind)) {
        task.due += this.#random.below(LATE_STEPS);
      }
      if (task.request.kind === OperationKind.Timeout) {
        task.endsAt = this.#now() + task.request.offset;
      }
      this.#running.push(task);
    }
    return staged.length;
  }

  reap(sink: CompletionSink, max: number): number {
    this.#move();
    const ready = this.#random.shuffle(this.#done.filter(({ due }) => due <= this.#step));
    const most = ready.length > 1 && this.#plan.strikes("overflow") ? 1 : max;
    const told = new Set(ready.slice(0, most));
    this.#done = this.#done.filter((task) => !told.has(task));
    for (const { index, generation, result } of told) {
      sink.complete(index, generation, result, false);
    }
    return told.size;
  }

  cancel(index: number, generation: number): boolean {
    const is = (task: Task) => task.index === index && task.generation === generation;
    const staged = this.#staged.find(is);
    if (staged !== undefined) {
      this.#staged = this.#staged.filter((task) => task !== staged);
      this.#finish(staged, -ECANCELED);
      return true;
    }
    const task = this.#running.find(is);
    if (task === undefined) return false;
    // What waits for an event must let go, or nothing ever would.
    const waits = task.state === TaskState.Blocked || task.request.kind === OperationKind.Timeout;
    const drawn = waits ? 1 : this.#random.next();
    if (drawn < CANCEL.tooLate) {
      const result = this.#attempt(task);
      this.#end(task, result === BLOCKED ? -ECANCELED : result);
      return result === BLOCKED;
    }
    if (drawn < CANCEL.tooLate + CANCEL.ignored) task.ignoresCancel = true;
    if (task.ignoresCancel) return true;
    const interrupted = drawn < CANCEL.tooLate + CANCEL.ignored + CANCEL.interrupted;
    this.#end(task, interrupted ? -EINTR : -ECANCELED);
    return true;
  }

  awake(): void {
    this.#idle = false;
  }

  idle(): boolean {
    this.#idle = true;
    if (this.#done.some(({ due }) => due <= this.#step)) return true;
    if (!this.#plan.strikes("lostWakeUp")) this.#arrangeWake();
    return false;
  }

  setReferenced(referenced: boolean): void {
    if (referenced === this.#referenced) return;
    this.#referenced = referenced;
    clearInterval(this.#anchor);
    this.#anchor = referenced ? setInterval(() => {}, MAX_TIMER_MS) : undefined;
  }

  wait(minimum: number, timeoutMs: number): void {
    const until = performance.now() + timeoutMs;
    for (;;) {
      this.#move();
      if (this.#done.length >= minimum || performance.now() >= until) break;
      if (!this.#canMove()) {
        const blocked = timeoutMs === Number.POSITIVE_INFINITY && this.#nextEnd() === undefined;
        invariant(!blocked, `Nothing can ever complete: ${this.#running.length} requests wait`);
        this.#jump();
      }
    }
    for (const task of this.#done) task.due = this.#step;
  }

  close(): void {
    invariant(
      this.#accepted === 0,
      `The engine was closed too early: ${this.#accepted} requests have not been reaped`,
    );
    this.#closed = true;
    this.#idle = false;
    this.setReferenced(false);
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    this.files.watchers.delete(this.#onChange);
  }

  /** Queued and not reaped. */
  get #accepted(): number {
    return this.#staged.length + this.#running.length + this.#done.length;
  }

  #now(): number {
    return this.#virtualTime ? this.#virtualNow : performance.now();
  }

  /** One step: what is due is done, in any order. */
  #move(): void {
    this.#step++;
    this.#changed = false;
    for (const task of this.#random.shuffle([...this.#running])) {
      if (task.due > this.#step) continue;
      const result = this.#attempt(task);
      if (result !== BLOCKED) this.#finish(task, result);
      else if (task.ignoresCancel) this.#finish(task, -ECANCELED);
      else task.state = TaskState.Blocked;
    }
    this.#running = this.#running.filter(({ state }) => state !== TaskState.Done);
  }

  /** Does a request now, or makes it fail. Returns its result or {@link BLOCKED}. */
  #attempt(task: Task): number {
    const { request } = task;
    if (request.kind === OperationKind.Timeout) {
      return this.#now() >= task.endsAt ? -ETIME : BLOCKED;
    }
    // A request that had to wait has had its chance to fail.
    if (task.state !== TaskState.Blocked) {
      const error = this.#plan.errorFor(request);
      if (error !== 0) return error;
      this.#plan.shorten(request);
    }
    return perform(this.files, request);
  }

  #finish(task: Task, result: number): void {
    task.state = TaskState.Done;
    task.result = result;
    task.due = this.#step + this.#random.below(USUAL_STEPS);
    this.#done.push(task);
  }

  /** Whether the next step, or one soon after it, changes anything by itself. */
  #canMove(): boolean {
    if (this.#done.length > 0) return true;
    const now = this.#now();
    return this.#running.some(({ request, state, endsAt }) => {
      if (request.kind === OperationKind.Timeout) return endsAt <= now;
      return state === TaskState.Started || this.#changed;
    });
  }

  /** Takes a task out of those that run, with its result. */
  #end(task: Task, result: number): void {
    this.#running = this.#running.filter((other) => other !== task);
    this.#finish(task, result);
  }

  /** When the next timeout ends. */
  #nextEnd(): number | undefined {
    const ends = this.#running.map(({ endsAt }) => endsAt).filter(Number.isFinite);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Nothing can happen now: virtual time goes on to where something can. */
  #jump(): void {
    const end = this.#nextEnd();
    if (this.#virtualTime && end !== undefined) this.#virtualNow = end;
  }

  /** Sees to it that we are called when something can happen. */
  #arrangeWake(): void {
    if (!this.#canMove()) this.#jump();
    if (this.#canMove()) {
      this.#immediate ??= setImmediate(this.#wakeUp);
      return;
    }
    const end = this.#nextEnd();
    if (end === undefined) return;
    clearTimeout(this.#timer);
    const left = Math.min(Math.max(0, end - this.#now()), MAX_TIMER_MS);
    this.#timer = setTimeout(this.#wakeUp, left);
    // The anchor holds the process, if anything does.
    this.#timer.unref();
  }

  readonly #onChange = (): void => {
    this.#changed = true;
    if (this.#idle) this.#arrangeWake();
  };

  readonly #wakeUp = (): void => {
    this.#immediate = undefined;
    if (this.#idle && this.#accepted > 0) this.#wake();
  };
}
