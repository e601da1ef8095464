import type { Measurement } from "./result.ts";
import { summarizeLatencies } from "./statistics.ts";

/** More latencies than this are not kept: 8 MiB. */
const MAX_SAMPLES = 1 << 20;

/** Larger than any number of operations a run can have, and still a small integer for V8. */
const NEVER = 2 ** 31 - 1;

/** How long a run is: a time, or a number of operations. */
export type Length =
  | { readonly rampSeconds: number; readonly seconds: number }
  | { readonly rampOps: number; readonly ops: number };

/** How often a loop that counts whole batches looks at the clock: every so many of them, 2^n. */
const LOOK_EVERY = 16;

/** What a window tells its owner. */
export interface WindowEvents {
  /** The warm-up is over; what follows counts. */
  readonly onBegin?: () => void;
  /** Nothing counts any more. */
  readonly onEnd?: () => void;
}

/**
 * One run's stretch of time: a warm-up, then a part that counts.
 *
 * The loops ask `running` before each operation, call `begin` before it and `end` after it. CPU
 * time and clock are read at the two ends of the part that counts, so that neither start-up nor
 * the last stragglers are in it.
 */
export class Window {
  /** False when the loops are to stop. */
  running = true;
  readonly #length: Length;
  readonly #events: WindowEvents;
  readonly #sampleEvery: number;
  readonly #samples: Float64Array;
  #sampleCount = 0;
  #countdown: number;
  #ops = 0;
  #looks = 0;
  #limit = NEVER;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #counting = false;
  #rehearsed = false;
  #opsAtBegin = 0;
  #startedAt = 0;
  #cpuAtBegin = { user: 0, system: 0 };
  #measurement: Measurement | undefined;

  /** @param sampleEvery Time every nth operation; 0 times none. */
  constructor(length: Length, sampleEvery = 0, events: WindowEvents = {}) {
    this.#length = length;
    this.#events = events;
    this.#sampleEvery = sampleEvery === 0 ? NEVER : sampleEvery;
    this.#countdown = this.#sampleEvery;
    this.#samples = new Float64Array(sampleEvery === 0 ? 0 : MAX_SAMPLES);
  }

  /** Starts the warm-up. */
  open(): void {
    this.#ramp();
    if (this.#limit === this.#ops) this.#advance();
  }

  /** Call before an operation. Returns a time to give to `end`, 0 if this one is not timed. */
  begin(): number {
    if (--this.#countdown > 0) return 0;
    this.#countdown = this.#sampleEvery;
    return performance.now();
  }

  /** Call after an operation, with what `begin` returned. */
  end(startedAt: number): void {
    if (startedAt !== 0 && this.#counting && this.#sampleCount < this.#samples.length) {
      this.#samples[this.#sampleCount++] = (performance.now() - startedAt) * 1000;
    }
    if (++this.#ops >= this.#limit) this.#advance();
  }

  /** Counts a whole batch, of which none was timed. */
  add(operations: number): void {
    this.#ops += operations;
    if (this.#ops >= this.#limit) this.#advance();
  }

  /**
   * A loop that never returns to the event loop calls this after every batch: no timer can fire.
   * Every sixteenth time it looks at the clock, which costs a call out of JavaScript: a microsecond
   * where the kernel has just thrown everything out of the caches.
   */
  look(): void {
    this.#looks = (this.#looks + 1) & (LOOK_EVERY - 1);
    if (this.#looks === 0 && performance.now() >= this.#dueAt) this.#advance();
  }

  /** What was measured. Throws while the window is open. */
  measurement(): Measurement {
    if (this.#measurement === undefined) throw new Error("The window has not ended");
    return this.#measurement;
  }

  /** Ends the window early, after an error, so that no timer stays behind. */
  abandon(): void {
    clearTimeout(this.#timer);
    this.running = false;
  }

  #waitFor(seconds: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = performance.now() + seconds * 1000;
    this.#timer = setTimeout(() => this.#advance(), seconds * 1000);
  }

  #advance(): void {
    if (!this.running) return;
    if (this.#counting) this.#finish();
    else if (this.#rehearsed) this.#startCounting();
    else this.#rehearse();
  }

  /**
   * Halfway through the warm-up, changes every field that the beginning will change: V8 throws
   * code away that was compiled for a field that had never changed, and would do so while we count.
   */
  #rehearse(): void {
    this.#rehearsed = true;
    this.#begin();
    this.#counting = false;
    this.#sampleCount = 0;
    this.#ramp();
    if (this.#limit === this.#ops) this.#advance();
  }

  /** Half of the warm-up. */
  #ramp(): void {
    const length = this.#length;
    if (!("ops" in length)) this.#waitFor(length.rampSeconds / 2);
    else if (this.#rehearsed) this.#limit = length.rampOps;
    else this.#limit = length.rampOps >> 1;
  }

  #startCounting(): void {
    this.#begin();
    // Between the two events lies nothing but the loops.
    this.#events.onBegin?.();
  }

  #begin(): void {
    this.#counting = true;
    this.#opsAtBegin = this.#ops;
    this.#cpuAtBegin = process.cpuUsage();
    this.#startedAt = performance.now();
    const length = this.#length;
    if ("ops" in length) this.#limit = this.#ops + length.ops;
    else this.#waitFor(length.seconds);
  }

  #finish(): void {
    this.#events.onEnd?.();
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const cpu = process.cpuUsage(this.#cpuAtBegin);
    this.abandon();
    const latency = summarizeLatencies(this.#samples.subarray(0, this.#sampleCount));
    this.#measurement = {
      ops: this.#ops - this.#opsAtBegin,
      seconds,
      cpuUser: cpu.user,
      cpuSystem: cpu.system,
      ...(latency === undefined ? {} : { latency }),
    };
  }
}
