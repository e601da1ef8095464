import { MAX_TIMER_MS } from "../../base/index.ts";
import type { Use } from "./use.ts";

/** Somebody who waits for one of several operations, without blocking the thread. */
export interface Sleeper {
  readonly uses: readonly Use[];
  readonly resolve: (errno: number) => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Waits for the first of several operations.
 *
 * @param timeoutMs After this long it resolves with `late`; Infinity is never.
 */
export function sleep(uses: readonly Use[], timeoutMs: number, late: number): Promise<number> {
  return new Promise((resolve) => {
    const sleeper: Sleeper = { uses, resolve, timer: undefined };
    for (const use of uses) {
      if (use.sleepers === undefined) use.sleepers = [sleeper];
      else use.sleepers.push(sleeper);
    }
    if (timeoutMs !== Number.POSITIVE_INFINITY) arm(sleeper, timeoutMs, late);
  });
}

/** Wakes whoever waits for this operation. */
export function wakeSleepers(use: Use): void {
  const sleepers = use.sleepers;
  use.sleepers = undefined;
  for (const sleeper of sleepers ?? []) wake(sleeper, 0);
}

/** A timer of Node counts to 24 days; longer times take several. */
function arm(sleeper: Sleeper, ms: number, late: number): void {
  const now = Math.min(ms, MAX_TIMER_MS);
  sleeper.timer = setTimeout(() => {
    if (ms > now) arm(sleeper, ms - now, late);
    else wake(sleeper, late);
  }, now);
}

function wake(sleeper: Sleeper, errno: number): void {
  clearTimeout(sleeper.timer);
  for (const use of sleeper.uses) {
    const others = use.sleepers?.filter((other) => other !== sleeper);
    use.sleepers = others?.length === 0 ? undefined : others;
  }
  sleeper.resolve(errno);
}
