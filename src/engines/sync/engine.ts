import { errnoOf, invariant } from "../../base/index.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineOptions,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import { isOfNode, numberOf, refusal } from "../node-fs.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { isKnown, run } from "./requests.ts";

const ENOTSUP = -errnoOf("ENOTSUP");

/**
 * The blocking model under the same contract: `queue` does the work before it returns, and
 * meanwhile no timer, no socket and no other code of the process runs; `reap` only tells. It is
 * here to be compared with, and is never chosen unless it is asked for by name.
 */
export class SyncEngine implements Engine {
  readonly name = "sync";
  readonly capabilities = CAPABILITIES;
  readonly depth: number;
  readonly longestChain = 0;
  readonly details: Readonly<Record<string, string | number | boolean>> = {
    blocking: true,
    purpose: "comparison only",
  };

  /** Index, generation and result of what is done and not reaped, three numbers each. */
  readonly #done: number[] = [];
  /** By slot, what failed with an error that is not a number of the system's. */
  readonly #errors = new Map<number, Error>();
  #idle = false;
  // One at a time: every wake-up begins a new turn, and many at once would be a turn without end.
  #wakeScheduled = false;
  #closed = false;
  readonly #wake: () => void;

  constructor(options: EngineOptions) {
    this.depth = options.depth;
    this.#wake = options.wake;
  }

  queue(request: Request, index: number, generation: number): QueueStatus {
    invariant(!this.#closed, "A request was queued after close: sync");
    if (this.#done.length >= this.depth * 3) return QueueStatus.Busy;
    this.#done.push(index, generation, this.#perform(request, index));
    if (this.#idle && !this.#wakeScheduled) {
      this.#wakeScheduled = true;
      setImmediate(this.#wakeUp);
    }
    return QueueStatus.Queued;
  }

  commit(): number {
    return 0;
  }

  reap(sink: CompletionSink, max: number): number {
    const done = this.#done;
    const count = Math.min(done.length / 3, max);
    for (let i = 0; i < count * 3; i += 3) {
      const index = done[i] as number;
      const generation = done[i + 1] as number;
      if (this.#errors.size > 0) this.#tell(index, generation, sink);
      sink.complete(index, generation, done[i + 2] as number, false);
    }
    done.splice(0, count * 3);
    return count;
  }

  /** Nothing waits and nothing runs: what could be cancelled is done. */
  cancel(_index: number, _generation: number): boolean {
    return false;
  }

  awake(): void {
    this.#idle = false;
  }

  idle(): boolean {
    this.#idle = true;
    return this.#done.length > 0;
  }

  setReferenced(_referenced: boolean): void {}

  wait(_minimum: number, _timeoutMs: number): void {}

  close(): void {
    const left = this.#done.length / 3;
    invariant(left === 0, `The engine was closed too early: ${left} requests have not been reaped`);
    this.#closed = true;
  }

  readonly #wakeUp = (): void => {
    this.#wakeScheduled = false;
    if (this.#idle && this.#done.length > 0) this.#wake();
  };

  #perform(request: Request, index: number): number {
    if (!isKnown(request.kind)) return ENOTSUP;
    const refused = refusal(request);
    if (refused !== 0) return refused;
    try {
      return run(request);
    } catch (error) {
      if (isOfNode(error as Error)) this.#errors.set(index, error as Error);
      return numberOf(error as Error);
    }
  }

  #tell(index: number, generation: number, sink: CompletionSink): void {
    const error = this.#errors.get(index);
    if (error === undefined) return;
    this.#errors.delete(index);
    sink.failed?.(index, generation, error);
  }
}
