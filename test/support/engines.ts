import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type CompletionSink,
  type Engine,
  type EngineName,
  type EngineOptions,
  QueueStatus,
  Request,
} from "../../src/core/index.ts";
import { ENGINE_FACTORIES, engineName, probeEngine } from "../../src/engines/index.ts";
import { patienceMs } from "./patience.ts";

/** How long a completion may take before a test gives up; far longer than any does. */
const PATIENCE_MS = patienceMs(20_000);

/** The engines that `ENGINES=io_uring,sync` asks for, else all that are built. */
export function engineNames(): readonly EngineName[] {
  const built = Object.keys(ENGINE_FACTORIES) as EngineName[];
  const asked = process.env.ENGINES;
  if (asked === undefined || asked === "") return built;
  // A name that is wrong would test nothing, and nobody would notice.
  const wanted = asked.split(",").map((name) => engineName(name.trim(), "ENGINES"));
  return built.filter((name) => wanted.includes(name));
}

/**
 * Runs one specification against every engine; an engine that cannot run says why, in a test that
 * is skipped and counted. `ENGINES=io_uring` picks some.
 */
export function describeEveryEngine(title: string, body: (engine: EngineName) => void): void {
  for (const name of engineNames()) {
    const probed = probeEngine(name);
    // Skip a test, not a suite: `node --test` on Node 20 does not count skipped suites.
    if (probed.available) describe(`${name}: ${title}`, () => body(name));
    else it(`${name}: ${title}`, { skip: `${probed.reason} (${probed.remedy})` }, () => {});
  }
}

/** One call of a sink. */
export interface RecordedCompletion {
  readonly index: number;
  readonly generation: number;
  readonly result: number;
  readonly more: boolean;
}

/** What a test may leave out of a request. */
export type RequestFields = { -readonly [K in keyof Request]?: Request[K] };

/** A request with some fields of its own. */
export function makeRequest(fields: RequestFields): Request {
  return Object.assign(new Request(), fields);
}

/** An engine without a runtime: the test queues, commits and reaps, and sees every completion. */
export class EngineHarness implements CompletionSink {
  readonly engine: Engine;
  /** Every completion so far, in the order in which the engine told. */
  readonly completions: RecordedCompletion[] = [];
  /** How often the engine called `wake`. */
  wakes = 0;
  #onWake: (() => void) | undefined;
  #nextIndex = 0;

  constructor(name: EngineName, options: Partial<EngineOptions> = {}) {
    const factory = ENGINE_FACTORIES[name];
    assert.ok(factory, `The engine is not built: ${name}`);
    this.engine = factory.create({
      entries: 64,
      completionEntries: 128,
      depth: 64,
      sqPoll: false,
      sqPollIdleMs: 0,
      wake: () => {
        this.wakes++;
        this.#onWake?.();
      },
      ...options,
    });
  }

  complete(index: number, generation: number, result: number, more: boolean): void {
    this.completions.push({ index, generation, result, more });
  }

  /** Queues a request in a slot, a new one unless told. Returns the slot; fails if it is busy. */
  queue(fields: RequestFields, index = this.#nextIndex++, generation = 1): number {
    const status = this.engine.queue(makeRequest(fields), index, generation, this);
    assert.notEqual(status, QueueStatus.Busy, "The engine is busy");
    return index;
  }

  /** Commits and reaps until `count` completions have come in all, waking as the engine asks. */
  async settle(count: number): Promise<readonly RecordedCompletion[]> {
    const { engine } = this;
    assert.ok(engine.commit() >= 0, "The kernel refused the batch");
    while (this.completions.length < count) {
      engine.awake();
      if (engine.reap(this, 512) > 0) continue;
      await this.#sleep();
    }
    return this.completions;
  }

  /** Queues one request, waits for it, and returns its result. */
  async result(fields: RequestFields): Promise<number> {
    const before = this.completions.length;
    const index = this.queue(fields);
    const has = () => this.completions.slice(before).find((one) => one.index === index);
    for (let count = before + 1; has() === undefined; count++) await this.settle(count);
    return (has() as RecordedCompletion).result;
  }

  /** Reaps what is left, and closes. */
  close(): void {
    this.engine.reap(this, 4096);
    this.engine.close();
  }

  #sleep(): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settled: () => void) => {
        this.#onWake = undefined;
        this.engine.setReferenced(false);
        clearTimeout(timer);
        settled();
      };
      const timer = setTimeout(() => {
        end(() => reject(new Error(`${this.engine.name} did not wake us: lost wake-up`)));
      }, PATIENCE_MS);
      this.#onWake = () => end(resolve);
      this.engine.setReferenced(true);
      if (this.engine.idle()) end(resolve);
    });
  }
}
