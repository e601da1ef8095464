import type { Engine, EngineOptions } from "../../src/core/index.ts";
import { threadPool } from "../../src/engines/index.ts";
import { MemoryEngine } from "../../src/engines/memory/engine.ts";
import type { MemorySettings } from "../../src/engines/memory/settings.ts";
import type { NativeAddon } from "../../src/native/addon.ts";
import { loadNative } from "../../src/native/load.ts";
import { RequestMemory } from "../../src/runtime/memory.ts";
import { Proactor, type ProactorOptions, positionsFor } from "../../src/runtime/proactor.ts";
import { Scheduler } from "../../src/runtime/scheduler.ts";
import type { Session } from "../../src/runtime/session.ts";

/** A Proactor on an engine that the test made itself; everything above the engine is the real. */
export class EngineProactor extends Proactor {
  /** The engine, once it was made: with the first operation, or by asking for it. */
  get made(): Engine {
    return this.session().engine;
  }

  readonly #create: (options: EngineOptions) => Engine;
  readonly #addon: NativeAddon | undefined;
  #started = false;

  /**
   * @param create Makes the engine.
   * @param options As for every Proactor; `depth`, `entries` and `completionEntries` count.
   * @param addon Finds addresses and holds memory; the real one unless told.
   */
  constructor(
    create: (options: EngineOptions) => Engine,
    options: ProactorOptions = {},
    addon?: NativeAddon,
  ) {
    super(options);
    this.#create = create;
    this.#options = options;
    this.#addon = addon;
  }
  readonly #options: ProactorOptions;

  override shutdown(options?: { readonly cancel?: boolean }): Promise<void> {
    this.#started = true;
    return super.shutdown(options);
  }

  protected override session(): Session {
    if (this.current !== undefined) return this.current;
    // After shutdown it is the real one's part to refuse.
    if (this.#started) return super.session();
    this.#started = true;
    const { entries = 64, depth = 256 } = this.#options;
    const { completionEntries = Math.max(entries * 2, depth), sqPoll = false } = this.#options;
    let scheduler: Scheduler | undefined;
    const options = { entries, completionEntries, depth, sqPoll, sqPollIdleMs: 1 };
    const engine = this.#create({ ...options, wake: () => scheduler?.wake() });
    const complete = engine.capabilities.operations.every(Boolean);
    const fallback = complete ? undefined : threadPool.create({ ...options, wake() {} });
    // A kernel that is simulated has no positions.
    const positions = this.#addon === undefined ? positionsFor(engine) : undefined;
    scheduler = new Scheduler(engine, fallback, { positions });
    const native = loadNative();
    const addon = this.#addon ?? (native.available ? native.addon : undefined);
    const memory = new RequestMemory(addon);
    this.current = { engine, fallback, scheduler, memory, direct: undefined, facts: undefined };
    return this.current;
  }
}

/** A Proactor on a memory engine with these settings. `made` is the engine, with its files. */
export class MemoryProactor extends EngineProactor {
  constructor(settings: MemorySettings = {}, options: ProactorOptions = {}) {
    super((engineOptions) => new MemoryEngine(engineOptions, settings), options);
  }

  /** The engine. */
  get memoryEngine(): MemoryEngine {
    return this.made as MemoryEngine;
  }
}
