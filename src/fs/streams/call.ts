import { AsyncResource } from "node:async_hooks";
import { errorWithoutStack } from "../../base/errors.ts";
import type { Request } from "../../core/index.ts";
import { errorFrom } from "../../runtime/failing.ts";
import type { Receiver } from "../../runtime/receiver.ts";
import type { Session } from "../../runtime/session.ts";

/** What a function of node:fs calls when it is done: an error, or a number and the memory. */
export type Back = (error: Error | null, result?: number, memory?: never) => void;

/** In place of a result that is not there yet. */
const NONE = Number.NaN;

/** Node's own, whatever a test puts in its place later. */
const nextTurn = setImmediate;

/**
 * One operation of a stream, told as node:fs tells it: in a turn of the event loop of its own, in
 * the asynchronous context of whoever asked. What awaits something goes on before the next chunk
 * comes, timers and sockets have their time between two chunks, and nothing is emitted before the
 * program that made the stream could listen.
 */
export class Call implements Receiver {
  readonly #syscall: string;
  readonly #back: Back;
  readonly #memory: unknown;
  readonly #path: string | Uint8Array | undefined;
  #result = NONE;
  #thrown: Error | undefined;
  #context: AsyncResource | undefined;

  private constructor(syscall: string, back: Back, memory: unknown, path?: string | Uint8Array) {
    this.#syscall = syscall;
    this.#back = back;
    this.#memory = memory;
    this.#path = path;
  }

  /**
   * Starts a request, which may be filled anew once this returns.
   *
   * @param syscall What its error names.
   * @param back Called once, with the error or with the kernel's number, and with `memory`.
   */
  static start(
    { scheduler }: Session,
    request: Request,
    syscall: string,
    back: Back,
    memory?: unknown,
  ): void {
    const call = new Call(syscall, back, memory, request.path);
    // Told through `settled`, whatever comes of it.
    void scheduler.startFor(request, call);
    // What is cached is done by then: the batch is handed over before the loop turns. A chunk comes
    // after the immediates that the listeners of the one before it asked for, although its read may
    // have been started before they were called. Each of the hops remembers the context.
    process.nextTick(Call.#afterTicks, call);
  }

  settled(result: number): void {
    this.#result = result;
    // Its turn has passed: it gets another one, in the same context.
    this.#context?.runInAsyncScope(nextTurn, undefined, Call.#turn, this);
  }

  failed(error: unknown): void {
    this.#thrown = errorFrom(error);
    this.settled(0);
  }

  static #afterTicks(call: Call): void {
    queueMicrotask(() => {
      nextTurn(Call.#turn, call);
    });
  }

  static #turn(call: Call): void {
    const result = call.#result;
    if (Number.isNaN(result)) {
      call.#context = new AsyncResource("FSREQCALLBACK");
      return;
    }
    const failed = result < 0 ? errorWithoutStack(result, call.#syscall, call.#path) : null;
    const error = call.#thrown ?? failed;
    const back = call.#back;
    back(error, error === null ? result : 0, call.#memory as never);
  }
}
