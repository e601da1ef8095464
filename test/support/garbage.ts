import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collector: (() => void) | undefined;

/**
 * Collects garbage now, all of it. Works without `--expose-gc`.
 *
 * Finalizers run later, from the event loop: see `collectGarbageUntil`.
 */
export function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString("--expose-gc");
    collector = runInNewContext("gc") as () => void;
  }
  collector();
}

/**
 * Collects garbage and turns the event loop until `condition` holds, at most `rounds` times.
 * Returns whether it came to hold. Finalizers and `WeakRef`s need several turns.
 */
export async function collectGarbageUntil(condition: () => boolean, rounds = 50): Promise<boolean> {
  for (let round = 0; round < rounds; round++) {
    if (condition()) return true;
    // What `condition` dereferenced stays alive until its job has ended.
    await nextTurn();
    collectGarbage();
    await nextTurn();
  }
  return condition();
}
