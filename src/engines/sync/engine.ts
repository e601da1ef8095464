import { errnoOf, invariant } from "../../base/index.ts";
import {
  type CompletionSink,
  type Engine,
  type EngineOptions,
  QueueStatus,
  type Request,
} from "../../core/index.ts";
import { refusal } from "../node-fs.ts";
import { CAPABILITIES } from "./capabilities.ts";
import { isKnown, run } from "./requests.ts";

const EINVAL = -errnoOf("EINVAL");
const ENOTSUP = -errnoOf("ENOTSUP");

/**
 * The blocking model under the same contract: `queue` does the work and reports it before it
 * returns, and meanwhile no timer, no socket and no other code of the process runs. It is here to
 * be compared with, and is never chosen unless it is asked for by name.
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
  #closed = false;

  constructor(options: EngineOptions) {
    this.depth = options.depth;
  }

  queue(request: Request, index: number, generation: number, sink: CompletionSink): QueueStatus {
    invariant(!this.#closed, "A request was queued after close: sync");
    sink.complete(index, generation, perform(request), false);
    return QueueStatus.Completed;
  }

  commit(): number {
    return 0;
  }

  reap(_sink: CompletionSink, _max: number): number {
    return 0;
  }

  cancel(_index: number, _generation: number): boolean {
    return false;
  }

  awake(): void {}

  idle(): boolean {
    return false;
  }

  setReferenced(_referenced: boolean): void {}

  wait(_minimum: number, _timeoutMs: number): void {}

  close(): void {
    this.#closed = true;
  }
}

function perform(request: Request): number {
  if (!isKnown(request.kind)) return ENOTSUP;
  const refused = refusal(request);
  if (refused !== 0) return refused;
  try {
    return run(request);
  } catch (error) {
    // Without a number it is an argument that should have been refused with Node's own error.
    return (error as NodeJS.ErrnoException).errno ?? EINVAL;
  }
}
