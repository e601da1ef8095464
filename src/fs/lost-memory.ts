/** Memory of a program that is gone when it is to be written. */
import type { BufferView } from "../core/index.ts";

/** What a write rejects with where node:fs has a TypeError of the language's own. */
export function lostMemory(): TypeError {
  return new TypeError("The data were transferred, detached or shrunk before all was written");
}

/**
 * The bytes that a view has now. Throws a TypeError where its memory was taken away.
 *
 * @param asked How many it had when the call began.
 */
export function bytesOf(view: BufferView, asked: number): Uint8Array {
  const { buffer, byteOffset, byteLength } = view;
  if (byteLength === 0) {
    // Over a detached buffer there can be no view, and that error is Node's too.
    void new Uint8Array(buffer, 0, 0);
    if (asked > 0) throw lostMemory();
  }
  return view instanceof Uint8Array ? view : new Uint8Array(buffer, byteOffset, byteLength);
}
