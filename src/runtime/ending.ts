import { EXIT_PATIENCE_MS, EXIT_WAIT_MS } from "../base/limits.ts";
import type { Engine } from "../core/index.ts";

/** Something that keeps work back for the end of the tick. */
export interface Starter {
  /** Hands over what is staged. */
  submit(): void;
  /** The thread is about to end: nothing of ours is called any more. */
  end(): void;
}

/** What is left to do when a thread ends. */
export interface LastWork {
  readonly engine: Engine;
  /** Hands over, and takes note of what has completed. False where the engine took nothing. */
  move(): boolean;
  /** What is in flight or waits, by how long it is worth waiting for. */
  left(): LeftWork;
}

/** So many requests of each sort. */
export interface LeftWork {
  /** They change something: their end is waited for, however long it takes. */
  readonly changes: number;
  /** They may change something, or have not begun: waited for while there is progress. */
  readonly others: number;
}

/**
 * Whether `beforeExit` was emitted, and nothing was started since. What is started then makes the
 * loop turn once more, also where it completes at once: with node:fs it does, and `beforeExit`
 * comes again. Set at first: a listener of it may start the very first operation.
 */
export const loop = { ranDry: true };

/** Has the loop turn once more. */
export function keepTurning(): void {
  loop.ranDry = false;
  setImmediate(() => {});
}

const starters = new Set<WeakRef<Starter>>();
let listening = false;

/** Has a starter's work begun when the process or the Worker ends, for as long as it is reachable. */
export function watchEnd(starter: Starter): void {
  for (const known of starters) if (known.deref() === undefined) starters.delete(known);
  starters.add(new WeakRef(starter));
  if (listening) return;
  listening = true;
  process.prependListener("beforeExit", () => {
    loop.ranDry = true;
  });
  process.on("exit", () => {
    for (const known of starters) known.deref()?.end();
  });
}

/** Hands over what is staged anywhere in this thread: it is about to be blocked. */
export function handOverAll(): void {
  for (const known of starters) known.deref()?.submit();
}

/**
 * Has the kernel finish what was started, as node:fs has its threads finish. What only reads is not
 * waited for: it would be lost with the process anyway, and may never complete.
 */
export function finishWork({ engine, move, left }: LastWork): void {
  let until = performance.now() + EXIT_PATIENCE_MS;
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    const taken = move();
    const { changes, others } = left();
    // Without a way to wait, the engine has threads of libuv, whose end the process waits for.
    if (changes + others === 0 || engine.wait === undefined) return;
    if (changes + others < before) {
      before = changes + others;
      until = performance.now() + EXIT_PATIENCE_MS;
    }
    const mayWait = changes > 0 && taken;
    if (!mayWait && performance.now() >= until) return;
    // A kernel that cannot be waited for with a limit is asked again and again instead.
    if (engine.capabilities.wait) engine.wait(1, EXIT_WAIT_MS);
  }
}
