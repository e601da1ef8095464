/** A view over memory that an operation reads or writes. */
type View = NodeJS.ArrayBufferView;

/**
 * Memory that a kernel which can no longer be asked may still use: kept to the end of the thread,
 * and given to nobody else. Whoever has memory that is used again asks {@link isLost} first.
 */
const lost = new Map<ArrayBufferLike, View[]>();
const kept: unknown[] = [];

/** Keeps the memory of a request, one view or several, for ever. */
export function keepLost(memory: unknown): void {
  if (memory === undefined) return;
  kept.push(memory);
  for (const view of Array.isArray(memory) ? memory : [memory]) {
    if (!ArrayBuffer.isView(view)) continue;
    const { buffer } = view as View;
    lost.set(buffer, [...(lost.get(buffer) ?? []), view as View]);
  }
}

/** Whether any of this memory is lost to the kernel. */
export function isLost(view: View): boolean {
  if (lost.size === 0) return false;
  return lost.get(view.buffer)?.some((other) => sharesBytes(other, view)) === true;
}

/** Every ArrayBuffer of which some is lost. */
export function lostBuffers(): Iterable<ArrayBufferLike> {
  return lost.keys();
}

/** Whether a request's memory, one view or several, has a byte in common with a view. */
export function sharesBytes(memory: unknown, view: View): boolean {
  if (memory === undefined) return false;
  if (Array.isArray(memory)) return memory.some((each) => sharesBytes(each, view));
  const other = memory as View;
  return (
    other.buffer === view.buffer &&
    other.byteOffset < view.byteOffset + view.byteLength &&
    view.byteOffset < other.byteOffset + other.byteLength
  );
}
