import {
  type CompletionSink,
  type Engine,
  type EngineCapabilities,
  OPERATIONS,
  QueueStatus,
  type Request,
} from "../../src/core/index.ts";

/** A request as an engine of the tests was given it. */
export interface Given {
  readonly request: Request;
  readonly index: number;
  readonly generation: number;
}

/** What an engine of the tests can do, unless told otherwise: everything. */
export const CAPABILITIES: EngineCapabilities = {
  operations: OPERATIONS.map(() => true),
  asynchronous: true,
  addresses: false,
  links: true,
  drain: true,
  deadline: true,
  cancel: "running",
  registeredBuffers: false,
  registeredFiles: false,
  wait: true,
  direct: false,
};

/** An engine that does nothing by itself: the test completes what it was given. */
export class FakeEngine implements Engine {
  readonly name = "memory";
  readonly capabilities: EngineCapabilities;
  readonly depth: number;
  readonly longestChain: number;
  readonly details = {};
  /** Requests it takes before it answers busy, until the next commit. */
  room = Number.POSITIVE_INFINITY;
  /** Finishes every request with this result while it is queued. */
  inline: number | undefined;
  /** What the next commits answer; then what they took. */
  readonly commitResults: number[] = [];
  /** Called at the end of every commit, with what it took. */
  onCommit: (taken: readonly Given[]) => void = () => {};
  /** Everything it was given, in order. */
  readonly given: Given[] = [];
  /** The sizes of the batches that were committed. */
  readonly batches: number[] = [];
  readonly canceled: number[] = [];
  /** What `cancel` answers. */
  cancelable = true;
  referenced = false;
  idling = false;
  /** Called when something completed while the program was idle. */
  onWake: () => void = () => {};
  waits: { minimum: number; timeoutMs: number }[] = [];
  onWait: () => void = () => {};
  readonly #staged: Given[] = [];
  readonly #done: { index: number; generation: number; result: number; more: boolean }[] = [];

  constructor(depth = 64, capabilities: Partial<EngineCapabilities> = {}) {
    this.depth = depth;
    this.longestChain = depth;
    this.capabilities = { ...CAPABILITIES, ...capabilities };
  }

  /** Completes a request; the next `reap` tells. Wakes who sleeps, later. */
  finish({ index, generation }: Given, result = 0, more = false): void {
    this.#done.push({ index, generation, result, more });
    if (this.idling) {
      setImmediate(() => {
        if (this.idling) this.onWake();
      });
    }
  }

  queue(request: Request, index: number, generation: number, sink: CompletionSink): QueueStatus {
    if (this.#staged.length >= this.room) return QueueStatus.Busy;
    const given = { request: Object.assign({}, request), index, generation };
    this.given.push(given as Given);
    if (this.inline !== undefined) {
      sink.complete(index, generation, this.inline, false);
      return QueueStatus.Completed;
    }
    this.#staged.push(given as Given);
    return QueueStatus.Queued;
  }

  commit(): number {
    const scripted = this.commitResults.shift();
    if (scripted !== undefined && scripted < 0) return scripted;
    const taken = this.#staged.splice(0);
    if (taken.length > 0) this.batches.push(taken.length);
    this.onCommit(taken);
    return taken.length;
  }

  reap(sink: CompletionSink, max: number): number {
    const done = this.#done.splice(0, max);
    for (const { index, generation, result, more } of done) {
      sink.complete(index, generation, result, more);
    }
    return done.length;
  }

  cancel(index: number, _generation: number): boolean {
    this.canceled.push(index);
    return this.cancelable;
  }

  awake(): void {
    this.idling = false;
  }

  idle(): boolean {
    this.idling = true;
    return this.#done.length > 0;
  }

  setReferenced(referenced: boolean): void {
    this.referenced = referenced;
  }

  wait(minimum: number, timeoutMs: number): void {
    this.waits.push({ minimum, timeoutMs });
    this.onWait();
  }

  close(): void {}
}
