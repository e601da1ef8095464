/**
 * Words shared with the kernel. This is the one file that says `Atomics`.
 *
 * JavaScript has no acquire and release, only sequentially consistent accesses, which are stronger:
 * a load that cannot be passed by later ones, a store that cannot be passed by anything. The names
 * say what the protocol of the rings needs; the stronger order is used where it matters, in
 * {@link storeThenLoad}.
 */

/** Reads a word the kernel writes. Later reads cannot move before it. */
export function loadAcquire(words: Uint32Array, index: number): number {
  return Atomics.load(words, index);
}

/** Writes a word the kernel reads. Earlier writes cannot move after it. */
export function storeRelease(words: Uint32Array, index: number, value: number): void {
  Atomics.store(words, index, value);
}

/**
 * Stores one word and then loads another with a full barrier between, so that either we see what
 * the kernel wrote or the kernel sees what we wrote (the rule for going to sleep without losing a
 * wake-up).
 */
export function storeThenLoad(
  stored: Uint32Array,
  storedIndex: number,
  value: number,
  loaded: Uint32Array,
  loadedIndex: number,
): number {
  Atomics.store(stored, storedIndex, value);
  return Atomics.load(loaded, loadedIndex);
}

let idle: Int32Array | undefined;

/** Blocks the thread for some ms, where the kernel cannot be asked to. */
export function pause(ms: number): void {
  idle ??= new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(idle, 0, 0, ms);
}
