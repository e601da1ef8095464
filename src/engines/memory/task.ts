import { Request } from "../../core/index.ts";

/** How far a task has come. */
export const TaskState = {
  /** Queued, and not committed. */
  Staged: 0,
  /** Committed, and to be done at its step. */
  Started: 1,
  /** Could not be done when its turn came: asked again whenever something has changed. */
  Blocked: 2,
  /** Has its result, and is told from its step on. */
  Done: 3,
} as const;

/** One of the values of {@link TaskState}. */
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** One request on its way, with where its completion belongs. */
export class Task {
  readonly request: Request;
  readonly index: number;
  readonly generation: number;
  state: TaskState = TaskState.Staged;
  /** The step of the engine's clockwork from which on something happens to it. */
  due = 0;
  result = 0;
  /** When a timeout ends, in ms on the engine's clock. */
  endsAt = Number.POSITIVE_INFINITY;
  /** It was canceled, and goes on all the same. */
  ignoresCancel = false;

  /** Copies the request, whose owner fills it anew as soon as `queue` returns. */
  constructor(request: Request, index: number, generation: number) {
    this.request = Object.assign(new Request(), request);
    const { buffers } = request;
    if (buffers !== undefined) this.request.buffers = buffers.slice(0, request.length);
    this.index = index;
    this.generation = generation;
  }
}
