import { abortError, ProactorError } from "../base/errors.ts";
import { ONCE, optionsOf } from "../base/options.ts";
import { validateAbortSignal } from "../base/validate.ts";
import type { BufferView, Engine } from "../core/index.ts";
import { AlignedPool, type PoolStats } from "../memory/pool.ts";
import { nativeMemory, ordinaryMemory } from "../memory/slab.ts";
import { loadNative } from "../native/load.ts";
import { failing } from "./failing.ts";
import type { Session } from "./session.ts";

/**
 * Aligned buffers of one proactor: for O_DIRECT, and to be registered with the kernel.
 *
 * Sizes are rounded up to powers of two from 4 KiB on. The memory has a limit; when it is reached,
 * `allocate` refuses and `acquire` waits, which is how a program that reads faster than it works is
 * slowed down.
 */
export class BufferPool {
  readonly #pool: AlignedPool;
  readonly #session: () => Session;
  readonly #isLent: (view: BufferView) => boolean;
  #registered = -1;
  /** What the memory is registered with. */
  #registeredWith: Engine | undefined;

  /**
   * Pools belong to a proactor: use its `pool`.
   *
   * @param isLent Whether any engine of the proactor has an operation with a part of this memory.
   */
  constructor(
    limitBytes: number | undefined,
    session: () => Session,
    isLent: (view: BufferView) => boolean,
  ) {
    const native = loadNative();
    const memory = native.available ? nativeMemory(native.addon) : ordinaryMemory;
    this.#pool = new AlignedPool(limitBytes === undefined ? { memory } : { memory, limitBytes });
    this.#session = session;
    this.#isLent = isLent;
  }

  /** How the pool stands, in bytes and buffers. */
  get stats(): PoolStats {
    return this.#pool.stats;
  }

  /** A buffer of `size` bytes, now. Throws `ERR_PROACTOR_EXHAUSTED` when there is none left. */
  allocate(size: number): Buffer {
    const buffer = this.#pool.take(size);
    if (buffer !== undefined) return buffer;
    const { limitBytes } = this.#pool.stats;
    throw new ProactorError(
      "ERR_PROACTOR_EXHAUSTED",
      `The pool has no buffer of ${size} bytes left: its limit of ${limitBytes} bytes is reached`,
      "Release buffers, wait for one with acquire(), or raise the option poolBytes",
    );
  }

  /** A buffer of `size` bytes, as soon as there is one, in the order of the calls. */
  acquire(size: number, options?: { readonly signal?: AbortSignal }): Promise<Buffer> {
    const { signal } = optionsOf(options);
    validateAbortSignal(signal, "options.signal");
    if (signal?.aborted) return Promise.reject(abortError(signal));
    return new Promise((resolve) => {
      const abort = () => {
        waiter?.cancel();
        resolve(failing(abortError(signal)));
      };
      const waiter = this.#pool.acquire(size, (error, buffer) => {
        signal?.removeEventListener("abort", abort);
        if (buffer === undefined) resolve(failing(error));
        else resolve(buffer);
      });
      if (waiter !== undefined) signal?.addEventListener("abort", abort, ONCE);
    });
  }

  /**
   * Gives a buffer back.
   *
   * @throws `ERR_PROACTOR_BUFFER_LENT` while an operation is in flight with it, or with a part of
   *   it; `ERR_PROACTOR_BUFFER_FOREIGN` if it is not this pool's or was given back before.
   */
  release(buffer: Buffer): void {
    if (this.#pool.owns(buffer) && this.#isLent(buffer)) {
      throw new ProactorError(
        "ERR_PROACTOR_BUFFER_LENT",
        "The buffer cannot be released: an operation is in flight with it",
        "Release it after the operation has settled; a canceled one settles too",
      );
    }
    this.#pool.release(buffer);
  }

  /**
   * Registers the pool's memory with the kernel; see `Proactor.registerBuffers`. Memory that the
   * pool takes later is not registered until this is called again.
   */
  register(): boolean {
    const { engine, memory } = this.#session();
    if (engine.registerBuffers === undefined) return false;
    const { version } = this.#pool;
    if (this.#registered === version && this.#registeredWith === engine) return true;
    const slabs = this.#pool.slabs();
    if (slabs.length === 0) {
      // Nothing was taken yet: register what the first buffer will come from.
      this.release(this.allocate(1));
      return this.register();
    }
    const regions = slabs.map(({ address, byteLength }) => ({ address, length: byteLength }));
    if (engine.registerBuffers(regions) < 0) {
      memory.leases.register([]);
      return false;
    }
    memory.leases.register(slabs.map(({ buffer }) => buffer));
    this.#registered = version;
    this.#registeredWith = engine;
    return true;
  }
}
