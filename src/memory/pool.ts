import {
  DEFAULT_POOL_BYTES,
  invariant,
  MAX_SLAB_BUFFER_BYTES,
  MIN_POOL_BUFFER_BYTES,
  outOfRange,
  ProactorError,
  SLAB_BYTES,
  systemError,
  validateInteger,
} from "../base/index.ts";
import { optionsOf } from "../base/options.ts";
import { isLost } from "./lost.ts";
import { CLASSES, LARGE, type MemorySource, type PoolMemory, Slab, sizeClassOf } from "./slab.ts";

/** What a pool is made with. */
export interface AlignedPoolOptions {
  /** Where its memory comes from. */
  readonly memory: MemorySource;
  /** Memory that it takes at most, in bytes; at least one page. 64 MiB unless told. */
  readonly limitBytes?: number;
}

/** How a pool stands. */
export interface PoolStats {
  readonly limitBytes: number;
  /** Memory taken from the system. */
  readonly allocatedBytes: number;
  /** Memory in the hands of callers, each buffer rounded up to its size class. */
  readonly takenBytes: number;
  readonly takenBuffers: number;
  readonly slabs: number;
  /** Callers that wait for a buffer. */
  readonly waiting: number;
  /** What every buffer is aligned to, in bytes; 0 where nobody can tell. */
  readonly alignment: number;
}

/** Takes a buffer, or the reason why there will be none. */
export type PoolCallback = (error: Error | undefined, buffer: Buffer | undefined) => void;

/** A place in the queue for a buffer. */
export interface PoolWaiter {
  /** Leaves the queue; the callback is not called any more. Harmless afterwards. */
  cancel(): void;
}

/**
 * Buffers that begin on a page, as O_DIRECT wants them, out of a bounded amount of memory.
 *
 * Memory comes in slabs of 2 MiB, each cut into blocks of one size class (powers of two from
 * 4 KiB to 1 MiB); a slab that is empty can be cut anew. A larger buffer has memory of its own.
 * Slabs are few and stay, so they are worth registering with the kernel.
 *
 * - Every `take` makes a new Buffer over its block, so that giving one back twice, or one that is
 *   not ours, is an error and never hits the block's next owner. Buffers hold what was in them
 *   before, as those of `Buffer.allocUnsafe`.
 * - What is never given back stays taken: a pool cannot know that no other view of the block is
 *   left.
 * - Slabs are marked untransferable: Node 20 copies instead, later releases throw.
 */
export class AlignedPool {
  /** Memory that it takes at most, in bytes. */
  readonly limitBytes: number;
  readonly #memory: MemorySource;
  readonly #slabBytes: number;
  /** Slabs with free blocks, by size class; the last one is used first. */
  readonly #ready: Slab[][] = Array.from({ length: CLASSES }, () => []);
  readonly #slabs: Slab[] = [];
  /** Large memory, whether in use or not. */
  readonly #large: Slab[] = [];
  readonly #taken = new Map<Buffer, Slab>();
  readonly #waiters = new Set<{ size: number; callback: PoolCallback }>();
  #allocatedBytes = 0;
  #takenBytes = 0;
  #version = 0;

  constructor(options: AlignedPoolOptions) {
    const { limitBytes = DEFAULT_POOL_BYTES } = optionsOf(options);
    validateInteger(limitBytes, "options.limitBytes", MIN_POOL_BUFFER_BYTES);
    this.limitBytes = limitBytes - (limitBytes % MIN_POOL_BUFFER_BYTES);
    this.#memory = options.memory;
    // A small pool is one slab, which has to be a power of two to be cut.
    this.#slabBytes = Math.min(SLAB_BYTES, 2 ** Math.floor(Math.log2(this.limitBytes)));
  }

  /** Counts up whenever {@link slabs} changes, so that a registration knows that it is outdated. */
  get version(): number {
    return this.#version;
  }

  /** How the pool stands. */
  get stats(): PoolStats {
    return {
      limitBytes: this.limitBytes,
      allocatedBytes: this.#allocatedBytes,
      takenBytes: this.#takenBytes,
      takenBuffers: this.#taken.size,
      slabs: this.#slabs.length,
      waiting: this.#waiters.size,
      alignment: this.#memory.aligned ? MIN_POOL_BUFFER_BYTES : 0,
    };
  }

  /** The slabs, to be registered with the kernel; memory of large buffers is not among them. */
  slabs(): readonly (PoolMemory & { readonly byteLength: number })[] {
    return this.#slabs;
  }

  /**
   * Takes a buffer of `size` bytes, or undefined while the pool is exhausted.
   *
   * @throws `ERR_OUT_OF_RANGE` for a size that no pool of this limit can ever have; a system error
   *   when the system has no memory left.
   */
  take(size: number): Buffer | undefined {
    this.#checkSize(size);
    const largest = Math.min(MAX_SLAB_BUFFER_BYTES, this.#slabBytes);
    const slab = size > largest ? this.#findLarge(size) : this.#findBlock(size);
    if (slab === undefined) return undefined;
    const at = slab.free.pop();
    invariant(at !== undefined, "A slab of the ready list has no free block");
    if (slab.free.length === 0 && slab.sizeClass !== LARGE) this.#ready[slab.sizeClass]?.pop();
    slab.used++;
    const buffer = Buffer.from(slab.buffer, at, size);
    this.#taken.set(buffer, slab);
    this.#takenBytes += slab.blockBytes;
    return buffer;
  }

  /**
   * Takes a buffer as soon as there is one, in the order of the calls; `callback` is called now, or
   * by a `release`. A `take` in between may be faster.
   *
   * Returns the place in the queue, or undefined when the callback has been called. Throws as
   * {@link take} does.
   */
  acquire(size: number, callback: PoolCallback): PoolWaiter | undefined {
    this.#checkSize(size);
    const buffer = this.#waiters.size === 0 ? this.take(size) : undefined;
    if (buffer !== undefined) {
      callback(undefined, buffer);
      return undefined;
    }
    const waiter = { size, callback };
    this.#waiters.add(waiter);
    return {
      cancel: () => {
        // The first in the queue may have stood in the way of others.
        if (this.#waiters.delete(waiter)) this.#serve();
      },
    };
  }

  /**
   * Gives a buffer back. The kernel must be done with it, and so must everybody else.
   *
   * @throws `ERR_PROACTOR_BUFFER_FOREIGN` for anything but a buffer of this pool that is taken.
   */
  release(buffer: Buffer): void {
    const slab = this.#taken.get(buffer);
    if (slab === undefined) throw foreign();
    this.#taken.delete(buffer);
    this.#takenBytes -= slab.blockBytes;
    if (isLost(buffer)) {
      // Its block is never free again, nor is its slab. Others may be taken in its place.
      this.#allocatedBytes -= slab.blockBytes;
      this.#serve();
      return;
    }
    slab.used--;
    if (!slab.isDetached) {
      const wasFull = slab.free.length === 0;
      slab.free.push(buffer.byteOffset);
      if (wasFull && slab.sizeClass !== LARGE) this.#ready[slab.sizeClass]?.push(slab);
    }
    this.#serve();
  }

  /** Whether a buffer was taken from this pool and not given back. */
  owns(buffer: NodeJS.ArrayBufferView): boolean {
    return this.#taken.has(buffer as Buffer);
  }

  /** Lets go of all memory that nobody has taken. Returns how many bytes that were. */
  trim(): number {
    const before = this.#allocatedBytes;
    this.#makeRoom(this.limitBytes);
    return before - this.#allocatedBytes;
  }

  #checkSize(size: number): void {
    validateInteger(size, "size", 1);
    if (size > this.limitBytes) throw outOfRange("size", `<= ${this.limitBytes}`, size);
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      let buffer: Buffer | undefined;
      let failure: Error | undefined;
      try {
        buffer = this.take(waiter.size);
      } catch (error) {
        failure = error as Error;
      }
      // Nobody overtakes: a large buffer would wait forever behind small ones.
      if (buffer === undefined && failure === undefined) return;
      this.#waiters.delete(waiter);
      waiter.callback(failure, buffer);
    }
  }

  /** A slab with a free block for a small buffer. */
  #findBlock(size: number): Slab | undefined {
    const wanted = sizeClassOf(size);
    return this.#readySlab(wanted) ?? this.#newSlab(wanted) ?? this.#largerBlock(wanted);
  }

  #readySlab(sizeClass: number): Slab | undefined {
    const ready = this.#ready[sizeClass] ?? [];
    let slab = ready.at(-1);
    while (slab?.isDetached) {
      this.#forget(slab);
      slab = ready.at(-1);
    }
    return slab;
  }

  /** Another slab cut for a class; once the limit is reached, one that another class left empty. */
  #newSlab(sizeClass: number): Slab | undefined {
    const full = this.#allocatedBytes + this.#slabBytes > this.limitBytes;
    const isEmpty = (one: Slab) => one.used === 0 && !one.isDetached;
    let slab = full ? this.#slabs.find(isEmpty) : undefined;
    if (slab !== undefined) this.#unready(slab);
    else {
      slab = this.#grow(this.#slabBytes);
      if (slab === undefined) return undefined;
      this.#slabs.push(slab);
      this.#version++;
    }
    slab.cut(sizeClass);
    this.#ready[sizeClass]?.push(slab);
    return slab;
  }

  /** Better a block that is too large than none. */
  #largerBlock(sizeClass: number): Slab | undefined {
    for (let larger = sizeClass + 1; larger < CLASSES; larger++) {
      const slab = this.#readySlab(larger);
      if (slab !== undefined) return slab;
    }
    return undefined;
  }

  /** Memory for one large buffer: kept from an earlier one of that size, or new. */
  #findLarge(size: number): Slab | undefined {
    const fits = (slab: Slab) =>
      slab.used === 0 && slab.byteLength >= size && slab.byteLength < size * 2 && !slab.isDetached;
    const kept = this.#large.find(fits);
    if (kept !== undefined) return kept;
    const bytes = Math.ceil(size / MIN_POOL_BUFFER_BYTES) * MIN_POOL_BUFFER_BYTES;
    const slab = this.#grow(bytes);
    if (slab === undefined) return undefined;
    slab.cut(LARGE);
    this.#large.push(slab);
    return slab;
  }

  #grow(bytes: number): Slab | undefined {
    if (!this.#makeRoom(bytes)) return undefined;
    const memory = this.#memory.allocate(bytes, MIN_POOL_BUFFER_BYTES);
    if (typeof memory === "number") {
      // The system is exhausted before the pool is: what is given back will do.
      if (this.#taken.size > 0) return undefined;
      throw systemError(memory, "mmap");
    }
    const aligned = memory.address % MIN_POOL_BUFFER_BYTES === 0;
    invariant(aligned, `A slab begins inside of a page: ${memory.address}`);
    this.#allocatedBytes += bytes;
    return new Slab(memory);
  }

  /** Drops memory that nobody uses until `bytes` more are within the limit. */
  #makeRoom(bytes: number): boolean {
    for (const slabs of [this.#large, this.#slabs]) {
      for (const slab of [...slabs]) {
        if (this.#allocatedBytes + bytes <= this.limitBytes) return true;
        if (slab.used === 0) this.#forget(slab);
      }
    }
    return this.#allocatedBytes + bytes <= this.limitBytes;
  }

  /** The garbage collector frees it when no view and no request refers to it any more. */
  #forget(slab: Slab): void {
    this.#unready(slab);
    const list = slab.sizeClass === LARGE ? this.#large : this.#slabs;
    list.splice(list.indexOf(slab), 1);
    this.#allocatedBytes -= slab.byteLength;
    if (list === this.#slabs) this.#version++;
  }

  #unready(slab: Slab): void {
    const ready = this.#ready[slab.sizeClass];
    const at = ready?.indexOf(slab) ?? -1;
    if (at !== -1) ready?.splice(at, 1);
  }
}

function foreign(): ProactorError {
  return new ProactorError(
    "ERR_PROACTOR_BUFFER_FOREIGN",
    "The buffer cannot be given back: it was not taken from this pool, or was given back before",
    "Give back the very Buffer that was taken, once, and not a part or a copy of it",
  );
}
