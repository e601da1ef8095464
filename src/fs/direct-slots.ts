import { DIRECT_FILES } from "../base/limits.ts";
import type { Session } from "../runtime/session.ts";

/** The least that is worth having. */
const FEWEST = 8;

/**
 * Places for files that are open without a descriptor (direct descriptors): the kernel keeps them
 * in a table of the ring, which no limit on descriptors reaches once it is there.
 */
export class DirectSlots {
  readonly #free: number[];
  #listeners: (() => void)[] = [];

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i);
  }

  /** A free place, or -1. */
  take(): number {
    return this.#free.pop() ?? -1;
  }

  /** Gives a place back. Its file is closed. */
  give(slot: number): void {
    this.#free.push(slot);
    if (this.#listeners.length === 0) return;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }

  /** Calls back, once, when a place becomes free. */
  whenFree(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

let made: { readonly session: Session; readonly slots: DirectSlots } | undefined;

/**
 * The places of a session's ring; undefined where it has none. The session belongs to proactor/fs
 * alone, so nobody else registers files with it.
 */
export function directSlots(session: Session): DirectSlots | undefined {
  if (made?.session === session) return made.slots;
  const slots = register(session);
  // What the kernel refuses for want of memory is asked for again.
  if (slots !== undefined) made = { session, slots };
  return slots;
}

function register({ engine }: Session): DirectSlots | undefined {
  if (engine.capabilities.directDescriptors !== true) return undefined;
  // The table may not be larger than RLIMIT_NOFILE, which nobody tells us.
  for (let count = DIRECT_FILES; count >= FEWEST; count /= 2) {
    const empty = new Array<number>(count).fill(-1);
    if ((engine.registerFiles?.(empty) ?? -1) >= 0) return new DirectSlots(count);
  }
  return undefined;
}
