import { ONCE } from "../base/options.ts";

/**
 * Listens to AbortSignals, once per signal however many operations share it: a listener each would
 * make Node warn of a leak from the eleventh on, and cost a search per removal.
 */
export class AbortListeners {
  readonly #actions = new WeakMap<AbortSignal, Set<() => void>>();

  /**
   * Calls `action` when the signal aborts. Returns a function that ends that.
   *
   * The signal must not have aborted yet.
   */
  add(signal: AbortSignal, action: () => void): () => void {
    let actions = this.#actions.get(signal);
    if (actions === undefined) {
      actions = new Set();
      this.#actions.set(signal, actions);
    }
    if (actions.size === 0) signal.addEventListener("abort", this.#onAbort, ONCE);
    actions.add(action);
    return () => {
      this.#remove(signal, action);
    };
  }

  readonly #onAbort = (event: Event): void => {
    const actions = this.#actions.get(event.target as AbortSignal);
    // What an action does may remove others.
    for (const action of [...(actions ?? [])]) action();
  };

  #remove(signal: AbortSignal, action: () => void): void {
    const actions = this.#actions.get(signal);
    if (!actions?.delete(action) || actions.size > 0) return;
    signal.removeEventListener("abort", this.#onAbort);
  }
}
