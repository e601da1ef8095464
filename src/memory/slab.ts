import workerThreads from "node:worker_threads";
import { MAX_SLAB_BUFFER_BYTES, MIN_POOL_BUFFER_BYTES, SLAB_BYTES } from "../base/index.ts";
import { Mapping, type MappingAddon } from "./mapping.ts";

/** A piece of memory and where it is. */
export interface PoolMemory {
  readonly buffer: ArrayBuffer;
  /** Where it starts, or 0 where nobody can tell. */
  readonly address: number;
}

/** Where a pool takes its memory from. */
export interface MemorySource {
  /** Whether its memory begins where it is asked to; if not, nobody can tell where it begins. */
  readonly aligned: boolean;
  /**
   * Gives zeroed memory, or a negative errno.
   *
   * @param length Bytes, a multiple of `alignment`.
   * @param alignment A power of two.
   */
  allocate(length: number, alignment: number): PoolMemory | number;
}

/** Memory from the addon: aligned, friendly to huge pages, outside of V8's heap. */
export function nativeMemory(addon: MappingAddon): MemorySource {
  return {
    aligned: true,
    allocate: (length, alignment) =>
      Mapping.allocate(addon, length, { alignment, hugePages: length >= SLAB_BYTES }),
  };
}

/**
 * Memory from JavaScript, where the addon cannot be loaded. Its address is unknown, and usually it
 * is not aligned: enough for a thread pool, but O_DIRECT may refuse it.
 */
export const ordinaryMemory: MemorySource = {
  aligned: false,
  allocate: (length) => ({ buffer: new ArrayBuffer(length), address: 0 }),
};

/** Size classes are powers of two from one page on. */
const PAGE_SHIFT = Math.log2(MIN_POOL_BUFFER_BYTES);

/** How many size classes there are. */
export const CLASSES = Math.log2(MAX_SLAB_BUFFER_BYTES) - PAGE_SHIFT + 1;

/** The class of memory that serves one large buffer only. */
export const LARGE = -1;

/** The smallest class whose blocks hold `size` bytes. */
export function sizeClassOf(size: number): number {
  const pages = (size - 1) >>> PAGE_SHIFT;
  return pages === 0 ? 0 : 32 - Math.clz32(pages);
}

/** One allocation, cut into blocks of one size. */
export class Slab implements PoolMemory {
  readonly buffer: ArrayBuffer;
  readonly address: number;
  readonly byteLength: number;
  sizeClass = LARGE;
  blockBytes: number;
  used = 0;
  /** Where its free blocks begin. */
  readonly free: number[] = [];

  constructor(memory: PoolMemory) {
    this.buffer = memory.buffer;
    this.address = memory.address;
    this.byteLength = memory.buffer.byteLength;
    this.blockBytes = this.byteLength;
    markUntransferable(memory.buffer);
  }

  /** Cuts the slab, of which nothing is taken, into blocks of a class; lower ones are used first. */
  cut(sizeClass: number): void {
    this.sizeClass = sizeClass;
    this.blockBytes = sizeClass === LARGE ? this.byteLength : MIN_POOL_BUFFER_BYTES << sizeClass;
    this.free.length = 0;
    for (let at = this.byteLength - this.blockBytes; at >= 0; at -= this.blockBytes) {
      this.free.push(at);
    }
  }

  /** Whether somebody took the memory away: `transfer()` cannot be forbidden. */
  get isDetached(): boolean {
    return this.buffer.byteLength === 0;
  }
}

/** What the typings of Node 20 do not know. */
type MarkingThreads = typeof workerThreads & {
  readonly isMarkedAsUntransferable?: (object: object) => boolean;
};

/** A transferred slab would take every buffer in it along. */
function markUntransferable(buffer: ArrayBuffer): void {
  try {
    // Node 21 and newer mark memory from outside themselves. Marking it again, they abort at exit.
    const { isMarkedAsUntransferable, markAsUntransferable } = workerThreads as MarkingThreads;
    if (isMarkedAsUntransferable?.(buffer) !== true) markAsUntransferable(buffer);
  } catch {
    // Some runtimes do not have it. A slab that was taken away is noticed, and not used again.
  }
}
